/* SPDX-License-Identifier: ISC
 *
 * The life of one account: due, polled, and when again.
 */
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

/* An owed recipient that falls due brings the next poll forward, but not below this. */
#define POLL_PAUSE_MIN_S 5

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

/* One that is gone has no setup. */
static bool is_polled(const struct account *account)
{
	const struct strlist *only = account->common->only;

	if (account->setup == NULL || account->setup->broken != NULL)
		return false;
	return only != NULL && only->count > 0 ? strlist_has(only, account->name) : account->setup->config->enabled;
}

bool account_is_queued(const struct account *account)
{
	return heap_has(&account->waiter.item);
}

void account_fall_due(struct account *account)
{
	if (is_polled(account) && account->collector == NULL && !account->common->stopping)
		host_queue(account->host, &account->waiter);
}

/* --- the end of a poll --- */

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

static int64_t next_pause_ms(struct account *account, const struct poll_result *result)
{
	const struct config *config = account->common->setup->config;
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

static void end_poll(struct account *account)
{
	host_release(&account->polled);
	collector_free(&account->collector);
}

static void poll_ended(void *ctx, const struct poll_result *result)
{
	struct account *account = ctx;
	struct account_common *common = account->common;
	const struct config *config = common->setup->config;
	bool again = !common->once && !common->stopping && is_polled(account);
	bool well = result->outcome == POLL_OK && !result->owed;
	int64_t pause_ms;

	/* First: it decides how long the host is left alone. */
	host_session_ended(account->polled, host_verdict(result), config->retry_min_s * 1000,
	                   config->retry_max_s * 1000);
	pause_ms = !again ? -1 : has_new_mailbox(account) ? 0 : next_pause_ms(account, result);
	log_outcome(account, result, pause_ms);
	if (again)
		timer_arm(account->due, pause_ms);
	end_poll(account);
	common->poll_ended(common->ctx, account, well);
}

/* --- its beginning --- */

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

void account_poll(struct account *account)
{
	struct account_common *common = account->common;
	struct collector_params params = {
		.loop = common->loop,
		.setup = common->setup,
		.account = account->setup,
		.ledger = common->ledger,
		.memory = &account->memory,
		.all_due = common->once,
		.done = poll_ended,
		.ctx = account,
	};

	note_mailbox(account);
	timer_cancel(account->due);
	account->polled = host_use(&common->hosts, account->setup->config->host);
	account->collector = collector_start(&params);
}

void account_stop(struct account *account)
{
	if (account->collector != NULL)
		collector_stop(account->collector);
}

/* --- configurations --- */

/* Out of its host's queue, which is ordered by what may have changed. True: it was there. */
static bool point_to_host(struct account *account)
{
	const struct config_account *config = account->setup->config;
	struct host *before = account->host;
	bool was_queued = account_is_queued(account);

	if (was_queued)
		host_unqueue(before, &account->waiter);
	account->waiter.priority = config->priority;
	account->host = host_use(&account->common->hosts, config->host);
	host_release(&before);
	return was_queued;
}

/* A new interval holds from now on; what failed or was changed may work now. */
void account_apply(struct account *account, const struct setup_account *setup)
{
	int64_t interval_ms = setup->config->interval_s * 1000;
	bool was_queued;

	account->setup = setup;
	was_queued = point_to_host(account);
	if (setup->broken != NULL)
		log_error("account=%s: set aside: %s", account->name, setup->broken);
	if (!is_polled(account))
		timer_cancel(account->due);
	else if (was_queued || has_new_mailbox(account) || account->last_error != NULL ||
	         timer_remaining_ms(account->due) < 0)
		account_fall_due(account);
	else if (timer_remaining_ms(account->due) > interval_ms + interval_ms / 10)
		timer_arm(account->due, host_jitter_ms(interval_ms));
}

void account_drop(struct account *account)
{
	account->setup = NULL;
	timer_cancel(account->due);
	host_unqueue(account->host, &account->waiter);
	log_notice("account=%s: no longer configured%s", account->name,
	           account->collector != NULL ? ", its session ends first" : "");
}

static void due(void *ctx)
{
	account_fall_due(ctx);
}

struct account *account_new(struct account_common *common, const char *name)
{
	struct account *account = mem_alloc(sizeof(*account));

	account->common = common;
	account->name = mem_strdup(name);
	account->due = timer_new(common->loop, due, account);
	return account;
}

void account_free(struct account *account)
{
	end_poll(account);
	timer_free(&account->due);
	host_unqueue(account->host, &account->waiter);
	host_release(&account->host);
	free(account->last_error);
	free(account->mailbox);
	free(account->name);
	free(account);
}
