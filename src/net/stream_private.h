/* SPDX-License-Identifier: ISC
 *
 * A stream from the inside: stream.c has its life, stream_tls.c its TLS.
 */
#ifndef MULTIDROPD_NET_STREAM_PRIVATE_H
#define MULTIDROPD_NET_STREAM_PRIVATE_H

#include "multidropd/stream.h"
#include "pace.h"

struct bufferevent;
struct dial;
struct handshake;

enum stream_state {
	STREAM_DIALLING,
	STREAM_OPEN,
	STREAM_SHAKING_HANDS, /* of stream_start_tls */
	STREAM_DEAD,          /* after `closed` */
};

struct stream {
	struct loop *loop;
	struct stream_events events;
	void *ctx;
	enum stream_state state;
	struct dial *dial;           /* while dialling */
	struct handshake *handshake; /* while shaking hands */
	struct bufferevent *bev;     /* while open, and after it */
	struct evbuffer *spare[2];   /* input and output while there is no bev */
	struct tls_client *tls;
	char *peer;
	bool secure;
	bool paused;
	int write_errno; /* why writing is over while reading goes on, or 0 */
	bool written;    /* since the last `drained` */
	int64_t handshake_timeout_ms;
	struct timer *handshake_deadline;
	struct pace pace;
	struct timer *pace_check;
	const char *waiting_for;
};

/* Calls `closed`: the stream may be gone after it. */
void stream_close(struct stream *stream, enum stream_close why, const char *text);
void stream_close_take(struct stream *stream, enum stream_close why, char *text);

/* Goes on with `bev`, which is now the stream's. */
void stream_adopt(struct stream *stream, struct bufferevent *bev);
/* Parts with the bufferevent, and unless it was taken out before, with the socket. */
void stream_release(struct stream *stream);

/* What OpenSSL's error means for the stream; closes. */
void stream_close_broken_tls(struct stream *stream, unsigned long error);
/* Before a TLS connection is freed. */
void stream_end_tls(struct stream *stream);
/* The time for stream_start_tls is up; a timer's callback. */
void stream_handshake_late(void *ctx);

#endif
