/* SPDX-License-Identifier: ISC
 *
 * net/: commands: what they say, how they end, and that nothing of them stays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "multidropd/child.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

#define SHORT_MS 50
#define LONG_MS 20000

struct outcome {
	struct loop *loop;
	bool done;
	struct strbuf output;
	char *error;
};

static struct strbuf logged;

static void capture(enum log_level level, const char *line)
{
	(void)level;
	strbuf_addf(&logged, "%s\n", line);
}

static void note_outcome(void *ctx, struct span output, const char *error)
{
	struct outcome *outcome = ctx;

	assert_false(outcome->done);
	outcome->done = true;
	strbuf_add_span(&outcome->output, output);
	outcome->error = error != NULL ? mem_strdup(error) : NULL;
	loop_stop(outcome->loop);
}

/* Words are literals here; child_run does not change them. */
static struct outcome run_argv(const char *const argv[], int64_t deadline_ms)
{
	struct outcome outcome = { .loop = loop_new() };

	strbuf_clear(&logged);
	log_capture(capture);
	assert_non_null(child_run(outcome.loop, (char *const *)argv, deadline_ms, "account", note_outcome, &outcome));
	assert_false(outcome.done);
	loop_run(outcome.loop);
	log_capture(NULL);
	loop_free(&outcome.loop);
	return outcome;
}

static struct outcome run_shell(const char *script, int64_t deadline_ms)
{
	return run_argv((const char *[]){ "sh", "-c", script, NULL }, deadline_ms);
}

static void outcome_free(struct outcome *outcome)
{
	strbuf_free(&outcome->output);
	free(outcome->error);
}

static void outcomes(void **state)
{
	static const struct {
		const char *script;
		const char *output;
		const char *error; /* NULL: it succeeds */
	} cases[] = {
		{ "echo secret", "secret\n", NULL },
		{ "printf 'a\\0b'", "a", NULL },
		{ "true", "", NULL },
		{ "echo lost; exit 3", "", "sh ended with status 3" },
		{ "echo lost; kill -KILL $$", "", "sh was killed by signal 9 (Killed)" },
		{ "cat", "", NULL },                                     /* standard input is empty */
		{ "exec >&-; exec 2>&-; exit 0", "", NULL },             /* pipes closed before the end */
		{ "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 ", NULL }, /* 3 is ls's own */
		/* SIGPIPE and its like: the C library's own two above them do not count. */
		{ "grep -c 'SigIgn:.*0000000$' /proc/self/status", "1\n", NULL },
		{ "grep -c 'SigBlk:.*0000000000000000$' /proc/self/status", "1\n", NULL },
		{ "test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo own group", "own group\n", NULL },
		/* Whoever is left behind with the pipe is not waited for. */
		{ "echo early; sleep 1000 & echo $! >&2", "early\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = run_shell(cases[i].script, LONG_MS);

		if (cases[i].error != NULL) {
			assert_non_null(outcome.error);
			assert_string_equal(outcome.error, cases[i].error);
		} else if (outcome.error != NULL) {
			fail_msg("%s: %s", cases[i].script, outcome.error);
		}
		assert_string_equal(strbuf_str(&outcome.output), cases[i].output);
		if (strstr(cases[i].script, "sleep") != NULL)
			kill(atoi(strrchr(strbuf_str(&logged), ' ')), SIGKILL);
		outcome_free(&outcome);
	}
	strbuf_free(&logged);
}

static void check_start_error(const char *command, const char *want)
{
	struct outcome outcome = run_argv((const char *[]){ command, NULL }, LONG_MS);

	assert_non_null(outcome.error);
	assert_non_null(strstr(outcome.error, want));
	outcome_free(&outcome);
}

/* A script without "#!" is not handed to a shell. */
static void what_cannot_be_run(void **state)
{
	char script[] = "/tmp/multidropd-test-XXXXXX";
	int fd = mkstemp(script);

	(void)state;
	assert_int_equal(write(fd, "echo no shell\n", 14), 14);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	check_start_error("/nonexistent/command", "cannot be run: No such file or directory");
	check_start_error("no-such-command-in-path", "cannot be run: No such file or directory");
	check_start_error("/etc/passwd", "cannot be run: Permission denied");
	check_start_error(script, "cannot be run: Exec format error");
	unlink(script);
	strbuf_free(&logged);
}

static void too_much_output(void **state)
{
	struct outcome fits = run_shell("head -c 65536 /dev/zero | tr '\\0' x", LONG_MS);
	struct outcome endless = run_shell("yes", LONG_MS);

	(void)state;
	assert_null(fits.error);
	assert_int_equal(fits.output.len, CHILD_OUTPUT_MAX);
	assert_string_equal(endless.error, "sh: more than 65536 bytes of output");
	assert_int_equal(endless.output.len, 0);
	outcome_free(&fits);
	outcome_free(&endless);
	strbuf_free(&logged);
}

static void standard_error_is_logged(void **state)
{
	struct outcome outcome = run_shell("printf 'one\\n\\ntwo\\033[1m\\nlast' >&2; echo ok", LONG_MS);

	(void)state;
	assert_null(outcome.error);
	assert_string_equal(strbuf_str(&outcome.output), "ok\n");
	assert_string_equal(strbuf_str(&logged), "account: sh: one\naccount: sh: two\\x1b[1m\naccount: sh: last\n");
	outcome_free(&outcome);
	outcome = run_shell("i=0; while [ $i -lt 500 ]; do echo line; i=$((i+1)); done >&2", LONG_MS);
	assert_null(outcome.error);
	assert_int_equal(logged.len, 32 * strlen("account: sh: line\n") +
	                                     strlen("account: sh writes more to standard error than is logged\n"));
	outcome_free(&outcome);
	outcome = run_shell("head -c 2000 /dev/zero | tr '\\0' x >&2", LONG_MS);
	assert_null(outcome.error);
	assert_in_range(logged.len, 2000, 2100);
	outcome_free(&outcome);
	strbuf_free(&logged);
}

/* Everybody in the group holds the fifo open for writing; its end comes when the last one is dead. */
static void wait_for_writers(int reader)
{
	char byte;

	fcntl(reader, F_SETFL, 0);
	while (read(reader, &byte, 1) > 0)
		continue;
	close(reader);
}

static void the_whole_group_is_killed(void **state)
{
	char folder[] = "/tmp/multidropd-test-XXXXXX";
	struct outcome outcome;
	char *fifo;
	char *script;
	int reader;

	(void)state;
	assert_non_null(mkdtemp(folder));
	fifo = str_format("%s/fifo", folder);
	script = str_format("exec 3>%s; sleep 1000 & echo ready; wait", fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	outcome = run_shell(script, 4 * SHORT_MS);
	assert_string_equal(outcome.error, "sh did not end within 200 ms");
	assert_int_equal(outcome.output.len, 0);
	wait_for_writers(reader);
	outcome_free(&outcome);
	unlink(fifo);
	rmdir(folder);
	free(fifo);
	free(script);
	strbuf_free(&logged);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* `done` is not called, and the loop sees to it that nothing is left of the child. */
static void cancelled(void **state)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	struct outcome outcome = { .loop = loop_new() };
	struct child *child = child_run(outcome.loop, (char *const *)argv, LONG_MS, "account", note_outcome, &outcome);
	struct timer *timer = timer_new(outcome.loop, stop, outcome.loop);

	(void)state;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	child_cancel(&child);
	assert_null(child);
	child_cancel(&child);
	while (waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOWAIT | WNOHANG) == 0) {
		timer_arm(timer, 1);
		loop_run(outcome.loop);
	}
	assert_false(outcome.done);
	timer_free(&timer);
	loop_free(&outcome.loop);
}

static void command_lines(void **state)
{
	static const struct {
		const char *command;
		const char *want; /* words behind '|' each; NULL: refused */
	} cases[] = {
		{ "pass show mail", "|pass|show|mail" },
		{ "  a\t b\n", "|a|b" },
		{ "a 'b c' \"d e\"", "|a|b c|d e" },
		{ "a'b c'\"d\"e", "|ab cde" },
		{ "a '' \"\"", "|a||" },
		{ "a\\ b \\'c", "|a b|'c" },
		{ "'a\\b'", "|a\\b" },
		{ "\"a\\\"b\\\\\"", "|a\"b\\" },
		{ "'a\"b' \"c'd\"", "|a\"b|c'd" },
		{ "a $HOME `x` *", "|a|$HOME|`x`|*" },
		{ "", NULL },
		{ "   ", NULL },
		{ "a 'b", NULL },
		{ "a \"b\\\"", NULL },
		{ "a\\", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strlist words = { 0 };
		struct strbuf got = { 0 };
		int result = child_split_command(cases[i].command, &words);

		assert_int_equal(result, cases[i].want != NULL ? 0 : -1);
		for (size_t word = 0; word < words.count; word++)
			strbuf_addf(&got, "|%s", words.items[word]);
		assert_string_equal(strbuf_str(&got), cases[i].want != NULL ? cases[i].want : "");
		strbuf_free(&got);
		strlist_free(&words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes),
		cmocka_unit_test(what_cannot_be_run),
		cmocka_unit_test(too_much_output),
		cmocka_unit_test(standard_error_is_logged),
		cmocka_unit_test(the_whole_group_is_killed),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(command_lines),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/child", tests, NULL, NULL);
}
