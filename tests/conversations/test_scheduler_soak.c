/* SPDX-License-Identifier: ISC
 *
 * Several accounts that share memory, relays and ledger, while lines are cut,
 * the configuration is reloaded, the ledger halts and the daemon is killed. In
 * the end everybody has his mail, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/daemon/scheduler.h"
#include "journal.h"
#include "multidropd/log.h"
#include "robots.h"
#include "world.h"

#define RUNS 150
#define EVENTS 30
#define CALM_S 8000 /* longer than all back-off in a row */

static const char *const users[] = { "ann", "bea", "cat", "dot" };
#define USERS (sizeof(users) / sizeof(users[0]))

static const struct robots_message mail[ROBOTS_MESSAGES_MAX] = {
	{ "a1", { "ann" }, 1, .same_as = 0, .user = "ann" },
	{ "a2", { "ann", "later-x", "bob" }, 3, .same_as = 1, .user = "ann" },
	{ "a3", { "zoe" }, 1, .same_as = 2, .user = "ann" },
	{ "b1", { "bea" }, 1, .same_as = 3, .user = "bea" },
	{ "b2", { "carl", "dan" }, 2, .same_as = 4, .user = "bea" },
	{ "c1", { "later-y" }, 1, .same_as = 5, .user = "cat" },
	{ "c2", { "cat", "bob" }, 2, .same_as = 6, .user = "cat" },
	{ "c2", { "eve" }, 1, .same_as = 7, .user = "cat" },
	{ "c3", { "dan" }, 1, .same_as = 8, .user = "cat" },
	{ "d1", { "dot" }, 1, .same_as = 9, .user = "dot" },
	{ "d2", { "eve", "carl", "bob" }, 3, .same_as = 10, .user = "dot" },
	{ "d3", { "dot", "later-z" }, 2, .same_as = 11, .user = "dot" },
};

static struct {
	struct loop *loop;
	struct ledger *ledger;
	struct budget budget;
	struct scheduler *scheduler;
	struct robots robots;
	uint64_t seed;
	bool dying;
	unsigned possible[ROBOTS_MESSAGES_MAX];
} soak;

static size_t draw(size_t below)
{
	soak.seed = soak.seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(soak.seed >> 33) % below;
}

static void listen(enum log_level level, const char *line)
{
	(void)level;
	if (soak.dying || strstr(line, "possible duplicate") == NULL)
		return;
	for (size_t i = 0; i < ROBOTS_MESSAGES_MAX; i++) {
		char *uid = str_format(" uid=%s ", mail[i].uid);

		soak.possible[i] += strstr(line, uid) != NULL;
		free(uid);
	}
}

static void idle(void *ctx)
{
	(void)ctx;
}

/* `calm`: every account; else one or the other is missing, disabled or elsewhere in the file. */
static void apply_some(bool calm)
{
	struct strbuf text = { 0 };
	struct strlist problems = { 0 };
	struct config *config;
	struct setup *setup;
	const char *protocol = soak.robots.lmtp ? "lmtp" : "smtp";
	size_t first = draw(USERS);

	strbuf_addf(&text,
	            "hostname = \"me.example\"\nmemory_limit = 64K\nmax_sessions_per_host = %zu\n"
	            "relay \"r0\" { address = \"relay.example\"\nprotocol = %s\nmax_connections = %zu }\n"
	            "relay \"r1\" { address = \"relay.example:26\"\nprotocol = %s }\n",
	            1 + draw(4), protocol, 1 + draw(3), protocol);
	for (size_t i = 0; i < USERS; i++) {
		const char *user = users[(first + i) % USERS];

		if (!calm && draw(4) == 0)
			continue;
		strbuf_addf(&text,
		            "account \"%s\" { server = \"pop.example\"\ntls = none\nuser = \"%s\"\npassword = 'p'\n"
		            "interval = 1m\nadd_received = false\nenabled = %s\npriority = %zu\nrelay = \"r%zu\"\n"
		            "multidrop { envelope = \"X-Envelope-To\"\ndomains = \"office.example\" }\n}\n",
		            user, user, calm || draw(5) > 0 ? "true" : "false", draw(3), draw(2));
	}
	config = world_config(strbuf_str(&text));
	strbuf_free(&text);
	setup = setup_new(soak.loop, &config, &problems);
	assert_non_null(setup);
	scheduler_apply(soak.scheduler, setup);
	setup_unref(&setup);
}

static void start(void)
{
	struct scheduler_params params = {
		.loop = soak.loop, .ledger = soak.ledger, .budget = &soak.budget, .idle = idle
	};

	soak.scheduler = scheduler_new(&params);
	apply_some(true);
}

static void crash(void)
{
	soak.dying = true;
	fake_ledger_hold(soak.ledger, true);
	scheduler_free(&soak.scheduler);
	fake_ledger_crash(&soak.ledger);
	fake_ledger_hold(soak.ledger, false);
	soak.dying = false;
	assert_int_equal(soak.budget.used, 0);
	start();
}

static void rest(void)
{
	bool busy = true;

	while (busy) {
		assert_true(fake_net_settle(soak.loop));
		busy = robots_turn(&soak.robots);
	}
}

static void pass(size_t steps, int64_t step_ms)
{
	rest();
	while (steps-- > 0) {
		assert_true(fake_net_advance(soak.loop, step_ms));
		rest();
	}
}

/* The disk refuses, or takes again what it refused; half of the time the daemon has not heard of it yet. */
static void halt_ledger(bool halted)
{
	fake_ledger_hold(soak.ledger, halted);
	if (!halted || draw(2) == 0)
		scheduler_hold(soak.scheduler, halted);
}

/* In the middle of what the robots just do. */
static void strike(void *ctx)
{
	(void)ctx;
	if (draw(2) == 0)
		apply_some(false);
	else
		halt_ledger(true);
}

static void something_happens(void)
{
	soak.robots.fault = (enum robots_fault)draw(FAULT_COUNT);
	/* Nobody's refusal is for good here. */
	if (soak.robots.fault == FAULT_REFUSE_FOR_GOOD)
		soak.robots.fault = FAULT_CUT_AFTER;
	soak.robots.fault_at = soak.robots.step + draw(12);
	pass(draw(4), draw(5) == 0 ? 100000 : 1000);
	switch (draw(6)) {
	case 0:
		crash();
		break;
	case 1:
		apply_some(false);
		break;
	case 2:
		halt_ledger(false);
		break;
	case 3:
		scheduler_poll_all(soak.scheduler);
		break;
	default:
		break;
	}
}

static void judge(uint64_t seed)
{
	for (size_t i = 0; i < ROBOTS_MESSAGES_MAX; i++) {
		const struct robots_message *message = &soak.robots.messages[i];

		if (!message->gone)
			fail_msg("run %llu: %s stays on the server", (unsigned long long)seed, message->uid);
		for (size_t at = 0; at < message->recipient_count; at++) {
			if (message->copies[at] == 0 || message->copies[at] > 1 + soak.possible[i])
				fail_msg("run %llu: %s has %s %u times", (unsigned long long)seed,
				         message->recipients[at], message->uid, message->copies[at]);
		}
	}
	if (soak.robots.broken != NULL)
		fail_msg("run %llu: %s", (unsigned long long)seed, soak.robots.broken);
}

static void begin(uint64_t seed)
{
	fake_net_reset(0);
	memset(&soak, 0, sizeof(soak));
	soak.seed = seed;
	soak.robots = (struct robots){ .message_count = ROBOTS_MESSAGES_MAX, .fault_at = SIZE_MAX, .told = strike };
	soak.robots.lmtp = seed % 5 < 2;
	soak.robots.lying_sizes = seed % 2 == 0;
	soak.robots.body_lines = seed % 3 * 100;
	memcpy(soak.robots.messages, mail, sizeof(mail));
	soak.loop = loop_new();
	journal_begin();
	log_capture(listen);
	soak.ledger = fake_ledger_new(soak.loop);
	budget_init(&soak.budget, soak.loop, 65536);
	start();
}

static void finish(void)
{
	scheduler_free(&soak.scheduler);
	assert_int_equal(soak.budget.used, 0);
	budget_deinit(&soak.budget);
	fake_ledger_free(&soak.ledger);
	assert_int_equal(fake_loop_objects(soak.loop), 0);
	loop_free(&soak.loop);
	journal_end();
	robots_reset(&soak.robots);
	fake_net_reset(0);
}

static void everybody_has_his_mail_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		begin(seed);
		for (unsigned i = 0; i < EVENTS; i++)
			something_happens();
		soak.robots.fault_at = SIZE_MAX;
		halt_ledger(false);
		apply_some(true);
		pass(CALM_S / 20, 20000);
		judge(seed);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_has_his_mail_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scheduler_soak", tests, NULL, NULL);
}
