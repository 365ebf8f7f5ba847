/* SPDX-License-Identifier: ISC
 *
 * The header as it is delivered.
 */
#include "multidropd/edit.h"

#include <string.h>

#include "address_token.h"

/* One word or literal; the token behind it must touch it. */
static bool take_adjacent(struct address_lexer *lexer, enum address_token_kind kind)
{
	if (lexer->kind != kind)
		return false;
	address_lexer_next(lexer);
	return lexer->adjacent;
}

static bool take_special(struct address_lexer *lexer, char special)
{
	return address_lexer_is(lexer, special) && take_adjacent(lexer, ADDRESS_TOKEN_SPECIAL);
}

/* obs-id-left is a local part: words, quoted or not, between single dots. */
static bool take_left(struct address_lexer *lexer)
{
	do {
		bool quoted = lexer->kind == ADDRESS_TOKEN_QUOTED;

		if (!take_adjacent(lexer, quoted ? ADDRESS_TOKEN_QUOTED : ADDRESS_TOKEN_ATOM))
			return false;
	} while (take_special(lexer, '.'));
	return true;
}

/* dtext of RFC 5322 3.4.1, with nothing quoted and nothing folded in it. */
static bool is_plain_literal(const struct address_lexer *lexer)
{
	for (size_t i = 0; i < lexer->text.len; i++) {
		char byte = lexer->text.data[i];

		if (byte <= ' ' || byte > '~' || byte == '[' || byte == '\\')
			return false;
	}
	return true;
}

static bool take_right(struct address_lexer *lexer)
{
	if (lexer->kind == ADDRESS_TOKEN_LITERAL)
		return is_plain_literal(lexer) && take_adjacent(lexer, ADDRESS_TOKEN_LITERAL);
	do {
		if (!take_adjacent(lexer, ADDRESS_TOKEN_ATOM))
			return false;
	} while (take_special(lexer, '.'));
	return true;
}

/* What the lexer lets through in quotes and comments: no message may hold it. */
static bool has_control(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.data[i];

		if (byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n'))
			return true;
	}
	return false;
}

bool header_message_id_is_valid(struct span value)
{
	struct address_lexer lexer;

	if (span_is_8bit(value) || has_control(value))
		return false;
	address_lexer_begin(&lexer, value);
	return take_special(&lexer, '<') && take_left(&lexer) && take_special(&lexer, '@') && take_right(&lexer) &&
	       address_lexer_take(&lexer, '>') && lexer.kind == ADDRESS_TOKEN_END;
}

static bool is_stripped(const struct header_field *field, const struct strlist *strip)
{
	if (field->broken || strip == NULL)
		return false;
	for (size_t i = 0; i < strip->count; i++) {
		if (span_is(field->name, strip->items[i]))
			return true;
	}
	return false;
}

static bool has_bad_message_id(const struct header_field *field)
{
	return !field->broken && span_is(field->name, "Message-ID") &&
	       (field->oversize || !header_message_id_is_valid(field->value));
}

/* What says how the body is to be read (RFC 2045 3). */
static bool is_mime(struct span name)
{
	return span_is(name, "MIME-Version") || span_starts_case(name, "Content-");
}

static bool is_left_out(const struct header_field *field, const struct header_edits *edits)
{
	return field->mbox_line || is_stripped(field, edits->strip) ||
	       (edits->other_body && (field->broken || is_mime(field->name)));
}

static void add_lines(const struct header_edits *edits, struct strbuf *out)
{
	for (size_t i = 0; edits->add != NULL && i < edits->add->count; i++) {
		const char *line = edits->add->items[i];

		if (edits->other_body && is_mime(span_make(line, strcspn(line, ":"))))
			continue;
		strbuf_add_str(out, line);
		strbuf_add_str(out, "\r\n");
	}
}

void header_edit(const struct header *header, const struct header_edits *edits, const bool *remove, struct span trace,
                 struct strbuf *out)
{
	strbuf_add_span(out, trace);
	add_lines(edits, out);
	for (size_t i = 0; i < header->count; i++) {
		const struct header_field *field = &header->fields[i];
		struct span raw = field->raw;

		if ((remove != NULL && remove[i]) || is_left_out(field, edits))
			continue;
		if (edits->fix_message_id && has_bad_message_id(field)) {
			strbuf_add_str(out, "X-Invalid-Message-ID");
			raw = span_from(raw, field->name.len);
		}
		/* Behind a field of ours, or of another server's, it would be a part of that. */
		if (i == 0 && (raw.data[0] == ' ' || raw.data[0] == '\t'))
			strbuf_add_str(out, "X-Invalid-Header:");
		strbuf_add_span(out, raw);
	}
	if (!edits->other_body)
		strbuf_add_span(out, header->rest);
}
