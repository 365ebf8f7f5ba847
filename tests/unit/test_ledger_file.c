/* SPDX-License-Identifier: ISC
 *
 * ledger/: the file. Made, locked, read by others, and refused, untouched,
 * when it is damaged, foreign or from the future.
 */
#include "test_ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY 65534

static int setup(void **state)
{
	*state = world_new();
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static mode_t mode_of(struct world *world, const char *suffix)
{
	char *path = str_format("%s%s", world->path, suffix);
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	free(path);
	return status.st_mode & 07777;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static struct span read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat status;
	char *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	bytes = mem_alloc((size_t)status.st_size);
	assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
	close(fd);
	return span_make(bytes, (size_t)status.st_size);
}

/* Opening gives `want`, the text holds `words`, the file is what it was and not locked. */
static void refuses(struct world *world, enum ledger_result want, const char *words)
{
	struct span before = read_file(world->path), after;
	char *error = NULL;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_try_open(world, &error), want);
		assert_null(world->ledger);
		assert_non_null(strstr(error, world->path));
		if (strstr(error, words) == NULL)
			fail_msg("'%s' lacks '%s'", error, words);
		free(error);
	}
	after = read_file(world->path);
	assert_true(span_equal(before, after));
	free((char *)(uintptr_t)before.data);
	free((char *)(uintptr_t)after.data);
}

/* A file with enough in it for several pages, closed. */
static void fill(struct world *world)
{
	world_open(world);
	mailbox_row(world);
	for (size_t i = 0; i < 400; i++)
		begin_as(world, 0, "a-uid-that-takes-some-room-in-a-page", (const char *[]){ "bob@office.example" }, 1);
	ledger_close(&world->ledger);
}

static void files_are_private(void **state)
{
	struct world *world = *state;
	mode_t before = umask(0);

	world_open(world);
	mailbox_row(world);
	umask(before);
	assert_int_equal(mode_of(world, ""), 0600);
	assert_int_equal(mode_of(world, "-wal"), 0600);
	assert_int_equal(mode_of(world, "-shm"), 0600);
	assert_int_equal(mode_of(world, ".lock"), 0600);
}

static void descriptors_are_not_inherited(void **state)
{
	struct world *world = *state;

	world_open(world);
	assert_true(fcntl(world->ledger->lock_fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(ledger_fd(world->ledger), F_GETFD) & FD_CLOEXEC);
}

static void others_can_read(void **state)
{
	struct world *world = *state;

	world_open(world);
	mailbox_row(world);
	message(world, "uid", LEDGER_DELIVERED);
	assert_int_equal(query(world, "SELECT count(*) FROM message JOIN mailbox ON mailbox = mailbox.id"
	                              " WHERE account = 'office' AND CAST(uid AS TEXT) = 'uid' AND state = 'settled'"),
	                 1);
	assert_int_equal(query(world, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%-- %'"),
	                 4);
	assert_int_equal(query(world, "PRAGMA user_version"), 2);
}

static int64_t setting(struct world *world, const char *sql)
{
	sqlite3_stmt *row;
	int64_t value;

	wait_quiet(world);
	assert_int_equal(sqlite3_prepare_v2(world->ledger->db.handle, sql, -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	value = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return value;
}

static void durable_and_not_exclusive(void **state)
{
	struct world *world = *state;

	world_open(world);
	assert_int_equal(setting(world, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_int_equal(setting(world, "SELECT locking_mode = 'normal' FROM pragma_locking_mode"), 1);
	assert_int_equal(setting(world, "PRAGMA synchronous"), 2);
	assert_in_range(setting(world, "PRAGMA wal_autocheckpoint"), 16, 64);
}

static void empty_file_is_new(void **state)
{
	struct world *world = *state;

	write_file(world->path, "", 0);
	world_open(world);
	assert_int_equal(ledger_left_under_way(world->ledger), 0);
}

static void empty_file_with_a_log_is_not(void **state)
{
	struct world *world = *state;
	char *log_path = str_format("%s-wal", world->path);

	write_file(world->path, "", 0);
	write_file(log_path, "x", 1);
	refuses(world, LEDGER_DAMAGED, "-wal");
	unlink(log_path);
	free(log_path);
}

static void missing_file_with_a_log_is_not_made(void **state)
{
	struct world *world = *state;
	char *log_path = str_format("%s-wal", world->path);
	char *error = NULL;

	write_file(log_path, "x", 1);
	assert_int_equal(world_try_open(world, &error), LEDGER_DAMAGED);
	assert_int_equal(access(world->path, F_OK), -1);
	free(error);
	free(log_path);
}

static void not_a_database(void **state)
{
	struct world *world = *state;
	char text[5000];

	memset(text, 'x', sizeof(text));
	write_file(world->path, text, sizeof(text));
	refuses(world, LEDGER_DAMAGED, ".backup");
	/* SQLite itself would take these for empty ones and write over them. */
	write_file(world->path, "x", 1);
	refuses(world, LEDGER_DAMAGED, "move it away");
	memset(text, 0, sizeof(text));
	write_file(world->path, text, 4096);
	refuses(world, LEDGER_DAMAGED, "move it away");
}

static void another_programs_database(void **state)
{
	struct world *world = *state;

	change(world, "CREATE TABLE bookmarks (url TEXT)");
	refuses(world, LEDGER_DAMAGED, "not multidropd's");
	change(world, "PRAGMA user_version = 1");
	refuses(world, LEDGER_DAMAGED, "not multidropd's");
}

static void from_the_future(void **state)
{
	struct world *world = *state;

	fill(world);
	change(world, "PRAGMA user_version = 99");
	refuses(world, LEDGER_DAMAGED, "newer");
	change(world, "PRAGMA user_version = -1");
	refuses(world, LEDGER_DAMAGED, "not multidropd's");
}

static void truncated(void **state)
{
	struct world *world = *state;
	struct stat status;

	fill(world);
	assert_int_equal(stat(world->path, &status), 0);
	assert_true(status.st_size > 24576);
	assert_int_equal(truncate(world->path, status.st_size - 4096), 0);
	refuses(world, LEDGER_DAMAGED, "left as it is");
	assert_int_equal(truncate(world->path, 4096), 0);
	refuses(world, LEDGER_DAMAGED, "left as it is");
	assert_int_equal(truncate(world->path, 100), 0);
	refuses(world, LEDGER_DAMAGED, "left as it is");
}

/* Every page in turn is overwritten: noticed, or, where the page is in no use, harmless. Never a crash. */
static void damaged_pages(void **state)
{
	struct world *world = *state;
	unsigned char junk[4096];
	struct span whole;
	unsigned refused = 0;
	char *error;
	int fd;

	fill(world);
	whole = read_file(world->path);
	memset(junk, 0x5a, sizeof(junk));
	for (size_t page = 0; page < whole.len / sizeof(junk); page++) {
		write_file(world->path, whole.data, whole.len);
		fd = open(world->path, O_WRONLY);
		assert_int_equal(pwrite(fd, junk, sizeof(junk), (off_t)(page * sizeof(junk))), sizeof(junk));
		close(fd);
		error = NULL;
		refused += world_try_open(world, &error) == LEDGER_DAMAGED;
		ledger_close(&world->ledger);
		free(error);
	}
	assert_int_equal(refused, whole.len / sizeof(junk));
	free((char *)(uintptr_t)whole.data);
}

static void second_instance(void **state)
{
	struct world *world = *state;
	struct ledger *second = NULL;
	char *error = NULL;
	char *pid = str_format("(pid %ld)", (long)getpid());

	world_open(world);
	assert_int_equal(ledger_lock(world->path, &second, &error), LEDGER_BUSY);
	assert_null(second);
	assert_non_null(strstr(error, pid));
	free(error);
	assert_int_equal(ftruncate(world->ledger->lock_fd, 0), 0);
	assert_int_equal(ledger_lock(world->path, &second, &error), LEDGER_BUSY);
	assert_null(strstr(error, "pid"));
	free(error);
	free(pid);
	ledger_close(&world->ledger);
	world_open(world);
}

static void closed_without_start(void **state)
{
	struct world *world = *state;
	char *error = NULL;

	assert_int_equal(ledger_lock(world->path, &world->ledger, &error), LEDGER_OK);
	ledger_close(&world->ledger);
	assert_int_equal(access(world->path, F_OK), -1);
}

static void locked_by_another_program(void **state)
{
	struct world *world = *state;
	sqlite3 *other;
	char *error = NULL;

	fill(world);
	assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL),
	                 SQLITE_OK);
	assert_int_equal(world_try_open(world, &error), LEDGER_BUSY);
	assert_non_null(strstr(error, "another program"));
	free(error);
	sqlite3_close(other);
	world_open(world);
}

/* Somebody who reads keeps the log from going away, and us from nothing. */
static void a_reader_stops_nothing(void **state)
{
	struct world *world = *state;
	char *log_path = str_format("%s-wal", world->path);
	struct stat status;
	sqlite3 *other;

	fill(world);
	assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT count(*) FROM message", NULL, NULL, NULL), SQLITE_OK);
	world_open(world);
	message(world, "uid", LEDGER_DELIVERED);
	ledger_close(&world->ledger);
	assert_int_equal(stat(log_path, &status), 0);
	assert_true(status.st_size > 0);
	assert_int_equal(sqlite3_exec(other, "COMMIT; BEGIN; SELECT count(*) FROM message", NULL, NULL, NULL),
	                 SQLITE_OK);
	world_open(world);
	assert_int_equal(compare_one(world, "uid")->state, LEDGER_STATE_SETTLED);
	sqlite3_close(other);
	free(log_path);
}

static void no_folder(void **state)
{
	struct world *world = *state;
	char *error = NULL;

	free(world->path);
	world->path = str_format("%s/none/state.db", world->dir);
	assert_int_equal(world_try_open(world, &error), LEDGER_UNUSABLE);
	assert_non_null(strstr(error, "folder"));
	free(error);
}

static void parent_is_a_file(void **state)
{
	struct world *world = *state;
	char *error = NULL;

	write_file(world->path, "", 0);
	free(world->path);
	world->path = str_format("%s/state.db/state.db", world->dir);
	assert_int_equal(world_try_open(world, &error), LEDGER_UNUSABLE);
	free(error);
}

static void is_a_folder(void **state)
{
	struct world *world = *state;
	char *error = NULL;

	assert_int_equal(mkdir(world->path, 0700), 0);
	assert_int_equal(world_try_open(world, &error), LEDGER_UNUSABLE);
	assert_non_null(strstr(error, world->path));
	free(error);
}

/* As root everything can be written, so a child tries it as somebody else. */
static int open_as_nobody(struct world *world)
{
	char *error = NULL;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(99);
		_exit((int)world_try_open(world, &error));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void not_ours_to_write(void **state)
{
	struct world *world = *state;
	char *lock_path = str_format("%s.lock", world->path);

	fill(world);
	unlink(lock_path);
	assert_int_equal(chmod(world->path, 0444), 0);
	assert_int_equal(chmod(world->dir, 0777), 0);
	assert_int_equal(open_as_nobody(world), LEDGER_UNUSABLE);
	unlink(lock_path);
	assert_int_equal(chmod(world->dir, 0555), 0);
	assert_int_equal(open_as_nobody(world), LEDGER_UNUSABLE);
	assert_int_equal(chmod(world->dir, 0755), 0);
	free(lock_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_private, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_are_not_inherited, setup, teardown),
		cmocka_unit_test_setup_teardown(others_can_read, setup, teardown),
		cmocka_unit_test_setup_teardown(durable_and_not_exclusive, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_file_is_new, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_file_with_a_log_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_file_with_a_log_is_not_made, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_database, setup, teardown),
		cmocka_unit_test_setup_teardown(another_programs_database, setup, teardown),
		cmocka_unit_test_setup_teardown(from_the_future, setup, teardown),
		cmocka_unit_test_setup_teardown(truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(second_instance, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_without_start, setup, teardown),
		cmocka_unit_test_setup_teardown(locked_by_another_program, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_stops_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(no_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(parent_is_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(is_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(not_ours_to_write, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ledger_file", tests, NULL, NULL);
}
