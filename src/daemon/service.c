/* SPDX-License-Identifier: ISC
 *
 * Wires ledger, scheduler and signals to the loop.
 */
#include "multidropd/service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "budget.h"
#include "multidropd/log.h"
#include "multidropd/loop.h"
#include "multidropd/mem.h"
#include "scheduler.h"
#include "setup.h"
#include "systemd.h"

/* TERM waits so long for answers to a final dot; of its 5 s the ledger gets the rest. */
#define STOP_WAIT_MS 3500
/* Then so long for the relays to hear our QUIT. */
#define QUIT_WAIT_MS 100
#define STATUS_EVERY_MS 10000

struct service {
	struct service_params params;
	struct loop *loop;
	struct ledger *ledger;
	struct scheduler *scheduler;
	struct budget budget;
	char *config_path;
	struct watch *watches[5];
	struct timer *stop_limit, *watchdog, *status;
	bool stopping;
	bool gave_up; /* --once: the state file cannot be written */
};

enum log_level service_log_level(const struct config *config, int verbose)
{
	enum log_level asked = verbose >= 2 ? LOG_AT_DEBUG : verbose == 1 ? LOG_AT_INFO : LOG_AT_ERROR;

	return asked > config->log_level ? asked : config->log_level;
}

/* --- the end --- */

static void stop_at_once(void *ctx)
{
	struct service *service = ctx;

	loop_stop(service->loop);
}

static void stop(void *ctx)
{
	struct service *service = ctx;

	if (service->stopping)
		return;
	service->stopping = true;
	systemd_stopping();
	log_notice("stopping");
	timer_arm(service->stop_limit, STOP_WAIT_MS);
	scheduler_stop(service->scheduler);
}

static void idle(void *ctx)
{
	struct service *service = ctx;

	scheduler_quit_relays(service->scheduler);
	timer_arm(service->stop_limit, QUIT_WAIT_MS);
}

/* --- ledger --- */

static void ledger_ready(void *ctx)
{
	struct service *service = ctx;

	ledger_dispatch(service->ledger);
}

static void ledger_trouble(void *ctx, const char *text)
{
	struct service *service = ctx;

	log_error("state file: %s; no mail is fetched and nothing is deleted until it can be written again", text);
	scheduler_hold(service->scheduler, true);
	if (service->params.once) {
		service->gave_up = true;
		stop(service);
	}
}

static void ledger_recovered(void *ctx)
{
	struct service *service = ctx;

	log_notice("state file: can be written again, polling goes on");
	scheduler_hold(service->scheduler, false);
}

static int exit_status(enum ledger_result result)
{
	return result == LEDGER_BUSY ? EX_TEMPFAIL : result == LEDGER_UNUSABLE ? EX_CANTCREAT : EX_IOERR;
}

static int start_ledger(struct service *service)
{
	static const struct ledger_events events = { .trouble = ledger_trouble, .recovered = ledger_recovered };
	char *error = NULL;
	enum ledger_result result = ledger_start(service->ledger, &events, service, &error);

	if (result != LEDGER_OK) {
		log_error("%s", error);
		free(error);
		return exit_status(result);
	}
	if (ledger_left_under_way(service->ledger) > 0)
		log_warning("messages on their way to the relay when multidropd ended: %zu; each may arrive twice, "
		            "which is logged when it is fetched again",
		            ledger_left_under_way(service->ledger));
	/* Nothing would be heard of the ledger any more, and nothing done. */
	service->watches[0] = loop_watch_read(service->loop, ledger_fd(service->ledger), ledger_ready, service);
	return service->watches[0] != NULL ? 0 : EX_OSERR;
}

/* --- configuration --- */

static void log_problems(struct strlist *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		log_error("%s", problems->items[i]);
	strlist_free(problems);
}

/* Once for each configuration that is used. The word in the middle is for -t: a log line has it in front. */
static void log_warnings(const struct strlist *warnings)
{
	static const char word[] = ": warning: ";

	for (size_t i = 0; i < warnings->count; i++) {
		const char *place = warnings->items[i];
		const char *end = strstr(place, word);

		if (end != NULL)
			log_warning("%.*s: %s", (int)(end - place), place, end + strlen(word));
	}
}

static int apply(struct service *service, struct config *take_config)
{
	struct strlist problems = { 0 };
	struct setup *setup = setup_new(service->loop, &take_config, &problems);

	/* Who asks for one poll is told at once that an account cannot have it. */
	if (setup != NULL && service->params.once)
		setup_problems(setup, &problems);
	if (problems.count > 0)
		setup_unref(&setup);
	log_problems(&problems);
	if (setup == NULL)
		return -1;
	log_open(setup->config->log_target, service_log_level(setup->config, service->params.verbose));
	log_warnings(&setup->config->warnings);
	budget_set_limit(&service->budget, setup->config->memory_limit);
	scheduler_apply(service->scheduler, setup);
	setup_unref(&setup);
	return 0;
}

static void reload(void *ctx)
{
	struct service *service = ctx;
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	struct config *config;

	if (service->stopping || service->params.once)
		return;
	systemd_reloading();
	config = config_load(service->config_path, &problems, &file_problems);
	log_problems(&problems);
	log_problems(&file_problems);
	if (config == NULL || apply(service, config) != 0)
		log_error("the new configuration is not used, the old one stays in force");
	else
		log_notice("configuration reloaded");
	systemd_ready();
}

/* --- signals --- */

static void poll_all(void *ctx)
{
	struct service *service = ctx;

	if (service->stopping || service->params.once)
		return;
	log_notice("polling all accounts now");
	scheduler_poll_all(service->scheduler);
}

static void feed_watchdog(void *ctx)
{
	struct service *service = ctx;

	systemd_alive();
	timer_arm(service->watchdog, systemd_watchdog_ms());
}

static void show_status(void *ctx)
{
	struct service *service = ctx;
	char *text = str_format("%zu accounts, %u sessions", scheduler_accounts(service->scheduler),
	                        scheduler_sessions(service->scheduler));

	systemd_status(text);
	free(text);
	timer_arm(service->status, STATUS_EVERY_MS);
}

/* Blocked while nobody handles them: a TERM that comes too early or too late must not end us half-way. */
static void mask_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(how, &set, NULL);
}

static void watch_signals(struct service *service)
{
	service->watches[1] = loop_watch_signal(service->loop, SIGTERM, stop, service);
	service->watches[2] = loop_watch_signal(service->loop, SIGINT, stop, service);
	service->watches[3] = loop_watch_signal(service->loop, SIGHUP, reload, service);
	service->watches[4] = loop_watch_signal(service->loop, SIGUSR1, poll_all, service);
	mask_signals(SIG_UNBLOCK);
}

/* --- life --- */

static void begin(struct service *service, const struct service_params *params)
{
	struct scheduler_params scheduler = {
		.budget = &service->budget,
		.once = params->once,
		.only = params->only,
		.idle = idle,
		.ctx = service,
	};

	service->params = *params;
	service->config_path = mem_strdup(params->take_config->path);
	service->ledger = params->take_ledger;
	service->loop = loop_new();
	budget_init(&service->budget, service->loop, params->take_config->memory_limit);
	service->stop_limit = timer_new(service->loop, stop_at_once, service);
	service->watchdog = timer_new(service->loop, feed_watchdog, service);
	service->status = timer_new(service->loop, show_status, service);
	scheduler.loop = service->loop;
	scheduler.ledger = service->ledger;
	service->scheduler = scheduler_new(&scheduler);
	watch_signals(service);
}

static void end(struct service *service)
{
	mask_signals(SIG_BLOCK);
	scheduler_free(&service->scheduler);
	for (size_t i = 0; i < sizeof(service->watches) / sizeof(service->watches[0]); i++)
		watch_free(&service->watches[i]);
	ledger_close(&service->ledger);
	timer_free(&service->stop_limit);
	timer_free(&service->watchdog);
	timer_free(&service->status);
	budget_deinit(&service->budget);
	loop_free(&service->loop);
	free(service->config_path);
}

static int run(struct service *service)
{
	int status = start_ledger(service);

	if (status != 0) {
		config_free(&service->params.take_config);
		return status;
	}
	if (apply(service, service->params.take_config) != 0)
		return EX_CONFIG;
	if (!service->params.once)
		log_notice("multidropd %s started, accounts: %zu", MULTIDROPD_VERSION,
		           scheduler_accounts(service->scheduler));
	systemd_ready();
	if (systemd_watchdog_ms() > 0)
		feed_watchdog(service);
	show_status(service);
	loop_run(service->loop);
	if (service->gave_up)
		return EX_IOERR;
	return service->params.once && scheduler_failed(service->scheduler) ? 1 : 0;
}

int service_run(const struct service_params *params)
{
	struct service service = { 0 };
	int status;

	mask_signals(SIG_BLOCK);
	begin(&service, params);
	status = run(&service);
	end(&service);
	return status;
}

void service_check(struct config *take_config, struct strlist *problems)
{
	struct loop *loop = loop_new();
	struct setup *setup;

	config_check_state(take_config, problems);
	setup = setup_new(loop, &take_config, problems);
	if (setup != NULL)
		setup_problems(setup, problems);
	setup_unref(&setup);
	loop_free(&loop);
}
