/* SPDX-License-Identifier: ISC
 *
 * multidrop { }: recipients come from each message.
 */
#include <stddef.h>
#include <stdlib.h>

#include "judge.h"
#include "option.h"
#include "syntax.h"

#define FIELD(name) offsetof(struct config_multidrop, name)
#define SKIP_MAX 1000

static const char *const positions[] = { "top", "any", NULL };
static const char *const whiches[] = { "first", "last", "all", NULL };
static const char *const fallbacks[] = { "postmaster", NULL };

static const struct option options[] = {
	{ .name = "envelope",
	  .set = option_set_list,
	  .offset = FIELD(envelope),
	  .check = syntax_check_envelope,
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
	  .required = true },
	{ .name = "remove_header", .set = option_set_bool, .offset = FIELD(remove_header), .fallback = "true" },
	{ .name = "fallback", .set = option_set_unsupported, .choices = fallbacks },
	{ .name = "received_by", .set = option_set_unsupported },
	{ .name = "received_depth", .set = option_set_unsupported },
	{ .name = "virtual", .set = option_set_unsupported },
	{ .name = "virtual_file", .set = option_set_unsupported },
	{ .name = "rewrite_domain", .set = option_set_unsupported },
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

void judge_multidrop(struct judge *judge, struct block *own, struct block *inherited,
                     struct config_multidrop *multidrop)
{
	struct block *block = own != NULL ? own : inherited;
	struct settings settings = { .table = &table_multidrop };

	if (block != NULL)
		settings_init(&settings, block, judge->document, &judge->problems);
	if (own != NULL)
		settings_inherit(&settings, inherited);
	settings_apply(&settings, multidrop, judge->document, &judge->problems);
	if (block != NULL)
		check_required(judge, &settings, block);
}

void judge_multidrop_defaults(struct judge *judge, const struct block *block)
{
	struct config_multidrop multidrop = { 0 };
	struct settings settings;

	settings_init(&settings, block, judge->document, &judge->problems);
	settings_apply(&settings, &multidrop, judge->document, &judge->problems);
	multidrop_clear(&multidrop);
}

void multidrop_clear(struct config_multidrop *multidrop)
{
	strlist_free(&multidrop->envelope);
	strlist_free(&multidrop->domains);
	free(multidrop->strip_prefix);
	free(multidrop->strip_suffix);
}
