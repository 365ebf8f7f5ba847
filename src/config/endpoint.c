/* SPDX-License-Identifier: ISC
 *
 * "mail.example:25", "[2001:db8::1]:24", "unix:/run/dovecot/lmtp".
 */
#include "endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "syntax.h"
#include "multidropd/mem.h"

#define PORT_SMTP 25
#define PORT_LMTP 24
#define PORT_SMTPS 465

static const char *parse_socket(struct config_endpoint *endpoint, const char *path)
{
	struct sockaddr_un address;

	if (path[0] != '/')
		return "is no address: write unix: and the socket's whole path, unix:/run/dovecot/lmtp for example";
	if (strlen(path) >= sizeof(address.sun_path))
		return "is too long a path for a socket: 107 bytes at most";
	endpoint->path = mem_strdup(path);
	return NULL;
}

static const char *parse_endpoint(struct config_endpoint *endpoint, const char *value)
{
	static const char socket[] = "unix:";

	*endpoint = (struct config_endpoint){ 0 };
	if (strncmp(value, socket, sizeof(socket) - 1) == 0)
		return parse_socket(endpoint, value + sizeof(socket) - 1);
	return syntax_split_host(value, &endpoint->host, &endpoint->port);
}

const char *endpoint_check(const char *value)
{
	struct config_endpoint endpoint;
	const char *complaint = parse_endpoint(&endpoint, value);

	if (complaint == NULL) {
		free(endpoint.host);
		free(endpoint.path);
	}
	return complaint;
}

void endpoints_clear(struct config_relay *relay)
{
	for (size_t i = 0; i < relay->endpoint_count; i++) {
		free(relay->endpoints[i].host);
		free(relay->endpoints[i].path);
	}
	free(relay->endpoints);
	relay->endpoints = NULL;
	relay->endpoint_count = 0;
}

char *endpoint_set_addresses(void *base, const struct option *option, const struct given *given)
{
	struct config_relay *relay = base;

	(void)option;
	endpoints_clear(relay);
	relay->endpoints = mem_array(given->values->count, sizeof(*relay->endpoints));
	for (size_t i = 0; i < given->values->count; i++) {
		/* Each was checked. */
		if (parse_endpoint(&relay->endpoints[relay->endpoint_count], given->values->items[i]) == NULL)
			relay->endpoint_count++;
	}
	return NULL;
}

void endpoint_default_ports(struct config_relay *relay)
{
	uint16_t port = relay->lmtp ? PORT_LMTP : PORT_SMTP;

	if (relay->tls == CONFIG_TLS_IMPLICIT)
		port = PORT_SMTPS;
	for (size_t i = 0; i < relay->endpoint_count; i++) {
		if (relay->endpoints[i].host != NULL && relay->endpoints[i].port == 0)
			relay->endpoints[i].port = port;
	}
}
