/* SPDX-License-Identifier: ISC
 *
 * Child processes for password_command and the like: posix_spawn, no shell, an
 * own process group, a deadline, standard error logged escaped line by line.
 */
#ifndef MULTIDROPD_CHILD_H
#define MULTIDROPD_CHILD_H

#include <stdint.h>

#include "multidropd/loop.h"
#include "multidropd/str.h"

#define CHILD_OUTPUT_MAX 65536u

struct child;

/*
 * `error` NULL: it exited with 0 and `output` is what it wrote to standard
 * output. Otherwise error says why not (status, signal, deadline, too much
 * output). Both are gone, and output wiped, after the call; the child object
 * is gone before it.
 */
typedef void child_done_fn(void *ctx, struct span output, const char *error);

/*
 * argv ends with NULL and is copied; PATH is searched only where argv[0] has
 * no slash. `label` prefixes its lines in the log. Never NULL: failing to
 * start is reported through `done`, too.
 */
struct child *child_run(struct loop *loop, char *const argv[], int64_t deadline_ms, const char *label,
                        child_done_fn *done, void *ctx);
void child_cancel(struct child **child);             /* kills the group; `done` is not called; NULL inside is fine */

/* Splits a command line into words: blanks separate, '…' and "…" group, a backslash outside '…' takes the next
 * byte as it is. -1 for an open quote, a last backslash or no word; words is empty then. */
int child_split_command(const char *command, struct strlist *words) __attribute__((warn_unused_result));

#endif
