/* SPDX-License-Identifier: ISC
 *
 * What an SMTP or LMTP server says (RFC 5321 4.2, 4.1.1.1): replies of one or
 * more lines, and the extensions in the answer to EHLO. Pure.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "multidropd/sasl.h"
#include "multidropd/str.h"

#define SMTP_REPLY_TEXT_MAX 2048u /* what is kept of a reply's text; SASL challenges are kept whole */
#define SMTP_ENHANCED_MAX 12u     /* "5.999.999" and its NUL */

enum smtp_reply_state {
	SMTP_REPLY_MORE,
	SMTP_REPLY_COMPLETE,
	SMTP_REPLY_BROKEN, /* not a reply line, another code than the line before, or too many lines */
};

/* Zeroed before the first line. */
struct smtp_reply {
	int code; /* 200 to 599 */
	unsigned lines;
	char enhanced[SMTP_ENHANCED_MAX]; /* "5.1.1" of the first line (RFC 2034), or "" */
	struct strbuf text; /* the code, then the lines' texts joined by blanks, the enhanced code only once */
};

/* Takes a line without its CRLF. *text is what stands behind the code, and points into `line`. */
enum smtp_reply_state smtp_reply_add(struct smtp_reply *reply, struct span line, struct span *text);
/* Ready for the next reply; what a large one took is given back. */
void smtp_reply_clear(struct smtp_reply *reply);
/* What stands behind the code, in a reply of one line: a SASL challenge. */
struct span smtp_reply_challenge(const struct smtp_reply *reply);

/* The extensions that matter to us. Zeroed before each EHLO. */
struct smtp_extensions {
	bool pipelining;   /* RFC 2920 */
	bool eightbit;     /* 8BITMIME, RFC 6152 */
	bool smtputf8;     /* RFC 6531 */
	bool starttls;     /* RFC 3207 */
	bool dsn;          /* RFC 3461 */
	bool size;         /* RFC 1870 */
	uint64_t size_max; /* 0: no fixed limit */
	sasl_set auth;     /* RFC 4954 */
};

/* Takes one line of the answer to EHLO, the first apart. What is unknown or broken is no extension. */
void smtp_extensions_add(struct smtp_extensions *extensions, struct span text);

#endif
