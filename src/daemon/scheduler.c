/* SPDX-License-Identifier: ISC
 *
 * The set of all accounts: who is in it, and who may start now.
 */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "account.h"
#include "host.h"
#include "multidropd/mem.h"

struct scheduler {
	struct scheduler_params params;
	struct account_common common;
	struct account **accounts; /* by name */
	size_t account_count;
	LIST_HEAD(gone, account) gone; /* not configured any more, polling; freed when that ends */
	struct timer *run;
	unsigned sessions;
	bool failed;
	bool held;
};

/* --- polls --- */

static void wake(void *ctx)
{
	struct scheduler *scheduler = ctx;

	timer_arm(scheduler->run, 0);
}

static void poll_ended(void *ctx, struct account *account, bool well)
{
	struct scheduler *scheduler = ctx;

	scheduler->sessions--;
	scheduler->failed = scheduler->failed || !well;
	if (account->setup == NULL) {
		LIST_REMOVE(account, gone);
		account_free(account);
	}
	wake(scheduler);
}

static void start_polls(struct scheduler *scheduler)
{
	while (scheduler->sessions < scheduler->common.setup->config->max_sessions) {
		struct host_waiter *waiter = hosts_next(&scheduler->common.hosts);

		if (waiter == NULL)
			return;
		scheduler->sessions++;
		account_poll((struct account *)waiter);
	}
}

static bool is_anybody_queued(const struct scheduler *scheduler)
{
	for (size_t i = 0; i < scheduler->account_count; i++) {
		if (account_is_queued(scheduler->accounts[i]))
			return true;
	}
	return false;
}

static void run(void *ctx)
{
	struct scheduler *scheduler = ctx;
	bool stopping = scheduler->common.stopping;

	if (!stopping && !scheduler->held)
		start_polls(scheduler);
	if (scheduler->sessions == 0 && (stopping || (scheduler->params.once && !is_anybody_queued(scheduler))))
		scheduler->params.idle(scheduler->params.ctx);
}

void scheduler_poll_all(struct scheduler *scheduler)
{
	hosts_end_pauses(&scheduler->common.hosts);
	for (size_t i = 0; i < scheduler->account_count; i++)
		account_fall_due(scheduler->accounts[i]);
}

static void stop_polls(struct scheduler *scheduler)
{
	struct account *account;

	for (size_t i = 0; i < scheduler->account_count; i++)
		account_stop(scheduler->accounts[i]);
	LIST_FOREACH (account, &scheduler->gone, gone)
		account_stop(account);
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
	scheduler->common.stopping = true;
	stop_polls(scheduler);
	wake(scheduler);
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

	LIST_FOREACH (account, &scheduler->gone, gone) {
		if (strcmp(account->name, name) == 0) {
			LIST_REMOVE(account, gone);
			return account;
		}
	}
	return NULL;
}

static void drop(struct scheduler *scheduler, struct account *account)
{
	account_drop(account);
	if (account->collector != NULL)
		LIST_INSERT_HEAD(&scheduler->gone, account, gone);
	else
		account_free(account);
}

/* The accounts of common.setup: those that are there already, and new ones. */
static struct account **apply_accounts(struct scheduler *scheduler)
{
	const struct setup *setup = scheduler->common.setup;
	size_t count = setup->config->account_count;
	struct account **accounts = mem_array(count, sizeof(struct account *));

	for (size_t i = 0; i < count; i++) {
		const char *name = setup->config->accounts[i].name;
		struct account *account = find(scheduler, name);

		if (account == NULL)
			account = revive(scheduler, name);
		accounts[i] = account != NULL ? account : account_new(&scheduler->common, name);
		account_apply(accounts[i], &setup->accounts[i]);
	}
	qsort(accounts, count, sizeof(struct account *), compare_accounts);
	return accounts;
}

void scheduler_apply(struct scheduler *scheduler, struct setup *setup)
{
	struct setup *setup_before = scheduler->common.setup;
	struct account **before = scheduler->accounts, **accounts;
	size_t count_before = scheduler->account_count;

	scheduler->common.setup = setup_ref(setup);
	setup_share_memory(setup, scheduler->params.budget);
	hosts_set_limit(&scheduler->common.hosts, setup->config->max_sessions_per_host);
	accounts = apply_accounts(scheduler);
	scheduler->accounts = accounts;
	scheduler->account_count = setup->config->account_count;
	for (size_t i = 0; i < count_before; i++) {
		if (find(scheduler, before[i]->name) == NULL)
			drop(scheduler, before[i]);
	}
	free(before);
	setup_unref(&setup_before);
	wake(scheduler);
}

/* --- the whole --- */

struct scheduler *scheduler_new(const struct scheduler_params *params)
{
	struct scheduler *scheduler = mem_alloc(sizeof(*scheduler));

	scheduler->params = *params;
	scheduler->common = (struct account_common){
		.loop = params->loop,
		.ledger = params->ledger,
		.once = params->once,
		.only = params->only,
		.poll_ended = poll_ended,
		.ctx = scheduler,
	};
	LIST_INIT(&scheduler->gone);
	scheduler->run = timer_new(params->loop, run, scheduler);
	hosts_init(&scheduler->common.hosts, params->loop, wake, scheduler);
	scheduler->common.hosts.ignore_pauses = params->once;
	return scheduler;
}

void scheduler_free(struct scheduler **pointer)
{
	struct scheduler *scheduler = *pointer;
	struct account *account;

	if (scheduler == NULL)
		return;
	*pointer = NULL;
	for (size_t i = 0; i < scheduler->account_count; i++)
		account_free(scheduler->accounts[i]);
	while ((account = LIST_FIRST(&scheduler->gone)) != NULL) {
		LIST_REMOVE(account, gone);
		account_free(account);
	}
	free(scheduler->accounts);
	hosts_deinit(&scheduler->common.hosts);
	timer_free(&scheduler->run);
	setup_unref(&scheduler->common.setup);
	free(scheduler);
}

void scheduler_quit_relays(struct scheduler *scheduler)
{
	for (size_t i = 0; scheduler->common.setup != NULL && i < scheduler->common.setup->config->relay_count; i++)
		relay_quit(scheduler->common.setup->relays[i].relay);
}

bool scheduler_failed(const struct scheduler *scheduler)
{
	return scheduler->failed || scheduler->sessions > 0 || is_anybody_queued(scheduler);
}

unsigned scheduler_sessions(const struct scheduler *scheduler)
{
	return scheduler->sessions;
}

size_t scheduler_accounts(const struct scheduler *scheduler)
{
	return scheduler->account_count;
}
