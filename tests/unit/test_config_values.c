/* SPDX-License-Identifier: ISC
 *
 * config: what is loaded, by default and when written; every name of the
 * contract; what this version does not do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "multidropd/config.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static char folder[] = "/tmp/multidropd-config-XXXXXX";

static void write_config(const char *text)
{
	FILE *file = fopen("c", "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *text)
{
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	struct config *config;

	write_config(text);
	config = config_load("c", &problems, &file_problems);
	for (size_t i = 0; i < problems.count; i++)
		print_error("%s\n", problems.items[i]);
	assert_int_equal(problems.count, 0);
	assert_int_equal(file_problems.count, 0);
	assert_non_null(config);
	strlist_free(&problems);
	strlist_free(&file_problems);
	return config;
}

static void check_tls_defaults(const struct config_tls_options *tls)
{
	assert_true(tls->verify);
	assert_string_equal(tls->ca_file, "");
	assert_string_equal(tls->ca_path, "");
	assert_string_equal(tls->name, "");
	assert_string_equal(tls->min_version, "1.2");
	assert_string_equal(tls->cert_file, "");
	assert_string_equal(tls->key_file, "");
	assert_int_equal(tls->fingerprints.count, 0);
}

static void check_secret(const struct config_secret *secret, const char *password)
{
	assert_string_equal(secret->password, password);
	assert_string_equal(secret->password_file, "");
	assert_string_equal(secret->password_command, "");
	assert_string_equal(secret->oauth_token_command, "");
}

static void global_defaults(void **state)
{
	struct config *config = load("");

	(void)state;
	assert_string_equal(config->path, "c");
	assert_true(config->hostname[0] != '\0');
	assert_string_equal(config->postmaster, "postmaster");
	assert_string_equal(config->state_file, "/var/lib/multidropd/state.db");
	assert_int_equal(config->state_file_place.line, 1);
	assert_int_equal(config->log_target, LOG_TO_AUTO);
	assert_int_equal(config->log_level, LOG_AT_NOTICE);
	assert_string_equal(config->user, "");
	assert_string_equal(config->group, "");
	assert_int_equal(config->max_sessions, 32);
	assert_int_equal(config->max_sessions_per_host, 4);
	assert_int_equal(config->memory_limit, 64 << 20);
	assert_int_equal(config->retry_min_s, 60);
	assert_int_equal(config->retry_max_s, 3600);
	assert_false(config->allow_self_poll);
	assert_int_equal(config->account_count, 0);
	config_free(&config);
}

static void relay_defaults(void **state)
{
	struct config *config = load("");
	const struct config_relay *relay = &config->relays[0];

	(void)state;
	assert_int_equal(config->relay_count, 1);
	assert_string_equal(relay->name, "default");
	assert_false(relay->lmtp);
	assert_int_equal(relay->endpoint_count, 1);
	assert_string_equal(relay->endpoints[0].host, "127.0.0.1");
	assert_int_equal(relay->endpoints[0].port, 25);
	assert_null(relay->endpoints[0].path);
	assert_int_equal(relay->tls, CONFIG_TLS_NONE);
	check_tls_defaults(&relay->tls_options);
	assert_string_equal(relay->user, "");
	check_secret(&relay->secret, "");
	assert_int_equal(relay->auth.count, 0);
	assert_int_equal(relay->max_connections, 4);
	assert_int_equal(relay->idle_timeout_s, 30);
	assert_int_equal(relay->timeout_s, 300);
	assert_true(relay->pipelining);
	config_free(&config);
}

static void account_defaults(void **state)
{
	struct config *config =
		load("postmaster = pm\naccount \"a\" { server = s user = u password = p recipient = r }\n");
	const struct config_account *account = &config->accounts[0];

	(void)state;
	assert_int_equal(config->account_count, 1);
	assert_string_equal(account->name, "a");
	assert_string_equal(account->place.file, "c");
	assert_int_equal(account->place.line, 2);
	assert_true(account->enabled);
	assert_string_equal(account->postmaster, "pm");
	assert_string_equal(account->server_text, "s");
	assert_string_equal(account->host, "s");
	assert_int_equal(account->port, 995);
	assert_int_equal(account->tls, CONFIG_TLS_IMPLICIT);
	check_tls_defaults(&account->tls_options);
	assert_string_equal(account->source_address, "");
	assert_string_equal(account->user, "u");
	check_secret(&account->secret, "p");
	assert_int_equal(account->auth.count, 0);
	assert_int_equal(account->interval_s, 300);
	assert_int_equal(account->priority, 0);
	assert_false(account->keep);
	assert_int_equal(account->order, CONFIG_ORDER_SMALLEST);
	assert_int_equal(account->max_size, 0);
	assert_int_equal(account->oversize, CONFIG_OVERSIZE_NOTIFY);
	assert_int_equal(account->connect_timeout_s, 30);
	assert_int_equal(account->timeout_s, 120);
	assert_true(account->pipelining);
	assert_ptr_equal(account->relay, &config->relays[0]);
	assert_int_equal(account->recipient.count, 1);
	assert_string_equal(account->sender, "return-path");
	assert_true(account->add_received);
	assert_null(account->broken);
	config_free(&config);
}

static void multidrop_defaults(void **state)
{
	struct config *config = load("account \"a\" { server = s user = u password = p multidrop {\n"
	                             "envelope = X-To domains = { a.example, .b.example } } }\n"
	                             "account \"b\" { server = s user = u password = p recipient = r }\n");
	const struct config_multidrop *multidrop = &config->accounts[0].multidrop;

	(void)state;
	assert_int_equal(multidrop->envelope.count, 1);
	assert_string_equal(multidrop->envelope.items[0], "X-To");
	assert_int_equal(multidrop->domains.count, 2);
	assert_string_equal(multidrop->domains.items[1], ".b.example");
	assert_false(multidrop->position_any);
	assert_int_equal(multidrop->skip, 0);
	assert_int_equal(multidrop->which, CONFIG_WHICH_FIRST);
	assert_string_equal(multidrop->strip_prefix, "");
	assert_string_equal(multidrop->strip_suffix, "");
	assert_true(multidrop->remove_header);
	/* The one-person mailbox has the rest of it, too. */
	multidrop = &config->accounts[1].multidrop;
	assert_int_equal(multidrop->envelope.count, 0);
	assert_int_equal(multidrop->domains.count, 0);
	assert_string_equal(multidrop->strip_prefix, "");
	assert_true(multidrop->remove_header);
	config_free(&config);
}

static void all_written(void **state)
{
	struct config *config =
		load("hostname = mail.example postmaster = pm@x.example state_file = /s log_target = syslog log_level "
	             "= debug\n"
	             "max_sessions = 1 max_sessions_per_host = 2 memory_limit = 1M retry_min = 2 retry_max = 1d\n"
	             "allow_self_poll = yes\n"
	             "relay \"r\" { protocol = lmtp address = { mx, 'unix:/l', '[::1]:26' } user = u password = ' \\ ' "
	             "max_connections = 9\n"
	             "auth = plain idle_timeout = 0 timeout = 1m pipelining = off }\n"
	             "relay \"s\" { tls = implicit address = mx tls_name = other tls_verify = false }\n"
	             "account \"a\" { enabled = off postmaster = apm server = 'S.example:1995' tls = starttls "
	             "tls_min_version = 1.3\n"
	             "tls_fingerprint = { 'sha256:" HEX64 "', 'SHA256:" HEX64 "' } source_address = 127.0.0.1\n"
	             "user = 'a@b' password_command = 'cat /x' auth = { apop, user } interval = 90s priority = -5 keep "
	             "= true\n"
	             "order = server max_size = 10M oversize = headers connect_timeout = 5 timeout = 6 pipelining = "
	             "off relay = s sender = '<>' "
	             "add_received = no\n"
	             "multidrop { envelope = { X-A, X-B } position = any skip = 2 which = all strip_prefix = p- "
	             "strip_suffix = -s\n"
	             "domains = d remove_header = false } }\n"
	             "account \"b\" { server = '[2001:db8::1]' tls = none user = u oauth_token_command = t relay = r\n"
	             "recipient = { r1, 'r2@x.example' } }\n");
	const struct config_relay *relay = &config->relays[0];
	const struct config_account *account = config_find_account(config, "a");

	(void)state;
	assert_string_equal(config->hostname, "mail.example");
	assert_string_equal(config->state_file, "/s");
	assert_int_equal(config->log_target, LOG_TO_SYSLOG);
	assert_int_equal(config->log_level, LOG_AT_DEBUG);
	assert_int_equal(config->max_sessions, 1);
	assert_int_equal(config->max_sessions_per_host, 2);
	assert_int_equal(config->memory_limit, 1 << 20);
	assert_int_equal(config->retry_min_s, 2);
	assert_int_equal(config->retry_max_s, 86400);
	assert_true(config->allow_self_poll);

	assert_true(relay->lmtp);
	assert_int_equal(relay->endpoint_count, 3);
	assert_int_equal(relay->endpoints[0].port, 24);
	assert_null(relay->endpoints[1].host);
	assert_string_equal(relay->endpoints[1].path, "/l");
	assert_string_equal(relay->endpoints[2].host, "::1");
	assert_int_equal(relay->endpoints[2].port, 26);
	check_secret(&relay->secret, " \\ ");
	assert_string_equal(relay->auth.items[0], "plain");
	assert_int_equal(relay->max_connections, 9);
	assert_int_equal(relay->idle_timeout_s, 0);
	assert_int_equal(relay->timeout_s, 60);
	assert_false(relay->pipelining);
	assert_int_equal(config->relays[1].endpoints[0].port, 465);
	assert_string_equal(config->relays[1].tls_options.name, "other");
	assert_false(config->relays[1].tls_options.verify);

	assert_false(account->enabled);
	assert_string_equal(account->postmaster, "apm");
	assert_string_equal(account->server_text, "S.example:1995");
	assert_string_equal(account->host, "S.example");
	assert_int_equal(account->port, 1995);
	assert_int_equal(account->tls, CONFIG_TLS_STARTTLS);
	assert_string_equal(account->tls_options.min_version, "1.3");
	assert_int_equal(account->tls_options.fingerprints.count, 2);
	assert_string_equal(account->source_address, "127.0.0.1");
	assert_string_equal(account->user, "a@b");
	assert_string_equal(account->secret.password_command, "cat /x");
	assert_string_equal(account->secret.password, "");
	assert_int_equal(account->auth.count, 2);
	assert_int_equal(account->interval_s, 90);
	assert_int_equal(account->priority, -5);
	assert_true(account->keep);
	assert_int_equal(account->order, CONFIG_ORDER_SERVER);
	assert_int_equal(account->max_size, 10 << 20);
	assert_int_equal(account->oversize, CONFIG_OVERSIZE_HEADERS);
	assert_int_equal(account->connect_timeout_s, 5);
	assert_int_equal(account->timeout_s, 6);
	assert_false(account->pipelining);
	assert_ptr_equal(account->relay, &config->relays[1]);
	assert_string_equal(account->sender, "<>");
	assert_false(account->add_received);
	assert_true(account->multidrop.position_any);
	assert_int_equal(account->multidrop.skip, 2);
	assert_int_equal(account->multidrop.which, CONFIG_WHICH_ALL);
	assert_string_equal(account->multidrop.strip_prefix, "p-");
	assert_string_equal(account->multidrop.strip_suffix, "-s");
	assert_false(account->multidrop.remove_header);

	account = config_find_account(config, "b");
	assert_string_equal(account->host, "2001:db8::1");
	assert_int_equal(account->port, 110);
	assert_string_equal(account->secret.oauth_token_command, "t");
	assert_int_equal(account->recipient.count, 2);
	assert_null(config_find_account(config, "c"));
	config_free(&config);
}

/* Wherever `defaults` stands, its values are those of every account that has none of its own. */
static void defaults_are_inherited(void **state)
{
	struct config *config =
		load("account \"a\" { server = s user = u recipient = own@x.example }\n"
	             "defaults { password = dp interval = 7 tls_fingerprint = 'sha256:" HEX64 "'\n"
	             "multidrop { envelope = X-D domains = d skip = 3 } }\n"
	             "account \"b\" { server = s user = u password_command = c interval = 8 tls_fingerprint = { } }\n"
	             "account \"c\" { server = s user = u multidrop { envelope = X-C } }\n");

	(void)state;
	assert_string_equal(config->accounts[0].secret.password, "dp");
	assert_int_equal(config->accounts[0].interval_s, 7);
	assert_int_equal(config->accounts[0].tls_options.fingerprints.count, 1);
	assert_int_equal(config->accounts[0].multidrop.envelope.count, 0);
	assert_string_equal(config->accounts[1].secret.password, "");
	assert_int_equal(config->accounts[1].interval_s, 8);
	assert_int_equal(config->accounts[1].tls_options.fingerprints.count, 0);
	assert_string_equal(config->accounts[1].multidrop.envelope.items[0], "X-D");
	assert_string_equal(config->accounts[2].multidrop.envelope.items[0], "X-C");
	assert_string_equal(config->accounts[2].multidrop.domains.items[0], "d");
	assert_int_equal(config->accounts[2].multidrop.skip, 3);
	config_free(&config);
}

static void retry_defaults_give_way(void **state)
{
	struct config *config = load("retry_min = 2h\n");

	(void)state;
	assert_int_equal(config->retry_min_s, 7200);
	assert_int_equal(config->retry_max_s, 7200);
	config_free(&config);
	config = load("retry_max = 5s\n");
	assert_int_equal(config->retry_min_s, 5);
	assert_int_equal(config->retry_max_s, 5);
	config_free(&config);
}

static void check_password(const char *written, const char *want)
{
	char *text = str_format("account \"a\" { server = s user = u recipient = r password = %s\n}\n", written);
	struct config *config = load(text);

	assert_string_equal(config->accounts[0].secret.password, want);
	config_free(&config);
	free(text);
}

static void quoting(void **state)
{
	(void)state;
	assert_int_equal(setenv("MULTIDROPD_TEST", "from the environment", 1), 0);
	assert_int_equal(unsetenv("MULTIDROPD_NONE"), 0);
	check_password("bare", "bare");
	check_password("'single ${MULTIDROPD_TEST} \\n \" # // /*'", "single ${MULTIDROPD_TEST} \\n \" # // /*");
	check_password("'it\\'s \\\\'", "it's \\");
	check_password("\"${MULTIDROPD_TEST}\"", "from the environment");
	check_password("\"<${MULTIDROPD_NONE:-else}>\"", "<else>");
	check_password("\"\\x41\\102 \\\" # '\"", "AB \" # '");
	check_password("${MULTIDROPD_TEST}", "from the environment");
	check_password("\"one\\\n line\"", "one line");
	check_password("a//b", "a//b");
	check_password("/* comment */ p // comment", "p");
}

struct name {
	const char *block;
	const char *option;
	bool supported;
};

/* The tables of the contract. */
static const struct name names[] = {
	{ "", "hostname", true },
	{ "", "postmaster", true },
	{ "", "state_file", true },
	{ "", "control_socket", false },
	{ "", "control_group", false },
	{ "", "log_target", true },
	{ "", "log_level", true },
	{ "", "user", true },
	{ "", "group", true },
	{ "", "max_sessions", true },
	{ "", "max_sessions_per_host", true },
	{ "", "memory_limit", true },
	{ "", "retry_min", true },
	{ "", "retry_max", true },
	{ "", "alert_after", false },
	{ "", "alert_command", false },
	{ "", "allow_self_poll", true },
	{ "", "active_hours", false },
	{ "relay \"r\"", "protocol", true },
	{ "relay \"r\"", "address", true },
	{ "relay \"r\"", "tls", true },
	{ "relay \"r\"", "user", true },
	{ "relay \"r\"", "password", true },
	{ "relay \"r\"", "password_file", true },
	{ "relay \"r\"", "password_command", true },
	{ "relay \"r\"", "auth", true },
	{ "relay \"r\"", "tls_verify", true },
	{ "relay \"r\"", "tls_ca_file", true },
	{ "relay \"r\"", "tls_ca_path", true },
	{ "relay \"r\"", "tls_name", true },
	{ "relay \"r\"", "tls_min_version", true },
	{ "relay \"r\"", "tls_cert_file", true },
	{ "relay \"r\"", "tls_key_file", true },
	{ "relay \"r\"", "tls_fingerprint", true },
	{ "relay \"r\"", "max_connections", true },
	{ "relay \"r\"", "idle_timeout", true },
	{ "relay \"r\"", "timeout", true },
	{ "relay \"r\"", "chunking", false },
	{ "relay \"r\"", "pipelining", true },
	{ "relay \"r\"", "dsn", true },
	{ "defaults", "enabled", true },
	{ "defaults", "postmaster", true },
	{ "defaults", "server", true },
	{ "defaults", "tls", true },
	{ "defaults", "tls_verify", true },
	{ "defaults", "tls_ca_file", true },
	{ "defaults", "tls_ca_path", true },
	{ "defaults", "tls_name", true },
	{ "defaults", "tls_min_version", true },
	{ "defaults", "tls_cert_file", true },
	{ "defaults", "tls_key_file", true },
	{ "defaults", "tls_fingerprint", true },
	{ "defaults", "source_address", true },
	{ "defaults", "user", true },
	{ "defaults", "password", true },
	{ "defaults", "password_file", true },
	{ "defaults", "password_command", true },
	{ "defaults", "oauth_token_command", true },
	{ "defaults", "auth", true },
	{ "defaults", "interval", true },
	{ "defaults", "priority", true },
	{ "defaults", "active_hours", false },
	{ "defaults", "keep", true },
	{ "defaults", "delete_after", true },
	{ "defaults", "order", true },
	{ "defaults", "max_size", true },
	{ "defaults", "oversize", true },
	{ "defaults", "max_messages", true },
	{ "defaults", "connect_timeout", true },
	{ "defaults", "timeout", true },
	{ "defaults", "pipelining", true },
	{ "defaults", "relay", true },
	{ "defaults", "recipient", true },
	{ "defaults", "sender", true },
	{ "defaults", "rejected", true },
	{ "defaults", "bounce_relay", true },
	{ "defaults", "give_up", true },
	{ "defaults", "uidl_guard", false },
	{ "defaults", "duplicates", true },
	{ "defaults", "add_received", true },
	{ "defaults", "strip_headers", true },
	{ "defaults", "add_headers", true },
	{ "defaults", "fix_message_id", true },
	{ "defaults { multidrop", "envelope", true },
	{ "defaults { multidrop", "position", true },
	{ "defaults { multidrop", "skip", true },
	{ "defaults { multidrop", "which", true },
	{ "defaults { multidrop", "strip_prefix", true },
	{ "defaults { multidrop", "strip_suffix", true },
	{ "defaults { multidrop", "received_by", true },
	{ "defaults { multidrop", "received_depth", true },
	{ "defaults { multidrop", "domains", true },
	{ "defaults { multidrop", "fallback", true },
	{ "defaults { multidrop", "virtual", true },
	{ "defaults { multidrop", "virtual_file", true },
	{ "defaults { multidrop", "rewrite_domain", true },
	{ "defaults { multidrop", "remove_header", true },
};

/* A value that is wrong for every option with a meaning, so that only its own complaint may come. */
static void check_name(const struct name *name)
{
	bool global = name->block[0] == '\0';
	char *text = str_format("%s%s\n%s = auto\n%s%s\n", name->block, global ? "" : " {", name->option,
	                        global ? "" : "}", strchr(name->block, '{') != NULL ? "}" : "");
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	struct config *config;
	bool refused = false;

	write_config(text);
	config = config_load("c", &problems, &file_problems);
	for (size_t i = 0; i < problems.count; i++) {
		assert_null(strstr(problems.items[i], "unknown"));
		assert_null(strstr(problems.items[i], "belongs"));
		refused |= strstr(problems.items[i], "is not supported yet") != NULL;
	}
	if (refused == name->supported)
		print_error("%s", text);
	assert_int_equal(refused, !name->supported);
	config_free(&config);
	strlist_free(&problems);
	strlist_free(&file_problems);
	free(text);
}

static void every_name_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_name(&names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(global_defaults),
		cmocka_unit_test(relay_defaults),
		cmocka_unit_test(account_defaults),
		cmocka_unit_test(multidrop_defaults),
		cmocka_unit_test(all_written),
		cmocka_unit_test(defaults_are_inherited),
		cmocka_unit_test(retry_defaults_give_way),
		cmocka_unit_test(quoting),
		cmocka_unit_test(every_name_is_known),
	};

	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 1;
	failed = cmocka_run_group_tests_name("config_values", tests, NULL, NULL);
	unlink("c");
	rmdir(folder);
	return failed;
}
