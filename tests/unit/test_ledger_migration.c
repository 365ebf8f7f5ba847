/* SPDX-License-Identifier: ISC
 *
 * ledger/: files of earlier versions. What was owed is owed, what is done is
 * done, and the file is in the end what a new one is.
 */
#include "test_ledger_v1.h"

#define ALICE "alice@office.example"
#define BOB "bob@office.example"

static int setup(void **state)
{
	struct world *world = world_new();

	make_version_1(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void owed_are_owed_the_message(void **state)
{
	struct world *world = *state;
	const struct ledger_record *record;

	world_open(world);
	assert_int_equal(ledger_left_under_way(world->ledger), 1);
	record = compare_one(world, "owed");
	assert_int_equal(world->listing->mailbox, 1);
	assert_int_equal(record->id, 1);
	assert_true(record->has_hash);
	assert_int_equal(record->owed_count, 1);
	assert_string_equal(record->owed[0].recipient, BOB);
	assert_int_equal(record->owed[0].owes, LEDGER_OWES_MESSAGE);
	assert_null(record->owed[0].refusal);
	assert_int_equal(record->owed[0].due_s, START + 600);
	assert_int_equal(record->owed[0].first_deferred_s, INT64_C(1799990000));
	assert_int_equal(record->owed[0].attempts, 3);
	record = compare_one(world, "open");
	assert_true(record->under_way);
	assert_int_equal(record->owed_count, 1);
	assert_string_equal(record->owed[0].recipient, ALICE);
	assert_int_equal(record->owed[0].owes, LEDGER_OWES_MESSAGE);
}

static void what_is_done_stays_done(void **state)
{
	struct world *world = *state;

	world_open(world);
	assert_int_equal(compare_one(world, "refused")->state, LEDGER_STATE_REFUSED);
	assert_int_equal(compare_one(world, "settled")->state, LEDGER_STATE_SETTLED);
	assert_int_equal(compare_one(world, "deleted")->state, LEDGER_STATE_DELETED);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient WHERE state = 'delivered' AND reply = '250 fine'"
	                              " AND owes = 'message' AND refusal IS NULL"),
	                 1);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 4);
	assert_int_equal(query(world, "SELECT count(*) FROM seen"), 0);
}

static void work_goes_on(void **state)
{
	const char *const to[] = { BOB };
	struct world *world = *state;

	world_open(world);
	assert_true(begin_as(world, 0, "new", to, 1) > 5);
	begin_as(world, 1, "owed", to, 1);
	changed(world, 1, BOB, LEDGER_OWES_COPY, "550 no");
	assert_int_equal(end(world, 1), LEDGER_STATE_OWED);
	assert_string_equal(compare_one(world, "owed")->owed[0].refusal, "550 no");
	begin_named(world, 2, SPAN("<1@sender.example>"), DAY, ALICE);
	verdict(world, 2, ALICE, LEDGER_DELIVERED);
	assert_int_equal(end(world, 2), LEDGER_STATE_SETTLED);
	assert_true(is_duplicate(world, SPAN("<1@sender.example>"), ALICE));
}

/* Whoever looks at it with sqlite3 sees the same tables. */
static void the_schema_is_a_new_files(void **state)
{
	struct world *world = *state, *fresh = world_new();
	char *sql;

	world_open(world);
	ledger_close(&world->ledger);
	world_open(fresh);
	ledger_close(&fresh->ledger);
	assert_int_equal(query(world, "PRAGMA user_version"), query(fresh, "PRAGMA user_version"));
	sql = str_format("ATTACH '%s' AS fresh;"
	                 "CREATE TABLE differs AS SELECT name, sql FROM main.sqlite_schema WHERE name <> 'differs'"
	                 " EXCEPT SELECT name, sql FROM fresh.sqlite_schema",
	                 fresh->path);
	change(world, sql);
	assert_int_equal(query(world, "SELECT count(*) FROM differs"), 0);
	assert_int_equal(query(world, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"), 4 + 1);
	free(sql);
	world_free(fresh);
}

static void opened_again_it_is_left_alone(void **state)
{
	struct world *world = *state;

	world_open(world);
	compare_one(world, "owed");
	ledger_close(&world->ledger);
	world_open(world);
	assert_int_equal(rows_written(world), 0);
	assert_int_equal(compare_one(world, "owed")->owed_count, 1);
}

/* A view that an administrator added goes on; a word that no version wrote is taken along. */
static void a_file_changed_by_hand(void **state)
{
	struct world *world = *state;

	change(world, "CREATE VIEW waiting AS SELECT address FROM recipient WHERE state = 'owed';"
	              "UPDATE recipient SET state = 'odw' WHERE message = 1 AND state = 'owed'");
	world_open(world);
	assert_int_equal(compare_one(world, "owed")->owed_count, 1);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 4);
	assert_int_equal(query(world, "SELECT count(*) FROM waiting"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owed_are_owed_the_message, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_done_stays_done, setup, teardown),
		cmocka_unit_test_setup_teardown(work_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(the_schema_is_a_new_files, setup, teardown),
		cmocka_unit_test_setup_teardown(opened_again_it_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_changed_by_hand, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_migration", tests, NULL, NULL);
}
