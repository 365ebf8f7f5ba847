/* SPDX-License-Identifier: ISC
 *
 * Everything that can go wrong, at every step of a poll: nobody is left
 * without the message, and nobody gets it twice unless the log says that it
 * was possible.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal.h"
#include "multidropd/log.h"
#include "robots.h"
#include "world.h"

#define POLLS_MAX 8
#define SECONDS_MAX 4000 /* of a poll, all time limits included */
#define PAUSE_MS 4000000 /* between polls: longer than any back-off */
#define STOP_WAIT_S 5
#define STEPS_MAX 400

/* A mailbox and its surroundings. */
struct scenario {
	const char *name;
	struct world_options options;
	bool lying_sizes;
	size_t body_lines;
	size_t message_count;
	struct robots_message messages[ROBOTS_MESSAGES_MAX];
};

/* What `told` does. */
enum blow {
	BLOW_NONE,
	BLOW_CRASH,       /* with all committed that had come */
	BLOW_CRASH_LATER, /* nothing is committed from the step on, but for some of the first */
	BLOW_STOP,
	BLOW_FREE,
	BLOW_COUNT,
};

struct run {
	const struct scenario *scenario;
	enum blow blow;
	size_t commits; /* of CRASH_LATER */
	struct robots robots;
	struct loop *loop;
	struct world *world;
	bool held, stopped, dying;
	unsigned possible[ROBOTS_MESSAGES_MAX]; /* how often the log spoke of a possible duplicate */
	char *error;
};

static struct run run;

static void listen(enum log_level level, const char *line)
{
	(void)level;
	if (run.dying || strstr(line, "possible duplicate") == NULL)
		return;
	for (size_t i = 0; i < run.robots.message_count; i++) {
		char *uid = str_format(" uid=%s ", run.robots.messages[i].uid);

		run.possible[i] += strstr(line, uid) != NULL;
		free(uid);
	}
}

/* A begin is not waited for: of what the relay got before its commit the ledger cannot warn. */
static void excuse_unknown(void)
{
	size_t before = journal.entries.count;

	fake_ledger_describe(run.world->ledger);
	for (size_t i = 0; i < run.robots.message_count; i++) {
		bool known = false;

		for (size_t at = before; at < journal.entries.count; at++)
			known |= strstr(journal.entries.items[at], run.robots.messages[i].recipients[0]) != NULL;
		run.possible[i] += !known;
	}
}

static void crash(void)
{
	run.dying = true;
	world_crash(run.world);
	run.dying = false;
	excuse_unknown();
}

static void strike(void *ctx)
{
	(void)ctx;
	switch (run.blow) {
	case BLOW_CRASH:
		crash();
		break;
	case BLOW_CRASH_LATER:
		fake_ledger_hold(run.world->ledger, true);
		fake_ledger_commit(run.world->ledger, run.commits);
		run.held = true;
		break;
	case BLOW_STOP:
		if (run.world->collector != NULL)
			collector_stop(run.world->collector);
		run.stopped = true;
		break;
	case BLOW_FREE:
		collector_free(&run.world->collector);
		break;
	case BLOW_NONE:
	case BLOW_COUNT:
		break;
	}
}

static void rest(void)
{
	bool busy = true;

	while (busy) {
		if (!fake_net_settle(run.loop))
			fail_msg("the client never comes to rest");
		busy = robots_turn(&run.robots);
	}
}

/* To its end, or to where the process dies. */
static void poll(bool all_due)
{
	size_t seconds = 0;

	world_poll(run.world, all_due);
	rest();
	while (run.world->collector != NULL && seconds++ < SECONDS_MAX) {
		if (run.held || (run.stopped && seconds > STOP_WAIT_S))
			break;
		fake_net_advance(run.loop, 1000);
		rest();
	}
	if (seconds >= SECONDS_MAX)
		fail_msg("the poll does not end");
	if (run.held)
		crash();
	collector_free(&run.world->collector);
	run.held = run.stopped = false;
}

static bool all_gone(void)
{
	for (size_t i = 0; i < run.robots.message_count; i++) {
		if (!run.robots.messages[i].gone)
			return false;
	}
	return true;
}

static void wrong(const char *what, const struct robots_message *message, size_t recipient)
{
	if (run.error == NULL)
		run.error = str_format("%s: %s, %u copies", what, message->recipients[recipient],
		                       message->copies[recipient]);
}

static void judge(bool refused)
{
	for (size_t i = 0; i < run.robots.message_count; i++) {
		const struct robots_message *message = &run.robots.messages[i];

		for (size_t at = 0; at < message->recipient_count && message->same_as == i; at++) {
			bool never = strncmp(message->recipients[at], "never", 5) == 0;

			if (message->copies[at] == 0 && !never && !refused)
				wrong("never delivered", message, at);
			if (message->copies[at] > 1 + run.possible[i])
				wrong("delivered too often", message, at);
		}
	}
	if (run.robots.broken != NULL && run.error == NULL)
		run.error = str_format("%s", run.robots.broken);
}

static bool keeps_refused(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->message_count; i++) {
		for (size_t at = 0; at < scenario->messages[i].recipient_count; at++) {
			if (strncmp(scenario->messages[i].recipients[at], "never", 5) == 0)
				return true;
		}
	}
	return false;
}

static void begin(const struct scenario *scenario)
{
	fake_net_reset(0);
	run = (struct run){ .scenario = scenario };
	run.robots = (struct robots){ .lmtp = scenario->options.lmtp,
		                      .lying_sizes = scenario->lying_sizes,
		                      .body_lines = scenario->body_lines,
		                      .message_count = scenario->message_count,
		                      .fault_at = SIZE_MAX,
		                      .told = strike };
	memcpy(run.robots.messages, scenario->messages, sizeof(run.robots.messages));
	run.loop = loop_new();
	journal_begin();
	log_capture(listen);
	run.world = world_new(run.loop, &scenario->options);
}

static void finish(void)
{
	world_free(run.world);
	assert_int_equal(fake_loop_objects(run.loop), 0);
	loop_free(&run.loop);
	journal_end();
	robots_reset(&run.robots);
	fake_net_reset(0);
}

/* False: the poll had ended before that step. */
static bool play(const struct scenario *scenario, enum robots_fault fault, size_t at)
{
	enum blow blow = run.blow;
	size_t commits = run.commits, polls = 0;
	bool reached, refused = fault == FAULT_REFUSE_FOR_GOOD || keeps_refused(scenario);

	begin(scenario);
	run.blow = blow;
	run.commits = commits;
	run.robots.fault = fault;
	run.robots.fault_at = at;
	poll(false);
	reached = run.robots.step > at;
	run.robots.fault_at = SIZE_MAX;
	while (!all_gone() && polls++ < POLLS_MAX) {
		fake_net_advance(run.loop, PAUSE_MS);
		poll(true);
	}
	judge(fault == FAULT_REFUSE_FOR_GOOD);
	if (!all_gone() && !refused && run.error == NULL)
		run.error = str_format("mail stays on the server");
	finish();
	if (run.error != NULL)
		fail_msg("%s: fault %d at step %zu, blow %d, %zu commits: %s", scenario->name, (int)fault, at,
		         (int)blow, commits, run.error);
	return reached;
}

static void play_all_steps(const struct scenario *scenario, enum robots_fault fault, enum blow blow, size_t commits)
{
	for (size_t at = 0; at < STEPS_MAX; at++) {
		run.blow = blow;
		run.commits = commits;
		if (!play(scenario, fault, at))
			return;
	}
}

#define LMTP .lmtp = true
/* No memory for what its size did not announce: such a message is streamed. */
#define STREAMED .lying_sizes = true, .body_lines = 200
#define NO_MEMORY .global = "memory_limit = 64K"
#define ONE_BY_ONE .account = "pipelining = off"

static const struct scenario scenarios[] = {
	{ "one message, SMTP", { 0 }, .message_count = 1, .messages = { { "a", { "bob" }, 1 } } },
	{ "one message, LMTP", { LMTP }, .message_count = 1, .messages = { { "a", { "bob" }, 1 } } },
	{ "three recipients, SMTP",
	  { 0 },
	  .message_count = 1,
	  .messages = { { "a", { "bob", "later-carl", "dan" }, 3 } } },
	{ "three recipients, LMTP",
	  { LMTP },
	  .message_count = 1,
	  .messages = { { "a", { "bob", "later-carl", "dan" }, 3 } } },
	{ "one is refused for good",
	  { ONE_BY_ONE },
	  .message_count = 1,
	  .messages = { { "a", { "bob", "never-carl", "later-dan" }, 3 } } },
	{ "streamed, SMTP",
	  { NO_MEMORY },
	  STREAMED,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "later-carl" }, 2 } } },
	{ "streamed, LMTP",
	  { LMTP, NO_MEMORY },
	  STREAMED,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "later-carl", "dan" }, 3 } } },
	{ "several messages, one of them twice",
	  { 0 },
	  .message_count = 4,
	  .messages = { { "a", { "bob" }, 1 },
	                { "b", { "carl", "dan" }, 2, .same_as = 1 },
	                { "a", { "eve" }, 1, .same_as = 2 },
	                { "a", { "bob" }, 1 } } },
	{ "several messages, one connection to the relay",
	  { .relay = "max_connections = 1" },
	  .message_count = 3,
	  .messages = { { "a", { "bob" }, 1 },
	                { "b", { "carl", "later-dan" }, 2, .same_as = 1 },
	                { "c", { "eve" }, 1, .same_as = 2 } } },
	{ "several messages, streamed one after the other",
	  { NO_MEMORY },
	  STREAMED,
	  .message_count = 3,
	  .messages = { { "a", { "bob" }, 1 },
	                { "b", { "carl", "later-dan" }, 2, .same_as = 1 },
	                { "c", { "eve" }, 1, .same_as = 2 } } },
};

#define FOR_EACH_SCENARIO(scenario)                                                                                    \
	for (const struct scenario *scenario = scenarios;                                                              \
	     scenario < scenarios + sizeof(scenarios) / sizeof(scenarios[0]); scenario++)

static void nothing_goes_wrong(void **state)
{
	(void)state;
	FOR_EACH_SCENARIO(scenario)
	{
		run.blow = BLOW_NONE;
		assert_false(play(scenario, FAULT_NONE, SIZE_MAX - 1));
	}
}

static void peers_fail(void **state)
{
	(void)state;
	FOR_EACH_SCENARIO(scenario)
	{
		for (enum robots_fault fault = FAULT_CUT_BEFORE; fault < FAULT_TELL_BEFORE; fault++)
			play_all_steps(scenario, fault, BLOW_NONE, 0);
	}
}

static void the_daemon_ends(void **state)
{
	(void)state;
	FOR_EACH_SCENARIO(scenario)
	{
		for (enum robots_fault when = FAULT_TELL_BEFORE; when <= FAULT_TELL_AFTER; when++) {
			play_all_steps(scenario, when, BLOW_CRASH, 0);
			play_all_steps(scenario, when, BLOW_STOP, 0);
			play_all_steps(scenario, when, BLOW_FREE, 0);
		}
	}
}

static void the_ledger_lags_behind(void **state)
{
	(void)state;
	FOR_EACH_SCENARIO(scenario)
	{
		for (size_t commits = 0; commits < 8; commits++)
			play_all_steps(scenario, FAULT_TELL_BEFORE, BLOW_CRASH_LATER, commits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_wrong),
		cmocka_unit_test(peers_fail),
		cmocka_unit_test(the_daemon_ends),
		cmocka_unit_test(the_ledger_lags_behind),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_matrix", tests, NULL, NULL);
}
