/* SPDX-License-Identifier: ISC
 *
 * Which occurrences of a field decide. A delivering server writes above the
 * Received field of its own hop, where no sender can: `position` is what keeps
 * a forged stamp out.
 */
#include "source.h"

#include <stdlib.h>

#include "domains.h"
#include "multidropd/mem.h"
#include "source_private.h"

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

/*
 * The bottommost occurrence is asked for, or all of a run that reaches the end
 * of what was read for routing, and that ends before the header does: what a
 * provider appended may be behind it. What was found may be a sender's, or a
 * part of the recipients that looks whole.
 */
static bool is_cut(const struct route_rules *rules, const struct header *header, const struct source *source)
{
	bool run_touches_end =
		rules->which == ROUTE_WHICH_ALL && source->first + source->count == header->routing_count;

	return last_is_cut(rules, header) || (run_touches_end && header_goes_on(header));
}

void source_add_value(struct source *source, struct span value)
{
	source->values =
		mem_grow(source->values, &source->value_capacity, source->value_count + 1, sizeof(*source->values));
	source->values[source->value_count++] = value;
}

static void take_fields(const struct source_place *place, struct source *source)
{
	const char *fault = NULL;

	if (is_cut(place->rules, place->header, source))
		fault = "is not certainly the last one: the header goes on where it is not read";
	for (size_t i = 0; i < source->count; i++) {
		const struct header_field *field = &place->header->fields[source->first + i];

		source_add_value(source, field->value);
		if (field->oversize)
			fault = SOURCE_OVERSIZE;
	}
	source->fault = fault != NULL ? mem_strdup(fault) : NULL;
}

static void find_field(const struct source_place *place, struct source *source)
{
	const struct route_rules *rules = place->rules;
	struct occurrences found = look(rules, place->header, source->name, rules->skip);

	if (found.count == 0) {
		source->state = found.unbelieved    ? SOURCE_UNBELIEVED
		                : found.skipped > 0 ? SOURCE_SKIPPED
		                                    : SOURCE_ABSENT;
		return;
	}
	source->state = SOURCE_PRESENT;
	source->first = rules->which == ROUTE_WHICH_LAST ? found.last : found.first;
	source->count = 1;
	if (rules->which == ROUTE_WHICH_ALL)
		source->count = run_length(place->header, source->name, found.first, found.last);
	take_fields(place, source);
}

enum whose { NOBODYS, OURS, A_STRANGERS };

static enum whose whose_is(const struct source_place *place, struct span line)
{
	struct address address;
	bool ours;

	if (address_parse(&address, env_address(line)) != 0)
		return NOBODYS;
	ours = address.domain[0] == '\0' || domains_hold(place->rules->domains, address.domain);
	address_free(&address);
	return ours ? OURS : A_STRANGERS;
}

/*
 * All recipients of a mailbox are ours. So with the sender in the third line
 * nobody behind it is a stranger; and where the fourth is one of ours, it may
 * as well be the first recipient of a sender that has no domain.
 */
static bool env_is_borne_out(const struct source_place *place, const struct source *source)
{
	if (source->env.fourth)
		return whose_is(place, source->env.sender) != OURS;
	for (size_t i = 0; i < source->value_count; i++) {
		if (whose_is(place, source->values[i]) == A_STRANGERS)
			return false;
	}
	return true;
}

static void find_env(const struct source_place *place, struct source *source)
{
	if (place->envelope_lines.data == NULL)
		return;
	source->state = SOURCE_PRESENT;
	if (env_read(&source->env, place->envelope_lines) < 0) {
		source->fault = str_format("has less than %u lines in the server's answer", ENV_LINES_MIN);
		return;
	}
	for (struct span rest = source->env.recipients; rest.len > 0;)
		source_add_value(source, env_next_line(&rest));
	if (source->env.by_looks && !env_is_borne_out(place, source))
		source->fault = mem_strdup("does not tell which of its lines is the sender's");
}

void source_find(const struct source_place *place, const char *name, struct source *source)
{
	*source = (struct source){ .name = name };
	if (span_is(span_of(name), ROUTE_ENV)) {
		source->kind = SOURCE_ENV;
		find_env(place, source);
	} else if (span_is(span_of(name), ROUTE_RECEIVED)) {
		source->kind = SOURCE_RECEIVED;
		source_find_received(place, source);
	} else {
		find_field(place, source);
	}
}

void source_free(struct source *source)
{
	received_free(&source->received);
	free(source->values);
	free(source->fault);
	*source = (struct source){ 0 };
}

ssize_t source_find_stamp(const struct route_rules *rules, const struct header *header, const char *name)
{
	struct occurrences found = look(rules, header, name, 0);

	if (found.count == 0 || last_is_cut(rules, header))
		return -1;
	return (ssize_t)(rules->which == ROUTE_WHICH_LAST ? found.last : found.first);
}
