/* SPDX-License-Identifier: ISC
 *
 * A listing against the rows of its mailbox: both in the order of the UIDs'
 * bytes, one pass over each. What the pass finds out is written after it, and
 * nothing is written for a message that is where it was.
 */
#include "ledger_private.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/mem.h"

#define DAY_S 86400
#define KEEP_GONE_S ((int64_t)30 * DAY_S)
#define KEEP_DELETED_S ((int64_t)3 * DAY_S)
/* Times in the future by more than this were written by a clock that has been set back since. */
#define CLOCK_STEP_S 600
/* Message-ID pairs that a comparison drops: each delivery drops some as well, so this is for quiet mailboxes. */
#define SEEN_DROP_MAX 1000

struct id_list {
	int64_t *items;
	size_t count, capacity;
};

struct comparison {
	struct ledger_db *db;
	struct ledger_listing *listing;
	struct ledger_entry **order; /* the entries, by UID */
	size_t next;                 /* in order: nothing before it has a UID that a further row can have */
	int64_t now_s;
	struct id_list back, gone, dropped;
};

static void id_add(struct id_list *list, int64_t id)
{
	list->items = mem_grow(list->items, &list->capacity, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = id;
}

/* SQLite's order of BLOBs. */
static int compare_uids(struct span a, struct span b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_entries(const void *a, const void *b)
{
	const struct ledger_entry *left = *(struct ledger_entry *const *)a;
	const struct ledger_entry *right = *(struct ledger_entry *const *)b;

	return compare_uids(left->uid, right->uid);
}

/* Gives the UIDs their place, now that the bytes no longer move, and marks those that stand there twice. */
static struct ledger_entry **sort_entries(struct ledger_listing *listing)
{
	struct ledger_entry **order = mem_array(listing->count, sizeof(struct ledger_entry *));
	size_t offset = 0;

	for (size_t i = 0; i < listing->count; i++) {
		listing->entries[i].uid.data = listing->bytes + offset;
		offset += listing->entries[i].uid.len;
		order[i] = &listing->entries[i];
	}
	qsort(order, listing->count, sizeof(struct ledger_entry *), compare_entries);
	for (size_t i = 1; i < listing->count; i++) {
		if (compare_entries(&order[i - 1], &order[i]) == 0)
			order[i - 1]->shared = order[i]->shared = true;
	}
	return order;
}

static void clear_records(struct ledger_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		ledger_entry_clear(&listing->entries[i]);
}

static int find_mailbox(struct ledger_db *db, const struct ledger_request *request, enum ledger_statement which,
                        int64_t *mailbox)
{
	sqlite3_stmt *row = ledger_db_statement(db, which);
	int step;

	ledger_db_bind_text(db, row, 1, request->account);
	ledger_db_bind_text(db, row, 2, request->server);
	ledger_db_bind_text(db, row, 3, request->user);
	step = ledger_db_step(db, row);
	if (step > 0) {
		*mailbox = sqlite3_column_int64(row, 0);
		sqlite3_reset(row);
	}
	return step;
}

static int find_or_add_mailbox(struct ledger_db *db, struct ledger_request *request)
{
	int step = find_mailbox(db, request, LEDGER_SQL_MAILBOX_FIND, &request->listing->mailbox);

	if (step == 0)
		step = find_mailbox(db, request, LEDGER_SQL_MAILBOX_ADD, &request->listing->mailbox);
	return step > 0 ? 0 : -1;
}

static void record_add_owed(struct ledger_record *record, const struct ledger_recipient *recipient, int64_t now_s)
{
	struct ledger_owed *owed;

	/* Recipients are few (1,000 at most) and records with several rarer still: grown one by one. */
	record->owed = mem_realloc(record->owed, (record->owed_count + 1) * sizeof(*record->owed));
	owed = &record->owed[record->owed_count++];
	*owed = (struct ledger_owed){
		.recipient = mem_strdup(recipient->address),
		.owes = recipient->owes,
		.refusal = recipient->refusal != NULL ? mem_strdup(recipient->refusal) : NULL,
		.due_s = recipient->tried_s > now_s + CLOCK_STEP_S ? now_s : recipient->due_s,
		.first_deferred_s = recipient->first_deferred_s < now_s ? recipient->first_deferred_s : now_s,
		.attempts = recipient->attempts,
	};
}

static void record_add_all_owed(struct ledger_record *record, const struct ledger_message *message, int64_t now_s)
{
	const struct ledger_recipient *recipient;

	for (size_t i = 0; i < message->recipient_count; i++) {
		recipient = &message->recipients[i];
		if (recipient->state == LEDGER_RECIPIENT_OWED)
			record_add_owed(record, recipient, now_s);
	}
}

/* Recipients matter only while somebody is owed; the others' rows are for the administrator. */
static int add_record(struct comparison *comparison, struct ledger_entry *entry, sqlite3_stmt *row)
{
	struct ledger_message message = { .id = sqlite3_column_int64(row, 0) };
	struct ledger_record *record;
	const void *hash = sqlite3_column_blob(row, 2);
	int64_t settled_s = sqlite3_column_int64(row, 6);
	int failed = 0;

	entry->records = mem_realloc(entry->records, (entry->record_count + 1) * sizeof(*entry->records));
	record = &entry->records[entry->record_count++];
	*record = (struct ledger_record){ .id = message.id,
		                          .state = ledger_state_of((const char *)sqlite3_column_text(row, 3)),
		                          .returned = sqlite3_column_type(row, 5) != SQLITE_NULL,
		                          .under_way = sqlite3_column_int64(row, 4) != 0,
		                          .settled_s = settled_s < comparison->now_s ? settled_s : comparison->now_s };
	record->has_hash = hash != NULL && sqlite3_column_bytes(row, 2) == LEDGER_HASH_LEN;
	if (record->has_hash)
		memcpy(record->hash, hash, LEDGER_HASH_LEN);
	if (record->state == LEDGER_STATE_OWED) {
		failed = ledger_message_load_recipients(comparison->db, &message);
		record_add_all_owed(record, &message, comparison->now_s);
		ledger_message_clear(&message);
	}
	return failed;
}

static void note_missing(struct comparison *comparison, sqlite3_stmt *row)
{
	int64_t id = sqlite3_column_int64(row, 0);
	int64_t gone_since_s = sqlite3_column_int64(row, 5);
	enum ledger_state state = ledger_state_of((const char *)sqlite3_column_text(row, 3));
	int64_t keep_s = state == LEDGER_STATE_DELETED ? KEEP_DELETED_S : KEEP_GONE_S;

	if (!comparison->listing->complete)
		return;
	if (gone_since_s == 0 || gone_since_s > comparison->now_s + CLOCK_STEP_S)
		id_add(&comparison->gone, id);
	else if (comparison->now_s - gone_since_s > keep_s)
		id_add(&comparison->dropped, id);
}

/* One UID may stand in the listing more than once (RFC 1939 7): each entry gets the row. */
static int take_row(struct comparison *comparison, sqlite3_stmt *row)
{
	struct span uid = span_make(sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
	struct ledger_entry **order = comparison->order;
	size_t count = comparison->listing->count;
	size_t at;

	while (comparison->next < count && compare_uids(order[comparison->next]->uid, uid) < 0)
		comparison->next++;
	at = comparison->next;
	if (at == count || compare_uids(order[at]->uid, uid) != 0) {
		note_missing(comparison, row);
		return 0;
	}
	if (sqlite3_column_type(row, 5) != SQLITE_NULL)
		id_add(&comparison->back, sqlite3_column_int64(row, 0));
	for (; at < count && compare_uids(order[at]->uid, uid) == 0; at++) {
		if (add_record(comparison, order[at], row) != 0)
			return -1;
	}
	return 0;
}

static int scan_rows(struct comparison *comparison)
{
	sqlite3_stmt *row = ledger_db_statement(comparison->db, LEDGER_SQL_MESSAGE_SCAN);
	int step;

	ledger_db_bind_int(comparison->db, row, 1, comparison->listing->mailbox);
	while ((step = ledger_db_step(comparison->db, row)) > 0) {
		if (take_row(comparison, row) != 0)
			break;
	}
	sqlite3_reset(row);
	return step == 0 ? 0 : -1;
}

static int write_findings(const struct comparison *comparison)
{
	int failed = 0;

	for (size_t i = 0; i < comparison->back.count && !failed; i++)
		failed = ledger_write_gone(comparison->db, comparison->back.items[i], 0);
	for (size_t i = 0; i < comparison->gone.count && !failed; i++)
		failed = ledger_write_gone(comparison->db, comparison->gone.items[i], comparison->now_s);
	for (size_t i = 0; i < comparison->dropped.count && !failed; i++)
		failed = ledger_write_drop(comparison->db, comparison->dropped.items[i]);
	return failed;
}

int ledger_run_compare(struct ledger_db *db, struct ledger_request *request)
{
	struct comparison comparison = { .db = db, .listing = request->listing, .now_s = clock_wall_s() };
	int failed;

	/* A commit that failed may have filled them. */
	clear_records(request->listing);
	if (find_or_add_mailbox(db, request) != 0)
		return -1;
	comparison.order = sort_entries(request->listing);
	failed = scan_rows(&comparison) != 0 || write_findings(&comparison) != 0 ||
	         ledger_seen_drop(db, request->listing->mailbox, comparison.now_s, SEEN_DROP_MAX) != 0;
	free(comparison.order);
	free(comparison.back.items);
	free(comparison.gone.items);
	free(comparison.dropped.items);
	return failed ? -1 : 0;
}
