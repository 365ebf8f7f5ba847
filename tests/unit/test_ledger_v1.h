/* SPDX-License-Identifier: ISC
 *
 * A state file as the first version made it, with everything that one can
 * hold: what installs bring along. The text never changes.
 */
#ifndef TEST_LEDGER_V1_H
#define TEST_LEDGER_V1_H

#include "test_ledger.h"

static const char version_1_schema[] =
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

/* 1: owed to Bob, Alice has it; 2: under way; 3: refused; 4: settled; 5: deleted. */
static const char version_1_rows[] =
	"INSERT INTO mailbox VALUES (1, 'office', 'pop.example:995', 'user');\n"
	"INSERT INTO message VALUES\n"
	"  (1, 1, CAST('owed' AS BLOB), zeroblob(32), 100, 1799990000, 'owed', 0, NULL, NULL),\n"
	"  (2, 1, CAST('open' AS BLOB), NULL, 100, 1799990000, 'owed', 1, NULL, NULL),\n"
	"  (3, 1, CAST('refused' AS BLOB), zeroblob(32), 100, 1799990000, 'refused', 0, 1799990000, NULL),\n"
	"  (4, 1, CAST('settled' AS BLOB), zeroblob(32), 100, 1799990000, 'settled', 0, 1799990000, NULL),\n"
	"  (5, 1, CAST('deleted' AS BLOB), zeroblob(32), 100, 1799990000, 'deleted', 0, 1799990000, 1799990000);\n"
	"INSERT INTO recipient VALUES\n"
	"  (1, 'alice@office.example', 'delivered', 0, 0, 1799990000, 1, '250 fine'),\n"
	"  (1, 'bob@office.example', 'owed', 1800000600, 1799990000, 1799990000, 3, '451 later'),\n"
	"  (2, 'alice@office.example', 'owed', 0, 0, 0, 0, NULL),\n"
	"  (3, 'bob@office.example', 'refused', 0, 0, 1799990000, 1, '550 no');\n";

static inline void make_version_1(struct world *world)
{
	sqlite3 *file;

	assert_int_equal(sqlite3_open(world->path, &file), SQLITE_OK);
	assert_int_equal(sqlite3_exec(file, "PRAGMA journal_mode = WAL; BEGIN", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(file, version_1_schema, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(file, version_1_rows, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(file, "PRAGMA application_id = 1835298916; PRAGMA user_version = 1; COMMIT", NULL,
	                              NULL, NULL),
	                 SQLITE_OK);
	sqlite3_close(file);
}

#endif
