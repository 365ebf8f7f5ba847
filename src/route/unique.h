/* SPDX-License-Identifier: ISC
 *
 * Addresses, each once whatever its case, in the order they came. A tree finds
 * doubles, so that a field full of them costs no quadratic time.
 */
#ifndef MULTIDROPD_ROUTE_UNIQUE_H
#define MULTIDROPD_ROUTE_UNIQUE_H

#include <stdbool.h>

#include "multidropd/str.h"

/* Zeroed, it is empty. */
struct unique {
	struct strlist list;
	void *tree; /* private: of list's strings */
};

/* False: it was there, and this one is freed. */
bool unique_take(struct unique *set, char *address);
/* Moves the list out of it; the set is empty after it. */
struct strlist unique_take_list(struct unique *set);
void unique_free(struct unique *set);

#endif
