/* SPDX-License-Identifier: ISC
 *
 * Every option is a list of strings to libconfuse, every block one of which
 * there may be many: what is more than that is judged later, with a line number
 * to it.
 */
#include "grammar.h"

#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "multidropd/mem.h"

/* Unknown blocks are passed over so deep; each level multiplies the tables. */
#define UNKNOWN_DEPTH_MAX 2u

/* One block's options on their way. */
struct builder {
	const struct grammar *grammar;
	unsigned depth;
	cfg_opt_t *items;
	size_t count;
	size_t capacity;
};

static cfg_opt_t *build(const struct grammar *grammar, const struct table *table, unsigned depth);

void grammar_free(cfg_opt_t *options)
{
	for (cfg_opt_t *option = options; option->name != NULL; option++) {
		if (option->subopts != NULL)
			grammar_free(option->subopts);
	}
	free(options);
}

/* The tables of an unknown block overlap, and libconfuse takes no name twice. */
static bool has(const struct builder *builder, const char *name)
{
	for (size_t i = 0; i < builder->count; i++) {
		if (strcmp(builder->items[i].name, name) == 0)
			return true;
	}
	return false;
}

static void add(struct builder *builder, cfg_opt_t option)
{
	builder->items = mem_grow(builder->items, &builder->capacity, builder->count + 1, sizeof(*builder->items));
	builder->items[builder->count++] = option;
}

static void add_list(struct builder *builder, const char *name, cfg_callback_t callback, const char *fallback)
{
	/* The library's own initializers take literals, and its struct a text that it copies and never writes to. */
	if (!has(builder, name))
		add(builder, (cfg_opt_t){ .name = name,
		                          .type = CFGT_STR,
		                          .flags = CFGF_LIST,
		                          .def = { .parsed = (char *)fallback },
		                          .parsecb = callback });
}

static void add_block(struct builder *builder, const char *name, bool titled, const struct table *table)
{
	if (!has(builder, name))
		add(builder, (cfg_opt_t){ .name = name,
		                          .type = CFGT_SEC,
		                          .flags = CFGF_MULTI | (titled ? CFGF_TITLE : 0),
		                          .subopts = build(builder->grammar, table, builder->depth + 1),
		                          .validcb = builder->grammar->closed });
}

static void add_table(struct builder *builder, const struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		add_list(builder, table->options[i].name, builder->grammar->value, NULL);
	for (const struct table *const *block = table->blocks; block != NULL && *block != NULL; block++)
		add_block(builder, (*block)->name, (*block)->titled, *block);
}

static void add_unknown(struct builder *builder, const struct table *table)
{
	const struct unknowns *unknowns = builder->grammar->unknowns;

	for (size_t i = 0; i < unknowns->count; i++) {
		const struct unknown *unknown = &unknowns->items[i];

		if (unknown->table != table || unknown->guess == UNKNOWN_GARBAGE)
			continue;
		if (unknown->guess == UNKNOWN_OPTION)
			add_list(builder, unknown->name, builder->grammar->value, NULL);
		else if (builder->depth < UNKNOWN_DEPTH_MAX)
			add_block(builder, unknown->name, unknown->guess == UNKNOWN_TITLED_BLOCK, &table_unknown);
	}
}

static cfg_opt_t *build(const struct grammar *grammar, const struct table *table, unsigned depth)
{
	struct builder builder = { .grammar = grammar, .depth = depth };

	add_table(&builder, table);
	/* Inside an unknown block all is passed over that would be right in one of ours. */
	if (table == &table_unknown) {
		add_table(&builder, &table_account);
		add_table(&builder, &table_relay);
		add_table(&builder, &table_multidrop);
	}
	add_unknown(&builder, table);
	if (table == &table_global)
		add(&builder, (cfg_opt_t){ .name = "include", .type = CFGT_FUNC, .func = grammar->include });
	else
		add_list(&builder, GRAMMAR_OPENED, grammar->opened, table->name);
	add(&builder, (cfg_opt_t){ .name = NULL });
	return builder.items;
}

cfg_opt_t *grammar_build(const struct grammar *grammar)
{
	return build(grammar, &table_global, 0);
}
