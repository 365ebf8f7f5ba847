/* SPDX-License-Identifier: ISC
 *
 * RETR, TOP and DELE: how far ahead, and whose bytes are arriving.
 */
#include "collector_private.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

/* RETR is sent ahead so that the line is never idle: by LIST's sizes, and by number for the sake of small mail. */
#define AHEAD_BYTES (1024u * 1024u)
#define AHEAD_COUNT 128u
/* From RETR to the commit; the budget limits them by bytes. */
#define MESSAGES_MAX 512u
/* So many messages are retrieved in vain from a server that does not know *ENV. */
#define ENV_REFUSALS_MAX 3u
#define OVERLAP_PAIRS_MAX 10000u

/* --- asking --- */

/* LIST's size is the server's word: more than the limit is as good as the limit. */
static void push(struct collector *collector, enum request_kind kind, struct ledger_entry *entry,
                 struct message *message)
{
	bool whole = kind == REQUEST_RETR;
	size_t bytes = !whole ? 0 : entry->size < AHEAD_BYTES ? (size_t)entry->size : AHEAD_BYTES;
	struct request *request = mem_alloc(sizeof(*request));

	*request = (struct request){ .kind = kind, .entry = entry, .message = message, .bytes = bytes };
	TAILQ_INSERT_TAIL(&collector->requests, request, link);
	collector->requested_bytes += bytes;
	collector->requested_count++;
}

static void pop(struct collector *collector)
{
	struct request *request = TAILQ_FIRST(&collector->requests);

	TAILQ_REMOVE(&collector->requests, request, link);
	collector->requested_bytes -= request->bytes;
	collector->requested_count--;
	free(request);
}

static bool has_room(const struct collector *collector)
{
	return collector->requested_count < AHEAD_COUNT &&
	       (collector->requested_count < 2 || collector->requested_bytes < AHEAD_BYTES);
}

static void identify_next(struct collector *collector)
{
	struct ledger_entry *entry = collector->identify.items[collector->identify.next++].entry;

	push(collector, REQUEST_TOP, entry, NULL);
	pop3_top(collector->session, entry->number);
}

static struct message *add_message(struct collector *collector, struct ledger_entry *entry, size_t reserved)
{
	struct message *message = message_new(&collector->env, entry, reserved);

	TAILQ_INSERT_TAIL(&collector->messages, message, link);
	collector->message_count++;
	return message;
}

static void request_message(struct collector *collector, struct message *message)
{
	push(collector, message->header_only ? REQUEST_HEADER : REQUEST_RETR, message->entry, message);
	if (message->header_only)
		pop3_top(collector->session, message->number);
	else
		pop3_retr(collector->session, message->number);
}

static void fetch_next(struct collector *collector, size_t reserved)
{
	const struct wanted *wanted = &collector->fetch.items[collector->fetch.next++];
	struct ledger_entry *entry = wanted->entry;
	struct message *message = add_message(collector, entry, reserved);

	message->header_only = wanted->way == FETCH_HEADER;
	if (wanted->way == FETCH_NOTHING) {
		message_leave(message);
		return;
	}
	if (collector->params.account->asks_envelope) {
		push(collector, REQUEST_ENV, entry, message);
		pop3_env(collector->session, entry->number);
	}
	request_message(collector, message);
}

static void unwait_again(struct collector *collector, struct message *message)
{
	if (message->waits_again)
		TAILQ_REMOVE(&collector->again, message, again_link);
	message->waits_again = false;
}

static void fetch_again(struct collector *collector, size_t reserved)
{
	struct message *message = TAILQ_FIRST(&collector->again);

	unwait_again(collector, message);
	message->reserved = reserved;
	request_message(collector, message);
}

static bool has_fetch(const struct collector *collector)
{
	return collector->fetch_allowed && collector->fetch.next < collector->fetch.count;
}

/* The memory was asked for what is the first still, or has become it. */
static void use_memory(struct collector *collector, size_t bytes)
{
	if (!TAILQ_EMPTY(&collector->again))
		fetch_again(collector, bytes);
	else if (has_fetch(collector))
		fetch_next(collector, bytes);
	else
		budget_release(collector->env.share, bytes);
}

static void memory_reserved(void *ctx)
{
	struct collector *collector = ctx;

	use_memory(collector, collector->waiter.bytes);
	collector_go_on(collector);
}

/* The memory for the next RETR or TOP; 0: none is wanted now. */
static size_t next_wants(const struct collector *collector)
{
	const struct message *again = TAILQ_FIRST(&collector->again);
	bool tries_env = collector->params.account->asks_envelope && !collector->env_works;
	const struct wanted *next;

	if (collector->waiter.waiting || (tries_env && collector->requested_count > 0))
		return 0;
	if (again != NULL)
		return message_wants(again->entry, again->header_only);
	if (!has_fetch(collector) || collector->message_count >= MESSAGES_MAX)
		return 0;
	next = &collector->fetch.items[collector->fetch.next];
	return message_wants(next->entry, next->way != FETCH_WHOLE);
}

void collector_pump(struct collector *collector)
{
	size_t wanted;

	if (collector->session == NULL || collector->stopping)
		return;
	while (collector->identify.next < collector->identify.count && has_room(collector))
		identify_next(collector);
	while (collector->leave.next < collector->leave.count && collector->message_count < MESSAGES_MAX)
		message_leave(add_message(collector, collector->leave.items[collector->leave.next++].entry, 0));
	while (has_room(collector) && (wanted = next_wants(collector)) > 0) {
		if (!budget_request(collector->env.share, &collector->waiter, wanted))
			break;
		use_memory(collector, wanted);
	}
}

bool collector_is_idle(const struct collector *collector)
{
	bool left = collector->identify.next < collector->identify.count ||
	            collector->leave.next < collector->leave.count || has_fetch(collector);

	return TAILQ_EMPTY(&collector->requests) && TAILQ_EMPTY(&collector->messages) &&
	       collector->answered == collector->deletion_count && collector->relay_check == NULL &&
	       (!left || collector->stopping);
}

/* --- a message's own wishes (message_env) --- */

static void flow(void *ctx, struct message *message, bool paused)
{
	struct collector *collector = ctx;

	(void)message;
	if (collector->session != NULL)
		pop3_pause(collector->session, paused);
}

static void again(void *ctx, struct message *message)
{
	struct collector *collector = ctx;

	message->waits_again = true;
	TAILQ_INSERT_TAIL(&collector->again, message, again_link);
	if (collector->session == NULL || collector->stopping)
		collector_end_again(collector);
	else
		collector_go_on(collector);
}

void collector_end_again(struct collector *collector)
{
	struct message *message;

	while ((message = TAILQ_FIRST(&collector->again)) != NULL) {
		unwait_again(collector, message);
		message->over = true;
		message_deliver(message);
	}
}

static bool join_twin(void *ctx, struct message *message)
{
	return collector_join_twin(ctx, message);
}

/* With very many that is not looked at: waiting is always right. */
static bool shares_recipient(const struct message *message, const struct message *other)
{
	if (message->recipient_count * other->recipient_count > OVERLAP_PAIRS_MAX)
		return true;
	for (size_t i = 0; i < message->recipient_count; i++) {
		for (size_t j = 0; message_is_open(&message->recipients[i]) && j < other->recipient_count; j++) {
			if (strcasecmp(message->recipients[i].address, other->recipients[j].address) == 0)
				return true;
		}
	}
	return false;
}

static bool overlaps(void *ctx, const struct message *message)
{
	struct collector *collector = ctx;
	struct message *other;

	TAILQ_FOREACH (other, &collector->messages, link) {
		if (other != message && other->duplicates == DUPLICATES_KNOWN && other->message_id != NULL &&
		    strcmp(other->message_id, message->message_id) == 0 && shares_recipient(message, other))
			return true;
	}
	return false;
}

/* What waited for this one asks again: it has been delivered, or will not be in this poll. */
static void release_held(struct collector *collector)
{
	struct message *message;

	TAILQ_FOREACH (message, &collector->messages, link) {
		if (message->duplicates == DUPLICATES_HELD)
			message_ask_duplicates(message);
	}
}

/* While it cannot be reached there is no point in retrieving more. */
static void look_at_relay(struct collector *collector)
{
	const struct relay *relay = collector->params.account->relay->relay;

	if (relay_state(relay) != RELAY_DOWN)
		return;
	collector->fetch_allowed = false;
	collector_trouble(collector, POLL_RELAY_TROUBLE, relay_last_error(relay));
}

static void done(void *ctx, struct message *message)
{
	struct collector *collector = ctx;

	TAILQ_REMOVE(&collector->messages, message, link);
	collector->message_count--;
	look_at_relay(collector);
	collector_note_twin(collector, message);
	collector_settle(collector, message);
	message_free(&message);
	release_held(collector);
	collector_go_on(collector);
}

/* --- what arrives --- */

void collector_message_begun(void *ctx, uint32_t number)
{
	struct collector *collector = ctx;
	struct request *request = TAILQ_FIRST(&collector->requests);

	(void)number;
	switch (request->kind) {
	case REQUEST_TOP:
		collector_top_begun(collector);
		break;
	case REQUEST_ENV:
		message_envelope_begun(request->message);
		break;
	case REQUEST_HEADER:
	case REQUEST_RETR:
		message_begun(request->message);
		break;
	}
}

void collector_message_bytes(void *ctx, uint32_t number, const char *data, size_t len)
{
	struct collector *collector = ctx;
	struct request *request = TAILQ_FIRST(&collector->requests);
	struct span bytes = span_make(data, len);

	(void)number;
	switch (request->kind) {
	case REQUEST_TOP:
		collector_top_bytes(collector, bytes);
		break;
	case REQUEST_ENV:
		message_envelope_feed(request->message, bytes);
		break;
	case REQUEST_HEADER:
	case REQUEST_RETR:
		message_feed(request->message, bytes);
		break;
	}
}

/* For what the server cannot say of one message it may know of the next; the poll has failed all the same. */
static void envelope_ended(struct collector *collector, struct message *message, enum pop3_message_end how,
                           const char *text)
{
	char *trouble;

	collector->env_works = collector->env_works || how == POP3_MESSAGE_COMPLETE;
	if (how != POP3_MESSAGE_REFUSED)
		return;
	message_envelope_refused(message);
	if (++collector->env_refusals >= ENV_REFUSALS_MAX && !collector->env_works)
		collector->fetch_allowed = false;
	trouble = str_format(
		"the server refused *ENV: %s: remove \"*ENV\" from envelope if it does not know the command", text);
	collector_trouble(collector, POLL_ACCOUNT_TROUBLE, trouble);
	free(trouble);
}

void collector_message_ended(void *ctx, uint32_t number, enum pop3_message_end how, uint64_t bytes, const char *text)
{
	struct collector *collector = ctx;
	struct request request = *TAILQ_FIRST(&collector->requests);

	(void)number;
	(void)bytes;
	pop(collector);
	switch (request.kind) {
	case REQUEST_TOP:
		collector_top_ended(collector, request.entry, how);
		break;
	case REQUEST_ENV:
		envelope_ended(collector, request.message, how, text);
		break;
	case REQUEST_HEADER:
		message_ended(request.message, how, text);
		break;
	case REQUEST_RETR:
		collector->result.fetched += how == POP3_MESSAGE_COMPLETE;
		message_ended(request.message, how, text);
		break;
	}
	collector_go_on(collector);
}

void collector_deleted(void *ctx, uint32_t number, bool ok, const char *text)
{
	struct collector *collector = ctx;
	int64_t id = collector->deletions[collector->answered++];

	if (ok) {
		collector->deleted = mem_grow(collector->deleted, &collector->deleted_capacity,
		                              collector->deleted_count + 1, sizeof(*collector->deleted));
		collector->deleted[collector->deleted_count++] = id;
	} else {
		log_info("account=%s: DELE %u: %s; the next poll tries again", collector->params.account->config->name,
		         number, text);
	}
	collector_go_on(collector);
}

/* --- life --- */

void collector_transfer_init(struct collector *collector)
{
	const struct config *config = collector->params.setup->config;

	TAILQ_INIT(&collector->requests);
	TAILQ_INIT(&collector->messages);
	TAILQ_INIT(&collector->again);
	collector->waiter = (struct budget_waiter){ .reserved = memory_reserved, .ctx = collector };
	collector->env = (struct message_env){
		.account = collector->params.account,
		.ledger = collector->params.ledger,
		.share = &collector->params.account->relay->share,
		.all_due = collector->params.all_due,
		.hostname = config->hostname,
		.retry_min_s = config->retry_min_s,
		.retry_max_s = config->retry_max_s,
		.flow = flow,
		.again = again,
		.join_twin = join_twin,
		.overlaps = overlaps,
		.done = done,
		.ctx = collector,
	};
}

void collector_abandon(struct collector *collector, bool wait_for_answers)
{
	struct message *message, *next;

	while (!TAILQ_EMPTY(&collector->requests))
		pop(collector);
	for (message = TAILQ_FIRST(&collector->messages); message != NULL; message = next) {
		next = TAILQ_NEXT(message, link);
		if (wait_for_answers && message_is_nearly_done(message)) {
			/* Its RETR may still have been under way, when all that it is about is a bounce. */
			message->over = message->received = true;
			continue;
		}
		collector->leaves_something = true;
		unwait_again(collector, message);
		TAILQ_REMOVE(&collector->messages, message, link);
		collector->message_count--;
		message_free(&message);
	}
}

void collector_transfer_deinit(struct collector *collector)
{
	collector_abandon(collector, false);
	budget_unwait(&collector->waiter);
	collector_free_twins(collector);
	collector_top_free(collector);
	free(collector->fetch.items);
	free(collector->identify.items);
	free(collector->leave.items);
	free(collector->deletions);
	free(collector->deleted);
}
