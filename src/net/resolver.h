/* SPDX-License-Identifier: ISC
 *
 * Names to addresses in the system's own way (nsswitch.conf, /etc/hosts, the
 * order of RFC 6724), without stopping the loop: getaddrinfo on a few threads.
 */
#ifndef MULTIDROPD_NET_RESOLVER_H
#define MULTIDROPD_NET_RESOLVER_H

#include <netdb.h>

#include "multidropd/loop.h"

#define RESOLVER_THREADS_MAX 4u

struct lookup;

/* From the loop; one of the two is NULL. Both are gone after the call, the lookup is before it. */
typedef void lookup_done_fn(void *ctx, const struct addrinfo *addresses, const char *error);

/*
 * Those who ask for the same name at the same time share one query. There is
 * no deadline here: whoever has waited long enough cancels. NULL with errno:
 * there are no descriptors left.
 */
struct lookup *lookup_start(struct loop *loop, const char *host, lookup_done_fn *done, void *ctx);
void lookup_cancel(struct lookup **lookup); /* NULL inside is fine */

#endif
