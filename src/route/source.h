/* SPDX-License-Identifier: ISC
 *
 * Envelope sources: whether one is present in a message, and what in it
 * decides. A plain field, the `for` of Received, or the server's own answer.
 */
#ifndef MULTIDROPD_ROUTE_SOURCE_H
#define MULTIDROPD_ROUTE_SOURCE_H

#include "env.h"
#include "multidropd/received.h"
#include "multidropd/route.h"

enum source_state {
	SOURCE_ABSENT,
	SOURCE_UNBELIEVED, /* there, but only where `position` does not believe it: absent */
	SOURCE_UNACCEPTED, /* Received: there, but none within `received_depth` is by `received_by`: absent */
	SOURCE_SKIPPED,    /* `skip` leaves none: absent */
	SOURCE_PRESENT,
};

enum source_kind { SOURCE_FIELD, SOURCE_RECEIVED, SOURCE_ENV };

/* Where it is present, the rest tells what decides. */
struct source {
	enum source_kind kind;
	enum source_state state;
	const char *name;    /* as configured */
	size_t first, count; /* the fields that decide, always neighbours; ENV: none */
	struct span *values; /* what they hold of recipients, as address_list_parse takes it */
	size_t value_count, value_capacity;
	char *fault; /* NULL, or why nothing in it is used, as the end of a sentence */
	struct received received;
	struct env env;
};

/* Where a message's sources are looked for. */
struct source_place {
	const struct route_rules *rules;
	const struct header *header;
	struct span envelope_lines;
};

/* Looks for the source `name` of rules->envelope. Fills `source` anew; source_free it. */
void source_find(const struct source_place *place, const char *name, struct source *source);
void source_free(struct source *source);

/* Index of the one field `name` that a provider wrote who stamps as `rules` say, `skip` apart; -1: none. */
ssize_t source_find_stamp(const struct route_rules *rules, const struct header *header, const char *name);

#endif
