/* SPDX-License-Identifier: ISC
 *
 * What a POP3 server says, as values: reply lines and CAPA. Pure.
 */
#ifndef MULTIDROPD_POP3_REPLY_H
#define MULTIDROPD_POP3_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "multidropd/sasl.h"
#include "multidropd/str.h"

enum pop3_status {
	POP3_OK,
	POP3_ERR,
	POP3_CHALLENGE, /* "+ ", RFC 5034 */
	POP3_GARBAGE,   /* not a reply */
};

/* RFC 2449 8, RFC 3206. */
enum pop3_code {
	POP3_CODE_NONE,
	POP3_CODE_IN_USE,
	POP3_CODE_LOGIN_DELAY,
	POP3_CODE_SYS_TEMP,
	POP3_CODE_SYS_PERM,
	POP3_CODE_AUTH,
	POP3_CODE_OTHER, /* one that we do not know; it decides nothing */
};

struct pop3_reply {
	enum pop3_status status;
	enum pop3_code code;
	struct span text; /* behind the status, code included, for humans; the challenge of POP3_CHALLENGE */
};

/* `line` without CRLF. `text` points into it. */
struct pop3_reply pop3_reply_parse(struct span line);

/* What CAPA announces (RFC 2449 6, 2595, 5034, 6856). Zeroed before the first line. */
struct pop3_capa {
	bool top, uidl, user, stls, pipelining, utf8;
	bool expire_zero;
	int64_t login_delay_s;
	sasl_set sasl;
};

/* One line of the answer, without CRLF and not the final dot. What it does not know it leaves alone. */
void pop3_capa_line(struct pop3_capa *capa, struct span line);

#endif
