/* SPDX-License-Identifier: ISC
 *
 * The header: where it ends, its fields, which of them count for routing.
 */
#include "multidropd/header.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

enum { AT_START, START_CR, IN_LINE };

/* Canonical bytes have LF behind CR only, so an LF is the end of a line. */
static size_t scan_lines(struct header_scan *scan, const char *data, size_t len, bool *ended)
{
	size_t at = 0;

	while (at < len && !*ended) {
		const char *lf;

		if (scan->state != IN_LINE) {
			*ended = scan->state == START_CR && data[at] == '\n';
			scan->state = scan->state == AT_START && data[at] == '\r' ? START_CR : IN_LINE;
			at += *ended || scan->state == START_CR;
			continue;
		}
		lf = memchr(data + at, '\n', len - at);
		if (lf == NULL)
			return len;
		at = (size_t)(lf - data) + 1;
		scan->state = AT_START;
	}
	return at;
}

size_t header_scan_feed(struct header_scan *scan, const char *data, size_t len, bool *ended, bool *capped)
{
	size_t left = HEADER_MAX - scan->seen;
	size_t used;

	*ended = false;
	*capped = false;
	used = scan_lines(scan, data, len < left ? len : left, ended);
	scan->seen += used;
	if (!*ended && scan->seen == HEADER_MAX)
		*ended = *capped = true;
	return used;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Bytes of the first line of `text`, its LF included. */
static size_t line_length(struct span text)
{
	ssize_t lf = span_find(text, '\n');

	return lf < 0 ? text.len : (size_t)lf + 1;
}

static bool starts_blank_line(struct span text)
{
	return text.len >= 2 && text.data[0] == '\r' && text.data[1] == '\n';
}

/* Bytes of the first field of `text`: a line and those that begin with a blank. */
static size_t field_length(struct span text)
{
	size_t len = line_length(text);

	while (len < text.len && is_blank(text.data[len]))
		len += line_length(span_from(text, len));
	return len;
}

/* RFC 5322 2.2: printable ASCII. A blank before the colon is obsolete syntax, and what another reader may see
 * differently. */
static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return false;
	}
	return name.len > 0;
}

static struct span without_line_end(struct span line)
{
	if (line.len > 0 && line.data[line.len - 1] == '\n')
		line.len--;
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* True: there is a colon where a field has it. */
static bool parse_field(struct header_field *field, struct span raw)
{
	struct span first = span_make(raw.data, line_length(raw));
	ssize_t colon = span_find(first, ':');

	*field = (struct header_field){ .raw = raw, .oversize = raw.len > HEADER_FIELD_MAX };
	field->broken = colon < 0;
	if (colon < 0)
		return false;
	field->name = span_make(raw.data, (size_t)colon);
	field->value = without_line_end(span_from(raw, (size_t)colon + 1));
	field->broken = !is_name(field->name);
	return true;
}

/*
 * Some servers leave the line of the mbox format on top. It is no field, but
 * it is above what a sender writes. "From :" is a field of RFC 5322 4.5, if a
 * broken one.
 */
static bool is_mbox_line(const struct header_field *field)
{
	return field->broken && !span_is(span_trim(field->name), "From") &&
	       (span_starts_case(field->raw, "From ") || span_starts_case(field->raw, ">From "));
}

static void count_received(struct header *header)
{
	header->first_received = header->routing_count;
	for (size_t i = header->routing_count; i-- > 0;) {
		const struct header_field *field = &header->fields[i];

		if (field->broken || !span_is(field->name, "Received"))
			continue;
		header->first_received = i;
		header->received_count++;
	}
}

/* False: from here on nothing counts for routing. */
static bool add_field(struct header *header, struct span raw)
{
	struct header_field *field = &header->fields[header->count];
	bool has_colon = parse_field(field, raw);

	field->mbox_line = header->count == 0 && is_mbox_line(field);
	header->count++;
	return has_colon || field->mbox_line;
}

void header_parse(struct header *header, struct span bytes, bool capped)
{
	size_t capacity = 0;
	bool routing = true;

	*header = (struct header){ .rest = bytes, .capped = capped };
	while (header->rest.len > 0 && !starts_blank_line(header->rest)) {
		size_t len = field_length(header->rest);
		struct span raw = span_make(header->rest.data, len);

		/* The field at the cut may go on behind it: half a list of recipients would look whole. */
		if (capped && len == header->rest.len)
			break;
		if (header->count == HEADER_FIELDS_MAX) {
			header->capped = true;
			break;
		}
		header->fields = mem_grow(header->fields, &capacity, header->count + 1, sizeof(*header->fields));
		routing = add_field(header, raw) && routing;
		header->routing_count += routing;
		header->rest = span_from(header->rest, len);
	}
	count_received(header);
}

void header_free(struct header *header)
{
	free(header->fields);
	*header = (struct header){ 0 };
}

ssize_t header_find(const struct header *header, const char *name, size_t start)
{
	struct span wanted = span_of(name);

	for (size_t i = start; i < header->routing_count; i++) {
		if (!header->fields[i].broken && span_equal_case(header->fields[i].name, wanted))
			return (ssize_t)i;
	}
	return -1;
}

void header_unfold(struct span value, struct strbuf *out)
{
	while (value.len > 0) {
		ssize_t cr = span_find(value, '\r');
		size_t len = cr < 0 ? value.len : (size_t)cr;

		strbuf_add(out, value.data, len);
		value = span_from(value, len);
		if (value.len >= 3 && value.data[1] == '\n' && is_blank(value.data[2])) {
			value = span_from(value, 2);
		} else if (value.len > 0) {
			strbuf_add_byte(out, '\r');
			value = span_from(value, 1);
		}
	}
}

static bool is_volatile(const struct header_field *field)
{
	static const char *const names[] = { "Status", "X-Status", "X-Keywords",     "X-UID",
		                             "X-UIDL", "X-IMAP",   "Content-Length", "Lines" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!field->broken && span_is(field->name, names[i]))
			return true;
	}
	return false;
}

void header_identity(const struct header *header, void (*sink)(void *ctx, struct span bytes), void *ctx)
{
	for (size_t i = 0; i < header->count; i++) {
		if (!is_volatile(&header->fields[i]))
			sink(ctx, header->fields[i].raw);
	}
	if (header->capped)
		sink(ctx, header->rest);
}
