/* SPDX-License-Identifier: ISC
 *
 * Authentication for both clients: which mechanism comes next, and one
 * exchange of it (RFC 4422; POP3: RFC 5034, SMTP: RFC 4954).
 */
#ifndef MULTIDROPD_SASL_H
#define MULTIDROPD_SASL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

/* In order of preference for `auto`; the oauth ones are for accounts with a token, the last three only when named. */
enum sasl_mechanism {
	SASL_SCRAM_SHA_256_PLUS,
	SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_1,
	SASL_CRAM_MD5,
	SASL_APOP,              /* POP3 only, RFC 1939 7 */
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_USER,              /* POP3's USER and PASS */
	SASL_OAUTHBEARER,
	SASL_XOAUTH2,
	SASL_EXTERNAL,
	SASL_NTLM,
	SASL_MSN,               /* NTLM spelled AUTH MSN */
	SASL_MECHANISM_COUNT,
	SASL_NONE = -1,
};

typedef uint32_t sasl_set;      /* bit 1u << enum sasl_mechanism */
#define SASL_BIT(mechanism) (1u << (mechanism))

const char *sasl_config_name(enum sasl_mechanism mechanism);    /* "scram-sha-256" */
const char *sasl_wire_name(enum sasl_mechanism mechanism);      /* "SCRAM-SHA-256"; NULL for APOP and USER */
enum sasl_mechanism sasl_by_config_name(const char *name);      /* SASL_NONE: unknown */
enum sasl_mechanism sasl_by_wire_name(struct span name);        /* as in CAPA or EHLO, any case */
bool sasl_is_clear(enum sasl_mechanism mechanism);              /* shows the secret to whoever listens */

/* What one login remembers over connections; lives with the account or relay, zeroed at start. */
struct sasl_memory {
	sasl_set refused;       /* in this poll */
	sasl_set skipped;       /* refused once, and another has succeeded since: not tried again until restart */
	unsigned tries;         /* in this poll */
};

#define SASL_TRIES_MAX 3u

struct sasl_choice {
	sasl_set offered;       /* what the server announces, APOP and USER included */
	const enum sasl_mechanism *allowed; /* `auth` in the administrator's order; NULL: auto */
	size_t allowed_count;
	bool encrypted;
	bool binding;           /* channel binding data is at hand */
	bool token;             /* the secret is an OAuth token */
};

void sasl_poll_begin(struct sasl_memory *memory);
void sasl_refused(struct sasl_memory *memory, enum sasl_mechanism mechanism);
void sasl_succeeded(struct sasl_memory *memory, enum sasl_mechanism mechanism);

/*
 * The next mechanism to try, or SASL_NONE with *why set to a static text that
 * an administrator understands (all refused, nothing offered that is allowed,
 * three tries are enough). With auto and no encryption a clear-text mechanism
 * comes only where the server offers nothing stronger, never after a stronger
 * one was refused. Named mechanisms are tried in their order if offered
 * (USER and PLAIN also where the server announces no list at all).
 */
enum sasl_mechanism sasl_choose(const struct sasl_choice *choice, const struct sasl_memory *memory, const char **why);

struct sasl_params {
	enum sasl_mechanism mechanism;
	const char *service;            /* "pop" or "smtp" */
	const char *host;
	const char *user;
	struct span secret;             /* password or token; borrowed until sasl_free */
	const uint8_t *binding;         /* only for -PLUS */
	size_t binding_len;
	const char *binding_type;
};

struct sasl;

enum sasl_status {
	SASL_SEND,              /* *out is the next line to send, base64, "" for an empty response */
	SASL_FINISHED,          /* as SEND, and nothing more is needed but the server's verdict */
	SASL_FAILED,            /* broken challenge, or the server did not prove itself; sasl_error says what */
};

#define SASL_CHALLENGE_MAX 16384u
#define SASL_ITERATIONS_MAX 100000u

/* Never NULL; what is wrong shows at the first step. */
struct sasl *sasl_new(const struct sasl_params *params);
void sasl_free(struct sasl **sasl);

/* Whether the mechanism speaks first, so that an initial response may go with AUTH. */
bool sasl_client_first(const struct sasl *sasl);

/* `challenge` is the base64 text of the server's line, empty for the initial response. *out is cleared first; the caller wipes it. */
enum sasl_status sasl_step(struct sasl *sasl, struct span challenge, struct strbuf *out);

/* After the server said that the login succeeded: -1 where it owes us a proof that it never gave (SCRAM). */
int sasl_verify_end(const struct sasl *sasl) __attribute__((warn_unused_result));
/* Never NULL. Also what an OAuth server said about its refusal, which comes as a challenge before its verdict. */
const char *sasl_error(const struct sasl *sasl);

/* The msg-id of an APOP greeting, or empty: exactly one, valid by RFC 5322 3.6.4, ASCII only (CVE-2007-1558). */
struct span sasl_apop_banner(struct span greeting);
/* MD5 in hex of banner and secret. */
void sasl_apop_digest(struct span banner, struct span secret, char out[33]);

/* A secret that has to be fetched: a file read, a command run. */
typedef void secret_done_fn(void *ctx, struct span secret, const char *error); /* error NULL: secret is valid during the call */
struct secret_source {
	/* Calls done once, from the loop or at once, unless cancelled. */
	void (*fetch)(void *source, secret_done_fn *done, void *ctx);
	void (*cancel)(void *source, void *ctx);     /* ctx as given to fetch */
	void *source;
};

#endif
