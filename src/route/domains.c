/* SPDX-License-Identifier: ISC
 *
 * Lists of domains and hosts.
 */
#include "domains.h"

#include "multidropd/address.h"

bool domains_hold(const struct strlist *domains, const char *domain)
{
	for (size_t i = 0; i < domains->count; i++) {
		if (address_domain_matches(domain, domains->items[i]))
			return true;
	}
	return false;
}

const char *domains_first(const struct strlist *domains)
{
	const char *first;

	if (domains->count == 0)
		return NULL;
	first = domains->items[0];
	return first[0] == '.' ? first + 1 : first;
}
