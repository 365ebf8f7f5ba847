/* SPDX-License-Identifier: ISC
 *
 * The loop's side of the ledger: requests into the queue, results out of it
 * and to whoever waits for them.
 */
#include "ledger_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "multidropd/clock.h"
#include "multidropd/mem.h"

static int read_start_values(struct ledger *ledger)
{
	sqlite3_stmt *row = ledger_db_statement(&ledger->db, LEDGER_SQL_MAX_ID);

	if (ledger_db_step(&ledger->db, row) != 1)
		return -1;
	ledger->next_id = sqlite3_column_int64(row, 0) + 1;
	sqlite3_reset(row);
	row = ledger_db_statement(&ledger->db, LEDGER_SQL_COUNT_UNDER_WAY);
	if (ledger_db_step(&ledger->db, row) != 1)
		return -1;
	ledger->left_under_way = (size_t)sqlite3_column_int64(row, 0);
	sqlite3_reset(row);
	return 0;
}

static void init_shared(struct ledger *ledger)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&ledger->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ledger->wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Signals are the loop's. */
static int start_thread(struct ledger *ledger)
{
	sigset_t all, before;
	int failure;

	init_shared(ledger);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&ledger->thread, NULL, ledger_thread_run, ledger);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	ledger->running = failure == 0;
	errno = failure;
	return failure == 0 ? 0 : -1;
}

enum ledger_result ledger_start(struct ledger *ledger, const struct ledger_events *events, void *ctx, char **error)
{
	enum ledger_result result = ledger_db_open(&ledger->db, ledger->path, error);

	if (result != LEDGER_OK)
		return result;
	ledger->events = *events;
	ledger->events_ctx = ctx;
	if (read_start_values(ledger) != 0) {
		*error = ledger_db_explain(&ledger->db);
		return LEDGER_DAMAGED;
	}
	ledger->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ledger->event_fd >= 0 && start_thread(ledger) == 0)
		return LEDGER_OK;
	*error = str_format("%s: no thread for the state file: %s", ledger->path, strerror(errno));
	return LEDGER_UNUSABLE;
}

static void free_list(struct ledger_request_list *list)
{
	struct ledger_request *request;

	while ((request = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		ledger_request_free(&request);
	}
}

static void end_thread(struct ledger *ledger)
{
	pthread_mutex_lock(&ledger->mutex);
	ledger->closing = true;
	ledger->give_up_ms = clock_mono_ms() + ledger->close_grace_ms;
	pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->mutex);
	pthread_join(ledger->thread, NULL);
	pthread_cond_destroy(&ledger->wake);
	pthread_mutex_destroy(&ledger->mutex);
}

void ledger_close(struct ledger **ledger)
{
	struct ledger *old = *ledger;

	*ledger = NULL;
	if (old == NULL)
		return;
	if (old->running)
		end_thread(old);
	free_list(&old->queue);
	free_list(&old->batch);
	free_list(&old->results);
	ledger_messages_free(&old->messages);
	ledger_db_close(&old->db);
	if (old->event_fd >= 0)
		close(old->event_fd);
	close(old->lock_fd);
	free(old->path);
	free(old);
}

int ledger_fd(const struct ledger *ledger)
{
	return ledger->event_fd;
}

size_t ledger_left_under_way(const struct ledger *ledger)
{
	return ledger->left_under_way;
}

void ledger_request_free(struct ledger_request **request)
{
	struct ledger_request *old = *request;

	*request = NULL;
	strbuf_free(&old->uid);
	strbuf_free(&old->message_id);
	strlist_free(&old->recipients);
	free(old->owes);
	free(old->duplicate);
	ledger_listing_free(&old->listing);
	free(old->recipient);
	free(old->reply);
	free(old->ids);
	free(old->account);
	free(old->server);
	free(old->user);
	free(old);
}

static void run_callback(struct ledger *ledger, struct ledger_request *result)
{
	struct ledger_listing *listing = result->listing;

	if (result->kind == LEDGER_NOTE_TROUBLE) {
		ledger->events.trouble(ledger->events_ctx, result->reply);
	} else if (result->kind == LEDGER_NOTE_RECOVERED) {
		ledger->events.recovered(ledger->events_ctx);
	} else if (result->kind == LEDGER_REQUEST_COMPARE) {
		result->listing = NULL;
		result->callback.compared(result->ctx, listing);
	} else if (result->kind == LEDGER_REQUEST_BEGIN) {
		result->callback.begun(result->ctx, result->id);
	} else if (result->kind == LEDGER_REQUEST_DUPLICATES) {
		result->callback.found(result->ctx, result->duplicate, result->recipients.count);
	} else {
		result->callback.done(result->ctx, result->id, result->state);
	}
}

static void answer(struct ledger *ledger, struct ledger_request *result)
{
	if (result->answered)
		TAILQ_REMOVE(&ledger->waiting, result, waiting);
	if (!result->forgotten)
		run_callback(ledger, result);
	ledger_request_free(&result);
}

void ledger_dispatch(struct ledger *ledger)
{
	struct ledger_request_list results = STAILQ_HEAD_INITIALIZER(results);
	struct ledger_request *result;
	uint64_t count;
	ssize_t got = read(ledger->event_fd, &count, sizeof(count));

	(void)got; /* nothing to read: a call too many, and the list tells */
	pthread_mutex_lock(&ledger->mutex);
	STAILQ_CONCAT(&results, &ledger->results);
	pthread_mutex_unlock(&ledger->mutex);
	while ((result = STAILQ_FIRST(&results)) != NULL) {
		STAILQ_REMOVE_HEAD(&results, next);
		answer(ledger, result);
	}
}

void ledger_forget_callbacks(struct ledger *ledger, void *ctx)
{
	struct ledger_request *request;

	for (request = TAILQ_FIRST(&ledger->waiting); request != NULL; request = TAILQ_NEXT(request, waiting)) {
		if (request->ctx == ctx)
			request->forgotten = true;
	}
}

static void submit(struct ledger *ledger, struct ledger_request *take_request)
{
	if (take_request->answered)
		TAILQ_INSERT_TAIL(&ledger->waiting, take_request, waiting);
	pthread_mutex_lock(&ledger->mutex);
	STAILQ_INSERT_TAIL(&ledger->queue, take_request, next);
	pthread_cond_signal(&ledger->wake);
	pthread_mutex_unlock(&ledger->mutex);
}

static struct ledger_request *request_new(enum ledger_kind kind, int64_t id, int64_t now_s)
{
	struct ledger_request *request = mem_alloc(sizeof(*request));

	request->kind = kind;
	request->id = id;
	request->now_s = now_s;
	return request;
}

void ledger_compare(struct ledger *ledger, const struct ledger_mailbox *mailbox, struct ledger_listing *take_listing,
                    ledger_compared_fn *compared, void *ctx)
{
	struct ledger_request *request = request_new(LEDGER_REQUEST_COMPARE, 0, 0);

	request->answered = true;
	request->ctx = ctx;
	request->account = mem_strdup(mailbox->account);
	request->server = mem_strdup(mailbox->server);
	request->user = mem_strdup(mailbox->user);
	request->listing = take_listing;
	request->callback.compared = compared;
	submit(ledger, request);
}

static void add_recipients(struct ledger_request *request, const char *const *recipients, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strlist_add(&request->recipients, recipients[i]);
}

static void add_owed(struct ledger_request *request, const struct ledger_begin *begin)
{
	add_recipients(request, begin->recipients, begin->recipient_count);
	request->owes = mem_array(begin->recipient_count, sizeof(*request->owes));
	for (size_t i = 0; i < begin->recipient_count && begin->owes != NULL; i++)
		request->owes[i] = begin->owes[i];
}

int64_t ledger_begin(struct ledger *ledger, const struct ledger_begin *begin)
{
	int64_t id = begin->id != 0 ? begin->id : ledger->next_id++;
	struct ledger_request *request = request_new(LEDGER_REQUEST_BEGIN, id, begin->now_s);

	request->answered = begin->begun != NULL;
	request->callback.begun = begin->begun;
	request->ctx = begin->ctx;
	request->mailbox = begin->mailbox;
	strbuf_add_span(&request->uid, begin->uid);
	request->anew = begin->anew;
	request->has_hash = begin->hash != NULL;
	if (request->has_hash)
		memcpy(request->hash, begin->hash, LEDGER_HASH_LEN);
	request->size = begin->size;
	add_owed(request, begin);
	ledger_seen_name(request, begin->message_id, begin->remember_s);
	submit(ledger, request);
	return id;
}

void ledger_record_verdict(struct ledger *ledger, int64_t id, const struct ledger_verdict *verdict)
{
	struct ledger_request *request = request_new(LEDGER_REQUEST_VERDICT, id, verdict->now_s);

	request->recipient = mem_strdup(verdict->recipient);
	request->outcome = verdict->outcome;
	request->changed_to = verdict->owes;
	request->due_s = verdict->due_s;
	request->reply = verdict->reply != NULL ? mem_strdup(verdict->reply) : NULL;
	submit(ledger, request);
}

void ledger_end(struct ledger *ledger, int64_t id, int64_t now_s, ledger_done_fn *done, void *ctx)
{
	struct ledger_request *request = request_new(LEDGER_REQUEST_END, id, now_s);

	request->answered = done != NULL;
	request->callback.done = done;
	request->ctx = ctx;
	submit(ledger, request);
}

void ledger_find_duplicates(struct ledger *ledger, const struct ledger_duplicates *wanted)
{
	struct ledger_request *request = request_new(LEDGER_REQUEST_DUPLICATES, 0, wanted->now_s);

	request->answered = true;
	request->callback.found = wanted->found;
	request->ctx = wanted->ctx;
	request->mailbox = wanted->mailbox;
	ledger_seen_name(request, wanted->message_id, 0);
	add_recipients(request, wanted->recipients, wanted->recipient_count);
	request->duplicate = mem_array(wanted->recipient_count, sizeof(*request->duplicate));
	submit(ledger, request);
}

void ledger_deleted(struct ledger *ledger, const int64_t *ids, size_t count, int64_t now_s)
{
	struct ledger_request *request = request_new(LEDGER_REQUEST_DELETED, 0, now_s);

	request->ids = mem_array(count, sizeof(*request->ids));
	if (count > 0)
		memcpy(request->ids, ids, count * sizeof(*ids));
	request->id_count = count;
	submit(ledger, request);
}
