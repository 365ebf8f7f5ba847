/* SPDX-License-Identifier: ISC
 *
 * `virtual` and `rewrite_domain`. A target is looked up again, as in
 * virtual(5), until it is not in the map or is what it stands for. The
 * addresses reached from one recipient are a list without doubles that is
 * worked off from its front, so that no circle goes round twice. An address
 * that leads only into a circle reaches nobody.
 */
#include "expand.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domains.h"
#include "multidropd/mem.h"

/* The way of one recipient through the map. */
struct walk {
	struct expansion *expansion;
	const struct route_rules *rules;
	const char *stamped;
	struct unique reached;
	bool placed;
	bool discarded;
};

/* Where the domain's @ is; the end: there is none. */
static size_t local_length(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? (size_t)(at - address) : strlen(address);
}

static const char *domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : "";
}

/* "local@" is everybody of that name at home, and nobody elsewhere. */
static const struct strlist *find_local(const struct route_rules *rules, const char *address)
{
	const struct strlist *targets;
	char *local;

	if (!domains_hold(rules->domains, domain_of(address)))
		return NULL;
	local = str_format("%.*s@", (int)local_length(address), address);
	targets = virtual_map_find(rules->virtual_map, local);
	free(local);
	return targets;
}

/* Without the extension behind the first +, as in Postfix none where the local part begins with it; NULL: there is
 * none. */
static char *without_extension(const char *text)
{
	struct address address;
	char *plain = NULL;
	char *plus;

	if (strchr(text, '+') == NULL || address_parse(&address, span_of(text)) < 0)
		return NULL;
	plus = strchr(address.local, '+');
	if (plus != NULL && plus > address.local) {
		*plus = '\0';
		plain = address_format(&address);
	}
	address_free(&address);
	return plain;
}

static const struct strlist *find_targets(const struct route_rules *rules, const char *address)
{
	const struct virtual_map *map = rules->virtual_map;
	const struct strlist *targets = virtual_map_find(map, address);
	char *plain = targets == NULL ? without_extension(address) : NULL;

	if (targets == NULL && plain != NULL)
		targets = virtual_map_find(map, plain);
	if (targets == NULL)
		targets = find_local(rules, address);
	if (targets == NULL && plain != NULL)
		targets = find_local(rules, plain);
	if (targets == NULL)
		targets = virtual_map_find(map, address + local_length(address));
	free(plain);
	return targets;
}

static void place(struct walk *walk, char *take_address)
{
	struct expansion *expansion = walk->expansion;

	walk->placed = true;
	if (!unique_take(&expansion->recipients, take_address))
		return;
	strlist_add(&expansion->originals, walk->stamped);
	if (expansion->recipients.list.count > ROUTE_RECIPIENTS_MAX)
		expansion->too_many = true;
}

static void deliver(struct walk *walk, const char *address)
{
	const char *domain = walk->rules->rewrite_domain;
	bool rewrite = domain != NULL && domain[0] != '\0' && domains_hold(walk->rules->domains, domain_of(address));

	if (rewrite)
		place(walk, str_format("%.*s@%s", (int)local_length(address), address, domain));
	else
		place(walk, mem_strdup(address));
}

/* A target with all its parts: "@domain" is the same person there. */
static char *complete(const struct walk *walk, const char *address, const char *target)
{
	const char *domain = domains_first(walk->rules->domains);

	if (target[0] == '@')
		return str_format("%.*s%s", (int)local_length(address), address, target);
	if (strchr(target, '@') == NULL && domain != NULL)
		return str_format("%s@%s", target, domain);
	return mem_strdup(target);
}

static void follow(struct walk *walk, const char *address, const char *target)
{
	char *next;

	if (strcasecmp(target, VIRTUAL_DISCARD) == 0) {
		walk->discarded = true;
		return;
	}
	if (strcasecmp(target, VIRTUAL_POSTMASTER) == 0) {
		place(walk, mem_strdup(walk->rules->postmaster));
		return;
	}
	next = complete(walk, address, target);
	if (strcasecmp(next, address) == 0) {
		deliver(walk, next);
		free(next);
	} else {
		unique_take(&walk->reached, next);
	}
}

static void expand(struct walk *walk, const char *address)
{
	const struct strlist *targets = NULL;

	if (walk->rules->virtual_map != NULL && walk->rules->virtual_map->count > 0) {
		targets = find_targets(walk->rules, address);
		walk->expansion->too_many |= ++walk->expansion->lookups > EXPAND_LOOKUPS_MAX;
	}
	if (targets == NULL)
		deliver(walk, address);
	for (size_t i = 0; targets != NULL && i < targets->count; i++)
		follow(walk, address, targets->items[i]);
}

void expand_add(struct expansion *expansion, const struct route_rules *rules, const char *stamped)
{
	struct walk walk = { .expansion = expansion, .rules = rules, .stamped = stamped };

	unique_take(&walk.reached, mem_strdup(stamped));
	for (size_t i = 0; i < walk.reached.list.count && !expansion->too_many; i++)
		expand(&walk, walk.reached.list.items[i]);
	unique_free(&walk.reached);
	if (walk.placed)
		return;
	if (walk.discarded)
		strlist_add(&expansion->discarded, stamped);
	else
		expansion->circular++;
}

void expand_add_list(struct expansion *expansion, const struct route_rules *rules, const struct strlist *stamped)
{
	for (size_t i = 0; i < stamped->count && !expansion->too_many; i++)
		expand_add(expansion, rules, stamped->items[i]);
}

void expand_add_own(struct expansion *expansion, const char *address)
{
	if (unique_take(&expansion->recipients, mem_strdup(address)))
		strlist_add(&expansion->originals, "");
}

void expand_merge(struct expansion *expansion, struct expansion *other)
{
	for (size_t i = 0; i < other->recipients.list.count; i++) {
		if (unique_take(&expansion->recipients, mem_strdup(other->recipients.list.items[i])))
			strlist_add(&expansion->originals, other->originals.items[i]);
	}
	strlist_copy(&expansion->discarded, &other->discarded);
	expand_free(other);
}

void expand_free(struct expansion *expansion)
{
	unique_free(&expansion->recipients);
	strlist_free(&expansion->originals);
	strlist_free(&expansion->discarded);
	*expansion = (struct expansion){ 0 };
}
