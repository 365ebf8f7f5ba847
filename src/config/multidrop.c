/* SPDX-License-Identifier: ISC
 *
 * multidrop { }: recipients come from each message.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "judge.h"
#include "option.h"
#include "syntax.h"

#define FIELD(name) offsetof(struct config_multidrop, name)
#define SKIP_MAX 1000
#define DEPTH_MAX 100

static const char *const positions[] = { "top", "any", NULL };
static const char *const whiches[] = { "first", "last", "all", NULL };
static const char *const fallbacks[] = { "postmaster", "keep", "headers", NULL };

static const struct option options[] = {
	{ .name = "envelope",
	  .set = option_set_list,
	  .offset = FIELD(envelope),
	  .check = syntax_check_envelope,
	  .form = syntax_form_envelope,
	  .required = true },
	{ .name = "position",
	  .set = option_set_switch,
	  .offset = FIELD(position_any),
	  .fallback = "top",
	  .choices = positions },
	{ .name = "skip", .set = option_set_unsigned, .offset = FIELD(skip), .fallback = "0", .max = SKIP_MAX },
	{ .name = "which", .set = option_set_choice, .offset = FIELD(which), .fallback = "first", .choices = whiches },
	{ .name = "strip_prefix", .set = option_set_text, .offset = FIELD(strip_prefix), .fallback = "" },
	{ .name = "strip_suffix", .set = option_set_text, .offset = FIELD(strip_suffix), .fallback = "" },
	{ .name = "domains",
	  .set = option_set_list,
	  .offset = FIELD(domains),
	  .check = syntax_check_domain,
	  .form = syntax_form_domain,
	  .required = true },
	{ .name = "remove_header", .set = option_set_bool, .offset = FIELD(remove_header), .fallback = "true" },
	{ .name = "received_by",
	  .set = option_set_list,
	  .offset = FIELD(received_by),
	  .check = syntax_check_by,
	  .form = syntax_form_domain },
	{ .name = "received_depth",
	  .set = option_set_unsigned,
	  .offset = FIELD(received_depth),
	  .fallback = "3",
	  .min = 1,
	  .max = DEPTH_MAX },
	{ .name = "fallback",
	  .set = option_set_choice,
	  .offset = FIELD(fallback),
	  .fallback = "postmaster",
	  .choices = fallbacks },
	{ .name = "virtual", .set = option_set_later, .list = true },
	{ .name = "virtual_file", .set = option_set_later },
	{ .name = "rewrite_domain",
	  .set = option_set_text,
	  .offset = FIELD(rewrite_domain),
	  .fallback = "",
	  .check = syntax_check_one_domain,
	  .form = syntax_form_domain },
};

const struct table table_multidrop = {
	.name = "multidrop",
	.options = options,
	.count = sizeof(options) / sizeof(options[0]),
};

static void check_required(struct judge *judge, const struct settings *settings, struct block *block)
{
	if (block->cut || block->blamed)
		return;
	if (settings_entry(settings, "envelope") == NULL)
		problem_add(
			&judge->problems, block->place,
			"multidrop { } has no envelope: add envelope = \"X-Envelope-To\", or what else your provider "
			"stamps");
	if (settings_entry(settings, "domains") == NULL)
		problem_add(&judge->problems, block->place,
		            "multidrop { } has no domains: add domains = { \"office.example\" }, all that are yours");
	/* Many accounts may inherit the block. */
	block->blamed = settings_entry(settings, "envelope") == NULL || settings_entry(settings, "domains") == NULL;
}

static ssize_t find_source(const struct config_multidrop *multidrop, const char *name, size_t before)
{
	for (size_t i = 0; i < multidrop->envelope.count && i < before; i++) {
		if (strcasecmp(multidrop->envelope.items[i], name) == 0)
			return (ssize_t)i;
	}
	return -1;
}

/* What a mail program fills in. Resent- fields are some person's, too (RFC 5322 3.6.6). */
static bool is_written_by_sender(const char *field)
{
	static const char *const names[] = { "To", "Cc", "Bcc", "From", "Sender", "Reply-To", "Subject" };
	static const char resent[] = "Resent-";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(field, names[i]) == 0)
			return true;
	}
	return strncasecmp(field, resent, sizeof(resent) - 1) == 0;
}

static void warn_of_source(struct judge *judge, struct entry *envelope, const struct config_multidrop *multidrop,
                           size_t index)
{
	const char *source = multidrop->envelope.items[index];

	if (find_source(multidrop, source, index) >= 0)
		entry_warn_value(envelope, index, &judge->warnings,
		                 "envelope names a source twice: the second is never asked, take it out");
	else if (is_written_by_sender(source))
		entry_warn_value(
			envelope, index, &judge->warnings,
			"envelope names %s, which the sender writes: anybody can forge it, and it is believed as "
			"a stamp; name what the provider stamps, or guess with fallback = headers",
			source);
	else if (strcmp(source, "Received") == 0 && multidrop->received_by.count == 0)
		entry_warn_value(
			envelope, index, &judge->warnings,
			"envelope names Received, and received_by is empty: the field of any host is believed, "
			"and sources behind it are hardly ever asked; name your provider's hosts in received_by");
}

static void warn_of_sources(struct judge *judge, const struct settings *settings,
                            const struct config_multidrop *multidrop)
{
	struct entry *envelope = settings_entry(settings, "envelope");

	for (size_t i = 0; i < multidrop->envelope.count; i++)
		warn_of_source(judge, envelope, multidrop, i);
	if (find_source(multidrop, "Received", SIZE_MAX) < 0 && settings_is_own(settings, "received_by") &&
	    multidrop->received_by.count > 0)
		entry_warn(settings_entry(settings, "received_by"), &judge->warnings,
		           "received_by has no effect: envelope does not name Received");
}

/* A local part in quotes may hold both; hardly any does. */
static void warn_of_strip(struct judge *judge, const struct settings *settings, const char *name)
{
	struct entry *entry = settings_entry(settings, name);

	if (entry != NULL && entry->values.count > 0 && strpbrk(entry->values.items[0], "@\"") != NULL)
		entry_warn_value(
			entry, 0, &judge->warnings,
			"%s holds an @ or a double quote: it is cut from the local part alone, without its domain "
			"and its quotes, and matches next to nothing so",
			name);
}

static void warn(struct judge *judge, const struct settings *settings, const struct config_multidrop *multidrop)
{
	warn_of_sources(judge, settings, multidrop);
	warn_of_strip(judge, settings, "strip_prefix");
	warn_of_strip(judge, settings, "strip_suffix");
	if (multidrop->position_any && multidrop->which == CONFIG_WHICH_FIRST)
		entry_warn(settings_entry(settings, "position"), &judge->warnings,
		           "position = any with which = first: where the provider appends its field, a sender's own "
		           "stands above it and is believed; say which = last there");
	if (multidrop->fallback == CONFIG_FALLBACK_HEADERS)
		entry_warn(
			settings_entry(settings, "fallback"), &judge->warnings,
			"fallback = headers guesses: mail of lists and blind copies does not name its recipients in "
			"To and Cc, so that they miss it, and those who are named there may get it twice or without "
			"being meant, whatever a sender writes; a field that the provider stamps is the better source");
}

/* One map for all that inherit it, however large it is. */
static const struct virtual_map *find_map(struct judge *judge, const struct settings *settings,
                                          const struct config_multidrop *multidrop)
{
	if (settings_is_own(settings, "virtual") || settings_is_own(settings, "virtual_file"))
		return judge_virtual(judge, settings, &multidrop->domains, false);
	return judge->inherited_map;
}

void judge_multidrop(struct judge *judge, struct block *own, struct block *inherited,
                     struct config_multidrop *multidrop)
{
	struct settings settings = { .table = &table_multidrop };

	if (own != NULL)
		settings_init(&settings, own, judge->document, &judge->problems);
	settings_inherit(&settings, inherited);
	settings.block = own != NULL ? own : inherited;
	settings_apply(&settings, multidrop, judge->document, &judge->problems);
	if (settings.block == NULL)
		return;
	multidrop->virtual_map = find_map(judge, &settings, multidrop);
	check_required(judge, &settings, own != NULL ? own : inherited);
	warn(judge, &settings, multidrop);
}

void judge_multidrop_defaults(struct judge *judge, struct block *block)
{
	struct config_multidrop multidrop = { 0 };
	struct settings settings;

	settings_init(&settings, block, judge->document, &judge->problems);
	settings_apply(&settings, &multidrop, judge->document, &judge->problems);
	judge->inherited_map = judge_virtual(judge, &settings, &multidrop.domains, true);
	multidrop_clear(&multidrop);
}

void multidrop_clear(struct config_multidrop *multidrop)
{
	strlist_free(&multidrop->envelope);
	strlist_free(&multidrop->domains);
	strlist_free(&multidrop->received_by);
	free(multidrop->strip_prefix);
	free(multidrop->strip_suffix);
	free(multidrop->rewrite_domain);
}
