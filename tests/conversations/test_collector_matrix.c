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

#include "multidropd/str.h"
#include "trial.h"

#define RANDOM_RUNS 2000

static void fail_run(const struct scenario *scenario, const struct mishap *mishaps, size_t count, const char *error)
{
	struct strbuf text = { 0 };

	for (size_t i = 0; i < count; i++)
		trial_describe(&text, &mishaps[i]);
	fail_msg("%s:%s: %s", scenario->name, strbuf_str(&text), error);
}

/* A poll for each mishap, then as many as it takes. False: the first poll had ended before its mishap. */
static bool play(const struct scenario *scenario, const struct mishap *mishaps, size_t count)
{
	bool reached = true;
	char *error;

	trial_begin(scenario);
	for (size_t i = 0; i < count; i++) {
		trial_poll(&mishaps[i], 1, i % 2 == 1);
		reached = reached && (i > 0 || trial_steps() > mishaps[0].at);
	}
	error = trial_end();
	if (error != NULL)
		fail_run(scenario, mishaps, count, error);
	return reached;
}

static void play_all_steps(const struct scenario *scenario, enum robots_fault fault, enum blow blow, size_t commits)
{
	struct mishap mishap = { .fault = fault, .blow = blow, .commits = commits };

	while (mishap.at < TRIAL_STEPS_MAX && play(scenario, &mishap, 1))
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
	{ "kept, SMTP",
	  { .account = "keep = true" },
	  .keep = true,
	  .message_count = 2,
	  .messages = { { "a", { "bob", "later-carl" }, 2 }, { "b", { "never-dan" }, 1, .same_as = 1 } } },
	{ "kept, LMTP, the postmaster has a copy",
	  { LMTP, .rejects = true, .account = "keep = true\npipelining = off" },
	  .keep = true,
	  .body_lines = 3,
	  .message_count = 2,
	  .messages = { { "a", { "bob", "never-carl", "slow-dan" }, 3 }, { "b", { "eve" }, 1, .same_as = 1 } } },
	{ "kept, from a server that lets what was retrieved expire",
	  { .account = "keep = true" },
	  .keep = true,
	  .capa = "EXPIRE 0",
	  .message_count = 2,
	  .messages = { { "a", { "bob", "later-carl" }, 2 }, { "b", { "dan" }, 1, .same_as = 1 } } },
	{ "from a server that lets what was retrieved expire",
	  { .rejects = true },
	  .capa = "EXPIRE 0",
	  .message_count = 3,
	  .messages = { { "a", { "bob", "later-carl" }, 2 },
	                { "b", { "never-dan" }, 1, .same_as = 1 },
	                { "c", { "eve" }, 1, .same_as = 2 } } },
	{ "LMTP refuses after the message",
	  { LMTP, .rejects = true },
	  .body_lines = 3,
	  .message_count = 2,
	  .messages = { { "a", { "bob", "slow-carl", "full-dan" }, 3 }, { "b", { "slow-eve" }, 1, .same_as = 1 } } },
	{ "two in one transaction",
	  { 0 },
	  .takes = 2,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "later-carl", "dan", "eve", "fay" }, 5 } } },
	{ "two in one transaction, streamed, LMTP",
	  { LMTP, NO_MEMORY },
	  STREAMED,
	  .takes = 2,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "carl", "slow-dan", "eve" }, 4 } } },
	{ "discarded",
	  { .rejects = true, .account = "rejected = discard" },
	  .discards = true,
	  .message_count = 2,
	  .messages = { { "a", { "bob", "never-carl" }, 2 }, { "b", { "never-dan" }, 1, .same_as = 1 } } },
	{ "given up",
	  { .rejects = true, .account = "give_up = 1s" },
	  .gives_up = true,
	  .body_lines = 3,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "later-carl" }, 2 } } },
	{ "the same Message-ID",
	  { .account = "duplicates = 3d" },
	  .message_count = 4,
	  .messages = { { "a", { "bob", "carl" }, 2 },
	                { "b", { "bob" }, 1, .same_as = 1, .same_id = 1 },
	                { "c", { "carl", "dan" }, 2, .same_as = 2, .same_id = 1 },
	                { "d", { "eve" }, 1, .same_as = 3 } } },
	{ "the same Message-ID, and one is refused",
	  { .rejects = true, .account = "duplicates = 3d\norder = server" },
	  .takes = 1,
	  .message_count = 2,
	  .messages = { { "a", { "never-ann", "bob", "carl" }, 3 },
	                { "b", { "never-ann", "bob", "carl" }, 3, .same_as = 1, .same_id = 1 } } },
	{ "for nobody, to the postmaster",
	  { 0 },
	  .message_count = 2,
	  .messages = { { "a", { "post" }, 1, .unstamped = true }, { "b", { "bob" }, 1, .same_as = 1 } } },
	{ "for nobody, kept",
	  { .multidrop = "fallback = keep" },
	  .message_count = 2,
	  .messages = { { "a", { "" }, 0, .unstamped = true, .stays = true }, { "b", { "bob" }, 1, .same_as = 1 } } },
	{ "the sender has a bounce for a streamed one",
	  { NO_MEMORY, .rejects = true, .account = "rejected = bounce" },
	  STREAMED,
	  .message_count = 1,
	  .messages = { { "a", { "bob", "never-carl" }, 2 } } },
};

/* More than one transaction holds, and too many for a run at each step. */
static const struct scenario crowds[] = {
	{ "a crowd, SMTP", { 0 }, .crowd = 120, .message_count = 1, .messages = { { "a", { "" }, 0 } } },
	{ "a crowd, LMTP, streamed",
	  { LMTP, NO_MEMORY },
	  STREAMED,
	  .crowd = 110,
	  .message_count = 1,
	  .messages = { { "a", { "" }, 0 } } },
	{ "a crowd, fifty at a time",
	  { .rejects = true },
	  .crowd = 120,
	  .takes = 50,
	  .message_count = 1,
	  .messages = { { "a", { "" }, 0 } } },
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))
#define FOR_EACH_SCENARIO(scenario)                                                                                    \
	for (const struct scenario *scenario = scenarios; scenario < scenarios + SCENARIOS; scenario++)

static void nothing_goes_wrong(void **state)
{
	(void)state;
	FOR_EACH_SCENARIO(scenario)
	{
		assert_false(play(scenario, &(struct mishap){ .at = TRIAL_STEPS_MAX }, 1));
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

static void crowds_fare_as_well(void **state)
{
	(void)state;
	for (const struct scenario *scenario = crowds; scenario < crowds + sizeof(crowds) / sizeof(crowds[0]);
	     scenario++) {
		assert_false(play(scenario, &(struct mishap){ .at = TRIAL_STEPS_MAX }, 1));
		for (enum robots_fault fault = FAULT_CUT_BEFORE; fault < FAULT_COUNT; fault++) {
			struct mishap mishap = { .fault = fault, .blow = BLOW_CRASH };

			while (mishap.at < TRIAL_STEPS_MAX && play(scenario, &mishap, 1))
				mishap.at += 23;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_wrong),        cmocka_unit_test(peers_fail),
		cmocka_unit_test(the_daemon_ends),           cmocka_unit_test(the_ledger_lags_behind),
		cmocka_unit_test(one_thing_after_the_other), cmocka_unit_test(crowds_fare_as_well),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_matrix", tests, NULL, NULL);
}
