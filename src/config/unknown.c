/* SPDX-License-Identifier: ISC
 *
 * Unknown names and what was probably meant.
 */
#include "unknown.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

#define NAME_MAX_COMPARED 32u

const struct table table_unknown = { .name = "unknown" };

struct unknown *unknowns_find(const struct unknowns *unknowns, const struct table *table, const char *name)
{
	for (size_t i = 0; i < unknowns->count; i++) {
		if (unknowns->items[i].table == table && strcmp(unknowns->items[i].name, name) == 0)
			return &unknowns->items[i];
	}
	return NULL;
}

bool unknowns_learn(struct unknowns *unknowns, const struct table *table, const char *name)
{
	struct unknown *unknown = unknowns_find(unknowns, table, name);

	if (unknown != NULL) {
		if (unknown->guess == UNKNOWN_GARBAGE)
			return false;
		unknown->guess++;
		return true;
	}
	if (unknowns->count >= UNKNOWN_MAX)
		return false;
	unknowns->items = mem_grow(unknowns->items, &unknowns->capacity, unknowns->count + 1, sizeof(*unknowns->items));
	unknowns->items[unknowns->count++] = (struct unknown){ table, mem_strdup(name), UNKNOWN_OPTION };
	return true;
}

void unknowns_free(struct unknowns *unknowns)
{
	for (size_t i = 0; i < unknowns->count; i++)
		free(unknowns->items[i].name);
	free(unknowns->items);
	*unknowns = (struct unknowns){ 0 };
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t min = a < b ? a : b;

	return min < c ? min : c;
}

/* Levenshtein's distance, without case, '-' and '_' being the same. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	size_t len = strlen(b);

	if (len > NAME_MAX_COMPARED || strlen(a) > NAME_MAX_COMPARED)
		return SIZE_MAX;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		int byte = a[i] == '-' ? '_' : tolower((unsigned char)a[i]);
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			size_t above = row[j + 1];

			row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (byte != b[j]));
			diagonal = above;
		}
	}
	return row[len];
}

struct guess {
	const char *name;
	size_t distance;
};

static void consider(struct guess *best, const char *name, const char *candidate)
{
	size_t far = distance(name, candidate);

	if (far < best->distance)
		*best = (struct guess){ candidate, far };
}

static const char *nearest(const struct table *table, const char *name)
{
	struct guess best = { NULL, 3 < strlen(name) / 2 + 1 ? 3 : strlen(name) / 2 + 1 };

	for (size_t i = 0; i < table->count; i++)
		consider(&best, name, table->options[i].name);
	for (const struct table *const *block = table->blocks; block != NULL && *block != NULL; block++)
		consider(&best, name, (*block)->name);
	return best.name;
}

static const char *where(const struct table *table)
{
	if (table == &table_global)
		return "outside of blocks";
	if (table == &table_relay)
		return "in a relay";
	return table == &table_multidrop ? "in multidrop { }" : "in an account or defaults { }";
}

static const struct table *const tables[] = { &table_global, &table_account, &table_multidrop, &table_relay, NULL };

/* The table in which the name would be right; NULL: nowhere. */
static const struct table *home_of(const char *name)
{
	for (const struct table *const *table = tables; *table != NULL; table++) {
		if (table_find(*table, name) != NULL || table_block(*table, name) != NULL)
			return *table;
	}
	return strcmp(name, "include") == 0 ? &table_global : NULL;
}

static char *describe_misplaced(const struct table *table, const struct table *home, const char *name)
{
	if (table_block(home, name) != NULL)
		return str_format("%s stands %s, not %s: is a } missing above?", name, where(home), where(table));
	return str_format("%s belongs %s, not %s", name, where(home), where(table));
}

char *unknown_describe(const struct table *table, const char *name)
{
	const struct table *home = home_of(name);
	const char *near = nearest(table, name);

	if (home != NULL)
		return describe_misplaced(table, home, name);
	if (near != NULL)
		return str_format("unknown option %s: did you mean %s?", name, near);
	for (const struct table *const *other = tables; *other != NULL; other++) {
		near = nearest(*other, name);
		if (near != NULL)
			return str_format("unknown option %s: did you mean %s, which belongs %s?", name, near,
			                  where(*other));
	}
	return str_format("unknown option %s: multidropd.conf(5) lists what may stand %s", name, where(table));
}
