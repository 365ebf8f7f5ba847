/* SPDX-License-Identifier: ISC
 *
 * From the values of an envelope source to recipients that are ours, as they
 * were stamped.
 */
#ifndef MULTIDROPD_ROUTE_RECIPIENTS_H
#define MULTIDROPD_ROUTE_RECIPIENTS_H

#include "multidropd/route.h"
#include "unique.h"

/* Zeroed, it is empty. */
struct recipients {
	struct unique ours; /* formatted as for RCPT */
	size_t broken;      /* members that were no usable address */
	size_t foreign;     /* addresses outside of `domains` */
	bool too_many;      /* over ROUTE_RECIPIENTS_MAX, or so many doubles and strangers; the rest was not looked at */
};

/* Reads one value: strip, completion of a bare local part, check against `domains`. */
void recipients_add(struct recipients *recipients, const struct route_rules *rules, struct span value);
/* One address, with or without angle brackets, as *ENV gives it. */
void recipients_add_path(struct recipients *recipients, const struct route_rules *rules, struct span path);
void recipients_free(struct recipients *recipients);

#endif
