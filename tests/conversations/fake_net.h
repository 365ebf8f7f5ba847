/* SPDX-License-Identifier: ISC
 *
 * What the script player sees of the simulated net: time that only moves when
 * told to, and the far ends of the connections that the client opened.
 */
#ifndef TESTS_FAKE_NET_H
#define TESTS_FAKE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/stream.h"

struct evbuffer;

/* The far end of one stream. Lives until fake_net_reset, longer than the client's stream. */
struct fake_peer {
	unsigned number;              /* in order of connecting, from 1; 0: not connected, or never was */
	struct stream *stream;        /* NULL once the client has freed it */
	struct evbuffer *to_client;   /* sent and not yet delivered */
	struct evbuffer *from_client; /* received and not yet looked at by the script */
	bool seen;                    /* the script knows of it */
	bool stalled;                 /* reads nothing: the client's output stays where it is */
	bool tls;
	bool handshake; /* the client called stream_start_tls */
	bool closing;   /* once to_client is empty: closed (why, text) */
	enum stream_close why;
	char *text;
	struct fake_peer *next;
};

/* What happens to the next stream that tries to connect. */
enum fake_answer { FAKE_ACCEPT, FAKE_REFUSE, FAKE_TLS_FAIL, FAKE_HANG };

/* Begins anew: reads give at most `chunk` bytes (0: all there is). Everything of the last world must be gone. */
void fake_net_reset(size_t chunk);
/* Turns the loop until nothing happens any more; false: it never comes to rest. */
bool fake_net_settle(struct loop *loop);
/* Lets time pass, timers firing in order, the loop coming to rest after each. */
bool fake_net_advance(struct loop *loop, int64_t ms);

/* Queued: one answer for each further stream, then FAKE_ACCEPT. */
void fake_net_answer(enum fake_answer answer, const char *text);
size_t fake_net_answers_left(void);
struct fake_peer *fake_net_peer(unsigned number); /* NULL: there is none */
struct fake_peer *fake_net_peers(void);           /* the list, newest first */
/* Tells the client about the handshake that it began; `text` NULL: it succeeds. */
void fake_peer_handshake(struct fake_peer *peer, const char *text);
void fake_peer_close(struct fake_peer *peer, enum stream_close why, const char *text);

/* Timers and watches that exist; must be 0 when the client is gone. */
size_t fake_loop_objects(const struct loop *loop);

/* One turn of all streams; true if anything happened. Between fake_loop.c and fake_stream.c. */
bool fake_streams_turn(void);
void fake_clock_reset(void);

#endif
