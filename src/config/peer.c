/* SPDX-License-Identifier: ISC
 *
 * Contradictions and files of a login and its TLS.
 */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

static const char *const secret_names[] = { "password", "password_file", "password_command", "oauth_token_command" };
#define SECRET_NAMES (sizeof(secret_names) / sizeof(secret_names[0]))

static bool is_only_external(const struct strlist *auth)
{
	return auth->count == 1 && strcmp(auth->items[0], "external") == 0;
}

static void check_one_secret(struct judge *judge, const struct peer *peer)
{
	const struct block *block = peer->settings->block;
	struct entry *first = NULL;

	for (size_t i = 0; i < SECRET_NAMES; i++) {
		struct entry *entry = settings_entry(peer->settings, secret_names[i]);

		if (entry != NULL && first != NULL)
			entry_blame(entry, &judge->problems, "%s besides %s at %s:%d: keep one of the two",
			            entry->option->name, first->option->name,
			            document_path(judge->document, first->place), first->place.line);
		else if (entry != NULL)
			first = entry;
	}
	if (first != NULL && peer->user[0] == '\0' && !peer->login_needed)
		entry_blame(first, &judge->problems, "%s without user: name the user, too", first->option->name);
	if (first != NULL || block->cut || is_only_external(peer->auth))
		return;
	if (peer->login_needed)
		problem_add(&judge->problems, block->place,
		            "account \"%s\" has no secret: add password_file = \"PATH\", or one of password, "
		            "password_command, oauth_token_command",
		            block->title);
	else if (peer->user[0] != '\0')
		problem_add(&judge->problems, block->place,
		            "relay \"%s\" has a user but no secret: add password_file = \"PATH\", or one of "
		            "password, password_command",
		            block->title);
}

static bool takes_token(const char *mechanism)
{
	return strcmp(mechanism, "xoauth2") == 0 || strcmp(mechanism, "oauthbearer") == 0;
}

/* A mechanism that this login can use with the secret that it has. */
static bool is_usable(const struct peer *peer, const char *mechanism)
{
	bool token = settings_entry(peer->settings, "oauth_token_command") != NULL;

	return strcmp(mechanism, "external") == 0 || takes_token(mechanism) == token;
}

static void check_auth_names(struct judge *judge, const struct peer *peer, struct entry *entry)
{
	bool usable = false;

	if (peer->user[0] == '\0' && !peer->login_needed && !is_only_external(peer->auth))
		entry_blame(entry, &judge->problems, "auth without user: name the user, too");
	for (size_t i = 0; i < peer->auth->count; i++) {
		const char *name = peer->auth->items[i];

		if (strcmp(name, "auto") == 0)
			entry_blame_value(entry, i, &judge->problems,
			                  "auth = \"auto\" besides others: keep auto or the list");
		if (!peer->login_needed && (strcmp(name, "apop") == 0 || strcmp(name, "user") == 0))
			entry_blame_value(entry, i, &judge->problems,
			                  "auth = \"%s\" is for POP3 only: name another for a relay", name);
		usable |= is_usable(peer, name);
	}
	if (!usable)
		entry_blame(entry, &judge->problems,
		            "auth names nothing that works with the secret: xoauth2 and "
		            "oauthbearer go with oauth_token_command, all else with a password");
}

static void check_auth(struct judge *judge, const struct peer *peer)
{
	struct entry *entry = settings_entry(peer->settings, "auth");

	if (peer->auth->count == 1 && strcmp(peer->auth->items[0], "auto") == 0)
		strlist_free(peer->auth);
	else if (peer->auth->count > 0 && entry != NULL)
		check_auth_names(judge, peer, entry);
}

static void check_tls(struct judge *judge, const struct peer *peer)
{
	static const char *const names[] = { "tls_ca_file",   "tls_ca_path",  "tls_name",       "tls_min_version",
		                             "tls_cert_file", "tls_key_file", "tls_fingerprint" };
	struct entry *key = settings_entry(peer->settings, "tls_key_file");

	/* What is inherited may be meant for the others. */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (peer->tls == CONFIG_TLS_NONE && settings_is_own(peer->settings, names[i]) &&
		    !settings_is_wrong(peer->settings, "tls"))
			entry_blame(
				settings_entry(peer->settings, names[i]), &judge->problems,
				"%s has no effect with tls = none: set tls to implicit or starttls, or leave it out",
				names[i]);
	}
	if (key != NULL && peer->tls_options->key_file[0] != '\0' && peer->tls_options->cert_file[0] == '\0')
		entry_blame(key, &judge->problems, "tls_key_file without tls_cert_file: name the certificate, too");
}

/* Takes complaint, which may be NULL. */
static void tell_file(const struct peer *peer, const char *name, char *complaint)
{
	struct entry *entry = settings_entry(peer->settings, name);

	if (complaint == NULL)
		return;
	if (peer->broken != NULL && *peer->broken == NULL)
		*peer->broken = str_format("%s: %s", name, complaint);
	entry_blame(entry, peer->file_problems, "%s: %s", name, complaint);
	free(complaint);
}

typedef char *file_check(const char *path, const struct reader_identity *identity);

static void check_file(struct judge *judge, const struct peer *peer, const char *name, const char *path,
                       file_check *check)
{
	if (path[0] != '\0' && settings_entry(peer->settings, name) != NULL)
		tell_file(peer, name, check(path, &judge->identity));
}

static void check_files(struct judge *judge, const struct peer *peer)
{
	const struct config_tls_options *tls = peer->tls_options;
	/* A certificate file without a key file beside it holds the key. */
	bool has_key = tls->key_file[0] == '\0';

	check_file(judge, peer, "password_file", peer->secret->password_file, files_check_secret);
	if (peer->secret->password_command[0] != '\0')
		tell_file(peer, "password_command", files_check_command(peer->secret->password_command));
	if (peer->secret->oauth_token_command[0] != '\0')
		tell_file(peer, "oauth_token_command", files_check_command(peer->secret->oauth_token_command));
	if (peer->tls == CONFIG_TLS_NONE)
		return;
	check_file(judge, peer, "tls_ca_file", tls->ca_file, files_check_readable);
	check_file(judge, peer, "tls_ca_path", tls->ca_path, files_check_folder);
	check_file(judge, peer, "tls_cert_file", tls->cert_file, has_key ? files_check_secret : files_check_readable);
	check_file(judge, peer, "tls_key_file", tls->key_file, files_check_secret);
}

void peer_check(struct judge *judge, const struct peer *peer)
{
	check_one_secret(judge, peer);
	check_auth(judge, peer);
	check_tls(judge, peer);
	check_files(judge, peer);
}

void tls_options_clear(struct config_tls_options *options)
{
	free(options->ca_file);
	free(options->ca_path);
	free(options->name);
	free(options->min_version);
	free(options->cert_file);
	free(options->key_file);
	strlist_free(&options->fingerprints);
}

void secret_clear(struct config_secret *secret)
{
	mem_free_secret(&secret->password);
	mem_free_secret(&secret->password_file);
	mem_free_secret(&secret->password_command);
	mem_free_secret(&secret->oauth_token_command);
}
