/* SPDX-License-Identifier: ISC
 *
 * ledger/: the disk refuses. A layer below SQLite fails writes and syncs when
 * told to; nothing may be answered that is not on the disk, and nothing may
 * be missing once the disk is well again.
 */
#include "test_ledger_v1.h"

#include <stdatomic.h>

#define ALICE "alice@office.example"
#define BOB "bob@office.example"
#define MESSAGE_ID SPAN("<1@sender.example>")

enum fault_place {
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_READ,
	FAULT_OPEN,
	FAULT_STEP, /* in the middle of any statement */
};

static atomic_int fault_code; /* SQLITE_OK: none */
static atomic_int fault_place;
static atomic_int fault_skip;  /* so many operations go well first */
static atomic_int fault_count; /* so many fail, then all is well; negative: all */
static atomic_int fault_hits;
static atomic_bool sync_is_idle; /* many rounds in which no power fails need none */

static sqlite3_vfs *real_vfs;
static const sqlite3_io_methods *real_methods;

static int fault_now(enum fault_place place)
{
	if (fault_code == SQLITE_OK || fault_place != (int)place || fault_count == 0)
		return SQLITE_OK;
	if (fault_skip > 0) {
		fault_skip--;
		return SQLITE_OK;
	}
	fault_count--;
	fault_hits++;
	return fault_code;
}

static int faulty_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	int code = fault_now(FAULT_WRITE);

	return code != SQLITE_OK ? code : real_methods->xWrite(file, bytes, len, offset);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
	int code = fault_now(FAULT_SYNC);

	if (code != SQLITE_OK || sync_is_idle)
		return code;
	return real_methods->xSync(file, flags);
}

static int faulty_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
	int code = fault_now(FAULT_READ);

	return code != SQLITE_OK ? code : real_methods->xRead(file, bytes, len, offset);
}

static int faulty_step(void *ctx)
{
	(void)ctx;
	return fault_now(FAULT_STEP) != SQLITE_OK;
}

/* The database has locks and its log has none: two kinds of methods, alike in what is replaced. */
static int faulty_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
	static sqlite3_io_methods methods[2];
	sqlite3_io_methods *mine = &methods[(flags & SQLITE_OPEN_MAIN_DB) != 0];
	int code = fault_now(FAULT_OPEN);

	file->pMethods = NULL;
	if (code == SQLITE_OK)
		code = real_vfs->xOpen(vfs, name, file, flags, out_flags);
	if (code == SQLITE_OK) {
		real_methods = file->pMethods;
		*mine = *real_methods;
		mine->xWrite = faulty_write;
		mine->xSync = faulty_sync;
		mine->xRead = faulty_read;
		file->pMethods = mine;
	}
	return code;
}

static void set_fault(enum fault_place place, int code, int skip, int count)
{
	fault_hits = 0;
	fault_place = (int)place;
	fault_skip = skip;
	fault_count = count;
	fault_code = code;
}

static int setup(void **state)
{
	struct world *world = world_new();

	set_fault(FAULT_WRITE, SQLITE_OK, 0, 0);
	world_open(world);
	mailbox_row(world);
	strbuf_clear(&world->order);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	set_fault(FAULT_WRITE, SQLITE_OK, 0, 0);
	world_free(*state);
	return 0;
}

static void wait_trouble(struct world *world, unsigned troubles)
{
	while (world->troubles < troubles)
		wait_dispatch(world);
}

static void wait_hits(int hits)
{
	while (fault_hits < hits)
		sched_yield();
}

/* A message for one, its end asked for. */
static int64_t ask(struct world *world, const char *uid)
{
	const char *to = ALICE;
	int64_t id = begin_as(world, 0, uid, &to, 1);

	verdict(world, id, to, LEDGER_DELIVERED);
	ledger_end(world->ledger, id, test_now_s, on_ended, world);
	return id;
}

static void nothing_is_answered_until_it_is_written(void **state)
{
	static const struct {
		enum fault_place place;
		int code;
		const char *words;
	} cases[] = {
		{ FAULT_WRITE, SQLITE_FULL, "make room" },
		{ FAULT_WRITE, SQLITE_IOERR_WRITE, "kernel's log" },
		{ FAULT_SYNC, SQLITE_IOERR_FSYNC, "kernel's log" },
		{ FAULT_WRITE, SQLITE_READONLY, "read-only" },
		{ FAULT_WRITE, SQLITE_PERM, "owns" },
		{ FAULT_WRITE, SQLITE_NOMEM, "restart" },
	};
	struct world *world = *state;
	unsigned answers;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answers = world->answers;
		strbuf_clear(&world->order);
		set_fault(cases[i].place, cases[i].code, 0, -1);
		ask(world, "uid");
		wait_trouble(world, (unsigned)i + 1);
		assert_non_null(strstr(world->trouble, world->path));
		if (strstr(world->trouble, cases[i].words) == NULL)
			fail_msg("'%s' lacks '%s'", world->trouble, cases[i].words);
		wait_hits(fault_hits + 4);
		ask(world, "uid behind it");
		ledger_dispatch(world->ledger);
		assert_int_equal(world->answers, answers);
		set_fault(FAULT_WRITE, SQLITE_OK, 0, 0);
		wait_answers(world, answers + 2);
		assert_int_equal(world->ended_state, LEDGER_STATE_SETTLED);
		assert_string_equal(strbuf_str(&world->order), "tree");
		assert_int_equal(query(world, "SELECT count(*) FROM message WHERE state = 'settled'"), 2 * (i + 1));
	}
}

static void full_once_is_no_trouble(void **state)
{
	struct world *world = *state;

	set_fault(FAULT_WRITE, SQLITE_FULL, 0, 1);
	ask(world, "uid");
	wait_answers(world, world->answers + 1);
	assert_int_equal(fault_hits, 1);
	assert_int_equal(world->troubles, 0);
}

/* One that went away a month ago, one that went away but is back, one that goes away now; a pair that is over. */
static void prepare_session(struct world *world)
{
	int64_t goes;

	mailbox_row(world);
	message(world, "gone long", LEDGER_DEFERRED);
	message(world, "back", LEDGER_DEFERRED);
	goes = message(world, "goes", LEDGER_DEFERRED);
	begin_named(world, goes, SPAN("<0@sender.example>"), DAY, ALICE);
	verdict(world, goes, ALICE, LEDGER_DELIVERED);
	end(world, goes);
	compare(world, list_of((const char *[]){ "goes" }, 1, true));
	test_now_s += 31 * DAY;
}

/* All that a session asks of the ledger. */
static void session(struct world *world)
{
	const char *const to[] = { ALICE, BOB };
	const int64_t back = 2;
	int64_t settled;

	compare(world, list_of((const char *[]){ "settled", "back" }, 2, true));
	settled = begin_as(world, 0, "settled", to, 2);
	begin_named(world, settled, MESSAGE_ID, DAY, ALICE);
	assert_int_equal(begin_as(world, back, "back", to, 2), back);
	verdict(world, settled, ALICE, LEDGER_DELIVERED);
	verdict(world, back, ALICE, LEDGER_DELIVERED);
	wait_quiet(world);
	verdict(world, settled, BOB, LEDGER_DELIVERED);
	assert_true(is_duplicate(world, MESSAGE_ID, BOB));
	assert_false(is_duplicate(world, MESSAGE_ID, "carol@office.example"));
	changed(world, back, BOB, LEDGER_OWES_COPY, "550 no");
	verdict(world, back, BOB, LEDGER_DEFERRED);
	assert_int_equal(end(world, settled), LEDGER_STATE_SETTLED);
	assert_int_equal(end(world, back), LEDGER_STATE_OWED);
	ledger_deleted(world->ledger, &settled, 1, test_now_s);
	verdict(world, back, BOB, LEDGER_DEFERRED);
	compare(world, list_of((const char *[]){ "back", "new" }, 2, true));
	assert_int_equal(world->listing->entries[0].record_count, 1);
	assert_int_equal(world->listing->entries[0].records[0].owed_count, 1);
	assert_int_equal(world->listing->entries[1].record_count, 0);
}

static void check_session(struct world *world)
{
	ledger_close(&world->ledger);
	world_open(world);
	assert_int_equal(ledger_left_under_way(world->ledger), 0);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), 3);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE state = 'deleted' AND gone_since > 0"), 1);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE state = 'settled' AND gone_since > 0"), 1);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE state = 'owed' AND gone_since IS NULL"), 1);
	assert_int_equal(query(world, "SELECT count(*) FROM recipient"), 2);
	assert_int_equal(query(world, "SELECT attempts FROM recipient WHERE state = 'owed'"), 2);
	assert_int_equal(
		query(world, "SELECT owes = 'copy' AND refusal = '550 no' FROM recipient WHERE state = 'owed'"), 1);
	assert_int_equal(query(world, "SELECT attempts FROM recipient WHERE state = 'delivered'"), 2);
	assert_int_equal(query(world, "SELECT count(*) FROM seen"), 2);
	assert_int_equal(
		query(world, "SELECT count(*) FROM seen WHERE message_id = CAST('<1@sender.example>' AS BLOB)"), 2);
}

/* A session of which one operation fails, after `skip` that do not. False: it has no more of them. */
static bool session_with_fault(enum fault_place place, int code, int skip)
{
	struct world *world = world_new();
	bool hit;

	world_open(world);
	prepare_session(world);
	/* Pages are read again each time, and every so often a statement may be stopped. */
	sqlite3_exec(world->ledger->db.handle, "PRAGMA cache_size = 1; PRAGMA shrink_memory", NULL, NULL, NULL);
	sqlite3_progress_handler(world->ledger->db.handle, 1, faulty_step, NULL);
	set_fault(place, code, skip, 1);
	session(world);
	hit = fault_hits > 0;
	set_fault(FAULT_WRITE, SQLITE_OK, 0, 0);
	check_session(world);
	assert_int_equal(world->troubles, world->recoveries);
	world_free(world);
	return hit;
}

/* Every operation of a session fails in its turn; of the many steps some. */
static void any_step_may_fail(void **state)
{
	static const struct {
		enum fault_place place;
		int code;
		int stride;
	} faults[] = {
		{ FAULT_WRITE, SQLITE_FULL, 1 },       { FAULT_WRITE, SQLITE_IOERR_WRITE, 1 },
		{ FAULT_SYNC, SQLITE_IOERR_FSYNC, 1 }, { FAULT_READ, SQLITE_IOERR_READ, 1 },
		{ FAULT_READ, SQLITE_CORRUPT, 3 },     { FAULT_STEP, SQLITE_INTERRUPT, 23 },
	};

	(void)state;
	sync_is_idle = true;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int skip = 0;

		while (session_with_fault(faults[i].place, faults[i].code, skip))
			skip += faults[i].stride;
		assert_true(skip > 5);
	}
	sync_is_idle = false;
}

enum start_file { START_NEW, START_KNOWN, START_VERSION_1, START_FILES };

/* How many messages it holds. */
static int64_t make_file(struct world *world, enum start_file file)
{
	if (file == START_VERSION_1) {
		make_version_1(world);
		return 5;
	}
	if (file == START_NEW)
		return 0;
	world_open(world);
	prepare_session(world);
	ledger_close(&world->ledger);
	return 3;
}

/* A start of which one operation fails says so and leaves a file that the next one can open. */
static bool start_with_fault(enum fault_place place, int code, int skip, enum start_file file)
{
	struct world *world = world_new();
	enum ledger_result result;
	int64_t messages = make_file(world, file);
	char *error = NULL;
	bool hit;

	set_fault(place, code, skip, 1);
	result = world_try_open(world, &error);
	hit = fault_hits > 0;
	set_fault(FAULT_WRITE, SQLITE_OK, 0, 0);
	assert_true(result == LEDGER_OK || (result == LEDGER_DAMAGED && code != SQLITE_FULL) ||
	            result == LEDGER_UNUSABLE);
	assert_int_equal(error != NULL, result != LEDGER_OK);
	if (result == LEDGER_OK)
		ledger_close(&world->ledger);
	world_open(world);
	mailbox_row(world);
	assert_int_equal(query(world, "SELECT count(*) FROM message"), messages);
	if (file == START_VERSION_1)
		assert_int_equal(query(world, "SELECT count(*) FROM recipient WHERE owes = 'message'"), 4);
	world_free(world);
	free(error);
	return hit;
}

static void a_start_may_fail(void **state)
{
	static const struct {
		enum fault_place place;
		int code;
	} faults[] = {
		{ FAULT_WRITE, SQLITE_FULL },       { FAULT_WRITE, SQLITE_IOERR_WRITE },
		{ FAULT_SYNC, SQLITE_IOERR_FSYNC }, { FAULT_READ, SQLITE_IOERR_READ },
		{ FAULT_OPEN, SQLITE_CANTOPEN },
	};

	(void)state;
	sync_is_idle = true;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		for (int file = 0; file < START_FILES; file++) {
			int skip = 0;

			while (start_with_fault(faults[i].place, faults[i].code, skip, (enum start_file)file))
				skip++;
		}
	}
	sync_is_idle = false;
}

/* Nothing can be done, and nothing is answered. */
static void a_table_is_missing(void **state)
{
	struct world *world = *state;
	unsigned answers = world->answers;

	change(world, "DROP TABLE recipient; DROP TABLE message");
	ask(world, "uid");
	wait_trouble(world, 1);
	assert_non_null(strstr(world->trouble, "no such table"));
	world->ledger->close_grace_ms = 0;
	ledger_close(&world->ledger);
	assert_int_equal(world->answers, answers);
}

static void close_gives_up(void **state)
{
	struct world *world = *state;

	set_fault(FAULT_WRITE, SQLITE_FULL, 0, -1);
	ask(world, "uid");
	wait_trouble(world, 1);
	world->ledger->close_grace_ms = 0;
	ledger_close(&world->ledger);
	set_fault(FAULT_WRITE, SQLITE_OK, 0, 0);
	world_open(world);
	assert_null(compare_one(world, "uid"));
}

static void close_insists(void **state)
{
	struct world *world = *state;

	world->ledger->retry_first_ms = world->ledger->retry_max_ms = INT64_C(3600000);
	set_fault(FAULT_WRITE, SQLITE_IOERR_WRITE, 0, -1);
	ask(world, "uid");
	wait_trouble(world, 1);
	set_fault(FAULT_WRITE, SQLITE_IOERR_WRITE, 0, 1);
	ledger_close(&world->ledger);
	world_open(world);
	assert_int_equal(compare_one(world, "uid")->state, LEDGER_STATE_SETTLED);
}

static void locked_by_another_program(void **state)
{
	struct world *world = *state;
	sqlite3 *other;

	wait_quiet(world);
	sqlite3_busy_timeout(world->ledger->db.handle, 0);
	assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ask(world, "uid");
	wait_trouble(world, 1);
	assert_non_null(strstr(world->trouble, "another program"));
	sqlite3_close(other);
	wait_answers(world, world->answers + 1);
	assert_int_equal(world->recoveries, 1);
}

/* Moved away: a new file would know nothing, the old one would be gone at the restart. */
static void moved_away(void **state)
{
	struct world *world = *state;
	char *away = str_format("%s.away", world->path);

	assert_int_equal(rename(world->path, away), 0);
	ask(world, "uid");
	wait_trouble(world, 1);
	assert_non_null(strstr(world->trouble, "moved"));
	assert_int_equal(access(world->path, F_OK), -1);
	assert_int_equal(rename(away, world->path), 0);
	wait_answers(world, world->answers + 1);
	assert_int_equal(world->recoveries, 1);
	assert_int_equal(query(world, "SELECT count(*) FROM message WHERE state = 'settled'"), 1);
	free(away);
}

static void another_file_in_its_place(void **state)
{
	struct world *world = *state;
	char *away = str_format("%s.away", world->path);
	sqlite3 *other;
	FILE *file;

	sqlite3_open(world->path, &other);
	assert_int_equal(rename(world->path, away), 0);
	file = fopen(world->path, "w");
	assert_non_null(file);
	fclose(file);
	ask(world, "uid");
	wait_trouble(world, 1);
	assert_int_equal(rename(away, world->path), 0);
	wait_answers(world, world->answers + 1);
	assert_int_equal(world->recoveries, 1);
	sqlite3_close(other);
	free(away);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_answered_until_it_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(full_once_is_no_trouble, setup, teardown),
		cmocka_unit_test(any_step_may_fail),
		cmocka_unit_test(a_start_may_fail),
		cmocka_unit_test_setup_teardown(a_table_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(close_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(close_insists, setup, teardown),
		cmocka_unit_test_setup_teardown(locked_by_another_program, setup, teardown),
		cmocka_unit_test_setup_teardown(moved_away, setup, teardown),
		cmocka_unit_test_setup_teardown(another_file_in_its_place, setup, teardown),
	};
	static sqlite3_vfs faulty_vfs;

	real_vfs = sqlite3_vfs_find(NULL);
	faulty_vfs = *real_vfs;
	faulty_vfs.zName = "faulty";
	faulty_vfs.xOpen = faulty_open;
	sqlite3_vfs_register(&faulty_vfs, 1);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_failure", tests, NULL, NULL);
}
