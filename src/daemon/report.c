/* SPDX-License-Identifier: ISC
 *
 * What the log says of a message: one line for each group of recipients with
 * the same verdict and reply.
 */
#include "message.h"

#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"

static const char *const statuses[] = {
	[VERDICT_ACCEPTED] = "delivered", [VERDICT_DEFERRED] = "deferred",  [VERDICT_REFUSED] = "rejected",
	[VERDICT_TOO_MANY] = "deferred",  [VERDICT_UNDECIDED] = "deferred", [VERDICT_UNKNOWN] = "deferred",
};

static const char *const notes[VERDICT_UNKNOWN + 1] = {
	[VERDICT_REFUSED] = "stays on the server",
	[VERDICT_UNKNOWN] = "possible duplicate: the relay's answer was lost, it may have the message",
};

static void begin_line(const struct message *message, struct log_line *line, enum log_level level)
{
	log_line_begin(line, level);
	log_line_str(line, "account", message->env->account->config->name);
	log_line_span(line, "uid", span_make(message->uid, message->uid_len));
	log_line_str(line, "msgid", message->message_id);
}

static void report_group(struct message *message, size_t first)
{
	struct recipient *head = &message->recipients[first];
	struct strbuf to = { 0 };
	struct log_line line;

	for (size_t i = first; i < message->recipient_count; i++) {
		struct recipient *recipient = &message->recipients[i];

		if (recipient->state != RECIPIENT_OVER || recipient->last.logged || recipient->last.reply == NULL ||
		    recipient->last.kind != head->last.kind || strcmp(recipient->last.reply, head->last.reply) != 0)
			continue;
		recipient->last.logged = true;
		strbuf_addf(&to, "%s%s", to.len > 0 ? "," : "", recipient->address);
	}
	begin_line(message, &line, LOG_AT_NOTICE);
	log_line_str(&line, "from", message->route.sender);
	log_line_span(&line, "to", strbuf_span(&to));
	log_line_num(&line, "size", (int64_t)message->size);
	log_line_str(&line, "relay", message->env->account->relay->config->name);
	log_line_str(&line, "status", statuses[head->last.kind]);
	log_line_str(&line, "reply", head->last.reply);
	log_line_str(&line, "note", notes[head->last.kind]);
	log_line_str(&line, "why", message->route.explanation);
	log_line_num(&line, "delay", (clock_mono_ms() - message->begun_mono_ms) / 1000);
	log_line_end(&line);
	strbuf_free(&to);
}

void message_report(struct message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		struct recipient *recipient = &message->recipients[i];

		if (recipient->state == RECIPIENT_OVER && recipient->last.reply != NULL && !recipient->last.logged)
			report_group(message, i);
	}
}

void message_log(const struct message *message, enum log_level level, const char *status, const char *text)
{
	struct log_line line;

	begin_line(message, &line, level);
	log_line_num(&line, "size", (int64_t)message->size);
	log_line_str(&line, "status", status);
	log_line_str(&line, "note", text);
	log_line_end(&line);
}
