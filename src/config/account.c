/* SPDX-License-Identifier: ISC
 *
 * account "NAME" { } and defaults { }
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "option.h"
#include "peer.h"
#include "syntax.h"
#include "multidropd/mem.h"

#define FIELD(name) offsetof(struct config_account, name)
#define PRIORITY_MAX 1000000
#define MESSAGES_MAX 1000000
#define PORT_POP3 110
#define PORT_POP3S 995

static const char *const orders[] = { "smallest", "server", NULL };
static const char *const oversizes[] = { "keep", "notify", "headers", "delete", NULL };
static const char *const rejecteds[] = { "postmaster", "bounce", "keep", "discard", NULL };

static option_set_fn set_server;

static const struct option options[] = {
	{ .name = "enabled", .set = option_set_bool, .offset = FIELD(enabled), .fallback = "true" },
	{ .name = "postmaster",
	  .set = option_set_text,
	  .offset = FIELD(postmaster),
	  .check = syntax_check_address,
	  .form = syntax_form_address,
	  .required = true },
	{ .name = "server", .set = set_server },
	{ .name = "tls",
	  .set = option_set_choice,
	  .offset = FIELD(tls),
	  .fallback = "implicit",
	  .choices = option_tls_choices },
	OPTIONS_TLS(struct config_account),
	{ .name = "source_address",
	  .set = option_set_text,
	  .offset = FIELD(source_address),
	  .fallback = "",
	  .check = syntax_check_literal },
	{ .name = "user",
	  .set = option_set_text,
	  .offset = FIELD(user),
	  .fallback = "",
	  .check = syntax_check_given,
	  .required = true },
	OPTIONS_SECRET(struct config_account),
	{ .name = "oauth_token_command",
	  .set = option_set_text,
	  .offset = FIELD(secret.oauth_token_command),
	  .fallback = "",
	  .check = syntax_check_given,
	  .group = OPTION_GROUP_SECRET },
	{ .name = "auth",
	  .set = option_set_list,
	  .offset = FIELD(auth),
	  .fallback = "auto",
	  .check = syntax_check_auth },
	{ .name = "interval", .set = option_set_duration, .offset = FIELD(interval_s), .fallback = "5m", .min = 1 },
	{ .name = "priority",
	  .set = option_set_int,
	  .offset = FIELD(priority),
	  .fallback = "0",
	  .min = -PRIORITY_MAX,
	  .max = PRIORITY_MAX },
	{ .name = "keep", .set = option_set_bool, .offset = FIELD(keep), .fallback = "false" },
	{ .name = "delete_after", .set = option_set_duration, .offset = FIELD(delete_after_s), .min = 1 },
	{ .name = "max_size", .set = option_set_size, .offset = FIELD(max_size), .fallback = "0" },
	{ .name = "oversize",
	  .set = option_set_choice,
	  .offset = FIELD(oversize),
	  .fallback = "notify",
	  .choices = oversizes },
	{ .name = "max_messages",
	  .set = option_set_unsigned,
	  .offset = FIELD(max_messages),
	  .fallback = "0",
	  .max = MESSAGES_MAX },
	{ .name = "order",
	  .set = option_set_choice,
	  .offset = FIELD(order),
	  .fallback = "smallest",
	  .choices = orders },
	{ .name = "connect_timeout",
	  .set = option_set_duration,
	  .offset = FIELD(connect_timeout_s),
	  .fallback = "30s",
	  .min = 1 },
	{ .name = "timeout", .set = option_set_duration, .offset = FIELD(timeout_s), .fallback = "2m", .min = 1 },
	{ .name = "pipelining",
	  .set = option_set_switch,
	  .offset = FIELD(pipelining),
	  .fallback = "auto",
	  .choices = option_auto_choices },
	{ .name = "relay", .set = option_set_later },
	{ .name = "recipient",
	  .set = option_set_list,
	  .offset = FIELD(recipient),
	  .check = syntax_check_address,
	  .form = syntax_form_address,
	  .required = true },
	{ .name = "sender",
	  .set = option_set_text,
	  .offset = FIELD(sender),
	  .fallback = "return-path",
	  .check = syntax_check_sender,
	  .form = syntax_form_sender },
	{ .name = "add_received", .set = option_set_bool, .offset = FIELD(add_received), .fallback = "true" },
	{ .name = "rejected",
	  .set = option_set_choice,
	  .offset = FIELD(rejected),
	  .fallback = "postmaster",
	  .choices = rejecteds },
	{ .name = "bounce_relay", .set = option_set_later },
	{ .name = "give_up", .set = option_set_duration, .offset = FIELD(give_up_s), .fallback = "5d", .min = 1 },
	{ .name = "duplicates", .set = option_set_duration, .offset = FIELD(duplicates_s), .fallback = "0" },
	{ .name = "strip_headers",
	  .set = option_set_list,
	  .offset = FIELD(strip_headers),
	  .check = syntax_check_field },
	{ .name = "add_headers", .set = option_set_list, .offset = FIELD(add_headers), .check = syntax_check_line },
	{ .name = "fix_message_id", .set = option_set_bool, .offset = FIELD(fix_message_id), .fallback = "false" },
	{ .name = "active_hours", .set = option_set_unsupported },
	{ .name = "uidl_guard", .set = option_set_unsupported },
};

static const struct table *const blocks[] = { &table_multidrop, NULL };

const struct table table_account = {
	.name = "account",
	.options = options,
	.count = sizeof(options) / sizeof(options[0]),
	.titled = true,
	.blocks = blocks,
};

const struct table table_defaults = {
	.name = "defaults",
	.options = options,
	.count = sizeof(options) / sizeof(options[0]),
	.blocks = blocks,
};

static char *set_server(void *base, const struct option *option, const struct given *given)
{
	struct config_account *account = base;
	const char *value = given->values->items[0];
	const char *complaint = syntax_split_host(value, &account->host, &account->port);

	if (complaint != NULL) {
		account->host = NULL;
		return str_format("%s = \"%s\" %s", option->name, value, complaint);
	}
	account->server_text = mem_strdup(value);
	return NULL;
}

static void check_required(struct judge *judge, const struct settings *settings)
{
	const struct block *block = settings->block;
	const struct entry *auth = settings_entry(settings, "auth");
	bool external = auth != NULL && auth->values.count == 1 && strcmp(auth->values.items[0], "external") == 0;

	if (block->cut)
		return;
	if (settings_entry(settings, "server") == NULL)
		problem_add(&judge->problems, block->place, "account \"%s\" has no server: add server = \"HOST\"",
		            block->title);
	if (settings_entry(settings, "user") == NULL && !external)
		problem_add(&judge->problems, block->place, "account \"%s\" has no user: add user = \"NAME\"",
		            block->title);
}

static void check_relay(struct judge *judge, const struct settings *settings, struct config_account *account)
{
	struct entry *entry = settings_entry(settings, "relay");
	const struct config *config = judge->config;

	if (entry != NULL && settings_is_wrong(settings, "relay"))
		return;
	if (entry != NULL)
		account->relay = judge_find_relay(judge, entry->values.items[0]);
	else if (config->relay_count == 1)
		account->relay = &config->relays[0];
	/* What was not read may have held it. */
	if (account->relay != NULL || judge->document->cut || settings->block->cut)
		return;
	if (entry != NULL)
		entry_blame(entry, &judge->problems,
		            "relay = \"%s\": there is no relay of that name: add the block, or "
		            "correct the name",
		            entry->values.items[0]);
	else
		problem_add(&judge->problems, settings->block->place,
		            "account \"%s\" has no relay, and there are %zu: add relay = \"NAME\"",
		            settings->block->title, config->relay_count);
}

/* An account's own choice between the two replaces both that `defaults` makes. */
static void judge_recipients(struct judge *judge, struct settings *settings, struct config_account *account)
{
	struct block *own = settings->block->child;
	struct block *inherited = judge->defaults != NULL ? judge->defaults->child : NULL;
	struct entry *recipient = settings_entry(settings, "recipient");

	if (own != NULL && settings_is_own(settings, "recipient"))
		entry_blame(recipient, &judge->problems,
		            "recipient besides multidrop { } at %s:%d: keep one of the two",
		            document_path(judge->document, own->place), own->place.line);
	if (own == NULL && recipient == NULL && inherited == NULL && !settings->block->cut)
		problem_add(&judge->problems, settings->block->place,
		            "account \"%s\" has neither recipient nor multidrop { }: add one of them",
		            settings->block->title);
	if (own == NULL && recipient != NULL)
		inherited = NULL;
	judge_multidrop(judge, own, inherited, &account->multidrop);
}

static void check_peer(struct judge *judge, const struct settings *settings, struct config_account *account)
{
	const struct peer peer = {
		.settings = settings,
		.tls = account->tls,
		.tls_options = &account->tls_options,
		.user = account->user,
		.secret = &account->secret,
		.auth = &account->auth,
		.login_needed = true,
		.file_problems = &judge->file_problems,
		.broken = &account->broken,
	};

	peer_check(judge, &peer);
}

static void begin(struct judge *judge, struct settings *settings, const struct block *block,
                  struct config_account *account)
{
	account->name = mem_strdup(block->title);
	account->place =
		(struct config_place){ mem_strdup(document_path(judge->document, block->place)), block->place.line };
	settings_init(settings, block, judge->document, &judge->problems);
}

void judge_account(struct judge *judge, const struct block *block, struct config_account *account)
{
	struct settings settings;

	begin(judge, &settings, block, account);
	settings_inherit(&settings, judge->defaults);
	if (block->child != NULL && !settings_is_own(&settings, "recipient"))
		settings_ignore(&settings, "recipient");
	settings_apply(&settings, account, judge->document, &judge->problems);
	if (account->postmaster == NULL)
		account->postmaster = mem_strdup(judge->config->postmaster);
	if (account->port == 0)
		account->port = account->tls == CONFIG_TLS_IMPLICIT ? PORT_POP3S : PORT_POP3;
	check_required(judge, &settings);
	check_peer(judge, &settings, account);
	check_relay(judge, &settings, account);
	judge_recipients(judge, &settings, account);
	judge_policies(judge, &settings, account);
}

/* Once for itself, so that it is told even where no account inherits it. */
void judge_defaults(struct judge *judge)
{
	struct config_account account = { 0 };
	struct settings settings;
	const struct block *block = judge->defaults;

	begin(judge, &settings, block, &account);
	settings_apply(&settings, &account, judge->document, &judge->problems);
	if (block->child != NULL && settings_entry(&settings, "recipient") != NULL)
		entry_blame(settings_entry(&settings, "recipient"), &judge->problems,
		            "recipient besides multidrop { } at %s:%d: keep one of the two",
		            document_path(judge->document, block->child->place), block->child->place.line);
	if (block->child != NULL)
		judge_multidrop_defaults(judge, block->child);
	account_clear(&account);
}

void account_clear(struct config_account *account)
{
	multidrop_clear(&account->multidrop);
	tls_options_clear(&account->tls_options);
	secret_clear(&account->secret);
	strlist_free(&account->auth);
	strlist_free(&account->recipient);
	free(account->name);
	free(account->place.file);
	free(account->postmaster);
	free(account->server_text);
	free(account->host);
	free(account->source_address);
	free(account->user);
	free(account->sender);
	strlist_free(&account->strip_headers);
	strlist_free(&account->add_headers);
	free(account->broken);
}
