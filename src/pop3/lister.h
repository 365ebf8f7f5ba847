/* SPDX-License-Identifier: ISC
 *
 * UIDL and LIST (RFC 1939 7, 5) put together, a line at a time. Pure.
 *
 * UIDL says what is there, LIST gives sizes to it; LIST alone where there is
 * no UIDL. Over POP3_LISTING_ENTRIES_MAX entries or POP3_LISTING_BYTES_MAX
 * bytes a list is cut: what fits is used.
 */
#ifndef MULTIDROPD_POP3_LISTER_H
#define MULTIDROPD_POP3_LISTER_H

#include <stdbool.h>

#include "multidropd/pop3.h"

/* Largest message number; a higher one, 0 and what is no number spoil a line. */
#define POP3_NUMBER_MAX INT32_MAX

struct pop3_lister;

struct pop3_lister *pop3_lister_new(void);
void pop3_lister_free(struct pop3_lister **lister);

/*
 * One line, without CRLF and not the final dot; UIDL's lines come before
 * LIST's. -1: the list went on for twice what is kept of it and does not look
 * as if it had an end.
 */
int pop3_lister_add_uid(struct pop3_lister *lister, struct span line) __attribute__((warn_unused_result));
int pop3_lister_add_size(struct pop3_lister *lister, struct span line) __attribute__((warn_unused_result));

/* Once, at the end. *listing lives until pop3_lister_free. */
void pop3_lister_finish(struct pop3_lister *lister, bool has_uids, struct pop3_listing *listing);

#endif
