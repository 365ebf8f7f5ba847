/* SPDX-License-Identifier: ISC
 *
 * relay "NAME" { }
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "judge.h"
#include "option.h"
#include "peer.h"
#include "syntax.h"
#include "multidropd/mem.h"

#define FIELD(name) offsetof(struct config_relay, name)
#define CONNECTIONS_MAX 1000

static const char *const protocols[] = { "smtp", "lmtp", NULL };
static const char *const only_off[] = { "off", NULL };

static const struct option options[] = {
	{ .name = "protocol",
	  .set = option_set_switch,
	  .offset = FIELD(lmtp),
	  .fallback = "smtp",
	  .choices = protocols },
	{ .name = "address",
	  .set = endpoint_set_addresses,
	  .fallback = "127.0.0.1",
	  .check = endpoint_check,
	  .list = true,
	  .required = true },
	{ .name = "tls",
	  .set = option_set_choice,
	  .offset = FIELD(tls),
	  .fallback = "none",
	  .choices = option_tls_choices },
	{ .name = "user", .set = option_set_text, .offset = FIELD(user), .fallback = "" },
	{ .name = "auth",
	  .set = option_set_list,
	  .offset = FIELD(auth),
	  .fallback = "auto",
	  .check = syntax_check_auth },
	{ .name = "max_connections",
	  .set = option_set_unsigned,
	  .offset = FIELD(max_connections),
	  .fallback = "4",
	  .min = 1,
	  .max = CONNECTIONS_MAX },
	{ .name = "idle_timeout", .set = option_set_duration, .offset = FIELD(idle_timeout_s), .fallback = "30s" },
	{ .name = "timeout", .set = option_set_duration, .offset = FIELD(timeout_s), .fallback = "5m", .min = 1 },
	{ .name = "pipelining",
	  .set = option_set_switch,
	  .offset = FIELD(pipelining),
	  .fallback = "auto",
	  .choices = option_auto_choices },
	{ .name = "chunking", .set = option_set_unsupported, .choices = only_off },
	{ .name = "dsn",
	  .set = option_set_switch,
	  .offset = FIELD(dsn),
	  .fallback = "auto",
	  .choices = option_auto_choices },
	OPTIONS_SECRET(struct config_relay),
	OPTIONS_TLS(struct config_relay),
};

const struct table table_relay = {
	.name = "relay",
	.options = options,
	.count = sizeof(options) / sizeof(options[0]),
	.titled = true,
};

static void check_sockets(struct judge *judge, const struct settings *settings, const struct config_relay *relay)
{
	for (size_t i = 0; i < relay->endpoint_count; i++) {
		if (relay->endpoints[i].host == NULL && relay->tls != CONFIG_TLS_NONE)
			entry_blame_value(
				settings_entry(settings, "address"), i, &judge->problems,
				"address = \"unix:%s\" cannot be had with TLS: set tls = none, or name a host",
				relay->endpoints[i].path);
	}
}

static void check(struct judge *judge, const struct settings *settings, struct config_relay *relay)
{
	const struct peer peer = {
		.settings = settings,
		.tls = relay->tls,
		.tls_options = &relay->tls_options,
		.user = relay->user,
		.secret = &relay->secret,
		.auth = &relay->auth,
		.file_problems = &judge->problems,
	};

	peer_check(judge, &peer);
	check_sockets(judge, settings, relay);
}

void judge_relay(struct judge *judge, const struct block *block, struct config_relay *relay)
{
	struct block *implicit = NULL;
	struct settings settings;

	if (block == NULL)
		block = implicit = block_new(&table_relay, "default", judge->document->global->place);
	relay->name = mem_strdup(block->title);
	relay->place =
		(struct config_place){ mem_strdup(document_path(judge->document, block->place)), block->place.line };
	relay->secret.oauth_token_command = mem_strdup("");
	settings_init(&settings, block, judge->document, &judge->problems);
	settings_apply(&settings, relay, judge->document, &judge->problems);
	endpoint_default_ports(relay);
	check(judge, &settings, relay);
	block_free(&implicit);
}

void relay_clear(struct config_relay *relay)
{
	endpoints_clear(relay);
	tls_options_clear(&relay->tls_options);
	secret_clear(&relay->secret);
	strlist_free(&relay->auth);
	free(relay->user);
	free(relay->name);
	free(relay->place.file);
}
