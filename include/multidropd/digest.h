/* SPDX-License-Identifier: ISC
 *
 * Message digests, so that only net/ sees OpenSSL.
 */
#ifndef MULTIDROPD_DIGEST_H
#define MULTIDROPD_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

#define DIGEST_SHA256_LEN 32
#define DIGEST_MD5_LEN 16

struct digest;                                       /* a running SHA-256 */

struct digest *digest_new(void);
void digest_add(struct digest *digest, struct span bytes);
/* Writes the digest, frees the state and clears the caller's pointer. */
void digest_finish(struct digest **digest, uint8_t out[DIGEST_SHA256_LEN]);

/* MD5 of two pieces in a row: APOP's banner and secret (RFC 1939 7). */
void digest_md5(struct span a, struct span b, uint8_t out[DIGEST_MD5_LEN]);

void digest_hex(const uint8_t *bytes, size_t len, char *out); /* 2 * len + 1 bytes, lower case */

#endif
