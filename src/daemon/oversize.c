/* SPDX-License-Identifier: ISC
 *
 * A message over max_size: its body is never retrieved, and `oversize` says
 * who is told. A record without a hash is one whose header was not looked at,
 * either; it counts by its UID alone, and only as long as it is too large.
 */
#include "message.h"

#include "multidropd/clock.h"
#include "multidropd/log.h"

bool oversize_applies(const struct config_account *account, const struct ledger_entry *entry)
{
	return account->max_size > 0 && entry->size > account->max_size;
}

bool oversize_was(const struct ledger_record *record)
{
	if (record->state != LEDGER_STATE_OWED)
		return record->state == LEDGER_STATE_OVERSIZE;
	for (size_t i = 0; i < record->owed_count; i++) {
		if (record->owed[i].owes == LEDGER_OWES_SIZE || record->owed[i].owes == LEDGER_OWES_HEADER)
			return true;
	}
	return !record->has_hash;
}

const struct ledger_record *oversize_unread_record(const struct ledger_entry *entry)
{
	for (size_t i = 0; i < entry->record_count; i++) {
		const struct ledger_record *record = &entry->records[i];

		if (!record->has_hash && oversize_was(record))
			return record;
	}
	return NULL;
}

enum ledger_owes oversize_owes(const struct message *message)
{
	if (!message->header_only)
		return LEDGER_OWES_MESSAGE;
	return message->env->account->config->oversize == CONFIG_OVERSIZE_HEADERS ? LEDGER_OWES_HEADER
	                                                                          : LEDGER_OWES_SIZE;
}

bool oversize_tells(const struct config_account *account)
{
	return account->oversize == CONFIG_OVERSIZE_NOTIFY || account->oversize == CONFIG_OVERSIZE_HEADERS;
}

/* Many servers that have no TOP do not say so before. */
bool oversize_is_unreadable(const struct message *message)
{
	const struct ledger_entry *entry = message->entry;

	if (!message->header_only || message->retrs > 0 || message->refused_envelope)
		return false;
	for (size_t i = 0; i < entry->record_count; i++) {
		if (entry->records[i].state == LEDGER_STATE_OWED)
			return false;
	}
	return true;
}

/* Said when it is decided: the commit and DELE follow. */
static void settle(struct message *message)
{
	enum config_oversize oversize = message->env->account->config->oversize;

	if (oversize == CONFIG_OVERSIZE_KEEP && message->recipient_count > 0) {
		message_log(message, LOG_AT_NOTICE, "skipped",
		            "larger than max_size, stays on the server (oversize = keep)");
		message_refuse_recipient(message, &message->recipients[0]);
	} else if (oversize == CONFIG_OVERSIZE_DELETE && message->record == NULL) {
		message_log(message, LOG_AT_WARNING, "skipped",
		            "larger than max_size, given up undelivered and deleted (oversize = delete)");
	}
	if (message->recipient_count == 0)
		message_begin(message);
}

/* An empty header, and all of it is there. */
static void begin_unread(struct message *message)
{
	message->begun_mono_ms = clock_mono_ms();
	message->size = message->entry->size;
	message->header_done = message->header_kept = message->received = true;
	message->record = oversize_unread_record(message->entry);
}

/* Two of one listing with the same UID and no header that tells them apart: one notice and one record do for both. */
static bool has_twin(struct message *message)
{
	bool one_for_both = message->record != NULL || oversize_tells(message->env->account->config);

	return message->entry->shared && one_for_both && message->env->join_twin(message->env->ctx, message);
}

void message_leave(struct message *message)
{
	begin_unread(message);
	if (has_twin(message)) {
		message->over = true;
	} else {
		if (message->record != NULL)
			owed_find(message);
		else if (message->env->account->config->oversize != CONFIG_OVERSIZE_DELETE)
			owed_add_nobody(message, LEDGER_OWES_SIZE);
		settle(message);
	}
	message_deliver(message);
}
