/* SPDX-License-Identifier: ISC
 *
 * A TLS handshake on a connected socket, for implicit TLS and STARTTLS alike.
 */
#ifndef MULTIDROPD_NET_HANDSHAKE_H
#define MULTIDROPD_NET_HANDSHAKE_H

#include "multidropd/loop.h"
#include "multidropd/tls.h"

struct bufferevent;
struct handshake;

/*
 * From the loop; the handshake is gone before it. `bev` is the caller's, with
 * the peer verified and nothing enabled; or it is NULL and `problem` says why,
 * gone after the call.
 */
typedef void handshake_done_fn(void *ctx, struct bufferevent *bev, const char *problem);

/* Takes the socket over. There is no deadline here: whoever has waited long enough frees it. */
struct handshake *handshake_new(struct loop *loop, int fd, struct tls_client *client, const char *peer,
                                handshake_done_fn *done, void *ctx);
void handshake_free(struct handshake **handshake); /* NULL inside is fine */

/* Of a TLS bufferevent that has failed: OpenSSL's error; 0: it was the socket, errno says more. To be asked once. */
unsigned long handshake_error(struct bufferevent *bev);

#endif
