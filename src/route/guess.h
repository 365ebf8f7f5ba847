/* SPDX-License-Identifier: ISC
 *
 * fallback = headers: recipients from what the sender wrote for humans.
 */
#ifndef MULTIDROPD_ROUTE_GUESS_H
#define MULTIDROPD_ROUTE_GUESS_H

#include "expand.h"
#include "multidropd/route.h"

/* Zeroed, it is empty. */
struct guess {
	size_t *fields; /* indexes of those that were read */
	size_t count;
	struct expansion expansion;
};

/*
 * Reads To, Cc and Bcc, or the topmost block of Resent-To, Resent-Cc and
 * Resent-Bcc where there is one (RFC 5322 3.6.6). Fills `guess` anew;
 * guess_free it. Returns NULL, or why nobody is taken from there.
 */
const char *guess_make(struct guess *guess, const struct route_rules *rules, const struct header *header);
void guess_free(struct guess *guess);

#endif
