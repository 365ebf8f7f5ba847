/* SPDX-License-Identifier: ISC
 *
 * What the log says of a message: one line for each group of recipients with
 * the same verdict and reply.
 */
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"

static const char *const statuses[] = {
	[VERDICT_ACCEPTED] = "delivered", [VERDICT_DEFERRED] = "deferred",  [VERDICT_REFUSED] = "rejected",
	[VERDICT_TOO_MANY] = "deferred",  [VERDICT_UNDECIDED] = "deferred", [VERDICT_UNKNOWN] = "deferred",
};

static void begin_line(const struct message *message, struct log_line *line, enum log_level level)
{
	log_line_begin(line, level);
	log_line_str(line, "account", message->env->account->config->name);
	log_line_span(line, "uid", span_make(message->uid, message->uid_len));
	log_line_str(line, "msgid", message->message_id);
}

/* A recipient that is offered again at once (in lower case, in another transaction) has nothing to tell yet. */
static bool has_news(const struct recipient *recipient)
{
	return recipient->last.reply != NULL &&
	       (recipient->state == RECIPIENT_OVER || recipient->last.owes != recipient->owes);
}

static bool same_group(const struct recipient *a, const struct recipient *b)
{
	return has_news(a) && a->last.kind == b->last.kind && a->last.owes == b->last.owes &&
	       a->last.note == b->last.note && a->last.given_up == b->last.given_up &&
	       a->last.duplicate == b->last.duplicate && strcmp(a->last.reply, b->last.reply) == 0;
}

static void add_address(struct strbuf *list, const char *address)
{
	strbuf_addf(list, "%s%s", list->len > 0 ? "," : "", address);
}

static const char *status_of(const struct recipient *recipient)
{
	if (recipient->last.duplicate)
		return "duplicate";
	return recipient->last.given_up ? "rejected" : statuses[recipient->last.kind];
}

/* A duplicate is our own verdict: no relay was asked. */
static void add_verdict(struct log_line *line, const struct recipient *head, const struct setup_relay *relay)
{
	char *note = NULL;

	if (head->last.duplicate) {
		log_line_str(line, "status", status_of(head));
		log_line_str(line, "note", head->last.reply);
		return;
	}
	if (head->last.given_up)
		note = str_format("given up (give_up): %s", head->last.note);
	log_line_str(line, "relay", relay->config->name);
	log_line_str(line, "status", status_of(head));
	log_line_str(line, "reply", head->last.reply);
	log_line_str(line, "note", note != NULL ? note : head->last.note);
	free(note);
}

/* `to` is whoever was to get it, `about` those whose refusal a mail of ours was about. */
static void write_line(const struct message *message, const struct recipient *head, struct span addresses)
{
	bool ours = head->last.owes != LEDGER_OWES_MESSAGE;
	bool direct = form_is_direct(head, head->last.owes);
	bool bounce = head->last.owes == LEDGER_OWES_BOUNCE;
	const struct setup_account *account = message->env->account;
	struct log_line line;

	begin_line(message, &line, LOG_AT_NOTICE);
	log_line_str(&line, "from", ours ? "" : message->route.sender);
	if (direct)
		log_line_span(&line, "to", addresses);
	else
		log_line_str(&line, "to", bounce ? message->route.sender : account->config->postmaster);
	if (!direct && addresses.len > 0)
		log_line_span(&line, "about", addresses);
	log_line_num(&line, "size", (int64_t)message_size(message));
	add_verdict(&line, head, bounce ? account->bounce_relay : account->relay);
	log_line_str(&line, "why", message->route.explanation);
	log_line_num(&line, "delay", (clock_mono_ms() - message->begun_mono_ms) / 1000);
	log_line_end(&line);
}

static void forget(struct recipient *recipient)
{
	free(recipient->last.reply);
	recipient->last.reply = NULL;
	recipient->last.duplicate = false;
}

static void report_group(struct message *message, size_t first)
{
	struct recipient *head = &message->recipients[first];
	struct strbuf addresses = { 0 };

	for (size_t i = first; i < message->recipient_count; i++) {
		if (same_group(&message->recipients[i], head))
			add_address(&addresses, message->recipients[i].address);
	}
	write_line(message, head, strbuf_span(&addresses));
	for (size_t i = message->recipient_count; i-- > first;) {
		if (i != first && same_group(&message->recipients[i], head))
			forget(&message->recipients[i]);
	}
	forget(head);
	strbuf_free(&addresses);
}

void message_report(struct message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		if (has_news(&message->recipients[i]))
			report_group(message, i);
	}
}

void message_log(const struct message *message, enum log_level level, const char *status, const char *text)
{
	struct log_line line;

	begin_line(message, &line, level);
	log_line_num(&line, "size", (int64_t)message_size(message));
	log_line_str(&line, "status", status);
	log_line_str(&line, "note", text);
	log_line_str(&line, "why", message->route.explanation);
	log_line_end(&line);
}
