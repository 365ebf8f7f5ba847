/* SPDX-License-Identifier: ISC
 *
 * The connection: every statement that the ledger uses, in one table, and
 * errors that stick until the transaction is rolled back.
 */
#include "ledger_private.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

static const char *const sql[] = {
	[LEDGER_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[LEDGER_SQL_COMMIT] = "COMMIT",
	[LEDGER_SQL_ROLLBACK] = "ROLLBACK",
	[LEDGER_SQL_MAILBOX_FIND] = "SELECT id FROM mailbox WHERE account = ?1 AND server = ?2 AND user = ?3",
	[LEDGER_SQL_MAILBOX_ADD] = "INSERT INTO mailbox (account, server, user) VALUES (?1, ?2, ?3) RETURNING id",
	[LEDGER_SQL_MESSAGE_FIND] = "SELECT state, settled_at, under_way, mailbox FROM message WHERE id = ?1",
	/* A commit whose sync failed may have happened all the same; it is done again. And a known message may begin
	   anew. */
	[LEDGER_SQL_MESSAGE_PUT] =
		"INSERT INTO message (id, mailbox, uid, hash, size, first_seen, state, under_way, settled_at)"
		" VALUES (?1, ?5, ?6, ?7, ?8, ?9, ?2, ?3, ?4)"
		" ON CONFLICT DO UPDATE SET state = ?2, under_way = ?3, settled_at = ?4, hash = ?7, size = ?8",
	[LEDGER_SQL_MESSAGE_CHANGE] = "UPDATE message SET state = ?2, under_way = ?3, settled_at = ?4 WHERE id = ?1",
	[LEDGER_SQL_MESSAGE_DELETED] =
		"UPDATE message SET state = 'deleted', gone_since = ?2 WHERE id = ?1 AND state <> 'owed'",
	[LEDGER_SQL_MESSAGE_GONE] = "UPDATE message SET gone_since = ?2 WHERE id = ?1",
	[LEDGER_SQL_MESSAGE_DROP] = "DELETE FROM message WHERE id = ?1",
	[LEDGER_SQL_MESSAGE_SCAN] = "SELECT id, uid, hash, state, under_way, gone_since, settled_at FROM message"
				    " WHERE mailbox = ?1 ORDER BY uid, id",
	[LEDGER_SQL_RECIPIENT_LIST] =
		"SELECT address, state, due, first_deferred, tried, attempts, reply, owes, refusal"
		" FROM recipient WHERE message = ?1",
	[LEDGER_SQL_RECIPIENT_PUT] = "INSERT OR REPLACE INTO recipient (message, address, state, due, first_deferred, "
				     "tried, attempts, reply, owes, refusal)"
				     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[LEDGER_SQL_RECIPIENT_DROP] = "DELETE FROM recipient WHERE message = ?1",
	/* SQLite's lower() knows ASCII only, whatever the locale. */
	[LEDGER_SQL_SEEN_PUT] = "INSERT OR REPLACE INTO seen (mailbox, message_id, recipient, expires)"
				" VALUES (?1, ?2, lower(?3), ?4)",
	[LEDGER_SQL_SEEN_FIND] = "SELECT 1 FROM seen WHERE mailbox = ?1 AND message_id = ?2 AND recipient = lower(?3)"
				 " AND expires BETWEEN ?4 AND ?5",
	[LEDGER_SQL_SEEN_DROP] = "DELETE FROM seen WHERE mailbox = ?1 AND (message_id, recipient) IN"
				 " (SELECT message_id, recipient FROM seen WHERE mailbox = ?1"
				 " AND expires <= ?2 LIMIT ?3)",
	[LEDGER_SQL_MAX_ID] = "SELECT max(id) FROM message",
	[LEDGER_SQL_COUNT_UNDER_WAY] = "SELECT count(*) FROM message WHERE state = 'owed' AND under_way = 1",
};

_Static_assert(sizeof(sql) / sizeof(sql[0]) == LEDGER_SQL_COUNT, "a statement lacks its text");

/* What an administrator can do about it; an extended code stands behind its primary one. */
static const struct {
	int code;
	const char *advice;
} advices[] = {
	{ SQLITE_FULL, "make room on its disk" },
	{ SQLITE_READONLY, "see who owns it and its folder, and whether the disk is mounted read-only" },
	{ SQLITE_PERM, "see who owns it and its folder" },
	{ SQLITE_CANTOPEN, "see that it and its folder are there and writable" },
	{ SQLITE_IOERR, "see the kernel's log for errors of the disk, and whether it is full" },
	{ SQLITE_BUSY, "another program keeps it locked, end that" },
	{ SQLITE_LOCKED, "another program keeps it locked, end that" },
	{ SQLITE_CORRUPT, "it is damaged: stop, and restore a backup" },
	{ SQLITE_NOTADB, "it is damaged or another file is in its place: stop, and restore a backup" },
	{ SQLITE_READONLY_DBMOVED, "it was moved or removed while in use: put it back, or restart" },
};

char *ledger_db_explain(const struct ledger_db *db)
{
	const char *advice = "if it stays like this, restart";

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (advices[i].code == (db->code & 0xff) || advices[i].code == db->code)
			advice = advices[i].advice;
	}
	return str_format("the state file %s cannot be used: %s; %s", db->path, db->text, advice);
}

int ledger_db_fail(struct ledger_db *db, int code)
{
	if (db->code != SQLITE_OK)
		return -1;
	db->code = code;
	/* The handle's own words say more, where they are about this error. */
	db->text = mem_strdup(sqlite3_extended_errcode(db->handle) == code ? sqlite3_errmsg(db->handle)
	                                                                   : sqlite3_errstr(code));
	return -1;
}

static void forget_error(struct ledger_db *db)
{
	db->code = SQLITE_OK;
	free(db->text);
	db->text = NULL;
}

int ledger_db_exec(struct ledger_db *db, const char *text)
{
	int code = sqlite3_exec(db->handle, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : ledger_db_fail(db, code);
}

sqlite3_stmt *ledger_db_statement(struct ledger_db *db, enum ledger_statement which)
{
	sqlite3_stmt **statement = &db->statements[which];
	int code;

	if (*statement == NULL) {
		code = sqlite3_prepare_v3(db->handle, sql[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
		if (code != SQLITE_OK)
			ledger_db_fail(db, code);
		return *statement;
	}
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
	return *statement;
}

static void check_bind(struct ledger_db *db, int code)
{
	if (code != SQLITE_OK)
		ledger_db_fail(db, code);
}

void ledger_db_bind_int(struct ledger_db *db, sqlite3_stmt *statement, int index, int64_t value)
{
	check_bind(db, sqlite3_bind_int64(statement, index, value));
}

void ledger_db_bind_text(struct ledger_db *db, sqlite3_stmt *statement, int index, const char *text)
{
	check_bind(db, sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC));
}

void ledger_db_bind_blob(struct ledger_db *db, sqlite3_stmt *statement, int index, struct span bytes)
{
	check_bind(db, sqlite3_bind_blob64(statement, index, bytes.data, bytes.len, SQLITE_STATIC));
}

int ledger_db_step(struct ledger_db *db, sqlite3_stmt *statement)
{
	int code;

	if (db->code != SQLITE_OK)
		return -1;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		ledger_db_fail(db, code);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : -1;
}

int ledger_db_run(struct ledger_db *db, sqlite3_stmt *statement)
{
	return ledger_db_step(db, statement) == 0 ? 0 : -1;
}

int ledger_db_begin(struct ledger_db *db)
{
	forget_error(db);
	return ledger_db_run(db, ledger_db_statement(db, LEDGER_SQL_BEGIN));
}

int ledger_db_commit(struct ledger_db *db)
{
	int moved = 0;

	/* Writing on into a file without a name would look well until the restart. */
	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved)
		return ledger_db_fail(db, SQLITE_READONLY_DBMOVED);
	return ledger_db_run(db, ledger_db_statement(db, LEDGER_SQL_COMMIT));
}

void ledger_db_rollback(struct ledger_db *db)
{
	for (size_t i = 0; i < LEDGER_SQL_COUNT; i++)
		sqlite3_reset(db->statements[i]);
	/* After some errors SQLite has done it itself. The error that brought us here stays to be explained. */
	if (db->handle != NULL && !sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, sql[LEDGER_SQL_ROLLBACK], NULL, NULL, NULL);
}

int ledger_db_checkpoint(struct ledger_db *db, int mode)
{
	int code = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL);

	return code == SQLITE_OK ? 0 : ledger_db_fail(db, code);
}

void ledger_db_close(struct ledger_db *db)
{
	for (size_t i = 0; i < LEDGER_SQL_COUNT; i++) {
		sqlite3_finalize(db->statements[i]);
		db->statements[i] = NULL;
	}
	sqlite3_close(db->handle);
	db->handle = NULL;
	forget_error(db);
}

static const char *const state_words[] = {
	[LEDGER_STATE_OWED] = "owed",       [LEDGER_STATE_SETTLED] = "settled",   [LEDGER_STATE_DELETED] = "deleted",
	[LEDGER_STATE_REFUSED] = "refused", [LEDGER_STATE_OVERSIZE] = "oversize",
};

const char *ledger_state_word(enum ledger_state state)
{
	return state_words[state];
}

size_t ledger_word_index(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; word != NULL && i < count; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	/* An administrator's typing error must not look like leave to delete. */
	return 0;
}

enum ledger_state ledger_state_of(const char *word)
{
	return (enum ledger_state)ledger_word_index(word, state_words, sizeof(state_words) / sizeof(state_words[0]));
}
