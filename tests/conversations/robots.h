/* SPDX-License-Identifier: ISC
 *
 * A POP3 server and a relay that answer by themselves, and keep the books.
 * Each line that one of them gets is a step; at one step of a run something
 * goes wrong. So every place where a cut, a refusal or a crash can come is
 * tried in turn, and what must hold in the end is the same for all.
 */
#ifndef TESTS_ROBOTS_H
#define TESTS_ROBOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "fake_net.h"

#define ROBOTS_RECIPIENTS_MAX 120
#define ROBOTS_NAME_MAX 24
#define ROBOTS_MESSAGES_MAX 12

/* What they do at the chosen step. */
enum robots_fault {
	FAULT_NONE,
	FAULT_CUT_BEFORE,      /* the connection is cut, the line never came */
	FAULT_CUT_AFTER,       /* the line was obeyed, its answer is lost */
	FAULT_CUT_WITHIN,      /* half of the answer comes, or `cut_at` bytes of it */
	FAULT_REFUSE,          /* -ERR, 451 */
	FAULT_REFUSE_FOR_GOOD, /* -ERR, 554 */
	FAULT_REFUSE_AS_TOLD,  /* -ERR with `words`, or the relay's `code` */
	FAULT_FAREWELL,        /* -ERR or 421, and the connection is closed */
	FAULT_SILENCE,         /* no answer, ever */
	FAULT_DEAF,            /* and nothing is read any more */
	FAULT_TOO_MANY,        /* -ERR, 452 */
	FAULT_DENY,            /* -ERR, but what DELE and QUIT ask for is done; a relay refuses */
	FAULT_UNDO,            /* POP3: obeyed, but this session's QUIT will delete nothing */
	FAULT_EMPTY,           /* POP3: from now on this session has no messages, in its listing neither */
	FAULT_GARBAGE,         /* obeyed; what is answered is no reply */
	FAULT_ONE_MORE,        /* and a reply that nobody asked for, where that can be seen */
	FAULT_TELL_BEFORE,     /* `told` is called before the line is obeyed */
	FAULT_TELL_AFTER,      /* after that, and before its answer is out */
	FAULT_COUNT,
};

/* A line to wait for, in place of a number of steps. */
struct robots_cue {
	bool relay;        /* it is the relay that gets it */
	const char *begin; /* how it begins */
};

/*
 * A recipient "later…" is refused for now twice, "never…" for good; "slow…"
 * and "full…" by LMTP alone, and only after the message. Whoever else is asked
 * for is taken.
 */
struct robots_message {
	const char *uid;
	char recipients[ROBOTS_RECIPIENTS_MAX][ROBOTS_NAME_MAX]; /* local parts: who is to get it */
	size_t recipient_count;
	size_t same_as;    /* index of the message whose twin this is, or its own */
	size_t same_id;    /* 1 + index of the message whose Message-ID it has; 0: it has its own */
	size_t body_lines; /* 0: as all */
	const char *user;  /* whose mailbox it is in; NULL: everybody's */
	size_t since;      /* it is there from this session of its mailbox on; 0: from the first */
	bool unstamped;    /* nothing says for whom it is */
	bool stays;        /* by a policy: never to be deleted */
	/* the books */
	bool gone;                              /* deleted from the server */
	bool vanished;                          /* by somebody else */
	unsigned copies[ROBOTS_RECIPIENTS_MAX]; /* delivered */
	unsigned told[ROBOTS_RECIPIENTS_MAX];   /* mails of the daemon's own that say that this one was refused */
	unsigned refusals[ROBOTS_RECIPIENTS_MAX];
	unsigned noticed; /* mails of the daemon's own about the message, and about no recipient */
	/* what the log said of it so far */
	unsigned possible[ROBOTS_RECIPIENTS_MAX]; /* that a duplicate is possible */
	unsigned possible_notice;
	bool excused[ROBOTS_RECIPIENTS_MAX]; /* that a policy settled it without a copy */
	bool kept[ROBOTS_RECIPIENTS_MAX];    /* that it stays on the server because of this one */
	bool kept_notice;
};

struct robots {
	bool lmtp;
	bool lying_sizes; /* LIST says 1 of all */
	bool strict;      /* a duplicate that the log did not call possible before is a broken promise */
	bool keeps;       /* nothing may be deleted */
	bool discards;    /* what is refused may be settled without a word to anybody */
	bool gives_up;    /* so is whom a relay refuses for too long */
	bool died;        /* a process was killed: what it was to say last nobody has read */
	const char *capa; /* a line of CAPA; NULL: it is not known */
	bool refuses_logins;
	size_t sessions; /* so many logins went well */
	size_t body_lines;
	size_t takes; /* so many recipients in one transaction, then 452; 0: any number */
	struct robots_message messages[ROBOTS_MESSAGES_MAX];
	size_t message_count;
	size_t step; /* so many lines came */
	size_t fault_at;
	const struct robots_cue *cue; /* NULL: fault_at */
	bool counts_content;          /* lines of content are steps, too; else only the last is */
	enum robots_fault fault;
	size_t cut_at; /* 0: half of it */
	unsigned code;
	const char *words;
	size_t faults;   /* so many came */
	size_t refusals; /* for good, by a fault: no recipient is safe from one */
	void (*told)(void *ctx);
	void (*fired)(void *ctx); /* a fault has come: time to choose the next. NULL: there is one only */
	void *ctx;
	char *broken;       /* the first promise that did not hold: deleted too early, cut short … */
	struct robot *list; /* private */
};

void robots_reset(struct robots *robots);
/* They answer what has come; false: nothing had. */
bool robots_turn(struct robots *robots);
/* A promise was broken; the first is remembered. */
void robots_break(struct robots *robots, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t robots_message_lines(const struct robots *robots, size_t message);
/* It was, by its name or by a fault. */
bool robots_may_have_refused(const struct robots *robots, const char *recipient);
/* The index of the message whose Message-ID this one has; mostly its own. */
size_t robots_message_id(const struct robots *robots, size_t message);
/* The index of the message with this Message-ID in the text, behind `<`; message_count: none. */
size_t robots_find_message(const struct robots *robots, const char *text);

#endif
