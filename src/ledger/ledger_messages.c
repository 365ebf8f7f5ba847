/* SPDX-License-Identifier: ISC
 *
 * The messages that are under way, in memory: begin, verdicts and end change
 * them here, each once, and what changed is written once a commit. So a
 * message that begins and ends between two commits costs one row, and a
 * commit that failed is simply written again.
 */
#include "ledger_private.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

/* A relay's reply is kept for the administrator's eyes; more than this says no more. */
#define REPLY_MAX 512

static struct ledger_message **bucket_of(struct ledger_messages *messages, int64_t id)
{
	return &messages->buckets[(uint64_t)id % LEDGER_BUCKETS];
}

static struct ledger_message *find(struct ledger_messages *messages, int64_t id)
{
	struct ledger_message *message = *bucket_of(messages, id);

	while (message != NULL && message->id != id)
		message = message->same_bucket;
	return message;
}

static struct ledger_message *add(struct ledger_messages *messages, int64_t id)
{
	struct ledger_message *message = mem_alloc(sizeof(*message));
	struct ledger_message **bucket = bucket_of(messages, id);

	message->id = id;
	message->same_bucket = *bucket;
	*bucket = message;
	return message;
}

static void forget_recipients(struct ledger_message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		free(message->recipients[i].address);
		free(message->recipients[i].reply);
		free(message->recipients[i].refusal);
	}
	free(message->recipients);
	message->recipients = NULL;
	message->recipient_count = message->recipient_capacity = 0;
}

void ledger_message_clear(struct ledger_message *message)
{
	forget_recipients(message);
	strbuf_free(&message->uid);
	strbuf_free(&message->message_id);
}

static void message_free(struct ledger_message *message)
{
	ledger_message_clear(message);
	free(message);
}

static void drop(struct ledger_messages *messages, struct ledger_message *message)
{
	struct ledger_message **at = bucket_of(messages, message->id);

	while (*at != message)
		at = &(*at)->same_bucket;
	*at = message->same_bucket;
	message_free(message);
}

/* *message: NULL where neither memory nor the rows know the id. */
static int find_or_load(struct ledger *ledger, int64_t id, struct ledger_message **message)
{
	*message = find(&ledger->messages, id);
	if (*message != NULL)
		return 0;
	*message = add(&ledger->messages, id);
	if (ledger_message_load(&ledger->db, *message) == 0 && (*message)->stored)
		return 0;
	drop(&ledger->messages, *message);
	*message = NULL;
	return ledger->db.code == SQLITE_OK ? 0 : -1;
}

static void touch(struct ledger_messages *messages, struct ledger_message *message)
{
	if (!message->dirty)
		STAILQ_INSERT_TAIL(&messages->dirty, message, next_dirty);
	message->dirty = true;
}

struct ledger_recipient *ledger_message_add(struct ledger_message *message, const char *address)
{
	struct ledger_recipient *recipient;

	message->recipients = mem_grow(message->recipients, &message->recipient_capacity, message->recipient_count + 1,
	                               sizeof(*message->recipients));
	recipient = &message->recipients[message->recipient_count++];
	/* A row of a file that is being damaged may lack it. */
	*recipient = (struct ledger_recipient){ .address = mem_strdup(address != NULL ? address : "") };
	return recipient;
}

/* `owes` is for one that is new. */
static struct ledger_recipient *find_or_add(struct ledger_message *message, const char *address, enum ledger_owes owes)
{
	struct ledger_recipient *recipient;

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (strcmp(message->recipients[i].address, address) == 0)
			return &message->recipients[i];
	}
	recipient = ledger_message_add(message, address);
	recipient->owes = owes;
	return recipient;
}

static void describe(struct ledger_message *message, const struct ledger_request *begin)
{
	message->mailbox = begin->mailbox;
	strbuf_clear(&message->uid);
	strbuf_add_span(&message->uid, strbuf_span(&begin->uid));
	message->has_hash = begin->has_hash;
	memcpy(message->hash, begin->hash, sizeof(message->hash));
	message->size = begin->size;
	message->first_seen_s = begin->now_s;
}

/* The row stays, with its id and when it was first seen. */
static void start_anew(struct ledger_message *message, const struct ledger_request *begin)
{
	forget_recipients(message);
	describe(message, begin);
	message->anew = true;
	message->stored = false;
}

static void note_transaction(struct ledger_message *message, const struct ledger_request *begin)
{
	message->state = LEDGER_STATE_OWED;
	message->under_way = true;
	message->settled_s = 0;
	message->remember_s = begin->remember_s;
	/* Else the last transaction may still have somebody to be written with it. */
	if (message->remember_s <= 0)
		return;
	strbuf_clear(&message->message_id);
	strbuf_add_span(&message->message_id, strbuf_span(&begin->message_id));
}

/* Whoever is named is owed it now; what is known of the others stays. */
static int apply_begin(struct ledger *ledger, const struct ledger_request *begin)
{
	struct ledger_message *message;
	struct ledger_recipient *recipient;

	if (find_or_load(ledger, begin->id, &message) != 0)
		return -1;
	if (message == NULL) {
		message = add(&ledger->messages, begin->id);
		describe(message, begin);
	} else if (begin->anew) {
		start_anew(message, begin);
	}
	note_transaction(message, begin);
	for (size_t i = 0; i < begin->recipients.count; i++) {
		recipient = find_or_add(message, begin->recipients.items[i], begin->owes[i]);
		recipient->state = LEDGER_RECIPIENT_OWED;
		recipient->due_s = 0; /* at once, whatever the clock will say */
		recipient->dirty = true;
	}
	touch(&ledger->messages, message);
	return 0;
}

static char *dup_reply(const char *reply)
{
	return reply != NULL ? mem_strndup(reply, strnlen(reply, REPLY_MAX)) : NULL;
}

static void note_attempt(struct ledger_recipient *recipient, const struct ledger_request *verdict)
{
	recipient->attempts++;
	recipient->tried_s = verdict->now_s;
	recipient->dirty = true;
	free(recipient->reply);
	recipient->reply = dup_reply(verdict->reply);
}

static void note_delivered(const struct ledger_message *message, struct ledger_recipient *recipient, int64_t now_s)
{
	recipient->state = LEDGER_RECIPIENT_DELIVERED;
	if (recipient->owes == LEDGER_OWES_MESSAGE && message->remember_s > 0)
		recipient->seen_until_s = now_s + message->remember_s;
}

static void note_deferred(struct ledger_recipient *recipient, const struct ledger_request *verdict)
{
	if (recipient->first_deferred_s == 0)
		recipient->first_deferred_s = verdict->now_s;
	recipient->due_s = verdict->due_s;
}

/* Another thing is owed, and nothing was tried for it yet. */
static void note_changed(struct ledger_recipient *recipient, const struct ledger_request *verdict)
{
	recipient->state = LEDGER_RECIPIENT_OWED;
	recipient->owes = verdict->changed_to;
	recipient->due_s = 0;
	recipient->first_deferred_s = 0;
	recipient->attempts = 0;
	if (verdict->reply == NULL)
		return;
	free(recipient->refusal);
	recipient->refusal = dup_reply(verdict->reply);
}

static int apply_verdict(struct ledger *ledger, const struct ledger_request *verdict)
{
	struct ledger_message *message;
	struct ledger_recipient *recipient;

	if (find_or_load(ledger, verdict->id, &message) != 0)
		return -1;
	if (message == NULL)
		return 0;
	recipient = find_or_add(message, verdict->recipient, LEDGER_OWES_MESSAGE);
	note_attempt(recipient, verdict);
	switch (verdict->outcome) {
	case LEDGER_DELIVERED:
		note_delivered(message, recipient, verdict->now_s);
		break;
	case LEDGER_SETTLED:
		recipient->state = LEDGER_RECIPIENT_SETTLED;
		break;
	case LEDGER_CHANGED:
		note_changed(recipient, verdict);
		break;
	case LEDGER_REFUSED:
		recipient->state = LEDGER_RECIPIENT_REFUSED;
		break;
	case LEDGER_DEFERRED:
	case LEDGER_POSSIBLE:
		note_deferred(recipient, verdict);
		break;
	}
	touch(&ledger->messages, message);
	return 0;
}

static bool has_recipient(const struct ledger_message *message, enum ledger_recipient_state state)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		if (message->recipients[i].state == state)
			return true;
	}
	return false;
}

static bool is_left_for_its_size(const struct ledger_message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		const struct ledger_recipient *recipient = &message->recipients[i];

		if (recipient->state == LEDGER_RECIPIENT_REFUSED &&
		    (recipient->owes == LEDGER_OWES_SIZE || recipient->owes == LEDGER_OWES_HEADER))
			return true;
	}
	return false;
}

static enum ledger_state final_state(const struct ledger_message *message)
{
	if (has_recipient(message, LEDGER_RECIPIENT_OWED))
		return LEDGER_STATE_OWED;
	if (is_left_for_its_size(message))
		return LEDGER_STATE_OVERSIZE;
	if (has_recipient(message, LEDGER_RECIPIENT_REFUSED))
		return LEDGER_STATE_REFUSED;
	return LEDGER_STATE_SETTLED;
}

static int apply_end(struct ledger *ledger, struct ledger_request *end)
{
	struct ledger_message *message;

	if (find_or_load(ledger, end->id, &message) != 0)
		return -1;
	/* Of a message that nobody knows nobody may say that it can be deleted. */
	end->state = LEDGER_STATE_OWED;
	if (message == NULL)
		return 0;
	if (message->under_way) {
		message->state = final_state(message);
		message->settled_s = message->state != LEDGER_STATE_OWED ? end->now_s : 0;
	}
	end->state = message->state;
	message->under_way = false;
	touch(&ledger->messages, message);
	return 0;
}

int ledger_messages_apply(struct ledger *ledger, struct ledger_request *request)
{
	int failed = 0;

	if (request->applied)
		return 0;
	if (request->kind == LEDGER_REQUEST_BEGIN)
		failed = apply_begin(ledger, request);
	else if (request->kind == LEDGER_REQUEST_VERDICT)
		failed = apply_verdict(ledger, request);
	else if (request->kind == LEDGER_REQUEST_END)
		failed = apply_end(ledger, request);
	request->applied = failed == 0;
	return failed;
}

void ledger_messages_committed(struct ledger_messages *messages)
{
	struct ledger_message *message;

	while ((message = STAILQ_FIRST(&messages->dirty)) != NULL) {
		STAILQ_REMOVE_HEAD(&messages->dirty, next_dirty);
		message->dirty = false;
		message->stored = true;
		message->anew = false;
		for (size_t i = 0; i < message->recipient_count; i++) {
			message->recipients[i].dirty = false;
			message->recipients[i].seen_until_s = 0;
		}
		if (!message->under_way)
			drop(messages, message);
	}
}

void ledger_messages_free(struct ledger_messages *messages)
{
	struct ledger_message *message, *next;

	STAILQ_INIT(&messages->dirty);
	for (size_t i = 0; i < LEDGER_BUCKETS; i++) {
		for (message = messages->buckets[i]; message != NULL; message = next) {
			next = message->same_bucket;
			message_free(message);
		}
		messages->buckets[i] = NULL;
	}
}
