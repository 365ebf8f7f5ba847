/* SPDX-License-Identifier: ISC
 *
 * The other end for net/'s tests: a server on loopback in a thread of its own
 * that plays a script with each connection, and a client that writes down what
 * its stream tells it. Included by one test after cmocka.
 */
#ifndef MULTIDROPD_TESTS_NET_PEER_H
#define MULTIDROPD_TESTS_NET_PEER_H

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "multidropd/loop.h"
#include "multidropd/mem.h"
#include "multidropd/stream.h"

#define GUARD_MS 30000 /* a test that hangs fails; none is expected to come near it */

struct peer {
	int listener;
	uint16_t port;
	pthread_t thread;
	void (*script)(int fd, void *arg); /* fd is closed after it */
	void *arg;
};

static inline int peer_listen(uint16_t *port, int backlog)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static inline void *peer_run(void *arg)
{
	struct peer *peer = arg;
	int fd;

	while ((fd = accept(peer->listener, NULL, NULL)) >= 0) {
		peer->script(fd, peer->arg);
		close(fd);
	}
	return NULL;
}

static inline void peer_start_on(struct peer *peer, int listener, void (*script)(int fd, void *arg), void *arg)
{
	peer->listener = listener;
	peer->script = script;
	peer->arg = arg;
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static inline void peer_start(struct peer *peer, void (*script)(int fd, void *arg), void *arg)
{
	peer_start_on(peer, peer_listen(&peer->port, 16), script, arg);
}

/* When the script has ended. */
static inline void peer_stop(struct peer *peer)
{
	shutdown(peer->listener, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->listener);
}

static inline void peer_say(int fd, const char *text)
{
	ssize_t written = write(fd, text, strlen(text));

	(void)written;
}

/* Until LF or the end. */
static inline size_t peer_hear(int fd, char *out, size_t size)
{
	size_t len = 0;

	while (len + 1 < size && read(fd, out + len, 1) == 1) {
		if (out[len++] == '\n')
			break;
	}
	out[len] = '\0';
	return len;
}

/* What the client saw, in words: "connected readable drained tls closed". */
struct client {
	struct loop *loop;
	struct stream *stream;
	struct timer *guard;
	struct timer *later; /* for a test's own use */
	struct strbuf events;
	struct strbuf data; /* everything read */
	bool closed;
	enum stream_close why;
	char *text;          /* of closed */
	const char *free_in; /* the event in which the stream is freed */
	/* Further steps of a test; may be NULL. */
	void (*on_connected)(struct client *client);
	void (*on_tls)(struct client *client);
	void (*on_data)(struct client *client); /* takes from `data` or the input itself */
	void (*on_drained)(struct client *client);
	void *arg;
};

static inline void client_note(struct client *client, const char *event)
{
	if (client->events.len < 4096)
		strbuf_addf(&client->events, "%s%s", client->events.len > 0 ? " " : "", event);
	if (client->free_in != NULL && strcmp(client->free_in, event) == 0) {
		stream_free(&client->stream);
		loop_stop(client->loop);
	}
}

static inline void client_connected(void *ctx)
{
	struct client *client = ctx;

	client_note(client, "connected");
	if (client->stream != NULL && client->on_connected != NULL)
		client->on_connected(client);
}

static inline void client_tls(void *ctx)
{
	struct client *client = ctx;

	client_note(client, "tls");
	if (client->stream != NULL && client->on_tls != NULL)
		client->on_tls(client);
}

static inline void client_take(struct client *client)
{
	struct evbuffer *input = stream_input(client->stream);
	size_t len = evbuffer_get_length(input);

	strbuf_add(&client->data, evbuffer_pullup(input, -1), len);
	evbuffer_drain(input, len);
}

static inline void client_readable(void *ctx)
{
	struct client *client = ctx;

	client_note(client, "readable");
	if (client->stream == NULL)
		return;
	if (client->on_data != NULL)
		client->on_data(client);
	else
		client_take(client);
}

static inline void client_drained(void *ctx)
{
	struct client *client = ctx;

	client_note(client, "drained");
	if (client->stream != NULL && client->on_drained != NULL)
		client->on_drained(client);
}

static inline void client_closed(void *ctx, enum stream_close why, const char *text)
{
	struct client *client = ctx;

	assert_false(client->closed);
	client->closed = true;
	client->why = why;
	client->text = mem_strdup(text);
	client_note(client, "closed");
	loop_stop(client->loop);
}

static inline void client_hangs(void *ctx)
{
	struct client *client = ctx;

	fail_msg("nothing happened any more after: %s", strbuf_str(&client->events));
}

static inline void client_open(struct client *client, struct loop *loop, const struct stream_params *params)
{
	static const struct stream_events events = {
		.connected = client_connected,
		.tls_started = client_tls,
		.readable = client_readable,
		.drained = client_drained,
		.closed = client_closed,
	};

	client->loop = loop;
	client->guard = timer_new(loop, client_hangs, client);
	timer_arm(client->guard, GUARD_MS);
	client->stream = stream_open(loop, params, &events, client);
}

/* What hangs on the loop. */
static inline void client_leave(struct client *client)
{
	stream_free(&client->stream);
	timer_free(&client->guard);
	timer_free(&client->later);
}

static inline void client_later(struct client *client, int64_t delay_ms, void (*fire)(void *ctx))
{
	if (client->later == NULL)
		client->later = timer_new(client->loop, fire, client);
	timer_arm(client->later, delay_ms);
}

static inline void client_end(struct client *client)
{
	client_leave(client);
	strbuf_free(&client->events);
	strbuf_free(&client->data);
	free(client->text);
}

static inline bool client_saw(const struct client *client, const char *event)
{
	return strstr(strbuf_str(&client->events), event) != NULL;
}

#endif
