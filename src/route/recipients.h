/* SPDX-License-Identifier: ISC
 *
 * From the values of an envelope source to recipients that are ours.
 */
#ifndef MULTIDROPD_ROUTE_RECIPIENTS_H
#define MULTIDROPD_ROUTE_RECIPIENTS_H

#include "multidropd/route.h"

/* Zeroed, it is empty. */
struct recipients {
	struct strlist list; /* ours, formatted as for RCPT, each once whatever its case */
	size_t broken;       /* members that were no usable address */
	size_t foreign;      /* addresses outside of `domains` */
	bool too_many;       /* over ROUTE_RECIPIENTS_MAX; the rest was not looked at */
	void *seen;          /* private: a tree of list's strings */
};

/* Reads one value: strip, completion of a bare local part, check against `domains`. */
void recipients_add(struct recipients *recipients, const struct route_rules *rules, struct span value);
/* Adds an address of the administrator's as it is. */
void recipients_add_own(struct recipients *recipients, const char *address);
void recipients_free(struct recipients *recipients);

#endif
