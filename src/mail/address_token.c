/* SPDX-License-Identifier: ISC
 *
 * The words of a structured field. What is unterminated swallows all that
 * follows: where it should have ended is a guess.
 */
#include "address_token.h"

#include <string.h>

#include "address_check.h"
#include "multidropd/address.h"

/* Index of the byte behind the one at `at`, a backslash taking its next byte along. */
static size_t step(struct span text, size_t at)
{
	return text.data[at] == '\\' && at + 1 < text.len ? at + 2 : at + 1;
}

/* Steps over the comment that `rest` begins with. False: unterminated or too deep. */
static bool skip_comment(struct span *rest)
{
	size_t depth = 0;
	size_t deepest = 0;
	size_t at = 0;

	do {
		if (rest->data[at] == '(')
			depth++;
		else if (rest->data[at] == ')')
			depth--;
		if (depth > deepest)
			deepest = depth;
		at = step(*rest, at);
	} while (depth > 0 && at < rest->len);
	*rest = span_from(*rest, at);
	return depth == 0 && deepest <= ADDRESS_COMMENT_DEPTH_MAX;
}

static bool is_one_of(char byte, const char *set)
{
	return byte != '\0' && strchr(set, byte) != NULL;
}

/* False: a bad comment stood there. */
static bool skip_blanks(struct span *rest)
{
	while (rest->len > 0) {
		if (is_one_of(rest->data[0], " \t\r\n"))
			*rest = span_from(*rest, 1);
		else if (rest->data[0] != '(')
			break;
		else if (!skip_comment(rest))
			return false;
	}
	return true;
}

static void set_token(struct address_lexer *lexer, enum address_token_kind kind, size_t len)
{
	lexer->kind = kind;
	lexer->text = span_make(lexer->rest.data, len);
	lexer->rest = span_from(lexer->rest, len);
}

/* A quoted string or a domain literal: up to and with the first `close` that has no backslash. */
static void read_enclosed(struct address_lexer *lexer, enum address_token_kind kind, char close)
{
	size_t at = 1;

	while (at < lexer->rest.len && lexer->rest.data[at] != close)
		at = step(lexer->rest, at);
	if (at >= lexer->rest.len) {
		set_token(lexer, ADDRESS_TOKEN_BAD, lexer->rest.len);
		return;
	}
	set_token(lexer, kind, at + 1);
	lexer->text = span_make(lexer->text.data + 1, at - 1);
}

static void read_atom(struct address_lexer *lexer)
{
	size_t len = 0;

	while (len < lexer->rest.len && address_is_atext(lexer->rest.data[len]))
		len++;
	set_token(lexer, ADDRESS_TOKEN_ATOM, len);
}

void address_lexer_next(struct address_lexer *lexer)
{
	const char *before = lexer->rest.data;
	bool good = skip_blanks(&lexer->rest);
	char first;

	lexer->adjacent = lexer->rest.data == before;
	if (!good) {
		set_token(lexer, ADDRESS_TOKEN_BAD, 0);
		return;
	}
	if (lexer->rest.len == 0) {
		set_token(lexer, ADDRESS_TOKEN_END, 0);
		return;
	}
	first = lexer->rest.data[0];
	if (first == '"') {
		read_enclosed(lexer, ADDRESS_TOKEN_QUOTED, '"');
	} else if (first == '[') {
		read_enclosed(lexer, ADDRESS_TOKEN_LITERAL, ']');
	} else if (address_is_atext(first)) {
		read_atom(lexer);
	} else {
		lexer->special = first;
		set_token(lexer, is_one_of(first, "<>:;@,.") ? ADDRESS_TOKEN_SPECIAL : ADDRESS_TOKEN_BAD, 1);
	}
}

void address_lexer_begin(struct address_lexer *lexer, struct span value)
{
	*lexer = (struct address_lexer){ .rest = value };
	address_lexer_next(lexer);
}

bool address_lexer_is(const struct address_lexer *lexer, char special)
{
	return lexer->kind == ADDRESS_TOKEN_SPECIAL && lexer->special == special;
}

bool address_lexer_take(struct address_lexer *lexer, char special)
{
	if (!address_lexer_is(lexer, special))
		return false;
	address_lexer_next(lexer);
	return true;
}
