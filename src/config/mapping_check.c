/* SPDX-License-Identifier: ISC
 *
 * Addresses that are there twice, and circles: a target is looked up again, and
 * where that ends in itself nobody is reached. An address that has itself among
 * its targets means itself, and is the end of its way.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain.h"
#include "mapping.h"
#include "multidropd/mem.h"

#define CIRCLE_SHOWN_MAX 5u

struct finder {
	const struct mappings *mappings; /* sorted, each once */
	const struct strlist *domains;
};

/* One mapping on the way from where the search began, and which of its targets is next. */
struct step {
	struct mapping *mapping;
	size_t target;
};

struct way {
	struct step *steps;
	size_t count;
	size_t capacity;
};

enum visit { VISIT_NEW, VISIT_ON_WAY, VISIT_DONE };

static int compare(const void *a, const void *b)
{
	const struct mapping *left = a;
	const struct mapping *right = b;
	int order = strcasecmp(left->address, right->address);

	return order != 0 ? order : left->number < right->number ? -1 : left->number > right->number;
}

static void drop_doubles(struct mappings *mappings, struct judge *judge)
{
	struct mapping *items = mappings->items;
	size_t left = 0;

	for (size_t i = 0; i < mappings->count; i++) {
		if (left == 0 || strcasecmp(items[left - 1].address, items[i].address) != 0) {
			items[left++] = items[i];
			continue;
		}
		problem_add(&judge->problems, items[i].place,
		            "%s is given twice, first at %s:%d: keep one, with all the targets", items[i].address,
		            document_path(judge->document, items[left - 1].place), items[left - 1].place.line);
		free(items[i].address);
		strlist_free(&items[i].targets);
	}
	mappings->count = left;
}

static int compare_address(const void *key, const void *item)
{
	return strcasecmp(key, ((const struct mapping *)item)->address);
}

static struct mapping *find_exact(const struct finder *finder, const char *address)
{
	return bsearch(address, finder->mappings->items, finder->mappings->count, sizeof(struct mapping),
	               compare_address);
}

static struct mapping *find_joined(const struct finder *finder, const char *local, const char *domain)
{
	char *address = mapping_join(local, domain);
	struct mapping *found = find_exact(finder, address);

	free(address);
	return found;
}

/* "local@", which holds for the domains that are ours. */
static struct mapping *find_local(const struct finder *finder, const char *local, const char *domain)
{
	char *plain;
	char *key;
	struct mapping *found;

	if (!domain_is_among(domain, finder->domains))
		return NULL;
	plain = mapping_join(local, "");
	key = str_format("%s@", plain);
	found = find_exact(finder, key);
	free(plain);
	free(key);
	return found;
}

/* As routing does it: the address, without its extension, local@, that without the extension, @domain. */
static struct mapping *find_address(const struct finder *finder, const char *local, const char *domain)
{
	const char *plus = strchr(local, '+');
	struct mapping *found = find_joined(finder, local, domain);
	char *plain = plus != NULL && plus > local ? mem_strndup(local, (size_t)(plus - local)) : NULL;

	if (found == NULL && plain != NULL)
		found = find_joined(finder, plain, domain);
	if (found == NULL)
		found = find_local(finder, local, domain);
	if (found == NULL && plain != NULL)
		found = find_local(finder, plain, domain);
	free(plain);
	return found != NULL ? found : find_joined(finder, "", domain);
}

/* "@domain" is the same person there; who that is a catch-all does not know. */
static struct mapping *find_moved(const struct finder *finder, const struct mapping *from, const char *target)
{
	struct mapping *found;
	char *local;
	char *domain;

	mapping_split(from->address, &local, &domain);
	found = local[0] != '\0' ? find_address(finder, local, target + 1) : find_exact(finder, target);
	free(local);
	free(domain);
	return found;
}

static struct mapping *find_target(const struct finder *finder, const struct mapping *from, const char *target)
{
	const char *domain = finder->domains->count > 0 ? finder->domains->items[0] : "";
	struct mapping *found = NULL;
	char *local;
	char *own;

	if (strcmp(target, VIRTUAL_DISCARD) == 0 || strcmp(target, VIRTUAL_POSTMASTER) == 0)
		return NULL;
	if (target[0] == '@')
		return find_moved(finder, from, target);
	mapping_split(target, &local, &own);
	/* A bare local part is one of the first domain. */
	if (own[0] == '\0')
		domain += domain[0] == '.';
	else
		domain = own;
	if (domain[0] != '\0')
		found = find_address(finder, local, domain);
	free(local);
	free(own);
	return found;
}

static bool has_target(const struct mapping *mapping, const char *target)
{
	for (size_t i = 0; i < mapping->targets.count; i++) {
		if (strcasecmp(mapping->targets.items[i], target) == 0)
			return true;
	}
	return false;
}

static void tell_circle(struct judge *judge, const struct way *way, const struct mapping *back)
{
	struct strbuf text = { 0 };
	size_t i = way->count - 1;

	while (way->steps[i].mapping != back)
		i--;
	for (size_t shown = 0; i < way->count && shown < CIRCLE_SHOWN_MAX; i++, shown++)
		strbuf_addf(&text, "%s -> ", way->steps[i].mapping->address);
	problem_add(&judge->problems, back->place,
	            "%s leads in a circle, where nobody is reached (%s%s%s): take one of them out", back->address,
	            strbuf_str(&text), i < way->count ? "... -> " : "", back->address);
	strbuf_free(&text);
}

static void push(struct way *way, struct mapping *mapping)
{
	way->steps = mem_grow(way->steps, &way->capacity, way->count + 1, sizeof(*way->steps));
	way->steps[way->count++] = (struct step){ mapping, 0 };
}

/* Depth first, without recursion: a chain may be as long as the map. */
static void walk_from(const struct finder *finder, struct judge *judge, struct way *way, enum visit *visits)
{
	struct mapping *items = finder->mappings->items;

	while (way->count > 0) {
		struct step *step = &way->steps[way->count - 1];
		const char *target;
		struct mapping *next;

		if (step->target == step->mapping->targets.count) {
			visits[step->mapping - items] = VISIT_DONE;
			way->count--;
			continue;
		}
		target = step->mapping->targets.items[step->target++];
		next = find_target(finder, step->mapping, target);
		if (next == NULL)
			continue;
		next->linked |= next != step->mapping;
		if (has_target(next, target) || visits[next - items] == VISIT_DONE)
			continue;
		if (visits[next - items] == VISIT_ON_WAY) {
			tell_circle(judge, way, next);
			continue;
		}
		visits[next - items] = VISIT_ON_WAY;
		push(way, next);
	}
}

static void check_circles(const struct finder *finder, struct judge *judge)
{
	enum visit *visits = mem_array(finder->mappings->count, sizeof(*visits));
	struct way way = { 0 };

	for (size_t i = 0; i < finder->mappings->count; i++) {
		if (visits[i] != VISIT_NEW)
			continue;
		visits[i] = VISIT_ON_WAY;
		push(&way, &finder->mappings->items[i]);
		walk_from(finder, judge, &way, visits);
	}
	free(way.steps);
	free(visits);
}

void mappings_check(struct mappings *mappings, struct judge *judge, const struct strlist *domains)
{
	const struct finder finder = { mappings, domains };

	if (mappings->count == 0)
		return;
	qsort(mappings->items, mappings->count, sizeof(*mappings->items), compare);
	drop_doubles(mappings, judge);
	check_circles(&finder, judge);
}
