/* SPDX-License-Identifier: ISC
 *
 * A connection's life after dialling: bytes, back-pressure, TLS begun in the
 * middle, deadlines and the one end.
 */
#include "multidropd/stream.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dial.h"
#include "handshake.h"
#include "multidropd/clock.h"
#include "multidropd/mem.h"
#include "pace.h"
#include "tls_private.h"

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
	bool written; /* since the last `drained` */
	int64_t handshake_timeout_ms;
	struct timer *handshake_deadline;
	struct pace pace;
	struct timer *pace_check;
	const char *waiting_for;
};

/* The callback may free the stream: nothing is touched after it. */
static void stream_close(struct stream *stream, enum stream_close why, const char *text)
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

static void close_take(struct stream *stream, enum stream_close why, char *text)
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

/* An alert is the peer's verdict, e.g. on our certificate, which TLS 1.3 gives after the handshake. */
static void close_broken_tls(struct stream *stream, int saved_errno)
{
	unsigned long error = handshake_error(stream->bev);
	int reason = ERR_SYSTEM_ERROR(error) ? 0 : ERR_GET_REASON(error);
	const char *words = error == 0 || ERR_SYSTEM_ERROR(error) ? NULL : ERR_reason_error_string(error);

	if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING || (error == 0 && saved_errno == 0))
		close_take(stream, STREAM_CLOSE_CUT,
		           str_format("connection to %s was cut: TLS ended without close_notify", stream->peer));
	else if (reason >= SSL_AD_REASON_OFFSET)
		close_take(stream, STREAM_CLOSE_TLS, str_format("%s ended TLS: %s", stream->peer, words));
	else
		close_take(stream, STREAM_CLOSE_CUT,
		           str_format("connection to %s was cut: %s", stream->peer,
		                      words != NULL ? words : strerror(saved_errno)));
}

/*
 * A server that refuses, says why and hangs up makes our write fail before its
 * words are read. In clear text, reading therefore goes on until it ends too.
 */
static bool may_still_read(const struct stream *stream, short what)
{
	return what & BEV_EVENT_WRITING && !stream->secure && !stream->paused;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	int saved_errno = errno;
	struct stream *stream = arg;

	(void)bev;
	if (what & BEV_EVENT_EOF)
		close_take(stream, STREAM_CLOSE_EOF, str_format("%s closed the connection", stream->peer));
	else if (!(what & BEV_EVENT_ERROR) || may_still_read(stream, what))
		return;
	else if (stream->secure)
		close_broken_tls(stream, saved_errno);
	else
		close_take(stream, STREAM_CLOSE_CUT,
		           str_format("connection to %s was cut: %s", stream->peer, strerror(saved_errno)));
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
	close_take(stream, STREAM_CLOSE_TIMEOUT,
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

static void adopt(struct stream *stream, struct bufferevent *bev)
{
	stream->bev = bev;
	stream->state = STREAM_OPEN;
	bufferevent_setcb(bev, on_read, on_write, on_event, stream);
	bufferevent_setwatermark(bev, EV_WRITE, STREAM_OUTPUT_LOW, 0);
	bufferevent_set_max_single_write(bev, STREAM_OUTPUT_HIGH);
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, stream);
	evbuffer_add_cb(bufferevent_get_output(bev), on_output, stream);
	move_spares(stream);
	bufferevent_enable(bev, EV_WRITE);
	if (stream->paused)
		bufferevent_disable(bev, EV_READ);
	else
		bufferevent_enable(bev, EV_READ);
}

/* libevent frees it later, when the stream may be gone. */
static void release_bev(struct stream *stream)
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
	adopt(stream, bev);
	pace_expect(&stream->pace, clock_mono_ms(), stream->pace.timeout_ms);
	schedule_pace(stream);
	stream->events.connected(stream->ctx);
}

static void on_dial_failed(void *ctx, enum stream_close why, const char *text)
{
	stream_close(ctx, why, text);
}

static void on_handshake_deadline(void *ctx)
{
	struct stream *stream = ctx;

	close_take(stream, STREAM_CLOSE_TLS,
	           str_format("no end of the TLS handshake with %s within %lld ms", stream->peer,
	                      (long long)stream->handshake_timeout_ms));
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
	stream->handshake_deadline = timer_new(loop, on_handshake_deadline, stream);
	stream->pace_check = timer_new(loop, on_pace_check, stream);
	stream->dial = dial_new(loop, params, &dial_events, stream);
	return stream;
}

/*
 * OpenSSL takes a session for spoilt when its connection is freed without
 * close_notify from us, and we would shake hands in full every time.
 */
static void say_goodbye(const struct stream *stream)
{
	SSL *ssl = bufferevent_openssl_get_ssl(stream->bev);

	if (stream->state == STREAM_OPEN && evbuffer_get_length(bufferevent_get_output(stream->bev)) == 0)
		SSL_shutdown(ssl);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	ERR_clear_error();
}

void stream_free(struct stream **stream)
{
	struct stream *gone = *stream;

	if (gone == NULL)
		return;
	dial_free(&gone->dial);
	handshake_free(&gone->handshake);
	if (gone->bev != NULL && gone->secure)
		say_goodbye(gone);
	release_bev(gone);
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

static void on_handshake(void *ctx, struct bufferevent *bev, const char *problem)
{
	struct stream *stream = ctx;

	stream->handshake = NULL;
	timer_cancel(stream->handshake_deadline);
	if (bev == NULL) {
		stream_close(stream, STREAM_CLOSE_TLS, problem);
		return;
	}
	stream->secure = true;
	adopt(stream, bev);
	schedule_pace(stream);
	stream->events.tls_started(stream->ctx);
}

/* Clear text that has come but was not asked for, in our buffer or still in the kernel's. */
static bool input_waits(struct stream *stream)
{
	char byte;

	return evbuffer_get_length(bufferevent_get_input(stream->bev)) > 0 ||
	       recv(bufferevent_getfd(stream->bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* The socket leaves the clear-text bufferevent, which must neither close it nor ever look at it again. */
static int take_socket(struct stream *stream)
{
	int fd = bufferevent_getfd(stream->bev);

	bufferevent_setcb(stream->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(stream->bev, EV_READ | EV_WRITE);
	bufferevent_setfd(stream->bev, -1);
	release_bev(stream);
	return fd;
}

int stream_start_tls(struct stream *stream)
{
	if (stream->state != STREAM_OPEN || stream->secure || stream->tls == NULL || input_waits(stream) ||
	    evbuffer_get_length(bufferevent_get_output(stream->bev)) > 0)
		return -1;
	stream->state = STREAM_SHAKING_HANDS;
	stream->handshake =
		handshake_new(stream->loop, take_socket(stream), stream->tls, stream->peer, on_handshake, stream);
	timer_arm(stream->handshake_deadline, stream->handshake_timeout_ms);
	return 0;
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

static SSL *secure_ssl(const struct stream *stream)
{
	return stream->bev != NULL && stream->secure ? bufferevent_openssl_get_ssl(stream->bev) : NULL;
}

const char *stream_tls_version(const struct stream *stream)
{
	const SSL *ssl = secure_ssl(stream);

	return ssl != NULL ? SSL_get_version(ssl) : NULL;
}

const char *stream_tls_cipher(const struct stream *stream)
{
	const SSL *ssl = secure_ssl(stream);

	return ssl != NULL ? SSL_get_cipher_name(ssl) : NULL;
}

size_t stream_channel_binding(const struct stream *stream, uint8_t *out, size_t size, const char **type)
{
	SSL *ssl = secure_ssl(stream);

	return ssl != NULL ? tls_connection_binding(ssl, out, size, type) : 0;
}
