/* SPDX-License-Identifier: ISC
 *
 * One trial at a time: there is one simulated net.
 */
#include "trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "books.h"
#include "journal.h"
#include "multidropd/log.h"

#define SECONDS_MAX 4000 /* of a poll, all time limits included */
#define PAUSE_MS 4000000 /* between polls: longer than any back-off */
#define STOP_WAIT_S 5
#define FULL_S 30 /* a full disk */

static struct {
	const struct scenario *scenario;
	struct robots robots;
	struct loop *loop;
	struct world *world;
	const struct mishap *mishap; /* that is to come, or has come last */
	size_t mishaps_left;         /* behind it */
	size_t first_step;           /* of this poll */
	size_t steps;                /* of the last one */
	size_t faults;               /* of the last trial, once it has ended */
	bool held, full, stopped, dying;
	bool traced; /* TRACE=1 in the environment */
} trial;

/* --- blows --- */

static void listen(enum log_level level, const char *line)
{
	(void)level;
	if (trial.traced)
		fprintf(stderr, "%s%s\n", trial.dying ? "(unread) " : "", line);
	if (!trial.dying)
		books_read(&trial.robots, line);
}

static void crash(void)
{
	trial.robots.died = true;
	trial.dying = true;
	world_crash(trial.world);
	trial.dying = false;
}

static void hold(size_t commits)
{
	fake_ledger_hold(trial.world->ledger, true);
	fake_ledger_commit(trial.world->ledger, commits);
}

static void vanish(size_t which)
{
	struct robots_message *message = &trial.robots.messages[which % trial.robots.message_count];

	message->vanished = message->vanished || !message->gone;
	message->gone = true;
}

static void strike(void *ctx)
{
	(void)ctx;
	switch (trial.mishap->blow) {
	case BLOW_CRASH:
		crash();
		break;
	case BLOW_CRASH_LATER:
		hold(trial.mishap->commits);
		trial.held = true;
		break;
	case BLOW_HOLD:
		hold(trial.mishap->commits);
		trial.full = true;
		break;
	case BLOW_STOP:
		if (trial.world->collector != NULL)
			collector_stop(trial.world->collector);
		trial.stopped = true;
		break;
	case BLOW_FREE:
		collector_free(&trial.world->collector);
		break;
	case BLOW_VANISH:
		vanish(trial.mishap->commits);
		break;
	case BLOW_NONE:
	case BLOW_COUNT:
		break;
	}
}

/* The robots are to do this next. */
static void arm(void)
{
	const struct mishap *mishap = trial.mishap;

	trial.robots.fault = mishap->fault;
	trial.robots.fault_at = mishap->cue == NULL ? trial.robots.step + mishap->at : SIZE_MAX;
	trial.robots.cue = mishap->cue;
	trial.robots.cut_at = mishap->cut_at;
	trial.robots.code = mishap->code;
	trial.robots.words = mishap->words;
}

static void arm_next(void *ctx)
{
	(void)ctx;
	trial.robots.fault_at = SIZE_MAX;
	if (trial.mishaps_left == 0)
		return;
	trial.mishaps_left--;
	trial.mishap++;
	arm();
}

/* --- a poll --- */

static void rest(void)
{
	bool busy = true;

	while (busy) {
		if (!fake_net_settle(trial.loop))
			fail_msg("the client never comes to rest");
		busy = fake_ledger_wait(trial.world->ledger) || robots_turn(&trial.robots);
	}
}

static void release_disk(void)
{
	if (trial.full)
		fake_ledger_hold(trial.world->ledger, false);
	trial.full = false;
}

/* To its end, or to where the process dies. */
static void poll_to_the_end(bool all_due)
{
	size_t seconds = 0;

	world_poll(trial.world, all_due);
	rest();
	while (trial.world->collector != NULL && seconds++ < SECONDS_MAX) {
		if (trial.held || (trial.stopped && seconds > STOP_WAIT_S))
			break;
		fake_net_advance(trial.loop, 1000);
		if (seconds % FULL_S == 0)
			release_disk();
		rest();
	}
	if (seconds >= SECONDS_MAX)
		robots_break(&trial.robots, "the poll does not end");
	if (trial.held)
		crash();
	collector_free(&trial.world->collector);
	release_disk();
	trial.held = trial.stopped = false;
	rest();
}

void trial_poll(const struct mishap *mishaps, size_t count, bool all_due)
{
	static const struct mishap none = { .at = SIZE_MAX / 2 };

	trial.mishap = count > 0 ? mishaps : &none;
	trial.mishaps_left = count > 0 ? count - 1 : 0;
	trial.first_step = trial.robots.step;
	if (trial.traced)
		fprintf(stderr, "--- poll\n");
	arm();
	poll_to_the_end(all_due);
	trial.steps = trial.robots.step - trial.first_step;
	fake_net_advance(trial.loop, PAUSE_MS);
	rest();
}

size_t trial_steps(void)
{
	return trial.steps;
}

size_t trial_faults(void)
{
	return trial.loop != NULL ? trial.robots.faults : trial.faults;
}

/* --- life --- */

static void invite_crowd(struct robots_message *message, size_t count)
{
	message->recipient_count = count;
	for (size_t i = 0; i < count; i++)
		snprintf(message->recipients[i], ROBOTS_NAME_MAX, "r%zu", i);
}

static void fill_books(const struct scenario *scenario)
{
	trial.robots = (struct robots){ .lmtp = scenario->options.lmtp,
		                        .strict = true,
		                        .keeps = scenario->keep,
		                        .discards = scenario->discards,
		                        .gives_up = scenario->gives_up,
		                        .lying_sizes = scenario->lying_sizes,
		                        .capa = scenario->capa,
		                        .body_lines = scenario->body_lines,
		                        .takes = scenario->takes,
		                        .message_count = scenario->message_count,
		                        .fault_at = SIZE_MAX,
		                        .told = strike,
		                        .fired = arm_next };
	memcpy(trial.robots.messages, scenario->messages, sizeof(trial.robots.messages));
	if (scenario->crowd > 0)
		invite_crowd(&trial.robots.messages[0], scenario->crowd);
}

void trial_begin(const struct scenario *scenario)
{
	fake_net_reset(scenario->chunk);
	memset(&trial, 0, sizeof(trial));
	trial.scenario = scenario;
	trial.traced = getenv("TRACE") != NULL;
	fill_books(scenario);
	trial.loop = loop_new();
	journal_begin();
	log_capture(listen);
	trial.world = world_new(trial.loop, &scenario->options);
}

void trial_reload(const struct world_options *options, bool keep)
{
	world_reload(trial.world, options);
	trial.robots.keeps = keep;
}

static char *finish(void)
{
	char *broken = trial.robots.broken;

	trial.robots.broken = NULL;
	trial.faults = trial.robots.faults;
	world_free(trial.world);
	assert_int_equal(fake_loop_objects(trial.loop), 0);
	loop_free(&trial.loop);
	journal_end();
	robots_reset(&trial.robots);
	fake_net_reset(0);
	return broken;
}

char *trial_end(void)
{
	for (size_t i = 0; i < TRIAL_POLLS_MAX && trial.robots.broken == NULL && !books_are_closed(&trial.robots); i++)
		trial_poll(NULL, 0, true);
	if (trial.robots.broken == NULL)
		books_judge(&trial.robots);
	return finish();
}

void trial_describe(struct strbuf *out, const struct mishap *mishap)
{
	strbuf_addf(out, " [fault %d after %zu, blow %d, %zu commits, cut at %zu, %u %s]", (int)mishap->fault,
	            mishap->at, (int)mishap->blow, mishap->commits, mishap->cut_at, mishap->code,
	            mishap->words != NULL ? mishap->words : "");
}
