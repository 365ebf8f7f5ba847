/* SPDX-License-Identifier: ISC
 *
 * The collector's surroundings, and what a script can do to them.
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal.h"
#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

/* --- configuration --- */

struct config *world_config(const char *text)
{
	char path[] = "/tmp/multidropd-world-XXXXXX";
	struct strlist problems = { 0 }, file_problems = { 0 };
	struct config *config;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
	config = config_load(path, &problems, &file_problems);
	assert_int_equal(unlink(path), 0);
	if (config == NULL)
		fail_msg("%s\n%s", problems.items[0], text);
	strlist_free(&file_problems);
	return config;
}

static const char *or_nothing(const char *text)
{
	return text != NULL ? text : "";
}

char *world_config_text(const struct world_options *options)
{
	return str_format("hostname = \"me.example\"\npostmaster = \"post@office.example\"\n%s\n"
	                  "relay \"office\" { address = \"relay.example\"\nprotocol = %s\n%s\n}\n"
	                  "account \"dom\" { server = \"pop.example\"\ntls = none\nuser = \"ann\"\n"
	                  "password = 'geheim'\nadd_received = %s\n%s\n%s\n"
	                  "multidrop { envelope = \"%s\"\ndomains = \"office.example\"\n%s\n}\n}\n",
	                  or_nothing(options->global), options->lmtp ? "lmtp" : "smtp", or_nothing(options->relay),
	                  options->trace ? "true" : "false", options->rejects ? "" : "rejected = keep",
	                  or_nothing(options->account), options->envelope != NULL ? options->envelope : "X-Envelope-To",
	                  or_nothing(options->multidrop));
}

/* --- journal --- */

/* The value of a key in a line of the log, without its quotes; NULL: not there. */
static char *value_of(const char *line, const char *key)
{
	char *prefix = str_format(" %s=", key);
	const char *at = strstr(line, prefix);
	size_t prefix_len = strlen(prefix);

	free(prefix);
	if (at == NULL)
		return NULL;
	at += prefix_len;
	return at[0] == '"' ? mem_strndup(at + 1, strcspn(at + 1, "\"")) : mem_strndup(at, strcspn(at, " "));
}

static void catch_line(enum log_level level, const char *line)
{
	char *status = value_of(line, "status");
	char *to = value_of(line, "to");
	char *reply = value_of(line, "reply");
	char *note = value_of(line, "note");

	if (level <= LOG_AT_WARNING)
		strlist_add(&warnings.entries, line);
	else if (status != NULL)
		journal_add("%s %s: %s%s%s", status, or_nothing(to), or_nothing(reply), note != NULL ? ", " : "",
		            or_nothing(note));
	free(status);
	free(to);
	free(reply);
	free(note);
}

static void polled(void *ctx, const struct poll_result *result)
{
	static const char *const outcomes[] = {
		[POLL_OK] = "ok",
		[POLL_HOST_TROUBLE] = "host-trouble",
		[POLL_HOST_BUSY] = "host-busy",
		[POLL_ACCOUNT_TROUBLE] = "account-trouble",
		[POLL_HOPELESS] = "hopeless",
		[POLL_RELAY_TROUBLE] = "relay-trouble",
		[POLL_STOPPED] = "stopped",
	};
	struct world *world = ctx;
	struct strbuf due = { 0 };

	if (result->due_s != INT64_MAX)
		strbuf_addf(&due, " due=%lld", (long long)(result->due_s - clock_wall_s()));
	journal_add("poll %s listed=%zu fetched=%zu deleted=%zu%s%s%s%s", outcomes[result->outcome], result->listed,
	            result->fetched, result->deleted, result->owed ? " owed" : "", strbuf_str(&due),
	            result->text[0] != '\0' ? ": " : "", result->text);
	strbuf_free(&due);
	collector_free(&world->collector);
}

/* --- life --- */

static struct setup *make_setup(struct world *world)
{
	struct strlist problems = { 0 };
	struct config *config = world_config(world->config_text);
	struct setup *setup = setup_new(world->loop, &config, &problems);

	assert_non_null(setup);
	budget_set_limit(&world->budget, setup->config->memory_limit);
	setup_share_memory(setup, &world->budget);
	return setup;
}

struct world *world_new(struct loop *loop, const struct world_options *options)
{
	struct world *world = mem_alloc(sizeof(*world));

	world->loop = loop;
	world->ledger = fake_ledger_new(loop);
	world->options = *options;
	world->config_text = world_config_text(options);
	budget_init(&world->budget, loop, 0);
	world->setup = make_setup(world);
	return world;
}

void world_free(struct world *world)
{
	collector_free(&world->collector);
	assert_int_equal(world->budget.used, 0);
	assert_true(TAILQ_EMPTY(&world->budget.wanting));
	setup_unref(&world->setup);
	budget_deinit(&world->budget);
	fake_ledger_free(&world->ledger);
	free(world->config_text);
	free(world);
}

void world_poll(struct world *world, bool all_due)
{
	struct collector_params params = {
		.loop = world->loop,
		.setup = world->setup,
		.account = &world->setup->accounts[0],
		.ledger = world->ledger,
		.memory = &world->memory,
		.all_due = all_due,
		.done = polled,
		.ctx = world,
	};

	assert_null(world->collector);
	world->collector = collector_start(&params);
}

/* What the dying process would still write or log is not, as it dies at once. */
void world_crash(struct world *world)
{
	size_t warned = warnings.entries.count;

	fake_ledger_hold(world->ledger, true);
	collector_free(&world->collector);
	while (warnings.entries.count > warned)
		free(warnings.entries.items[--warnings.entries.count]);
	fake_ledger_crash(&world->ledger);
	fake_ledger_hold(world->ledger, false);
	world->memory = (struct pop3_memory){ 0 };
	setup_unref(&world->setup);
	world->setup = make_setup(world);
}

void world_reload(struct world *world, const struct world_options *options)
{
	assert_null(world->collector);
	world->options = *options;
	free(world->config_text);
	world->config_text = world_config_text(options);
	setup_unref(&world->setup);
	world->setup = make_setup(world);
}

/* --- scripts --- */

static void call_poll(void *ctx, const char *argument)
{
	world_poll(ctx, strcmp(argument, "once") == 0);
}

static void call_stop(void *ctx, const char *argument)
{
	struct world *world = ctx;

	(void)argument;
	collector_stop(world->collector);
}

static void call_free(void *ctx, const char *argument)
{
	struct world *world = ctx;

	(void)argument;
	collector_free(&world->collector);
}

static void call_hold(void *ctx, const char *argument)
{
	struct world *world = ctx;

	fake_ledger_hold(world->ledger, true);
	if (strcmp(argument, "all") == 0)
		fake_ledger_hold_all(world->ledger);
}

static void call_commit(void *ctx, const char *argument)
{
	struct world *world = ctx;
	uint64_t count;

	if (span_number(span_of(argument), &count))
		fake_ledger_commit(world->ledger, count);
	else
		fake_ledger_hold(world->ledger, false);
}

static void call_crash(void *ctx, const char *argument)
{
	(void)argument;
	world_crash(ctx);
}

static void call_keep(void *ctx, const char *argument)
{
	struct world *world = ctx;
	struct world_options options = world->options;

	(void)argument;
	assert_null(options.account);
	options.account = "keep = true";
	world_reload(world, &options);
}

static void call_reload(void *ctx, const char *argument)
{
	struct world *world = ctx;

	assert_null(world->collector);
	world->options.account = argument[0] != '\0' ? argument : NULL;
	free(world->config_text);
	world->config_text = world_config_text(&world->options);
	world->options.account = NULL;
	setup_unref(&world->setup);
	world->setup = make_setup(world);
}

static void call_describe(void *ctx, const char *argument)
{
	struct world *world = ctx;

	(void)argument;
	fake_ledger_describe(world->ledger);
}

static void *setup(struct loop *loop, const void *argument)
{
	struct world *world = world_new(loop, argument);

	log_capture(catch_line);
	world_poll(world, false);
	return world;
}

static void teardown(void *ctx)
{
	world_free(ctx);
}

static struct script_test script_of(const struct world_scene *scene)
{
	static const struct script_call calls[] = {
		{ "poll", call_poll },         { "stop", call_stop },     { "free", call_free },
		{ "hold", call_hold },         { "commit", call_commit }, { "crash", call_crash },
		{ "describe", call_describe }, { "keep", call_keep },     { "reload", call_reload },
	};

	return (struct script_test){
		.text = scene->text,
		.setup = setup,
		.teardown = teardown,
		.argument = &scene->options,
		.calls = calls,
		.call_count = sizeof(calls) / sizeof(calls[0]),
	};
}

void world_play(const struct world_scene *scenes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct script_test test = script_of(&scenes[i]);

		print_message("# %s\n", scenes[i].name);
		script_play(&test);
	}
}

void world_play_large(const struct world_scene *scenes, size_t count)
{
	static const size_t chunks[] = { 0, 1000 };

	for (size_t i = 0; i < 2 * count; i++) {
		struct script_test test = script_of(&scenes[i / 2]);
		char *error = script_run(&test, chunks[i % 2]);

		print_message("# %s\n", scenes[i / 2].name);
		if (error != NULL)
			fail_msg("%s (reads of %zu bytes)", error, chunks[i % 2]);
	}
}
