/* SPDX-License-Identifier: ISC
 *
 * ledger/: the life of a message from begin to deleted, and the queue.
 */
#include "test_ledger.h"

#define ALICE "alice@office.example"
#define BOB "bob@office.example"

static int setup(void **state)
{
	struct world *world = world_new();

	world_open(world);
	mailbox_row(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void reopen(struct world *world)
{
	ledger_close(&world->ledger);
	world_open(world);
}

static void states_from_verdicts(void **state)
{
	static const struct {
		enum ledger_outcome alice, bob;
		enum ledger_state want;
		int64_t rows;
	} cases[] = {
		{ LEDGER_DELIVERED, LEDGER_DELIVERED, LEDGER_STATE_SETTLED, 0 },
		{ LEDGER_DELIVERED, LEDGER_DEFERRED, LEDGER_STATE_OWED, 2 },
		{ LEDGER_POSSIBLE, LEDGER_DELIVERED, LEDGER_STATE_OWED, 2 },
		{ LEDGER_REFUSED, LEDGER_DELIVERED, LEDGER_STATE_REFUSED, 2 },
		{ LEDGER_REFUSED, LEDGER_REFUSED, LEDGER_STATE_REFUSED, 2 },
		{ LEDGER_REFUSED, LEDGER_DEFERRED, LEDGER_STATE_OWED, 2 },
	};
	const char *const to[] = { ALICE, BOB };
	struct world *world = *state;
	int64_t before = 0, id;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		id = begin_as(world, 0, "uid", to, 2);
		wait_quiet(world);
		assert_int_equal(query(world, "SELECT count(*) FROM recipient"), before + 2);
		assert_int_equal(query(world, "SELECT count(*) FROM message WHERE under_way AND state = 'owed'"), 1);
		verdict(world, id, ALICE, cases[i].alice);
		verdict(world, id, BOB, cases[i].bob);
		assert_int_equal(end(world, id), cases[i].want);
		assert_int_equal(query(world, "SELECT count(*) FROM recipient"), before + cases[i].rows);
		before += cases[i].rows;
	}
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE under_way"), 0);
}

static void nobody_owed_is_settled(void **state)
{
	struct world *world = *state;

	assert_int_equal(end(world, begin_as(world, 0, "uid", NULL, 0)), LEDGER_STATE_SETTLED);
}

static void without_a_verdict_owed(void **state)
{
	const char *const to[] = { ALICE };
	struct world *world = *state;

	assert_int_equal(end(world, begin_as(world, 0, "uid", to, 1)), LEDGER_STATE_OWED);
	assert_int_equal(compare_one(world, "uid")->owed[0].due_s, 0);
}

static void unknown_id_is_never_settled(void **state)
{
	struct world *world = *state;

	verdict(world, 4711, ALICE, LEDGER_DELIVERED);
	assert_int_equal(end(world, 4711), LEDGER_STATE_OWED);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), 0);
}

static void record_says_who_is_owed(void **state)
{
	const char *const to[] = { ALICE, BOB, "carol@office.example" };
	const struct ledger_record *record;
	struct world *world = *state;
	int64_t id = begin_as(world, 0, "uid", to, 3);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	verdict(world, id, BOB, LEDGER_DEFERRED);
	verdict(world, id, to[2], LEDGER_REFUSED);
	end(world, id);
	reopen(world);
	record = compare_one(world, "uid");
	assert_int_equal(record->id, id);
	assert_true(record->has_hash && record->hash[0] == 7);
	assert_int_equal(record->state, LEDGER_STATE_OWED);
	assert_false(record->under_way);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient WHERE state != 'owed'"), 2);
	assert_int_equal(record->owed_count, 1);
	assert_string_equal(record->owed[0].recipient, BOB);
	assert_int_equal(record->owed[0].due_s, START + 600);
	assert_int_equal(record->owed[0].first_deferred_s, START);
	assert_int_equal(record->owed[0].attempts, 1);
}

static void tried_again(void **state)
{
	const char *const to[] = { ALICE, BOB };
	const struct ledger_record *record;
	struct world *world = *state;
	int64_t id = begin_as(world, 0, "uid", to, 2);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	verdict(world, id, BOB, LEDGER_DEFERRED);
	end(world, id);
	test_now_s += 600;
	assert_int_equal(begin_as(world, id, "uid", to + 1, 1), id);
	record = compare_one(world, "uid");
	assert_true(record->under_way);
	assert_int_equal(record->owed[0].due_s, 0);
	verdict(world, id, BOB, LEDGER_DEFERRED);
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
	record = compare_one(world, "uid");
	assert_int_equal(record->owed[0].first_deferred_s, START);
	assert_int_equal(record->owed[0].attempts, 2);
	assert_int_equal(record->owed_count, 1);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient WHERE state != 'owed'"), 1);
	begin_as(world, id, "uid", to + 1, 1);
	verdict(world, id, BOB, LEDGER_DELIVERED);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 0);
	assert_int_equal(query(world, "SELECT settled_at FROM message"), test_now_s);
	assert_int_equal(query(world, "SELECT first_seen FROM message"), START);
}

static void second_end_says_the_same(void **state)
{
	struct world *world = *state;
	int64_t id = message(world, "uid", LEDGER_DELIVERED);

	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	id = message(world, "owed", LEDGER_DEFERRED);
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
}

static void late_verdict_is_kept(void **state)
{
	struct world *world = *state;
	int64_t id = message(world, "uid", LEDGER_DEFERRED);
	const struct ledger_record *record;

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	record = compare_one(world, "uid");
	assert_int_equal(record->owed_count, 0);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient WHERE state != 'owed'"), 1);
}

static void deleted_follows_settled_only(void **state)
{
	struct world *world = *state;
	int64_t ids[] = { message(world, "a", LEDGER_DELIVERED), message(world, "b", LEDGER_DEFERRED), 4711 };

	ledger_deleted(world->ledger, ids, 3, test_now_s);
	ledger_deleted(world->ledger, NULL, 0, test_now_s);
	assert_int_equal(compare_one(world, "a")->state, LEDGER_STATE_DELETED);
	assert_int_equal(compare_one(world, "b")->state, LEDGER_STATE_OWED);
}

static void left_under_way(void **state)
{
	const char *const to[] = { ALICE };
	const struct ledger_record *record;
	struct world *world = *state;
	int64_t id;

	assert_int_equal(ledger_left_under_way(world->ledger), 0);
	begin_as(world, 0, "first", to, 1);
	id = begin_as(world, 0, "second", to, 1);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	reopen(world);
	assert_int_equal(ledger_left_under_way(world->ledger), 2);
	record = compare_one(world, "second");
	assert_true(record->under_way);
	assert_int_equal(record->owed_count, 0);
	begin_as(world, id, "second", NULL, 0);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	reopen(world);
	assert_int_equal(ledger_left_under_way(world->ledger), 1);
	assert_true(begin_as(world, 0, "third", NULL, 0) > id);
}

static void begin_to_end_is_one_row(void **state)
{
	const char *const to[] = { ALICE, BOB };
	struct world *world = *state;
	unsigned commits = world->ledger->commits;
	int64_t rows = rows_written(world), id = 0;
	unsigned answers = world->answers;
	sqlite3 *held = hold_thread(world);

	for (size_t i = 0; i < 1000; i++) {
		id = begin_as(world, 0, "uid", to, 2);
		verdict(world, id, ALICE, LEDGER_DELIVERED);
		verdict(world, id, BOB, LEDGER_DELIVERED);
		ledger_end(world->ledger, id, test_now_s, on_ended, world);
	}
	release_thread(world, held);
	wait_answers(world, answers + 1001);
	assert_int_equal(world->ledger->commits - commits, 2);
	assert_int_equal(rows_written(world) - rows, 1000);
	assert_int_equal(world->ended_id, id);
}

static void again_within_a_batch(void **state)
{
	const char *const to[] = { ALICE };
	struct world *world = *state;
	sqlite3 *held = hold_thread(world);
	int64_t id = begin_as(world, 0, "uid", to, 1);

	ledger_end(world->ledger, id, test_now_s, NULL, NULL);
	begin_as(world, id, "uid", to, 1);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	release_thread(world, held);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
}

static void questions_write_nothing(void **state)
{
	struct world *world = *state;
	int64_t rows;

	message(world, "uid", LEDGER_DEFERRED);
	rows = rows_written(world);
	assert_int_equal(compare_one(world, "uid")->state, LEDGER_STATE_OWED);
	assert_int_equal(rows_written(world), rows);
}

static void answers_keep_their_order(void **state)
{
	struct world *world = *state;

	strbuf_clear(&world->order);
	for (size_t i = 0; i < 50; i++) {
		ledger_end(world->ledger, 1, test_now_s, on_ended, world);
		ledger_compare(world->ledger, &test_mailbox, list_of(NULL, 0, false), on_compared, world);
	}
	wait_answers(world, world->answers + 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(world->order.data[i], "ec"[i % 2]);
}

static void on_begun(void *ctx, int64_t id)
{
	struct world *world = ctx;

	world->ended_id = id;
	world->answers++;
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE under_way"), 1);
}

static void begun_is_told_when_it_is_written(void **state)
{
	struct world *world = *state;
	struct ledger_begin begin = { .mailbox = 1, .uid = SPAN("uid"), .begun = on_begun, .ctx = world };
	int64_t id = ledger_begin(world->ledger, &begin);

	wait_answers(world, world->answers + 1);
	assert_int_equal(world->ended_id, id);
}

static void forgotten_callbacks_are_not_called(void **state)
{
	struct world *world = *state, other = { 0 };
	const char *uid = "uid";
	const char *const to[] = { ALICE };
	int64_t id = begin_as(world, 0, uid, to, 1);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	ledger_compare(world->ledger, &test_mailbox, list_of(&uid, 1, true), on_compared, &other);
	ledger_end(world->ledger, id, test_now_s, on_ended, &other);
	ledger_forget_callbacks(world->ledger, &other);
	wait_quiet(world);
	assert_int_equal(other.answers, 0);
	assert_int_equal(compare_one(world, uid)->state, LEDGER_STATE_SETTLED);
}

static void close_commits_what_waits(void **state)
{
	const char *const to[] = { ALICE };
	struct world *world = *state;
	unsigned answers = world->answers;
	int64_t id = begin_as(world, 0, "uid", to, 1);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	ledger_end(world->ledger, id, test_now_s, on_ended, world);
	ledger_compare(world->ledger, &test_mailbox, list_of(NULL, 0, true), on_compared, world);
	ledger_close(&world->ledger);
	assert_null(world->ledger);
	ledger_close(&world->ledger);
	assert_int_equal(world->answers, answers);
	world_open(world);
	assert_int_equal(compare_one(world, "uid")->state, LEDGER_STATE_SETTLED);
}

static void clock_set_back_delays_nobody(void **state)
{
	struct world *world = *state;
	const struct ledger_record *record;

	test_now_s = START + 365 * DAY;
	message(world, "uid", LEDGER_DEFERRED);
	test_now_s = START;
	record = compare_one(world, "uid");
	assert_int_equal(record->owed[0].due_s, START);
	assert_int_equal(record->owed[0].first_deferred_s, START);
}

static void long_replies_are_cut(void **state)
{
	struct world *world = *state;
	char reply[5000];
	struct ledger_verdict given = { .recipient = ALICE, .outcome = LEDGER_DEFERRED, .reply = reply };
	int64_t id = begin_as(world, 0, "uid", NULL, 0);

	memset(reply, 'x', sizeof(reply) - 1);
	reply[sizeof(reply) - 1] = '\0';
	ledger_record_verdict(world->ledger, id, &given);
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
	assert_int_equal(query(world, "SELECT length(reply) FROM recipient"), 512);
	given.reply = NULL;
	ledger_record_verdict(world->ledger, id, &given);
	wait_quiet(world);
	assert_int_equal(query(world, "SELECT reply IS NULL FROM recipient"), 1);
}

static void unknown_words_are_owed(void **state)
{
	(void)state;
	assert_int_equal(ledger_state_of("settled"), LEDGER_STATE_SETTLED);
	assert_int_equal(ledger_state_of("setled"), LEDGER_STATE_OWED);
	assert_int_equal(ledger_state_of(NULL), LEDGER_STATE_OWED);
}

/* An administrator's typing error is not leave to delete. */
static void changed_by_hand(void **state)
{
	struct world *world = *state;
	int64_t id = message(world, "uid", LEDGER_DEFERRED);

	change(world, "UPDATE recipient SET state = 'deliverd'; UPDATE message SET state = 'setled'");
	assert_int_equal(compare_one(world, "uid")->state, LEDGER_STATE_OWED);
	assert_int_equal(world->listing->entries[0].records[0].owed_count, 1);
	begin_as(world, id, "uid", NULL, 0);
	assert_int_equal(end(world, id), LEDGER_STATE_OWED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(states_from_verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_owed_is_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_verdict_owed, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_id_is_never_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(record_says_who_is_owed, setup, teardown),
		cmocka_unit_test_setup_teardown(tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(second_end_says_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(late_verdict_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(deleted_follows_settled_only, setup, teardown),
		cmocka_unit_test_setup_teardown(left_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(begin_to_end_is_one_row, setup, teardown),
		cmocka_unit_test_setup_teardown(again_within_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(questions_write_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_keep_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(begun_is_told_when_it_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(forgotten_callbacks_are_not_called, setup, teardown),
		cmocka_unit_test_setup_teardown(close_commits_what_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_set_back_delays_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(long_replies_are_cut, setup, teardown),
		cmocka_unit_test(unknown_words_are_owed),
		cmocka_unit_test_setup_teardown(changed_by_hand, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
