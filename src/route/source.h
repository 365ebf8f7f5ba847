/* SPDX-License-Identifier: ISC
 *
 * Envelope sources: which occurrences of a field decide.
 */
#ifndef MULTIDROPD_ROUTE_SOURCE_H
#define MULTIDROPD_ROUTE_SOURCE_H

#include "multidropd/route.h"

enum source_state {
	SOURCE_ABSENT,
	SOURCE_UNBELIEVED, /* there, but only where `position` does not believe it: absent */
	SOURCE_SKIPPED,    /* `skip` leaves none: absent */
	SOURCE_PRESENT,
};

struct source {
	enum source_state state;
	const char *name;    /* as configured */
	size_t first, count; /* SOURCE_PRESENT: the fields that decide, always neighbours */
};

/* Looks for the source `name` of rules->envelope. */
void source_find(const struct route_rules *rules, const struct header *header, const char *name, struct source *source);

/* Index of the one field `name` that a provider wrote who stamps as `rules` say, `skip` apart; -1: none. */
ssize_t source_find_stamp(const struct route_rules *rules, const struct header *header, const char *name);

/*
 * The bottommost occurrence is asked for, or all of a run that reaches the end
 * of what was read for routing, and that ends before the header does: what a
 * provider appended may be behind it. What was found may be a sender's, or a
 * part of the recipients that looks whole.
 */
bool source_is_cut(const struct route_rules *rules, const struct header *header, const struct source *source);

#endif
