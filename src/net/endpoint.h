/* SPDX-License-Identifier: ISC
 *
 * Where to connect: copies of what the caller named, socket addresses, and the
 * text that stands for them in logs.
 */
#ifndef MULTIDROPD_NET_ENDPOINT_H
#define MULTIDROPD_NET_ENDPOINT_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "multidropd/stream.h"

struct endpoint_address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* Deep, the TLS client is used once more. */
void endpoint_copy(struct stream_endpoint *to, const struct stream_endpoint *from);
void endpoint_dispose(struct stream_endpoint *endpoint);

/* "pop.isp.example[192.0.2.1]:995"; without the address while that is NULL. The caller frees. */
char *endpoint_text(const struct stream_endpoint *endpoint, const struct endpoint_address *address);

/* false: `host` is no address literal. */
bool endpoint_literal(const char *host, uint16_t port, struct endpoint_address *address);
void endpoint_resolved(const struct addrinfo *info, uint16_t port, struct endpoint_address *address);
/* -1: the path is too long for a UNIX socket. */
int endpoint_unix(const char *path, struct endpoint_address *address);

bool endpoint_is_self(const struct endpoint_address *address);

/*
 * A socket bound to `source` (NULL: to nothing) that is being connected, or -1
 * with *reason, a text that the caller frees.
 */
int endpoint_connect(const struct endpoint_address *address, const char *source, char **reason);

#endif
