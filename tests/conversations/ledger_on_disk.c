/* SPDX-License-Identifier: ISC
 *
 * The real ledger in the place of the one in memory (fake_ledger.h): SQLite on
 * a file, with its thread. A layer below SQLite plays the disk: held, it is
 * full, in the middle of a commit perhaps; a crash leaves the files as they
 * were written until then.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/ledger/ledger_private.h"
#include "fake_ledger.h"
#include "multidropd/mem.h"

#define ANSWER_MS 30000 /* nothing waits this long */

/* --- the disk --- */

static atomic_bool full;
static atomic_int operations_left; /* while it is full: so many writes and syncs still succeed */
static sqlite3_vfs disk;
static sqlite3_vfs *real_vfs;
static const sqlite3_io_methods *real_methods;

static bool refuses(void)
{
	if (!full)
		return false;
	if (operations_left <= 0)
		return true;
	operations_left--;
	return false;
}

static int disk_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
	return refuses() ? SQLITE_FULL : real_methods->xWrite(file, bytes, len, offset);
}

/* The power never fails here, only the process. */
static int disk_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return refuses() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

/* The database has locks and its log has none: two kinds of methods, alike in what is replaced. */
static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
	static sqlite3_io_methods methods[2];
	sqlite3_io_methods *mine = &methods[(flags & SQLITE_OPEN_MAIN_DB) != 0];
	int code = real_vfs->xOpen(vfs, name, file, flags, out_flags);

	if (code != SQLITE_OK)
		return code;
	real_methods = file->pMethods;
	*mine = *real_methods;
	mine->xWrite = disk_write;
	mine->xSync = disk_sync;
	file->pMethods = mine;
	return SQLITE_OK;
}

static void make_disk(void)
{
	if (real_vfs != NULL)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	disk = *real_vfs;
	disk.zName = "disk";
	disk.xOpen = disk_open;
	assert_int_equal(sqlite3_vfs_register(&disk, 1), SQLITE_OK);
}

/* --- files --- */

static char folder[] = "/tmp/multidropd-torture-XXXXXX";

static char *path_of(const char *suffix)
{
	return str_format("%s/state.db%s", folder, suffix);
}

static void copy_file(const char *from, const char *to)
{
	struct stat status;
	int in = open(from, O_RDONLY | O_CLOEXEC), out;

	if (in < 0)
		return;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(out >= 0);
	assert_int_equal(fstat(in, &status), 0);
	for (off_t left = status.st_size; left > 0;) {
		ssize_t done = sendfile(out, in, NULL, (size_t)left);

		assert_true(done > 0);
		left -= done;
	}
	close(in);
	close(out);
}

static const char *const suffixes[] = { "", "-wal" };

/* What is on the disk now is put aside, or back. */
static void copy_files(bool back)
{
	for (size_t i = 0; i < 2; i++) {
		char *path = path_of(suffixes[i]);
		char *aside = str_format("%s.aside", path);

		if (back) {
			unlink(path);
			copy_file(aside, path);
			unlink(aside);
		} else {
			copy_file(path, aside);
		}
		free(path);
		free(aside);
	}
}

static void remove_files(void)
{
	static const char *const all[] = { "", "-wal", "-shm", ".lock" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char *path = path_of(all[i]);

		unlink(path);
		free(path);
	}
	rmdir(folder);
}

/* --- the ledger --- */

static void note_trouble(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void note_recovered(void *ctx)
{
	(void)ctx;
}

static struct ledger *open_ledger(void)
{
	static const struct ledger_events events = { note_trouble, note_recovered };
	char *path = path_of("");
	struct ledger *ledger = NULL;
	char *error = NULL;

	assert_int_equal(ledger_lock(path, &ledger, &error), LEDGER_OK);
	ledger->retry_first_ms = ledger->retry_max_ms = 1;
	ledger->close_grace_ms = 0;
	if (ledger_start(ledger, &events, NULL, &error) != LEDGER_OK)
		fail_msg("%s", error);
	free(path);
	return ledger;
}

struct ledger *fake_ledger_new(struct loop *loop)
{
	(void)loop;
	make_disk();
	full = false;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	return open_ledger();
}

void fake_ledger_free(struct ledger **ledger)
{
	full = false;
	ledger_close(ledger);
	remove_files();
}

void fake_ledger_hold(struct ledger *ledger, bool held)
{
	(void)ledger;
	operations_left = 0;
	full = held;
}

void fake_ledger_hold_all(struct ledger *ledger)
{
	fake_ledger_hold(ledger, true);
}

/* Of the writes to the disk, of which a commit takes a few. */
void fake_ledger_commit(struct ledger *ledger, size_t count)
{
	(void)ledger;
	operations_left = (int)count;
}

/* Whoever is killed closes nothing: the files are as they were before the close. */
void fake_ledger_crash(struct ledger **ledger)
{
	copy_files(false);
	ledger_close(ledger);
	copy_files(true);
	full = false;
	*ledger = open_ledger();
}

static void quiet(void *ctx, struct ledger_listing *listing)
{
	bool *answered = ctx;

	ledger_listing_free(&listing);
	*answered = true;
}

/* All that was asked is answered before a question that changes nothing. */
static void wait_for_answers(struct ledger *ledger)
{
	static const struct ledger_mailbox nobody = { "nobody", "nowhere", "nobody" };
	bool answered = false;

	ledger_compare(ledger, &nobody, ledger_listing_new(), quiet, &answered);
	while (!answered) {
		struct pollfd ready = { .fd = ledger_fd(ledger), .events = POLLIN };

		assert_int_equal(poll(&ready, 1, ANSWER_MS), 1);
		ledger_dispatch(ledger);
	}
}

/* While it is held there may be no answer, and nobody waits. */
bool fake_ledger_wait(struct ledger *ledger)
{
	bool asked = !TAILQ_EMPTY(&ledger->waiting);

	if (full)
		ledger_dispatch(ledger);
	else if (asked)
		wait_for_answers(ledger);
	return asked && !full;
}

/* Only scripts ask for it. */
void fake_ledger_describe(const struct ledger *ledger)
{
	(void)ledger;
}
