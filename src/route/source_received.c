/* SPDX-License-Identifier: ISC
 *
 * The `for` of a Received field. Each hop writes its field on top, and only the
 * provider's are to be believed: the first of them that counts decides, and
 * where it names nobody the ones below it, which a sender may have written, are
 * not asked.
 */
#include "domains.h"
#include "multidropd/mem.h"
#include "source_private.h"

static bool is_accepted(const struct route_rules *rules, const struct received *received)
{
	if (rules->received_by == NULL || rules->received_by->count == 0)
		return true;
	return received->by != NULL && domains_hold(rules->received_by, received->by);
}

/* Whose field it is cannot be known, so it may be the provider's. */
static bool may_be_any(const struct received *received)
{
	return received->fault != NULL && received->by == NULL;
}

/* Reads a field. False: another one decides. */
static bool decides(const struct source_place *place, const struct header_field *field, struct source *source,
                    size_t *skipped)
{
	if (field->oversize)
		return true;
	received_parse(&source->received, field->value);
	if (may_be_any(&source->received))
		return true;
	if (is_accepted(place->rules, &source->received)) {
		if (*skipped == place->rules->skip)
			return true;
		++*skipped;
	}
	received_free(&source->received);
	return false;
}

static void take(struct source *source, const struct header_field *field)
{
	const struct received *received = &source->received;

	if (field->oversize)
		source->fault = mem_strdup(SOURCE_OVERSIZE);
	else if (received->fault != NULL)
		source->fault = str_format("is not believed: %s", received->fault);
	else if (received->recipients == NULL)
		source->fault = mem_strdup("has no \"for\", and an older one is not asked");
	else
		source_add_value(source, span_of(received->recipients));
}

void source_find_received(const struct source_place *place, struct source *source)
{
	ssize_t at = header_find(place->header, ROUTE_RECEIVED, 0);
	size_t skipped = 0;

	source->state = at >= 0 ? SOURCE_UNACCEPTED : SOURCE_ABSENT;
	for (size_t seen = 0; at >= 0 && seen < place->rules->received_depth; seen++) {
		const struct header_field *field = &place->header->fields[at];

		if (decides(place, field, source, &skipped)) {
			source->state = SOURCE_PRESENT;
			source->first = (size_t)at;
			source->count = 1;
			take(source, field);
			return;
		}
		at = header_find(place->header, ROUTE_RECEIVED, (size_t)at + 1);
	}
	if (skipped > 0)
		source->state = SOURCE_SKIPPED;
}
