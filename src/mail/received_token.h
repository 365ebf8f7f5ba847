/* SPDX-License-Identifier: ISC
 *
 * The words and comments of a Received field, one at a time. Other than in an
 * address field a word is all that stands between blanks, since servers write
 * there what they like ("ppid:", "15.1.2", "[1.2.3.4]").
 */
#ifndef MULTIDROPD_MAIL_RECEIVED_TOKEN_H
#define MULTIDROPD_MAIL_RECEIVED_TOKEN_H

#include <stdbool.h>

#include "multidropd/str.h"

enum received_token_kind {
	RECEIVED_TOKEN_END,
	RECEIVED_TOKEN_WORD,      /* with the quoted strings and <…> in it, blanks and all */
	RECEIVED_TOKEN_COMMENT,   /* with its parentheses */
	RECEIVED_TOKEN_SEMICOLON, /* not one in any of the above */
	RECEIVED_TOKEN_BAD,       /* `fault` says what; it stays so */
};

struct received_lexer {
	enum received_token_kind kind;
	struct span text; /* folding is still inside */
	const char *fault;
	struct span rest;
};

/* Reads the first token. */
void received_lexer_begin(struct received_lexer *lexer, struct span value);
/* Reads the next one; at the end it stays there. */
void received_lexer_next(struct received_lexer *lexer);
bool received_lexer_is(const struct received_lexer *lexer, const char *word);

#endif
