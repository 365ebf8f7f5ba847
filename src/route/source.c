/* SPDX-License-Identifier: ISC
 *
 * Which occurrences of a field decide. A delivering server writes above the
 * Received field of its own hop, where no sender can: `position` is what keeps
 * a forged stamp out.
 */
#include "source.h"

/* The believed occurrences of a field, as far as `skip` leaves them. */
struct occurrences {
	size_t skipped;
	size_t count;
	size_t first, last;
	bool unbelieved; /* another one stands further down */
};

static size_t believed_end(const struct route_rules *rules, const struct header *header)
{
	return rules->position_any ? header->routing_count : header->first_received;
}

static struct occurrences look(const struct route_rules *rules, const struct header *header, const char *name,
                               size_t skip)
{
	size_t end = believed_end(rules, header);
	struct occurrences found = { 0 };
	ssize_t at = header_find(header, name, 0);

	for (; at >= 0 && (size_t)at < end; at = header_find(header, name, (size_t)at + 1)) {
		if (found.skipped < skip) {
			found.skipped++;
			continue;
		}
		found.last = (size_t)at;
		if (found.count++ == 0)
			found.first = found.last;
	}
	found.unbelieved = at >= 0;
	return found;
}

/* Neighbours of that name from `first` on; `last` is the last believed one. */
static size_t run_length(const struct header *header, const char *name, size_t first, size_t last)
{
	size_t at = first;

	while (at <= last && header_find(header, name, at) == (ssize_t)at)
		at++;
	return at - first;
}

void source_find(const struct route_rules *rules, const struct header *header, const char *name, struct source *source)
{
	struct occurrences found = look(rules, header, name, rules->skip);

	*source = (struct source){ .name = name, .first = found.first, .count = 1 };
	if (found.count > 0)
		source->state = SOURCE_PRESENT;
	else if (found.unbelieved)
		source->state = SOURCE_UNBELIEVED;
	else if (found.skipped > 0)
		source->state = SOURCE_SKIPPED;
	if (rules->which == ROUTE_WHICH_LAST)
		source->first = found.last;
	else if (rules->which == ROUTE_WHICH_ALL && found.count > 0)
		source->count = run_length(header, name, found.first, found.last);
}

/* The part of the header that was read for routing ends before the header does. */
static bool header_goes_on(const struct header *header)
{
	return header->capped || header->routing_count < header->count;
}

static bool last_is_cut(const struct route_rules *rules, const struct header *header)
{
	return rules->which == ROUTE_WHICH_LAST && believed_end(rules, header) == header->routing_count &&
	       header_goes_on(header);
}

ssize_t source_find_stamp(const struct route_rules *rules, const struct header *header, const char *name)
{
	struct occurrences found = look(rules, header, name, 0);

	if (found.count == 0 || last_is_cut(rules, header))
		return -1;
	return (ssize_t)(rules->which == ROUTE_WHICH_LAST ? found.last : found.first);
}

bool source_is_cut(const struct route_rules *rules, const struct header *header, const struct source *source)
{
	bool run_touches_end =
		rules->which == ROUTE_WHICH_ALL && source->first + source->count == header->routing_count;

	return last_is_cut(rules, header) || (run_touches_end && header_goes_on(header));
}
