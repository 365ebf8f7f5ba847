/* SPDX-License-Identifier: ISC
 *
 * The administrator's map of addresses: a sorted array.
 */
#include "multidropd/virtual.h"

#include <stdlib.h>
#include <strings.h>

#include "multidropd/mem.h"

/* qsort may part equals from their order, and the first of them is the one that counts. */
struct numbered {
	struct virtual_entry entry;
	size_t number;
};

void virtual_map_add(struct virtual_map *map, const char *address, struct strlist *take_targets)
{
	map->entries = mem_grow(map->entries, &map->capacity, map->count + 1, sizeof(*map->entries));
	map->entries[map->count++] = (struct virtual_entry){ mem_strdup(address), *take_targets };
	*take_targets = (struct strlist){ 0 };
}

static void entry_free(struct virtual_entry *entry)
{
	free(entry->address);
	strlist_free(&entry->targets);
}

static int compare_numbered(const void *left, const void *right)
{
	const struct numbered *a = left;
	const struct numbered *b = right;
	int order = strcasecmp(a->entry.address, b->entry.address);

	return order != 0 ? order : a->number < b->number ? -1 : a->number > b->number;
}

static struct numbered *sorted(const struct virtual_map *map)
{
	struct numbered *entries = mem_array(map->count, sizeof(*entries));

	for (size_t i = 0; i < map->count; i++)
		entries[i] = (struct numbered){ map->entries[i], i };
	qsort(entries, map->count, sizeof(*entries), compare_numbered);
	return entries;
}

const char *virtual_map_sort(struct virtual_map *map)
{
	struct numbered *entries = sorted(map);
	const char *twice = NULL;
	size_t left = 0;

	for (size_t i = 0; i < map->count; i++) {
		if (left > 0 && strcasecmp(map->entries[left - 1].address, entries[i].entry.address) == 0) {
			twice = map->entries[left - 1].address;
			entry_free(&entries[i].entry);
		} else {
			map->entries[left++] = entries[i].entry;
		}
	}
	map->count = left;
	free(entries);
	return twice;
}

static int compare_key(const void *key, const void *entry)
{
	return strcasecmp(key, ((const struct virtual_entry *)entry)->address);
}

const struct strlist *virtual_map_find(const struct virtual_map *map, const char *address)
{
	const struct virtual_entry *entry;

	if (map->count == 0)
		return NULL;
	entry = bsearch(address, map->entries, map->count, sizeof(*map->entries), compare_key);
	return entry != NULL ? &entry->targets : NULL;
}

void virtual_map_free(struct virtual_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		entry_free(&map->entries[i]);
	free(map->entries);
	*map = (struct virtual_map){ 0 };
}
