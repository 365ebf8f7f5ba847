/* SPDX-License-Identifier: ISC
 *
 * As src/ledger does it, for one message and without a file.
 */
#include "fake_known.h"

#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "multidropd/mem.h"

enum known_state { KNOWN_OWED, KNOWN_DELIVERED, KNOWN_SETTLED, KNOWN_REFUSED };

struct known_recipient {
	char *address;
	enum known_state state;
	enum ledger_owes owes;
	char *refusal;
	int64_t due_s, first_deferred_s;
	unsigned attempts;
};

/* `owes` is for one that is new. */
static struct known_recipient *find_recipient(struct known *known, const char *address, enum ledger_owes owes)
{
	for (size_t i = 0; i < known->recipient_count; i++) {
		if (strcmp(known->recipients[i].address, address) == 0)
			return &known->recipients[i];
	}
	known->recipients = mem_grow(known->recipients, &known->recipient_capacity, known->recipient_count + 1,
	                             sizeof(*known->recipients));
	known->recipients[known->recipient_count] =
		(struct known_recipient){ .address = mem_strdup(address), .owes = owes };
	return &known->recipients[known->recipient_count++];
}

struct known *known_new(const struct ledger_begin *begin, int64_t id)
{
	struct known *known = mem_alloc(sizeof(*known));

	known->id = id;
	known->mailbox = begin->mailbox;
	strbuf_add_span(&known->message_id, begin->message_id);
	known->remember_s = begin->remember_s;
	known->uid = mem_strndup(begin->uid.data, begin->uid.len);
	known->uid_len = begin->uid.len;
	known->anew = begin->anew;
	known->has_hash = begin->hash != NULL;
	if (known->has_hash)
		memcpy(known->hash, begin->hash, sizeof(known->hash));
	known->under_way = true;
	for (size_t i = 0; i < begin->recipient_count; i++)
		find_recipient(known, begin->recipients[i], begin->owes != NULL ? begin->owes[i] : LEDGER_OWES_MESSAGE);
	return known;
}

static void forget_recipients(struct known *known)
{
	for (size_t i = 0; i < known->recipient_count; i++) {
		free(known->recipients[i].address);
		free(known->recipients[i].refusal);
	}
	known->recipient_count = 0;
}

void known_free(struct known *known)
{
	if (known == NULL)
		return;
	forget_recipients(known);
	free(known->recipients);
	free(known->uid);
	strbuf_free(&known->message_id);
	free(known);
}

void known_begin(struct known *known, const struct known *begun)
{
	struct known_recipient *recipient;

	known->state = LEDGER_STATE_OWED;
	known->under_way = true;
	strbuf_clear(&known->message_id);
	strbuf_add_span(&known->message_id, strbuf_span(&begun->message_id));
	known->remember_s = begun->remember_s;
	if (begun->anew) {
		forget_recipients(known);
		known->has_hash = begun->has_hash;
		memcpy(known->hash, begun->hash, sizeof(known->hash));
	}
	for (size_t i = 0; i < begun->recipient_count; i++) {
		recipient = find_recipient(known, begun->recipients[i].address, begun->recipients[i].owes);
		recipient->state = KNOWN_OWED;
		recipient->due_s = 0;
	}
}

static void apply_changed(struct known_recipient *recipient, const struct ledger_verdict *verdict)
{
	recipient->state = KNOWN_OWED;
	recipient->owes = verdict->owes;
	recipient->due_s = 0;
	recipient->first_deferred_s = 0;
	recipient->attempts = 0;
	if (verdict->reply == NULL)
		return;
	free(recipient->refusal);
	recipient->refusal = mem_strdup(verdict->reply);
}

static void apply_delivered(const struct known *known, struct known_recipient *recipient, int64_t now_s,
                            struct fake_seen *seen)
{
	recipient->state = KNOWN_DELIVERED;
	if (recipient->owes == LEDGER_OWES_MESSAGE && known->remember_s > 0)
		fake_seen_add(seen, known->mailbox, strbuf_span(&known->message_id), recipient->address,
		              now_s + known->remember_s);
}

void known_verdict(struct known *known, const struct ledger_verdict *verdict, struct fake_seen *seen)
{
	struct known_recipient *recipient = find_recipient(known, verdict->recipient, LEDGER_OWES_MESSAGE);

	recipient->attempts++;
	switch (verdict->outcome) {
	case LEDGER_DELIVERED:
		apply_delivered(known, recipient, verdict->now_s, seen);
		break;
	case LEDGER_SETTLED:
		recipient->state = KNOWN_SETTLED;
		break;
	case LEDGER_CHANGED:
		apply_changed(recipient, verdict);
		break;
	case LEDGER_REFUSED:
		recipient->state = KNOWN_REFUSED;
		break;
	case LEDGER_DEFERRED:
	case LEDGER_POSSIBLE:
		if (recipient->first_deferred_s == 0)
			recipient->first_deferred_s = verdict->now_s;
		recipient->due_s = verdict->due_s;
		break;
	}
}

enum ledger_state known_end(struct known *known, int64_t now_s)
{
	bool owed = false, refused = false, oversize = false;

	for (size_t i = 0; i < known->recipient_count; i++) {
		const struct known_recipient *recipient = &known->recipients[i];

		owed = owed || recipient->state == KNOWN_OWED;
		refused = refused || recipient->state == KNOWN_REFUSED;
		oversize = oversize || (recipient->state == KNOWN_REFUSED && recipient->owes >= LEDGER_OWES_SIZE);
	}
	known->under_way = false;
	known->state = owed       ? LEDGER_STATE_OWED
	               : oversize ? LEDGER_STATE_OVERSIZE
	               : refused  ? LEDGER_STATE_REFUSED
	                          : LEDGER_STATE_SETTLED;
	known->settled_s = owed ? 0 : now_s;
	return known->state;
}

void known_add_record(const struct known *known, struct ledger_entry *entry)
{
	struct ledger_record *record;

	entry->records = realloc(entry->records, (entry->record_count + 1) * sizeof(*entry->records));
	record = &entry->records[entry->record_count++];
	*record = (struct ledger_record){ .id = known->id,
		                          .has_hash = known->has_hash,
		                          .state = known->state,
		                          .settled_s = known->settled_s,
		                          .returned = known->missing,
		                          .under_way = known->under_way };
	memcpy(record->hash, known->hash, sizeof(record->hash));
	record->owed = mem_array(known->recipient_count, sizeof(*record->owed));
	for (size_t i = 0; i < known->recipient_count; i++) {
		const struct known_recipient *from = &known->recipients[i];

		if (from->state == KNOWN_OWED)
			record->owed[record->owed_count++] = (struct ledger_owed){
				.recipient = mem_strdup(from->address),
				.owes = from->owes,
				.refusal = from->refusal != NULL ? mem_strdup(from->refusal) : NULL,
				.due_s = from->due_s,
				.first_deferred_s = from->first_deferred_s,
				.attempts = from->attempts,
			};
	}
}

void known_describe(const struct known *known)
{
	static const char *const states[] = { "owed", "settled", "deleted", "refused", "oversize" };
	static const char *const marks[] = { "", "", "~", "!" };
	static const char *const owes[] = { "", "(bounce)", "(copy)", "(notice)", "(size)", "(header)" };
	struct strbuf settled = { 0 }, owed = { 0 };

	for (size_t i = 0; i < known->recipient_count; i++) {
		const struct known_recipient *recipient = &known->recipients[i];

		strbuf_addf(recipient->state == KNOWN_OWED ? &owed : &settled, " %s%s%s", marks[recipient->state],
		            recipient->address, owes[recipient->owes]);
	}
	journal_add("%.*s %s has:%s owed:%s%s", (int)known->uid_len, known->uid, states[known->state],
	            strbuf_str(&settled), strbuf_str(&owed), known->under_way ? " under way" : "");
	strbuf_free(&settled);
	strbuf_free(&owed);
}
