/* SPDX-License-Identifier: ISC
 *
 * What a relay's verdict means for a recipient: `rejected`, `give_up` and
 * `oversize`.
 * Whatever cannot be settled ends as a message that stays on the server.
 */
#include "message.h"

#include "multidropd/clock.h"

static struct policy change_to(enum ledger_owes owes, const char *note)
{
	return (struct policy){ .outcome = LEDGER_CHANGED, .owes = owes, .note = note };
}

static struct policy stays(const char *note)
{
	return (struct policy){ .outcome = LEDGER_REFUSED, .note = note };
}

struct policy policy_accepted(const struct recipient *recipient)
{
	static const char *const notes[] = {
		[LEDGER_OWES_BOUNCE] = "the sender's delivery status notification",
		[LEDGER_OWES_COPY] = "the postmaster's copy of what was refused",
	};

	if (recipient->owes == LEDGER_OWES_NOTICE ||
	    (recipient->owes == LEDGER_OWES_SIZE && recipient->address[0] == '\0'))
		return stays("a notice that the message stays on the server");
	if (recipient->owes == LEDGER_OWES_SIZE)
		return stays("a notice that it is larger than max_size; the message stays on the server");
	if (recipient->owes == LEDGER_OWES_HEADER)
		return stays("the header of what is larger than max_size; the message stays on the server");
	return (struct policy){ .outcome = LEDGER_DELIVERED, .note = notes[recipient->owes] };
}

static struct policy message_refused(const struct message *message, const struct recipient *recipient)
{
	switch (message->env->account->config->rejected) {
	case CONFIG_REJECTED_KEEP:
		return stays("stays on the server, not tried again (rejected = keep)");
	case CONFIG_REJECTED_DISCARD:
		return (struct policy){ .outcome = LEDGER_SETTLED, .note = "discarded (rejected = discard)" };
	case CONFIG_REJECTED_BOUNCE:
		/* A postmaster who was added because a part of the stamp is broken is none of the sender's. */
		if (message->may_bounce && (recipient->original != NULL || message->route.reason == ROUTE_FIXED))
			return change_to(LEDGER_OWES_BOUNCE, "the sender is to be told (rejected = bounce)");
		return change_to(
			LEDGER_OWES_COPY,
			"goes to the postmaster: no bounce for such mail (no sender, a list, a program or a guess)");
	case CONFIG_REJECTED_POSTMASTER:
		break;
	}
	return change_to(LEDGER_OWES_COPY, "goes to the postmaster (rejected = postmaster)");
}

struct policy policy_refused(const struct message *message, const struct recipient *recipient)
{
	switch (recipient->owes) {
	case LEDGER_OWES_MESSAGE:
		return message_refused(message, recipient);
	case LEDGER_OWES_BOUNCE:
		return change_to(LEDGER_OWES_COPY, "the bounce is refused: goes to the postmaster");
	case LEDGER_OWES_COPY:
		return change_to(LEDGER_OWES_NOTICE, "the postmaster's copy is refused: stays on the server");
	case LEDGER_OWES_SIZE:
	case LEDGER_OWES_HEADER:
		return stays("the notice that it is larger than max_size is refused; the message stays on the server");
	case LEDGER_OWES_NOTICE:
		break;
	}
	return stays("the notice to the postmaster is refused; the message stays on the server");
}

static bool is_too_late(const struct message *message, const struct recipient *recipient)
{
	int64_t give_up_s = message->env->account->config->give_up_s;

	return recipient->first_deferred_s != 0 && clock_wall_s() - recipient->first_deferred_s >= give_up_s;
}

static struct policy given_up(const struct message *message, const struct recipient *recipient)
{
	struct policy policy = policy_refused(message, recipient);

	policy.given_up = true;
	return policy;
}

struct policy policy_deferred(const struct message *message, const struct recipient *recipient)
{
	if (is_too_late(message, recipient))
		return given_up(message, recipient);
	return (struct policy){ .outcome = LEDGER_DEFERRED };
}

/* A second notice would say no more than the first. */
struct policy policy_unknown(const struct message *message, const struct recipient *recipient)
{
	if (recipient->owes == LEDGER_OWES_NOTICE)
		return stays("the answer to the notice was lost; the message stays on the server");
	if (is_too_late(message, recipient))
		return given_up(message, recipient);
	return (struct policy){ .outcome = LEDGER_POSSIBLE,
		                .note = "possible duplicate: the relay's answer was lost, it may have the message" };
}
