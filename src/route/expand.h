/* SPDX-License-Identifier: ISC
 *
 * From a recipient as stamped to whom it goes: `virtual`, `rewrite_domain`, and
 * once more without doubles.
 */
#ifndef MULTIDROPD_ROUTE_EXPAND_H
#define MULTIDROPD_ROUTE_EXPAND_H

#include "multidropd/route.h"
#include "unique.h"

/* Looked up in `virtual` for one message; more: too many. A message of ROUTE_RECIPIENTS_MAX has ten for each. */
#define EXPAND_LOOKUPS_MAX 10000u

/* Zeroed, it is empty. */
struct expansion {
	struct unique recipients; /* as for RCPT */
	struct strlist originals; /* by recipient: as stamped, "": by us */
	struct strlist discarded; /* as stamped: nobody gets it, as `virtual` says */
	size_t circular;          /* stamped ones that `virtual` leads in a circle, with nobody in it */
	bool too_many;            /* over a limit; the rest was not looked at */
	size_t lookups;
};

/* Adds those that an address as stamped, completed and within `domains`, goes to. */
void expand_add(struct expansion *expansion, const struct route_rules *rules, const char *stamped);
void expand_add_list(struct expansion *expansion, const struct route_rules *rules, const struct strlist *stamped);
/* Adds an address of the administrator's as it is. */
void expand_add_own(struct expansion *expansion, const char *address);
/* Adds all that is in `other`, which is empty after it. */
void expand_merge(struct expansion *expansion, struct expansion *other);
void expand_free(struct expansion *expansion);

#endif
