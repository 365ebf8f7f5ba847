/* SPDX-License-Identifier: ISC
 *
 * The administrator's map of addresses, as in virtual(5) of Postfix: exact
 * addresses, "local@" (in our own domains) and "@domain", each with its
 * targets. A local part has its quotes where address_format gives it some.
 *
 * How routing uses it: user+ext@domain is looked up as it is, then without the
 * extension, then as "local@" both ways, then as "@domain". Targets are looked
 * up again; one that is the address that was looked up ends that. "@domain" as
 * a target is the same user there.
 */
#ifndef MULTIDROPD_VIRTUAL_H
#define MULTIDROPD_VIRTUAL_H

#include "multidropd/str.h"

#define VIRTUAL_DISCARD "discard:"          /* as a target: nobody gets it */
#define VIRTUAL_POSTMASTER "postmaster"     /* as a target: the account's postmaster */

struct virtual_entry {
	char *address;
	struct strlist targets;
};

/* Zeroed, it is empty. */
struct virtual_map {
	struct virtual_entry *entries;
	size_t count, capacity;
};

/* Takes the targets. virtual_map_sort before the first find. */
void virtual_map_add(struct virtual_map *map, const char *address, struct strlist *take_targets);
/* Of entries with one address, case apart, the one added first is left. Returns the address of one that was given twice
 * (borrowed from what is left), NULL: none. */
const char *virtual_map_sort(struct virtual_map *map);
/* Whatever its case. NULL: not there. */
const struct strlist *virtual_map_find(const struct virtual_map *map, const char *address);
void virtual_map_free(struct virtual_map *map);

#endif
