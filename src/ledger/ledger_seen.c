/* SPDX-License-Identifier: ISC
 *
 * Who was delivered which Message-ID, for a while: what `duplicates` is
 * decided on. The pairs of a message are written with its verdicts, in one
 * commit.
 */
#include "ledger_private.h"

#include "multidropd/clock.h"

/* A line of a header (RFC 5322 2.1.1). Whoever sends a longer one is not spared his doubles; cut, two could be alike.
 */
#define MESSAGE_ID_MAX 998
/* None is remembered for longer. What expires later than this was written by a clock that has been set back since:
 * it counts as expired, or it would be a duplicate for years. */
#define REMEMBER_MAX_S ((int64_t)400 * 86400)
/* Each pair that is added may drop two, so that there are never many more than what is remembered. */
#define DROPS_FOR_EACH 2

void ledger_seen_name(struct ledger_request *request, struct span message_id, int64_t remember_s)
{
	if (message_id.len == 0 || message_id.len > MESSAGE_ID_MAX)
		return;
	strbuf_add_span(&request->message_id, message_id);
	request->remember_s = remember_s < REMEMBER_MAX_S ? remember_s : REMEMBER_MAX_S;
}

int ledger_seen_drop(struct ledger_db *db, int64_t mailbox, int64_t now_s, size_t most)
{
	sqlite3_stmt *drop = ledger_db_statement(db, LEDGER_SQL_SEEN_DROP);

	ledger_db_bind_int(db, drop, 1, mailbox);
	ledger_db_bind_int(db, drop, 2, now_s);
	ledger_db_bind_int(db, drop, 3, (int64_t)most);
	return ledger_db_run(db, drop);
}

static int write_pair(struct ledger_db *db, const struct ledger_message *message,
                      const struct ledger_recipient *recipient)
{
	sqlite3_stmt *put = ledger_db_statement(db, LEDGER_SQL_SEEN_PUT);

	ledger_db_bind_int(db, put, 1, message->mailbox);
	ledger_db_bind_blob(db, put, 2, strbuf_span(&message->message_id));
	ledger_db_bind_text(db, put, 3, recipient->address);
	ledger_db_bind_int(db, put, 4, recipient->seen_until_s);
	return ledger_db_run(db, put);
}

int ledger_seen_write(struct ledger_db *db, const struct ledger_message *message)
{
	size_t written = 0;

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (message->recipients[i].seen_until_s == 0)
			continue;
		if (write_pair(db, message, &message->recipients[i]) != 0)
			return -1;
		written++;
	}
	if (written == 0)
		return 0;
	return ledger_seen_drop(db, message->mailbox, clock_wall_s(), DROPS_FOR_EACH * written);
}

static int find_pair(struct ledger_db *db, const struct ledger_request *request, const char *recipient)
{
	sqlite3_stmt *row = ledger_db_statement(db, LEDGER_SQL_SEEN_FIND);
	int step;

	ledger_db_bind_int(db, row, 1, request->mailbox);
	ledger_db_bind_blob(db, row, 2, strbuf_span(&request->message_id));
	ledger_db_bind_text(db, row, 3, recipient);
	ledger_db_bind_int(db, row, 4, request->now_s + 1);
	ledger_db_bind_int(db, row, 5, request->now_s + REMEMBER_MAX_S);
	step = ledger_db_step(db, row);
	sqlite3_reset(row);
	return step;
}

int ledger_seen_find(struct ledger_db *db, struct ledger_request *request)
{
	int found;

	if (request->message_id.len == 0)
		return 0;
	for (size_t i = 0; i < request->recipients.count; i++) {
		found = find_pair(db, request, request->recipients.items[i]);
		if (found < 0)
			return -1;
		request->duplicate[i] = found > 0;
	}
	return 0;
}
