/* SPDX-License-Identifier: ISC
 *
 * From the values of an envelope source to recipients that are ours.
 */
#include "recipients.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domains.h"
#include "env.h"
#include "multidropd/mem.h"

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

/* Of one field, doubles and strangers included: looking each of them up takes its time. */
#define MEMBERS_MAX (10u * ROUTE_RECIPIENTS_MAX)

static void strip(const struct route_rules *rules, struct address *address)
{
	if (rules->strip_prefix != NULL)
		cut_front(address->local, rules->strip_prefix);
	if (rules->strip_suffix != NULL)
		cut_end(address->local, rules->strip_suffix);
}

static void complete(const struct route_rules *rules, struct address *address)
{
	const char *domain = domains_first(rules->domains);

	if (address->domain[0] != '\0' || domain == NULL)
		return;
	free(address->domain);
	address->domain = mem_strdup(domain);
}

static void place(struct recipients *recipients, const struct route_rules *rules, struct address *address)
{
	strip(rules, address);
	if (address->local[0] == '\0') {
		recipients->broken++;
		return;
	}
	complete(rules, address);
	if (domains_hold(rules->domains, address->domain))
		unique_take(&recipients->ours, address_format(address));
	else
		recipients->foreign++;
}

void recipients_add(struct recipients *recipients, const struct route_rules *rules, struct span value)
{
	struct address_list list = { 0 };

	address_list_parse(&list, value);
	recipients->broken += list.broken;
	recipients->too_many = list.count > MEMBERS_MAX;
	for (size_t i = 0; i < list.count && !recipients->too_many; i++) {
		place(recipients, rules, &list.items[i]);
		recipients->too_many = recipients->ours.list.count > ROUTE_RECIPIENTS_MAX;
	}
	address_list_free(&list);
}

void recipients_add_path(struct recipients *recipients, const struct route_rules *rules, struct span path)
{
	struct address address;

	if (path.len == 0)
		return;
	if (address_parse(&address, env_address(path)) != 0) {
		recipients->broken++;
		return;
	}
	place(recipients, rules, &address);
	recipients->too_many = recipients->ours.list.count > ROUTE_RECIPIENTS_MAX;
	address_free(&address);
}

void recipients_free(struct recipients *recipients)
{
	unique_free(&recipients->ours);
	*recipients = (struct recipients){ 0 };
}
