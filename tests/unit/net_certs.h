/* SPDX-License-Identifier: ISC
 *
 * Certificates for net/'s tests, made on the spot, and a TLS server's context.
 * Included by one test after cmocka.
 */
#ifndef MULTIDROPD_TESTS_NET_CERTS_H
#define MULTIDROPD_TESTS_NET_CERTS_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "multidropd/digest.h"
#include "multidropd/str.h"

#define DAY 86400L

struct cert {
	X509 *x509;
	EVP_PKEY *key;
};

struct cert_wish {
	const char *name;          /* common name */
	const char *san;           /* "DNS:a.example,IP:127.0.0.1"; NULL: none */
	const struct cert *issuer; /* NULL: itself */
	bool ca;
	long from_s, until_s; /* from now; both 0: a day either way */
};

static inline void cert_extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static inline struct cert cert_make(struct cert_wish wish)
{
	static long serial = 1;
	struct cert cert = { .x509 = X509_new(), .key = EVP_EC_gen("P-256") };
	const struct cert *issuer = wish.issuer != NULL ? wish.issuer : &cert;
	X509_NAME *name = X509_get_subject_name(cert.x509);
	bool dates = wish.from_s != 0 || wish.until_s != 0;

	assert_non_null(cert.key);
	X509_set_version(cert.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert.x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert.x509), dates ? wish.from_s : -DAY);
	X509_gmtime_adj(X509_getm_notAfter(cert.x509), dates ? wish.until_s : DAY);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish.name, -1, -1, 0);
	X509_set_issuer_name(cert.x509, X509_get_subject_name(issuer->x509));
	X509_set_pubkey(cert.x509, cert.key);
	cert_extend(cert.x509, issuer->x509, NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "CA:FALSE");
	cert_extend(cert.x509, issuer->x509, NID_subject_key_identifier, "hash");
	if (wish.san != NULL)
		cert_extend(cert.x509, issuer->x509, NID_subject_alt_name, wish.san);
	assert_true(X509_sign(cert.x509, issuer->key, EVP_sha256()) > 0);
	return cert;
}

static inline void cert_free(struct cert *cert)
{
	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
}

/* Certificate, and key unless NULL, in one file. */
static inline void cert_write(const char *path, const X509 *x509, EVP_PKEY *key)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	if (x509 != NULL)
		assert_int_equal(PEM_write_X509(file, x509), 1);
	if (key != NULL)
		assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
}

static inline char *cert_pin(const struct cert *cert)
{
	uint8_t digest[DIGEST_SHA256_LEN];
	char hex[2 * DIGEST_SHA256_LEN + 1];
	unsigned len = sizeof(digest);

	assert_int_equal(X509_digest(cert->x509, EVP_sha256(), digest, &len), 1);
	digest_hex(digest, len, hex);
	return str_format("sha256:%s", hex);
}

static inline SSL_CTX *server_context(const struct cert *cert)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	assert_non_null(context);
	assert_int_equal(SSL_CTX_use_certificate(context, cert->x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, cert->key), 1);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"test", 4);
	return context;
}

#endif
