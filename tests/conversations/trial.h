/* SPDX-License-Identifier: ISC
 *
 * A real collector between the robots, with a ledger that can lose what was
 * not committed, and everything that can happen to them: poll after poll until
 * nothing is left to do, then the books are judged.
 */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include "robots.h"
#include "world.h"

#define TRIAL_STEPS_MAX 400
#define TRIAL_POLLS_MAX 8 /* after the last mishap */

/* A mailbox and its surroundings. */
struct scenario {
	const char *name;
	struct world_options options;
	bool lying_sizes, keep, discards, gives_up;
	const char *capa;
	size_t body_lines;
	size_t crowd; /* so many recipients for the first message; 0: as it says */
	size_t takes; /* recipients of a transaction; 0: any number */
	size_t chunk; /* bytes of a read; 0: all there is */
	size_t message_count;
	struct robots_message messages[ROBOTS_MESSAGES_MAX];
};

/* What `told` does. */
enum blow {
	BLOW_NONE,
	BLOW_CRASH,       /* with all committed that had come */
	BLOW_CRASH_LATER, /* nothing is committed from the step on, but for some of the first */
	BLOW_STOP,
	BLOW_FREE,
	BLOW_HOLD,   /* the disk is full for a while */
	BLOW_VANISH, /* somebody deletes a message with another program */
	BLOW_COUNT,
};

/* What goes wrong in a poll. */
struct mishap {
	enum robots_fault fault;
	size_t at; /* so many steps on; with `cue` at the first such line */
	enum blow blow;
	size_t commits; /* CRASH_LATER, HOLD: so many writes are still done; VANISH: which message */
	size_t cut_at;
	unsigned code;
	const char *words;
	const struct robots_cue *cue;
};

void trial_begin(const struct scenario *scenario);
/* A poll in which these come one after the other; the last may have come too late. */
void trial_poll(const struct mishap *mishaps, size_t count, bool all_due);
/* Between polls: from now on these options, with this `keep`. */
void trial_reload(const struct world_options *options, bool keep);
/* Polls without a mishap, and the judgement. NULL, or the promise that was broken, the caller's to free. */
char *trial_end(void);

/* So many lines came in the last poll, so many mishaps in all. */
size_t trial_steps(void);
size_t trial_faults(void);

void trial_describe(struct strbuf *out, const struct mishap *mishap);

#endif
