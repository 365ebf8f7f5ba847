/* SPDX-License-Identifier: ISC
 *
 * Tries all addresses of all endpoints in turn. A broken certificate at one
 * address does not keep us from the next, which has to prove itself as well.
 */
#include "dial.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"
#include "handshake.h"
#include "loop_private.h"
#include "multidropd/mem.h"
#include "resolver.h"

struct dial {
	struct loop *loop;
	struct dial_events events;
	void *ctx;
	struct stream_endpoint *endpoints;
	size_t endpoint_count;
	bool implicit_tls;
	bool refuse_self;
	char *source; /* NULL: the system chooses */
	int64_t timeout_ms;

	size_t endpoint; /* the one being tried */
	struct lookup *lookup;
	struct endpoint_address addresses[DIAL_ADDRESSES_MAX];
	size_t address_count;
	size_t next_address;
	char *peer;
	int fd; /* -1: none, or already the handshake's */
	struct event *connecting;
	struct handshake *handshake;
	struct timer *start;
	struct timer *deadline;

	struct strbuf failures;
	enum stream_close why; /* TLS as soon as one address got so far */
};

static void dial_advance(struct dial *dial);

static const struct stream_endpoint *current(const struct dial *dial)
{
	return &dial->endpoints[dial->endpoint];
}

/* Lets go of the address that is being tried. */
static void drop_attempt(struct dial *dial)
{
	timer_cancel(dial->deadline);
	lookup_cancel(&dial->lookup);
	handshake_free(&dial->handshake);
	if (dial->connecting != NULL)
		event_free(dial->connecting);
	dial->connecting = NULL;
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
}

static void note_failure(struct dial *dial, enum stream_close why, const char *text)
{
	strbuf_addf(&dial->failures, "%s%s", dial->failures.len > 0 ? "; " : "", text);
	if (why == STREAM_CLOSE_TLS)
		dial->why = why;
}

static void note_connect_failure(struct dial *dial, const char *reason)
{
	char *text = str_format("cannot connect to %s: %s", dial->peer, reason);

	note_failure(dial, STREAM_CLOSE_CONNECT, text);
	free(text);
}

static void attempt_failed(struct dial *dial, enum stream_close why, const char *text)
{
	note_failure(dial, why, text);
	drop_attempt(dial);
	dial_advance(dial);
}

static void on_deadline(void *ctx)
{
	struct dial *dial = ctx;
	const char *what = dial->lookup != NULL      ? "cannot resolve the name of"
	                   : dial->handshake != NULL ? "no end of the TLS handshake with"
	                                             : "no connection to";
	char *text = str_format("%s %s within %lld ms", what, dial->peer, (long long)dial->timeout_ms);

	attempt_failed(dial, dial->handshake != NULL ? STREAM_CLOSE_TLS : STREAM_CLOSE_CONNECT, text);
	free(text);
}

/* The last thing that a dial does: it may be gone after it. */
static void dial_done(struct dial *dial, struct bufferevent *bev)
{
	timer_cancel(dial->deadline);
	dial->events.ready(dial->ctx, bev);
}

static void on_handshake(void *ctx, struct bufferevent *bev, const char *problem)
{
	struct dial *dial = ctx;

	dial->handshake = NULL;
	if (bev != NULL)
		dial_done(dial, bev);
	else
		attempt_failed(dial, STREAM_CLOSE_TLS, problem);
}

static void begin_handshake(struct dial *dial, int fd)
{
	if (current(dial)->tls == NULL) {
		close(fd);
		attempt_failed(dial, STREAM_CLOSE_TLS, "TLS is required, but there are no settings for it");
		return;
	}
	dial->handshake = handshake_new(dial->loop, fd, current(dial)->tls, dial->peer, on_handshake, dial);
}

static void on_connecting(evutil_socket_t fd, short what, void *arg)
{
	struct dial *dial = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)what;
	event_free(dial->connecting);
	dial->connecting = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error != 0) {
		note_connect_failure(dial, strerror(error));
		drop_attempt(dial);
		dial_advance(dial);
		return;
	}
	dial->fd = -1;
	if (dial->implicit_tls)
		begin_handshake(dial, fd);
	else
		dial_done(dial, bufferevent_socket_new(dial->loop->base, fd, BEV_OPT_CLOSE_ON_FREE));
}

/* false: failed at once, which is noted. */
static bool try_address(struct dial *dial, const struct endpoint_address *address)
{
	char *reason = NULL;

	free(dial->peer);
	dial->peer = endpoint_text(current(dial), address);
	if (dial->refuse_self && address->storage.ss_family != AF_UNIX && endpoint_is_self(address)) {
		note_connect_failure(dial, "this is an address of this machine; allow_self_poll permits that");
		return false;
	}
	dial->fd = endpoint_connect(address, dial->source, &reason);
	if (dial->fd < 0) {
		note_connect_failure(dial, reason);
		free(reason);
		return false;
	}
	dial->connecting = event_new(dial->loop->base, dial->fd, EV_WRITE, on_connecting, dial);
	if (event_add(dial->connecting, NULL) < 0) {
		note_connect_failure(dial, strerror(errno));
		drop_attempt(dial);
		return false;
	}
	timer_arm(dial->deadline, dial->timeout_ms);
	return true;
}

static void on_resolved(void *ctx, const struct addrinfo *addresses, const char *error)
{
	struct dial *dial = ctx;

	dial->lookup = NULL;
	timer_cancel(dial->deadline);
	if (error != NULL) {
		char *text = str_format("cannot resolve %s: %s", current(dial)->host, error);

		note_failure(dial, STREAM_CLOSE_CONNECT, text);
		free(text);
	}
	for (; addresses != NULL && dial->address_count < DIAL_ADDRESSES_MAX; addresses = addresses->ai_next) {
		if (addresses->ai_family == AF_INET || addresses->ai_family == AF_INET6)
			endpoint_resolved(addresses, current(dial)->port, &dial->addresses[dial->address_count++]);
	}
	dial_advance(dial);
}

/* Fills the addresses of the current endpoint, now or, when it returns true, later. */
static bool resolve(struct dial *dial)
{
	const struct stream_endpoint *endpoint = current(dial);

	dial->address_count = 0;
	dial->next_address = 0;
	free(dial->peer);
	dial->peer = endpoint_text(endpoint, NULL);
	if (endpoint->host == NULL) {
		if (endpoint_unix(endpoint->path, &dial->addresses[0]) == 0)
			dial->address_count = 1;
		else
			note_connect_failure(dial, "the path is too long for a socket");
		return false;
	}
	if (endpoint_literal(endpoint->host, endpoint->port, &dial->addresses[0])) {
		dial->address_count = 1;
		return false;
	}
	dial->lookup = lookup_start(dial->loop, endpoint->host, on_resolved, dial);
	if (dial->lookup == NULL) {
		note_connect_failure(dial, strerror(errno));
		return false;
	}
	timer_arm(dial->deadline, dial->timeout_ms);
	return true;
}

static void dial_failed(struct dial *dial)
{
	char *text = strbuf_take(&dial->failures);

	dial->events.failed(dial->ctx, dial->why, text);
	free(text);
}

/* On to the next address, the next endpoint, or the end. */
static void dial_advance(struct dial *dial)
{
	for (;;) {
		while (dial->next_address < dial->address_count) {
			if (try_address(dial, &dial->addresses[dial->next_address++]))
				return;
		}
		if (dial->endpoint + 1 >= dial->endpoint_count) {
			dial_failed(dial);
			return;
		}
		dial->endpoint++;
		if (resolve(dial))
			return;
	}
}

static void on_start(void *ctx)
{
	struct dial *dial = ctx;

	if (!resolve(dial))
		dial_advance(dial);
}

struct dial *dial_new(struct loop *loop, const struct stream_params *params, const struct dial_events *events,
                      void *ctx)
{
	struct dial *dial = mem_alloc(sizeof(*dial));
	bool source = params->source_address != NULL && *params->source_address != '\0';

	dial->loop = loop;
	dial->events = *events;
	dial->ctx = ctx;
	dial->endpoints = mem_array(params->endpoint_count, sizeof(*dial->endpoints));
	dial->endpoint_count = params->endpoint_count;
	for (size_t i = 0; i < params->endpoint_count; i++)
		endpoint_copy(&dial->endpoints[i], &params->endpoints[i]);
	dial->implicit_tls = params->implicit_tls;
	dial->refuse_self = params->refuse_self;
	dial->source = source ? mem_strdup(params->source_address) : NULL;
	dial->timeout_ms = params->connect_timeout_ms;
	dial->peer = endpoint_text(current(dial), NULL);
	dial->fd = -1;
	dial->why = STREAM_CLOSE_CONNECT;
	dial->deadline = timer_new(loop, on_deadline, dial);
	dial->start = timer_new(loop, on_start, dial);
	timer_arm(dial->start, 0);
	return dial;
}

void dial_free(struct dial **dial)
{
	struct dial *gone = *dial;

	if (gone == NULL)
		return;
	drop_attempt(gone);
	timer_free(&gone->start);
	timer_free(&gone->deadline);
	for (size_t i = 0; i < gone->endpoint_count; i++)
		endpoint_dispose(&gone->endpoints[i]);
	free(gone->endpoints);
	free(gone->source);
	free(gone->peer);
	strbuf_free(&gone->failures);
	free(gone);
	*dial = NULL;
}

const char *dial_peer(const struct dial *dial)
{
	return dial->peer;
}

struct tls_client *dial_tls(const struct dial *dial)
{
	return current(dial)->tls;
}
