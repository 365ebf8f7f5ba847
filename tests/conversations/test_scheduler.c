/* SPDX-License-Identifier: ISC
 *
 * Who is polled when: intervals, back-off, limits, priorities, reloads and
 * --once, with robots for servers and simulated time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/daemon/scheduler.h"
#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"
#include "robots.h"
#include "world.h"

#define ACCOUNT(name, options)                                                                                         \
	"account \"" name "\" { server = \"pop.example\"\ntls = none\nuser = \"" name "\"\npassword = 'p'\n"           \
	"recipient = \"" name "@office.example\"\n" options "\n}\n"
#define GLOBAL(options) "hostname = \"me.example\"\nrelay \"office\" { address = \"relay.example\" }\n" options "\n"

static struct {
	struct loop *loop;
	struct ledger *ledger;
	struct budget budget;
	struct scheduler *scheduler;
	struct robots robots;
	struct strlist log;
	unsigned idle;
} all;

static void listen(enum log_level level, const char *line)
{
	(void)level;
	strlist_add(&all.log, line);
}

static void idle(void *ctx)
{
	(void)ctx;
	all.idle++;
}

/* --- what happens --- */

static void rest(void)
{
	bool busy = true;

	while (busy) {
		assert_true(fake_net_settle(all.loop));
		busy = robots_turn(&all.robots);
	}
}

static void pass(size_t seconds)
{
	rest();
	while (seconds-- > 0) {
		assert_true(fake_net_advance(all.loop, 1000));
		rest();
	}
}

/* Lines of the log that begin so since it was last cleared. */
static size_t logged(const char *prefix)
{
	size_t count = 0;

	for (size_t i = 0; i < all.log.count; i++)
		count += strncmp(all.log.items[i], prefix, strlen(prefix)) == 0;
	return count;
}

static size_t polls(const char *account)
{
	char *prefix = str_format("account=%s poll=", account);
	size_t count = logged(prefix);

	free(prefix);
	return count;
}

static void clear_log(void)
{
	strlist_free(&all.log);
}

/* --- the daemon's part --- */

static void begin(bool once, const struct strlist *only)
{
	struct scheduler_params params = { .once = once, .only = only, .idle = idle };

	memset(&all, 0, sizeof(all));
	fake_net_reset(0);
	all.robots.fault_at = SIZE_MAX;
	all.loop = loop_new();
	all.ledger = fake_ledger_new(all.loop);
	budget_init(&all.budget, all.loop, 1 << 20);
	log_capture(listen);
	log_set_level(LOG_AT_INFO);
	params.loop = all.loop;
	params.ledger = all.ledger;
	params.budget = &all.budget;
	all.scheduler = scheduler_new(&params);
}

static void apply(const char *text)
{
	struct strlist problems = { 0 };
	struct config *config = world_config(text);
	struct setup *setup = setup_new(all.loop, &config, &problems);

	assert_non_null(setup);
	scheduler_apply(all.scheduler, setup);
	setup_unref(&setup);
}

static void end(void)
{
	scheduler_free(&all.scheduler);
	assert_int_equal(all.budget.used, 0);
	budget_deinit(&all.budget);
	fake_ledger_free(&all.ledger);
	assert_int_equal(fake_loop_objects(all.loop), 0);
	loop_free(&all.loop);
	log_set_level(LOG_AT_NOTICE);
	log_capture(NULL);
	clear_log();
	robots_reset(&all.robots);
	fake_net_reset(0);
}

/* --- tests --- */

static void polls_at_its_interval(void **state)
{
	(void)state;
	begin(false, NULL);
	apply(GLOBAL("") ACCOUNT("a", "interval = 5m"));
	pass(1);
	assert_int_equal(polls("a"), 1);
	pass(269);
	assert_int_equal(polls("a"), 1);
	pass(62);
	assert_int_equal(polls("a"), 2);
	pass(3300);
	assert_in_range(polls("a"), 11, 14);
	scheduler_poll_all(all.scheduler);
	clear_log();
	pass(1);
	assert_int_equal(polls("a"), 1);
	end();
}

/* Steps of a tenth of the interval: those that began together do not stay so. */
static void accounts_drift_apart(void **state)
{
	struct strbuf text = { 0 };
	size_t busy_seconds = 0;

	(void)state;
	begin(false, NULL);
	strbuf_add_str(&text, GLOBAL("max_sessions_per_host = 100\nmax_sessions = 100"));
	for (unsigned i = 0; i < 50; i++)
		strbuf_addf(&text,
		            "account \"a%u\" { server = \"pop.example\"\ntls = none\nuser = \"a%u\"\npassword = 'p'\n"
		            "recipient = \"a@office.example\"\ninterval = 10m\n}\n",
		            i, i);
	apply(strbuf_str(&text));
	strbuf_free(&text);
	pass(500);
	assert_int_equal(logged("account=a"), 2 * 50 + 50);
	for (unsigned i = 0; i < 200; i++) {
		size_t before = all.log.count;

		pass(1);
		busy_seconds += all.log.count > before;
	}
	assert_in_range(busy_seconds, 15, 50);
	end();
}

static void limits_sessions(void **state)
{
	(void)state;
	begin(false, NULL);
	all.robots.fault = FAULT_SILENCE;
	all.robots.fault_at = 0;
	apply(GLOBAL("max_sessions_per_host = 1\nmax_sessions = 2") ACCOUNT("a", "") ACCOUNT("b", "") ACCOUNT("c", ""));
	rest();
	assert_int_equal(scheduler_sessions(all.scheduler), 1);
	/* The one that hangs is given up after its time, the others follow one by one. */
	pass(125);
	assert_int_equal(polls("a") + polls("b") + polls("c"), 3);
	assert_int_equal(scheduler_sessions(all.scheduler), 0);
	end();
}

static void starts_by_priority(void **state)
{
	(void)state;
	begin(false, NULL);
	apply(GLOBAL("max_sessions_per_host = 1") ACCOUNT("low", "") ACCOUNT("mid", "priority = 1")
	              ACCOUNT("high", "priority = 5"));
	rest();
	assert_int_equal(polls("low") + polls("mid") + polls("high"), 3);
	clear_log();
	/* While all of them wait the configuration turns it round. */
	scheduler_hold(all.scheduler, true);
	scheduler_poll_all(all.scheduler);
	apply(GLOBAL("max_sessions_per_host = 1") ACCOUNT("low", "priority = 9") ACCOUNT("mid", "priority = 7")
	              ACCOUNT("high", "priority = 5"));
	rest();
	assert_int_equal(polls("low"), 0);
	scheduler_hold(all.scheduler, false);
	rest();
	for (size_t i = 0, at = 0; i < all.log.count; i++) {
		static const char *const order[] = { "account=low poll=", "account=mid poll=", "account=high poll=" };

		if (strstr(all.log.items[i], " poll=") == NULL)
			continue;
		assert_int_equal(strncmp(all.log.items[i], order[at], strlen(order[at])), 0);
		at++;
	}
	end();
}

static void leaves_a_wrong_password_alone(void **state)
{
	(void)state;
	begin(false, NULL);
	all.robots.refuses_logins = true;
	apply(GLOBAL("retry_min = 1m\nretry_max = 1h") ACCOUNT("a", "interval = 1m"));
	rest();
	assert_int_equal(logged("account=a poll=failed"), 1);
	pass(3000);
	assert_int_equal(polls("a"), 1);
	pass(1200);
	assert_int_equal(polls("a"), 2);
	/* Whoever corrects it and reloads does not wait. */
	all.robots.refuses_logins = false;
	clear_log();
	apply(GLOBAL("retry_min = 1m\nretry_max = 1h") ACCOUNT("a", "interval = 1m"));
	rest();
	assert_int_equal(logged("account=a: works again"), 1);
	end();
}

static void keeps_the_login_delay(void **state)
{
	(void)state;
	begin(false, NULL);
	all.robots.capa = "LOGIN-DELAY 900";
	apply(GLOBAL("") ACCOUNT("a", "interval = 5m"));
	pass(890);
	assert_int_equal(polls("a"), 1);
	pass(20);
	assert_int_equal(polls("a"), 2);
	end();
}

static void backs_off_from_a_host(void **state)
{
	(void)state;
	begin(false, NULL);
	fake_net_answer(FAKE_REFUSE, "no route");
	fake_net_answer(FAKE_REFUSE, "no route");
	apply(GLOBAL("retry_min = 10m\nretry_max = 1h\nmax_sessions_per_host = 1") ACCOUNT("a", "interval = 1m")
	              ACCOUNT("b", "interval = 1m"));
	pass(530);
	/* The second account waits for the host as well. */
	assert_int_equal(polls("a") + polls("b"), 1);
	pass(140);
	assert_int_equal(polls("a") + polls("b"), 2);
	pass(1350);
	assert_int_equal(logged("account=a: works again") + logged("account=b: works again"), 2);
	end();
}

static void polls_once(void **state)
{
	struct strlist only = { 0 };

	(void)state;
	begin(true, NULL);
	apply(GLOBAL("") ACCOUNT("a", "") ACCOUNT("b", "enabled = false") ACCOUNT("c", ""));
	rest();
	assert_int_equal(all.idle, 1);
	assert_int_equal(polls("a") + polls("c"), 2);
	assert_int_equal(polls("b"), 0);
	assert_false(scheduler_failed(all.scheduler));
	end();

	strlist_add(&only, "b");
	begin(true, &only);
	fake_net_answer(FAKE_REFUSE, "no route");
	apply(GLOBAL("") ACCOUNT("a", "") ACCOUNT("b", "enabled = false"));
	rest();
	assert_int_equal(all.idle, 1);
	assert_int_equal(polls("a"), 0);
	assert_int_equal(polls("b"), 1);
	assert_true(scheduler_failed(all.scheduler));
	end();
	strlist_free(&only);
}

/* "later-…" is refused for now. */
static void fails_once_for_what_is_owed(void **state)
{
	(void)state;
	begin(true, NULL);
	all.robots.message_count = 1;
	all.robots.messages[0] =
		(struct robots_message){ .uid = "u", .recipients = { "later-a" }, .recipient_count = 1 };
	apply(GLOBAL("") ACCOUNT("later-a", ""));
	rest();
	assert_int_equal(all.idle, 1);
	assert_int_equal(logged("account=later-a poll=ok"), 1);
	assert_true(scheduler_failed(all.scheduler));
	end();
}

static void comes_back_for_what_is_owed(void **state)
{
	(void)state;
	begin(false, NULL);
	all.robots.message_count = 1;
	all.robots.messages[0] =
		(struct robots_message){ .uid = "u", .recipients = { "later-a" }, .recipient_count = 1 };
	apply(GLOBAL("retry_min = 1m") ACCOUNT("later-a", "interval = 1h"));
	pass(59);
	assert_int_equal(polls("later-a"), 1);
	pass(3);
	assert_int_equal(polls("later-a"), 2);
	pass(125);
	assert_int_equal(polls("later-a"), 3);
	assert_int_equal(all.robots.messages[0].copies[0], 1);
	assert_true(all.robots.messages[0].gone);
	end();
}

/* --- reloads --- */

/* "a" is in the middle of a poll: its server does not answer for the next two minutes. */
static void begin_polling(void)
{
	begin(false, NULL);
	all.robots.fault = FAULT_SILENCE;
	all.robots.fault_at = 0;
	apply(GLOBAL("") ACCOUNT("a", "interval = 1h"));
	rest();
	assert_int_equal(scheduler_sessions(all.scheduler), 1);
}

static void an_account_goes_while_it_is_polled(void **state)
{
	(void)state;
	begin_polling();
	apply(GLOBAL("") ACCOUNT("b", "interval = 1h"));
	rest();
	assert_int_equal(polls("b"), 1);
	assert_int_equal(scheduler_sessions(all.scheduler), 1);
	pass(125);
	assert_int_equal(polls("a"), 1);
	assert_int_equal(scheduler_sessions(all.scheduler), 0);
	pass(7200);
	assert_int_equal(polls("a"), 1);
	end();
}

static void an_account_goes_and_comes_back(void **state)
{
	(void)state;
	begin_polling();
	apply(GLOBAL("") ACCOUNT("b", "interval = 1h"));
	apply(GLOBAL("") ACCOUNT("a", "interval = 1h") ACCOUNT("b", "interval = 1h"));
	rest();
	assert_int_equal(scheduler_sessions(all.scheduler), 1);
	pass(125);
	assert_int_equal(polls("a"), 1);
	pass(100);
	assert_int_equal(polls("a"), 2);
	end();
}

static void an_account_goes_for_good(void **state)
{
	(void)state;
	begin_polling();
	apply(GLOBAL("") ACCOUNT("b", "interval = 1h"));
	end();
}

/* What the old server is slow with is not the new one's trouble. */
static void a_server_changes_while_it_is_polled(void **state)
{
	(void)state;
	begin_polling();
	apply(GLOBAL("") "account \"a\" { server = \"other.example\"\ntls = none\nuser = \"a\"\npassword = 'p'\n"
	                 "recipient = \"a@office.example\"\ninterval = 1h\n}\n");
	pass(118);
	assert_int_equal(polls("a"), 0);
	pass(4);
	assert_int_equal(logged("account=a poll=failed"), 1);
	assert_int_equal(logged("account=a poll=ok"), 1);
	end();
}

static void an_account_is_set_aside_while_it_is_polled(void **state)
{
	static const char *const configurations[] = {
		GLOBAL("") ACCOUNT("a", "enabled = false"),
		GLOBAL("") "account \"a\" { server = \"pop.example\"\nuser = \"a\"\npassword_file = "
			   "\"/nowhere/secret\"\n"
			   "recipient = \"a@office.example\"\n}\n",
	};

	(void)state;
	begin_polling();
	apply(configurations[0]);
	pass(7200);
	assert_int_equal(polls("a"), 1);
	apply(GLOBAL("") ACCOUNT("a", ""));
	rest();
	assert_int_equal(polls("a"), 2);
	end();

	begin_polling();
	apply(configurations[1]);
	assert_int_equal(logged("account=a: set aside: "), 1);
	pass(7200);
	scheduler_poll_all(all.scheduler);
	pass(200);
	assert_int_equal(polls("a"), 1);
	apply(GLOBAL("") ACCOUNT("a", ""));
	rest();
	assert_int_equal(polls("a"), 2);
	end();
}

static void a_new_interval_holds_at_once(void **state)
{
	(void)state;
	begin(false, NULL);
	apply(GLOBAL("") ACCOUNT("a", "interval = 1d"));
	rest();
	assert_int_equal(polls("a"), 1);
	apply(GLOBAL("") ACCOUNT("a", "interval = 5m"));
	rest();
	assert_int_equal(polls("a"), 1);
	pass(335);
	assert_int_equal(polls("a"), 2);
	end();
}

static void halts_with_the_ledger(void **state)
{
	(void)state;
	begin_polling();
	scheduler_hold(all.scheduler, true);
	rest();
	assert_int_equal(scheduler_sessions(all.scheduler), 0);
	assert_int_equal(all.idle, 0);
	scheduler_poll_all(all.scheduler);
	pass(7200);
	assert_int_equal(polls("a"), 1);
	scheduler_hold(all.scheduler, false);
	rest();
	assert_int_equal(logged("account=a poll=ok"), 1);
	end();
}

static void stops(void **state)
{
	(void)state;
	begin_polling();
	scheduler_stop(all.scheduler);
	assert_int_equal(all.idle, 0);
	rest();
	assert_int_equal(all.idle, 1);
	pass(7200);
	assert_int_equal(scheduler_sessions(all.scheduler), 0);
	assert_int_equal(polls("a"), 1);
	end();

	begin(false, NULL);
	scheduler_hold(all.scheduler, true);
	apply(GLOBAL("") ACCOUNT("a", ""));
	pass(1000);
	assert_int_equal(polls("a"), 0);
	scheduler_stop(all.scheduler);
	rest();
	assert_int_equal(all.idle, 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(polls_at_its_interval),
		cmocka_unit_test(accounts_drift_apart),
		cmocka_unit_test(limits_sessions),
		cmocka_unit_test(starts_by_priority),
		cmocka_unit_test(leaves_a_wrong_password_alone),
		cmocka_unit_test(keeps_the_login_delay),
		cmocka_unit_test(backs_off_from_a_host),
		cmocka_unit_test(polls_once),
		cmocka_unit_test(fails_once_for_what_is_owed),
		cmocka_unit_test(comes_back_for_what_is_owed),
		cmocka_unit_test(an_account_goes_while_it_is_polled),
		cmocka_unit_test(an_account_goes_and_comes_back),
		cmocka_unit_test(an_account_goes_for_good),
		cmocka_unit_test(a_server_changes_while_it_is_polled),
		cmocka_unit_test(an_account_is_set_aside_while_it_is_polled),
		cmocka_unit_test(a_new_interval_holds_at_once),
		cmocka_unit_test(halts_with_the_ledger),
		cmocka_unit_test(stops),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
