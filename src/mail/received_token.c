/* SPDX-License-Identifier: ISC
 *
 * The words and comments of a Received field. Some servers write into it what
 * a sender said and leave the quoting out: a HELO text, an envelope sender in
 * a comment. So where two readings of the same bytes part (RFC 5322's, in which
 * quotes mean nothing in a comment, and the one that the server had in mind),
 * there is no token but a fault.
 */
#include "received_token.h"

#include "multidropd/address.h"

/* A byte that no server means, or a line end that is no folding. */
static bool is_clean(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char byte = (unsigned char)value.data[i];

		if ((byte >= ' ' && byte != 0x7f) || byte == '\t')
			continue;
		if (byte != '\r' || i + 1 == value.len || value.data[++i] != '\n')
			return false;
		if (i + 1 < value.len && value.data[i + 1] != ' ' && value.data[i + 1] != '\t')
			return false;
	}
	return true;
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void set_bad(struct received_lexer *lexer, const char *fault)
{
	lexer->kind = RECEIVED_TOKEN_BAD;
	lexer->fault = fault;
	lexer->text = SPAN("");
	lexer->rest = SPAN("");
}

static void set_token(struct received_lexer *lexer, enum received_token_kind kind, size_t len)
{
	lexer->kind = kind;
	lexer->text = span_make(lexer->rest.data, len);
	lexer->rest = span_from(lexer->rest, len);
}

/* Where in a comment we are, in both readings. */
struct nesting {
	int depth;
	int meant; /* without the parentheses within quotes or <…> */
	bool quoted;
	bool angle;
	bool angle_twice; /* a < stood where one was open: either may be the sender's */
};

static void nesting_turn(struct nesting *nesting, int step)
{
	nesting->depth += step;
	if (!nesting->quoted && !nesting->angle)
		nesting->meant += step;
}

static void nesting_feed(struct nesting *nesting, char byte)
{
	switch (byte) {
	case '(':
		nesting_turn(nesting, 1);
		break;
	case ')':
		nesting_turn(nesting, -1);
		break;
	case '"':
		nesting->quoted = !nesting->quoted;
		break;
	case '<':
		nesting->angle_twice = nesting->angle_twice || (nesting->angle && !nesting->quoted);
		nesting->angle = nesting->angle || !nesting->quoted;
		break;
	case '>':
		nesting->angle = nesting->angle && nesting->quoted;
		break;
	default:
		break;
	}
}

/*
 * (envelope-from <"x) for victim ("@…>) ends within quotes, and the HELO text
 * "\" in (helo=\) by … (envelope-from <")"@…>) hides a clause that the server
 * wrote: the end of a comment must be one in both readings.
 */
static void read_comment(struct received_lexer *lexer)
{
	struct span rest = lexer->rest;
	struct nesting nesting = { 0 };
	size_t at = 0;

	do {
		if (rest.data[at] == '\\')
			at++;
		else
			nesting_feed(&nesting, rest.data[at]);
		at++;
	} while (at < rest.len && nesting.depth > 0 && nesting.meant > 0 && nesting.depth <= ADDRESS_COMMENT_DEPTH_MAX);
	if (nesting.depth > ADDRESS_COMMENT_DEPTH_MAX)
		set_bad(lexer, "comments are nested too deeply");
	else if (nesting.depth > 0 && nesting.meant > 0)
		set_bad(lexer, "a comment does not end");
	else if (nesting.depth != nesting.meant || nesting.angle_twice)
		set_bad(lexer, "a comment ends where it may not");
	else
		set_token(lexer, RECEIVED_TOKEN_COMMENT, at);
}

/* Index behind the quoted string that begins at `at`; 0: it does not end. */
static size_t quoted_end(struct span text, size_t at)
{
	for (at++; at < text.len; at++) {
		if (text.data[at] == '"')
			return at + 1;
		if (text.data[at] == '\\')
			at++;
	}
	return 0;
}

/* Index behind the <…> that begins at `at`; 0: it does not end, or not beyond doubt. */
static size_t angle_end(struct span text, size_t at)
{
	at++;
	while (at < text.len) {
		switch (text.data[at]) {
		case '>':
			return at + 1;
		case '"':
			at = quoted_end(text, at);
			if (at == 0)
				return 0;
			break;
		case '<':
		case '(':
		case ')':
		case '\\':
			return 0;
		default:
			at++;
		}
	}
	return 0;
}

static void read_word(struct received_lexer *lexer)
{
	struct span rest = lexer->rest;
	size_t at = 0;

	while (at < rest.len && !is_blank(rest.data[at]) && rest.data[at] != '(' && rest.data[at] != ';') {
		switch (rest.data[at]) {
		case '"':
			at = quoted_end(rest, at);
			if (at == 0) {
				set_bad(lexer, "a quoted string does not end");
				return;
			}
			break;
		case '<':
			at = angle_end(rest, at);
			if (at == 0) {
				set_bad(lexer, "an address in angle brackets does not end");
				return;
			}
			break;
		case ')':
		case '>':
		case '\\':
			set_bad(lexer, "a closing bracket or a backslash stands alone");
			return;
		default:
			at++;
		}
	}
	set_token(lexer, RECEIVED_TOKEN_WORD, at);
}

void received_lexer_next(struct received_lexer *lexer)
{
	size_t blanks = 0;

	if (lexer->kind == RECEIVED_TOKEN_BAD)
		return;
	while (blanks < lexer->rest.len && is_blank(lexer->rest.data[blanks]))
		blanks++;
	lexer->rest = span_from(lexer->rest, blanks);
	if (lexer->rest.len == 0)
		set_token(lexer, RECEIVED_TOKEN_END, 0);
	else if (lexer->rest.data[0] == '(')
		read_comment(lexer);
	else if (lexer->rest.data[0] == ';')
		set_token(lexer, RECEIVED_TOKEN_SEMICOLON, 1);
	else
		read_word(lexer);
}

void received_lexer_begin(struct received_lexer *lexer, struct span value)
{
	*lexer = (struct received_lexer){ .rest = value };
	if (is_clean(value))
		received_lexer_next(lexer);
	else
		set_bad(lexer, "a control character stands in it");
}

bool received_lexer_is(const struct received_lexer *lexer, const char *word)
{
	return lexer->kind == RECEIVED_TOKEN_WORD && span_is(lexer->text, word);
}
