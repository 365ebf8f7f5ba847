/* SPDX-License-Identifier: ISC
 *
 * Socket addresses and the sockets for them.
 */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "multidropd/mem.h"
#include "tls_private.h"

void endpoint_copy(struct stream_endpoint *to, const struct stream_endpoint *from)
{
	*to = *from;
	to->host = from->host != NULL ? mem_strdup(from->host) : NULL;
	to->path = from->path != NULL ? mem_strdup(from->path) : NULL;
	to->tls = tls_client_use(from->tls);
}

void endpoint_dispose(struct stream_endpoint *endpoint)
{
	free((char *)endpoint->host);
	free((char *)endpoint->path);
	tls_client_free(&endpoint->tls);
}

char *endpoint_text(const struct stream_endpoint *endpoint, const struct endpoint_address *address)
{
	char numeric[NI_MAXHOST];

	if (endpoint->host == NULL)
		return str_format("unix:%s", endpoint->path);
	if (address == NULL || getnameinfo((const struct sockaddr *)&address->storage, address->len, numeric,
	                                   sizeof(numeric), NULL, 0, NI_NUMERICHOST) != 0)
		return str_format("%s:%u", endpoint->host, endpoint->port);
	if (strcmp(numeric, endpoint->host) != 0)
		return str_format("%s[%s]:%u", endpoint->host, numeric, endpoint->port);
	return str_format(strchr(numeric, ':') != NULL ? "[%s]:%u" : "%s:%u", numeric, endpoint->port);
}

static void set_port(struct endpoint_address *address, uint16_t port)
{
	if (address->storage.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
}

void endpoint_resolved(const struct addrinfo *info, uint16_t port, struct endpoint_address *address)
{
	*address = (struct endpoint_address){ .len = info->ai_addrlen };
	memcpy(&address->storage, info->ai_addr, info->ai_addrlen);
	set_port(address, port);
}

/* getaddrinfo, because inet_pton knows no zones ("fe80::1%eth0"). */
bool endpoint_literal(const char *host, uint16_t port, struct endpoint_address *address)
{
	static const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	endpoint_resolved(found, port, address);
	freeaddrinfo(found);
	return true;
}

int endpoint_unix(const char *path, struct endpoint_address *address)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(name.sun_path))
		return -1;
	memcpy(name.sun_path, path, len + 1);
	*address = (struct endpoint_address){ .len = sizeof(name) };
	memcpy(&address->storage, &name, sizeof(name));
	return 0;
}

/* Whoever may bind to an address owns it; getifaddrs would need AF_NETLINK, which the sandbox takes away. */
bool endpoint_is_self(const struct endpoint_address *address)
{
	struct endpoint_address any_port = *address;
	int fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool self;

	if (fd < 0)
		return false;
	set_port(&any_port, 0);
	self = bind(fd, (const struct sockaddr *)&any_port.storage, any_port.len) == 0;
	close(fd);
	return self;
}

static int bind_source(int fd, int family, const char *source, char **reason)
{
	struct endpoint_address local;
	int on = 1;

	if (!endpoint_literal(source, 0, &local)) {
		*reason = str_format("source_address %s is not an address", source);
		return -1;
	}
	if (local.storage.ss_family != family) {
		*reason = str_format("not tried, source_address %s is of the other family", source);
		return -1;
	}
	/* The port is then chosen by connect, so that many connections can share one. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&local.storage, local.len) == 0)
		return 0;
	*reason = str_format("source_address %s: %s", source, strerror(errno));
	return -1;
}

static int prepare_tcp(int fd, int family, const char *source, char **reason)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return source != NULL ? bind_source(fd, family, source, reason) : 0;
}

int endpoint_connect(const struct endpoint_address *address, const char *source, char **reason)
{
	int family = address->storage.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		*reason = mem_strdup(strerror(errno));
		return -1;
	}
	if (family != AF_UNIX && prepare_tcp(fd, family, source, reason) < 0) {
		close(fd);
		return -1;
	}
	if (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0 || errno == EINPROGRESS ||
	    errno == EINTR)
		return fd;
	*reason = mem_strdup(strerror(errno));
	close(fd);
	return -1;
}
