/* SPDX-License-Identifier: ISC
 *
 * ledger/: Message-ID and recipient pairs. Who is remembered, for how long,
 * in which order with the rest, and that what is over goes away.
 */
#include "test_ledger.h"

#define ALICE "alice@office.example"
#define BOB "bob@office.example"
#define ID SPAN("<1@sender.example>")
#define WINDOW (3 * DAY)

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

static int64_t pairs(struct world *world)
{
	return query(world, "SELECT count(*) FROM seen");
}

/* A transaction from begin to end. */
static int64_t deliver(struct world *world, struct span message_id, int64_t remember_s, const char *recipient)
{
	int64_t id = begin_named(world, 0, message_id, remember_s, recipient);

	verdict(world, id, recipient, LEDGER_DELIVERED);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	return id;
}

static void only_what_was_delivered_is_remembered(void **state)
{
	static const struct {
		enum ledger_outcome outcome;
		bool want;
	} cases[] = {
		{ LEDGER_SETTLED, false }, { LEDGER_DEFERRED, false }, { LEDGER_CHANGED, false },
		{ LEDGER_REFUSED, false }, { LEDGER_POSSIBLE, false }, { LEDGER_DELIVERED, true },
	};
	struct world *world = *state;
	int64_t id;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		id = begin_named(world, 0, ID, WINDOW, ALICE);
		assert_false(is_duplicate(world, ID, ALICE));
		verdict(world, id, ALICE, cases[i].outcome);
		end(world, id);
		assert_int_equal(is_duplicate(world, ID, ALICE), cases[i].want);
	}
}

/* A copy for the postmaster is no message that the recipient has. */
static void only_the_message_is_remembered(void **state)
{
	static const enum ledger_owes others[] = { LEDGER_OWES_BOUNCE, LEDGER_OWES_COPY, LEDGER_OWES_NOTICE };
	struct world *world = *state;
	int64_t id;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		id = begin_named(world, 0, ID, WINDOW, ALICE);
		changed(world, id, ALICE, others[i], "550 no");
		verdict(world, id, ALICE, LEDGER_DELIVERED);
		assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	}
	assert_int_equal(pairs(world), 0);
}

static void a_pair_is_mailbox_id_and_recipient(void **state)
{
	const char *const to[] = { BOB, ALICE, "Alice@Office.Example", "alice@office.example.net", LEDGER_NOBODY };
	struct world *world = *state;

	deliver(world, ID, WINDOW, "ALICE@office.example");
	ask_duplicates(world, 1, ID, to, 5);
	wait_answers(world, world->answers + 1);
	assert_string_equal(strbuf_str(&world->found), "nyynn");
	assert_false(is_duplicate(world, SPAN("<1@SENDER.example>"), ALICE));
	assert_false(is_duplicate(world, SPAN("<1@sender.example"), ALICE));
	ask_duplicates(world, 2, ID, to, 2);
	wait_answers(world, world->answers + 1);
	assert_string_equal(strbuf_str(&world->found), "nn");
}

static void ids_are_bytes(void **state)
{
	struct world *world = *state;

	deliver(world, span_make("<a\0b\xff>", 6), WINDOW, ALICE);
	assert_true(is_duplicate(world, span_make("<a\0b\xff>", 6), ALICE));
	assert_false(is_duplicate(world, span_make("<a\0c\xff>", 6), ALICE));
	assert_false(is_duplicate(world, span_make("<a", 2), ALICE));
}

static void letters_beyond_ascii_keep_their_case(void **state)
{
	struct world *world = *state;

	deliver(world, ID, WINDOW, "J\xc3\x9cRGEN@office.example");
	assert_true(is_duplicate(world, ID, "j\xc3\x9crgen@office.example"));
	assert_false(is_duplicate(world, ID, "j\xc3\xbcrgen@office.example"));
}

/* Nothing would be alike with what was cut, and everything with what is empty. */
static void no_id_and_long_ids_are_not_remembered(void **state)
{
	static char longest[999];
	struct world *world = *state;

	memset(longest, 'x', sizeof(longest));
	deliver(world, span_make(longest, 998), WINDOW, ALICE);
	assert_true(is_duplicate(world, span_make(longest, 998), ALICE));
	deliver(world, span_make(longest, 999), WINDOW, BOB);
	assert_false(is_duplicate(world, span_make(longest, 999), BOB));
	deliver(world, (struct span){ 0 }, WINDOW, BOB);
	deliver(world, SPAN(""), WINDOW, BOB);
	assert_false(is_duplicate(world, (struct span){ 0 }, BOB));
	deliver(world, ID, 0, BOB);
	deliver(world, ID, -WINDOW, BOB);
	assert_int_equal(pairs(world), 1);
}

static void forgotten_when_the_time_is_over(void **state)
{
	struct world *world = *state;

	deliver(world, ID, WINDOW, ALICE);
	test_now_s += WINDOW - 1;
	assert_true(is_duplicate(world, ID, ALICE));
	test_now_s += 1;
	assert_false(is_duplicate(world, ID, ALICE));
	deliver(world, ID, WINDOW, ALICE);
	test_now_s += WINDOW - 1;
	assert_true(is_duplicate(world, ID, ALICE));
}

/* What a clock wrote that ran ahead is no duplicate for years. */
static void clock_set_back_remembers_nothing_for_years(void **state)
{
	struct world *world = *state;

	deliver(world, ID, 4000 * DAY, ALICE);
	assert_int_equal(query(world, "SELECT expires FROM seen"), START + 400 * DAY);
	assert_true(is_duplicate(world, ID, ALICE));
	test_now_s = START - 1;
	assert_false(is_duplicate(world, ID, ALICE));
}

static void remembered_over_a_restart(void **state)
{
	struct world *world = *state;

	deliver(world, ID, WINDOW, ALICE);
	ledger_close(&world->ledger);
	world_open(world);
	assert_true(is_duplicate(world, ID, ALICE));
	assert_false(is_duplicate(world, ID, BOB));
}

/* Of each transaction anew: it is not stored with the message. */
static void tried_again_with_an_id(void **state)
{
	struct world *world = *state;
	struct ledger_begin elsewhere = { .mailbox = 0, .message_id = ID, .remember_s = WINDOW, .now_s = START };
	const char *const to[] = { ALICE };
	int64_t id = begin_named(world, 0, ID, WINDOW, ALICE);

	verdict(world, id, ALICE, LEDGER_DEFERRED);
	end(world, id);
	begin_named(world, id, ID, 0, ALICE);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	end(world, id);
	assert_int_equal(pairs(world), 0);
	/* The mailbox is the one that the record has. */
	elsewhere.id = id;
	elsewhere.recipients = to;
	elsewhere.recipient_count = 1;
	ledger_begin(world->ledger, &elsewhere);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	end(world, id);
	assert_true(is_duplicate(world, ID, ALICE));
}

/* A verdict that comes after the end belongs to no transaction. */
static void late_verdict_is_not_remembered(void **state)
{
	struct world *world = *state;
	int64_t id = begin_named(world, 0, ID, WINDOW, ALICE);

	end(world, id);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	assert_false(is_duplicate(world, ID, ALICE));
}

/* The next verdict of a message writes its own pair only: an old one would come back with an old time. */
static void each_pair_is_written_once(void **state)
{
	struct world *world = *state;
	int64_t id = begin_named(world, 0, ID, WINDOW, ALICE);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	wait_quiet(world);
	change(world, "DELETE FROM seen");
	verdict(world, id, BOB, LEDGER_DELIVERED);
	assert_true(is_duplicate(world, ID, BOB));
	assert_false(is_duplicate(world, ID, ALICE));
}

static void found_within_a_batch(void **state)
{
	const char *const to[] = { ALICE, BOB };
	struct world *world = *state;
	unsigned answers = world->answers;
	sqlite3 *held = hold_thread(world);
	int64_t id;

	strbuf_clear(&world->order);
	id = begin_named(world, 0, ID, WINDOW, ALICE);
	verdict(world, id, ALICE, LEDGER_DELIVERED);
	ask_duplicates(world, 1, ID, to, 2);
	ledger_end(world->ledger, id, test_now_s, on_ended, world);
	ask_duplicates(world, 1, ID, NULL, 0);
	ledger_compare(world->ledger, &test_mailbox, ledger_listing_new(), on_compared, world);
	ask_duplicates(world, 1, ID, to, 2);
	release_thread(world, held);
	wait_answers(world, answers + 6);
	assert_string_equal(strbuf_str(&world->order), "qdedcd");
	assert_string_equal(strbuf_str(&world->found), "yn");
}

/* The second transaction has no id and must not take the first one's away before it is written. */
static void two_transactions_within_a_batch(void **state)
{
	struct world *world = *state;
	sqlite3 *held = hold_thread(world);
	int64_t id = begin_named(world, 0, ID, WINDOW, ALICE);

	verdict(world, id, ALICE, LEDGER_DELIVERED);
	ledger_end(world->ledger, id, test_now_s, NULL, NULL);
	begin_named(world, id, (struct span){ 0 }, 0, BOB);
	verdict(world, id, BOB, LEDGER_DELIVERED);
	release_thread(world, held);
	assert_int_equal(end(world, id), LEDGER_STATE_SETTLED);
	assert_true(is_duplicate(world, ID, ALICE));
	assert_false(is_duplicate(world, ID, BOB));
	assert_int_equal(pairs(world), 1);
}

static void forgotten_callbacks_are_not_called(void **state)
{
	const char *const to[] = { ALICE };
	struct world *world = *state;

	ask_duplicates(world, 1, ID, to, 1);
	ledger_forget_callbacks(world->ledger, world);
	wait_quiet(world);
	assert_int_equal(world->found.len, 0);
	ask_duplicates(world, 1, ID, to, 1);
	ledger_close(&world->ledger);
	assert_int_equal(world->found.len, 0);
}

static void questions_write_nothing(void **state)
{
	struct world *world = *state;
	int64_t rows;

	deliver(world, ID, WINDOW, ALICE);
	rows = rows_written(world);
	assert_true(is_duplicate(world, ID, ALICE));
	compare_one(world, "uid");
	assert_int_equal(rows_written(world), rows);
}

/* So many pairs that are over, of mailbox 1 and of 2. */
static void add_expired(struct world *world, int count)
{
	char *sql = str_format("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	                       " INSERT INTO seen SELECT mailbox, CAST(i AS BLOB), 'x', %lld FROM n,"
	                       " (SELECT 1 AS mailbox UNION SELECT 2)",
	                       count, (long long)START);

	change(world, sql);
	free(sql);
}

static void a_comparison_drops_some(void **state)
{
	struct world *world = *state;

	deliver(world, ID, WINDOW, ALICE);
	add_expired(world, 2500);
	for (int left = 2500; left > 0; left -= 1000) {
		assert_int_equal(query(world, "SELECT count(*) FROM seen WHERE mailbox = 1"), left + 1);
		compare_one(world, "uid");
	}
	assert_int_equal(query(world, "SELECT count(*) FROM seen WHERE mailbox = 1"), 1);
	assert_int_equal(query(world, "SELECT count(*) FROM seen WHERE mailbox = 2"), 2500);
	assert_true(is_duplicate(world, ID, ALICE));
}

/* However seldom comparisons come. */
static void a_delivery_drops_more_than_it_adds(void **state)
{
	struct world *world = *state;
	char text[32];

	add_expired(world, 100);
	for (int i = 0; i < 10; i++)
		deliver(world, span_make(text, (size_t)snprintf(text, sizeof(text), "<%d>", i)), WINDOW, ALICE);
	assert_int_equal(query(world, "SELECT count(*) FROM seen WHERE mailbox = 1"), 100 - 20 + 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_what_was_delivered_is_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_message_is_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pair_is_mailbox_id_and_recipient, setup, teardown),
		cmocka_unit_test_setup_teardown(ids_are_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(letters_beyond_ascii_keep_their_case, setup, teardown),
		cmocka_unit_test_setup_teardown(no_id_and_long_ids_are_not_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(forgotten_when_the_time_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_set_back_remembers_nothing_for_years, setup, teardown),
		cmocka_unit_test_setup_teardown(remembered_over_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(tried_again_with_an_id, setup, teardown),
		cmocka_unit_test_setup_teardown(late_verdict_is_not_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(each_pair_is_written_once, setup, teardown),
		cmocka_unit_test_setup_teardown(found_within_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(two_transactions_within_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(forgotten_callbacks_are_not_called, setup, teardown),
		cmocka_unit_test_setup_teardown(questions_write_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_comparison_drops_some, setup, teardown),
		cmocka_unit_test_setup_teardown(a_delivery_drops_more_than_it_adds, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_seen", tests, NULL, NULL);
}
