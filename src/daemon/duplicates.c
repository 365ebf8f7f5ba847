/* SPDX-License-Identifier: ISC
 *
 * `duplicates`: a recipient who has had a message with this Message-ID does
 * not get it again. Only what was delivered counts: a message that is still
 * owed may never arrive. So of two that come at once the second waits until
 * the first has ended, without its bytes, which are retrieved again if needed.
 */
#include "message.h"

#include <stdlib.h>

#include "multidropd/clock.h"
#include "multidropd/mem.h"

static int64_t window_s(const struct message *message)
{
	const struct config_account *account = message->env->account->config;

	return message->route.guessed ? account->guessed_duplicates_s : account->duplicates_s;
}

int64_t message_remember_s(const struct message *message)
{
	const struct config_account *account = message->env->account->config;

	return account->duplicates_s > account->guessed_duplicates_s ? account->duplicates_s
	                                                             : account->guessed_duplicates_s;
}

bool message_awaits_duplicates(const struct message *message)
{
	return message->duplicates == DUPLICATES_ASKED || message->duplicates == DUPLICATES_HELD;
}

bool message_is_open(const struct recipient *recipient)
{
	return recipient->state == RECIPIENT_PENDING && recipient->owes == LEDGER_OWES_MESSAGE;
}

static void suppress(struct message *message, const bool *duplicate)
{
	size_t at = 0;

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (message_is_open(&message->recipients[i]) && duplicate[at++])
			message_settle_recipient(message, &message->recipients[i],
			                         "the same Message-ID was delivered before (duplicates)");
	}
	message_report(message);
}

static void found(void *ctx, const bool *duplicate, size_t count)
{
	struct message *message = ctx;

	(void)count;
	message->duplicates = DUPLICATES_KNOWN;
	suppress(message, duplicate);
	if (message->env->overlaps(message->env->ctx, message)) {
		message->duplicates = DUPLICATES_HELD;
		message_discard(message);
		return;
	}
	/* Held whole it has been waiting; streamed it is due; else it goes on when it has arrived. */
	if (message->received || message->content.streamed || !owed_offer(message))
		message_deliver(message);
}

void message_ask_duplicates(struct message *message)
{
	const char **open = mem_array(message->recipient_count, sizeof(*open));
	struct ledger_duplicates wanted = {
		.mailbox = message->env->mailbox,
		.message_id = span_of(message->message_id),
		.recipients = open,
		.now_s = clock_wall_s(),
		.found = found,
		.ctx = message,
	};

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (message_is_open(&message->recipients[i]))
			open[wanted.recipient_count++] = message->recipients[i].address;
	}
	message->duplicates = DUPLICATES_KNOWN;
	if (window_s(message) > 0 && wanted.message_id.len > 0 && wanted.recipient_count > 0) {
		message->duplicates = DUPLICATES_ASKED;
		ledger_find_duplicates(message->env->ledger, &wanted);
	}
	free(open);
}
