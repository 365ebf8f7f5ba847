/* SPDX-License-Identifier: ISC
 *
 * `virtual` and `virtual_file`: two ways to one map.
 */
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "mapping.h"
#include "multidropd/mem.h"

static void read_value(struct mappings *mappings, struct judge *judge, struct entry *entry, size_t index)
{
	struct span text = span_of(entry->values.items[index]);
	char *complaint = mappings_add(mappings, text, entry_value_place(entry, index));
	char *doubt = complaint == NULL ? mapping_doubt(&mappings->items[mappings->count - 1]) : NULL;

	if (complaint != NULL)
		entry_blame_value(entry, index, &judge->problems, "%s: %s", entry->option->name, complaint);
	if (doubt != NULL)
		entry_warn_value(entry, index, &judge->warnings, "%s: %s", entry->option->name, doubt);
	free(complaint);
	free(doubt);
}

static void read_list(struct mappings *mappings, struct judge *judge, struct entry *entry)
{
	/* One empty value is how a list is written that shall be empty. */
	if (entry->values.count == 1 && entry->values.items[0][0] == '\0')
		return;
	for (size_t i = 0; i < entry->values.count; i++) {
		/* A control character, for example, or what was read before for another account. */
		if (!entry->standings[i].blamed)
			read_value(mappings, judge, entry, i);
	}
}

static void warn_of_strangers(struct judge *judge, const struct mappings *mappings, size_t listed,
                              const struct strlist *domains)
{
	for (size_t i = 0; i < mappings->count; i++) {
		const struct mapping *mapping = &mappings->items[i];
		const char *at = strrchr(mapping->address, '@');

		/* A file may serve many accounts. */
		if (mapping->number >= listed || mapping->linked || at[1] == '\0' || domain_is_among(at + 1, domains))
			continue;
		problem_add(&judge->warnings, mapping->place,
		            "warning: virtual: %s is outside of domains, so that no recipient is looked up there: "
		            "correct one of the two",
		            mapping->address);
	}
}

static const struct virtual_map *keep_map(struct judge *judge, struct mappings *mappings)
{
	struct config *config = judge->config;
	struct virtual_map *map;

	if (mappings->count == 0)
		return NULL;
	map = mem_alloc(sizeof(*map));
	for (size_t i = 0; i < mappings->count; i++)
		virtual_map_add(map, mappings->items[i].address, &mappings->items[i].targets);
	virtual_map_sort(map);
	config->virtual_maps = mem_grow(config->virtual_maps, &config->virtual_map_capacity,
	                                config->virtual_map_count + 1, sizeof(struct virtual_map *));
	config->virtual_maps[config->virtual_map_count++] = map;
	return map;
}

/* Accounts that add to what they inherit have copies of it. */
static bool is_too_much(struct judge *judge, const struct settings *settings, size_t count)
{
	struct entry *entry = settings_entry(settings, "virtual_file");

	judge->mapped += count;
	if (judge->mapped <= MAPPING_TOTAL_MAX)
		return false;
	entry_blame(
		entry != NULL ? entry : settings_entry(settings, "virtual"), &judge->problems,
		"the accounts' virtual and virtual_file have more than %u addresses together: let accounts that share "
		"a virtual_file inherit both from defaults { multidrop { } }",
		MAPPING_TOTAL_MAX);
	return true;
}

const struct virtual_map *judge_virtual(struct judge *judge, const struct settings *settings,
                                        const struct strlist *domains, bool shared)
{
	struct entry *list = settings_entry(settings, "virtual");
	struct entry *file = settings_entry(settings, "virtual_file");
	const struct virtual_map *map = NULL;
	struct mappings mappings = { 0 };
	size_t listed;

	if (judge->mapped > MAPPING_TOTAL_MAX)
		return NULL;
	if (list != NULL)
		read_list(&mappings, judge, list);
	listed = mappings.count;
	if (file != NULL && !settings_is_wrong(settings, "virtual_file") && file->values.items[0][0] != '\0')
		mappings_read(&mappings, judge, file);
	mappings_check(&mappings, judge, domains);
	if (!shared && settings_is_own(settings, "virtual"))
		warn_of_strangers(judge, &mappings, listed, domains);
	if (!is_too_much(judge, settings, mappings.count))
		map = keep_map(judge, &mappings);
	mappings_free(&mappings);
	return map;
}
