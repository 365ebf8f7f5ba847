/* SPDX-License-Identifier: ISC
 *
 * The Received field (RFC 5321 4.4, and what servers make of it): which host
 * wrote it, and for whom it took the message. Clauses are found by structure:
 * a word inside a comment, a quoted string or another clause's value is none.
 */
#ifndef MULTIDROPD_RECEIVED_H
#define MULTIDROPD_RECEIVED_H

#include "multidropd/str.h"

struct received {
	char *by;               /* the host of `by`, without comments; NULL: no such clause */
	char *recipients;       /* what stands behind `for`, as address_list_parse takes it; NULL: no such clause */
	/* NULL, or why nothing in the field is to be believed: a clause stands twice, a comment or a quoted string does not
	 * end, a comment is nested too deeply. `by` is still there where it is beyond doubt. */
	const char *fault;
};

/* Reads a field's value, folding inside is fine. Fills `received` anew; received_free it. */
void received_parse(struct received *received, struct span value);
void received_free(struct received *received);

#endif
