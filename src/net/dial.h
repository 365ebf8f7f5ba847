/* SPDX-License-Identifier: ISC
 *
 * The way to a connection: endpoint by endpoint, address by address, each with
 * its deadline, until one is ready for use.
 */
#ifndef MULTIDROPD_NET_DIAL_H
#define MULTIDROPD_NET_DIAL_H

#include "multidropd/stream.h"

struct bufferevent;
struct dial;

#define DIAL_ADDRESSES_MAX 16u /* of one name; further ones are not tried */

struct dial_events {
	/* `bev` is taken over; it is connected, and over TLS verified; nothing is enabled on it. */
	void (*ready)(void *ctx, struct bufferevent *bev);
	/* `text` lists what happened at each address and is gone after the call. */
	void (*failed)(void *ctx, enum stream_close why, const char *text);
};

/* One of the events comes, once, from the loop. The dial is then done with and only to be freed, also from the event.
 */
struct dial *dial_new(struct loop *loop, const struct stream_params *params, const struct dial_events *events,
                      void *ctx);
void dial_free(struct dial **dial);

const char *dial_peer(const struct dial *dial);       /* what is being tried, or was reached */
struct tls_client *dial_tls(const struct dial *dial); /* of the endpoint reached; borrowed */

#endif
