/* SPDX-License-Identifier: ISC
 *
 * A message coming in: envelope, header, identity, route, body.
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/digest.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"
#include "multidropd/notice.h"

/* Beside LIST's figure: it is a hint, and our trace field comes on top. */
#define RESERVE_SLACK 4096u
#define RESERVE_UNKNOWN (64u * 1024u)
#define RESERVE_STEP (64u * 1024u)
/* An address in the forms that route, ledger and relay want, and what was said of it. */
#define RECIPIENT_BYTES 512u

struct message *message_new(const struct message_env *env, struct ledger_entry *entry, size_t reserved)
{
	struct message *message = mem_alloc(sizeof(*message));

	message->env = env;
	message->entry = entry;
	message->number = entry->number;
	message->uid = mem_strndup(entry->uid.data, entry->uid.len);
	message->uid_len = entry->uid.len;
	message->size = entry->size;
	message->reserved = reserved;
	message->due_s = INT64_MAX;
	return message;
}

static void set_paused(struct message *message, bool paused)
{
	if (message->paused == paused)
		return;
	message->paused = paused;
	message->env->flow(message->env->ctx, message, paused);
}

static void free_bytes(struct message *message)
{
	header_free(&message->header);
	strbuf_free(&message->header_bytes);
	message->header_kept = false;
	content_deinit(&message->content);
}

static void forget_incoming(struct message *message)
{
	free_bytes(message);
	message->scan = (struct header_scan){ 0 };
	message->header_done = message->received = message->discard = message->skip_body = false;
	message->dressed = false;
}

uint64_t message_size(const struct message *message)
{
	uint64_t hint = message->entry->size;

	return !message->received && hint > message->size ? hint : message->size;
}

void message_discard(struct message *message)
{
	message->discard = true;
	free_bytes(message);
	budget_release(message->env->share, message->reserved);
	message->reserved = 0;
	set_paused(message, false);
}

void message_free(struct message **pointer)
{
	struct message *message = *pointer;

	if (message == NULL)
		return;
	*pointer = NULL;
	message_break(message);
	forget_incoming(message);
	budget_release(message->env->share, message->reserved);
	owed_free(message);
	route_free(&message->route);
	strbuf_free(&message->envelope_lines);
	free(message->message_id);
	free(message->uid);
	free(message);
}

size_t message_wants(const struct ledger_entry *entry, bool header_only)
{
	uint64_t hint = entry->size;

	if (hint == 0 || header_only)
		return RESERVE_UNKNOWN;
	return hint < MESSAGE_WHOLE_MAX ? (size_t)hint + RESERVE_SLACK : MESSAGE_WHOLE_MAX;
}

static void hash_bytes(void *ctx, struct span bytes)
{
	digest_add(ctx, bytes);
}

void message_hash(const struct header *header, uint8_t out[LEDGER_HASH_LEN])
{
	struct digest *digest = digest_new();

	_Static_assert(LEDGER_HASH_LEN == DIGEST_SHA256_LEN, "a header hash is a SHA-256");
	header_identity(header, hash_bytes, digest);
	digest_finish(&digest, out);
}

const struct ledger_record *message_record(const struct ledger_entry *entry, const uint8_t hash[LEDGER_HASH_LEN])
{
	for (size_t i = 0; i < entry->record_count; i++) {
		if (entry->records[i].has_hash && memcmp(entry->records[i].hash, hash, LEDGER_HASH_LEN) == 0)
			return &entry->records[i];
	}
	return NULL;
}

/* --- memory --- */

/* Beside the bytes: what is known of each field and each recipient, roughly. */
static size_t held(const struct message *message)
{
	return message->header_bytes.len + message->header.count * sizeof(struct header_field) +
	       message->envelope_lines.len + message->recipient_count * RECIPIENT_BYTES +
	       content_held(&message->content);
}

/* False: more is held than was reserved, and no more is to be had. */
static bool covered(struct message *message)
{
	while (held(message) > message->reserved) {
		if (message->reserved >= MESSAGE_WHOLE_MAX + RESERVE_SLACK ||
		    !budget_reserve(message->env->share, RESERVE_STEP))
			return false;
		message->reserved += RESERVE_STEP;
	}
	return true;
}

void message_account(struct message *message)
{
	size_t needed = held(message);

	if (needed <= message->reserved)
		return;
	budget_force(message->env->share, needed - message->reserved);
	message->reserved = needed;
}

/* A long header alone may be more than what is reserved. */
static void taken_from(void *ctx)
{
	struct message *message = ctx;

	if (held(message) <= message->reserved / 2 || content_body_held(&message->content) == 0)
		set_paused(message, false);
}

/* --- header --- */

static char *find_message_id(const struct header *header)
{
	ssize_t at = header_find(header, "Message-ID", 0);

	return at >= 0 ? span_dup(span_trim(header->fields[at].value)) : NULL;
}

/* A known message that is not owed to anybody: the poll deletes or leaves it. */
static bool known_and_settled(struct message *message)
{
	const struct ledger_record *record = message->record;

	if (record == NULL || record->state == LEDGER_STATE_OWED)
		return false;
	message->ledger_id = record->id;
	message->settled_s = record->settled_s;
	message->fate = record->state == LEDGER_STATE_REFUSED || record->state == LEDGER_STATE_OVERSIZE
	                        ? MESSAGE_KEPT
	                        : MESSAGE_SETTLED;
	return true;
}

/* Another RETR of a message that has its route already: only the same bytes will do. */
static bool is_still_the_same(struct message *message)
{
	uint8_t hash[LEDGER_HASH_LEN];

	message_hash(&message->header, hash);
	if (memcmp(hash, message->hash, sizeof(hash)) == 0)
		return true;
	message_log(message, LOG_AT_WARNING, "deferred", "the server gave another message under the same number");
	return false;
}

/* Owed to nobody: the commit of the end was lost, or `virtual` discards it for all. */
static bool nobody_is_owed(const struct message *message)
{
	return message->record != NULL ? message->record->owed_count == 0 : message->recipient_count == 0;
}

/* Once, when it is found; later polls only tell the postmaster. */
static void report_kept(const struct message *message)
{
	if (message->record != NULL || !message->route.keep)
		return;
	message_log(message, LOG_AT_WARNING, "skipped",
	            message->route.reason == ROUTE_LOOP
	                    ? "a loop: stays on the server, the postmaster is told"
	                    : "stays on the server, the postmaster is told (fallback = keep)");
}

/* What was too large and comes whole now is as if nothing were known of it. */
static void find_record(struct message *message)
{
	const struct ledger_record *record = message_record(message->entry, message->hash);

	/* With two of one UID nobody knows whose such a record is. */
	if (record == NULL && !message->header_only && !message->entry->shared)
		record = oversize_unread_record(message->entry);
	if (record != NULL && !message->header_only && oversize_was(record)) {
		message->replaces = record->id;
		record = NULL;
	}
	message->record = record;
}

/* False: its bytes are not needed. */
static bool first_header(struct message *message)
{
	message_hash(&message->header, message->hash);
	message->identified = true;
	find_record(message);
	message->message_id = find_message_id(&message->header);
	if ((message->entry->shared && message->env->join_twin(message->env->ctx, message)) ||
	    known_and_settled(message))
		return false;
	if (owed_find(message)) {
		report_kept(message);
		return true;
	}
	if (nobody_is_owed(message))
		message_begin(message);
	if (message->record == NULL)
		message_log(message, LOG_AT_NOTICE, "skipped", "virtual discards it for all its recipients");
	return false;
}

/* For a guessed recipient nobody is told: the sender may never have written to them. */
static bool may_bounce(const struct message *message)
{
	const struct route *route = &message->route;
	bool known = !route->guessed && (route->reason == ROUTE_ENVELOPE || route->reason == ROUTE_FIXED);
	bool wanted = message->env->account->config->rejected == CONFIG_REJECTED_BOUNCE;

	return wanted && known && notice_may_bounce(&message->header, message->route.sender);
}

static void find_route(struct message *message)
{
	bool asked = message->env->account->asks_envelope;
	struct span envelope_lines = asked ? span_of(strbuf_str(&message->envelope_lines)) : (struct span){ 0 };

	route_free(&message->route);
	route_message(&message->env->account->rules, &message->header, envelope_lines, &message->route);
	message->may_bounce = may_bounce(message);
}

static void header_complete(struct message *message, bool capped)
{
	message->header_done = message->header_kept = true;
	message->capped = capped;
	header_parse(&message->header, strbuf_span(&message->header_bytes), capped);
	/* Anew for each RETR: a field that the hash leaves out (Status …) may have come or gone. */
	find_route(message);
	if (message->refused_envelope || (message->retrs == 1 ? !first_header(message) : !is_still_the_same(message))) {
		message->over = true;
		message_discard(message);
		return;
	}
	content_init(&message->content, message_wants(message->entry, message->header_only), taken_from, message);
	message->content.may_end = message->begun;
	message_account(message);
	/* Behind a header that came by TOP a body would be an empty one. */
	message->content.drained = message->header_only;
	message->skip_body = !owed_wants_body(message);
	if (message->duplicates == DUPLICATES_UNASKED)
		message_ask_duplicates(message);
}

/* --- bytes --- */

void message_envelope_begun(struct message *message)
{
	strbuf_clear(&message->envelope_lines);
}

void message_envelope_feed(struct message *message, struct span bytes)
{
	strbuf_add_span(&message->envelope_lines, bytes);
}

void message_envelope_refused(struct message *message)
{
	message->refused_envelope = true;
}

void message_begun(struct message *message)
{
	forget_incoming(message);
	message->retrs++;
	if (message->retrs == 1)
		message->begun_mono_ms = clock_mono_ms();
	message->size = message->header_only ? message->entry->size : 0;
}

static void feed_body(struct message *message, struct span bytes)
{
	if (message->skip_body) {
		message->content.drained = true;
		return;
	}
	content_add(&message->content, bytes);
	if (covered(message) && held(message) < MESSAGE_WHOLE_MAX)
		return;
	/* Too large to be held, or memory is short: the relay takes it while it arrives. */
	message->content.streamed = true;
	if (message->delivery == NULL)
		message_deliver(message);
	if (!message->discard)
		set_paused(message, true);
}

void message_skip_body(struct message *message)
{
	message->skip_body = true;
	content_drop_body(&message->content);
	set_paused(message, false);
}

static void resume_streamed(struct message *message)
{
	if (message->content.streamed && message->delivery != NULL)
		delivery_resume(message->delivery);
}

void message_feed(struct message *message, struct span bytes)
{
	bool ended = false, capped = false;

	if (!message->header_only)
		message->size += bytes.len;
	if (!message->header_done) {
		size_t used = header_scan_feed(&message->scan, bytes.data, bytes.len, &ended, &capped);

		strbuf_add(&message->header_bytes, bytes.data, used);
		message_account(message);
		bytes = span_from(bytes, used);
		if (ended)
			header_complete(message, capped);
	}
	if (message->discard || bytes.len == 0)
		return;
	feed_body(message, bytes);
	resume_streamed(message);
}

static void cut(struct message *message, enum pop3_message_end how, const char *text)
{
	if (how == POP3_MESSAGE_REFUSED)
		message_log(message, LOG_AT_WARNING, "skipped", text);
	message->over = true;
	/* Still in the queue for a connection: it need not have one only to be broken off. */
	if (message->delivery != NULL && message->ledger_id == 0)
		delivery_cancel(&message->delivery);
	if (message->delivery == NULL) {
		message_deliver(message);
		return;
	}
	message->content.broken = true;
	delivery_resume(message->delivery);
}

/* LIST said more than came. */
static void give_back_surplus(struct message *message)
{
	size_t needed = held(message);

	if (message->reserved <= needed)
		return;
	budget_release(message->env->share, message->reserved - needed);
	message->reserved = needed;
}

/* A message that is all header still has the blank line that ends it. */
static void end_header(struct message *message)
{
	if (!message->discard)
		content_add(&message->content, SPAN("\r\n"));
}

void message_ended(struct message *message, enum pop3_message_end how, const char *text)
{
	if (how == POP3_MESSAGE_REFUSED && oversize_is_unreadable(message)) {
		message_leave(message);
		return;
	}
	message->received = true;
	set_paused(message, false);
	if (how != POP3_MESSAGE_COMPLETE) {
		cut(message, how, text);
		return;
	}
	if (!message->header_done) {
		header_complete(message, false);
		end_header(message);
	} else if (message->capped && message->size <= HEADER_MAX) {
		end_header(message);
	}
	if (!message->discard)
		content_complete(&message->content);
	give_back_surplus(message);
	if (message->delivery != NULL)
		delivery_resume(message->delivery);
	else
		message_deliver(message);
}
