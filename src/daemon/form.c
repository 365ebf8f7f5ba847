/* SPDX-License-Identifier: ISC
 *
 * What a transaction carries: the message with our trace on top, the
 * postmaster's copy, the sender's bounce, a notice, or only the header; and to
 * whom, from whom and through which relay.
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/digest.h"
#include "multidropd/edit.h"
#include "multidropd/mem.h"
#include "multidropd/notice.h"
#include "multidropd/trace.h"

#define TOKEN_BYTES 16u
/* A longer one is not held twice, as it came and as it is delivered. */
#define HEADER_KEPT_MAX (64u * 1024u)

/* --- the message itself --- */

static void add_trace(const struct message *message, struct strbuf *trace)
{
	const struct message_env *env = message->env;
	const struct config_account *account = env->account->config;
	const struct strlist *recipients = &message->route.recipients;
	bool single = recipients->count == 1 && message->recipient_count == 1 &&
	              message->route.reason != ROUTE_POSTMASTER &&
	              strcmp(recipients->items[0], message->recipients[0].address) == 0;
	struct trace facts = {
		.from_host = account->host,
		.by_host = env->hostname,
		.tls = account->tls != CONFIG_TLS_NONE,
		.recipient = single ? recipients->items[0] : NULL,
		.wall_s = clock_wall_s(),
	};

	if (account->add_received)
		trace_format(&facts, trace);
}

/* With `other_body` its header without what belongs to its own body. */
static void write_message(const struct message *message, bool other_body, struct strbuf *head)
{
	const struct config_account *account = message->env->account->config;
	const struct header_edits edits = {
		.strip = &account->strip_headers,
		.add = &account->add_headers,
		.fix_message_id = account->fix_message_id,
		.other_body = other_body,
	};
	struct strbuf trace = { 0 };

	add_trace(message, &trace);
	header_edit(&message->header, &edits, message->route.remove, strbuf_span(&trace), head);
	strbuf_free(&trace);
}

/* --- what we write ourselves --- */

static struct notice_refusal *refusals(const struct message *message)
{
	struct notice_refusal *list = mem_array(message->offered_count, sizeof(*list));

	for (size_t i = 0; i < message->offered_count; i++) {
		const struct recipient *recipient = &message->recipients[message->offered[i]];

		list[i] = (struct notice_refusal){
			.recipient = recipient->address,
			.original = recipient->original,
			.reply = recipient->refusal != NULL ? recipient->refusal : "",
		};
	}
	return list;
}

/* The boundary of a MIME part must not be in it, and nobody can have guessed this one. */
static void make_token(char token[2 * TOKEN_BYTES + 1])
{
	uint8_t bytes[TOKEN_BYTES];

	arc4random_buf(bytes, sizeof(bytes));
	digest_hex(bytes, sizeof(bytes), token);
}

static enum notice_kept why_kept(const struct message *message)
{
	const struct recipient *first = &message->recipients[message->offered[0]];

	if (first->owes == LEDGER_OWES_SIZE)
		return NOTICE_KEPT_SIZE;
	if (first->address[0] != '\0')
		return NOTICE_KEPT_REFUSED;
	return message->route.reason == ROUTE_LOOP ? NOTICE_KEPT_LOOP : NOTICE_KEPT_FALLBACK;
}

/* Where it is, if that is beyond doubt. */
static const char *relay_host(const struct config_relay *relay)
{
	return relay->endpoint_count == 1 ? relay->endpoints[0].host : NULL;
}

/* `first`: of those whom it is about. */
static void write_by_kind(const struct message *message, const struct notice_facts *facts,
                          const struct recipient *first, struct strbuf *head, struct strbuf *tail)
{
	bool direct = form_is_direct(first, message->offering);

	if (message->offering == LEDGER_OWES_COPY) {
		notice_copy(facts, head, tail);
	} else if (message->offering == LEDGER_OWES_BOUNCE) {
		notice_bounce(facts, head);
	} else if (message->offering == LEDGER_OWES_HEADER) {
		write_message(message, true, head);
		notice_body(facts, head);
	} else if (direct) {
		notice_size(facts, head);
	} else {
		notice_kept(facts, why_kept(message), message->route.explanation, head);
	}
}

static void write_notice(const struct message *message, struct strbuf *head, struct strbuf *tail)
{
	const struct recipient *first = &message->recipients[message->offered[0]];
	const struct config_account *account = message->env->account->config;
	struct notice_refusal *list = refusals(message);
	char token[2 * TOKEN_BYTES + 1];
	struct notice_facts facts = {
		.hostname = message->env->hostname,
		.account = account->name,
		.postmaster = account->postmaster,
		.recipient = message->offered_count == 1 ? first->wire : NULL,
		.server = account->server_text,
		.relay = message->env->account->relay->config->name,
		.relay_host = relay_host(message->env->account->relay->config),
		.uid = span_make(message->uid, message->uid_len),
		.size = message_size(message),
		.limit = account->max_size,
		.sender = message->route.sender != NULL ? message->route.sender : "",
		.header = &message->header,
		.token = token,
		.wall_s = clock_wall_s(),
		.refusals = list,
		.refusal_count = message->offered_count,
	};

	make_token(token);
	write_by_kind(message, &facts, first, head, tail);
	free(list);
}

/* Behind the prefix of a copy: the header as it came, so that the postmaster sees every stamp. */
static void add_original_header(const struct message *message, struct strbuf *head)
{
	const struct header *header = &message->header;

	for (size_t i = 0; i < header->count; i++) {
		if (!header->fields[i].mbox_line)
			strbuf_add_span(head, header->fields[i].raw);
	}
	strbuf_add_span(head, header->rest);
}

/* --- the transaction --- */

bool form_is_direct(const struct recipient *recipient, enum ledger_owes owes)
{
	bool of_size = owes == LEDGER_OWES_SIZE || owes == LEDGER_OWES_HEADER;

	return owes == LEDGER_OWES_MESSAGE || (of_size && recipient->address[0] != '\0');
}

/* A bounce goes to the sender, the postmaster's mail to him, whomever it is about. */
static void address(struct message *message)
{
	message->wire_count = 1;
	message->originals[0] = NULL;
	if (message->offering == LEDGER_OWES_BOUNCE) {
		message->wire[0] = message->route.sender;
		return;
	}
	if (!form_is_direct(&message->recipients[message->offered[0]], message->offering)) {
		message->wire[0] = message->env->account->config->postmaster;
		return;
	}
	message->wire_count = message->offered_count;
	for (size_t i = 0; i < message->offered_count; i++) {
		const struct recipient *recipient = &message->recipients[message->offered[i]];

		message->wire[i] = recipient->wire;
		message->originals[i] = recipient->original;
	}
}

/* As it is delivered it is the same for all recipients. */
static bool is_dressed(const struct message *message)
{
	return message->dressed && message->offering == LEDGER_OWES_MESSAGE;
}

bool form_can_be_written(const struct message *message)
{
	bool bodiless = form_is_bodiless(message->offering);

	if (!message->header_kept && !is_dressed(message))
		return false;
	return bodiless ? message->received : content_has_start(&message->content);
}

bool form_is_bodiless(enum ledger_owes owes)
{
	return owes != LEDGER_OWES_MESSAGE && owes != LEDGER_OWES_COPY;
}

void form_write(struct message *message)
{
	struct strbuf head = { 0 }, tail = { 0 };

	address(message);
	if (is_dressed(message))
		return;
	if (message->offering == LEDGER_OWES_MESSAGE)
		write_message(message, false, &head);
	else
		write_notice(message, &head, &tail);
	if (message->offering == LEDGER_OWES_COPY)
		add_original_header(message, &head);
	content_dress(&message->content, &head, &tail, form_is_bodiless(message->offering));
	message->dressed = message->offering == LEDGER_OWES_MESSAGE;
	if (message->header_bytes.len + message->header.count * sizeof(struct header_field) > HEADER_KEPT_MAX) {
		header_free(&message->header);
		strbuf_free(&message->header_bytes);
		message->header_kept = false;
	}
	message_account(message);
}

/* What we write ourselves is never answered (RFC 3834 3.3). */
const char *form_sender(const struct message *message)
{
	return message->offering == LEDGER_OWES_MESSAGE ? message->route.sender : "";
}

struct setup_relay *form_relay(const struct message *message)
{
	const struct setup_account *account = message->env->account;

	return message->offering == LEDGER_OWES_BOUNCE ? account->bounce_relay : account->relay;
}

/* The sender hears of a failure only where he named the recipient: with a guess he may never have written to them. */
enum delivery_notify form_notify(const struct message *message)
{
	if (message->offering != LEDGER_OWES_MESSAGE)
		return DELIVERY_NOTIFY_DEFAULT;
	if (message->route.guessed)
		return DELIVERY_NOTIFY_NEVER;
	return message->route.reason == ROUTE_ENVELOPE ? DELIVERY_NOTIFY_FAILURE : DELIVERY_NOTIFY_DEFAULT;
}
