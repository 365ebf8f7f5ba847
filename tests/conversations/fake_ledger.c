/* SPDX-License-Identifier: ISC
 *
 * ledger.h in memory: a list of messages, and a queue of what is not
 * committed yet.
 */
#include "fake_ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "fake_known.h"
#include "fake_seen.h"
#include "multidropd/mem.h"
#include "script.h"

enum request_kind { REQUEST_COMPARE, REQUEST_BEGIN, REQUEST_VERDICT, REQUEST_END, REQUEST_DELETED, REQUEST_DUPLICATES };

struct write {
	enum request_kind kind;
	int64_t id;
	struct known *begun; /* owned until committed */
	struct ledger_verdict verdict;
	char *recipient, *reply; /* the verdict's */
	int64_t mailbox;         /* of a question for duplicates, as the next three */
	struct strbuf message_id;
	int64_t now_s; /* an end's, too */
	struct strlist recipients;
	ledger_duplicates_fn *found;
	ledger_begun_fn *told;
	ledger_done_fn *done;
	struct ledger_listing *listing;
	ledger_compared_fn *compared;
	void *ctx;
	TAILQ_ENTRY(write) link;
};

struct ledger {
	struct timer *turn;
	bool held, holds_all;
	size_t released; /* so many may be committed although it is held */
	int64_t next_id;
	TAILQ_HEAD(, known) known;
	TAILQ_HEAD(, write) queue;
	struct fake_seen seen;
};

static struct known *find(const struct ledger *ledger, int64_t id)
{
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link) {
		if (known->id == id)
			return known;
	}
	return NULL;
}

static void compare_entry(struct ledger *ledger, struct ledger_listing *listing, size_t index)
{
	struct ledger_entry *entry = &listing->entries[index];
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link) {
		if (known->uid_len != entry->uid.len || memcmp(known->uid, entry->uid.data, entry->uid.len) != 0)
			continue;
		known_add_record(known, entry);
		known->listed = true;
	}
	for (size_t i = 0; i < listing->count; i++)
		entry->shared = entry->shared || (i != index && span_equal(listing->entries[i].uid, entry->uid));
}

static void compare(struct ledger *ledger, struct ledger_listing *listing)
{
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link)
		known->listed = false;
	for (size_t i = 0; i < listing->count; i++)
		compare_entry(ledger, listing, i);
	TAILQ_FOREACH (known, &ledger->known, link)
		known->missing = known->listed ? false : known->missing || listing->complete;
	listing->mailbox = 1;
}

static void apply_begin(struct ledger *ledger, struct write *write)
{
	struct known *known = find(ledger, write->id);

	if (known != NULL) {
		known_begin(known, write->begun);
		return;
	}
	TAILQ_INSERT_TAIL(&ledger->known, write->begun, link);
	write->begun = NULL;
}

static void answer_duplicates(const struct ledger *ledger, const struct write *write)
{
	bool *duplicate = mem_array(write->recipients.count, sizeof(*duplicate));

	for (size_t i = 0; i < write->recipients.count; i++)
		duplicate[i] = fake_seen_has(&ledger->seen, write->mailbox, strbuf_span(&write->message_id),
		                             write->recipients.items[i], write->now_s);
	if (write->found != NULL)
		write->found(write->ctx, duplicate, write->recipients.count);
	free(duplicate);
}

static void apply(struct ledger *ledger, struct write *write)
{
	enum ledger_state state;

	switch (write->kind) {
	case REQUEST_BEGIN:
		apply_begin(ledger, write);
		if (write->told != NULL)
			write->told(write->ctx, write->id);
		break;
	case REQUEST_VERDICT:
		known_verdict(find(ledger, write->id), &write->verdict, &ledger->seen);
		break;
	case REQUEST_END:
		state = known_end(find(ledger, write->id), write->now_s);
		if (write->done != NULL)
			write->done(write->ctx, write->id, state);
		break;
	case REQUEST_DELETED:
		find(ledger, write->id)->state = LEDGER_STATE_DELETED;
		break;
	case REQUEST_DUPLICATES:
		answer_duplicates(ledger, write);
		break;
	case REQUEST_COMPARE:
		compare(ledger, write->listing);
		if (write->compared != NULL)
			write->compared(write->ctx, write->listing);
		else
			ledger_listing_free(&write->listing);
		break;
	}
}

static void write_free(struct write *write)
{
	known_free(write->begun);
	free(write->recipient);
	free(write->reply);
	strbuf_free(&write->message_id);
	strlist_free(&write->recipients);
	free(write);
}

static struct write *next_ready(struct ledger *ledger)
{
	struct write *write;

	TAILQ_FOREACH (write, &ledger->queue, link) {
		if (!ledger->held || (write->kind == REQUEST_COMPARE && !ledger->holds_all))
			return write;
		if (ledger->released > 0) {
			ledger->released--;
			return write;
		}
	}
	return NULL;
}

static void turn(void *ctx)
{
	struct ledger *ledger = ctx;
	struct write *write;

	while ((write = next_ready(ledger)) != NULL) {
		TAILQ_REMOVE(&ledger->queue, write, link);
		apply(ledger, write);
		write_free(write);
	}
}

static struct write *request(struct ledger *ledger, enum request_kind kind, int64_t id)
{
	struct write *write = mem_alloc(sizeof(*write));

	write->kind = kind;
	write->id = id;
	TAILQ_INSERT_TAIL(&ledger->queue, write, link);
	timer_arm(ledger->turn, 0);
	return write;
}

void ledger_compare(struct ledger *ledger, const struct ledger_mailbox *mailbox, struct ledger_listing *take_listing,
                    ledger_compared_fn *compared, void *ctx)
{
	struct write *write = request(ledger, REQUEST_COMPARE, 0);

	(void)mailbox;
	write->listing = take_listing;
	write->compared = compared;
	write->ctx = ctx;
}

void ledger_forget_callbacks(struct ledger *ledger, void *ctx)
{
	struct write *write;

	TAILQ_FOREACH (write, &ledger->queue, link) {
		if (write->ctx == ctx) {
			write->told = NULL;
			write->done = NULL;
			write->compared = NULL;
			write->found = NULL;
		}
	}
}

int64_t ledger_begin(struct ledger *ledger, const struct ledger_begin *begin)
{
	struct write *write = request(ledger, REQUEST_BEGIN, begin->id != 0 ? begin->id : ledger->next_id++);

	write->begun = known_new(begin, write->id);
	write->told = begin->begun;
	write->ctx = begin->ctx;
	return write->id;
}

void ledger_record_verdict(struct ledger *ledger, int64_t id, const struct ledger_verdict *verdict)
{
	struct write *write = request(ledger, REQUEST_VERDICT, id);

	write->verdict = *verdict;
	write->verdict.recipient = write->recipient = mem_strdup(verdict->recipient);
	write->verdict.reply = write->reply = verdict->reply != NULL ? mem_strdup(verdict->reply) : NULL;
}

void ledger_find_duplicates(struct ledger *ledger, const struct ledger_duplicates *wanted)
{
	struct write *write = request(ledger, REQUEST_DUPLICATES, 0);

	write->mailbox = wanted->mailbox;
	strbuf_add_span(&write->message_id, wanted->message_id);
	for (size_t i = 0; i < wanted->recipient_count; i++)
		strlist_add(&write->recipients, wanted->recipients[i]);
	write->now_s = wanted->now_s;
	write->found = wanted->found;
	write->ctx = wanted->ctx;
}

void ledger_end(struct ledger *ledger, int64_t id, int64_t now_s, ledger_done_fn *done, void *ctx)
{
	struct write *write = request(ledger, REQUEST_END, id);

	write->now_s = now_s;
	write->done = done;
	write->ctx = ctx;
}

void ledger_deleted(struct ledger *ledger, const int64_t *ids, size_t count, int64_t now_s)
{
	(void)now_s;
	for (size_t i = 0; i < count; i++)
		request(ledger, REQUEST_DELETED, ids[i]);
}

/* --- the script's side --- */

struct ledger *fake_ledger_new(struct loop *loop)
{
	struct ledger *ledger = mem_alloc(sizeof(*ledger));

	TAILQ_INIT(&ledger->known);
	TAILQ_INIT(&ledger->queue);
	ledger->next_id = 1;
	ledger->turn = timer_new(loop, turn, ledger);
	return ledger;
}

void fake_ledger_crash(struct ledger **ledger)
{
	struct write *write;

	while ((write = TAILQ_FIRST(&(*ledger)->queue)) != NULL) {
		TAILQ_REMOVE(&(*ledger)->queue, write, link);
		ledger_listing_free(&write->listing);
		write_free(write);
	}
}

/* Here all that is to be done is done by timers. */
bool fake_ledger_wait(struct ledger *ledger)
{
	(void)ledger;
	return false;
}

void fake_ledger_free(struct ledger **pointer)
{
	struct ledger *ledger = *pointer;
	struct known *known;

	*pointer = NULL;
	fake_ledger_crash(&ledger);
	while ((known = TAILQ_FIRST(&ledger->known)) != NULL) {
		TAILQ_REMOVE(&ledger->known, known, link);
		known_free(known);
	}
	fake_seen_free(&ledger->seen);
	timer_free(&ledger->turn);
	free(ledger);
}

void fake_ledger_hold(struct ledger *ledger, bool held)
{
	ledger->held = held;
	ledger->holds_all = false;
	ledger->released = 0;
	timer_arm(ledger->turn, 0);
}

void fake_ledger_hold_all(struct ledger *ledger)
{
	ledger->held = ledger->holds_all = true;
}

void fake_ledger_commit(struct ledger *ledger, size_t count)
{
	ledger->released += count;
	timer_arm(ledger->turn, 0);
}

void fake_ledger_describe(const struct ledger *ledger)
{
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link)
		known_describe(known);
}
