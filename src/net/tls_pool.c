/* SPDX-License-Identifier: ISC
 *
 * What TLS clients share. A store with all of the usual CAs takes 11 MiB and a
 * context some 0.1 MiB, so ten thousand accounts must not have one each.
 */
#include <errno.h>
#include <openssl/err.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidropd/mem.h"
#include "tls_private.h"

static bool is_set(const char *text)
{
	return text != NULL && *text != '\0';
}

struct tls_pool *tls_pool_new(void)
{
	struct tls_pool *pool = mem_alloc(sizeof(*pool));

	pool->users = 1;
	return pool;
}

static void pool_leave(struct tls_pool *pool)
{
	if (--pool->users == 0)
		free(pool);
}

void tls_pool_free(struct tls_pool **pool)
{
	if (*pool != NULL)
		pool_leave(*pool);
	*pool = NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct tls_shared *left = a;
	const struct tls_shared *right = b;

	return strcmp(left->key, right->key);
}

void *tls_shared_find(void **tree, const char *key)
{
	struct tls_shared wanted = { .key = (char *)key };
	struct tls_shared **found = tfind(&wanted, tree, compare_keys);

	if (found == NULL)
		return NULL;
	(*found)->users++;
	return *found;
}

void tls_shared_add(struct tls_pool *pool, void **tree, struct tls_shared *shared, char *take_key)
{
	*shared = (struct tls_shared){ .pool = pool, .tree = tree, .users = 1 };
	shared->key = take_key;
	pool->users++;
	tsearch(shared, tree, compare_keys);
}

bool tls_shared_leave(struct tls_shared *shared)
{
	if (--shared->users > 0)
		return false;
	tdelete(shared, shared->tree, compare_keys);
	free(shared->key);
	pool_leave(shared->pool);
	return true;
}

/* The oldest error is the cause, what follows are its consequences. */
static char *library_text(const char *what)
{
	unsigned long error = ERR_get_error();
	const char *reason = error == 0                ? "not understood"
	                     : ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
	                                               : ERR_reason_error_string(error);

	ERR_clear_error();
	return str_format("%s: %s", what, reason != NULL ? reason : "not understood");
}

/* OpenSSL says "no such file" in many ways; the system's is better. */
static int check_readable(const char *path, char **error)
{
	if (access(path, R_OK) == 0)
		return 0;
	*error = str_format("%s: %s", path, strerror(errno));
	return -1;
}

/* An administrator who names an intermediate or the server's own certificate as CA means it. */
static int store_fill(X509_STORE *store, const struct tls_settings *settings, char **error)
{
	bool file = is_set(settings->ca_file);
	bool path = is_set(settings->ca_path);

	if (!file && !path) {
		if (X509_STORE_set_default_paths(store) == 1)
			return 0;
		*error = library_text("the system's CA certificates");
		return -1;
	}
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if ((file && check_readable(settings->ca_file, error) < 0) ||
	    (path && check_readable(settings->ca_path, error) < 0))
		return -1;
	if (file && X509_STORE_load_file(store, settings->ca_file) != 1) {
		*error = library_text(settings->ca_file);
		return -1;
	}
	if (path && X509_STORE_load_path(store, settings->ca_path) != 1) {
		*error = library_text(settings->ca_path);
		return -1;
	}
	return 0;
}

static struct tls_store *store_get(struct tls_pool *pool, const struct tls_settings *settings, char **error)
{
	const char *file = is_set(settings->ca_file) ? settings->ca_file : "";
	const char *path = is_set(settings->ca_path) ? settings->ca_path : "";
	char *key = str_format("%zu %s %s", strlen(file), file, path);
	struct tls_store *store = tls_shared_find(&pool->stores, key);
	X509_STORE *x509;

	if (store != NULL) {
		free(key);
		return store;
	}
	x509 = X509_STORE_new();
	if (x509 == NULL || store_fill(x509, settings, error) < 0) {
		if (x509 == NULL)
			*error = library_text("CA certificates");
		X509_STORE_free(x509);
		free(key);
		return NULL;
	}
	store = mem_alloc(sizeof(*store));
	store->x509 = x509;
	tls_shared_add(pool, &pool->stores, &store->shared, key);
	return store;
}

static void store_leave(struct tls_store *store)
{
	if (!tls_shared_leave(&store->shared))
		return;
	X509_STORE_free(store->x509);
	free(store);
}

/* A daemon has no terminal to ask at. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
	(void)writing;
	(void)ctx;
	if (size > 0)
		*buffer = '\0';
	return -1;
}

static int load_certificate(SSL_CTX *ssl, const struct tls_settings *settings, char **error)
{
	const char *key_file = is_set(settings->key_file) ? settings->key_file : settings->cert_file;

	if (!is_set(settings->cert_file))
		return 0;
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	if (check_readable(settings->cert_file, error) < 0 || check_readable(key_file, error) < 0)
		return -1;
	if (SSL_CTX_use_certificate_chain_file(ssl, settings->cert_file) != 1) {
		*error = library_text(settings->cert_file);
		return -1;
	}
	if (SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ssl) != 1) {
		*error = library_text(key_file);
		return -1;
	}
	return 0;
}

/* Before 1.2 the protocol itself rests on SHA-1, which the library's default security level refuses. */
static int set_version(SSL_CTX *ssl, const char *version, char **error)
{
	static const struct {
		const char *name;
		int version;
		bool weak;
	} known[] = {
		{ "1.0", TLS1_VERSION, true },
		{ "1.1", TLS1_1_VERSION, true },
		{ "1.2", TLS1_2_VERSION, false },
		{ "1.3", TLS1_3_VERSION, false },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(version, known[i].name) != 0)
			continue;
		if (known[i].weak)
			SSL_CTX_set_security_level(ssl, 0);
		if (SSL_CTX_set_min_proto_version(ssl, known[i].version) == 1)
			return 0;
	}
	*error = str_format("TLS version \"%s\" is not known here", version);
	return -1;
}

/* Idle connections give their buffers back: 34 KiB each. */
static int context_fill(SSL_CTX *ssl, const struct tls_settings *settings, char **error)
{
	const char *version = is_set(settings->min_version) ? settings->min_version : "1.2";

	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	tls_connection_prepare(ssl);
	if (set_version(ssl, version, error) < 0)
		return -1;
	return load_certificate(ssl, settings, error);
}

static char *context_key(const struct tls_settings *settings, const struct tls_store *store)
{
	const char *cert = is_set(settings->cert_file) ? settings->cert_file : "";
	const char *key = is_set(settings->key_file) ? settings->key_file : "";
	const char *version = is_set(settings->min_version) ? settings->min_version : "1.2";

	return str_format("%s %zu %s %zu %s %s", version, strlen(cert), cert, strlen(key), key, store->shared.key);
}

struct tls_context *tls_context_get(struct tls_pool *pool, const struct tls_settings *settings, char **error)
{
	struct tls_store *store = store_get(pool, settings, error);
	struct tls_context *context;
	SSL_CTX *ssl;
	char *key;

	if (store == NULL)
		return NULL;
	key = context_key(settings, store);
	context = tls_shared_find(&pool->contexts, key);
	if (context != NULL) {
		store_leave(store);
		free(key);
		return context;
	}
	ssl = SSL_CTX_new(TLS_client_method());
	if (ssl == NULL || context_fill(ssl, settings, error) < 0) {
		if (ssl == NULL)
			*error = library_text("TLS");
		SSL_CTX_free(ssl);
		store_leave(store);
		free(key);
		return NULL;
	}
	SSL_CTX_set1_cert_store(ssl, store->x509);
	context = mem_alloc(sizeof(*context));
	context->store = store;
	context->ssl = ssl;
	tls_shared_add(pool, &pool->contexts, &context->shared, key);
	return context;
}

void tls_context_leave(struct tls_context *context)
{
	if (!tls_shared_leave(&context->shared))
		return;
	SSL_CTX_free(context->ssl);
	store_leave(context->store);
	free(context);
}
