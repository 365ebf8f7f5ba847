/* SPDX-License-Identifier: ISC
 *
 * Messages between memory and rows. Every write gives absolute values, so
 * that a commit of unknown outcome can be done again.
 */
#include "ledger_private.h"

#include "multidropd/mem.h"

static const char *const recipient_words[] = {
	[LEDGER_RECIPIENT_OWED] = "owed",
	[LEDGER_RECIPIENT_DELIVERED] = "delivered",
	[LEDGER_RECIPIENT_SETTLED] = "settled",
	[LEDGER_RECIPIENT_REFUSED] = "refused",
};

static const char *const owes_words[] = {
	[LEDGER_OWES_MESSAGE] = "message", [LEDGER_OWES_BOUNCE] = "bounce", [LEDGER_OWES_COPY] = "copy",
	[LEDGER_OWES_NOTICE] = "notice",   [LEDGER_OWES_SIZE] = "size", /* too large: a notice, */
	[LEDGER_OWES_HEADER] = "header",                                /* or its header */
};

static enum ledger_recipient_state recipient_state_of(const char *word)
{
	return (enum ledger_recipient_state)ledger_word_index(word, recipient_words,
	                                                      sizeof(recipient_words) / sizeof(recipient_words[0]));
}

static enum ledger_owes owes_of(const char *word)
{
	return (enum ledger_owes)ledger_word_index(word, owes_words, sizeof(owes_words) / sizeof(owes_words[0]));
}

static const char *text_column(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

/* NULL where the column is. */
static char *dup_column(sqlite3_stmt *row, int column)
{
	const char *text = text_column(row, column);

	return text != NULL ? mem_strdup(text) : NULL;
}

int ledger_message_load_recipients(struct ledger_db *db, struct ledger_message *message)
{
	sqlite3_stmt *row = ledger_db_statement(db, LEDGER_SQL_RECIPIENT_LIST);
	struct ledger_recipient *recipient;
	int step;

	ledger_db_bind_int(db, row, 1, message->id);
	while ((step = ledger_db_step(db, row)) > 0) {
		recipient = ledger_message_add(message, text_column(row, 0));
		recipient->state = recipient_state_of(text_column(row, 1));
		recipient->due_s = sqlite3_column_int64(row, 2);
		recipient->first_deferred_s = sqlite3_column_int64(row, 3);
		recipient->tried_s = sqlite3_column_int64(row, 4);
		recipient->attempts = (unsigned)sqlite3_column_int64(row, 5);
		recipient->reply = dup_column(row, 6);
		recipient->owes = owes_of(text_column(row, 7));
		recipient->refusal = dup_column(row, 8);
	}
	return step;
}

/* Fills what can change or is asked for; the rest of what a row says of itself for good is not read. `stored` says
 * whether there is one. */
int ledger_message_load(struct ledger_db *db, struct ledger_message *message)
{
	sqlite3_stmt *row = ledger_db_statement(db, LEDGER_SQL_MESSAGE_FIND);
	int step;

	ledger_db_bind_int(db, row, 1, message->id);
	step = ledger_db_step(db, row);
	if (step <= 0)
		return step;
	message->stored = true;
	message->state = ledger_state_of(text_column(row, 0));
	message->settled_s = sqlite3_column_int64(row, 1);
	message->under_way = sqlite3_column_int64(row, 2) != 0;
	message->mailbox = sqlite3_column_int64(row, 3);
	sqlite3_reset(row);
	return ledger_message_load_recipients(db, message);
}

static int write_message(struct ledger_db *db, const struct ledger_message *message)
{
	sqlite3_stmt *put =
		ledger_db_statement(db, message->stored ? LEDGER_SQL_MESSAGE_CHANGE : LEDGER_SQL_MESSAGE_PUT);

	ledger_db_bind_int(db, put, 1, message->id);
	ledger_db_bind_text(db, put, 2, ledger_state_word(message->state));
	ledger_db_bind_int(db, put, 3, message->under_way);
	if (message->settled_s != 0)
		ledger_db_bind_int(db, put, 4, message->settled_s);
	if (message->stored)
		return ledger_db_run(db, put);
	ledger_db_bind_int(db, put, 5, message->mailbox);
	ledger_db_bind_blob(db, put, 6, strbuf_span(&message->uid));
	if (message->has_hash)
		ledger_db_bind_blob(db, put, 7, span_make(message->hash, sizeof(message->hash)));
	ledger_db_bind_int(db, put, 8, (int64_t)message->size);
	ledger_db_bind_int(db, put, 9, message->first_seen_s);
	return ledger_db_run(db, put);
}

static int write_recipient(struct ledger_db *db, int64_t message, const struct ledger_recipient *recipient)
{
	sqlite3_stmt *put = ledger_db_statement(db, LEDGER_SQL_RECIPIENT_PUT);

	ledger_db_bind_int(db, put, 1, message);
	ledger_db_bind_text(db, put, 2, recipient->address);
	ledger_db_bind_text(db, put, 3, recipient_words[recipient->state]);
	ledger_db_bind_int(db, put, 4, recipient->due_s);
	ledger_db_bind_int(db, put, 5, recipient->first_deferred_s);
	ledger_db_bind_int(db, put, 6, recipient->tried_s);
	ledger_db_bind_int(db, put, 7, recipient->attempts);
	ledger_db_bind_text(db, put, 8, recipient->reply);
	ledger_db_bind_text(db, put, 9, owes_words[recipient->owes]);
	ledger_db_bind_text(db, put, 10, recipient->refusal);
	return ledger_db_run(db, put);
}

static int drop_recipients(struct ledger_db *db, int64_t message)
{
	sqlite3_stmt *drop = ledger_db_statement(db, LEDGER_SQL_RECIPIENT_DROP);

	ledger_db_bind_int(db, drop, 1, message);
	return ledger_db_run(db, drop);
}

int ledger_message_write(struct ledger_db *db, const struct ledger_message *message)
{
	if (write_message(db, message) != 0 || ledger_seen_write(db, message) != 0)
		return -1;
	if (message->anew && drop_recipients(db, message->id) != 0)
		return -1;
	if (message->state == LEDGER_STATE_SETTLED)
		return message->stored ? drop_recipients(db, message->id) : 0;
	for (size_t i = 0; i < message->recipient_count; i++) {
		if (message->recipients[i].dirty && write_recipient(db, message->id, &message->recipients[i]) != 0)
			return -1;
	}
	return 0;
}

/* Gone from now on: the listing that shows it need not write it again. */
int ledger_write_deleted(struct ledger_db *db, const struct ledger_request *request)
{
	sqlite3_stmt *change;

	for (size_t i = 0; i < request->id_count; i++) {
		change = ledger_db_statement(db, LEDGER_SQL_MESSAGE_DELETED);
		ledger_db_bind_int(db, change, 1, request->ids[i]);
		ledger_db_bind_int(db, change, 2, request->now_s);
		if (ledger_db_run(db, change) != 0)
			return -1;
	}
	return 0;
}

int ledger_write_drop(struct ledger_db *db, int64_t message)
{
	sqlite3_stmt *drop = ledger_db_statement(db, LEDGER_SQL_MESSAGE_DROP);

	ledger_db_bind_int(db, drop, 1, message);
	return ledger_db_run(db, drop) == 0 ? drop_recipients(db, message) : -1;
}

/* gone_since_s 0: it is there. */
int ledger_write_gone(struct ledger_db *db, int64_t message, int64_t gone_since_s)
{
	sqlite3_stmt *change = ledger_db_statement(db, LEDGER_SQL_MESSAGE_GONE);

	ledger_db_bind_int(db, change, 1, message);
	if (gone_since_s != 0)
		ledger_db_bind_int(db, change, 2, gone_since_s);
	return ledger_db_run(db, change);
}
