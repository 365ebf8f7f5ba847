/* SPDX-License-Identifier: ISC
 *
 * A POP3 session as a client (RFC 1939, 2449, 2595, 3206, 5034, 6856, 8314).
 * It connects, negotiates and logs in by itself, reports `ready`, and then does
 * what it is asked, many commands in flight at once.
 *
 * Every callback comes from the loop. `closed` comes once, last; the owner
 * then calls pop3_free. pop3_free is allowed at any time, from a callback too,
 * and cuts the connection without QUIT.
 */
#ifndef MULTIDROPD_POP3_H
#define MULTIDROPD_POP3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/loop.h"
#include "multidropd/sasl.h"
#include "multidropd/stream.h"

#define POP3_LINE_MAX 1024u                 /* a reply line; RFC 2449 4: 512 */
#define POP3_MULTILINE_MAX 128u             /* lines of CAPA */
#define POP3_LISTING_ENTRIES_MAX 1000000u
#define POP3_LISTING_BYTES_MAX (128u * 1024u * 1024u)
#define POP3_ENV_MAX 65536u                 /* bytes that come for *ENV, its final dot included; more end the session */

enum pop3_tls { POP3_TLS_NONE, POP3_TLS_STARTTLS, POP3_TLS_IMPLICIT };

/* How servers behave beyond what they announce; lives with the account, zeroed at start. */
struct pop3_memory {
	struct sasl_memory sasl;
	bool pipelining_works;                  /* a small first flight has proved it */
	bool pipelining_fails;
};

/* What it points to is borrowed and must outlive the session; the struct itself is copied. */
struct pop3_params {
	const char *host;
	uint16_t port;
	enum pop3_tls tls;
	struct tls_client *tls_client;          /* NULL with POP3_TLS_NONE */
	const char *source_address;
	bool refuse_self;
	const char *user;
	struct secret_source secret;
	bool token;                             /* the secret is an OAuth token */
	const enum sasl_mechanism *auth;        /* NULL: auto */
	size_t auth_count;
	int64_t connect_timeout_ms;
	int64_t timeout_ms;
	bool pipelining;                        /* false: one command at a time */
	const char *label;                      /* the account, for the log */
	struct pop3_memory *memory;
};

/* RFC 2449 8, RFC 3206, and what no code says. */
enum pop3_trouble {
	POP3_TROUBLE_NONE,                      /* after QUIT: all is well */
	POP3_TROUBLE_CONNECT,                   /* not reached, or closed without a greeting: the host's trouble */
	POP3_TROUBLE_BUSY,                      /* closed without a greeting after connecting: too many sessions */
	POP3_TROUBLE_TLS,                       /* handshake, certificate, or STLS missing or refused */
	POP3_TROUBLE_AUTH,                      /* all that may be tried was refused */
	POP3_TROUBLE_SECRET,                    /* the secret could not be had */
	POP3_TROUBLE_TEMPORARY,                 /* [SYS/TEMP] */
	POP3_TROUBLE_IN_USE,                    /* [IN-USE] */
	POP3_TROUBLE_LOGIN_DELAY,               /* [LOGIN-DELAY] */
	POP3_TROUBLE_PERMANENT,                 /* [SYS/PERM] */
	POP3_TROUBLE_PROTOCOL,                  /* what came is not POP3, or over a limit */
	POP3_TROUBLE_LOST,                      /* cut, closed or timed out in the middle */
};

struct pop3_end {
	enum pop3_trouble trouble;
	const char *text;                       /* for the log and status; gone after the call */
	bool quit_confirmed;                    /* +OK to QUIT came: the DELEs of this session hold */
	bool reached;                           /* a greeting of +OK had come: back-off is the account's, not the host's */
};

/* Belongs to the session and lives until `closed`; brought up to date before `listed`, since CAPA is asked again then. */
struct pop3_facts {
	const char *tls_version;                /* NULL: clear text */
	const char *auth;                       /* config name of the mechanism */
	bool has_uidl, has_top;                 /* as announced, or true where nothing is announced */
	int64_t login_delay_s;                  /* 0: none announced */
	bool expire_zero;                       /* EXPIRE 0: QUIT may delete what was retrieved */
	bool utf8;                              /* UTF8 was accepted (RFC 6856) */
};

/* One message of the maildrop. */
struct pop3_entry {
	uint32_t number;
	struct span uid;                        /* empty where the server has no UIDL */
	uint64_t size;                          /* LIST's figure, a hint; 0: not listed */
};

struct pop3_listing {
	const struct pop3_entry *entries;       /* in the server's order, without those that were broken */
	size_t count;
	bool has_uids;
	bool truncated;                         /* a limit was hit: this is not all, nothing may be called gone */
	size_t broken;                          /* listing lines that made no sense */
};

enum pop3_message_end {
	POP3_MESSAGE_COMPLETE,
	POP3_MESSAGE_REFUSED,                   /* -ERR: this message's trouble only */
	POP3_MESSAGE_CUT,                       /* the session ended inside or before it; `closed` follows */
};

struct pop3_events {
	void (*ready)(void *ctx, const struct pop3_facts *facts);
	/* Belongs to the session; gone after the call. */
	void (*listed)(void *ctx, const struct pop3_listing *listing);
	/*
	 * RETR, TOP and *ENV, in the order asked: begun once +OK came, canonical
	 * bytes (canon.h), then the end. REFUSED comes without `begun`. `bytes` is what
	 * came over the wire for it.
	 */
	void (*message_begun)(void *ctx, uint32_t number);
	void (*message_bytes)(void *ctx, uint32_t number, const char *data, size_t len);
	void (*message_ended)(void *ctx, uint32_t number, enum pop3_message_end how, uint64_t bytes, const char *text);
	/* Not for those that `closed` overtakes: whether these hold only the next listing shows. */
	void (*deleted)(void *ctx, uint32_t number, bool ok, const char *text);
	void (*closed)(void *ctx, const struct pop3_end *end);
};

struct pop3_session;

/* A session is a poll's login: sasl_poll_begin is called for params->memory. */
struct pop3_session *pop3_open(struct loop *loop, const struct pop3_params *params,
                               const struct pop3_events *events, void *ctx);
void pop3_free(struct pop3_session **session);

/* From `ready` on, before it they do nothing. Each is queued and sent as soon as pipelining allows. */
void pop3_list(struct pop3_session *session);                        /* UIDL and LIST in one flight → listed */
void pop3_retr(struct pop3_session *session, uint32_t number);
void pop3_top(struct pop3_session *session, uint32_t number);        /* TOP n 0: header only */
/* The *ENV n of Demon's SDPS: the envelope, a line each; events as for TOP. For servers that do not know it -ERR: REFUSED. */
void pop3_env(struct pop3_session *session, uint32_t number);
void pop3_dele(struct pop3_session *session, uint32_t number);
void pop3_quit(struct pop3_session *session);                        /* after what is queued; → closed */

/* Stops reading from the server: back-pressure. Message bytes may still come for up to 64 KiB after it. */
void pop3_pause(struct pop3_session *session, bool paused);
/* The session stays open though nothing is asked of it for now (deliveries are under way): no timeout runs then anyway. */
size_t pop3_in_flight(const struct pop3_session *session);           /* commands sent or queued and not answered */

#endif
