/* SPDX-License-Identifier: ISC
 *
 * One TLS connection: what is verified, what is remembered for the next one,
 * and the bytes that SASL binds to.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "tls_private.h"

/* Hangs on its SSL and is freed with it, whenever libevent is done with that. */
struct tls_connection {
	struct tls_client *client;
	struct tls_finding finding;
};

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int connection_index = -1;

static void connection_free(void *parent, void *data, CRYPTO_EX_DATA *extra, int index, long argl, void *argp)
{
	struct tls_connection *connection = data;

	(void)parent;
	(void)extra;
	(void)index;
	(void)argl;
	(void)argp;
	if (connection == NULL)
		return;
	X509_free(connection->finding.leaf);
	X509_free(connection->finding.culprit);
	tls_client_free(&connection->client);
	free(connection);
}

static void make_index(void)
{
	connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, connection_free);
}

static struct tls_connection *connection_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, connection_index);
}

static bool is_pinned(const struct tls_client *client, const X509 *leaf)
{
	struct tls_pin pin;

	tls_pin_of(leaf, &pin);
	for (size_t i = 0; i < client->pin_count; i++) {
		if (memcmp(&client->pins[i], &pin, sizeof(pin)) == 0)
			return true;
	}
	return false;
}

static X509 *share(X509 *certificate)
{
	if (certificate != NULL)
		X509_up_ref(certificate);
	return certificate;
}

static void keep_finding(struct tls_finding *finding, struct tls_finding found)
{
	X509_free(finding->leaf);
	X509_free(finding->culprit);
	*finding = found;
	share(finding->leaf);
	share(finding->culprit);
}

/* In place of OpenSSL's own: a pin stands for everything else, and who turned verification off gets none. */
static int verify_chain(X509_STORE_CTX *chain, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_connection *connection = connection_of(ssl);
	const struct tls_client *client = connection->client;
	struct tls_finding found = { .leaf = X509_STORE_CTX_get0_cert(chain) };

	(void)unused;
	if (client->pin_count > 0) {
		found.not_pinned = !is_pinned(client, found.leaf);
		found.error = found.not_pinned ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK;
	} else if (client->verify && X509_verify_cert(chain) != 1) {
		found.error = X509_STORE_CTX_get_error(chain);
		if (found.error == X509_V_OK)
			found.error = X509_V_ERR_UNSPECIFIED;
		if (X509_STORE_CTX_get_error_depth(chain) > 0)
			found.culprit = X509_STORE_CTX_get_current_cert(chain);
	}
	X509_STORE_CTX_set_error(chain, found.error);
	if (found.error == X509_V_OK)
		return 1;
	keep_finding(&connection->finding, found);
	return 0;
}

/* The newest session takes the slot. 1: the reference is ours now. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_client *client = connection_of(ssl)->client;

	SSL_SESSION_free(client->session);
	client->session = session;
	return 1;
}

/* RFC 6125, 9525: subjectAltName only. */
static int set_name(SSL *ssl, const struct tls_client *client)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (client->literal)
		return X509_VERIFY_PARAM_set1_ip_asc(param, client->name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, client->name) == 1 && SSL_set_tlsext_host_name(ssl, client->name) == 1;
}

void tls_connection_prepare(SSL_CTX *context)
{
	pthread_once(&index_once, make_index);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, verify_chain, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_new_session);
}

SSL *tls_connection_new(struct tls_client *client)
{
	struct tls_connection *connection;
	SSL *ssl = SSL_new(client->context->ssl);

	if (ssl == NULL)
		return NULL;
	connection = mem_alloc(sizeof(*connection));
	connection->client = tls_client_use(client);
	if (SSL_set_ex_data(ssl, connection_index, connection) != 1) {
		tls_client_free(&connection->client);
		free(connection);
		SSL_free(ssl);
		return NULL;
	}
	if (set_name(ssl, client) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	if (client->session != NULL && SSL_set_session(ssl, client->session) != 1)
		ERR_clear_error();
	return ssl;
}

/* What X509_verify_cert would say of the leaf's name and dates. */
static int leaf_error(const struct tls_client *client, X509 *leaf)
{
	unsigned flags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

	if (client->literal && X509_check_ip_asc(leaf, client->name, 0) != 1)
		return X509_V_ERR_IP_ADDRESS_MISMATCH;
	if (!client->literal && X509_check_host(leaf, client->name, 0, flags, NULL) != 1)
		return X509_V_ERR_HOSTNAME_MISMATCH;
	if (X509_cmp_current_time(X509_get0_notBefore(leaf)) >= 0)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) <= 0)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	return X509_V_OK;
}

static struct tls_finding judge_again(const SSL *ssl, const struct tls_client *client)
{
	struct tls_finding found = { .leaf = SSL_get0_peer_certificate(ssl) };

	if (client->pin_count > 0) {
		found.not_pinned = found.leaf == NULL || !is_pinned(client, found.leaf);
		found.error = found.not_pinned ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK;
	} else if (client->verify) {
		found.error = found.leaf == NULL ? X509_V_ERR_UNSPECIFIED : (int)SSL_get_verify_result(ssl);
		if (found.error == X509_V_OK)
			found.error = leaf_error(client, found.leaf);
	}
	return found;
}

/* A session that no longer stands the test would fail for ever, so it goes. */
int tls_connection_check(SSL *ssl, const char *peer, char **problem)
{
	struct tls_client *client = connection_of(ssl)->client;
	struct tls_finding found = judge_again(ssl, client);

	if (found.error == X509_V_OK)
		return 0;
	SSL_SESSION_free(client->session);
	client->session = NULL;
	*problem = tls_explain_certificate(client, &found, peer);
	return -1;
}

char *tls_connection_problem(SSL *ssl, const char *peer, unsigned long error, int saved_errno)
{
	const struct tls_connection *connection = connection_of(ssl);

	if (connection->finding.error != X509_V_OK)
		return tls_explain_certificate(connection->client, &connection->finding, peer);
	return tls_explain_handshake(connection->client, peer, error, saved_errno);
}

/*
 * tls-unique is the first Finished message of the handshake: ours in a full
 * one, the server's in a resumed one (RFC 5929 3.1). Without the extended
 * master secret a resumed one proves nothing (RFC 7627 1).
 */
static size_t tls_unique(SSL *ssl, uint8_t *out, size_t size)
{
	size_t len;

	if (!SSL_session_reused(ssl))
		len = SSL_get_finished(ssl, out, size);
	else
		len = SSL_get_extms_support(ssl) == 1 ? SSL_get_peer_finished(ssl, out, size) : 0;
	return len <= size ? len : 0;
}

size_t tls_connection_binding(SSL *ssl, uint8_t *out, size_t size, const char **type)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	enum { EXPORTER_LEN = 32 };

	if (SSL_version(ssl) < TLS1_3_VERSION) {
		*type = "tls-unique";
		return tls_unique(ssl, out, size);
	}
	*type = "tls-exporter";
	if (size < EXPORTER_LEN)
		return 0;
	if (SSL_export_keying_material(ssl, out, EXPORTER_LEN, label, sizeof(label) - 1, (const unsigned char *)"", 0,
	                               1) != 1)
		return 0;
	return EXPORTER_LEN;
}
