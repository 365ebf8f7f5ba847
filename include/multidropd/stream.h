/* SPDX-License-Identifier: ISC
 *
 * A connection as a client: names resolved off the loop in the system's own
 * way, all addresses of all endpoints tried in turn, TLS, deadlines,
 * back-pressure. TCP_NODELAY is set, writes of one loop turn are coalesced.
 *
 * Every callback comes from the loop, never from inside a call to the stream.
 * After `closed` the stream is dead: no further callback, the owner calls
 * stream_free. stream_free is allowed at any time, from a callback too, and
 * ends the connection without ceremony.
 */
#ifndef MULTIDROPD_STREAM_H
#define MULTIDROPD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/loop.h"
#include "multidropd/str.h"
#include "multidropd/tls.h"

struct evbuffer;
struct stream;

enum stream_close {
	STREAM_CLOSE_CONNECT,   /* no endpoint could be reached, or a name does not resolve */
	STREAM_CLOSE_TLS,       /* handshake or verification failed */
	STREAM_CLOSE_EOF,       /* the peer closed (over TLS: with close_notify) */
	STREAM_CLOSE_CUT,       /* reset, or TLS ended without close_notify */
	STREAM_CLOSE_TIMEOUT,   /* a deadline passed, or the minimum rate was not kept */
};

struct stream_endpoint {
	const char *host;       /* DNS name or address literal; NULL for a UNIX socket */
	uint16_t port;
	const char *path;       /* UNIX socket */
	struct tls_client *tls; /* for implicit TLS and stream_start_tls; NULL: clear text only */
};

struct stream_params {
	const struct stream_endpoint *endpoints; /* tried in order, all addresses of one before the next; copied */
	size_t endpoint_count;
	bool implicit_tls;
	const char *source_address;              /* NULL or "": the system chooses */
	bool refuse_self;                        /* an address of this machine is a STREAM_CLOSE_CONNECT */
	/* Each for resolving a name, for one address (with the handshake, if implicit) and for stream_start_tls. */
	int64_t connect_timeout_ms;
};

struct stream_events {
	void (*connected)(void *ctx);            /* ready for bytes; after the handshake if implicit */
	void (*tls_started)(void *ctx);          /* the handshake of stream_start_tls is done */
	void (*readable)(void *ctx);             /* stream_input has new bytes */
	void (*drained)(void *ctx);              /* something was written and STREAM_OUTPUT_LOW or less is left */
	/* `text` says what happened, with the address and what to do about it; gone after the call. */
	void (*closed)(void *ctx, enum stream_close why, const char *text);
};

#define STREAM_OUTPUT_LOW  (32u * 1024u)         /* `drained` comes at this fill */
#define STREAM_OUTPUT_HIGH (128u * 1024u)        /* a polite writer stops here */
#define STREAM_MIN_RATE_BYTES 16u                /* a second, over a window, after the first */
#define STREAM_MIN_RATE_WINDOW_MS 60000

struct stream *stream_open(struct loop *loop, const struct stream_params *params,
                           const struct stream_events *events, void *ctx);
void stream_free(struct stream **stream);

/*
 * Begins TLS on a clear-text connection. -1, with nothing sent, when bytes are
 * waiting in the input or in the kernel: they came before the handshake and are
 * not to be trusted (CVE-2021-22947 and others). Also when output is waiting
 * (what is answered has not been asked yet), and on a connection that has TLS,
 * or an endpoint without a tls_client. The owner closes. The handshake has
 * connect_timeout_ms, besides what stream_expect says.
 */
int stream_start_tls(struct stream *stream) __attribute__((warn_unused_result));

/* Not to be kept: other buffers take their place with `connected` and stream_start_tls. */
struct evbuffer *stream_input(struct stream *stream);
struct evbuffer *stream_output(struct stream *stream); /* what is added is sent when the loop is reached */

/*
 * Stops and restarts reading from the peer; while paused neither time limit
 * runs and `readable` does not come. It comes again after the restart if bytes
 * were left in the input.
 */
void stream_pause(struct stream *stream, bool paused);

/*
 * The peer must make progress (a byte read, or output accepted while some is
 * waiting) within this time, or the stream closes with STREAM_CLOSE_TIMEOUT.
 * After the first minute, bytes are progress only while they keep the minimum
 * rate; silence is measured by the time alone. 0: nothing is expected, no
 * limit. Each call starts anew; before `connected` the time does not run yet.
 * `waiting_for` (a literal) is named in the text.
 */
void stream_expect(struct stream *stream, int64_t timeout_ms, const char *waiting_for);

/* Facts for logs, status and SASL. Texts belong to the stream. */
const char *stream_peer(const struct stream *stream);        /* "pop.isp.example[192.0.2.1]:995", "unix:/run/x" */
const char *stream_tls_version(const struct stream *stream); /* "TLSv1.3", NULL without TLS */
const char *stream_tls_cipher(const struct stream *stream);
/*
 * Channel binding data (RFC 5929 tls-unique under TLS 1.2, RFC 9266
 * tls-exporter under 1.3): fills `out`, sets *type to the name and returns the
 * length; 0 without TLS.
 */
size_t stream_channel_binding(const struct stream *stream, uint8_t *out, size_t size, const char **type);

#endif
