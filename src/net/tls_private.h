/* SPDX-License-Identifier: ISC
 *
 * TLS inside net/: what pool and clients are made of, and one connection's
 * share of it.
 */
#ifndef MULTIDROPD_NET_TLS_PRIVATE_H
#define MULTIDROPD_NET_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/digest.h"
#include "multidropd/tls.h"

/* Head of whatever a pool shares: found by its key, gone with its last user. */
struct tls_shared {
	struct tls_pool *pool;
	void **tree; /* of tsearch(3), in the pool */
	char *key;
	unsigned users;
};

/* The pool lives until its owner and all that it shares are gone. */
struct tls_pool {
	void *stores;
	void *contexts;
	void *clients;
	unsigned users;
};

struct tls_store {
	struct tls_shared shared;
	X509_STORE *x509;
};

struct tls_context {
	struct tls_shared shared;
	struct tls_store *store;
	SSL_CTX *ssl;
};

struct tls_pin {
	uint8_t sha256[DIGEST_SHA256_LEN];
};

struct tls_client {
	struct tls_shared shared;
	struct tls_context *context;
	bool verify;
	char *name; /* to verify, and for SNI unless a literal */
	bool literal;
	char *min_version; /* for the texts: "1.2" */
	struct tls_pin *pins;
	size_t pin_count;
	SSL_SESSION *session; /* to resume, or NULL */
};

void *tls_shared_find(void **tree, const char *key); /* another user of it, or NULL */
void tls_shared_add(struct tls_pool *pool, void **tree, struct tls_shared *shared, char *take_key);
bool tls_shared_leave(struct tls_shared *shared); /* true: that was the last user, free the rest */

/* NULL with *error. Each is one user more, to be let go with its _leave. */
struct tls_context *tls_context_get(struct tls_pool *pool, const struct tls_settings *settings, char **error);
void tls_context_leave(struct tls_context *context);

struct tls_client *tls_client_use(struct tls_client *client); /* another user; NULL gives NULL */

/* NULL, or a static text. */
const char *tls_pin_parse(const char *text, struct tls_pin *pin);
void tls_pin_of(const X509 *certificate, struct tls_pin *pin);

/* Once for each context. */
void tls_connection_prepare(SSL_CTX *context);
/*
 * One connection: an SSL set up to verify as the client wants, with the
 * client's session. The SSL keeps the client in use. NULL: no memory.
 */
SSL *tls_connection_new(struct tls_client *client);
/*
 * To be asked when the handshake is done, because a resumed one verifies
 * nothing. 0, or -1 with *problem, a text that the caller frees.
 */
int tls_connection_check(SSL *ssl, const char *peer, char **problem) __attribute__((warn_unused_result));
/* Why the handshake failed; `error` is OpenSSL's (0: none), `saved_errno` the system's. The caller frees. */
char *tls_connection_problem(SSL *ssl, const char *peer, unsigned long error, int saved_errno);
size_t tls_connection_binding(SSL *ssl, uint8_t *out, size_t size, const char **type);

/* What is wrong with a certificate. */
struct tls_finding {
	int error;       /* X509_V_ERR_… */
	bool not_pinned; /* pins are set and this is none of them */
	X509 *leaf;      /* the server's */
	X509 *culprit;   /* the one in its chain that is at fault; NULL: the leaf */
};

/* In words, with the way out. The caller frees. */
char *tls_explain_certificate(const struct tls_client *client, const struct tls_finding *finding, const char *peer);
char *tls_explain_handshake(const struct tls_client *client, const char *peer, unsigned long error, int saved_errno);

#endif
