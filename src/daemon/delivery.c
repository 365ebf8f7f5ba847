/* SPDX-License-Identifier: ISC
 *
 * A message going out: transactions, each recipient's verdict, the ledger.
 * Here a relay's answer becomes what the ledger knows; the collector alone
 * decides from that whether the message may be deleted.
 */
#include "message.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/digest.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

/* --- the end --- */

static void done(struct message *message, enum message_fate fate)
{
	message->fate = fate;
	message->env->done(message->env->ctx, message);
}

static void committed(void *ctx, int64_t id, enum ledger_state state)
{
	static const enum message_fate fates[] = {
		[LEDGER_STATE_OWED] = MESSAGE_OWED,       [LEDGER_STATE_SETTLED] = MESSAGE_SETTLED,
		[LEDGER_STATE_DELETED] = MESSAGE_SETTLED, [LEDGER_STATE_REFUSED] = MESSAGE_KEPT,
		[LEDGER_STATE_OVERSIZE] = MESSAGE_KEPT,
	};

	struct message *message = ctx;

	(void)id;
	message->settled_s = clock_wall_s();
	done(message, fates[state]);
}

/* Recipients whom no transaction has reached; the next poll goes on with them. */
static void leave_pending(struct message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		struct recipient *recipient = &message->recipients[i];

		if (recipient->state != RECIPIENT_PENDING)
			continue;
		free(recipient->last.reply);
		recipient->last.reply = mem_strdup("left for the next poll");
		recipient->last.kind = VERDICT_UNDECIDED;
		recipient->last.owes = recipient->owes;
		recipient->last.note = NULL;
		recipient->state = RECIPIENT_OVER;
	}
	message_report(message);
}

static void commit(struct message *message)
{
	leave_pending(message);
	message->committing = true;
	ledger_end(message->env->ledger, message->ledger_id, clock_wall_s(), committed, message);
}

static void end(struct message *message)
{
	if (message->fate != MESSAGE_UNDECIDED)
		done(message, message->fate);
	else if (message->ledger_id != 0)
		commit(message);
	else
		done(message, message->due_s != INT64_MAX ? MESSAGE_OWED : MESSAGE_DROPPED);
}

/* --- verdicts --- */

static int64_t pause_s(const struct message *message, unsigned attempts)
{
	int64_t pause = message->env->retry_min_s;

	while (attempts-- > 0 && pause < message->env->retry_max_s)
		pause *= 2;
	return pause < message->env->retry_max_s ? pause : message->env->retry_max_s;
}

static void say(struct recipient *recipient, enum verdict_kind kind, char *take_reply, const char *note)
{
	free(recipient->last.reply);
	recipient->last.reply = take_reply;
	recipient->last.kind = kind;
	recipient->last.owes = recipient->owes;
	recipient->last.note = note;
	recipient->last.given_up = false;
}

/* What the recipient is owed from now on is served in this poll already. */
static void change(struct recipient *recipient, enum ledger_owes owes)
{
	char *refusal = recipient->refusal;

	/* A bounce that is refused says nothing new about the recipient; why the copy was belongs beside the first
	 * reason. */
	if (recipient->owes == LEDGER_OWES_MESSAGE)
		recipient->refusal = mem_strdup(recipient->last.reply);
	else if (owes == LEDGER_OWES_NOTICE)
		recipient->refusal = str_format("%s; the postmaster's copy: %s", refusal, recipient->last.reply);
	if (recipient->refusal != refusal)
		free(refusal);
	recipient->owes = owes;
	recipient->attempts = 0;
	recipient->first_deferred_s = 0;
	recipient->state = RECIPIENT_PENDING;
}

static void record(struct message *message, struct recipient *recipient, const struct policy *policy)
{
	int64_t now = clock_wall_s();
	bool later = policy->outcome == LEDGER_DEFERRED || policy->outcome == LEDGER_POSSIBLE;
	struct ledger_verdict verdict = {
		.recipient = recipient->address,
		.outcome = policy->outcome,
		.owes = policy->owes,
		.due_s = later ? now + pause_s(message, recipient->attempts) : now,
		.reply = recipient->last.reply,
		.now_s = now,
	};

	if (message->ledger_id == 0)
		message_begin(message);
	recipient->state = RECIPIENT_OVER;
	if (later && verdict.due_s < message->due_s)
		message->due_s = verdict.due_s;
	if (policy->outcome == LEDGER_CHANGED) {
		change(recipient, policy->owes);
		verdict.reply = recipient->refusal;
	}
	ledger_record_verdict(message->env->ledger, message->ledger_id, &verdict);
}

static void apply(struct message *message, struct recipient *recipient, struct policy policy)
{
	recipient->last.note = policy.note;
	recipient->last.given_up = policy.given_up;
	record(message, recipient, &policy);
}

void message_settle_recipient(struct message *message, struct recipient *recipient, const char *reply)
{
	say(recipient, VERDICT_ACCEPTED, mem_strdup(reply), NULL);
	recipient->last.duplicate = true;
	apply(message, recipient, (struct policy){ .outcome = LEDGER_SETTLED });
}

void message_refuse_recipient(struct message *message, struct recipient *recipient)
{
	record(message, recipient, &(struct policy){ .outcome = LEDGER_REFUSED });
}

static void defer(struct message *message, struct recipient *recipient)
{
	apply(message, recipient, policy_deferred(message, recipient));
}

/* Some relays compare local parts with case: before a refusal counts, the recipient is offered once in lower case. */
static bool try_lower_case(struct recipient *recipient)
{
	bool changed = false;
	const char *domain = strrchr(recipient->wire, '@');

	if (!form_is_direct(recipient, recipient->owes))
		return false;
	for (char *at = recipient->wire; *at != '\0' && at != domain; at++) {
		changed = changed || isupper((unsigned char)*at);
		*at = (char)tolower((unsigned char)*at);
	}
	if (changed)
		recipient->state = RECIPIENT_PENDING;
	return changed;
}

/*
 * A relay that is down, or a message that did not come whole, says nothing
 * about this recipient, who is owed as before. A relay that works and broke
 * off may do so again, because of this message: it waits by itself and delays
 * no other. While the relay of bounces is down mail is retrieved, so what waits for it
 * waits by itself, too.
 */
static void undecided(struct message *message, struct recipient *recipient)
{
	const struct setup_relay *relay = form_relay(message);

	if ((message->content.broken && !form_is_bodiless(message->offering)) ||
	    (relay == message->env->account->relay && relay_state(relay->relay) == RELAY_DOWN))
		recipient->state = RECIPIENT_OVER;
	else
		defer(message, recipient);
}

static void decide(struct message *message, struct recipient *recipient, const struct verdict *verdict)
{
	say(recipient, verdict->kind, span_dup(verdict->reply), NULL);
	switch (verdict->kind) {
	case VERDICT_ACCEPTED:
		apply(message, recipient, policy_accepted(recipient));
		break;
	case VERDICT_DEFERRED:
		defer(message, recipient);
		break;
	case VERDICT_REFUSED:
		if (verdict->stage != STAGE_RCPT || !try_lower_case(recipient))
			apply(message, recipient, policy_refused(message, recipient));
		break;
	case VERDICT_TOO_MANY:
		recipient->state = RECIPIENT_PENDING;
		break;
	case VERDICT_UNDECIDED:
		undecided(message, recipient);
		break;
	case VERDICT_UNKNOWN:
		apply(message, recipient, policy_unknown(message, recipient));
		break;
	}
}

/* What goes to the sender or the postmaster is about all that were offered. */
static void verdict(void *ctx, size_t index, const struct verdict *verdict)
{
	struct message *message = ctx;
	bool alone = form_is_direct(&message->recipients[message->offered[0]], message->offering);

	for (size_t i = alone ? index : 0; i < (alone ? index + 1 : message->offered_count); i++)
		decide(message, &message->recipients[message->offered[i]], verdict);
}

/* --- transactions --- */

static void ended(void *ctx)
{
	struct message *message = ctx;

	message->delivery = NULL;
	message_report(message);
	message_deliver(message);
}

static bool needs_smtputf8(const struct message *message)
{
	bool needed = span_is_8bit(span_of(form_sender(message)));

	for (size_t i = 0; i < message->wire_count; i++)
		needed = needed || span_is_8bit(span_of(message->wire[i]));
	return needed;
}

/*
 * Only now may the relay be given the final dot: a crash after it leaves a
 * trace, so that a duplicate is called one. The commit runs beside the
 * envelope and the content.
 */
static void begun_in_ledger(void *ctx, int64_t id)
{
	struct message *message = ctx;

	(void)id;
	message->begun = true;
	message->content.may_end = true;
	if (message->delivery != NULL)
		delivery_resume(message->delivery);
}

/* A message that was not retrieved may also be settled without the relay. */
static bool may_double(const struct message *message)
{
	bool goes_out = message->retrs > 0 || message->delivery != NULL;

	return goes_out && message->recipient_count > 0 && message->record != NULL && message->record->under_way;
}

void message_begin(struct message *message)
{
	const char **addresses = mem_array(message->recipient_count, sizeof(*addresses));
	enum ledger_owes *owes = mem_array(message->recipient_count, sizeof(*owes));
	struct ledger_begin begin = {
		.id = message->record != NULL ? message->record->id : message->replaces,
		.anew = message->record == NULL && message->replaces != 0,
		.mailbox = message->env->mailbox,
		.uid = span_make(message->uid, message->uid_len),
		.hash = message->identified ? message->hash : NULL,
		.size = message_size(message),
		.recipients = addresses,
		.owes = owes,
		.recipient_count = message->recipient_count,
		.message_id = span_of(message->message_id),
		.remember_s = message_remember_s(message),
		.now_s = clock_wall_s(),
		.begun = begun_in_ledger,
		.ctx = message,
	};

	for (size_t i = 0; i < message->recipient_count; i++) {
		addresses[i] = message->recipients[i].address;
		owes[i] = message->recipients[i].owes;
	}
	if (may_double(message))
		message_log(message, LOG_AT_WARNING, "deferred",
		            "possible duplicate: its last transaction was left open, the relay may have it already");
	message->ledger_id = ledger_begin(message->env->ledger, &begin);
	free(addresses);
	free(owes);
}

/* Not when it is queued: after a crash only what a connection had is called a possible duplicate. */
static void begun(void *ctx)
{
	struct message *message = ctx;

	if (message->ledger_id == 0)
		message_begin(message);
}

static void start(struct message *message)
{
	static const struct delivery_events events = { .begun = begun, .verdict = verdict, .ended = ended };
	struct delivery_params params;

	form_write(message);
	/* The same for each attempt at this message; it says nothing about it. */
	digest_hex(message->hash, ENVID_LEN / 2, message->envid);
	params = (struct delivery_params){
		.sender = form_sender(message),
		.recipients = message->wire,
		.recipient_count = message->wire_count,
		.size = content_size(&message->content),
		.body_8bit = content_is_8bit(&message->content),
		.need_smtputf8 = needs_smtputf8(message),
		.notify = form_notify(message),
		.originals = message->originals,
		.envid = message->offering == LEDGER_OWES_MESSAGE ? message->envid : NULL,
		.source = content_source(&message->content),
	};
	for (size_t i = 0; i < message->offered_count; i++)
		message->recipients[message->offered[i]].state = RECIPIENT_OFFERED;
	message->delivery = delivery_start(form_relay(message)->relay, &params, &events, message);
}

void message_deliver(struct message *message)
{
	bool left;

	if (message_awaits_duplicates(message))
		return;
	left = !message->over && owed_offer(message);
	if (left && form_can_be_written(message)) {
		start(message);
		return;
	}
	/* What needs no body waits for the rest of RETR: the line is not held up for it. */
	if (left && !message->received && message->header_kept && form_is_bodiless(message->offering)) {
		message_skip_body(message);
		return;
	}
	message_discard(message);
	/* The number is free for another command only when RETR is through; message_ended comes back here. */
	if (!message->received)
		return;
	if (left && message->retrs < MESSAGE_RETR_MAX) {
		message->header_only = message->header_only && !owed_wants_body(message);
		message->env->again(message->env->ctx, message);
	} else {
		end(message);
	}
}

bool message_is_nearly_done(const struct message *message)
{
	return message->committing || (message->delivery != NULL && delivery_dot_sent(message->delivery));
}

void message_break(struct message *message)
{
	struct ledger *ledger = message->env->ledger;
	bool open = message->delivery != NULL && delivery_dot_sent(message->delivery);

	if (message->fate == MESSAGE_UNDECIDED)
		ledger_forget_callbacks(ledger, message);
	/* Only when the state file could not be written all the while. */
	if (message->committing && message->fate == MESSAGE_UNDECIDED) {
		message_log(message, LOG_AT_WARNING, "deferred",
		            "possible duplicate: ended before the relay's answers were written to the state file");
	}
	if (open)
		message_log(message, LOG_AT_WARNING, "deferred",
		            "possible duplicate: ended while the relay's answer to the message was open");
	if (message->delivery != NULL)
		delivery_cancel(&message->delivery);
	message_report(message);
	/* With the answer open it stays "under way" in the ledger, as after a crash. */
	if (message->ledger_id != 0 && message->fate == MESSAGE_UNDECIDED && !message->committing && !open)
		ledger_end(ledger, message->ledger_id, clock_wall_s(), NULL, NULL);
}
