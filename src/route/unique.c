/* SPDX-License-Identifier: ISC
 *
 * Addresses, each once whatever its case.
 */
#include "unique.h"

#include <search.h>
#include <stdlib.h>
#include <strings.h>

static int compare(const void *a, const void *b)
{
	return strcasecmp(a, b);
}

/* Two addresses are formatted alike, but for case, when and only when address_equal says so. */
bool unique_take(struct unique *set, char *address)
{
	if (tfind(address, &set->tree, compare) != NULL) {
		free(address);
		return false;
	}
	/* Without memory for its node a double is not found, which is harmless. */
	(void)tsearch(address, &set->tree, compare);
	strlist_take(&set->list, address);
	return true;
}

static void keep_key(void *key)
{
	(void)key;
}

struct strlist unique_take_list(struct unique *set)
{
	struct strlist list = set->list;

	tdestroy(set->tree, keep_key);
	*set = (struct unique){ 0 };
	return list;
}

void unique_free(struct unique *set)
{
	struct strlist list = unique_take_list(set);

	strlist_free(&list);
}
