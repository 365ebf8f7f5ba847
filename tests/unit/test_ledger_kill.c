/* SPDX-License-Identifier: ISC
 *
 * ledger/: kill -9 at any moment. A child works with a ledger and says what
 * it was answered; it is killed after so many answers, and what it was told
 * must be in the file. The next child goes on with that file.
 */
#include "test_ledger.h"

#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 20
#define MOST_ANSWERS 150
#define TOLD_MAX 8192 /* more fit into no pipe */
#define AHEAD 8       /* messages under way at once */

static const char *const to[] = { "alice@office.example", "bob@office.example" };

struct answer {
	int64_t id;
	enum ledger_state state;
};

static int answers_fd;

static void tell(void *ctx, int64_t id, enum ledger_state state)
{
	struct world *world = ctx;
	struct answer answer = { id, state };

	world->answers++;
	if (write(answers_fd, &answer, sizeof(answer)) != sizeof(answer))
		_exit(1);
}

/* By the id, so that the parent knows what was to happen: every third is owed, every seventh never ends. */
static bool is_owed(int64_t id)
{
	return id % 3 == 0;
}

static bool never_ends(int64_t id)
{
	return id % 7 == 0;
}

static void one_message(struct world *world)
{
	int64_t id = begin_as(world, 0, "uid", to, 2);
	struct span message_id = span_make(&id, sizeof(id));

	begin_named(world, id, message_id, DAY, to[0]);
	verdict(world, id, to[0], LEDGER_DELIVERED);
	verdict(world, id, to[1], is_owed(id) ? LEDGER_DEFERRED : LEDGER_DELIVERED);
	if (!never_ends(id))
		ledger_end(world->ledger, id, test_now_s, tell, world);
}

static void child_run(struct world *world)
{
	char *error = NULL;

	if (world_try_open(world, &error) != LEDGER_OK)
		_exit(1);
	for (unsigned begun = 0;; begun++) {
		one_message(world);
		if (begun % AHEAD == AHEAD - 1)
			wait_dispatch(world);
	}
}

static pid_t start_child(struct world *world, int *answers)
{
	int ends[2];
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		answers_fd = ends[1];
		child_run(world);
	}
	close(ends[1]);
	*answers = ends[0];
	return child;
}

/* What the child was told, in the end also what it said just before it died. Returns false at the end. */
static bool next_answer(int answers, struct answer *answer)
{
	return read(answers, answer, sizeof(*answer)) == sizeof(*answer);
}

/* How many rows of `id` are as the condition says. */
static int64_t count(struct world *world, const char *table, int64_t id, const char *condition)
{
	char *sql = str_format("SELECT count(*) FROM %s = %lld AND %s", table, (long long)id, condition);
	int64_t number = query(world, sql);

	free(sql);
	return number;
}

static void check_answer(struct world *world, const struct answer *answer)
{
	const char *message = "message WHERE id", *recipient = "recipient WHERE message";
	bool owed = is_owed(answer->id);

	assert_int_equal(answer->state, owed ? LEDGER_STATE_OWED : LEDGER_STATE_SETTLED);
	assert_int_equal(count(world, message, answer->id, owed ? "state = 'owed'" : "state = 'settled'"), 1);
	assert_int_equal(count(world, message, answer->id, "under_way = 0"), 1);
	assert_int_equal(count(world, recipient, answer->id, "address LIKE 'alice%' AND state = 'delivered'"), owed);
	assert_int_equal(count(world, recipient, answer->id, "address LIKE 'bob%' AND state = 'owed'"), owed);
	assert_true(is_duplicate(world, span_make(&answer->id, sizeof(answer->id)), to[0]));
	assert_int_equal(is_duplicate(world, span_make(&answer->id, sizeof(answer->id)), to[1]), !owed);
}

static void check_rest(struct world *world)
{
	assert_int_equal(
		query(world, "SELECT count(*) FROM message WHERE state = 'settled' AND (id % 3 = 0 OR id % 7 = 0)"), 0);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE under_way = 1 AND state <> 'owed'"), 0);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient WHERE message NOT IN"
	                              " (SELECT id FROM message WHERE state = 'owed')"),
	                 0);
	assert_int_equal(query(world, "SELECT count(*) FROM seen"),
	                 2 * query(world, "SELECT count(*) FROM message WHERE state = 'settled'") +
	                         query(world, "SELECT count(*) FROM recipient WHERE state = 'delivered'"));
}

/* Waits for some answers, kills, and reads what was said until then. */
static size_t run_and_kill(struct world *world, size_t answers_wanted, struct answer *told)
{
	size_t count_told = 0;
	int answers, status;
	pid_t child = start_child(world, &answers);

	while (count_told < answers_wanted) {
		assert_true(next_answer(answers, &told[count_told]));
		count_told++;
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (count_told < TOLD_MAX && next_answer(answers, &told[count_told]))
		count_told++;
	close(answers);
	return count_told;
}

static void killed_at_any_moment(void **state)
{
	static struct answer told[TOLD_MAX];
	struct world *world = world_new();
	uint32_t seed = 7;
	size_t count_told;

	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		seed = seed * 1664525 + 1013904223;
		count_told = run_and_kill(world, (seed >> 8) % MOST_ANSWERS, told);
		world_open(world);
		assert_int_equal(ledger_left_under_way(world->ledger),
		                 query(world, "SELECT count(*) FROM message WHERE under_way = 1"));
		for (size_t i = 0; i < count_told; i++)
			check_answer(world, &told[i]);
		check_rest(world);
		ledger_close(&world->ledger);
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_moment),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_kill", tests, NULL, NULL);
}
