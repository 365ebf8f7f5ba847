/* SPDX-License-Identifier: ISC
 *
 * TLS as a client. A pool shares OpenSSL contexts and CA stores among all who
 * configure the same; a tls_client is one peer's view of it: settings, the name
 * to verify, pins and the session to resume.
 */
#ifndef MULTIDROPD_TLS_H
#define MULTIDROPD_TLS_H

#include <stdbool.h>

#include "multidropd/str.h"

struct tls_settings {
	bool verify;                     /* chain and name */
	const char *ca_file;             /* NULL or "": the system's, with ca_path empty too */
	const char *ca_path;
	const char *name;                /* expected in the certificate; NULL or "": the host connected to */
	const char *min_version;         /* "1.2" or "1.3" ("1.0", "1.1" where the library still can); NULL: 1.2 */
	const char *cert_file;           /* client certificate, NULL or "": none */
	const char *key_file;            /* NULL or "": in cert_file */
	const struct strlist *fingerprints; /* "sha256:HEX", colons allowed; one must match, then nothing else need */
};

struct tls_pool;
struct tls_client;

struct tls_pool *tls_pool_new(void);
void tls_pool_free(struct tls_pool **pool);          /* clients made from it keep what they need */

/*
 * NULL with *error (the caller frees) when a file cannot be read or does not
 * fit; the text names file and reason. Settings are copied. `host` is a DNS
 * name or an address literal and is verified as such (RFC 6125, 9525; SAN only).
 * Who asks for the same again gets the same client, with one free for each new.
 * Files are read once for a pool: a reload makes a new one.
 */
struct tls_client *tls_client_new(struct tls_pool *pool, const struct tls_settings *settings,
                                  const char *host, char **error) __attribute__((warn_unused_result));
void tls_client_free(struct tls_client **client);    /* streams in use keep what they need */

/* NULL, or what is wrong with "sha256:HEX" (a static text). */
const char *tls_fingerprint_check(const char *text);

#endif
