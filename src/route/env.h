/* SPDX-License-Identifier: ISC
 *
 * The answer to *ENV of Demon Internet's SDPS: a line for each fact of a
 * message's envelope.
 */
#ifndef MULTIDROPD_ROUTE_ENV_H
#define MULTIDROPD_ROUTE_ENV_H

#include <stdbool.h>

#include "multidropd/str.h"

#define ENV_LINES_MIN 4u /* two facts, the sender, a recipient */

/* Parts of what was read. */
struct env {
	struct span sender;     /* with or without angle brackets; empty or "<>": the null sender */
	struct span recipients; /* the lines of the recipients, one each, with or without angle brackets */
	/* There are more lines than the four that are sure. The sender's is then the third or the fourth, as it looks:
	 * only who is ours and who is not can bear that out. */
	bool by_looks;
	bool fourth;            /* the sender's is the fourth */
};

/* Reads canonical lines. -1: too few of them. */
int env_read(struct env *env, struct span lines) __attribute__((warn_unused_result));

/* An address or path without its angle brackets. */
struct span env_address(struct span line);

/* Takes the first line off, without its end. */
struct span env_next_line(struct span *lines);

#endif
