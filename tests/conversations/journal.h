/* SPDX-License-Identifier: ISC
 *
 * What a script's run has to show: the journal of the test's callbacks, the
 * warnings that were logged, and the escapes of the script language.
 */
#ifndef TESTS_JOURNAL_H
#define TESTS_JOURNAL_H

#include "script.h"

/* Entries in order; `next` is the first that no directive has taken. */
struct queue {
	struct strlist entries;
	size_t next;
};

extern struct queue journal;
extern struct queue warnings; /* log lines of warning or error */

void journal_begin(void); /* empties both and catches the log */
void journal_end(void);

const char *queue_peek(const struct queue *queue); /* NULL: none left */

void script_escape(struct strbuf *out, struct span bytes);
/* -1: not an escape. */
int script_unescape(struct strbuf *out, struct span text);

#endif
