/* SPDX-License-Identifier: ISC
 *
 * Streams without a network: real byte queues at the client's end, the script
 * at the other. One turn of a stream gives the client at most one read.
 *
 * Not simulated: the minimum rate, and the endpoints behind the first (an
 * answer of the script stands for all of them).
 */
#include "multidropd/stream.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_net.h"
#include "multidropd/mem.h"

enum stream_state { STATE_CONNECTING, STATE_HANGING, STATE_OPEN, STATE_CLOSED };

#define NOT_ARMED (-1)

struct stream {
	struct fake_peer *peer;
	struct stream_events events;
	void *ctx;
	enum stream_state state;
	struct evbuffer *input;
	struct evbuffer *output;
	bool paused;
	int64_t left_ms;  /* of the deadline when the pause began */
	bool reminding;   /* after a pause: what waits in the input is told of again */
	bool draining;    /* output was above STREAM_OUTPUT_LOW */
	bool started_tls; /* tls_started is to be told */
	bool implicit_tls;
	int64_t connect_timeout_ms;
	int64_t timeout_ms;
	const char *waiting_for;
	struct timer *deadline;
	char *peer_text;
};

struct answer {
	enum fake_answer answer;
	char *text;
};

static struct {
	size_t chunk;
	unsigned connected;
	struct fake_peer *peers;
	struct answer *answers;
	size_t answer_count, answer_capacity, answers_used;
} net;

void fake_net_reset(size_t chunk)
{
	while (net.peers != NULL) {
		struct fake_peer *peer = net.peers;

		net.peers = peer->next;
		evbuffer_free(peer->to_client);
		evbuffer_free(peer->from_client);
		free(peer->text);
		free(peer);
	}
	for (size_t i = 0; i < net.answer_count; i++)
		free(net.answers[i].text);
	free(net.answers);
	memset(&net, 0, sizeof(net));
	net.chunk = chunk;
	fake_clock_reset();
}

void fake_net_answer(enum fake_answer answer, const char *text)
{
	net.answers = mem_grow(net.answers, &net.answer_capacity, net.answer_count + 1, sizeof(*net.answers));
	net.answers[net.answer_count++] = (struct answer){ answer, mem_strdup(text) };
}

size_t fake_net_answers_left(void)
{
	return net.answer_count - net.answers_used;
}

struct fake_peer *fake_net_peers(void)
{
	return net.peers;
}

struct fake_peer *fake_net_peer(unsigned number)
{
	struct fake_peer *peer = net.peers;

	while (peer != NULL && (number == 0 || peer->number != number))
		peer = peer->next;
	return peer;
}

/* The client may free the stream in here. */
static void close_stream(struct stream *stream, enum stream_close why, const char *text)
{
	stream->state = STATE_CLOSED;
	timer_cancel(stream->deadline);
	stream->peer->closing = false;
	stream->events.closed(stream->ctx, why, text);
}

static void restart_deadline(struct stream *stream)
{
	int64_t timeout_ms = stream->peer->handshake ? stream->connect_timeout_ms : stream->timeout_ms;

	stream->left_ms = timeout_ms > 0 ? timeout_ms : NOT_ARMED;
	if (stream->state == STATE_OPEN && timeout_ms > 0 && !stream->paused)
		timer_arm(stream->deadline, timeout_ms);
	else if (stream->state == STATE_OPEN)
		timer_cancel(stream->deadline);
}

static void deadline_passed(void *ctx)
{
	struct stream *stream = ctx;
	char text[256];

	if (stream->state == STATE_HANGING) {
		snprintf(text, sizeof(text), "%s: connecting timed out", stream->peer_text);
		close_stream(stream, STREAM_CLOSE_CONNECT, text);
	} else if (stream->peer->handshake) {
		snprintf(text, sizeof(text), "%s: the TLS handshake timed out", stream->peer_text);
		close_stream(stream, STREAM_CLOSE_TLS, text);
	} else {
		snprintf(text, sizeof(text), "%s: timed out waiting for %s", stream->peer_text, stream->waiting_for);
		close_stream(stream, STREAM_CLOSE_TIMEOUT, text);
	}
}

struct stream *stream_open(struct loop *loop, const struct stream_params *params, const struct stream_events *events,
                           void *ctx)
{
	const struct stream_endpoint *to = &params->endpoints[0];
	struct stream *stream = mem_alloc(sizeof(*stream));
	struct fake_peer *peer = mem_alloc(sizeof(*peer));

	peer->to_client = evbuffer_new();
	peer->from_client = evbuffer_new();
	peer->stream = stream;
	peer->next = net.peers;
	net.peers = peer;
	*stream = (struct stream){
		.peer = peer,
		.events = *events,
		.ctx = ctx,
		.input = evbuffer_new(),
		.output = evbuffer_new(),
		.implicit_tls = params->implicit_tls,
		.connect_timeout_ms = params->connect_timeout_ms,
		.waiting_for = "nothing",
	};
	if (to->host != NULL)
		stream->peer_text = str_format("%s[192.0.2.1]:%u", to->host, to->port);
	else
		stream->peer_text = str_format("unix:%s", to->path);
	stream->deadline = timer_new(loop, deadline_passed, stream);
	return stream;
}

void stream_free(struct stream **stream)
{
	struct stream *old = *stream;

	if (old == NULL)
		return;
	old->peer->stream = NULL;
	timer_free(&old->deadline);
	evbuffer_free(old->input);
	evbuffer_free(old->output);
	free(old->peer_text);
	free(old);
	*stream = NULL;
}

int stream_start_tls(struct stream *stream)
{
	struct fake_peer *peer = stream->peer;

	if (stream->state != STATE_OPEN || peer->tls || peer->handshake || evbuffer_get_length(stream->input) > 0 ||
	    evbuffer_get_length(peer->to_client) > 0 || evbuffer_get_length(stream->output) > 0)
		return -1;
	peer->handshake = true;
	restart_deadline(stream);
	return 0;
}

struct evbuffer *stream_input(struct stream *stream)
{
	return stream->input;
}

struct evbuffer *stream_output(struct stream *stream)
{
	return stream->output;
}

void stream_pause(struct stream *stream, bool paused)
{
	if (stream->paused == paused)
		return;
	stream->paused = paused;
	if (stream->state != STATE_OPEN)
		return;
	if (paused) {
		stream->left_ms = timer_remaining_ms(stream->deadline);
		timer_cancel(stream->deadline);
		return;
	}
	if (stream->left_ms != NOT_ARMED)
		timer_arm(stream->deadline, stream->left_ms);
	stream->reminding = evbuffer_get_length(stream->input) > 0;
}

void stream_expect(struct stream *stream, int64_t timeout_ms, const char *waiting_for)
{
	stream->timeout_ms = timeout_ms;
	stream->waiting_for = waiting_for;
	restart_deadline(stream);
}

const char *stream_peer(const struct stream *stream)
{
	return stream->peer_text;
}

const char *stream_tls_version(const struct stream *stream)
{
	return stream->peer->tls ? "TLSv1.3" : NULL;
}

const char *stream_tls_cipher(const struct stream *stream)
{
	return stream->peer->tls ? "TLS_AES_256_GCM_SHA384" : NULL;
}

size_t stream_channel_binding(const struct stream *stream, uint8_t *out, size_t size, const char **type)
{
	static const uint8_t binding[32] = "the binding of a simulated peer";

	if (!stream->peer->tls || size < sizeof(binding))
		return 0;
	memcpy(out, binding, sizeof(binding));
	*type = "tls-exporter";
	return sizeof(binding);
}

void fake_peer_handshake(struct fake_peer *peer, const char *text)
{
	peer->handshake = false;
	if (text != NULL) {
		fake_peer_close(peer, STREAM_CLOSE_TLS, text);
		return;
	}
	peer->tls = true;
	peer->stream->started_tls = true;
	restart_deadline(peer->stream);
}

void fake_peer_close(struct fake_peer *peer, enum stream_close why, const char *text)
{
	free(peer->text);
	peer->text = mem_strdup(text);
	peer->why = why;
	peer->closing = true;
}

static bool turn_connecting(struct stream *stream)
{
	struct answer answer = { FAKE_ACCEPT, NULL };

	if (net.answers_used < net.answer_count)
		answer = net.answers[net.answers_used++];
	switch (answer.answer) {
	case FAKE_REFUSE:
		close_stream(stream, STREAM_CLOSE_CONNECT, answer.text);
		break;
	case FAKE_TLS_FAIL:
		close_stream(stream, STREAM_CLOSE_TLS, answer.text);
		break;
	case FAKE_HANG:
		stream->state = STATE_HANGING;
		timer_arm(stream->deadline, stream->connect_timeout_ms);
		break;
	case FAKE_ACCEPT:
		stream->state = STATE_OPEN;
		stream->peer->number = ++net.connected;
		stream->peer->tls = stream->implicit_tls;
		restart_deadline(stream);
		stream->events.connected(stream->ctx);
		break;
	}
	return true;
}

/* What is added during a handshake waits for its end. */
static bool turn_output(struct stream *stream)
{
	size_t len = evbuffer_get_length(stream->output);

	if (len > STREAM_OUTPUT_LOW)
		stream->draining = true;
	if (len == 0 || stream->peer->stalled || stream->peer->handshake)
		return false;
	evbuffer_add_buffer(stream->peer->from_client, stream->output);
	restart_deadline(stream);
	if (stream->draining) {
		stream->draining = false;
		if (stream->events.drained != NULL)
			stream->events.drained(stream->ctx);
	}
	return true;
}

static bool turn_input(struct stream *stream)
{
	struct evbuffer *from = stream->peer->to_client;
	size_t len = evbuffer_get_length(from);

	if (stream->paused || stream->peer->handshake || (len == 0 && !stream->reminding))
		return false;
	stream->reminding = false;
	if (net.chunk > 0 && len > net.chunk)
		len = net.chunk;
	if (len > 0) {
		evbuffer_remove_buffer(from, stream->input, len);
		restart_deadline(stream);
	}
	stream->events.readable(stream->ctx);
	return true;
}

/* At most one callback, because the stream may be gone after it. */
static bool turn_stream(struct stream *stream)
{
	struct fake_peer *peer = stream->peer;

	if (stream->state == STATE_CONNECTING)
		return turn_connecting(stream);
	if (stream->state != STATE_OPEN)
		return false;
	if (stream->started_tls) {
		stream->started_tls = false;
		stream->events.tls_started(stream->ctx);
		return true;
	}
	if (turn_output(stream) || turn_input(stream))
		return true;
	if (!peer->closing || stream->paused || evbuffer_get_length(peer->to_client) > 0)
		return false;
	close_stream(stream, peer->why, peer->text);
	return true;
}

/* Oldest first, so that connections are numbered in the order of opening. */
static struct fake_peer *next_open(const struct fake_peer *after)
{
	struct fake_peer *found = NULL;

	for (struct fake_peer *peer = net.peers; peer != NULL && peer != after; peer = peer->next) {
		if (peer->stream != NULL)
			found = peer;
	}
	return found;
}

bool fake_streams_turn(void)
{
	bool busy = false;

	for (struct fake_peer *peer = next_open(NULL); peer != NULL; peer = next_open(peer))
		busy |= turn_stream(peer->stream);
	return busy;
}
