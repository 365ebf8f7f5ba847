/* SPDX-License-Identifier: ISC
 *
 * SHA-256 and MD5 by OpenSSL.
 */
#include "multidropd/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <sysexits.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

struct digest {
	EVP_MD_CTX *context;
};

/* Only memory can be missing here, and that ends the process as in mem.h. */
static void must(bool done)
{
	if (done)
		return;
	log_error("a digest could not be computed, ending; nothing is lost, the mail stays on the server");
	_Exit(EX_OSERR);
}

struct digest *digest_new(void)
{
	struct digest *digest = mem_alloc(sizeof(*digest));

	digest->context = EVP_MD_CTX_new();
	must(digest->context != NULL && EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1);
	return digest;
}

void digest_add(struct digest *digest, struct span bytes)
{
	must(EVP_DigestUpdate(digest->context, bytes.data, bytes.len) == 1);
}

void digest_finish(struct digest **digest, uint8_t out[DIGEST_SHA256_LEN])
{
	must(EVP_DigestFinal_ex((*digest)->context, out, NULL) == 1);
	EVP_MD_CTX_free((*digest)->context);
	free(*digest);
	*digest = NULL;
}

/*
 * A library context of its own has the default provider whatever openssl.cnf
 * says: on a machine in FIPS mode the ordinary context knows no MD5, and APOP
 * has no other digest.
 */
void digest_md5(struct span a, struct span b, uint8_t out[DIGEST_MD5_LEN])
{
	OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
	EVP_MD *md5 = EVP_MD_fetch(library, "MD5", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	must(md5 != NULL && context != NULL && EVP_DigestInit_ex(context, md5, NULL) == 1);
	must(EVP_DigestUpdate(context, a.data, a.len) == 1 && EVP_DigestUpdate(context, b.data, b.len) == 1);
	must(EVP_DigestFinal_ex(context, out, NULL) == 1);
	EVP_MD_CTX_free(context);
	EVP_MD_free(md5);
	OSSL_LIB_CTX_free(library);
}

void digest_hex(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}
