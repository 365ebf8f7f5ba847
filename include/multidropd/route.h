/* SPDX-License-Identifier: ISC
 *
 * From a message's header to its envelope: where its recipients are found,
 * which of them are ours, where they go. Pure: header in, values out.
 */
#ifndef MULTIDROPD_ROUTE_H
#define MULTIDROPD_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "multidropd/address.h"
#include "multidropd/header.h"
#include "multidropd/str.h"

#define ROUTE_RECIPIENTS_MAX 1000u          /* distinct, of one message; more: the fallback */

enum route_which { ROUTE_WHICH_FIRST, ROUTE_WHICH_LAST, ROUTE_WHICH_ALL };

/* An account's rules, as configured; borrowed. */
struct route_rules {
	const struct strlist *fixed;            /* `recipient`: not empty, all goes there and the rest is not looked at */
	const char *postmaster;
	const struct strlist *envelope;         /* field names, most trusted first */
	bool position_any;                      /* false: only above the first Received field */
	unsigned skip;
	enum route_which which;                 /* LAST in a header that is not read to its end: the fallback, who knows */
	const char *strip_prefix;               /* NULL or "": none */
	const char *strip_suffix;
	const struct strlist *domains;
	bool remove_header;
	/* "return-path" (also NULL or ""), an address, "<>", or "Name:" for a field that is believed where `position` and
	 * `which` believe a stamp; `skip` does not concern it. */
	const char *sender;
};

enum route_reason {
	ROUTE_FIXED,
	ROUTE_ENVELOPE,
	ROUTE_FALLBACK,         /* all recipients are the postmaster */
};

struct route {
	enum route_reason reason;
	struct strlist recipients;              /* formatted as for RCPT, each once */
	char *sender;                           /* as for MAIL, "" is the null sender */
	/* One line for a human: which bytes of which field decided, or why the fallback did. With a part of the
	 * recipients broken it says both. Control characters are still in it; the log escapes. */
	char *explanation;
	const char *source;                     /* name of the field that decided, as configured; NULL: none */
	bool partly_broken;                     /* the postmaster is among the recipients because some were unusable */
	/* By header field: leave it out of what is delivered. Those are the fields that gave the recipients and the believed
	 * Return-Path (the topmost one above the first Received field), whatever `sender` is. In a message that goes to the
	 * fallback the stamp stays in, for the postmaster to see. */
	bool *remove;
	size_t remove_count;                    /* = header->count */
};

/* Never fails: what cannot be placed goes to the postmaster. `route` is filled anew; route_free it. */
void route_message(const struct route_rules *rules, const struct header *header, struct route *route);
void route_free(struct route *route);

#endif
