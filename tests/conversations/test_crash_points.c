/* SPDX-License-Identifier: ISC
 *
 * Every place where the daemon can be killed, by name: for SMTP and LMTP, mail
 * that is deleted and mail that is kept, one recipient and three, commands in
 * flight and one by one. Afterwards everybody has the message, once, but for
 * what the log called possible before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/str.h"
#include "trial.h"

#define CASES_MIN 200
#define POLLS 4 /* in which the daemon may come to where it is killed */

/* Before the line is obeyed, or after that and before the answer is out. */
#define BEFORE FAULT_TELL_BEFORE, BLOW_CRASH, 0
#define AFTER FAULT_TELL_AFTER, BLOW_CRASH, 0
/* All that the line and its answer lead to happens, but nothing more is committed, or only `n` writes. */
#define UNCOMMITTED(n) FAULT_TELL_BEFORE, BLOW_CRASH_LATER, n

enum needs { NEEDS_NOTHING, NEEDS_DELETION, NEEDS_SEVERAL };

static const struct point {
	const char *name;
	struct robots_cue cue;
	enum robots_fault when;
	enum blow blow;
	size_t commits;
	enum needs needs;
} points[] = {
	{ "before the login", { false, "USER" }, BEFORE, NEEDS_NOTHING },
	{ "after the login", { false, "PASS" }, AFTER, NEEDS_NOTHING },
	{ "in UIDL", { false, "UIDL" }, AFTER, NEEDS_NOTHING },
	{ "in LIST", { false, "LIST" }, AFTER, NEEDS_NOTHING },
	{ "in RETR", { false, "RETR" }, BEFORE, NEEDS_NOTHING },
	{ "after RETR, nothing committed from there on", { false, "RETR" }, UNCOMMITTED(0), NEEDS_NOTHING },
	{ "after RETR", { false, "RETR" }, AFTER, NEEDS_NOTHING },
	{ "when the relay greets", { true, "EHLO" }, BEFORE, NEEDS_NOTHING },
	{ "after MAIL", { true, "MAIL" }, AFTER, NEEDS_NOTHING },
	{ "after MAIL, nothing committed", { true, "MAIL" }, UNCOMMITTED(0), NEEDS_NOTHING },
	{ "after RCPT", { true, "RCPT" }, AFTER, NEEDS_NOTHING },
	{ "after RCPT, nothing committed", { true, "RCPT" }, UNCOMMITTED(0), NEEDS_NOTHING },
	{ "after the last RCPT", { true, "RCPT TO:<dan" }, AFTER, NEEDS_SEVERAL },
	{ "after DATA", { true, "DATA" }, AFTER, NEEDS_NOTHING },
	{ "in DATA", { true, "Subject" }, BEFORE, NEEDS_NOTHING },
	{ "before the final dot is seen", { true, "." }, BEFORE, NEEDS_NOTHING },
	{ "after the final dot", { true, "." }, AFTER, NEEDS_NOTHING },
	{ "after the 250, nothing committed", { true, "." }, UNCOMMITTED(0), NEEDS_NOTHING },
	{ "after the 250, the verdict committed", { true, "." }, UNCOMMITTED(1), NEEDS_NOTHING },
	{ "after the 250, two verdicts committed", { true, "." }, UNCOMMITTED(2), NEEDS_SEVERAL },
	{ "after the commit", { false, "DELE" }, BEFORE, NEEDS_DELETION },
	{ "after DELE", { false, "DELE" }, AFTER, NEEDS_DELETION },
	{ "in QUIT", { false, "QUIT" }, BEFORE, NEEDS_NOTHING },
	{ "after QUIT", { false, "QUIT" }, AFTER, NEEDS_NOTHING },
	{ "after QUIT, the deletion not committed", { false, "QUIT" }, UNCOMMITTED(0), NEEDS_DELETION },
};

static size_t cases;

/* The surroundings, a bit each. */
enum { WITH_LMTP = 1, WITH_KEEP = 2, WITH_SEVERAL = 4, WITH_ONE_BY_ONE = 8, SURROUNDINGS = 16 };

static const char *account_lines(unsigned with)
{
	static const char *const lines[] = { "", "keep = true", "pipelining = off", "keep = true\npipelining = off" };

	return lines[(with & WITH_KEEP ? 1 : 0) + (with & WITH_ONE_BY_ONE ? 2 : 0)];
}

static struct scenario scenario_of(unsigned with)
{
	struct scenario scenario = {
		.options = { .lmtp = with & WITH_LMTP,
		             .account = account_lines(with),
		             .relay = with & WITH_ONE_BY_ONE ? "pipelining = off" : NULL },
		.keep = with & WITH_KEEP,
		.body_lines = 5,
		.message_count = 1,
		.messages = { { "a", { "bob" }, 1 } },
	};

	if (with & WITH_SEVERAL)
		scenario.messages[0] = (struct robots_message){ .uid = "a",
			                                        .recipients = { "bob", "later-carl", "dan" },
			                                        .recipient_count = 3 };
	return scenario;
}

static bool applies(const struct point *point, unsigned with)
{
	switch (point->needs) {
	case NEEDS_DELETION:
		return !(with & WITH_KEEP);
	case NEEDS_SEVERAL:
		return with & WITH_SEVERAL;
	case NEEDS_NOTHING:
		break;
	}
	return true;
}

static char *name_of(const struct point *point, unsigned with)
{
	return str_format("killed %s: %s, %s, %s, %s", point->name, with & WITH_LMTP ? "LMTP" : "SMTP",
	                  with & WITH_KEEP ? "kept" : "deleted",
	                  with & WITH_SEVERAL ? "three recipients" : "one recipient",
	                  with & WITH_ONE_BY_ONE ? "one by one" : "pipelined");
}

/* In the first poll, or, where only one that everybody has is there, in a later one. */
static void play(const struct point *point, unsigned with)
{
	static const struct robots_cue lhlo = { true, "LHLO" };
	struct scenario scenario = scenario_of(with);
	struct mishap mishap = {
		.fault = point->when, .blow = point->blow, .commits = point->commits, .cue = &point->cue
	};
	char *name = name_of(point, with);
	size_t faults;
	char *error;

	if (with & WITH_LMTP && strcmp(point->cue.begin, "EHLO") == 0)
		mishap.cue = &lhlo;
	trial_begin(&scenario);
	for (size_t i = 0; i < POLLS && trial_faults() == 0; i++)
		trial_poll(&mishap, 1, i > 0);
	faults = trial_faults();
	error = trial_end();
	if (error != NULL || faults != 1)
		fail_msg("%s: %s", name, error != NULL ? error : "never came there");
	cases++;
	free(name);
}

static void killed_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		for (unsigned with = 0; with < SURROUNDINGS; with++) {
			if (applies(&points[i], with))
				play(&points[i], with);
		}
	}
	print_message("# %zu cases\n", cases);
	assert_true(cases >= CASES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("crash_points", tests, NULL, NULL);
}
