/* SPDX-License-Identifier: ISC
 *
 * Own options over inherited ones.
 */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "syntax.h"

static size_t index_of(const struct settings *settings, const struct option *option)
{
	return (size_t)(option - settings->table->options);
}

void settings_init(struct settings *settings, const struct block *block, const struct document *document,
                   struct problems *problems)
{
	*settings = (struct settings){ .table = block->table, .block = block };
	for (size_t i = 0; i < block->count; i++) {
		struct entry *entry = &block->entries[i];
		size_t index = index_of(settings, entry->option);
		struct entry *first = settings->given[index];

		if (first != NULL) {
			entry_blame(entry, problems, "%s is given twice, first at %s:%d: keep one", entry->option->name,
			            document_path(document, first->place), first->place.line);
			continue;
		}
		settings->given[index] = entry;
		settings->own[index] = true;
	}
}

static bool has_own_of_group(const struct settings *settings, int group)
{
	for (size_t i = 0; i < settings->table->count; i++) {
		if (settings->own[i] && settings->table->options[i].group == group)
			return true;
	}
	return false;
}

void settings_inherit(struct settings *settings, const struct block *defaults)
{
	for (size_t i = 0; defaults != NULL && i < defaults->count; i++) {
		struct entry *entry = &defaults->entries[i];
		/* The tables of `defaults` and accounts have the same rows. */
		size_t index = (size_t)(entry->option - defaults->table->options);

		if (settings->given[index] != NULL)
			continue;
		if (entry->option->group != 0 && has_own_of_group(settings, entry->option->group))
			continue;
		settings->given[index] = entry;
	}
}

static char *complain_of_value(const struct entry *entry, size_t index)
{
	if (syntax_has_control(entry->values.items[index]))
		return str_format("%s holds a control character: take it out (double quotes make one of a backslash "
		                  "and a letter, single quotes do not)",
		                  entry->option->name);
	return option_check_value(entry->option, &entry->values, index);
}

/* What no setter needs to look at again. */
static bool check_values(struct entry *entry, struct problems *problems)
{
	bool sound = true;

	for (size_t i = 0; i < entry->values.count; i++) {
		char *complaint = complain_of_value(entry, i);

		if (complaint != NULL)
			entry_blame_value(entry, i, problems, "%s", complaint);
		sound &= complaint == NULL;
		free(complaint);
	}
	return sound;
}

/* NULL: there are as many values as there may be. */
static const char *check_count(const struct entry *entry)
{
	const struct option *option = entry->option;
	bool may_be_empty = option->set == option_set_list || option->set == option_set_unsupported ||
	                    (option->list && option->set == option_set_later);

	if (entry->values.count == 0 && !may_be_empty)
		return "has no value: write one";
	if (entry->values.count == 0 && option->required)
		return "is an empty list: name at least one";
	if (entry->values.count > 1 && !may_be_empty && !option->list)
		return "takes one value, not a list: keep one";
	return NULL;
}

static bool apply_entry(struct entry *entry, void *base, const struct document *document, struct problems *problems)
{
	struct given given = { .values = &entry->values, .folder = document->files[entry->place.file].folder };
	const char *miscount;
	char *complaint;

	if (!check_values(entry, problems))
		return false;
	miscount = check_count(entry);
	if (miscount != NULL) {
		entry_blame(entry, problems, "%s %s", entry->option->name, miscount);
		return false;
	}
	complaint = entry->option->set(base, entry->option, &given);
	if (complaint == NULL)
		return true;
	entry_blame(entry, problems, "%s", complaint);
	free(complaint);
	return false;
}

void settings_apply(struct settings *settings, void *base, const struct document *document, struct problems *problems)
{
	for (size_t i = 0; i < settings->table->count; i++) {
		struct entry *entry = settings->given[i];

		settings->wrong[i] = entry != NULL && !apply_entry(entry, base, document, problems);
		/* With a wrong value the default, so that later checks find something sane. */
		if (entry == NULL || settings->wrong[i])
			option_set_fallback(base, &settings->table->options[i]);
	}
}

static const struct option *find(const struct settings *settings, const char *name)
{
	return table_find(settings->table, name);
}

struct entry *settings_entry(const struct settings *settings, const char *name)
{
	const struct option *option = find(settings, name);

	return option != NULL ? settings->given[index_of(settings, option)] : NULL;
}

bool settings_is_own(const struct settings *settings, const char *name)
{
	const struct option *option = find(settings, name);

	return option != NULL && settings->own[index_of(settings, option)];
}

bool settings_is_wrong(const struct settings *settings, const char *name)
{
	const struct option *option = find(settings, name);

	return option != NULL && settings->wrong[index_of(settings, option)];
}

void settings_ignore(struct settings *settings, const char *name)
{
	const struct option *option = find(settings, name);

	if (option != NULL)
		settings->given[index_of(settings, option)] = NULL;
}
