/* SPDX-License-Identifier: ISC
 *
 * The commands, and the queue of those whose reply is awaited. A reply belongs
 * to the head of the queue.
 */
#include "session.h"

#include <assert.h>

static const struct smtp_command commands[] = {
	[SMTP_GREETING] = { "greeting", "the greeting", false, true, smtp_greeting_replied },
	[SMTP_EHLO] = { "EHLO", "the reply to EHLO", false, true, smtp_ehlo_replied },
	[SMTP_HELO] = { "HELO", "the reply to HELO", false, true, smtp_helo_replied },
	[SMTP_STARTTLS] = { "STARTTLS", "the reply to STARTTLS", false, true, smtp_starttls_replied },
	[SMTP_AUTH] = { "AUTH", "the reply to AUTH", false, true, smtp_auth_replied },
	[SMTP_MAIL] = { "MAIL", "the reply to MAIL", true, false, smtp_mail_replied },
	[SMTP_RCPT] = { "RCPT", "the reply to RCPT", true, false, smtp_rcpt_replied },
	[SMTP_DATA] = { "DATA", "the reply to DATA", true, true, smtp_data_replied },
	/* RFC 2920 would let the next MAIL follow; of eleven servers five lose it, refuse it or close. */
	[SMTP_DOT] = { "the message", "the reply to the message", true, true, smtp_dot_replied },
	[SMTP_RSET] = { "RSET", "the reply to RSET", false, true, smtp_rset_replied },
	[SMTP_QUIT] = { "QUIT", "the reply to QUIT", false, true, smtp_quit_replied },
};
_Static_assert(sizeof(commands) / sizeof(commands[0]) == SMTP_VERB_COUNT, "a row for each command");
_Static_assert(SMTP_FLIGHT_MAX >= RELAY_RECIPIENTS_MAX + 2, "an envelope fits into the queue");

const struct smtp_command *smtp_command(enum smtp_verb verb)
{
	return &commands[verb];
}

void smtp_queue_push(struct smtp_queue *queue, enum smtp_verb verb, size_t recipient)
{
	assert(queue->count < SMTP_FLIGHT_MAX);
	queue->items[(queue->head + queue->count++) % SMTP_FLIGHT_MAX] = (struct smtp_flight){ verb, recipient };
}

bool smtp_queue_pop(struct smtp_queue *queue, struct smtp_flight *flight)
{
	if (queue->count == 0)
		return false;
	*flight = queue->items[queue->head];
	queue->head = (queue->head + 1) % SMTP_FLIGHT_MAX;
	queue->count--;
	return true;
}

const struct smtp_flight *smtp_queue_head(const struct smtp_queue *queue)
{
	return queue->count > 0 ? &queue->items[queue->head] : NULL;
}

bool smtp_queue_takes(const struct smtp_queue *queue, enum smtp_verb verb, bool pipelining)
{
	const struct smtp_flight *tail;

	if (queue->count == 0)
		return true;
	tail = &queue->items[(queue->head + queue->count - 1) % SMTP_FLIGHT_MAX];
	return pipelining && commands[verb].behind_others && !commands[tail->verb].last;
}
