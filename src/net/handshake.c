/* SPDX-License-Identifier: ISC
 *
 * libevent's TLS bufferevent up to the moment when it may be trusted.
 */
#include "handshake.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop_private.h"
#include "multidropd/mem.h"
#include "tls_private.h"

struct handshake {
	struct bufferevent *bev; /* NULL: it could not even begin */
	struct timer *stillborn; /* says so from the loop */
	char *peer;
	handshake_done_fn *done;
	void *ctx;
};

/*
 * libevent keeps a few errors, the newest on top: SSL_get_error's code is at
 * the bottom and looks like an error of library 0, above it lies the cause.
 */
unsigned long handshake_error(struct bufferevent *bev)
{
	unsigned long cause = 0;
	unsigned long error;

	while ((error = bufferevent_get_openssl_error(bev)) != 0) {
		if (!ERR_SYSTEM_ERROR(error) && ERR_GET_LIB(error) != 0)
			cause = error;
	}
	return cause;
}

/* With both pointers of `handshake` handed out or gone. */
static void finish(struct handshake *handshake, struct bufferevent *bev, char *problem)
{
	handshake_done_fn *done = handshake->done;
	void *ctx = handshake->ctx;

	if (bev != NULL) {
		bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
		handshake->bev = NULL;
	}
	handshake_free(&handshake);
	done(ctx, bev, problem);
	free(problem);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	int saved_errno = what & BEV_EVENT_EOF ? 0 : errno;
	struct handshake *handshake = arg;
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	char *problem = NULL;

	if (!(what & BEV_EVENT_CONNECTED))
		problem = tls_connection_problem(ssl, handshake->peer, handshake_error(bev), saved_errno);
	else if (tls_connection_check(ssl, handshake->peer, &problem) == 0) {
		finish(handshake, bev, NULL);
		return;
	}
	finish(handshake, NULL, problem);
}

static void on_stillborn(void *ctx)
{
	struct handshake *handshake = ctx;

	finish(handshake, NULL, str_format("TLS handshake with %s could not be prepared", handshake->peer));
}

struct handshake *handshake_new(struct loop *loop, int fd, struct tls_client *client, const char *peer,
                                handshake_done_fn *done, void *ctx)
{
	struct handshake *handshake = mem_alloc(sizeof(*handshake));
	SSL *ssl = tls_connection_new(client);

	handshake->peer = mem_strdup(peer);
	handshake->done = done;
	handshake->ctx = ctx;
	if (ssl != NULL)
		handshake->bev = bufferevent_openssl_socket_new(loop->base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
		                                                BEV_OPT_CLOSE_ON_FREE);
	if (handshake->bev == NULL) {
		if (ssl == NULL)
			close(fd);
		handshake->stillborn = timer_new(loop, on_stillborn, handshake);
		timer_arm(handshake->stillborn, 0);
		return handshake;
	}
	bufferevent_setcb(handshake->bev, NULL, NULL, on_event, handshake);
	return handshake;
}

void handshake_free(struct handshake **handshake)
{
	struct handshake *gone = *handshake;

	if (gone == NULL)
		return;
	if (gone->bev != NULL)
		bufferevent_free(gone->bev);
	timer_free(&gone->stillborn);
	free(gone->peer);
	free(gone);
	*handshake = NULL;
}
