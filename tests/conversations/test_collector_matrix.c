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
#define RANDOM_RUNS 2000

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

static void crash(void)
{
	run.dying = true;
	world_crash(run.world);
	run.dying = false;
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
			if (message->told[at] == 0 && never && run.scenario->options.rejects && !refused)
				wrong("nobody was told", message, at);
			if (message->told[at] > 1 + run.possible[i])
				wrong("told too often", message, at);
		}
	}
	if (run.robots.broken != NULL && run.error == NULL)
		run.error = str_format("%s", run.robots.broken);
}

static bool keeps_refused(const struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->message_count && !scenario->options.rejects; i++) {
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

/* What goes wrong in a poll. */
struct mishap {
	enum robots_fault fault;
	size_t at; /* so many steps on */
	enum blow blow;
	size_t commits;
};

static void suffer(const struct mishap *mishap)
{
	run.robots.fault = mishap->fault;
	run.robots.fault_at = run.robots.step + mishap->at;
	run.blow = mishap->blow;
	run.commits = mishap->commits;
}

static char *describe(const struct mishap *mishaps, size_t count)
{
	struct strbuf text = { 0 };

	for (size_t i = 0; i < count; i++)
		strbuf_addf(&text, " [fault %d after %zu, blow %d, %zu commits]", (int)mishaps[i].fault, mishaps[i].at,
		            (int)mishaps[i].blow, mishaps[i].commits);
	return strbuf_take(&text);
}

static void fail_run(const struct mishap *mishaps, size_t count)
{
	char *text = describe(mishaps, count);

	fail_msg("%s:%s: %s", run.scenario->name, text, run.error);
}

/* A poll for each mishap, then as many as it takes. False: the first poll had ended before its mishap. */
static bool play(const struct scenario *scenario, const struct mishap *mishaps, size_t count)
{
	bool reached = true, refused = false;

	begin(scenario);
	for (size_t i = 0; i < count + POLLS_MAX && (i < count || !all_gone()); i++) {
		suffer(i < count ? &mishaps[i] : &(struct mishap){ .at = STEPS_MAX });
		refused = refused || run.robots.fault == FAULT_REFUSE_FOR_GOOD;
		poll(i % 2 == 1 || i >= count);
		reached = reached && (i > 0 || run.robots.step > mishaps[0].at);
		fake_net_advance(run.loop, PAUSE_MS);
	}
	judge(refused);
	if (!all_gone() && !refused && !keeps_refused(scenario) && run.error == NULL)
		run.error = str_format("mail stays on the server");
	finish();
	if (run.error != NULL)
		fail_run(mishaps, count);
	return reached;
}

static void play_all_steps(const struct scenario *scenario, enum robots_fault fault, enum blow blow, size_t commits)
{
	struct mishap mishap = { fault, 0, blow, commits };

	while (mishap.at < STEPS_MAX && play(scenario, &mishap, 1))
		mishap.at++;
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
	{ "the postmaster has a copy, SMTP",
	  { .rejects = true },
	  .body_lines = 3,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "never-carl", "later-dan" }, 3 } } },
	{ "the postmaster has a copy, LMTP",
	  { LMTP, .rejects = true },
	  .body_lines = 3,
	  .message_count = 1,
	  .messages = { { "a", { "never-bob" }, 1 } } },
	{ "of a streamed one, SMTP",
	  { NO_MEMORY, .rejects = true },
	  STREAMED,
	  .message_count = 2,
	  .messages = { { "a", { "bob", "never-carl" }, 2 }, { "b", { "never-dan" }, 1, .same_as = 1 } } },
	{ "the sender has a bounce",
	  { .rejects = true, .account = "rejected = bounce" },
	  .body_lines = 3,
	  .message_count = 2,
	  .messages = { { "a", { "bob", "never-carl" }, 2 }, { "b", { "never-dan" }, 1, .same_as = 1 } } },
	{ "the sender has a bounce for a streamed one",
	  { NO_MEMORY, .rejects = true, .account = "rejected = bounce" },
	  STREAMED,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "never-carl" }, 2 } } },
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))
#define FOR_EACH_SCENARIO(scenario)                                                                                    \
	for (const struct scenario *scenario = scenarios; scenario < scenarios + SCENARIOS; scenario++)

static void nothing_goes_wrong(void **state)
{
	(void)state;
	FOR_EACH_SCENARIO(scenario)
	{
		assert_false(play(scenario, &(struct mishap){ .at = STEPS_MAX }, 1));
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

/* Numbers that look random and are the same in every run. */
static size_t draw(uint64_t *seed, size_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(*seed >> 33) % below;
}

static void one_thing_after_the_other(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < RANDOM_RUNS; i++) {
		struct mishap mishaps[3];

		for (size_t at = 0; at < 3; at++)
			mishaps[at] = (struct mishap){ .fault = (enum robots_fault)draw(&seed, FAULT_COUNT),
				                       .at = draw(&seed, 40),
				                       .blow = (enum blow)draw(&seed, BLOW_COUNT),
				                       .commits = draw(&seed, 8) };
		play(&scenarios[draw(&seed, SCENARIOS)], mishaps, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_wrong),        cmocka_unit_test(peers_fail),
		cmocka_unit_test(the_daemon_ends),           cmocka_unit_test(the_ledger_lags_behind),
		cmocka_unit_test(one_thing_after_the_other),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_matrix", tests, NULL, NULL);
}
