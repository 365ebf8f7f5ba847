/* SPDX-License-Identifier: ISC
 *
 * Whatever a header and a server's answer hold, a message goes to somebody, or
 * stays, or is discarded as the administrator said; and a recipient is within
 * `domains` or is the administrator's own. The first two bytes pick the rules,
 * the third is the length of the answer to *ENV.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/route.h"
#include "multidropd/str.h"

#define POSTMASTER "postmaster"
#define TARGET "c@elsewhere.example"
#define REWRITE "new.example"
#define HEAD 3u  /* bytes before the header and the answer */
#define MANY 50u /* doubles are looked for in short lists only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct strlist envelope, domains, received_by, none;
static struct virtual_map map;

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void map_to(const char *address, const char *target1, const char *target2)
{
	struct strlist targets = { 0 };

	strlist_add(&targets, target1);
	if (target2 != NULL)
		strlist_add(&targets, target2);
	virtual_map_add(&map, address, &targets);
}

static void prepare(void)
{
	if (envelope.count > 0)
		return;
	strlist_add(&envelope, "X-Envelope-To");
	strlist_add(&envelope, ROUTE_RECEIVED);
	strlist_add(&envelope, ROUTE_ENV);
	strlist_add(&envelope, "Delivered-To");
	strlist_add(&domains, ".b.example");
	strlist_add(&domains, "c");
	strlist_add(&received_by, ".mx.example");
	map_to("a@b.example", TARGET, "b");
	map_to("b@", "a@b.example", NULL);
	map_to("d@b.example", "e@b.example", NULL);
	map_to("e@b.example", "d@b.example", "@c");
	map_to("f@b.example", VIRTUAL_POSTMASTER, NULL);
	map_to("@c", VIRTUAL_DISCARD, NULL);
	virtual_map_sort(&map);
}

static bool is_ours(const char *address)
{
	const char *at = strrchr(address, '@');

	for (size_t i = 0; at != NULL && i < domains.count; i++) {
		if (address_domain_matches(at + 1, domains.items[i]))
			return true;
	}
	return false;
}

static bool may_get_it(const struct route_rules *rules, const char *recipient)
{
	const char *at = strrchr(recipient, '@');

	if (strcmp(recipient, POSTMASTER) == 0 || (rules->virtual_map != NULL && strcmp(recipient, TARGET) == 0))
		return true;
	if (rules->rewrite_domain != NULL)
		return at != NULL && strcmp(at + 1, REWRITE) == 0;
	return is_ours(recipient);
}

static void check_recipients(const struct route_rules *rules, const struct route *route)
{
	const struct strlist *list = &route->recipients;

	require(list->count == route->originals.count && list->count <= ROUTE_RECIPIENTS_MAX + 1);
	for (size_t i = 0; i < list->count; i++) {
		const char *original = route->originals.items[i];

		require(may_get_it(rules, list->items[i]));
		require(original[0] != '\0' ? is_ours(original) : strcmp(list->items[i], POSTMASTER) == 0);
		for (size_t j = 0; j < i && list->count < MANY; j++)
			require(strcasecmp(list->items[i], list->items[j]) != 0);
	}
	for (size_t i = 0; i < route->discarded.count; i++)
		require(rules->virtual_map != NULL && is_ours(route->discarded.items[i]));
}

static void check_reason(const struct route_rules *rules, const struct route *route)
{
	size_t count = route->recipients.count;
	bool keeps = rules->fallback == ROUTE_FALLBACK_KEEP;

	require(count > 0 || route->keep || route->discarded.count > 0);
	require(!route->partly_broken || route->reason == ROUTE_ENVELOPE);
	switch (route->reason) {
	case ROUTE_ENVELOPE:
		require(route->source != NULL && route->keep == (route->partly_broken && keeps));
		break;
	case ROUTE_HEADERS:
		require(rules->fallback == ROUTE_FALLBACK_HEADERS && !route->keep);
		break;
	case ROUTE_POSTMASTER:
		require(count == 1 && strcmp(route->recipients.items[0], POSTMASTER) == 0);
		require(!keeps && !route->keep);
		break;
	case ROUTE_KEPT:
		require(count == 0 && keeps && route->keep);
		break;
	case ROUTE_LOOP:
		require(count == 0 && route->keep && route->source == NULL);
		break;
	default:
		abort();
	}
}

static void check_removed(const struct header *header, const struct route *route)
{
	require(route->remove_count == header->count && route->explanation[0] != '\0');
	for (size_t i = 0; i < header->count; i++)
		require(!route->remove[i] || !span_is(header->fields[i].name, ROUTE_RECEIVED));
	for (const char *at = route->sender; *at != '\0'; at++)
		require((unsigned char)*at >= 0x20 && *at != 0x7f);
}

static struct route_rules pick_rules(uint8_t first, uint8_t second)
{
	return (struct route_rules){
		.postmaster = POSTMASTER,
		.hostname = "us.example",
		.envelope = &envelope,
		.position_any = first & 1,
		.skip = first >> 1 & 1,
		.which = (first >> 2) % 3,
		.strip_prefix = first & 16 ? "in-" : NULL,
		.strip_suffix = first & 32 ? "-out" : NULL,
		.received_by = second & 1 ? &received_by : &none,
		.received_depth = second >> 1 & 3,
		.domains = &domains,
		.fallback = (second >> 3 & 3) % 3,
		.virtual_map = second & 32 ? &map : NULL,
		.rewrite_domain = second & 64 ? REWRITE : NULL,
		.remove_header = first & 64,
		.sender = first & 128 ? "X-MailFrom:" : "return-path",
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route_rules rules;
	struct header header;
	struct route route;
	size_t env_len;

	if (size < HEAD)
		return 0;
	prepare();
	rules = pick_rules(data[0], data[1]);
	env_len = data[2] < size - HEAD ? data[2] : size - HEAD;
	header_parse(&header, span_make(data + HEAD + env_len, size - HEAD - env_len), data[1] & 128);
	route_message(&rules, &header, span_make(data + HEAD, env_len), &route);
	check_recipients(&rules, &route);
	check_reason(&rules, &route);
	check_removed(&header, &route);
	route_free(&route);
	header_free(&header);
	return 0;
}
