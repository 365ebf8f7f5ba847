/* SPDX-License-Identifier: ISC
 *
 * net/: what counts as progress, on a clock of numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/net/pace.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)

static void silence_ends_at_the_timeout(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	assert_int_equal(pace_left_ms(&pace, 0), -1);
	pace_expect(&pace, 5 * SECOND, 2 * MINUTE);
	assert_int_equal(pace_left_ms(&pace, 5 * SECOND), 2 * MINUTE);
	assert_int_equal(pace_left_ms(&pace, 65 * SECOND), MINUTE);
	assert_int_equal(pace_left_ms(&pace, 5 * SECOND + 2 * MINUTE), 0);
	assert_int_equal(pace_left_ms(&pace, 99 * MINUTE), 0);
	pace_expect(&pace, 99 * MINUTE, 0);
	assert_int_equal(pace_left_ms(&pace, 200 * MINUTE), -1);
}

/* Ten minutes for the answer to a message: nothing moves, and that is no slow transfer. */
static void long_silence_is_not_slow(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	pace_expect(&pace, 0, 10 * MINUTE);
	assert_int_equal(pace_left_ms(&pace, 9 * MINUTE), MINUTE);
}

/* One byte every `every_ms`, each of `size`: when does it end, within an hour? */
static int64_t end_of_trickle(int64_t every_ms, uint64_t size, int64_t timeout_ms)
{
	struct pace pace = { 0 };
	int64_t now = 0;

	pace_expect(&pace, 0, timeout_ms);
	while (now < 60 * MINUTE) {
		int64_t left = pace_left_ms(&pace, now);

		if (left <= every_ms)
			return now + left;
		now += every_ms;
		pace_moved(&pace, now, size);
	}
	return -1;
}

static void rates(void **state)
{
	static const struct {
		int64_t every_ms;
		uint64_t size;
		int64_t timeout_ms;
		int64_t least, most;
	} cases[] = {
		/* The first minute is free, after it a trickle is no progress. */
		{ SECOND, 1, 2 * MINUTE, 3 * MINUTE - SECOND, 3 * MINUTE },
		{ SECOND, 15, 2 * MINUTE, 3 * MINUTE - SECOND, 3 * MINUTE },
		{ 50 * SECOND, 1, MINUTE, MINUTE + 50 * SECOND, MINUTE + 50 * SECOND },
		{ SECOND, 16, 2 * MINUTE, -1, -1 },
		{ SECOND, 17, 30 * SECOND, -1, -1 },
		{ SECOND, 1000000, 10 * SECOND, -1, -1 },
		{ 10, 1, 5 * SECOND, -1, -1 },
		{ 40 * SECOND, 1000, 50 * SECOND, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_in_range(end_of_trickle(cases[i].every_ms, cases[i].size, cases[i].timeout_ms) + 1,
		                cases[i].least + 1, cases[i].most + 1);
}

static void a_pause_counts_for_nothing(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	pace_expect(&pace, 0, MINUTE);
	pace_pause(&pace, 50 * SECOND, true);
	assert_int_equal(pace_left_ms(&pace, 99 * MINUTE), -1);
	pace_pause(&pace, 100 * MINUTE, false);
	assert_int_equal(pace_left_ms(&pace, 100 * MINUTE), 10 * SECOND);
	assert_int_equal(pace_left_ms(&pace, 101 * MINUTE), 0);
}

/* A limit set during a pause begins to run with its end. */
static void expecting_while_paused(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	pace_pause(&pace, 0, true);
	pace_expect(&pace, MINUTE, 30 * SECOND);
	assert_int_equal(pace_left_ms(&pace, 5 * MINUTE), -1);
	pace_pause(&pace, 5 * MINUTE, true);
	pace_moved(&pace, 5 * MINUTE, 10);
	pace_pause(&pace, 6 * MINUTE, false);
	assert_int_equal(pace_left_ms(&pace, 6 * MINUTE), 30 * SECOND);
}

static void a_trickle_is_told_from_silence(void **state)
{
	struct pace pace = { 0 };

	(void)state;
	pace_expect(&pace, 0, 3 * MINUTE);
	pace_moved(&pace, SECOND, 1);
	assert_false(pace.trickled);
	pace_moved(&pace, 2 * MINUTE, 1);
	assert_true(pace.trickled);
	pace_moved(&pace, 2 * MINUTE + SECOND, 5000);
	assert_false(pace.trickled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_ends_at_the_timeout),
		cmocka_unit_test(long_silence_is_not_slow),
		cmocka_unit_test(rates),
		cmocka_unit_test(a_pause_counts_for_nothing),
		cmocka_unit_test(expecting_while_paused),
		cmocka_unit_test(a_trickle_is_told_from_silence),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/pace", tests, NULL, NULL);
}
