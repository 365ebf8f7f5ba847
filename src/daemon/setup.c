/* SPDX-License-Identifier: ISC
 *
 * From configuration to parameters: the one place that knows both.
 */
#include "setup.h"

#include <stdlib.h>

#include "multidropd/mem.h"
#include "multidropd/tls.h"

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static enum sasl_mechanism *mechanisms(const struct strlist *names)
{
	enum sasl_mechanism *list = names->count > 0 ? mem_array(names->count, sizeof(*list)) : NULL;

	for (size_t i = 0; i < names->count; i++)
		list[i] = sasl_by_config_name(names->items[i]);
	return list;
}

static struct tls_client *tls_for(struct setup *setup, const struct config_tls_options *options, const char *host,
                                  char **error)
{
	struct tls_settings settings = {
		.verify = options->verify,
		.ca_file = options->ca_file,
		.ca_path = options->ca_path,
		.name = options->name,
		.min_version = options->min_version,
		.cert_file = options->cert_file,
		.key_file = options->key_file,
		.fingerprints = &options->fingerprints,
	};

	return tls_client_new(setup->tls, &settings, host, error);
}

static const enum pop3_tls pop3_tls_of[] = {
	[CONFIG_TLS_NONE] = POP3_TLS_NONE,
	[CONFIG_TLS_STARTTLS] = POP3_TLS_STARTTLS,
	[CONFIG_TLS_IMPLICIT] = POP3_TLS_IMPLICIT,
};

static const enum relay_tls relay_tls_of[] = {
	[CONFIG_TLS_NONE] = RELAY_TLS_NONE,
	[CONFIG_TLS_STARTTLS] = RELAY_TLS_STARTTLS,
	[CONFIG_TLS_IMPLICIT] = RELAY_TLS_IMPLICIT,
};

static const enum route_which route_which_of[] = {
	[CONFIG_WHICH_FIRST] = ROUTE_WHICH_FIRST,
	[CONFIG_WHICH_LAST] = ROUTE_WHICH_LAST,
	[CONFIG_WHICH_ALL] = ROUTE_WHICH_ALL,
};

static const enum route_fallback route_fallback_of[] = {
	[CONFIG_FALLBACK_POSTMASTER] = ROUTE_FALLBACK_POSTMASTER,
	[CONFIG_FALLBACK_KEEP] = ROUTE_FALLBACK_KEEP,
	[CONFIG_FALLBACK_HEADERS] = ROUTE_FALLBACK_HEADERS,
};

static int fill_endpoints(struct setup *setup, struct setup_relay *relay, char **error)
{
	const struct config_relay *config = relay->config;

	relay->endpoints = mem_array(config->endpoint_count, sizeof(*relay->endpoints));
	for (size_t i = 0; i < config->endpoint_count; i++) {
		struct stream_endpoint *to = &relay->endpoints[i];

		*to = (struct stream_endpoint){ .host = config->endpoints[i].host,
			                        .port = config->endpoints[i].port,
			                        .path = config->endpoints[i].path };
		relay->params.endpoint_count++;
		if (config->tls == CONFIG_TLS_NONE)
			continue;
		to->tls = tls_for(setup, &config->tls_options, to->host != NULL ? to->host : "localhost", error);
		if (to->tls == NULL)
			return -1;
	}
	return 0;
}

static int fill_relay(struct setup *setup, struct loop *loop, struct setup_relay *relay, char **error)
{
	const struct config *config = setup->config;
	const struct config_relay *from = relay->config;

	relay->auth = mechanisms(&from->auth);
	relay->secret = secret_new(loop, &from->secret, config->user, from->name);
	relay->params = (struct relay_params){
		.name = from->name,
		.lmtp = from->lmtp,
		.tls = relay_tls_of[from->tls],
		.hostname = config->hostname,
		.user = from->user,
		.secret = secret_source(relay->secret),
		.token = is_set(from->secret.oauth_token_command),
		.auth = relay->auth,
		.auth_count = from->auth.count,
		.max_connections = from->max_connections,
		.idle_timeout_ms = from->idle_timeout_s * 1000,
		.timeout_ms = from->timeout_s * 1000,
		.pipelining = from->pipelining,
		.dsn = from->dsn,
		.retry_min_ms = config->retry_min_s * 1000,
		.retry_max_ms = config->retry_max_s * 1000,
	};
	if (fill_endpoints(setup, relay, error) != 0)
		return -1;
	relay->params.endpoints = relay->endpoints;
	relay->relay = relay_new(loop, &relay->params);
	return 0;
}

static void fill_rules(const struct setup *setup, struct setup_account *account)
{
	const struct config_account *from = account->config;
	const struct config_multidrop *multidrop = &from->multidrop;

	account->rules = (struct route_rules){
		.fixed = &from->recipient,
		.postmaster = from->postmaster,
		.hostname = setup->config->hostname,
		.envelope = &multidrop->envelope,
		.position_any = multidrop->position_any,
		.skip = multidrop->skip,
		.which = route_which_of[multidrop->which],
		.strip_prefix = multidrop->strip_prefix,
		.strip_suffix = multidrop->strip_suffix,
		.received_by = &multidrop->received_by,
		.received_depth = multidrop->received_depth,
		.domains = &multidrop->domains,
		.fallback = route_fallback_of[multidrop->fallback],
		.virtual_map = multidrop->virtual_map,
		.rewrite_domain = multidrop->rewrite_domain,
		.remove_header = multidrop->remove_header,
		.sender = from->sender,
	};
	for (size_t i = 0; i < multidrop->envelope.count; i++)
		account->asks_envelope =
			account->asks_envelope || span_is(span_of(multidrop->envelope.items[i]), ROUTE_ENV);
}

static void fill_account(struct setup *setup, struct loop *loop, struct setup_account *account)
{
	const struct config_account *from = account->config;

	account->relay = &setup->relays[from->relay - setup->config->relays];
	if (from->bounce_relay != NULL)
		account->bounce_relay = &setup->relays[from->bounce_relay - setup->config->relays];
	account->auth = mechanisms(&from->auth);
	account->secret = secret_new(loop, &from->secret, setup->config->user, from->name);
	fill_rules(setup, account);
	if (is_set(from->broken))
		account->broken = mem_strdup(from->broken);
	else if (from->tls != CONFIG_TLS_NONE)
		account->tls = tls_for(setup, &from->tls_options, from->host, &account->broken);
	account->pop3 = (struct pop3_params){
		.host = from->host,
		.port = from->port,
		.tls = pop3_tls_of[from->tls],
		.tls_client = account->tls,
		.source_address = from->source_address,
		.refuse_self = !setup->config->allow_self_poll,
		.user = from->user,
		.secret = secret_source(account->secret),
		.token = is_set(from->secret.oauth_token_command),
		.auth = account->auth,
		.auth_count = from->auth.count,
		.connect_timeout_ms = from->connect_timeout_s * 1000,
		.timeout_ms = from->timeout_s * 1000,
		.pipelining = from->pipelining,
		.label = from->name,
	};
}

static void add_problem(struct strlist *problems, const struct config_place *place, const char *name, const char *text)
{
	strlist_take(problems, str_format("%s:%d: \"%s\": %s", place->file, place->line, name, text));
}

void setup_problems(const struct setup *setup, struct strlist *problems)
{
	for (size_t i = 0; i < setup->config->account_count; i++) {
		const struct config_account *account = setup->accounts[i].config;

		if (setup->accounts[i].broken != NULL)
			add_problem(problems, &account->place, account->name, setup->accounts[i].broken);
	}
}

struct setup *setup_new(struct loop *loop, struct config **take_config, struct strlist *problems)
{
	struct setup *setup = mem_alloc(sizeof(*setup));
	struct config *config = *take_config;
	bool failed = false;

	*take_config = NULL;
	setup->refs = 1;
	setup->config = config;
	setup->tls = tls_pool_new();
	setup->relays = mem_array(config->relay_count, sizeof(*setup->relays));
	setup->accounts = mem_array(config->account_count, sizeof(*setup->accounts));
	for (size_t i = 0; i < config->relay_count; i++) {
		char *error = NULL;

		setup->relays[i].config = &config->relays[i];
		if (fill_relay(setup, loop, &setup->relays[i], &error) == 0)
			continue;
		add_problem(problems, &config->relays[i].place, config->relays[i].name, error);
		free(error);
		failed = true;
	}
	for (size_t i = 0; i < config->account_count; i++) {
		setup->accounts[i].config = &config->accounts[i];
		fill_account(setup, loop, &setup->accounts[i]);
	}
	if (failed)
		setup_unref(&setup);
	return setup;
}

void setup_share_memory(struct setup *setup, struct budget *budget)
{
	for (size_t i = 0; i < setup->config->relay_count; i++)
		budget_share_init(&setup->relays[i].share, budget, setup->config->relay_count);
}

struct setup *setup_ref(struct setup *setup)
{
	setup->refs++;
	return setup;
}

static void free_relay(struct setup_relay *relay)
{
	relay_free(&relay->relay);
	secret_free(&relay->secret);
	for (size_t i = 0; i < relay->params.endpoint_count; i++)
		tls_client_free(&relay->endpoints[i].tls);
	free(relay->endpoints);
	free(relay->auth);
}

static void free_account(struct setup_account *account)
{
	secret_free(&account->secret);
	tls_client_free(&account->tls);
	free(account->auth);
	free(account->broken);
}

void setup_unref(struct setup **setup_pointer)
{
	struct setup *setup = *setup_pointer;

	*setup_pointer = NULL;
	if (setup == NULL || --setup->refs > 0)
		return;
	for (size_t i = 0; i < setup->config->account_count; i++)
		free_account(&setup->accounts[i]);
	for (size_t i = 0; i < setup->config->relay_count; i++)
		free_relay(&setup->relays[i]);
	free(setup->accounts);
	free(setup->relays);
	tls_pool_free(&setup->tls);
	config_free(&setup->config);
	free(setup);
}
