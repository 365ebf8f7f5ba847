/* SPDX-License-Identifier: ISC
 *
 * ledger.h in memory: a list of messages, and a queue of what is not
 * committed yet.
 */
#include "fake_ledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "journal.h"
#include "multidropd/mem.h"
#include "script.h"

struct known_recipient {
	char *address;
	bool settled, refused;
	int64_t due_s;
	unsigned attempts;
};

struct known {
	int64_t id;
	char *uid;
	size_t uid_len;
	uint8_t hash[LEDGER_HASH_LEN];
	enum ledger_state state;
	bool under_way;
	struct known_recipient *recipients;
	size_t recipient_count, recipient_capacity;
	TAILQ_ENTRY(known) link;
};

enum request_kind { REQUEST_COMPARE, REQUEST_BEGIN, REQUEST_VERDICT, REQUEST_END, REQUEST_DELETED };

struct write {
	enum request_kind kind;
	int64_t id;
	struct known *begun; /* owned until committed */
	char *recipient;
	enum ledger_outcome outcome;
	int64_t due_s;
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
};

static void known_free(struct known *known)
{
	for (size_t i = 0; known != NULL && i < known->recipient_count; i++)
		free(known->recipients[i].address);
	if (known != NULL) {
		free(known->recipients);
		free(known->uid);
	}
	free(known);
}

static struct known *find(const struct ledger *ledger, int64_t id)
{
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link) {
		if (known->id == id)
			return known;
	}
	return NULL;
}

static struct known_recipient *find_recipient(struct known *known, const char *address)
{
	for (size_t i = 0; i < known->recipient_count; i++) {
		if (strcmp(known->recipients[i].address, address) == 0)
			return &known->recipients[i];
	}
	known->recipients = mem_grow(known->recipients, &known->recipient_capacity, known->recipient_count + 1,
	                             sizeof(*known->recipients));
	known->recipients[known->recipient_count] = (struct known_recipient){ .address = mem_strdup(address) };
	return &known->recipients[known->recipient_count++];
}

/* --- comparison --- */

static void add_record(struct ledger_entry *entry, struct known *known)
{
	struct ledger_record *record;

	entry->records = realloc(entry->records, (entry->record_count + 1) * sizeof(*entry->records));
	record = &entry->records[entry->record_count++];
	*record = (struct ledger_record){
		.id = known->id, .has_hash = true, .state = known->state, .under_way = known->under_way
	};
	memcpy(record->hash, known->hash, sizeof(record->hash));
	record->owed = mem_array(known->recipient_count, sizeof(*record->owed));
	for (size_t i = 0; i < known->recipient_count; i++) {
		struct known_recipient *from = &known->recipients[i];

		if (!from->settled && !from->refused)
			record->owed[record->owed_count++] = (struct ledger_owed){
				.recipient = mem_strdup(from->address), .due_s = from->due_s, .attempts = from->attempts
			};
	}
}

static void compare_entry(struct ledger *ledger, struct ledger_listing *listing, size_t index)
{
	struct ledger_entry *entry = &listing->entries[index];
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link) {
		if (known->uid_len == entry->uid.len && memcmp(known->uid, entry->uid.data, entry->uid.len) == 0)
			add_record(entry, known);
	}
	for (size_t i = 0; i < listing->count; i++)
		entry->shared = entry->shared || (i != index && span_equal(listing->entries[i].uid, entry->uid));
}

/* --- writes --- */

static void apply_begin(struct ledger *ledger, struct write *write)
{
	struct known *known = find(ledger, write->id);

	if (known != NULL) {
		known->under_way = true;
		return;
	}
	TAILQ_INSERT_TAIL(&ledger->known, write->begun, link);
	write->begun = NULL;
}

static void apply_verdict(struct ledger *ledger, const struct write *write)
{
	struct known_recipient *recipient = find_recipient(find(ledger, write->id), write->recipient);

	recipient->settled = write->outcome == LEDGER_DELIVERED;
	recipient->refused = write->outcome == LEDGER_REFUSED;
	recipient->due_s = write->due_s;
	recipient->attempts++;
}

static enum ledger_state apply_end(struct ledger *ledger, const struct write *write)
{
	struct known *known = find(ledger, write->id);
	bool owed = false, refused = false;

	for (size_t i = 0; i < known->recipient_count; i++) {
		owed = owed || (!known->recipients[i].settled && !known->recipients[i].refused);
		refused = refused || known->recipients[i].refused;
	}
	known->under_way = false;
	known->state = owed ? LEDGER_STATE_OWED : refused ? LEDGER_STATE_REFUSED : LEDGER_STATE_SETTLED;
	return known->state;
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
		apply_verdict(ledger, write);
		break;
	case REQUEST_END:
		state = apply_end(ledger, write);
		if (write->done != NULL)
			write->done(write->ctx, write->id, state);
		break;
	case REQUEST_DELETED:
		find(ledger, write->id)->state = LEDGER_STATE_DELETED;
		break;
	case REQUEST_COMPARE:
		for (size_t i = 0; i < write->listing->count; i++)
			compare_entry(ledger, write->listing, i);
		write->listing->mailbox = 1;
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
		}
	}
}

int64_t ledger_begin(struct ledger *ledger, const struct ledger_begin *begin)
{
	struct write *write = request(ledger, REQUEST_BEGIN, begin->id != 0 ? begin->id : ledger->next_id++);
	struct known *known = mem_alloc(sizeof(*known));

	known->id = write->id;
	known->uid = mem_strndup(begin->uid.data, begin->uid.len);
	known->uid_len = begin->uid.len;
	memcpy(known->hash, begin->hash, sizeof(known->hash));
	known->under_way = true;
	for (size_t i = 0; i < begin->recipient_count; i++)
		find_recipient(known, begin->recipients[i])->due_s = 0;
	write->begun = known;
	write->told = begin->begun;
	write->ctx = begin->ctx;
	return write->id;
}

void ledger_record_verdict(struct ledger *ledger, int64_t id, const struct ledger_verdict *verdict)
{
	struct write *write = request(ledger, REQUEST_VERDICT, id);

	write->recipient = mem_strdup(verdict->recipient);
	write->outcome = verdict->outcome;
	write->due_s = verdict->due_s;
}

void ledger_end(struct ledger *ledger, int64_t id, int64_t now_s, ledger_done_fn *done, void *ctx)
{
	struct write *write = request(ledger, REQUEST_END, id);

	(void)now_s;
	write->done = done;
	write->ctx = ctx;
}

void ledger_deleted(struct ledger *ledger, const int64_t *ids, size_t count, int64_t now_s)
{
	(void)now_s;
	for (size_t i = 0; i < count; i++)
		request(ledger, REQUEST_DELETED, ids[i]);
}

/* --- listings --- */

struct ledger_listing *ledger_listing_new(void)
{
	return mem_alloc(sizeof(struct ledger_listing));
}

void ledger_listing_add(struct ledger_listing *listing, uint32_t number, struct span uid, uint64_t size)
{
	listing->entries =
		mem_grow(listing->entries, &listing->capacity, listing->count + 1, sizeof(*listing->entries));
	listing->entries[listing->count++] = (struct ledger_entry){
		.number = number, .uid = span_make(mem_strndup(uid.data, uid.len), uid.len), .size = size
	};
}

static void record_free(struct ledger_record *record)
{
	for (size_t i = 0; i < record->owed_count; i++)
		free(record->owed[i].recipient);
	free(record->owed);
}

void ledger_listing_free(struct ledger_listing **pointer)
{
	struct ledger_listing *listing = *pointer;

	*pointer = NULL;
	for (size_t i = 0; listing != NULL && i < listing->count; i++) {
		for (size_t j = 0; j < listing->entries[i].record_count; j++)
			record_free(&listing->entries[i].records[j]);
		free(listing->entries[i].records);
		free((char *)(uintptr_t)listing->entries[i].uid.data);
	}
	if (listing != NULL)
		free(listing->entries);
	free(listing);
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

void fake_ledger_crash(struct ledger *ledger)
{
	struct write *write;

	while ((write = TAILQ_FIRST(&ledger->queue)) != NULL) {
		TAILQ_REMOVE(&ledger->queue, write, link);
		ledger_listing_free(&write->listing);
		write_free(write);
	}
}

void fake_ledger_free(struct ledger **pointer)
{
	struct ledger *ledger = *pointer;
	struct known *known;

	*pointer = NULL;
	fake_ledger_crash(ledger);
	while ((known = TAILQ_FIRST(&ledger->known)) != NULL) {
		TAILQ_REMOVE(&ledger->known, known, link);
		known_free(known);
	}
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
	static const char *const states[] = { "owed", "settled", "deleted", "refused" };
	struct known *known;

	TAILQ_FOREACH (known, &ledger->known, link) {
		struct strbuf settled = { 0 }, owed = { 0 };

		for (size_t i = 0; i < known->recipient_count; i++) {
			const struct known_recipient *recipient = &known->recipients[i];

			strbuf_addf(recipient->settled || recipient->refused ? &settled : &owed, " %s%s",
			            recipient->refused ? "!" : "", recipient->address);
		}
		journal_add("%.*s %s has:%s owed:%s%s", (int)known->uid_len, known->uid, states[known->state],
		            strbuf_str(&settled), strbuf_str(&owed), known->under_way ? " under way" : "");
		strbuf_free(&settled);
		strbuf_free(&owed);
	}
}
