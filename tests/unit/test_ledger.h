/* SPDX-License-Identifier: ISC
 *
 * What the ledger's tests share: a ledger in a folder of its own, a clock
 * that stands still, and callbacks that note what came. Each test is a
 * program of its own, so the clock below is the one that its ledger sees.
 */
#ifndef TEST_LEDGER_H
#define TEST_LEDGER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "multidropd/clock.h"
#include "multidropd/ledger.h"
#include "multidropd/mem.h"

#include "../../src/ledger/ledger_private.h"

#define DAY INT64_C(86400)
#define START INT64_C(1800000000)
#define DEADLINE_MS 30000 /* for an answer that does not come; nothing waits this long */

static int64_t test_now_s = START;

int64_t clock_wall_s(void)
{
	return test_now_s;
}

int64_t clock_mono_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct world {
	char dir[64];
	char *path;
	struct ledger *ledger;
	unsigned troubles, recoveries;
	char *trouble;
	unsigned answers; /* of any kind */
	int64_t ended_id;
	enum ledger_state ended_state;
	struct ledger_listing *listing;
	struct strbuf order; /* a letter an answer: c, e, d, t, r */
	struct strbuf found; /* of the last question for duplicates, a letter a recipient: y, n */
};

static const struct ledger_mailbox test_mailbox = { "office", "pop.example:995", "user" };

static inline void on_trouble(void *ctx, const char *text)
{
	struct world *world = ctx;

	world->troubles++;
	free(world->trouble);
	world->trouble = mem_strdup(text);
	strbuf_add_byte(&world->order, 't');
}

static inline void on_recovered(void *ctx)
{
	struct world *world = ctx;

	world->recoveries++;
	strbuf_add_byte(&world->order, 'r');
}

static inline void on_compared(void *ctx, struct ledger_listing *listing)
{
	struct world *world = ctx;

	ledger_listing_free(&world->listing);
	world->listing = listing;
	world->answers++;
	strbuf_add_byte(&world->order, 'c');
}

static inline void on_ended(void *ctx, int64_t id, enum ledger_state state)
{
	struct world *world = ctx;

	world->ended_id = id;
	world->ended_state = state;
	world->answers++;
	strbuf_add_byte(&world->order, 'e');
}

static inline void on_found(void *ctx, const bool *duplicate, size_t count)
{
	struct world *world = ctx;

	strbuf_clear(&world->found);
	for (size_t i = 0; i < count; i++)
		strbuf_add_byte(&world->found, duplicate[i] ? 'y' : 'n');
	world->answers++;
	strbuf_add_byte(&world->order, 'd');
}

static inline void on_quiet(void *ctx, struct ledger_listing *listing)
{
	struct world *world = ctx;

	ledger_listing_free(&listing);
	world->answers++;
	strbuf_add_byte(&world->order, 'q');
}

static const struct ledger_events test_events = { on_trouble, on_recovered };

static inline struct world *world_new(void)
{
	struct world *world = mem_alloc(sizeof(*world));

	strcpy(world->dir, "/tmp/test-ledger-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	world->path = str_format("%s/state.db", world->dir);
	test_now_s = START;
	return world;
}

static inline enum ledger_result world_try_open(struct world *world, char **error)
{
	enum ledger_result result = ledger_lock(world->path, &world->ledger, error);

	if (result != LEDGER_OK)
		return result;
	world->ledger->retry_first_ms = 1;
	world->ledger->retry_max_ms = 4;
	result = ledger_start(world->ledger, &test_events, world, error);
	if (result != LEDGER_OK)
		ledger_close(&world->ledger);
	return result;
}

static inline void world_open(struct world *world)
{
	char *error = NULL;
	enum ledger_result result = world_try_open(world, &error);

	if (result != LEDGER_OK)
		fail_msg("%s", error);
}

static inline int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static inline void world_free(struct world *world)
{
	ledger_close(&world->ledger);
	ledger_listing_free(&world->listing);
	strbuf_free(&world->order);
	strbuf_free(&world->found);
	nftw(world->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(world->trouble);
	free(world->path);
	free(world);
}

static inline void wait_dispatch(struct world *world)
{
	struct pollfd ready = { .fd = ledger_fd(world->ledger), .events = POLLIN };

	assert_int_equal(poll(&ready, 1, DEADLINE_MS), 1);
	ledger_dispatch(world->ledger);
}

static inline void wait_answers(struct world *world, unsigned count)
{
	while (world->answers < count)
		wait_dispatch(world);
}

/* A question that changes nothing. */
static inline void ask_nothing(struct world *world)
{
	ledger_compare(world->ledger, &test_mailbox, ledger_listing_new(), on_quiet, world);
}

/* Everything asked so far is done and the thread at rest. */
static inline void wait_quiet(struct world *world)
{
	ask_nothing(world);
	wait_answers(world, world->answers + 1);
}

/* What the thread takes while this is held waits in its BEGIN; what comes then gathers for the next batch. */
static inline sqlite3 *hold_thread(struct world *world)
{
	sqlite3 *other;
	bool taken = false;

	assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ask_nothing(world);
	while (!taken) {
		pthread_mutex_lock(&world->ledger->mutex);
		taken = STAILQ_EMPTY(&world->ledger->queue);
		pthread_mutex_unlock(&world->ledger->mutex);
		sched_yield();
	}
	return other;
}

static inline void release_thread(struct world *world, sqlite3 *other)
{
	unsigned answers = world->answers;

	sqlite3_close(other);
	wait_answers(world, answers + 1);
}

static inline struct ledger_listing *list_of(const char *const *uids, size_t count, bool complete)
{
	struct ledger_listing *listing = ledger_listing_new();

	for (size_t i = 0; i < count; i++)
		ledger_listing_add(listing, (uint32_t)i + 1, span_of(uids[i]), 100);
	listing->complete = complete;
	return listing;
}

/* The answer is world->listing. */
static inline void compare(struct world *world, struct ledger_listing *take_listing)
{
	ledger_compare(world->ledger, &test_mailbox, take_listing, on_compared, world);
	wait_answers(world, world->answers + 1);
}

static inline const struct ledger_record *compare_one(struct world *world, const char *uid)
{
	compare(world, list_of(&uid, 1, false));
	return world->listing->entries[0].record_count > 0 ? world->listing->entries[0].records : NULL;
}

static inline int64_t mailbox_row(struct world *world)
{
	compare(world, list_of(NULL, 0, false));
	return world->listing->mailbox;
}

static inline int64_t begin_as(struct world *world, int64_t id, const char *uid, const char *const *to, size_t count)
{
	uint8_t hash[LEDGER_HASH_LEN] = { 7 };
	struct ledger_begin begin = {
		.id = id,
		.mailbox = 1,
		.uid = span_of(uid),
		.hash = hash,
		.size = 100,
		.recipients = to,
		.recipient_count = count,
		.now_s = test_now_s,
	};

	return ledger_begin(world->ledger, &begin);
}

static inline void verdict(struct world *world, int64_t id, const char *recipient, enum ledger_outcome outcome)
{
	struct ledger_verdict given = {
		.recipient = recipient,
		.outcome = outcome,
		.due_s = test_now_s + 600,
		.reply = "250 fine",
		.now_s = test_now_s,
	};

	ledger_record_verdict(world->ledger, id, &given);
}

/* Owed `owes` now, because of `reply`. */
static inline void changed(struct world *world, int64_t id, const char *recipient, enum ledger_owes owes,
                           const char *reply)
{
	struct ledger_verdict given = {
		.recipient = recipient, .outcome = LEDGER_CHANGED, .owes = owes, .reply = reply, .now_s = test_now_s
	};

	ledger_record_verdict(world->ledger, id, &given);
}

static inline enum ledger_state end(struct world *world, int64_t id)
{
	ledger_end(world->ledger, id, test_now_s, on_ended, world);
	wait_answers(world, world->answers + 1);
	assert_int_equal(world->ended_id, id);
	return world->ended_state;
}

/* A message for one recipient, with its outcome. */
static inline int64_t message(struct world *world, const char *uid, enum ledger_outcome outcome)
{
	const char *to = "alice@office.example";
	int64_t id = begin_as(world, 0, uid, &to, 1);

	verdict(world, id, to, outcome);
	end(world, id);
	return id;
}

/* A transaction with a Message-ID that is remembered for so long. */
static inline int64_t begin_named(struct world *world, int64_t id, struct span message_id, int64_t remember_s,
                                  const char *recipient)
{
	struct ledger_begin begin = {
		.id = id,
		.mailbox = 1,
		.uid = SPAN("uid"),
		.recipients = &recipient,
		.recipient_count = 1,
		.message_id = message_id,
		.remember_s = remember_s,
		.now_s = test_now_s,
	};

	return ledger_begin(world->ledger, &begin);
}

static inline void ask_duplicates(struct world *world, int64_t mailbox, struct span message_id, const char *const *to,
                                  size_t count)
{
	struct ledger_duplicates wanted = {
		.mailbox = mailbox,
		.message_id = message_id,
		.recipients = to,
		.recipient_count = count,
		.now_s = test_now_s,
		.found = on_found,
		.ctx = world,
	};

	ledger_find_duplicates(world->ledger, &wanted);
}

static inline bool is_duplicate(struct world *world, struct span message_id, const char *recipient)
{
	ask_duplicates(world, 1, message_id, &recipient, 1);
	wait_answers(world, world->answers + 1);
	return strcmp(strbuf_str(&world->found), "y") == 0;
}

/* A number that another program reads from the file. */
static inline int64_t query(struct world *world, const char *sql)
{
	sqlite3 *other;
	sqlite3_stmt *row;
	int64_t number;

	assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(other, sql, -1, &row, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	number = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	sqlite3_close(other);
	return number;
}

/* What an administrator does with sqlite3. */
static inline void change(struct world *world, const char *sql)
{
	sqlite3 *other;

	assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
}

/* Rows written since the start; the thread must be at rest. */
static inline int64_t rows_written(struct world *world)
{
	return sqlite3_total_changes64(world->ledger->db.handle);
}

#endif
