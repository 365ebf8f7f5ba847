/* SPDX-License-Identifier: ISC
 *
 * A run: some messages for some people, an account with some policies, and a
 * few polls in each of which several things go wrong. The scenario is drawn
 * first, then the mishaps, all from the seed.
 */
#include "torture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/str.h"
#include "trial.h"

#define POLLS_MAX 5
#define MISHAPS_MAX 5 /* a poll */
#define STEPS_SHORT 12
#define STEPS_LONG 90
#define BODY_LONG 250
#define RUNS_TOLD 2000
#define LINES_MAX 400 /* bytes of configuration that are drawn */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(run, array) ((array)[draw(run, COUNT(array))])

struct run {
	uint64_t seed, state;
	struct scenario scenario;
	char account[LINES_MAX], multidrop[LINES_MAX], global[LINES_MAX], relay[LINES_MAX];
	struct mishap mishaps[POLLS_MAX][MISHAPS_MAX];
	size_t counts[POLLS_MAX];
	bool keeps[POLLS_MAX];           /* `keep` of each poll, and … */
	const char *policies[POLLS_MAX]; /* … `rejected`; in the end it is as in the first */
	size_t polls;
};

/* splitmix64: seeds that follow one another give runs that have nothing in common. */
static uint64_t next(struct run *run)
{
	uint64_t z = run->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t draw(struct run *run, size_t below)
{
	return (size_t)(next(run) % below);
}

/* One time in so many. */
static bool once_in(struct run *run, size_t times)
{
	return draw(run, times) == 0;
}

/* --- the mailbox --- */

static void draw_recipients(struct run *run, struct robots_message *message, size_t index)
{
	static const char *const kinds[] = { "", "", "", "", "later-", "never-", "slow-", "full-" };
	static const char *const names[] = { "ann", "bob", "carl", "dan", "eve" };

	message->recipient_count = 1 + draw(run, COUNT(names));
	for (size_t i = 0; i < message->recipient_count; i++)
		snprintf(message->recipients[i], ROBOTS_NAME_MAX, "%s%s%u", PICK(run, kinds), names[i],
		         (unsigned)index % ROBOTS_MESSAGES_MAX);
}

/* Nobody is named: the postmaster gets it, or it stays. */
static void take_stamp(struct run *run, struct robots_message *message)
{
	message->unstamped = true;
	message->stays = run->multidrop[0] != '\0';
	message->recipient_count = message->stays ? 0 : 1;
	snprintf(message->recipients[0], ROBOTS_NAME_MAX, "post");
}

/* The same message once more, or another one under its UID. */
static void repeat_uid(struct run *run, size_t index)
{
	struct robots_message *messages = run->scenario.messages;
	size_t first = draw(run, index);

	if (messages[first].same_as != first)
		return;
	if (once_in(run, 2)) {
		size_t since = messages[index].since;

		messages[index] = messages[first];
		messages[index].since = since;
		messages[index].same_as = first;
	}
	messages[index].uid = messages[first].uid;
}

static void draw_message(struct run *run, size_t index)
{
	static const char *const uids[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	static const size_t lengths[] = { 0, 0, 1, 3, 12, 40, BODY_LONG };
	struct robots_message *message = &run->scenario.messages[index];

	message->uid = uids[index];
	message->same_as = index;
	message->body_lines = PICK(run, lengths);
	message->since = once_in(run, 4) ? 1 + draw(run, 4) : 0;
	draw_recipients(run, message, index);
	if (once_in(run, 12))
		take_stamp(run, message);
	else if (index > 0 && once_in(run, 10))
		repeat_uid(run, index);
}

/* With `duplicates`: two messages for the same people that have one Message-ID. */
static void draw_same_id(struct run *run)
{
	struct robots_message *messages = run->scenario.messages;
	size_t last = run->scenario.message_count - 1;

	if (last == 0 || messages[0].unstamped || messages[last].unstamped || messages[last].same_as != last)
		return;
	messages[last].same_id = 1;
	memcpy(messages[last].recipients, messages[0].recipients, sizeof(messages[0].recipients));
	messages[last].recipient_count = messages[0].recipient_count;
}

static void draw_mailbox(struct run *run)
{
	static const size_t takes[] = { 0, 0, 0, 1, 2, 100 };

	run->scenario.message_count = 1 + draw(run, once_in(run, 4) ? 8 : 3);
	for (size_t i = 0; i < run->scenario.message_count; i++)
		draw_message(run, i);
	run->scenario.takes = PICK(run, takes);
	if (run->scenario.message_count > 1 || run->scenario.messages[0].unstamped || !once_in(run, 12))
		return;
	run->scenario.crowd = 90 + draw(run, 31);
	/* Less would take more RETRs than there are in a poll, and so more polls. */
	run->scenario.takes = once_in(run, 2) ? 50 : 0;
}

/* --- the configuration --- */

static void add_line(char *lines, const char *line)
{
	size_t len = strlen(lines);

	snprintf(lines + len, LINES_MAX - len, "%s\n", line);
}

/* A bounce needs a relay that is no lmtp. */
static const char *draw_policy(struct run *run)
{
	static const char *const policies[] = { "postmaster", "keep", "discard", "bounce" };
	const char *policy = policies[draw(run, COUNT(policies) - run->scenario.options.lmtp)];

	run->scenario.discards = run->scenario.discards || strcmp(policy, "discard") == 0;
	return policy;
}

static void draw_configuration(struct run *run)
{
	static const size_t chunks[] = { 0, 0, 0, 1, 7, 100, 1000 };
	struct scenario *scenario = &run->scenario;

	scenario->options.lmtp = once_in(run, 2);
	run->policies[0] = draw_policy(run);
	if (once_in(run, 4))
		add_line(run->account, "pipelining = off");
	if (once_in(run, 4))
		add_line(run->account, "order = server");
	scenario->gives_up = once_in(run, 8);
	if (scenario->gives_up)
		add_line(run->account, "give_up = 2h");
	if (once_in(run, 4))
		add_line(run->relay, "pipelining = off");
	if (once_in(run, 3))
		add_line(run->relay, once_in(run, 2) ? "max_connections = 1" : "max_connections = 2");
	if (once_in(run, 3))
		add_line(run->global, "memory_limit = 64K");
	if (once_in(run, 6))
		add_line(run->multidrop, "fallback = keep");
	scenario->lying_sizes = once_in(run, 2);
	scenario->chunk = PICK(run, chunks);
	scenario->keep = once_in(run, 3);
	if (once_in(run, 6))
		scenario->capa = once_in(run, 2) ? "EXPIRE 0" : "PIPELINING";
}

/* `keep` apart, which a reload may change. */
static void draw_scenario(struct run *run)
{
	struct world_options *options = &run->scenario.options;

	draw_configuration(run);
	draw_mailbox(run);
	if (once_in(run, 5)) {
		add_line(run->account, "duplicates = 3d");
		draw_same_id(run);
	}
	*options = (struct world_options){ .lmtp = options->lmtp,
		                           .rejects = true, /* by `policies` */
		                           .global = run->global,
		                           .relay = run->relay,
		                           .account = run->account,
		                           .multidrop = run->multidrop };
}

/* --- what goes wrong --- */

static void draw_mishap(struct run *run, struct mishap *mishap)
{
	static const unsigned codes[] = {
		421, 432, 450, 451, 452, 454, 499, 500, 501, 503, 521, 550, 552, 553, 554, 571
	};
	static const char *const words[] = { NULL,         "[SYS/TEMP] try later",      "[IN-USE] locked",
		                             "[SYS/PERM]", "[LOGIN-DELAY] not so fast", "[AUTH]" };

	*mishap = (struct mishap){
		.fault = (enum robots_fault)(FAULT_NONE + 1 + draw(run, FAULT_COUNT - 1)),
		.at = draw(run, once_in(run, 2) ? STEPS_SHORT : STEPS_LONG),
		.blow = (enum blow)(BLOW_NONE + 1 + draw(run, BLOW_COUNT - 1)),
		.commits = draw(run, 12),
		.cut_at = draw(run, 4000),
		.code = PICK(run, codes),
		.words = PICK(run, words),
	};
}

/* A quarter of the faults is the daemon's own trouble. */
static void draw_mishaps(struct run *run)
{
	run->polls = 1 + draw(run, POLLS_MAX);
	for (size_t i = 0; i < run->polls; i++) {
		run->counts[i] = 1 + draw(run, MISHAPS_MAX);
		for (size_t at = 0; at < run->counts[i]; at++) {
			draw_mishap(run, &run->mishaps[i][at]);
			if (once_in(run, 4))
				run->mishaps[i][at].fault = once_in(run, 2) ? FAULT_TELL_BEFORE : FAULT_TELL_AFTER;
		}
		run->keeps[i] = run->scenario.keep != once_in(run, 10);
		if (i > 0)
			run->policies[i] = once_in(run, 4) ? draw_policy(run) : run->policies[0];
	}
}

/* --- a run --- */

/* Borrowed until the next one. */
static const struct world_options *options_with(struct run *run, bool keep, const char *policy)
{
	static char account[2 * LINES_MAX];

	snprintf(account, sizeof(account), "%.*skeep = %s\nrejected = %s", LINES_MAX, run->account,
	         keep ? "true" : "false", policy);
	run->scenario.options.account = account;
	return &run->scenario.options;
}

static char *play(struct run *run)
{
	options_with(run, run->scenario.keep, run->policies[0]);
	trial_begin(&run->scenario);
	for (size_t i = 0; i < run->polls; i++) {
		trial_reload(options_with(run, run->keeps[i], run->policies[i]), run->keeps[i]);
		trial_poll(run->mishaps[i], run->counts[i], i % 2 == 1);
	}
	trial_reload(options_with(run, run->scenario.keep, run->policies[0]), run->scenario.keep);
	return trial_end();
}

static void describe_messages(const struct run *run, struct strbuf *out)
{
	for (size_t i = 0; i < run->scenario.message_count; i++) {
		const struct robots_message *message = &run->scenario.messages[i];

		strbuf_addf(out, "\nmessage %zu, UID %s, as %zu, id %zu, %zu lines%s:", i, message->uid,
		            message->same_as, message->same_id, message->body_lines,
		            message->unstamped ? ", unstamped" : "");
		for (size_t at = 0; at < message->recipient_count; at++)
			strbuf_addf(out, " %s", message->recipients[at]);
	}
}

static char *describe(const struct run *run)
{
	const struct scenario *scenario = &run->scenario;
	struct strbuf out = { 0 };

	strbuf_addf(&out, "%s, chunk %zu, crowd %zu, takes %zu, CAPA %s%s\n%s%s%s%s",
	            scenario->options.lmtp ? "LMTP" : "SMTP", scenario->chunk, scenario->crowd, scenario->takes,
	            scenario->capa != NULL ? scenario->capa : "unknown", scenario->lying_sizes ? ", lying sizes" : "",
	            run->global, run->relay, run->account, run->multidrop);
	describe_messages(run, &out);
	for (size_t i = 0; i < run->polls; i++) {
		strbuf_addf(&out, "\npoll %zu, rejected = %s%s:", i, run->policies[i], run->keeps[i] ? ", keep" : "");
		for (size_t at = 0; at < run->counts[i]; at++)
			trial_describe(&out, &run->mishaps[i][at]);
	}
	return strbuf_take(&out);
}

static size_t run_once(uint64_t seed)
{
	struct run *run = test_calloc(1, sizeof(*run));
	char *error, *text;
	size_t faults;

	run->seed = run->state = seed;
	draw_scenario(run);
	draw_mishaps(run);
	error = play(run);
	faults = trial_faults();
	if (error != NULL) {
		text = describe(run);
		fprintf(stderr, "%s\n", text);
		fail_msg("SEED=%llu RUNS=1: %s", (unsigned long long)seed, error);
	}
	test_free(run);
	return faults;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t number;

	return text != NULL && span_number(span_of(text), &number) ? number : otherwise;
}

void torture_read_environment(struct torture *torture)
{
	torture->seed = number_from("SEED", torture->seed);
	torture->runs = (size_t)number_from("RUNS", torture->runs);
	torture->faults = (size_t)number_from("FAULTS", torture->faults);
}

void torture_run(const struct torture *torture)
{
	size_t faults = 0, runs = 0;

	print_message("# SEED=%llu\n", (unsigned long long)torture->seed);
	while (torture->runs > 0 ? runs < torture->runs : faults < torture->faults) {
		faults += run_once(torture->seed + runs++);
		if (runs % RUNS_TOLD == 0)
			print_message("# %zu runs so far, %zu faults\n", runs, faults);
	}
	print_message("# %zu runs, %zu faults\n", runs, faults);
}
