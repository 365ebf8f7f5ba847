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
	char *by;               /* the host of `by`, without comments, a literal with its brackets; NULL: no such clause */
	/* What stands behind `for`, as address_list_parse takes it, without comments and folding; NULL: no such clause. An
	 * address in it may be unusable (a route, a@b@c): that is for address_list_parse to say. */
	char *recipients;
	/*
	 * NULL, or why nothing in the field is to be believed: a clause stands twice or has no value, a comment, quoted
	 * string or <…> does not end or not beyond doubt, a comment is nested too deeply, a control character, a line end
	 * that is no folding, more than addresses behind `for`, a `for` that is neither behind `by` nor the first word.
	 * `recipients` is NULL then; `by` is still there where it is beyond doubt. With a fault and no `by` the field may
	 * be anybody's, the provider's own, too: a sender can bring that about, so what stands below it is not to be
	 * believed in its place.
	 */
	const char *fault;
};

/* Reads a field's value, folding inside is fine. Fills `received` anew; received_free it. */
void received_parse(struct received *received, struct span value);
void received_free(struct received *received);

#endif
