/* SPDX-License-Identifier: ISC
 *
 * Policies of an account that hang on more than one option.
 */
#include <string.h>
#include <strings.h>

#include "judge.h"

/* Where nobody stamps the envelope, copies are told apart by this alone. */
#define GUESSED_DUPLICATES_S ((int64_t)3 * 24 * 60 * 60)

static void find_bounce_relay(struct judge *judge, const struct settings *settings, struct config_account *account)
{
	struct entry *entry = settings_entry(settings, "bounce_relay");

	if (entry == NULL) {
		if (account->relay != NULL && !account->relay->lmtp)
			account->bounce_relay = account->relay;
		return;
	}
	if (settings_is_wrong(settings, "bounce_relay"))
		return;
	account->bounce_relay = judge_find_relay(judge, entry->values.items[0]);
	if (account->bounce_relay == NULL && !judge->document->cut)
		entry_blame(entry, &judge->problems,
		            "bounce_relay = \"%s\": there is no relay of that name: add the block, or correct the name",
		            entry->values.items[0]);
	else if (account->bounce_relay != NULL && account->bounce_relay->lmtp)
		entry_blame(entry, &judge->problems,
		            "bounce_relay = \"%s\": that relay has protocol = lmtp, which cannot take a bounce to a "
		            "stranger: name one with protocol = smtp",
		            entry->values.items[0]);
}

static void check_bounce(struct judge *judge, const struct settings *settings, struct config_account *account)
{
	struct entry *rejected = settings_entry(settings, "rejected");

	find_bounce_relay(judge, settings, account);
	if (account->rejected != CONFIG_REJECTED_BOUNCE || account->relay == NULL ||
	    settings_entry(settings, "bounce_relay") != NULL || !account->relay->lmtp)
		return;
	entry_blame(rejected, &judge->problems,
	            "rejected = bounce, but relay \"%s\" of account \"%s\" has protocol = lmtp and cannot take a "
	            "bounce to a stranger: add bounce_relay = \"NAME\" with an smtp relay",
	            account->relay->name, account->name);
}

/* RFC 5322 3.6 and RFC 2045 3: at most one of each in a message. */
static bool is_single(struct span name)
{
	static const char *const names[] = {
		"Date",         "From",
		"Sender",       "Reply-To",
		"To",           "Cc",
		"Bcc",          "Message-ID",
		"In-Reply-To",  "References",
		"Subject",      "MIME-Version",
		"Content-Type", "Content-Transfer-Encoding",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_is(name, names[i]))
			return true;
	}
	return false;
}

static bool is_stripped(const struct config_account *account, struct span name)
{
	for (size_t i = 0; i < account->strip_headers.count; i++) {
		if (span_is(name, account->strip_headers.items[i]))
			return true;
	}
	return false;
}

/* As written: where one of them is wrong, the account has none. */
static void check_added(struct judge *judge, const struct settings *settings, const struct config_account *account)
{
	struct entry *add = settings_entry(settings, "add_headers");

	if (add == NULL || settings_is_wrong(settings, "strip_headers"))
		return;
	for (size_t i = 0; i < add->values.count; i++) {
		const char *line = add->values.items[i];
		struct span name = span_make(line, strcspn(line, ":"));

		if (is_single(name) && !is_stripped(account, name))
			entry_blame_value(
				add, i, &judge->problems,
				"add_headers = \"%s\": a message has only one %.*s: name that in strip_headers, "
				"too, or choose another name",
				line, (int)name.len, name.data);
	}
}

static void check_headers(struct judge *judge, const struct settings *settings, const struct config_account *account)
{
	check_added(judge, settings, account);
	if (is_stripped(account, span_of("Received")))
		entry_warn(settings_entry(settings, "strip_headers"), &judge->warnings,
		           "strip_headers takes out Received: mail that goes in a circle is no longer noticed by it");
}

static void check_keep(struct judge *judge, const struct settings *settings, const struct config_account *account)
{
	struct entry *delete_after = settings_entry(settings, "delete_after");

	if (delete_after != NULL && settings_is_own(settings, "delete_after") && !account->keep)
		entry_warn(
			delete_after, &judge->warnings,
			"delete_after without keep = true: mail is deleted from the server as soon as it is settled");
}

static void check_oversize(struct judge *judge, const struct settings *settings, const struct config_account *account)
{
	struct entry *oversize = settings_entry(settings, "oversize");

	if (oversize != NULL && settings_is_own(settings, "oversize") && account->max_size == 0)
		entry_warn(oversize, &judge->warnings, "oversize without max_size: nothing is ever too large");
}

void judge_policies(struct judge *judge, const struct settings *settings, struct config_account *account)
{
	bool given = settings_entry(settings, "duplicates") != NULL && !settings_is_wrong(settings, "duplicates");
	bool guessing = account->multidrop.fallback == CONFIG_FALLBACK_HEADERS;

	check_bounce(judge, settings, account);
	check_headers(judge, settings, account);
	check_keep(judge, settings, account);
	check_oversize(judge, settings, account);
	account->guessed_duplicates_s = guessing && !given ? GUESSED_DUPLICATES_S : account->duplicates_s;
}
