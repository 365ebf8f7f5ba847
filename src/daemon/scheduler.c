/* SPDX-License-Identifier: ISC
 *
 * The timetable of all accounts.
 */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "collector.h"
#include "host.h"
#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

/* An owed recipient that falls due brings the next poll forward, but not below this. */
#define POLL_PAUSE_MIN_S 5

struct account {
	struct host_waiter waiter;              /* first: the host hands it back */
	struct scheduler *scheduler;
	const struct setup_account *setup;      /* of scheduler.setup */
	char *name;
	char *mailbox;                          /* server and user of its last poll; NULL: there was none */
	struct pop3_memory memory;
	struct host *host;
	struct timer *due;
	struct collector *collector;
	struct host *polled;                    /* while polling: the host of that session, whatever a reload said since */
	LIST_ENTRY(account) polling;            /* while polling */
	unsigned failures;                      /* in a row */
	int64_t login_delay_s;                  /* as the server announced it last */
	char *last_error;                       /* NULL: the last poll went well */
	bool gone;                              /* not configured any more; freed when its poll ends */
	bool kept;                              /* by the configuration that is being applied */
};

struct scheduler {
	struct scheduler_params params;
	struct setup *setup;
	struct hosts hosts;
	struct account **accounts;              /* by name */
	size_t account_count;
	LIST_HEAD(accounts, account) polling;           /* those that are gone, too */
	struct timer *run;
	unsigned sessions;
	size_t pending;                         /* once: polls not ended yet */
	bool failed;
	bool held;
	bool stopping;
};

static void wake(void *ctx)
{
	struct scheduler *scheduler = ctx;

	timer_arm(scheduler->run, 0);
}

/* --- one account --- */

static void end_polling(struct account *account)
{
	LIST_REMOVE(account, polling);
	host_release(&account->polled);
	collector_free(&account->collector);
}

static void account_free(struct account *account)
{
	if (account->collector != NULL)
		end_polling(account);
	timer_free(&account->due);
	host_unqueue(account->host, &account->waiter);
	host_release(&account->host);
	free(account->last_error);
	free(account->mailbox);
	free(account->name);
	free(account);
}

static void fall_due(void *ctx)
{
	struct account *account = ctx;

	if (account->collector == NULL && !account->scheduler->stopping)
		host_queue(account->host, &account->waiter);
}

/* One line when trouble begins or changes, one when it is over; the repetitions are for -v. */
static void log_outcome(struct account *account, const struct poll_result *result, int64_t next_ms)
{
	bool ok = result->outcome == POLL_OK;
	bool news = account->last_error == NULL || strcmp(account->last_error, result->text) != 0;
	bool ours = result->outcome == POLL_RELAY_TROUBLE || result->outcome == POLL_STOPPED;
	enum log_level level = ours || !news ? LOG_AT_INFO : LOG_AT_WARNING;
	struct log_line line;

	if (ok && account->last_error != NULL)
		log_notice("account=%s: works again", account->name);
	log_line_begin(&line, ok ? LOG_AT_INFO : level);
	log_line_str(&line, "account", account->name);
	log_line_str(&line, "poll", ok ? "ok" : "failed");
	log_line_str(&line, "reason", ok ? NULL : result->text);
	log_line_num(&line, "listed", (int64_t)result->listed);
	log_line_num(&line, "fetched", (int64_t)result->fetched);
	log_line_num(&line, "deleted", (int64_t)result->deleted);
	if (next_ms >= 0)
		log_line_num(&line, "next", next_ms / 1000);
	log_line_end(&line);
	free(account->last_error);
	account->last_error = ok ? NULL : mem_strdup(result->text);
}

static enum host_verdict host_verdict(const struct poll_result *result)
{
	switch (result->outcome) {
	case POLL_HOST_TROUBLE:
		return HOST_FAILED;
	case POLL_HOST_BUSY:
		return HOST_BUSY;
	case POLL_STOPPED:
		return HOST_SAID_NOTHING;
	case POLL_OK:
	case POLL_ACCOUNT_TROUBLE:
	case POLL_HOPELESS:
	case POLL_RELAY_TROUBLE:
		break;
	}
	return result->reached ? HOST_WORKS : HOST_SAID_NOTHING;
}

static int64_t regular_pause_ms(const struct account *account, const struct poll_result *result)
{
	int64_t pause_ms = host_jitter_ms(account->setup->config->interval_s * 1000);
	int64_t due_ms;

	if (result->due_s == INT64_MAX)
		return pause_ms;
	due_ms = (result->due_s - clock_wall_s()) * 1000;
	if (due_ms < POLL_PAUSE_MIN_S * 1000)
		due_ms = POLL_PAUSE_MIN_S * 1000;
	return due_ms < pause_ms ? due_ms : pause_ms;
}

static char *mailbox_of(const struct account *account)
{
	const struct config_account *config = account->setup->config;

	return str_format("%s %s", config->server_text, config->user);
}

/* The configuration has another one now than at the last poll. */
static bool has_new_mailbox(const struct account *account)
{
	char *mailbox = mailbox_of(account);
	bool is_new = account->mailbox == NULL || strcmp(account->mailbox, mailbox) != 0;

	free(mailbox);
	return is_new;
}

/* Whatever is asked of one that is gone, its setup may be gone, too. */
static bool is_polled(const struct account *account)
{
	const struct strlist *only = account->scheduler->params.only;

	if (account->gone || account->setup->broken != NULL)
		return false;
	return only != NULL && only->count > 0 ? strlist_has(only, account->name) : account->setup->config->enabled;
}

static int64_t next_pause_ms(struct account *account, const struct poll_result *result)
{
	const struct config *config = account->scheduler->setup->config;
	int64_t min_ms = config->retry_min_s * 1000, max_ms = config->retry_max_s * 1000;
	int64_t pause_ms = 0;

	account->failures = result->outcome == POLL_OK ? 0 : account->failures + 1;
	switch (result->outcome) {
	case POLL_OK:
	case POLL_STOPPED:
		pause_ms = regular_pause_ms(account, result);
		break;
	case POLL_HOST_TROUBLE:
	case POLL_HOST_BUSY:
		pause_ms = host_pause_ms(account->polled);
		break;
	case POLL_ACCOUNT_TROUBLE:
		pause_ms = host_backoff_ms(account->failures, min_ms, max_ms);
		break;
	case POLL_HOPELESS:
		pause_ms = host_jitter_ms(max_ms);
		break;
	case POLL_RELAY_TROUBLE:
		pause_ms = relay_retry_ms(account->setup->relay->relay);
		if (pause_ms == 0)
			pause_ms = host_backoff_ms(account->failures, min_ms, max_ms);
		break;
	}
	/* Known from an earlier session where this one did not come so far. */
	if (result->login_delay_s > 0)
		account->login_delay_s = result->login_delay_s;
	return pause_ms > account->login_delay_s * 1000 ? pause_ms : account->login_delay_s * 1000;
}

static void end_session(struct account *account, const struct poll_result *result)
{
	const struct config *config = account->scheduler->setup->config;

	account->scheduler->sessions--;
	host_session_ended(account->polled, host_verdict(result), config->retry_min_s * 1000,
	                   config->retry_max_s * 1000);
}

static void poll_ended(void *ctx, const struct poll_result *result)
{
	struct account *account = ctx;
	struct scheduler *scheduler = account->scheduler;
	bool again = !scheduler->params.once && !scheduler->stopping && is_polled(account);
	int64_t pause_ms;

	end_session(account, result);
	pause_ms = !again ? -1 : has_new_mailbox(account) ? 0 : next_pause_ms(account, result);
	log_outcome(account, result, pause_ms);
	scheduler->failed = scheduler->failed || result->outcome != POLL_OK || result->owed;
	if (again)
		timer_arm(account->due, pause_ms);
	if (scheduler->params.once)
		scheduler->pending--;
	end_polling(account);
	if (account->gone)
		account_free(account);
	wake(scheduler);
}

/* What was learned about a server says nothing about another. */
static void note_mailbox(struct account *account)
{
	if (!has_new_mailbox(account))
		return;
	free(account->mailbox);
	account->mailbox = mailbox_of(account);
	account->memory = (struct pop3_memory){ 0 };
	account->failures = 0;
	account->login_delay_s = 0;
}

static void start_poll(struct account *account)
{
	struct scheduler *scheduler = account->scheduler;
	struct collector_params params = {
		.loop = scheduler->params.loop,
		.setup = scheduler->setup,
		.account = account->setup,
		.ledger = scheduler->params.ledger,
		.memory = &account->memory,
		.all_due = scheduler->params.once,
		.done = poll_ended,
		.ctx = account,
	};

	note_mailbox(account);
	timer_cancel(account->due);
	scheduler->sessions++;
	account->polled = host_use(&scheduler->hosts, account->setup->config->host);
	LIST_INSERT_HEAD(&scheduler->polling, account, polling);
	account->collector = collector_start(&params);
}

static void run(void *ctx)
{
	struct scheduler *scheduler = ctx;
	bool over = scheduler->stopping || (scheduler->params.once && scheduler->pending == 0);

	while (!scheduler->stopping && !scheduler->held && scheduler->sessions < scheduler->setup->config->max_sessions) {
		struct host_waiter *waiter = hosts_next(&scheduler->hosts);

		if (waiter == NULL)
			break;
		start_poll((struct account *)waiter);
	}
	if (over && scheduler->sessions == 0)
		scheduler->params.idle(scheduler->params.ctx);
}

/* --- configurations --- */

static int compare_accounts(const void *a, const void *b)
{
	return strcmp((*(struct account *const *)a)->name, (*(struct account *const *)b)->name);
}

static struct account *find(const struct scheduler *scheduler, const char *name)
{
	struct account key = { .name = (char *)(uintptr_t)name };
	const struct account *wanted = &key;
	struct account **found = NULL;

	if (scheduler->account_count > 0)
		found = bsearch(&wanted, scheduler->accounts, scheduler->account_count, sizeof(struct account *),
		                compare_accounts);
	return found != NULL ? *found : NULL;
}

/* Configured again while its last session as an account that was gone still runs. */
static struct account *revive(struct scheduler *scheduler, const char *name)
{
	struct account *account;

	for (account = LIST_FIRST(&scheduler->polling); account != NULL; account = LIST_NEXT(account, polling)) {
		if (account->gone && strcmp(account->name, name) == 0) {
			account->gone = false;
			return account;
		}
	}
	return NULL;
}

static struct account *account_new(struct scheduler *scheduler, const char *name)
{
	struct account *account = mem_alloc(sizeof(*account));

	account->scheduler = scheduler;
	account->name = mem_strdup(name);
	account->due = timer_new(scheduler->params.loop, fall_due, account);
	return account;
}

/* Out of its host's queue, which is ordered by what may have changed. True: it was there. */
static bool point_to_host(struct account *account)
{
	const struct config_account *config = account->setup->config;
	struct host *before = account->host;
	bool was_queued = heap_has(&account->waiter.item);

	if (was_queued)
		host_unqueue(before, &account->waiter);
	account->waiter.priority = config->priority;
	account->host = host_use(&account->scheduler->hosts, config->host);
	host_release(&before);
	return was_queued;
}

/* A new interval holds from now on; what failed or was changed may work now. */
static void account_apply(struct account *account, const struct setup_account *setup)
{
	int64_t interval_ms = setup->config->interval_s * 1000;
	bool was_queued;

	account->setup = setup;
	account->kept = true;
	was_queued = point_to_host(account);
	if (setup->broken != NULL)
		log_error("account=%s: set aside: %s", account->name, setup->broken);
	if (!is_polled(account))
		timer_cancel(account->due);
	else if (was_queued || has_new_mailbox(account) || account->last_error != NULL ||
	         timer_remaining_ms(account->due) < 0)
		fall_due(account);
	else if (timer_remaining_ms(account->due) > interval_ms + interval_ms / 10)
		timer_arm(account->due, host_jitter_ms(interval_ms));
}

/* --once waits for so many. */
static size_t count_queued(const struct scheduler *scheduler)
{
	size_t count = 0;

	for (size_t i = 0; i < scheduler->account_count; i++)
		count += heap_has(&scheduler->accounts[i]->waiter.item);
	return count;
}

static void drop(struct account *account)
{
	account->gone = true;
	timer_cancel(account->due);
	host_unqueue(account->host, &account->waiter);
	log_notice("account=%s: no longer configured%s", account->name,
	           account->collector != NULL ? ", its session ends first" : "");
	if (account->collector == NULL)
		account_free(account);
}

void scheduler_apply(struct scheduler *scheduler, struct setup *setup)
{
	struct setup *before = scheduler->setup;
	size_t count = setup->config->account_count;
	struct account **accounts = mem_array(count, sizeof(struct account *));

	scheduler->setup = setup_ref(setup);
	setup_share_memory(setup, scheduler->params.budget);
	hosts_set_limit(&scheduler->hosts, setup->config->max_sessions_per_host);
	for (size_t i = 0; i < count; i++) {
		const char *name = setup->config->accounts[i].name;
		struct account *account = find(scheduler, name);

		if (account == NULL)
			account = revive(scheduler, name);
		accounts[i] = account != NULL ? account : account_new(scheduler, name);
		account_apply(accounts[i], &setup->accounts[i]);
	}
	for (size_t i = 0; i < scheduler->account_count; i++) {
		if (!scheduler->accounts[i]->kept)
			drop(scheduler->accounts[i]);
	}
	for (size_t i = 0; i < count; i++)
		accounts[i]->kept = false;
	qsort(accounts, count, sizeof(struct account *), compare_accounts);
	free(scheduler->accounts);
	scheduler->accounts = accounts;
	scheduler->account_count = count;
	scheduler->pending = count_queued(scheduler);
	setup_unref(&before);
	wake(scheduler);
}

/* --- the whole --- */

struct scheduler *scheduler_new(const struct scheduler_params *params)
{
	struct scheduler *scheduler = mem_alloc(sizeof(*scheduler));

	scheduler->params = *params;
	scheduler->run = timer_new(params->loop, run, scheduler);
	LIST_INIT(&scheduler->polling);
	hosts_init(&scheduler->hosts, params->loop, wake, scheduler);
	scheduler->hosts.ignore_pauses = params->once;
	return scheduler;
}

void scheduler_free(struct scheduler **pointer)
{
	struct scheduler *scheduler = *pointer;

	if (scheduler == NULL)
		return;
	*pointer = NULL;
	for (size_t i = 0; i < scheduler->account_count; i++)
		account_free(scheduler->accounts[i]);
	while (!LIST_EMPTY(&scheduler->polling))
		account_free(LIST_FIRST(&scheduler->polling));
	free(scheduler->accounts);
	hosts_deinit(&scheduler->hosts);
	timer_free(&scheduler->run);
	setup_unref(&scheduler->setup);
	free(scheduler);
}

void scheduler_poll_all(struct scheduler *scheduler)
{
	hosts_end_pauses(&scheduler->hosts);
	for (size_t i = 0; i < scheduler->account_count; i++) {
		if (is_polled(scheduler->accounts[i]))
			fall_due(scheduler->accounts[i]);
	}
}

static void stop_polls(struct scheduler *scheduler)
{
	struct account *account;

	for (account = LIST_FIRST(&scheduler->polling); account != NULL; account = LIST_NEXT(account, polling))
		collector_stop(account->collector);
}

void scheduler_hold(struct scheduler *scheduler, bool hold)
{
	scheduler->held = hold;
	if (hold)
		stop_polls(scheduler);
	wake(scheduler);
}

void scheduler_stop(struct scheduler *scheduler)
{
	scheduler->stopping = true;
	stop_polls(scheduler);
	wake(scheduler);
}

void scheduler_quit_relays(struct scheduler *scheduler)
{
	for (size_t i = 0; scheduler->setup != NULL && i < scheduler->setup->config->relay_count; i++)
		relay_quit(scheduler->setup->relays[i].relay);
}

bool scheduler_failed(const struct scheduler *scheduler)
{
	return scheduler->failed || scheduler->pending > 0;
}

unsigned scheduler_sessions(const struct scheduler *scheduler)
{
	return scheduler->sessions;
}

size_t scheduler_accounts(const struct scheduler *scheduler)
{
	return scheduler->account_count;
}
