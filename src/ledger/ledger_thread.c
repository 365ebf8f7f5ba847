/* SPDX-License-Identifier: ISC
 *
 * The thread: takes all that waits, does it in one transaction, hands the
 * results back. While one commit is being written the next one's requests
 * gather, so there is no waiting to fill a group.
 */
#include "ledger_private.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "multidropd/clock.h"
#include "multidropd/mem.h"

/* While closing, so that a disk that comes back within the grace is seen. */
#define CLOSING_PAUSE_MS 100
#define NSEC_PER_SEC 1000000000

static void post(struct ledger *ledger, struct ledger_request_list *results)
{
	uint64_t one = 1;
	ssize_t written;

	if (STAILQ_EMPTY(results))
		return;
	pthread_mutex_lock(&ledger->mutex);
	STAILQ_CONCAT(&ledger->results, results);
	pthread_mutex_unlock(&ledger->mutex);
	/* Fails only when 2^64 - 2 wake-ups are unread, and then the loop wakes up anyway. */
	written = write(ledger->event_fd, &one, sizeof(one));
	(void)written;
}

static void post_note(struct ledger *ledger, enum ledger_kind kind, char *take_text)
{
	struct ledger_request_list notes = STAILQ_HEAD_INITIALIZER(notes);
	struct ledger_request *note = mem_alloc(sizeof(*note));

	note->kind = kind;
	note->reply = take_text;
	STAILQ_INSERT_TAIL(&notes, note, next);
	post(ledger, &notes);
}

static void post_batch(struct ledger *ledger)
{
	struct ledger_request_list results = STAILQ_HEAD_INITIALIZER(results);
	struct ledger_request *request;

	while ((request = STAILQ_FIRST(&ledger->batch)) != NULL) {
		STAILQ_REMOVE_HEAD(&ledger->batch, next);
		if (request->answered)
			STAILQ_INSERT_TAIL(&results, request, next);
		else
			ledger_request_free(&request);
	}
	post(ledger, &results);
}

static int run_request(struct ledger *ledger, struct ledger_request *request)
{
	if (request->kind == LEDGER_REQUEST_DELETED)
		return ledger_write_deleted(&ledger->db, request);
	if (request->kind == LEDGER_REQUEST_COMPARE)
		return ledger_run_compare(&ledger->db, request);
	if (request->kind == LEDGER_REQUEST_DUPLICATES)
		return ledger_seen_find(&ledger->db, request);
	return 0;
}

/*
 * First what changes messages, into memory and from there, once a message,
 * into rows; then, in their order, what reads rows or rests on those.
 */
static int run_batch(struct ledger *ledger)
{
	struct ledger_request *request;
	struct ledger_message *message;

	for (request = STAILQ_FIRST(&ledger->batch); request != NULL; request = STAILQ_NEXT(request, next)) {
		if (ledger_messages_apply(ledger, request) != 0)
			return -1;
	}
	for (message = STAILQ_FIRST(&ledger->messages.dirty); message != NULL;
	     message = STAILQ_NEXT(message, next_dirty)) {
		if (ledger_message_write(&ledger->db, message) != 0)
			return -1;
	}
	for (request = STAILQ_FIRST(&ledger->batch); request != NULL; request = STAILQ_NEXT(request, next)) {
		if (run_request(ledger, request) != 0)
			return -1;
	}
	return 0;
}

static int try_batch(struct ledger *ledger)
{
	if (ledger_db_begin(&ledger->db) == 0 && run_batch(ledger) == 0 && ledger_db_commit(&ledger->db) == 0) {
		ledger->commits++;
		ledger_messages_committed(&ledger->messages);
		return 0;
	}
	ledger_db_rollback(&ledger->db);
	return -1;
}

/*
 * After a failed sync the kernel may call pages clean that never reached the
 * disk, and SQLite's view of the file may be wrong in other ways: only what
 * is read anew can be trusted.
 */
static bool needs_reopen(int code)
{
	int primary = code & 0xff;

	return primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
	       primary == SQLITE_CANTOPEN || code == SQLITE_READONLY_DBMOVED;
}

/* A reopening that failed is owed until one succeeds, whatever it failed with. */
static int retry_batch(struct ledger *ledger)
{
	ledger->reopen_first = ledger->reopen_first || needs_reopen(ledger->db.code);
	if (ledger->reopen_first && ledger_db_reopen(&ledger->db) != 0)
		return -1;
	ledger->reopen_first = false;
	return try_batch(ledger);
}

static struct timespec deadline_in(int64_t delay_ms)
{
	struct timespec at;
	int64_t nsec;

	clock_gettime(CLOCK_MONOTONIC, &at);
	nsec = at.tv_nsec + delay_ms % 1000 * 1000000;
	at.tv_sec += delay_ms / 1000 + nsec / NSEC_PER_SEC;
	at.tv_nsec = nsec % NSEC_PER_SEC;
	return at;
}

/* False: the ledger is closing and has waited long enough. */
static bool pause_before_retry(struct ledger *ledger)
{
	struct timespec until;
	bool was_closing, go_on;

	pthread_mutex_lock(&ledger->mutex);
	was_closing = ledger->closing;
	if (was_closing && ledger->pause_ms > CLOSING_PAUSE_MS)
		ledger->pause_ms = CLOSING_PAUSE_MS;
	until = deadline_in(ledger->pause_ms);
	/* Woken by requests it sleeps on; woken by the close it tries at once. */
	while (ledger->closing == was_closing && pthread_cond_timedwait(&ledger->wake, &ledger->mutex, &until) == 0)
		;
	go_on = !ledger->closing || clock_mono_ms() < ledger->give_up_ms;
	pthread_mutex_unlock(&ledger->mutex);
	ledger->pause_ms = ledger->pause_ms * 2 < ledger->retry_max_ms ? ledger->pause_ms * 2 : ledger->retry_max_ms;
	return go_on;
}

static void report_trouble(struct ledger *ledger)
{
	if (!ledger->in_trouble)
		post_note(ledger, LEDGER_NOTE_TROUBLE, ledger_db_explain(&ledger->db));
	ledger->in_trouble = true;
}

static bool insist(struct ledger *ledger)
{
	ledger->pause_ms = ledger->retry_first_ms;
	do {
		report_trouble(ledger);
		if (!pause_before_retry(ledger))
			return false;
	} while (retry_batch(ledger) != 0);
	ledger->in_trouble = false;
	post_note(ledger, LEDGER_NOTE_RECOVERED, NULL);
	return true;
}

/* False: given up, while closing. */
static bool work_off(struct ledger *ledger)
{
	if (try_batch(ledger) == 0)
		return true;
	if ((ledger->db.code & 0xff) == SQLITE_FULL &&
	    ledger_db_checkpoint(&ledger->db, SQLITE_CHECKPOINT_TRUNCATE) == 0 && try_batch(ledger) == 0)
		return true;
	return insist(ledger);
}

/* False: closing, and nothing is left. */
static bool take_batch(struct ledger *ledger)
{
	bool taken;

	pthread_mutex_lock(&ledger->mutex);
	while (STAILQ_EMPTY(&ledger->queue) && !ledger->closing)
		pthread_cond_wait(&ledger->wake, &ledger->mutex);
	STAILQ_CONCAT(&ledger->batch, &ledger->queue);
	taken = !STAILQ_EMPTY(&ledger->batch);
	pthread_mutex_unlock(&ledger->mutex);
	return taken;
}

void *ledger_thread_run(void *arg)
{
	struct ledger *ledger = arg;

	while (take_batch(ledger) && work_off(ledger))
		post_batch(ledger);
	return NULL;
}
