/* SPDX-License-Identifier: ISC
 *
 * A POP3 server and a relay that answer by themselves, and count. Each line
 * that one of them gets is a step; at one step of a run something goes wrong.
 * So every place where a cut, a refusal or a crash can come is tried in turn,
 * and what must hold in the end is the same for all.
 */
#ifndef TESTS_ROBOTS_H
#define TESTS_ROBOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "fake_net.h"

#define ROBOTS_RECIPIENTS_MAX 4
#define ROBOTS_MESSAGES_MAX 12

/* What they do at the chosen step. */
enum robots_fault {
	FAULT_NONE,
	FAULT_CUT_BEFORE,      /* the connection is cut, the line never came */
	FAULT_CUT_AFTER,       /* the line was obeyed, its answer is lost */
	FAULT_CUT_WITHIN,      /* half of the answer comes */
	FAULT_REFUSE,          /* -ERR, 451 */
	FAULT_REFUSE_FOR_GOOD, /* -ERR, 554 */
	FAULT_FAREWELL,        /* -ERR or 421, and the connection is closed */
	FAULT_SILENCE,         /* no answer, ever */
	FAULT_TOO_MANY,        /* -ERR, 452 */
	FAULT_TELL_BEFORE,     /* `told` is called before the line is obeyed */
	FAULT_TELL_AFTER,      /* after that, and before its answer is out */
	FAULT_COUNT,
};

/* A recipient "later…" is refused for now twice, "never…" for good. Whoever else is asked for is taken. */
struct robots_message {
	const char *uid;
	const char *recipients[ROBOTS_RECIPIENTS_MAX]; /* local parts */
	size_t recipient_count;
	bool gone;                              /* deleted from the server */
	unsigned copies[ROBOTS_RECIPIENTS_MAX]; /* delivered */
	unsigned told[ROBOTS_RECIPIENTS_MAX];   /* mails of the daemon's own that say that this one was refused, and hold the message */
	unsigned refusals[ROBOTS_RECIPIENTS_MAX];
	size_t same_as;   /* index of the message whose twin this is, or its own */
	const char *user; /* whose mailbox it is in; NULL: everybody's */
};

struct robots {
	bool lmtp;
	bool lying_sizes; /* LIST says 1 of all */
	const char *capa; /* a line of CAPA; NULL: it is not known */
	bool refuses_logins;
	size_t body_lines;
	struct robots_message messages[ROBOTS_MESSAGES_MAX];
	size_t message_count;
	size_t step; /* so many lines came */
	size_t fault_at;
	enum robots_fault fault;
	void (*told)(void *ctx);
	void *ctx;
	char *broken;       /* the first promise that did not hold: deleted too early, cut short */
	struct robot *list; /* private */
};

void robots_reset(struct robots *robots);
/* They answer what has come; false: nothing had. */
bool robots_turn(struct robots *robots);

#endif
