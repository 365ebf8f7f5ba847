/* SPDX-License-Identifier: ISC
 *
 * A stream's TLS: begun in the middle of a clear-text connection, ended, and
 * what is to be told about it.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "handshake.h"
#include "stream_private.h"
#include "tls_private.h"

/* An alert is the peer's verdict, e.g. on our certificate, which TLS 1.3 gives after the handshake. */
void stream_close_broken_tls(struct stream *stream, unsigned long error)
{
	int reason = ERR_GET_REASON(error);
	const char *words = ERR_reason_error_string(error);
	const char *shown = reason == SSL_R_UNEXPECTED_EOF_WHILE_READING ? "TLS ended without close_notify"
	                    : words != NULL                              ? words
	                                                                 : "unknown TLS error";

	if (reason >= SSL_AD_REASON_OFFSET)
		stream_close_take(stream, STREAM_CLOSE_TLS, str_format("%s ended TLS: %s", stream->peer, shown));
	else
		stream_close_take(stream, STREAM_CLOSE_CUT,
		                  str_format("connection to %s was cut: %s", stream->peer, shown));
}

/*
 * OpenSSL takes a session for spoilt when its connection is freed without
 * close_notify from us, and we would shake hands in full every time.
 */
void stream_end_tls(struct stream *stream)
{
	SSL *ssl = bufferevent_openssl_get_ssl(stream->bev);

	if (stream->state == STREAM_OPEN && evbuffer_get_length(bufferevent_get_output(stream->bev)) == 0)
		SSL_shutdown(ssl);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	ERR_clear_error();
}

void stream_handshake_late(void *ctx)
{
	struct stream *stream = ctx;

	stream_close_take(stream, STREAM_CLOSE_TLS,
	                  str_format("no end of the TLS handshake with %s within %lld ms", stream->peer,
	                             (long long)stream->handshake_timeout_ms));
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
	stream_adopt(stream, bev);
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
	stream_release(stream);
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
