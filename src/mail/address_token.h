/* SPDX-License-Identifier: ISC
 *
 * The words of a structured field (RFC 5322 3.2), one at a time. Blanks,
 * folding and comments between them are skipped.
 */
#ifndef MULTIDROPD_MAIL_ADDRESS_TOKEN_H
#define MULTIDROPD_MAIL_ADDRESS_TOKEN_H

#include <stdbool.h>

#include "multidropd/str.h"

enum address_token_kind {
	ADDRESS_TOKEN_END,
	ADDRESS_TOKEN_ATOM,
	ADDRESS_TOKEN_QUOTED,  /* `text` is what stands between the quotes, backslashes and folding inside */
	ADDRESS_TOKEN_LITERAL, /* [ … ] */
	ADDRESS_TOKEN_SPECIAL, /* one of <>:;@,. as `special` */
	ADDRESS_TOKEN_BAD,     /* a byte that may not stand there, something unterminated, a comment too deep */
};

/* A copy of it is a place to come back to. */
struct address_lexer {
	enum address_token_kind kind;
	char special;
	struct span text;
	bool adjacent; /* nothing stood between this token and the one before it */
	struct span rest;
};

/* Reads the first token. */
void address_lexer_begin(struct address_lexer *lexer, struct span value);
/* Reads the next one; at the end it stays there. */
void address_lexer_next(struct address_lexer *lexer);
bool address_lexer_is(const struct address_lexer *lexer, char special);
/* Steps over `special` if it is there. */
bool address_lexer_take(struct address_lexer *lexer, char special);

#endif
