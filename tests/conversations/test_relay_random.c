/* SPDX-License-Identifier: ISC
 *
 * Relays that mostly behave, owners that cancel, sources that stall, break and
 * end, connections that are cut: whatever happens, each recipient is told
 * exactly once, and nobody has a message that was not whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "fake_net.h"
#include "journal.h"
#include "multidropd/mem.h"
#include "multidropd/relay.h"

#define WORLDS 1000
#define STEPS 120
#define LETTERS 6
#define RECIPIENTS 3
#define PEERS_MAX 64

struct letter {
	struct delivery *delivery;
	size_t left; /* bytes that are there and not taken */
	size_t taken;
	enum source_state rest;
	bool rewinds;
	unsigned told[RECIPIENTS];
	bool ended, cancelled;
};

/* What the far end of a connection believes. */
struct server {
	bool greeted;
	bool in_message;
	unsigned accepted;
	unsigned completed; /* messages whose dot came */
};

struct world {
	uint32_t seed;
	struct loop *loop;
	struct relay *relay;
	struct relay_params params;
	struct stream_endpoint endpoint;
	struct letter letters[LETTERS];
	struct server servers[PEERS_MAX];
	unsigned accepted; /* verdicts */
};

static struct world world;

static uint32_t dice(uint32_t sides)
{
	world.seed ^= world.seed << 13;
	world.seed ^= world.seed >> 17;
	world.seed ^= world.seed << 5;
	return world.seed % sides;
}

static enum source_state letter_peek(void *ctx, struct span *bytes)
{
	static const char text[] = "0123456789\r\n";
	struct letter *letter = ctx;

	*bytes = span_make(text, sizeof(text) - 1);
	return letter->left > 0 ? SOURCE_BYTES : letter->rest;
}

static void letter_take(void *ctx, size_t len)
{
	struct letter *letter = ctx;

	assert_int_equal(len, 12);
	letter->left--;
	letter->taken++;
}

static bool letter_rewind(void *ctx)
{
	struct letter *letter = ctx;

	if (!letter->rewinds || letter->rest == SOURCE_BROKEN)
		return false;
	letter->left += letter->taken;
	letter->taken = 0;
	return true;
}

static bool is_whole(const struct letter *letter)
{
	return letter->left == 0 && letter->rest == SOURCE_END;
}

static void letter_verdict(void *ctx, size_t recipient, const struct verdict *verdict)
{
	struct letter *letter = ctx;

	assert_true(recipient < RECIPIENTS);
	assert_false(letter->ended || letter->cancelled);
	assert_int_equal(letter->told[recipient]++, 0);
	if (verdict->kind == VERDICT_ACCEPTED || verdict->kind == VERDICT_UNKNOWN) {
		assert_int_equal(verdict->stage, STAGE_DOT);
		assert_true(is_whole(letter));
	}
	assert_true(verdict->reply.len > 0);
	world.accepted += verdict->kind == VERDICT_ACCEPTED;
	if (dice(20) == 0) {
		delivery_cancel(&letter->delivery);
		letter->cancelled = true;
	}
}

static void letter_ended(void *ctx)
{
	struct letter *letter = ctx;

	assert_false(letter->ended || letter->cancelled);
	for (size_t i = 0; i < RECIPIENTS; i++)
		assert_int_equal(letter->told[i], 1);
	letter->delivery = NULL;
	letter->ended = true;
}

static void send_letter(struct letter *letter)
{
	static const char *const recipients[RECIPIENTS] = { "a@office", "b@office", "c@office" };
	static const struct delivery_events events = { .verdict = letter_verdict, .ended = letter_ended };
	struct delivery_params params = {
		.sender = "s@x",
		.recipients = recipients,
		.recipient_count = 1 + dice(RECIPIENTS),
		.source = { letter_peek, letter_take, letter_rewind, letter },
	};

	*letter = (struct letter){ .left = dice(40), .rest = dice(2) ? SOURCE_END : SOURCE_WAIT, .rewinds = dice(2) };
	for (size_t i = params.recipient_count; i < RECIPIENTS; i++)
		letter->told[i] = 1;
	letter->delivery = delivery_start(world.relay, &params, &events, letter);
}

static void touch_letter(struct letter *letter)
{
	if (letter->delivery == NULL) {
		send_letter(letter);
		return;
	}
	if (letter->rest == SOURCE_WAIT && dice(2) == 0)
		letter->left += dice(20);
	else if (letter->rest == SOURCE_WAIT)
		letter->rest = dice(4) ? SOURCE_END : SOURCE_BROKEN;
	delivery_resume(letter->delivery);
	if (dice(30) == 0) {
		delivery_cancel(&letter->delivery);
		letter->cancelled = true;
	}
}

static const char *odd_reply(void)
{
	static const char *const replies[] = {
		"250 ok",  "354 go on",         "550 no", "450 later", "452 many",  "552 full",
		"421 bye", "250-endless",       "+OK",    "",          "503 order", "235 in",
		"334 x",   "250 ok\r\n250 two", "999",
	};

	return replies[dice(sizeof(replies) / sizeof(replies[0]))];
}

static const char *hello(void)
{
	return dice(3) ? "250-x\r\n250-PIPELINING\r\n250 SIZE 300" : "250 x";
}

static const char *reply_to(struct server *server, const char *line)
{
	if (strncmp(line, "LHLO", 4) == 0 || strncmp(line, "EHLO", 4) == 0)
		return hello();
	if (strncmp(line, "MAIL", 4) == 0)
		server->accepted = 0;
	if (strncmp(line, "RCPT", 4) == 0) {
		if (dice(3) == 0)
			return "550 no such user";
		server->accepted++;
	}
	if (strcmp(line, "DATA") != 0)
		return "250 ok";
	server->in_message = server->accepted > 0;
	return server->in_message ? "354 go on" : "503 nobody";
}

static void answer(struct fake_peer *peer, struct server *server, const char *line)
{
	const char *reply = odd_reply();

	if (dice(40) > 0)
		reply = reply_to(server, line);
	else
		server->in_message = strncmp(reply, "354", 3) == 0;
	evbuffer_add_printf(peer->to_client, "%s\r\n", reply);
}

static void message_line(struct fake_peer *peer, struct server *server, const char *line)
{
	unsigned replies = world.params.lmtp ? server->accepted : 1;

	if (strcmp(line, ".") != 0)
		return;
	server->in_message = false;
	server->completed++;
	for (unsigned i = 0; i < replies; i++)
		evbuffer_add_printf(peer->to_client, "%s\r\n", dice(20) ? "250 taken" : odd_reply());
}

static void serve(struct fake_peer *peer)
{
	struct server *server = &world.servers[peer->number];
	char *line;

	if (!server->greeted)
		evbuffer_add_printf(peer->to_client, "%s\r\n", dice(20) ? "220 hi" : odd_reply());
	server->greeted = true;
	while (!peer->closing && (line = evbuffer_readln(peer->from_client, NULL, EVBUFFER_EOL_CRLF_STRICT)) != NULL) {
		if (server->in_message)
			message_line(peer, server, line);
		else
			answer(peer, server, line);
		free(line);
	}
}

static void touch_peer(struct fake_peer *peer)
{
	if (peer->stream == NULL || peer->number == 0 || peer->number >= PEERS_MAX)
		return;
	peer->stalled = dice(10) == 0;
	if (!peer->closing && dice(40) == 0)
		fake_peer_close(peer, dice(2) ? STREAM_CLOSE_EOF : STREAM_CLOSE_CUT, "gone");
	else if (!peer->closing)
		serve(peer);
}

static void step(void)
{
	touch_letter(&world.letters[dice(LETTERS)]);
	assert_true(fake_net_settle(world.loop));
	for (struct fake_peer *peer = fake_net_peers(); peer != NULL; peer = peer->next)
		touch_peer(peer);
	assert_true(fake_net_settle(world.loop));
	if (dice(15) == 0)
		fake_net_answer(FAKE_REFUSE, "no route");
	if (dice(10) == 0)
		assert_true(fake_net_advance(world.loop, dice(700000)));
}

static void begin(uint32_t seed)
{
	fake_net_reset(seed % 4);
	memset(&world, 0, sizeof(world));
	world.seed = seed;
	world.loop = loop_new();
	world.endpoint = (struct stream_endpoint){ .host = "mx.example", .port = 25 };
	world.params = (struct relay_params){
		.name = "office",
		.lmtp = dice(2),
		.endpoints = &world.endpoint,
		.endpoint_count = 1,
		.hostname = "me.example",
		.max_connections = 1 + dice(3),
		.idle_timeout_ms = 30000,
		.timeout_ms = 300000,
		.pipelining = dice(2),
		.retry_min_ms = 1000,
		.retry_max_ms = 60000,
	};
	world.relay = relay_new(world.loop, &world.params);
}

/* More verdicts than recipients of messages that were completed would be mail that nobody has. */
static void end(void)
{
	unsigned completed = 0;

	for (size_t i = 0; i < LETTERS; i++)
		delivery_cancel(&world.letters[i].delivery);
	relay_free(&world.relay);
	for (size_t i = 0; i < PEERS_MAX; i++)
		completed += world.servers[i].completed;
	assert_true(world.accepted <= completed * RECIPIENTS);
	assert_int_equal(fake_loop_objects(world.loop), 0);
	loop_free(&world.loop);
	fake_net_reset(0);
}

static void tells_each_recipient_once(void **state)
{
	unsigned accepted = 0;

	(void)state;
	journal_begin();
	for (uint32_t seed = 1; seed <= WORLDS; seed++) {
		begin(seed * 2654435761u);
		for (int i = 0; i < STEPS; i++)
			step();
		accepted += world.accepted;
		end();
	}
	journal_end();
	assert_true(accepted > WORLDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_each_recipient_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("relay_random", tests, NULL, NULL);
}
