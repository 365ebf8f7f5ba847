/* SPDX-License-Identifier: ISC
 *
 * Why a message goes where it goes. Says with their names which options would
 * have given another result.
 */
#include "explain.h"

#define VALUE_MAX 200u /* the log would cut the whole at about as much */
#define VALUES_MAX 3u

/* A field may be as large as HEADER_FIELD_MAX: no more of it is copied than is shown. */
static void add_value(struct strbuf *out, struct span value)
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
	strbuf_addf(out, "\"%.*s%s\"", (int)len, strbuf_str(&text), len < text.len ? "…" : "");
	strbuf_free(&text);
}

void explain_source(struct strbuf *out, const struct header *header, const struct source *source)
{
	strbuf_addf(out, "%s: ", source->name);
	for (size_t i = 0; i < source->count && i < VALUES_MAX; i++) {
		strbuf_add_str(out, i > 0 ? ", " : "");
		add_value(out, header->fields[source->first + i].value);
	}
	if (source->count > VALUES_MAX)
		strbuf_addf(out, " and %zu more", source->count - VALUES_MAX);
}

void explain_passed_over(struct strbuf *out, const struct route_rules *rules, const struct header *header,
                         const struct source *source)
{
	for (size_t i = 0; i < rules->envelope->count && rules->envelope->items[i] != source->name; i++) {
		struct source passed;

		source_find(rules, header, rules->envelope->items[i], &passed);
		if (passed.state == SOURCE_UNBELIEVED)
			strbuf_addf(out, "; %s is there, but not above the first Received field (position = top)",
			            passed.name);
		else if (passed.state == SOURCE_SKIPPED)
			strbuf_addf(out, "; %s is there, but skip = %u leaves none", passed.name, rules->skip);
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

static bool any_in_state(const struct route_rules *rules, const struct header *header, enum source_state state)
{
	for (size_t i = 0; i < rules->envelope->count; i++) {
		struct source source;

		source_find(rules, header, rules->envelope->items[i], &source);
		if (source.state == state)
			return true;
	}
	return false;
}

void explain_absence(struct strbuf *out, const struct route_rules *rules, const struct header *header)
{
	if (header->count == 0 && !header->capped) {
		strbuf_add_str(out, "the message has no header");
		return;
	}
	strbuf_add_str(out, "no ");
	add_names(out, rules->envelope);
	if (any_in_state(rules, header, SOURCE_UNBELIEVED))
		strbuf_add_str(out, " above the first Received field (position = any would believe one further down)");
	if (any_in_state(rules, header, SOURCE_SKIPPED))
		strbuf_addf(out, ", skip = %u leaves none", rules->skip);
	if (header->capped)
		strbuf_add_str(out, " in what was read of an oversize header");
	else if (header->routing_count < header->count)
		strbuf_add_str(out, " above a line without a colon, where the header ends");
}
