/* SPDX-License-Identifier: ISC
 *
 * A whole POP3 session against a server that says anything. Linked with the
 * fakes of tests/conversations. The first byte chooses the settings; then each
 * line up to LF is sent when the client has come to rest.
 */
#include <event2/buffer.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../conversations/fake_net.h"
#include "multidropd/log.h"
#include "multidropd/pop3.h"

#define MESSAGES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum setting { SET_STARTTLS = 1, SET_ONE_BY_ONE = 2, SET_BYTES = 4, SET_PAUSE = 8, SET_FREE = 16 };

struct owner {
	struct pop3_session *session;
	unsigned settings;
	unsigned asked, ended, deleted;
	uint32_t open; /* the message between begun and ended */
	bool ready, closed;
};

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void on_ready(void *ctx, const struct pop3_facts *facts)
{
	struct owner *owner = ctx;

	require(!owner->ready && !owner->closed && facts->auth != NULL);
	owner->ready = true;
	pop3_list(owner->session);
}

static void on_listed(void *ctx, const struct pop3_listing *listing)
{
	struct owner *owner = ctx;

	for (size_t i = 0; i < listing->count && owner->asked < MESSAGES_MAX; i++) {
		if (listing->entries[i].size % 2 == 0)
			pop3_retr(owner->session, listing->entries[i].number);
		else if (listing->entries[i].size % 4 == 1)
			pop3_top(owner->session, listing->entries[i].number);
		else
			pop3_env(owner->session, listing->entries[i].number);
		pop3_dele(owner->session, listing->entries[i].number);
		owner->asked++;
	}
	pop3_quit(owner->session);
}

static void on_begun(void *ctx, uint32_t number)
{
	struct owner *owner = ctx;

	require(owner->open == 0 && number != 0 && !owner->closed);
	owner->open = number;
	if (owner->settings & SET_PAUSE)
		pop3_pause(owner->session, true);
}

static void on_bytes(void *ctx, uint32_t number, const char *data, size_t len)
{
	struct owner *owner = ctx;

	require(owner->open == number && len > 0 && memchr(data, '\0', len) == NULL);
	if (owner->settings & SET_FREE)
		pop3_free(&owner->session);
}

static void on_ended(void *ctx, uint32_t number, enum pop3_message_end how, uint64_t bytes, const char *text)
{
	struct owner *owner = ctx;

	require(text != NULL && owner->session != NULL && !owner->closed);
	require(owner->open == number || how != POP3_MESSAGE_COMPLETE);
	require(bytes == 0 || owner->open == number);
	owner->open = 0;
	owner->ended++;
}

static void on_deleted(void *ctx, uint32_t number, bool ok, const char *text)
{
	struct owner *owner = ctx;

	(void)ok;
	require(number != 0 && text != NULL);
	owner->deleted++;
}

static void on_closed(void *ctx, const struct pop3_end *end)
{
	struct owner *owner = ctx;

	require(!owner->closed && end->text != NULL && owner->ended == owner->asked);
	require(!end->quit_confirmed || owner->ready);
	owner->closed = true;
	pop3_free(&owner->session);
}

static const struct pop3_events events = { on_ready, on_listed, on_begun, on_bytes, on_ended, on_deleted, on_closed };

static void fetch_secret(void *source, secret_done_fn *done, void *ctx)
{
	(void)source;
	done(ctx, SPAN("geheim"), NULL);
}

static void cancel_secret(void *source, void *ctx)
{
	(void)source;
	(void)ctx;
}

static void drop_line(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static struct fake_peer *newest_peer(void)
{
	struct fake_peer *peer = fake_net_peers();

	if (peer != NULL && peer->stream != NULL && peer->handshake)
		fake_peer_handshake(peer, NULL);
	return peer != NULL && peer->stream != NULL && peer->number > 0 ? peer : NULL;
}

static void serve(struct owner *owner, struct loop *loop, struct span input)
{
	while (owner->session != NULL && input.len > 0) {
		ssize_t end = span_find(input, '\n');
		size_t len = end >= 0 ? (size_t)end + 1 : input.len;
		struct fake_peer *peer;

		require(fake_net_settle(loop));
		peer = newest_peer();
		if (peer != NULL && input.data[0] == '!')
			fake_peer_close(peer, STREAM_CLOSE_EOF, "closed");
		else if (peer != NULL && !peer->closing)
			evbuffer_add(peer->to_client, input.data, len);
		require(fake_net_settle(loop));
		if (owner->session != NULL && (owner->settings & SET_PAUSE))
			pop3_pause(owner->session, false);
		input = span_from(input, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct owner owner = { .settings = size > 0 ? data[0] : 0 };
	struct pop3_memory memory = { 0 };
	struct pop3_params params = {
		.host = "pop.example",
		.port = 110,
		.tls = owner.settings & SET_STARTTLS ? POP3_TLS_STARTTLS : POP3_TLS_NONE,
		.user = "ann",
		.secret = { fetch_secret, cancel_secret, NULL },
		.connect_timeout_ms = 30000,
		.timeout_ms = 120000,
		.pipelining = !(owner.settings & SET_ONE_BY_ONE),
		.label = "fuzz",
		.memory = &memory,
	};
	struct loop *loop;

	fake_net_reset(owner.settings & SET_BYTES ? 1 : 0);
	log_capture(drop_line);
	loop = loop_new();
	owner.session = pop3_open(loop, &params, &events, &owner);
	serve(&owner, loop, span_from(span_make(data, size), 1));
	require(fake_net_advance(loop, 3600 * 1000));
	pop3_free(&owner.session);
	require(fake_loop_objects(loop) == 0);
	loop_free(&loop);
	return 0;
}
