/* SPDX-License-Identifier: ISC
 *
 * What is to be done with each message of a listing, and the decision whether
 * a message may be deleted.
 */
#include "collector_private.h"

#include <stdlib.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

static void entry_queue_add(struct entry_queue *queue, struct ledger_entry *entry, enum fetch_way way)
{
	queue->items = mem_grow(queue->items, &queue->capacity, queue->count + 1, sizeof(*queue->items));
	queue->items[queue->count++] = (struct wanted){ .entry = entry, .way = way };
}

static bool is_oversize(const struct collector *collector, const struct ledger_entry *entry)
{
	return oversize_applies(collector->params.account->config, entry);
}

/* Too large, and its header is not to be had, or of no interest. The relay is needed where the postmaster is told. */
static void plan_unread(struct collector *collector, struct ledger_entry *entry, const struct ledger_record *record)
{
	const struct config_account *account = collector->params.account->config;
	bool telling = record != NULL ? account->oversize != CONFIG_OVERSIZE_KEEP && record->owed_count > 0
	                              : oversize_tells(account);

	entry_queue_add(telling ? &collector->fetch : &collector->leave, entry, FETCH_NOTHING);
}

static bool wants_body(const struct ledger_record *record)
{
	for (size_t i = 0; i < record->owed_count; i++) {
		if (!form_is_bodiless(record->owed[i].owes))
			return true;
	}
	return false;
}

static void plan_due(struct collector *collector, struct ledger_entry *entry, const struct ledger_record *record)
{
	if (!is_oversize(collector, entry) || wants_body(record))
		entry_queue_add(&collector->fetch, entry, FETCH_WHOLE);
	else if (!record->has_hash)
		plan_unread(collector, entry, record);
	else
		entry_queue_add(&collector->fetch, entry,
		                collector->has_top || oversize_was(record) ? FETCH_HEADER : FETCH_WHOLE);
}

static void note_owed(struct collector *collector, int64_t due_s)
{
	collector->result.owed = true;
	if (due_s < collector->result.due_s)
		collector->result.due_s = due_s;
}

static void plan_owed(struct collector *collector, struct ledger_entry *entry, const struct ledger_record *record)
{
	int64_t now = clock_wall_s();
	/* Owed to nobody: the last verdict was committed and the end was not. What was too large waits for nobody. */
	bool due = collector->params.all_due || record->owed_count == 0 ||
	           (oversize_was(record) && !is_oversize(collector, entry));

	for (size_t i = 0; i < record->owed_count; i++)
		due = due || record->owed[i].due_s <= now;
	if (due) {
		plan_due(collector, entry, record);
		return;
	}
	for (size_t i = 0; i < record->owed_count; i++)
		note_owed(collector, record->owed[i].due_s);
}

/* Settled at `settled_s`; whether it stays for longer. */
static bool is_kept(const struct collector *collector, int64_t settled_s)
{
	const struct config_account *account = collector->params.account->config;

	return account->keep && (account->delete_after_s == 0 || clock_wall_s() - settled_s < account->delete_after_s);
}

/* The only DELE in the program: `ledger_id` is known to be settled in durable state, since `settled_s`. */
static void delete_from_server(struct collector *collector, const struct ledger_entry *entry, int64_t ledger_id,
                               int64_t settled_s)
{
	if (collector->session == NULL)
		return;
	if (is_kept(collector, settled_s)) {
		collector->leaves_something = true;
		return;
	}
	collector->deletions = mem_grow(collector->deletions, &collector->deletion_capacity,
	                                collector->deletion_count + 1, sizeof(*collector->deletions));
	collector->deletions[collector->deletion_count++] = ledger_id;
	pop3_dele(collector->session, entry->number);
}

/* The message is this record: its UID is alone, or its header has been compared. */
static void plan_record(struct collector *collector, struct ledger_entry *entry, const struct ledger_record *record)
{
	switch (record->state) {
	case LEDGER_STATE_OWED:
		plan_owed(collector, entry, record);
		break;
	case LEDGER_STATE_SETTLED:
	case LEDGER_STATE_DELETED:
		delete_from_server(collector, entry, record->id, record->settled_s);
		break;
	case LEDGER_STATE_OVERSIZE:
		if (!is_oversize(collector, entry))
			entry_queue_add(&collector->fetch, entry, FETCH_WHOLE);
		break;
	case LEDGER_STATE_REFUSED:
		break;
	}
}

static bool is_settled(const struct ledger_record *record)
{
	return record->state == LEDGER_STATE_SETTLED || record->state == LEDGER_STATE_DELETED;
}

/*
 * What an earlier session settled goes only when the header, too, is the same:
 * a server may have given the UID to another message since. One that comes
 * back after it was deleted is looked at even where mail is kept.
 */
static bool is_known_by_uid(const struct collector *collector, const struct ledger_entry *entry)
{
	const struct ledger_record *record = entry->records;

	if (entry->record_count != 1 || entry->shared || record->returned)
		return false;
	return !is_kept(collector, record->settled_s) ? !is_settled(record) : record->state != LEDGER_STATE_DELETED;
}

static bool has_hash(const struct ledger_entry *entry)
{
	for (size_t i = 0; i < entry->record_count; i++) {
		if (entry->records[i].has_hash)
			return true;
	}
	return false;
}

/* Given up for its size, and still there: without a hash the UID has to do. */
static const struct ledger_record *given_up(const struct ledger_entry *entry)
{
	for (size_t i = 0; i < entry->record_count; i++) {
		if (!entry->records[i].has_hash && entry->records[i].state == LEDGER_STATE_SETTLED)
			return &entry->records[i];
	}
	return NULL;
}

/* None of the records is this message's. */
static void plan_new(struct collector *collector, struct ledger_entry *entry)
{
	const struct config_account *account = collector->params.account->config;
	const struct ledger_record *record = given_up(entry);

	if (!is_oversize(collector, entry))
		entry_queue_add(&collector->fetch, entry, FETCH_WHOLE);
	else if (oversize_tells(account) && collector->has_top)
		entry_queue_add(&collector->fetch, entry, FETCH_HEADER);
	else if (account->oversize == CONFIG_OVERSIZE_DELETE && record != NULL)
		delete_from_server(collector, entry, record->id, record->settled_s);
	else
		plan_unread(collector, entry, NULL);
}

/* Its header is none of those that are known. */
static void plan_unknown(struct collector *collector, struct ledger_entry *entry)
{
	const struct ledger_record *record = oversize_unread_record(entry);

	if (record != NULL)
		plan_record(collector, entry, record);
	else
		plan_new(collector, entry);
}

static void plan_entry(struct collector *collector, struct ledger_entry *entry)
{
	if (is_known_by_uid(collector, entry))
		plan_record(collector, entry, &entry->records[0]);
	else if (!has_hash(entry))
		plan_unknown(collector, entry);
	else if (collector->has_top)
		entry_queue_add(&collector->identify, entry, FETCH_HEADER);
	else
		collector_unidentified(collector, entry);
}

static int by_size(const void *a, const void *b)
{
	const struct ledger_entry *one = ((const struct wanted *)a)->entry;
	const struct ledger_entry *other = ((const struct wanted *)b)->entry;

	if (one->size != other->size)
		return one->size < other->size ? -1 : 1;
	return one->number < other->number ? -1 : one->number > other->number;
}

static int by_number(const void *a, const void *b)
{
	const struct ledger_entry *one = ((const struct wanted *)a)->entry;
	const struct ledger_entry *other = ((const struct wanted *)b)->entry;

	return one->number < other->number ? -1 : one->number > other->number;
}

/* What is left comes in the next polls. What is identified first and fetched then is not counted: it is known. */
static void limit_fetch(struct collector *collector)
{
	size_t most = collector->params.account->config->max_messages;

	if (most == 0 || collector->fetch.count <= most)
		return;
	log_info("account=%s: %zu messages are left for the next poll (max_messages)",
	         collector->params.account->config->name, collector->fetch.count - most);
	collector->fetch.count = most;
	collector->leaves_something = true;
}

void collector_plan(struct collector *collector)
{
	struct ledger_listing *listing = collector->listing;
	bool smallest = collector->params.account->config->order == CONFIG_ORDER_SMALLEST;

	for (size_t i = 0; i < listing->count; i++)
		plan_entry(collector, &listing->entries[i]);
	if (collector->fetch.count > 0)
		qsort(collector->fetch.items, collector->fetch.count, sizeof(*collector->fetch.items),
		      smallest ? by_size : by_number);
	limit_fetch(collector);
	log_info("account=%s messages=%zu to_fetch=%zu to_identify=%zu", collector->params.account->config->name,
	         listing->count, collector->fetch.count, collector->identify.count);
}

void collector_unidentified(struct collector *collector, struct ledger_entry *entry)
{
	if (oversize_unread_record(entry) != NULL)
		plan_unknown(collector, entry);
	else
		entry_queue_add(&collector->fetch, entry, FETCH_WHOLE);
}

void collector_identified(struct collector *collector, struct ledger_entry *entry, const uint8_t hash[LEDGER_HASH_LEN])
{
	const struct ledger_record *record = message_record(entry, hash);

	if (record == NULL)
		plan_unknown(collector, entry);
	else
		plan_record(collector, entry, record);
}

void collector_settle(struct collector *collector, struct message *message)
{
	switch (message->fate) {
	case MESSAGE_SETTLED:
		delete_from_server(collector, message->entry, message->ledger_id, message->settled_s);
		return;
	case MESSAGE_OWED:
		note_owed(collector, message->due_s);
		break;
	case MESSAGE_DROPPED:
		note_owed(collector, INT64_MAX);
		break;
	case MESSAGE_KEPT:
	case MESSAGE_UNDECIDED:
		break;
	}
	if (message->retrs > 0)
		collector->leaves_something = true;
}
