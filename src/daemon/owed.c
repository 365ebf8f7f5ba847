/* SPDX-License-Identifier: ISC
 *
 * Who is owed what of a message. Those of a known message are what was found
 * the first time; the route only says how they were stamped.
 */
#include "message.h"

#include <stdlib.h>
#include <strings.h>

#include "multidropd/clock.h"
#include "multidropd/mem.h"

static struct recipient *add(struct message *message, const char *address, enum ledger_owes owes)
{
	struct recipient *recipient = &message->recipients[message->recipient_count++];

	recipient->address = mem_strdup(address);
	recipient->wire = mem_strdup(address);
	recipient->owes = owes;
	return recipient;
}

static void find_new(struct message *message)
{
	const struct route *route = &message->route;

	message->recipients = mem_array(route->recipients.count + 1, sizeof(*message->recipients));
	for (size_t i = 0; i < route->recipients.count; i++) {
		struct recipient *recipient = add(message, route->recipients.items[i], oversize_owes(message));

		if (i < route->originals.count && route->originals.items[i][0] != '\0')
			recipient->original = mem_strdup(route->originals.items[i]);
	}
	if (route->keep)
		add(message, LEDGER_NOBODY, LEDGER_OWES_NOTICE);
}

struct recipient *owed_add_nobody(struct message *message, enum ledger_owes owes)
{
	message->recipients = mem_array(1, sizeof(*message->recipients));
	message->offered = mem_array(1, sizeof(*message->offered));
	return add(message, LEDGER_NOBODY, owes);
}

static char *find_original(const struct route *route, const char *address)
{
	for (size_t i = 0; i < route->originals.count; i++) {
		if (strcasecmp(route->recipients.items[i], address) == 0)
			return route->originals.items[i][0] != '\0' ? mem_strdup(route->originals.items[i]) : NULL;
	}
	return NULL;
}

/* A bounce that was decided under another configuration may have no relay any more, or no sender to go to. */
static enum ledger_owes owes_now(const struct message *message, const struct ledger_owed *owed)
{
	return owed->owes == LEDGER_OWES_BOUNCE && !message->may_bounce ? LEDGER_OWES_COPY : owed->owes;
}

static void find_owed(struct message *message)
{
	const struct ledger_record *record = message->record;

	message->recipients = mem_array(record->owed_count, sizeof(*message->recipients));
	for (size_t i = 0; i < record->owed_count; i++) {
		const struct ledger_owed *owed = &record->owed[i];
		struct recipient *recipient;

		if (!message->env->all_due && owed->due_s > clock_wall_s()) {
			if (owed->due_s < message->due_s)
				message->due_s = owed->due_s;
			continue;
		}
		recipient = add(message, owed->recipient, owes_now(message, owed));
		recipient->refusal = owed->refusal != NULL ? mem_strdup(owed->refusal) : NULL;
		recipient->attempts = owed->attempts;
		recipient->first_deferred_s = owed->first_deferred_s;
		recipient->original = find_original(&message->route, owed->recipient);
	}
}

bool owed_find(struct message *message)
{
	if (message->record != NULL)
		find_owed(message);
	else
		find_new(message);
	message->offered = mem_array(message->recipient_count, sizeof(*message->offered));
	return message->recipient_count > 0;
}

/* A notice about refusals and one about what is for nobody are two. */
static bool goes_with(const struct message *message, const struct recipient *recipient)
{
	const struct recipient *first = &message->recipients[message->offered[0]];

	return message->offered_count == 0 || (first->address[0] == '\0') == (recipient->address[0] == '\0');
}

/* What the sender or the postmaster gets is one mail, about however many. */
static size_t collect(struct message *message, enum ledger_owes owes)
{
	bool about = owes == LEDGER_OWES_BOUNCE || owes == LEDGER_OWES_COPY || owes == LEDGER_OWES_NOTICE;
	size_t most = about ? message->recipient_count : RELAY_RECIPIENTS_MAX;

	message->offering = owes;
	message->offered_count = 0;
	for (size_t i = 0; i < message->recipient_count && message->offered_count < most; i++) {
		const struct recipient *recipient = &message->recipients[i];

		if (recipient->state == RECIPIENT_PENDING && recipient->owes == owes && goes_with(message, recipient))
			message->offered[message->offered_count++] = i;
	}
	return message->offered_count;
}

/* In the order of what is owed: whoever was refused is reported together, after the last of them was asked for. */
bool owed_offer(struct message *message)
{
	static const enum ledger_owes order[] = { LEDGER_OWES_MESSAGE, LEDGER_OWES_BOUNCE, LEDGER_OWES_COPY,
		                                  LEDGER_OWES_NOTICE,  LEDGER_OWES_SIZE,   LEDGER_OWES_HEADER };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (collect(message, order[i]) > 0)
			return true;
	}
	return false;
}

bool owed_wants_body(const struct message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		const struct recipient *recipient = &message->recipients[i];

		if (recipient->state == RECIPIENT_PENDING && !form_is_bodiless(recipient->owes))
			return true;
	}
	return false;
}

void owed_free(struct message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++) {
		free(message->recipients[i].address);
		free(message->recipients[i].wire);
		free(message->recipients[i].original);
		free(message->recipients[i].refusal);
		free(message->recipients[i].last.reply);
	}
	free(message->recipients);
	free(message->offered);
}
