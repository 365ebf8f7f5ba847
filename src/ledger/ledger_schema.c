/* SPDX-License-Identifier: ISC
 *
 * The state file itself: what its tables look like, and whether a file that
 * is there is one of ours, whole, and not from the future. A file that is not
 * is left as it is.
 */
#include "ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x6d647064    /* "mdpd", which file(1) and we look for */
#define FILE_START "SQLite format 3" /* with its NUL */
/* With CLOSE_GRACE_MS less than what the daemon keeps of its 5 s to stop. */
#define BUSY_TIMEOUT_MS 400
/*
 * With SQLite's 1,000 pages a small disk is full of log before the first
 * checkpoint. A checkpoint costs two more syncs and a commit writes some four
 * pages; on a disk of 256 KiB, 64 pages left no room to ever write them back.
 */
#define CONNECTION_PRAGMAS                                                                                             \
	"PRAGMA synchronous = FULL;"                                                                                   \
	"PRAGMA wal_autocheckpoint = 32;"                                                                              \
	"PRAGMA journal_size_limit = 1048576;"                                                                         \
	"PRAGMA temp_store = MEMORY;"

/* Comments within the parentheses are kept, and shown by sqlite3's .schema. */
static const char schema_1[] =
	"CREATE TABLE mailbox (\n"
	"  -- A mailbox is an account, its server and its user: the same name at another server is another mailbox.\n"
	"  id INTEGER PRIMARY KEY,\n"
	"  account TEXT NOT NULL,\n"
	"  server TEXT NOT NULL,          -- host and port, as configured\n"
	"  user TEXT NOT NULL,\n"
	"  UNIQUE (account, server, user)\n"
	") STRICT;\n"
	"CREATE TABLE message (\n"
	"  -- A message that is or was on a server. All times are seconds since 1970.\n"
	"  -- Dropped when complete listings have lacked it for 30 days, after a confirmed deletion for 3.\n"
	"  id INTEGER NOT NULL UNIQUE,\n"
	"  mailbox INTEGER NOT NULL REFERENCES mailbox (id),\n"
	"  uid BLOB NOT NULL,             -- as the server gave it; to read it: CAST(uid AS TEXT)\n"
	"  hash BLOB,                     -- SHA-256 of the header: one UID with two hashes is two messages\n"
	"  size INTEGER NOT NULL,\n"
	"  first_seen INTEGER NOT NULL,\n"
	"  state TEXT NOT NULL,           -- owed: somebody is still to get it; settled: everybody has it;\n"
	"                                 -- deleted: and the server confirmed that it is gone;\n"
	"                                 -- refused: the relay will not take it for somebody, it stays\n"
	"  under_way INTEGER NOT NULL,    -- 1: being delivered; after a crash: perhaps it was\n"
	"  settled_at INTEGER,            -- when the last recipient was settled\n"
	"  gone_since INTEGER,            -- not on the server since; empty: it is there\n"
	"  PRIMARY KEY (mailbox, uid, id)\n"
	") STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX message_owed ON message (mailbox, under_way) WHERE state = 'owed';\n"
	"CREATE TABLE recipient (\n"
	"  -- Who is to get a message, as long as it is owed to anybody or refused.\n"
	"  message INTEGER NOT NULL REFERENCES message (id),\n"
	"  address TEXT NOT NULL,\n"
	"  state TEXT NOT NULL,           -- owed, delivered, refused\n"
	"  due INTEGER NOT NULL,          -- not tried before\n"
	"  first_deferred INTEGER NOT NULL, -- first refused for the time being; 0: never\n"
	"  tried INTEGER NOT NULL,        -- the last time\n"
	"  attempts INTEGER NOT NULL,\n"
	"  reply TEXT,                    -- the relay's last\n"
	"  PRIMARY KEY (message, address)\n"
	") STRICT, WITHOUT ROWID;\n";

/*
 * What a recipient is owed, and what was delivered to whom. The table of
 * recipients is made anew: a column that is added stands in .schema between
 * another and its comment. Its rows are few, they last while somebody is owed
 * or was refused. They wait in memory: a table that is renamed takes the views
 * of an administrator along.
 */
static const char schema_2[] =
	"CREATE TEMP TABLE recipient_1 AS SELECT * FROM recipient;\n"
	"DROP TABLE recipient;\n"
	"CREATE TABLE recipient (\n"
	"  -- Who is to get a message, as long as it is owed to anybody or refused.\n"
	"  -- An empty address is nobody's: the message is kept though no recipient was refused.\n"
	"  message INTEGER NOT NULL REFERENCES message (id),\n"
	"  address TEXT NOT NULL,\n"
	"  state TEXT NOT NULL,           -- owed; delivered: what was owed; settled: by a policy, nothing was\n"
	"                                 -- delivered; refused: for good\n"
	"  owes TEXT NOT NULL,            -- what is or was owed: message; and after a refusal: bounce, to the\n"
	"                                 -- sender; copy or notice, to the postmaster\n"
	"  refusal TEXT,                  -- why it is no longer the message\n"
	"  due INTEGER NOT NULL,          -- not tried before\n"
	"  first_deferred INTEGER NOT NULL, -- first refused for the time being; 0: never\n"
	"  tried INTEGER NOT NULL,        -- the last time\n"
	"  attempts INTEGER NOT NULL,     -- at what is owed now\n"
	"  reply TEXT,                    -- the relay's last\n"
	"  PRIMARY KEY (message, address)\n"
	") STRICT, WITHOUT ROWID;\n"
	"INSERT INTO recipient (message, address, state, owes, due, first_deferred, tried, attempts, reply)\n"
	"  SELECT message, address, state, 'message', due, first_deferred, tried, attempts, reply FROM recipient_1;\n"
	"DROP TABLE recipient_1;\n"
	"CREATE TABLE seen (\n"
	"  -- Who was delivered which message, for `duplicates`. To read an id: CAST(message_id AS TEXT)\n"
	"  mailbox INTEGER NOT NULL REFERENCES mailbox (id),\n"
	"  message_id BLOB NOT NULL,\n"
	"  recipient TEXT NOT NULL,       -- in lower case\n"
	"  expires INTEGER NOT NULL,      -- no longer a duplicate from then on, and dropped soon\n"
	"  PRIMARY KEY (mailbox, message_id, recipient)\n"
	") STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX seen_expires ON seen (mailbox, expires);\n";

/* The step at index n leads from user_version n to n + 1. Steps are added, never changed. */
static const char *const migrations[] = { schema_1, schema_2 };

#define SCHEMA_VERSION ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

static const char how_to_go_on[] = "It is left as it is. Restore a backup (one made with sqlite3's .backup), or move "
				   "it away together with its -wal and "
				   "-shm files: a new one is made then, mail that is kept on the servers is fetched "
				   "again, and who had a message of "
				   "which others are still owed gets it again.";

static enum ledger_result damaged(const struct ledger_db *db, const char *what, char **error)
{
	*error = str_format("%s: %s. %s", db->path, what, how_to_go_on);
	return LEDGER_DAMAGED;
}

static enum ledger_result judge(const struct ledger_db *db, char **error)
{
	switch (db->code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return damaged(db, db->text, error);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		*error = ledger_db_explain(db);
		return LEDGER_BUSY;
	case SQLITE_IOERR:
		*error = ledger_db_explain(db);
		return LEDGER_DAMAGED;
	default:
		*error = ledger_db_explain(db);
		return LEDGER_UNUSABLE;
	}
}

static bool has_bytes(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_size > 0;
}

/*
 * SQLite would throw away the log of a database that is empty, and with it
 * the verdicts in there: an empty file is a new one only where no log is.
 */
static enum ledger_result check_log(const struct ledger_db *db, char **error)
{
	char *log_path = str_format("%s-wal", db->path);
	bool orphaned = has_bytes(log_path) && !has_bytes(db->path);

	free(log_path);
	return orphaned ? damaged(db, "missing or empty, but its -wal file is there", error) : LEDGER_OK;
}

/* SQLite takes a file of zeros or of a few bytes for an empty one and writes over it; disks leave such files behind. */
static bool looks_right(int fd)
{
	char start[sizeof(FILE_START)] = "";
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return true; /* SQLite says why not */
	return status.st_size == 0 ||
	       (pread(fd, start, sizeof(start), 0) == sizeof(start) && memcmp(start, FILE_START, sizeof(start)) == 0);
}

/* SQLite gives its other files the mode of this one. */
static enum ledger_result make_file(const struct ledger_db *db, char **error)
{
	int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	bool right;

	if (fd < 0) {
		*error = str_format("%s: cannot be opened for writing: %s", db->path, strerror(errno));
		return LEDGER_UNUSABLE;
	}
	right = looks_right(fd);
	close(fd);
	return right ? LEDGER_OK : damaged(db, "not a database", error);
}

static int connect_file(struct ledger_db *db)
{
	/* Never SQLITE_OPEN_CREATE: where the file vanished, a new one would be a ledger that knows nothing. */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int code = sqlite3_open_v2(db->path, &db->handle, flags, NULL);

	if (code != SQLITE_OK)
		return ledger_db_fail(db, code);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	return 0;
}

static int read_number(struct ledger_db *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	else
		ledger_db_fail(db, code);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 0 : -1;
}

static enum ledger_result quick_check(struct ledger_db *db, char **error)
{
	sqlite3_stmt *statement = NULL;
	enum ledger_result result = LEDGER_OK;
	int code = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code != SQLITE_ROW) {
		ledger_db_fail(db, code);
		result = judge(db, error);
	} else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0) {
		result = damaged(db, (const char *)sqlite3_column_text(statement, 0), error);
	}
	sqlite3_finalize(statement);
	return result;
}

static enum ledger_result check_version(const struct ledger_db *db, int64_t version, char **error)
{
	if (version <= SCHEMA_VERSION)
		return LEDGER_OK;
	*error =
		str_format("%s: written by a newer multidropd (schema %lld, this one knows %lld): run that version, or "
	                   "restore a backup from before. It is left as it is.",
	                   db->path, (long long)version, (long long)SCHEMA_VERSION);
	return LEDGER_DAMAGED;
}

/* Looks only; *version is 0 for a file that is new. */
static enum ledger_result check_file(struct ledger_db *db, int64_t *version, char **error)
{
	int64_t id, objects;
	enum ledger_result result;

	if (read_number(db, "PRAGMA user_version", version) != 0 ||
	    read_number(db, "PRAGMA application_id", &id) != 0 ||
	    read_number(db, "SELECT count(*) FROM sqlite_schema", &objects) != 0)
		return judge(db, error);
	if (*version == 0 && objects == 0 && id == 0)
		return LEDGER_OK;
	if (id != APPLICATION_ID || *version <= 0)
		return damaged(db, "a database, but not multidropd's state file", error);
	result = check_version(db, *version, error);
	return result == LEDGER_OK ? quick_check(db, error) : result;
}

static int set_up_connection(struct ledger_db *db)
{
	int code = sqlite3_exec(db->handle, CONNECTION_PRAGMAS, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : ledger_db_fail(db, code);
}

static int migrate(struct ledger_db *db, int64_t version)
{
	char *stamp;
	int code;

	if (version == SCHEMA_VERSION)
		return 0;
	if (ledger_db_begin(db) != 0)
		return -1;
	for (; version < SCHEMA_VERSION; version++) {
		if (ledger_db_exec(db, migrations[version]) != 0)
			return -1;
	}
	stamp = str_format("PRAGMA application_id = %d; PRAGMA user_version = %lld", APPLICATION_ID,
	                   (long long)version);
	code = ledger_db_exec(db, stamp);
	free(stamp);
	return code != 0 ? -1 : ledger_db_commit(db);
}

static int prepare_file(struct ledger_db *db, int64_t version)
{
	if (ledger_db_exec(db, "PRAGMA journal_mode = WAL") != 0 || set_up_connection(db) != 0)
		return -1;
	if (migrate(db, version) != 0)
		return -1;
	/* After a crash the log is what the kernel remembers; nothing may be deleted on the strength of that. */
	return ledger_db_checkpoint(db, SQLITE_CHECKPOINT_FULL);
}

enum ledger_result ledger_db_open(struct ledger_db *db, const char *path, char **error)
{
	int64_t version = 0;
	enum ledger_result result;

	*db = (struct ledger_db){ .path = path };
	result = check_log(db, error);
	if (result == LEDGER_OK)
		result = make_file(db, error);
	if (result == LEDGER_OK && connect_file(db) != 0)
		result = judge(db, error);
	if (result == LEDGER_OK)
		result = check_file(db, &version, error);
	if (result == LEDGER_OK && prepare_file(db, version) != 0)
		result = judge(db, error);
	if (result != LEDGER_OK)
		ledger_db_close(db);
	return result;
}

int ledger_db_reopen(struct ledger_db *db)
{
	int64_t version = 0;

	ledger_db_close(db);
	if (connect_file(db) != 0 || read_number(db, "PRAGMA user_version", &version) != 0)
		return -1;
	/* Somebody put another file in its place. */
	if (version != SCHEMA_VERSION)
		return ledger_db_fail(db, SQLITE_NOTADB);
	if (set_up_connection(db) != 0)
		return -1;
	/*
	 * A commit whose sync failed may be found whole in the log, from memory.
	 * Done again it changes nothing, so SQLite writes and syncs nothing: what
	 * the log holds has to reach the disk here.
	 */
	return ledger_db_checkpoint(db, SQLITE_CHECKPOINT_FULL);
}
