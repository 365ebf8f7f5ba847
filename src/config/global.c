/* SPDX-License-Identifier: ISC
 *
 * Options outside of blocks.
 */
#include <errno.h>
#include <grp.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "judge.h"
#include "option.h"
#include "syntax.h"
#include "multidropd/mem.h"

#define FIELD(name) offsetof(struct config, name)
#define SESSIONS_MAX 100000
#define MEMORY_MIN 65536
#define HOSTNAME_BYTES 256

static const char *const log_targets[] = { "auto", "stderr", "journal", "syslog", NULL };
static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", NULL };

static const struct option options[] = {
	{ .name = "hostname",
	  .set = option_set_text,
	  .offset = FIELD(hostname),
	  .check = syntax_check_hostname,
	  .required = true },
	{ .name = "postmaster",
	  .set = option_set_text,
	  .offset = FIELD(postmaster),
	  .fallback = "postmaster",
	  .check = syntax_check_address,
	  .form = syntax_form_address },
	{ .name = "state_file",
	  .set = option_set_path,
	  .offset = FIELD(state_file),
	  .fallback = "/var/lib/multidropd/state.db" },
	{ .name = "log_target",
	  .set = option_set_choice,
	  .offset = FIELD(log_target),
	  .fallback = "auto",
	  .choices = log_targets },
	{ .name = "log_level",
	  .set = option_set_choice,
	  .offset = FIELD(log_level),
	  .fallback = "notice",
	  .choices = log_levels },
	{ .name = "user", .set = option_set_text, .offset = FIELD(user), .fallback = "" },
	{ .name = "group", .set = option_set_text, .offset = FIELD(group), .fallback = "" },
	{ .name = "max_sessions",
	  .set = option_set_unsigned,
	  .offset = FIELD(max_sessions),
	  .fallback = "32",
	  .min = 1,
	  .max = SESSIONS_MAX },
	{ .name = "max_sessions_per_host",
	  .set = option_set_unsigned,
	  .offset = FIELD(max_sessions_per_host),
	  .fallback = "4",
	  .min = 1,
	  .max = SESSIONS_MAX },
	{ .name = "memory_limit",
	  .set = option_set_size,
	  .offset = FIELD(memory_limit),
	  .fallback = "64M",
	  .min = MEMORY_MIN },
	{ .name = "retry_min", .set = option_set_duration, .offset = FIELD(retry_min_s), .fallback = "1m", .min = 1 },
	{ .name = "retry_max", .set = option_set_duration, .offset = FIELD(retry_max_s), .fallback = "1h", .min = 1 },
	{ .name = "allow_self_poll", .set = option_set_bool, .offset = FIELD(allow_self_poll), .fallback = "false" },
	{ .name = "control_socket", .set = option_set_unsupported },
	{ .name = "control_group", .set = option_set_unsupported },
	{ .name = "alert_after", .set = option_set_unsupported },
	{ .name = "alert_command", .set = option_set_unsupported },
	{ .name = "active_hours", .set = option_set_unsupported },
};

static const struct table *const blocks[] = { &table_relay, &table_account, &table_defaults, NULL };

const struct table table_global = {
	.name = "",
	.options = options,
	.count = sizeof(options) / sizeof(options[0]),
	.blocks = blocks,
};

static char *machine_name(void)
{
	char name[HOSTNAME_BYTES];

	if (gethostname(name, sizeof(name)) != 0)
		return mem_strdup("localhost");
	name[sizeof(name) - 1] = '\0';
	return mem_strdup(syntax_check_hostname(name) == NULL ? name : "localhost");
}

static void check_user(struct judge *judge, const struct settings *settings)
{
	const struct config *config = judge->config;

	if (files_identify(&judge->identity, config->user) != 0)
		entry_blame(settings_entry(settings, "user"), &judge->problems,
		            "user = \"%s\": there is no such user: create it (adduser --system --group)", config->user);
	if (config->group[0] != '\0' && getgrnam(config->group) == NULL)
		entry_blame(settings_entry(settings, "group"), &judge->problems,
		            "group = \"%s\": there is no such group: create it (addgroup --system)", config->group);
	if (config->group[0] != '\0' && config->user[0] == '\0')
		entry_blame(settings_entry(settings, "group"), &judge->problems,
		            "group without user: name the user, too");
}

/* Of the two, a default gives way to what is written. */
static void check_retry(struct judge *judge, const struct settings *settings)
{
	struct config *config = judge->config;
	struct entry *max = settings_entry(settings, "retry_max");

	if (config->retry_min_s <= config->retry_max_s)
		return;
	if (max == NULL)
		config->retry_max_s = config->retry_min_s;
	else if (settings_entry(settings, "retry_min") == NULL)
		config->retry_min_s = config->retry_max_s;
	else
		entry_blame(max, &judge->problems,
		            "retry_max (%llds) is shorter than retry_min (%llds): make it the longer one",
		            (long long)config->retry_max_s, (long long)config->retry_min_s);
}

void judge_global(struct judge *judge)
{
	struct config *config = judge->config;
	struct settings settings;
	const struct entry *state_file;

	settings_init(&settings, judge->document->global, judge->document, &judge->problems);
	settings_apply(&settings, config, judge->document, &judge->problems);
	if (config->hostname == NULL)
		config->hostname = machine_name();
	check_user(judge, &settings);
	check_retry(judge, &settings);
	state_file = settings_entry(&settings, "state_file");
	config->state_file_place.line = state_file != NULL ? state_file->place.line : 1;
	config->state_file_place.file =
		mem_strdup(state_file != NULL ? document_path(judge->document, state_file->place) : config->path);
}
