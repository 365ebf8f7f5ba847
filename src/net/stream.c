/* SPDX-License-Identifier: ISC
 *
 * A connection's life after dialling: bytes, back-pressure, deadlines and the
 * one end.
 */
#include "multidropd/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "handshake.h"
#include "multidropd/clock.h"
#include "multidropd/mem.h"
#include "stream_private.h"
#include "tls_private.h"

void stream_close(struct stream *stream, enum stream_close why, const char *text)
{
	stream->state = STREAM_DEAD;
	timer_cancel(stream->handshake_deadline);
	timer_cancel(stream->pace_check);
	handshake_free(&stream->handshake);
	if (stream->bev != NULL) {
		bufferevent_setcb(stream->bev, NULL, NULL, NULL, NULL);
		bufferevent_disable(stream->bev, EV_READ | EV_WRITE);
	}
	stream->events.closed(stream->ctx, why, text);
}

void stream_close_take(struct stream *stream, enum stream_close why, char *text)
{
	stream_close(stream, why, text);
	free(text);
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct stream *stream = arg;

	(void)buffer;
	pace_moved(&stream->pace, clock_mono_ms(), info->n_added);
}

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct stream *stream = arg;

	(void)buffer;
	stream->written = stream->written || info->n_deleted > 0;
	pace_moved(&stream->pace, clock_mono_ms(), info->n_deleted);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct stream *stream = arg;

	(void)bev;
	if (!stream->paused)
		stream->events.readable(stream->ctx);
}

/* libevent also calls when a socket is found writable with nothing to write. */
static void on_write(struct bufferevent *bev, void *arg)
{
	struct stream *stream = arg;

	(void)bev;
	if (!stream->written)
		return;
	stream->written = false;
	stream->events.drained(stream->ctx);
}

/*
 * A server that refuses, says why and hangs up makes our write fail before its
 * words are read, so reading goes on until it ends as well. `tls_error` is a
 * failure of TLS itself, after which there is nothing to read.
 */
static bool may_still_read(const struct stream *stream, short what, int reason, unsigned long tls_error)
{
	/* Where it was not the peer who ended it, no end would ever be read. */
	bool by_peer = reason == EPIPE || reason == ECONNRESET;

	return what & BEV_EVENT_WRITING && by_peer && !stream->paused && tls_error == 0;
}

static void read_last_words(struct stream *stream, int write_errno)
{
	stream->write_errno = write_errno;
	bufferevent_disable(stream->bev, EV_WRITE);
	bufferevent_enable(stream->bev, EV_READ);
}

static void close_cut(struct stream *stream, int reason)
{
	stream_close_take(stream, STREAM_CLOSE_CUT,
	                  str_format("connection to %s was cut: %s", stream->peer, strerror(reason)));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	int saved_errno = errno;
	struct stream *stream = arg;
	unsigned long tls_error = stream->secure ? handshake_error(bev) : 0;

	if (what & BEV_EVENT_EOF && stream->write_errno != 0 && !stream->secure)
		close_cut(stream, stream->write_errno);
	else if (what & BEV_EVENT_EOF)
		stream_close_take(stream, STREAM_CLOSE_EOF, str_format("%s closed the connection", stream->peer));
	else if (what & BEV_EVENT_ERROR && may_still_read(stream, what, saved_errno, tls_error))
		read_last_words(stream, saved_errno);
	else if (what & BEV_EVENT_ERROR && tls_error != 0)
		stream_close_broken_tls(stream, tls_error);
	else if (what & BEV_EVENT_ERROR)
		close_cut(stream, saved_errno != 0 ? saved_errno : ECONNRESET);
}

/* Sleeps no longer than until the limit as it stands; progress meanwhile only means to look again. */
static void schedule_pace(struct stream *stream)
{
	int64_t left = pace_left_ms(&stream->pace, clock_mono_ms());
	int64_t armed = timer_remaining_ms(stream->pace_check);

	if (left < 0 || stream->bev == NULL)
		timer_cancel(stream->pace_check);
	else if (armed < 0 || armed > left)
		timer_arm(stream->pace_check, left);
}

static void on_pace_check(void *ctx)
{
	struct stream *stream = ctx;

	if (pace_left_ms(&stream->pace, clock_mono_ms()) != 0) {
		schedule_pace(stream);
		return;
	}
	stream_close_take(stream, STREAM_CLOSE_TIMEOUT,
	                  str_format("%s while waiting for %s from %s; %lld ms is the limit",
	                             stream->pace.trickled ? "hardly any progress" : "no progress",
	                             stream->waiting_for != NULL ? stream->waiting_for : "data", stream->peer,
	                             (long long)stream->pace.timeout_ms));
}

static void move_spares(struct stream *stream)
{
	if (stream->spare[1] != NULL)
		evbuffer_add_buffer(bufferevent_get_output(stream->bev), stream->spare[1]);
	for (size_t i = 0; i < 2; i++) {
		if (stream->spare[i] != NULL)
			evbuffer_free(stream->spare[i]);
		stream->spare[i] = NULL;
	}
}

void stream_adopt(struct stream *stream, struct bufferevent *bev)
{
	stream->bev = bev;
	stream->state = STREAM_OPEN;
	bufferevent_setcb(bev, on_read, on_write, on_event, stream);
	bufferevent_setwatermark(bev, EV_WRITE, STREAM_OUTPUT_LOW, 0);
	bufferevent_set_max_single_write(bev, (size_t)STREAM_OUTPUT_HIGH);
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, stream);
	evbuffer_add_cb(bufferevent_get_output(bev), on_output, stream);
	move_spares(stream);
	bufferevent_enable(bev, EV_WRITE);
	if (stream->paused)
		bufferevent_disable(bev, EV_READ);
	else
		bufferevent_enable(bev, EV_READ);
	schedule_pace(stream);
}

/* libevent frees it later, when the stream may be gone. */
void stream_release(struct stream *stream)
{
	if (stream->bev == NULL)
		return;
	evbuffer_remove_cb(bufferevent_get_input(stream->bev), on_input, stream);
	evbuffer_remove_cb(bufferevent_get_output(stream->bev), on_output, stream);
	bufferevent_free(stream->bev);
	stream->bev = NULL;
}

static void on_dial_ready(void *ctx, struct bufferevent *bev)
{
	struct stream *stream = ctx;

	free(stream->peer);
	stream->peer = mem_strdup(dial_peer(stream->dial));
	stream->tls = tls_client_use(dial_tls(stream->dial));
	dial_free(&stream->dial);
	stream->secure = bufferevent_openssl_get_ssl(bev) != NULL;
	pace_expect(&stream->pace, clock_mono_ms(), stream->pace.timeout_ms);
	stream_adopt(stream, bev);
	stream->events.connected(stream->ctx);
}

static void on_dial_failed(void *ctx, enum stream_close why, const char *text)
{
	stream_close(ctx, why, text);
}

struct stream *stream_open(struct loop *loop, const struct stream_params *params, const struct stream_events *events,
                           void *ctx)
{
	static const struct dial_events dial_events = { .ready = on_dial_ready, .failed = on_dial_failed };
	struct stream *stream = mem_alloc(sizeof(*stream));

	stream->loop = loop;
	stream->events = *events;
	stream->ctx = ctx;
	stream->state = STREAM_DIALLING;
	stream->handshake_timeout_ms = params->connect_timeout_ms;
	stream->handshake_deadline = timer_new(loop, stream_handshake_late, stream);
	stream->pace_check = timer_new(loop, on_pace_check, stream);
	stream->dial = dial_new(loop, params, &dial_events, stream);
	return stream;
}

void stream_free(struct stream **stream)
{
	struct stream *gone = *stream;

	if (gone == NULL)
		return;
	dial_free(&gone->dial);
	handshake_free(&gone->handshake);
	if (gone->bev != NULL && gone->secure)
		stream_end_tls(gone);
	stream_release(gone);
	for (size_t i = 0; i < 2; i++) {
		if (gone->spare[i] != NULL)
			evbuffer_free(gone->spare[i]);
	}
	timer_free(&gone->handshake_deadline);
	timer_free(&gone->pace_check);
	tls_client_free(&gone->tls);
	free(gone->peer);
	free(gone);
	*stream = NULL;
}

static struct evbuffer *spare_buffer(struct stream *stream, size_t which)
{
	if (stream->spare[which] == NULL)
		stream->spare[which] = evbuffer_new();
	return stream->spare[which];
}

struct evbuffer *stream_input(struct stream *stream)
{
	return stream->bev != NULL ? bufferevent_get_input(stream->bev) : spare_buffer(stream, 0);
}

struct evbuffer *stream_output(struct stream *stream)
{
	return stream->bev != NULL ? bufferevent_get_output(stream->bev) : spare_buffer(stream, 1);
}

/* What came before the pause may wait in the input, with nothing to follow it: the owner is reminded. */
void stream_pause(struct stream *stream, bool paused)
{
	if (stream->paused == paused)
		return;
	stream->paused = paused;
	pace_pause(&stream->pace, clock_mono_ms(), paused);
	if (stream->state != STREAM_OPEN)
		return;
	schedule_pace(stream);
	if (paused) {
		bufferevent_disable(stream->bev, EV_READ);
		return;
	}
	bufferevent_enable(stream->bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_input(stream->bev)) > 0)
		bufferevent_trigger(stream->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void stream_expect(struct stream *stream, int64_t timeout_ms, const char *waiting_for)
{
	stream->waiting_for = waiting_for;
	pace_expect(&stream->pace, clock_mono_ms(), timeout_ms);
	if (stream->state != STREAM_DEAD)
		schedule_pace(stream);
}

const char *stream_peer(const struct stream *stream)
{
	return stream->peer != NULL ? stream->peer : dial_peer(stream->dial);
}
