/* SPDX-License-Identifier: ISC
 *
 * One peer's view of TLS. Clients that want the same of the same host are one
 * object, so that ten thousand accounts at one provider share one session.
 */
#include "multidropd/tls.h"

#include <arpa/inet.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "tls_private.h"

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

const char *tls_pin_parse(const char *text, struct tls_pin *pin)
{
	static const char scheme[] = "sha256:";
	size_t digits = 0;

	if (!span_starts_case(span_of(text), scheme))
		return "it must begin with \"sha256:\"";
	*pin = (struct tls_pin){ 0 };
	for (const char *at = text + strlen(scheme); *at != '\0'; at++) {
		int digit = hex_digit(*at);

		/* Colons stand between bytes, as openssl x509 -fingerprint prints them. */
		if (*at == ':' && digits % 2 == 0)
			continue;
		if (digit < 0)
			return "after \"sha256:\" only hexadecimal digits, with or without colons, may stand";
		if (digits == 2 * sizeof(pin->sha256))
			return "it has more than 64 hexadecimal digits";
		pin->sha256[digits / 2] = (uint8_t)(pin->sha256[digits / 2] << 4 | digit);
		digits++;
	}
	return digits == 2 * sizeof(pin->sha256) ? NULL : "it has fewer than 64 hexadecimal digits";
}

const char *tls_fingerprint_check(const char *text)
{
	struct tls_pin pin;

	return tls_pin_parse(text, &pin);
}

void tls_pin_of(const X509 *certificate, struct tls_pin *pin)
{
	unsigned len = sizeof(pin->sha256);

	*pin = (struct tls_pin){ 0 };
	X509_digest(certificate, EVP_sha256(), pin->sha256, &len);
}

static bool is_literal(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* "fe80::1%eth0": the zone is this machine's business, no certificate has it. A last dot is no part of a name either.
 */
static char *name_to_verify(const struct tls_settings *settings, const char *host)
{
	const char *name = settings->name != NULL && *settings->name != '\0' ? settings->name : host;
	char *copy = mem_strdup(name);
	char *zone = strchr(copy, '%');
	size_t len;

	if (zone != NULL && strchr(copy, ':') != NULL)
		*zone = '\0';
	len = strlen(copy);
	if (len > 1 && copy[len - 1] == '.')
		copy[len - 1] = '\0';
	return copy;
}

/* OpenSSL takes an empty name for "any". */
static int client_set_name(struct tls_client *client, const struct tls_settings *settings, const char *host,
                           char **error)
{
	client->name = name_to_verify(settings, host);
	client->literal = is_literal(client->name);
	if (*client->name != '\0' && strlen(client->name) <= TLSEXT_MAXLEN_host_name)
		return 0;
	*error = str_format("\"%s\" is no name that a certificate could be for", client->name);
	return -1;
}

static int client_set_pins(struct tls_client *client, const struct strlist *fingerprints, char **error)
{
	size_t count = fingerprints != NULL ? fingerprints->count : 0;

	client->pins = mem_array(count, sizeof(*client->pins));
	for (size_t i = 0; i < count; i++) {
		const char *wrong = tls_pin_parse(fingerprints->items[i], &client->pins[i]);

		if (wrong != NULL) {
			*error = str_format("tls_fingerprint \"%s\": %s", fingerprints->items[i], wrong);
			return -1;
		}
	}
	client->pin_count = count;
	return 0;
}

static char *client_key(const struct tls_client *client)
{
	struct strbuf key = { 0 };

	strbuf_addf(&key, "%d %zu %s %s", client->verify, strlen(client->name), client->name,
	            client->context->shared.key);
	for (size_t i = 0; i < client->pin_count; i++) {
		char hex[2 * DIGEST_SHA256_LEN + 1];

		digest_hex(client->pins[i].sha256, DIGEST_SHA256_LEN, hex);
		strbuf_addf(&key, " %s", hex);
	}
	return strbuf_take(&key);
}

static void client_dispose(struct tls_client *client)
{
	SSL_SESSION_free(client->session);
	if (client->context != NULL)
		tls_context_leave(client->context);
	free(client->pins);
	free(client->min_version);
	free(client->name);
	free(client);
}

struct tls_client *tls_client_new(struct tls_pool *pool, const struct tls_settings *settings, const char *host,
                                  char **error)
{
	struct tls_client *client = mem_alloc(sizeof(*client));
	struct tls_client *twin;
	char *key;

	client->verify = settings->verify;
	client->min_version = mem_strdup(
		settings->min_version != NULL && *settings->min_version != '\0' ? settings->min_version : "1.2");
	if (client_set_name(client, settings, host, error) < 0 ||
	    client_set_pins(client, settings->fingerprints, error) < 0 ||
	    (client->context = tls_context_get(pool, settings, error)) == NULL) {
		client_dispose(client);
		return NULL;
	}
	key = client_key(client);
	twin = tls_shared_find(&pool->clients, key);
	if (twin != NULL) {
		free(key);
		client_dispose(client);
		return twin;
	}
	tls_shared_add(pool, &pool->clients, &client->shared, key);
	return client;
}

void tls_client_free(struct tls_client **client)
{
	if (*client != NULL && tls_shared_leave(&(*client)->shared))
		client_dispose(*client);
	*client = NULL;
}

struct tls_client *tls_client_use(struct tls_client *client)
{
	if (client != NULL)
		client->shared.users++;
	return client;
}
