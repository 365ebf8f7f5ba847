/* SPDX-License-Identifier: ISC
 *
 * From a message's header to its envelope: where its recipients are found,
 * which of them are ours, where they go. Pure: header in, values out.
 *
 * Each recipient within `domains` is looked up in `virtual_map` (virtual.h),
 * then `rewrite_domain` applies to those that are within `domains` still. One
 * whom the map leads only in a circle counts as an unusable address.
 */
#ifndef MULTIDROPD_ROUTE_H
#define MULTIDROPD_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "multidropd/address.h"
#include "multidropd/header.h"
#include "multidropd/str.h"
#include "multidropd/virtual.h"

#define ROUTE_RECIPIENTS_MAX 1000u          /* distinct, of one message; more: the fallback */

enum route_which { ROUTE_WHICH_FIRST, ROUTE_WHICH_LAST, ROUTE_WHICH_ALL };
enum route_fallback { ROUTE_FALLBACK_POSTMASTER, ROUTE_FALLBACK_KEEP, ROUTE_FALLBACK_HEADERS };

/* An account's rules, as configured; borrowed. */
struct route_rules {
	const struct strlist *fixed;            /* `recipient`: not empty, all goes there and the rest is not looked at */
	const char *postmaster;
	const char *hostname;                   /* ours, to know our own trace fields by */
	const struct strlist *envelope;         /* field names, ROUTE_RECEIVED, ROUTE_ENV; most trusted first */
	bool position_any;                      /* false: only above the first Received field */
	unsigned skip;
	enum route_which which;                 /* LAST in a header that is not read to its end: the fallback, who knows */
	const char *strip_prefix;               /* NULL or "": none */
	const char *strip_suffix;
	const struct strlist *received_by;      /* hosts, ".domain" for all below it; NULL or empty: any */
	unsigned received_depth;
	const struct strlist *domains;
	enum route_fallback fallback;
	const struct virtual_map *virtual_map;  /* sorted; NULL: none */
	const char *rewrite_domain;             /* NULL or "": none */
	bool remove_header;
	/* "return-path" (also NULL or ""), an address, "<>", or "Name:" for a field that is believed where `position` and
	 * `which` believe a stamp; `skip` does not concern it. */
	const char *sender;
};

/* The sources that are no plain field. */
#define ROUTE_RECEIVED "Received"
#define ROUTE_ENV "*ENV"

enum route_reason {
	ROUTE_FIXED,
	ROUTE_ENVELOPE,
	ROUTE_HEADERS,          /* fallback = headers: guessed from To, Cc and the like */
	ROUTE_POSTMASTER,       /* fallback: the postmaster is the only recipient */
	ROUTE_KEPT,             /* fallback = keep: no recipients */
	ROUTE_LOOP,             /* over HEADER_RECEIVED_MAX Received fields, or our trace ROUTE_LOOP_OURS times: no recipients */
};

#define ROUTE_LOOP_OURS 3u

struct route {
	enum route_reason reason;
	struct strlist recipients;              /* formatted as for RCPT, each once */
	struct strlist originals;               /* by recipient: as it was stamped, before `virtual` and `rewrite_domain`; "": by us */
	struct strlist discarded;               /* as stamped: `virtual` says discard:. With no recipients left nobody is owed it */
	bool keep;                              /* it stays on the server, whoever else gets it, and the postmaster is told */
	char *sender;                           /* as for MAIL, "" is the null sender */
	/* One line for a human: which bytes of which field decided, or why the fallback did. With a part of the
	 * recipients broken it says both. Control characters are still in it; the log escapes. */
	char *explanation;
	const char *source;                     /* name of the field that decided, as configured; NULL: none */
	bool guessed;                           /* some or all recipients come from To, Cc and the like */
	bool partly_broken;                     /* some recipients were unusable: the fallback has it besides */
	/* By header field: leave it out of what is delivered. Those are the fields that gave the recipients and the believed
	 * Return-Path (the topmost one above the first Received field), whatever `sender` is; never Received. In a message
	 * that goes to the fallback the stamp stays in, for the postmaster to see. */
	bool *remove;
	size_t remove_count;                    /* = header->count */
};

/*
 * Never fails. `envelope_lines` is what the server answered to *ENV, canonical
 * lines; without data where it was not asked. `route` is filled anew; route_free it.
 */
void route_message(const struct route_rules *rules, const struct header *header, struct span envelope_lines,
                   struct route *route);
void route_free(struct route *route);

#endif
