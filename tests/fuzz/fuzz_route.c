/* SPDX-License-Identifier: ISC
 *
 * Whatever a header holds, its message goes to somebody: to addresses within
 * `domains`, each once, or to the postmaster. The first byte picks the rules.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/route.h"
#include "multidropd/str.h"

#define POSTMASTER "postmaster"
#define MANY 50u /* doubles are looked for in short lists only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static bool is_ours(const char *recipient, const struct strlist *domains)
{
	const char *at = strrchr(recipient, '@');

	for (size_t i = 0; at != NULL && i < domains->count; i++) {
		if (address_domain_matches(at + 1, domains->items[i]))
			return true;
	}
	return false;
}

static void check_recipients(const struct route *route, const struct strlist *domains)
{
	const struct strlist *list = &route->recipients;
	size_t strangers = 0;

	require(list->count > 0 && list->count <= ROUTE_RECIPIENTS_MAX + 1);
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], POSTMASTER) == 0)
			strangers++;
		else
			require(is_ours(list->items[i], domains));
		for (size_t j = 0; j < i && list->count < MANY; j++)
			require(strcasecmp(list->items[i], list->items[j]) != 0);
	}
	require(strangers == (route->reason == ROUTE_POSTMASTER || route->partly_broken));
	require(route->reason != ROUTE_POSTMASTER || list->count == 1);
}

static struct route_rules pick_rules(uint8_t byte, const struct strlist *envelope, const struct strlist *domains)
{
	return (struct route_rules){
		.postmaster = POSTMASTER,
		.envelope = envelope,
		.position_any = byte & 1,
		.skip = byte >> 1 & 1,
		.which = (byte >> 2) % 3,
		.strip_prefix = byte & 16 ? "in-" : NULL,
		.strip_suffix = byte & 32 ? "-out" : NULL,
		.domains = domains,
		.remove_header = byte & 64,
		.sender = byte & 128 ? "X-MailFrom:" : "return-path",
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char source1[] = "X-Envelope-To", source2[] = "Delivered-To", domain1[] = ".b.example", domain2[] = "c";
	char *envelope_items[] = { source1, source2 };
	char *domain_items[] = { domain1, domain2 };
	const struct strlist envelope = { envelope_items, 2, 2 };
	const struct strlist domains = { domain_items, 2, 2 };
	struct route_rules rules;
	struct header header;
	struct route route;

	if (size == 0)
		return 0;
	rules = pick_rules(data[0], &envelope, &domains);
	header_parse(&header, span_make(data + 1, size - 1), false);
	route_message(&rules, &header, (struct span){ 0 }, &route);
	check_recipients(&route, &domains);
	require(route.remove_count == header.count && route.explanation[0] != '\0');
	for (const char *at = route.sender; *at != '\0'; at++)
		require((unsigned char)*at >= 0x20 && *at != 0x7f);
	route_free(&route);
	header_free(&header);
	return 0;
}
