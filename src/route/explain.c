/* SPDX-License-Identifier: ISC
 *
 * Why a message goes where it goes. Says with their names which options would
 * have given another result.
 */
#include "explain.h"

#define VALUE_MAX 200u /* the log would cut the whole at about as much */
#define VALUES_MAX 3u

/* A field may be as large as HEADER_FIELD_MAX: no more of it is copied than is shown. */
static void add_text(struct strbuf *out, struct span value)
{
	struct strbuf text = { 0 };
	size_t len;

	value = span_trim(value);
	header_unfold(span_make(value.data, value.len < 2 * VALUE_MAX ? value.len : 2 * VALUE_MAX), &text);
	len = text.len;
	if (len > VALUE_MAX) {
		len = VALUE_MAX;
		while (len > 0 && (text.data[len] & 0xc0) == 0x80)
			len--;
	}
	strbuf_add(out, strbuf_str(&text), len);
	strbuf_add_str(out, len < text.len ? "…" : "");
	strbuf_free(&text);
}

static void add_value(struct strbuf *out, struct span value)
{
	strbuf_add_byte(out, '"');
	add_text(out, value);
	strbuf_add_byte(out, '"');
}

/* What stands before the value of `number` out of `count`; false: no more of them are shown. */
static bool begin_value(struct strbuf *out, size_t number, size_t count)
{
	if (number == VALUES_MAX) {
		strbuf_addf(out, " and %zu more", count - VALUES_MAX);
		return false;
	}
	strbuf_add_str(out, number > 0 ? ", " : "");
	return true;
}

static void add_received(struct strbuf *out, const struct source *source)
{
	const struct received *received = &source->received;

	if (source->fault == NULL) {
		strbuf_add_str(out, "\"for ");
		add_text(out, source->values[0]);
		strbuf_add_str(out, received->by != NULL ? "\" " : "\"");
	} else if (received->by == NULL) {
		strbuf_add_str(out, "the field");
	}
	if (received->by != NULL) {
		strbuf_add_str(out, "by ");
		add_text(out, span_of(received->by));
	}
}

void explain_source(struct strbuf *out, const struct source *source)
{
	bool answer_cut = source->kind == SOURCE_ENV && source->value_count == 0 && source->fault != NULL;

	strbuf_addf(out, answer_cut ? "%s" : "%s: ", source->name);
	if (source->kind == SOURCE_RECEIVED) {
		add_received(out, source);
		return;
	}
	for (size_t i = 0; i < source->value_count && begin_value(out, i, source->value_count); i++)
		add_value(out, source->values[i]);
}

static void add_unaccepted(struct strbuf *out, const struct route_rules *rules)
{
	strbuf_addf(out, "by a host of received_by among the topmost %u (received_depth)", rules->received_depth);
}

void explain_passed_over(struct strbuf *out, const struct route_rules *rules, struct explain_tried before)
{
	for (size_t i = 0; i < before.count; i++) {
		const struct source *passed = &before.sources[i];

		if (passed->state == SOURCE_UNBELIEVED) {
			strbuf_addf(out, "; %s is there, but not above the first Received field (position = top)",
			            passed->name);
		} else if (passed->state == SOURCE_SKIPPED) {
			strbuf_addf(out, "; %s is there, but skip = %u leaves none", passed->name, rules->skip);
		} else if (passed->state == SOURCE_UNACCEPTED) {
			strbuf_addf(out, "; %s is there, but none ", passed->name);
			add_unaccepted(out, rules);
		}
	}
}

static void add_names(struct strbuf *out, const struct strlist *names)
{
	for (size_t i = 0; i < names->count; i++) {
		if (i > 0)
			strbuf_add_str(out, i + 1 < names->count ? ", " : " or ");
		strbuf_add_str(out, names->items[i]);
	}
}

static bool any_in_state(struct explain_tried tried, enum source_state state)
{
	for (size_t i = 0; i < tried.count; i++) {
		if (tried.sources[i].state == state)
			return true;
	}
	return false;
}

void explain_absence(struct strbuf *out, const struct route_rules *rules, const struct header *header,
                     struct explain_tried tried)
{
	if (header->count == 0 && !header->capped) {
		strbuf_add_str(out, "the message has no header");
		return;
	}
	strbuf_add_str(out, "no ");
	add_names(out, rules->envelope);
	if (any_in_state(tried, SOURCE_UNBELIEVED))
		strbuf_add_str(out, " above the first Received field (position = any would believe one further down)");
	if (any_in_state(tried, SOURCE_UNACCEPTED)) {
		strbuf_add_byte(out, ' ');
		add_unaccepted(out, rules);
	}
	if (any_in_state(tried, SOURCE_SKIPPED))
		strbuf_addf(out, ", skip = %u leaves none", rules->skip);
	if (header->capped)
		strbuf_add_str(out, " in what was read of an oversize header");
	else if (header->routing_count < header->count)
		strbuf_add_str(out, " above a line without a colon, where the header ends");
}

void explain_guess(struct strbuf *out, const struct header *header, const struct guess *guess)
{
	if (guess->count == 0)
		strbuf_add_str(out, "To, Cc and Bcc");
	for (size_t i = 0; i < guess->count && begin_value(out, i, guess->count); i++) {
		const struct header_field *field = &header->fields[guess->fields[i]];

		add_text(out, field->name);
		strbuf_add_str(out, ": ");
		add_value(out, field->value);
	}
}

void explain_discarded(struct strbuf *out, const struct strlist *discarded)
{
	strbuf_add_str(out, discarded->count > 0 ? "; virtual discards it for " : "");
	for (size_t i = 0; i < discarded->count && begin_value(out, i, discarded->count); i++)
		add_text(out, span_of(discarded->items[i]));
}

void explain_loop(struct strbuf *out, const struct route_rules *rules, const struct hops *hops)
{
	strbuf_add_str(out, "a loop: ");
	if (hops->count > HEADER_RECEIVED_MAX)
		strbuf_addf(out, "%zu Received fields, more than %u", hops->count, HEADER_RECEIVED_MAX);
	else
		strbuf_addf(out, "%zu Received fields are by %s itself (hostname)", hops->ours, rules->hostname);
}
