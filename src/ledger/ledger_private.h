/* SPDX-License-Identifier: ISC
 *
 * What the files of the ledger share. Three owners, never mixed: the loop
 * (whoever calls ledger.h), the thread, and what lies between them under the
 * mutex.
 */
#ifndef LEDGER_PRIVATE_H
#define LEDGER_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/queue.h>

#include "multidropd/ledger.h"

/* ------------------------------------------------------------------ rows */

enum ledger_statement {
	LEDGER_SQL_BEGIN,
	LEDGER_SQL_COMMIT,
	LEDGER_SQL_ROLLBACK,
	LEDGER_SQL_MAILBOX_FIND,
	LEDGER_SQL_MAILBOX_ADD,
	LEDGER_SQL_MESSAGE_FIND,
	LEDGER_SQL_MESSAGE_PUT,
	LEDGER_SQL_MESSAGE_CHANGE,
	LEDGER_SQL_MESSAGE_DELETED,
	LEDGER_SQL_MESSAGE_GONE,
	LEDGER_SQL_MESSAGE_DROP,
	LEDGER_SQL_MESSAGE_SCAN,
	LEDGER_SQL_RECIPIENT_LIST,
	LEDGER_SQL_RECIPIENT_PUT,
	LEDGER_SQL_RECIPIENT_DROP,
	LEDGER_SQL_SEEN_PUT,
	LEDGER_SQL_SEEN_FIND,
	LEDGER_SQL_SEEN_DROP,
	LEDGER_SQL_MAX_ID,
	LEDGER_SQL_COUNT_UNDER_WAY,
	LEDGER_SQL_COUNT
};

/*
 * A connection. The first error of a transaction sticks: whatever follows it
 * fails too, so that callers may bind and run without a check at each step and
 * look once, at the result of a run.
 */
struct ledger_db {
	const char *path; /* the ledger's */
	sqlite3 *handle;
	sqlite3_stmt *statements[LEDGER_SQL_COUNT];
	int code;   /* SQLITE_OK, or the first error's extended code */
	char *text; /* what SQLite says to it */
};

enum ledger_result ledger_db_open(struct ledger_db *db, const char *path, char **error)
	__attribute__((warn_unused_result));
int ledger_db_reopen(struct ledger_db *db) __attribute__((warn_unused_result));
void ledger_db_close(struct ledger_db *db);
/* One line for the administrator: the file, what happened, what to do about it. The caller frees. */
char *ledger_db_explain(const struct ledger_db *db);

int ledger_db_begin(struct ledger_db *db) __attribute__((warn_unused_result));
int ledger_db_commit(struct ledger_db *db) __attribute__((warn_unused_result));
void ledger_db_rollback(struct ledger_db *db);
/* Brings the log into the database and syncs that. SQLITE_CHECKPOINT_FULL waits for no reader of today's rows,
 * _TRUNCATE gives the log's room back. */
int ledger_db_checkpoint(struct ledger_db *db, int mode) __attribute__((warn_unused_result));
/* Runs SQL and drops the rows that it gives. */
int ledger_db_exec(struct ledger_db *db, const char *sql) __attribute__((warn_unused_result));
/* The prepared statement, without bindings; NULL when it cannot be prepared, which every call below takes. */
sqlite3_stmt *ledger_db_statement(struct ledger_db *db, enum ledger_statement which);
void ledger_db_bind_int(struct ledger_db *db, sqlite3_stmt *statement, int index, int64_t value);
void ledger_db_bind_text(struct ledger_db *db, sqlite3_stmt *statement, int index, const char *text);
/* An empty UID still points somewhere: a NULL pointer would bind NULL. */
void ledger_db_bind_blob(struct ledger_db *db, sqlite3_stmt *statement, int index, struct span bytes);
/* 1: a row, 0: no more, -1: an error. After 0 and -1 the statement is reset. */
int ledger_db_step(struct ledger_db *db, sqlite3_stmt *statement) __attribute__((warn_unused_result));
/* A statement without rows. */
int ledger_db_run(struct ledger_db *db, sqlite3_stmt *statement) __attribute__((warn_unused_result));
/* Notes an error and returns -1. */
int ledger_db_fail(struct ledger_db *db, int code);

/* The words that stand in the tables. */
const char *ledger_state_word(enum ledger_state state);
enum ledger_state ledger_state_of(const char *word);
/* The index of a word; 0, which is always the one that promises least, where there is no such word. */
size_t ledger_word_index(const char *word, const char *const *words, size_t count);

/* -------------------------------------------------------------- messages */

enum ledger_recipient_state {
	LEDGER_RECIPIENT_OWED,
	LEDGER_RECIPIENT_DELIVERED,
	LEDGER_RECIPIENT_SETTLED,
	LEDGER_RECIPIENT_REFUSED,
};

struct ledger_recipient {
	char *address;
	enum ledger_recipient_state state;
	enum ledger_owes owes;
	char *refusal;
	int64_t due_s;
	int64_t first_deferred_s;
	int64_t tried_s;
	unsigned attempts;
	char *reply;
	bool dirty;
	int64_t seen_until_s; /* to be remembered with the next commit; 0: nothing is */
};

/* A message whose transaction is open, or was when the batch began: what its rows say after the next commit. */
struct ledger_message {
	struct ledger_message *same_bucket;
	STAILQ_ENTRY(ledger_message) next_dirty;
	int64_t id;
	bool stored; /* has a row, and that says of it what is so for good */
	bool anew;   /* has a row that is to be written over; those of its recipients go */
	bool dirty;
	bool under_way;
	enum ledger_state state;
	int64_t mailbox;
	struct strbuf uid;
	bool has_hash;
	uint8_t hash[LEDGER_HASH_LEN];
	uint64_t size;
	int64_t first_seen_s;
	int64_t settled_s;
	int64_t remember_s;       /* whom this transaction delivers it; 0: not */
	struct strbuf message_id; /* valid where somebody is remembered */
	struct ledger_recipient *recipients;
	size_t recipient_count, recipient_capacity;
};

STAILQ_HEAD(ledger_dirty_list, ledger_message);

#define LEDGER_BUCKETS 4096

struct ledger_messages {
	struct ledger_message *buckets[LEDGER_BUCKETS];
	struct ledger_dirty_list dirty;
};

/* -------------------------------------------------------------- requests */

enum ledger_kind {
	LEDGER_REQUEST_BEGIN,
	LEDGER_REQUEST_VERDICT,
	LEDGER_REQUEST_END,
	LEDGER_REQUEST_DELETED,
	LEDGER_REQUEST_COMPARE,
	LEDGER_REQUEST_DUPLICATES,
	LEDGER_NOTE_TROUBLE, /* no requests: the thread's own words to the loop */
	LEDGER_NOTE_RECOVERED,
};

struct ledger_request {
	STAILQ_ENTRY(ledger_request) next;   /* of whoever has it: the queue, the thread, the results */
	TAILQ_ENTRY(ledger_request) waiting; /* the loop's, where `answered` is set */
	enum ledger_kind kind;
	bool answered; /* comes back to the loop; else the thread frees it */
	bool applied;  /* is in the thread's messages: never twice, a retry notwithstanding */

	/* The loop's; the thread does not look. */
	union {
		ledger_compared_fn *compared;
		ledger_begun_fn *begun;
		ledger_done_fn *done;
		ledger_duplicates_fn *found;
	} callback;
	void *ctx;
	bool forgotten;

	int64_t id;
	int64_t now_s;
	int64_t mailbox; /* begin, duplicates */
	struct strbuf uid;
	bool anew; /* begin, as the next three */
	bool has_hash;
	uint8_t hash[LEDGER_HASH_LEN];
	uint64_t size;
	struct strlist recipients; /* begin, duplicates */
	enum ledger_owes *owes;    /* begin: by recipient */
	struct strbuf message_id;  /* begin, duplicates; empty: nobody is remembered with it */
	int64_t remember_s;        /* begin */
	bool *duplicate;           /* the answer: by recipient */
	char *recipient;           /* verdict */
	enum ledger_outcome outcome;
	enum ledger_owes changed_to;
	int64_t due_s;
	char *reply;  /* also a note's text */
	int64_t *ids; /* deleted */
	size_t id_count;
	char *account, *server, *user; /* compare */
	struct ledger_listing *listing;
	enum ledger_state state; /* end's answer */
};

STAILQ_HEAD(ledger_request_list, ledger_request);
TAILQ_HEAD(ledger_waiting_list, ledger_request);

void ledger_request_free(struct ledger_request **request);

/* ---------------------------------------------------------------- ledger */

struct ledger {
	char *path;
	int lock_fd;
	int event_fd;
	int64_t retry_first_ms, retry_max_ms, close_grace_ms; /* tests make them short */

	/* The loop's. */
	struct ledger_events events;
	void *events_ctx;
	struct ledger_waiting_list waiting;
	int64_t next_id;
	size_t left_under_way;
	pthread_t thread;
	bool running;

	/* Shared, under the mutex. */
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct ledger_request_list queue;
	struct ledger_request_list results;
	bool closing;
	int64_t give_up_ms; /* when closing: monotonic */

	/* The thread's. */
	struct ledger_db db;
	struct ledger_messages messages;
	struct ledger_request_list batch;
	bool in_trouble;
	bool reopen_first;
	unsigned commits;
	int64_t pause_ms;
};

void *ledger_thread_run(void *ledger);

/*
 * What the thread does within its transaction. -1: db says why; whatever was
 * done to rows is rolled back, and to memory stays done.
 */

/* A begin, verdict or end, into memory; others are none of its business. */
int ledger_messages_apply(struct ledger *ledger, struct ledger_request *request) __attribute__((warn_unused_result));
void ledger_messages_committed(struct ledger_messages *messages);
void ledger_messages_free(struct ledger_messages *messages);
struct ledger_recipient *ledger_message_add(struct ledger_message *message, const char *address);
/* Frees what a message points to. */
void ledger_message_clear(struct ledger_message *message);

int ledger_message_load(struct ledger_db *db, struct ledger_message *message) __attribute__((warn_unused_result));
int ledger_message_load_recipients(struct ledger_db *db, struct ledger_message *message)
	__attribute__((warn_unused_result));
int ledger_message_write(struct ledger_db *db, const struct ledger_message *message)
	__attribute__((warn_unused_result));
int ledger_write_deleted(struct ledger_db *db, const struct ledger_request *request)
	__attribute__((warn_unused_result));
int ledger_write_drop(struct ledger_db *db, int64_t message) __attribute__((warn_unused_result));
int ledger_write_gone(struct ledger_db *db, int64_t message, int64_t gone_since_s) __attribute__((warn_unused_result));

/* Gives a request its Message-ID, or none where that is one that cannot be remembered. */
void ledger_seen_name(struct ledger_request *request, struct span message_id, int64_t remember_s);
/* Writes whom a verdict made remembered. */
int ledger_seen_write(struct ledger_db *db, const struct ledger_message *message) __attribute__((warn_unused_result));
int ledger_seen_find(struct ledger_db *db, struct ledger_request *request) __attribute__((warn_unused_result));
/* Drops up to `most` pairs whose time is over. */
int ledger_seen_drop(struct ledger_db *db, int64_t mailbox, int64_t now_s, size_t most)
	__attribute__((warn_unused_result));

int ledger_run_compare(struct ledger_db *db, struct ledger_request *request) __attribute__((warn_unused_result));

/* Takes an entry's records away. */
void ledger_entry_clear(struct ledger_entry *entry);

#endif
