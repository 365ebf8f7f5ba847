/* SPDX-License-Identifier: ISC
 *
 * The members of an address field (RFC 5322 3.4, 4.4), with a loop and a flag
 * in the place of recursion. Strict where a second reading of the same bytes
 * would name another person: two words without a dot between them are no local
 * part (a server that leaves quotes out writes `<bob smith@…>`, which must not
 * reach smith), a route is not followed and its commas part nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "address_check.h"
#include "address_token.h"
#include "multidropd/address.h"
#include "multidropd/mem.h"

struct reader {
	struct address_lexer lexer;
	bool routed;         /* the address will get mail: see address_check_local */
	struct strbuf local; /* of the address being read */
	struct strbuf domain;
	bool in_group;
	size_t group_start; /* members before the group */
};

static bool is_word(const struct address_lexer *lexer)
{
	return lexer->kind == ADDRESS_TOKEN_ATOM || lexer->kind == ADDRESS_TOKEN_QUOTED;
}

static void add_quoted(struct strbuf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\\' && i + 1 < text.len)
			strbuf_add_byte(out, text.data[++i]);
		else if (text.data[i] != '\r' && text.data[i] != '\n')
			strbuf_add_byte(out, text.data[i]);
	}
}

static void add_word(struct reader *reader)
{
	if (reader->lexer.kind == ADDRESS_TOKEN_QUOTED)
		add_quoted(&reader->local, reader->lexer.text);
	else
		strbuf_add_span(&reader->local, reader->lexer.text);
	address_lexer_next(&reader->lexer);
}

/*
 * Words with dots between them. Courier puts a prefix before a local part that
 * has its quotes: collector-"bob smith"@…; the two stand together and are one.
 */
static bool read_local(struct reader *reader)
{
	struct address_lexer *lexer = &reader->lexer;

	for (;;) {
		bool atom = lexer->kind == ADDRESS_TOKEN_ATOM;

		if (is_word(lexer))
			add_word(reader);
		else if (reader->routed || !address_lexer_is(lexer, '.'))
			break;
		if (atom && lexer->adjacent && lexer->kind == ADDRESS_TOKEN_QUOTED)
			add_word(reader);
		if (!address_lexer_take(lexer, '.'))
			return address_check_local(strbuf_span(&reader->local), reader->routed);
		strbuf_add_byte(&reader->local, '.');
	}
	/* Real addresses begin or end with a dot or have two together. As the sender's they are only given back. */
	return !reader->routed && address_check_local(strbuf_span(&reader->local), false);
}

static bool read_domain(struct reader *reader)
{
	do {
		if (reader->lexer.kind != ADDRESS_TOKEN_ATOM)
			return false;
		if (reader->domain.len > 0)
			strbuf_add_byte(&reader->domain, '.');
		strbuf_add_span(&reader->domain, reader->lexer.text);
		address_lexer_next(&reader->lexer);
	} while (address_lexer_take(&reader->lexer, '.'));
	return address_check_domain(strbuf_span(&reader->domain));
}

/* addr-spec, or a local part alone; what follows it is not looked at. */
static bool read_spec(struct reader *reader)
{
	strbuf_clear(&reader->local);
	strbuf_clear(&reader->domain);
	if (!read_local(reader))
		return false;
	if (address_lexer_take(&reader->lexer, '@') && !read_domain(reader))
		return false;
	return reader->local.len + reader->domain.len <= ADDRESS_LENGTH_MAX;
}

static void store(const struct reader *reader, struct address *address)
{
	address->local = mem_strdup(strbuf_str(&reader->local));
	address->domain = mem_strdup(strbuf_str(&reader->domain));
}

static void append(const struct reader *reader, struct address_list *list)
{
	list->items = mem_grow(list->items, &list->capacity, list->count + 1, sizeof(*list->items));
	store(reader, &list->items[list->count++]);
}

static bool at_member_end(const struct reader *reader)
{
	return reader->lexer.kind == ADDRESS_TOKEN_END || address_lexer_is(&reader->lexer, ',') ||
	       (reader->in_group && address_lexer_is(&reader->lexer, ';'));
}

/* Moves to the end of a broken member; between < and > nothing ends it. */
static void skip_member(struct reader *reader, bool in_angle)
{
	while (reader->lexer.kind != ADDRESS_TOKEN_END && (in_angle || !at_member_end(reader))) {
		if (address_lexer_is(&reader->lexer, '<'))
			in_angle = true;
		else if (address_lexer_is(&reader->lexer, '>'))
			in_angle = false;
		address_lexer_next(&reader->lexer);
	}
}

static void finish_member(struct reader *reader, struct address_list *list, bool good, bool in_angle)
{
	if (good && at_member_end(reader)) {
		append(reader, list);
		return;
	}
	list->broken++;
	skip_member(reader, in_angle);
}

/* From behind the '<'. */
static void read_angle(struct reader *reader, struct address_list *list)
{
	bool good;
	bool closed;

	if (address_lexer_take(&reader->lexer, '>')) {
		list->null = true;
		if (at_member_end(reader))
			return;
		finish_member(reader, list, false, false);
		return;
	}
	good = read_spec(reader);
	closed = good && address_lexer_take(&reader->lexer, '>');
	finish_member(reader, list, closed, !closed);
}

/* A phrase tells only by what follows it that it is one. */
static void read_member(struct reader *reader, struct address_list *list)
{
	struct address_lexer start = reader->lexer;
	bool phrase = is_word(&reader->lexer);

	while (is_word(&reader->lexer) || address_lexer_is(&reader->lexer, '.'))
		address_lexer_next(&reader->lexer);
	if (address_lexer_take(&reader->lexer, '<')) {
		read_angle(reader, list);
		return;
	}
	if (phrase && !reader->in_group && address_lexer_take(&reader->lexer, ':')) {
		reader->in_group = true;
		reader->group_start = list->count;
		return;
	}
	reader->lexer = start;
	finish_member(reader, list, read_spec(reader), false);
}

static void close_group(struct reader *reader, struct address_list *list)
{
	address_lexer_next(&reader->lexer);
	reader->in_group = false;
	if (at_member_end(reader))
		return;
	list->broken++;
	skip_member(reader, false);
}

/* What looked like a group may have been anything. */
static void drop_open_group(const struct reader *reader, struct address_list *list)
{
	if (!reader->in_group)
		return;
	list->broken++;
	while (list->count > reader->group_start)
		address_free(&list->items[--list->count]);
}

static void reader_free(struct reader *reader)
{
	strbuf_free(&reader->local);
	strbuf_free(&reader->domain);
}

void address_list_parse(struct address_list *list, struct span value)
{
	struct reader reader = { .routed = true };

	address_lexer_begin(&reader.lexer, value);
	while (reader.lexer.kind != ADDRESS_TOKEN_END) {
		if (address_lexer_take(&reader.lexer, ','))
			continue;
		if (reader.in_group && address_lexer_is(&reader.lexer, ';'))
			close_group(&reader, list);
		else
			read_member(&reader, list);
	}
	drop_open_group(&reader, list);
	reader_free(&reader);
}

int address_parse(struct address *address, struct span text)
{
	struct reader reader = { .routed = true };
	bool good;

	address_lexer_begin(&reader.lexer, text);
	good = read_spec(&reader) && reader.lexer.kind == ADDRESS_TOKEN_END;
	if (good)
		store(&reader, address);
	reader_free(&reader);
	return good ? 0 : -1;
}

int address_parse_sender(struct address *address, struct span value)
{
	struct reader reader = { .routed = false };
	bool angle;
	bool good;

	address_lexer_begin(&reader.lexer, value);
	angle = address_lexer_take(&reader.lexer, '<');
	good = read_spec(&reader) && reader.domain.len > 0 && (!angle || address_lexer_take(&reader.lexer, '>')) &&
	       reader.lexer.kind == ADDRESS_TOKEN_END;
	if (good)
		store(&reader, address);
	reader_free(&reader);
	return good ? 0 : -1;
}
