/* SPDX-License-Identifier: ISC
 *
 * A relay: a pool of SMTP or LMTP connections (RFC 5321, 2033, 2920, 1870,
 * 6152, 6531, 3461, 3207, 4954) that takes deliveries. SMTP and LMTP are one client:
 * each recipient gets its own verdict in both.
 *
 * Every callback comes from the loop, never from inside a call.
 */
#ifndef MULTIDROPD_RELAY_H
#define MULTIDROPD_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/loop.h"
#include "multidropd/sasl.h"
#include "multidropd/stream.h"

#define RELAY_RECIPIENTS_MAX 100u           /* of one transaction; RFC 5321 4.5.3.1.8 */
#define RELAY_MAILS_PER_CONNECTION 50u      /* OpenSMTPD refuses the 101st */
#define RELAY_REPLY_LINE_MAX 1024u
#define RELAY_REPLY_LINES_MAX 128u
#define RELAY_DOT_TIMEOUT_MIN_MS 600000     /* RFC 5321 4.5.3.2.6 */

enum relay_tls { RELAY_TLS_NONE, RELAY_TLS_STARTTLS, RELAY_TLS_IMPLICIT };

/* Everything is borrowed and must outlive the relay. */
struct relay_params {
	const char *name;
	bool lmtp;
	const struct stream_endpoint *endpoints; /* tried in order */
	size_t endpoint_count;
	enum relay_tls tls;
	const char *hostname;                    /* for EHLO or LHLO */
	const char *user;                        /* NULL or "": no login */
	struct secret_source secret;
	bool token;
	const enum sasl_mechanism *auth;         /* NULL: auto */
	size_t auth_count;
	unsigned max_connections;
	int64_t idle_timeout_ms;
	int64_t timeout_ms;
	bool pipelining;                         /* where offered */
	bool dsn;                                /* RFC 3461, where offered */
	int64_t retry_min_ms, retry_max_ms;      /* pauses while it cannot be reached */
};

struct relay;

struct relay *relay_new(struct loop *loop, const struct relay_params *params);
/* Idle connections QUIT now; for a moment before relay_free, so that the QUIT still gets out. */
void relay_quit(struct relay *relay);
/*
 * Closes what is open; allowed from any callback. Deliveries must have ended or
 * been cancelled; checks are no longer answered, but still to be cancelled.
 */
void relay_free(struct relay **relay);

enum relay_state { RELAY_UNKNOWN, RELAY_UP, RELAY_DOWN };

enum relay_state relay_state(const struct relay *relay);
unsigned relay_connections(const struct relay *relay);
const char *relay_last_error(const struct relay *relay);   /* NULL: none */
/* How long until a connection is tried again; 0: at once. Logged once when it goes down, once when it is back. */
int64_t relay_retry_ms(const struct relay *relay);

/*
 * Before mail is retrieved: does the relay take mail? Answers once, from the
 * loop: after a connection attempt including greeting, EHLO, TLS and login
 * unless one is up, at once with `up` false while a pause lasts.
 */
struct relay_check;
struct relay_check *relay_check(struct relay *relay, void (*checked)(void *ctx, bool up, const char *text), void *ctx);
/* Frees it, also after the answer, which does not; NULL inside is fine. */
void relay_check_cancel(struct relay_check **check);

/*
 * What a transaction draws its bytes from: canonical lines (canon.h). The
 * client stuffs the dots. peek gives the next bytes and never blocks; what
 * was taken is not given again unless rewound.
 */
enum source_state {
	SOURCE_BYTES,           /* *bytes is not empty */
	SOURCE_WAIT,            /* nothing yet: delivery_resume will be called */
	SOURCE_END,             /* all was taken */
	SOURCE_BROKEN,          /* the rest will never come: the transaction must not be completed */
};

struct delivery_source {
	enum source_state (*peek)(void *ctx, struct span *bytes);
	void (*take)(void *ctx, size_t len);
	bool (*rewind)(void *ctx);              /* back to the first byte; false: cannot be */
	void *ctx;
};

enum verdict_kind {
	VERDICT_ACCEPTED,       /* the relay has taken responsibility for this recipient */
	VERDICT_DEFERRED,       /* 4xx for this recipient or the message */
	VERDICT_REFUSED,        /* 5xx for this recipient or the message; also size over SIZE, missing SMTPUTF8 */
	VERDICT_TOO_MANY,       /* 452 or 552 to RCPT behind an accepted one: another transaction may do at once */
	VERDICT_UNDECIDED,      /* nothing was said and the content was not completed: connection, login, greeting, broken source */
	VERDICT_UNKNOWN,        /* the final dot was sent and no answer came: it may have been delivered */
};

enum verdict_stage { STAGE_CONNECT, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_DOT };

struct verdict {
	enum verdict_kind kind;
	enum verdict_stage stage;
	int code;               /* 0: no reply */
	struct span reply;      /* the whole reply, lines joined by a blank, code included; or our own words */
	const char *peer;       /* which endpoint said so; NULL: none was reached */
};

struct delivery_events {
	/* A transaction begins on a connection: from now on the relay may have it. Again for another attempt. NULL: not wanted. */
	void (*begun)(void *ctx);
	/* Exactly once for each recipient, as soon as it is known. Spans are gone after the call. */
	void (*verdict)(void *ctx, size_t recipient, const struct verdict *verdict);
	/* After the last verdict; the delivery is gone when this returns. */
	void (*ended)(void *ctx);
};

/* What a later failure behind the relay is to do (RFC 3461 4.1); said only to a relay that offers DSN. */
enum delivery_notify {
	DELIVERY_NOTIFY_DEFAULT,                /* nothing is said */
	DELIVERY_NOTIFY_FAILURE,
	DELIVERY_NOTIFY_NEVER,
};

/* Borrowed until the delivery ended. */
struct delivery_params {
	const char *sender;                     /* "" is the null sender */
	const char *const *recipients;          /* formatted, as they go into RCPT; 1 to RELAY_RECIPIENTS_MAX */
	size_t recipient_count;
	uint64_t size;                          /* exact, when all is held; 0: not known (no SIZE= then) */
	bool body_8bit;                         /* may hold bytes above 0x7f, header or body: BODY=8BITMIME where offered */
	bool need_smtputf8;                     /* an address is 8-bit; without SMTPUTF8 such addresses are refused */
	enum delivery_notify notify;            /* of each recipient */
	/*
	 * By recipient, for ORCPT beside NOTIFY=FAILURE: the address as the message
	 * had it, without brackets. NULL, or an item NULL: none. One that is 8-bit
	 * is named only where SMTPUTF8 is used, one of about 470 bytes or more never.
	 */
	const char *const *originals;
	const char *envid;                      /* for ENVID: printable, up to 100 bytes; with RET=HDRS; NULL: none */
	struct delivery_source source;
};

struct delivery;

/*
 * Queues a transaction for the next free connection. A connection that fails
 * before anything was decided (also 421 or 452 to MAIL, or a close, on one
 * that has delivered before) is replaced by a new one while the source can
 * be rewound; whatever it ends with is told for each recipient.
 */
struct delivery *delivery_start(struct relay *relay, const struct delivery_params *params,
                                const struct delivery_events *events, void *ctx);
/* After SOURCE_WAIT: bytes, the end or the break are there. Harmless otherwise. */
void delivery_resume(struct delivery *delivery);
/* The final dot is on its way and its answer is open. */
bool delivery_dot_sent(const struct delivery *delivery);
/* No further callback. Content that was not complete is cut off by closing the connection. */
void delivery_cancel(struct delivery **delivery);

#endif
