/* SPDX-License-Identifier: ISC
 *
 * From the values of an envelope source to recipients that are ours. A tree
 * finds doubles, so that a field full of them costs no quadratic time.
 */
#include "recipients.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/mem.h"

static int compare(const void *a, const void *b)
{
	return strcasecmp(a, b);
}

/* Two addresses are formatted alike, but for case, when and only when address_equal says so. */
static void add_once(struct recipients *recipients, char *address)
{
	if (tfind(address, &recipients->seen, compare) != NULL) {
		free(address);
		return;
	}
	/* Without memory for its node a double is not found, which is harmless. */
	(void)tsearch(address, &recipients->seen, compare);
	strlist_take(&recipients->list, address);
}

static void cut_front(char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncasecmp(text, prefix, len) == 0)
		memmove(text, text + len, strlen(text + len) + 1);
}

static void cut_end(char *text, const char *suffix)
{
	size_t len = strlen(text);
	size_t cut = strlen(suffix);

	if (len >= cut && strcasecmp(text + len - cut, suffix) == 0)
		text[len - cut] = '\0';
}

static void strip(const struct route_rules *rules, struct address *address)
{
	if (rules->strip_prefix != NULL)
		cut_front(address->local, rules->strip_prefix);
	if (rules->strip_suffix != NULL)
		cut_end(address->local, rules->strip_suffix);
}

static void complete(const struct route_rules *rules, struct address *address)
{
	const char *domain;

	if (address->domain[0] != '\0' || rules->domains->count == 0)
		return;
	domain = rules->domains->items[0];
	free(address->domain);
	address->domain = mem_strdup(domain[0] == '.' ? domain + 1 : domain);
}

static bool is_ours(const struct route_rules *rules, const struct address *address)
{
	for (size_t i = 0; i < rules->domains->count; i++) {
		if (address_domain_matches(address->domain, rules->domains->items[i]))
			return true;
	}
	return false;
}

static void place(struct recipients *recipients, const struct route_rules *rules, struct address *address)
{
	strip(rules, address);
	if (address->local[0] == '\0') {
		recipients->broken++;
		return;
	}
	complete(rules, address);
	if (is_ours(rules, address))
		add_once(recipients, address_format(address));
	else
		recipients->foreign++;
}

void recipients_add(struct recipients *recipients, const struct route_rules *rules, struct span value)
{
	struct address_list list = { 0 };

	address_list_parse(&list, value);
	recipients->broken += list.broken;
	for (size_t i = 0; i < list.count && !recipients->too_many; i++) {
		place(recipients, rules, &list.items[i]);
		recipients->too_many = recipients->list.count > ROUTE_RECIPIENTS_MAX;
	}
	address_list_free(&list);
}

void recipients_add_own(struct recipients *recipients, const char *address)
{
	add_once(recipients, mem_strdup(address));
}

static void keep_key(void *key)
{
	(void)key;
}

void recipients_free(struct recipients *recipients)
{
	tdestroy(recipients->seen, keep_key);
	strlist_free(&recipients->list);
	*recipients = (struct recipients){ 0 };
}
