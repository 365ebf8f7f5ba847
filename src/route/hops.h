/* SPDX-License-Identifier: ISC
 *
 * Mail that runs in a circle between servers.
 */
#ifndef MULTIDROPD_ROUTE_HOPS_H
#define MULTIDROPD_ROUTE_HOPS_H

#include "multidropd/route.h"

/* How often a message was handed on, as far as its header is read. */
struct hops {
	size_t count; /* Received fields in all of the header */
	size_t ours;  /* those that we wrote */
};

struct hops hops_count(const struct route_rules *rules, const struct header *header);

bool hops_are_a_loop(const struct hops *hops);

#endif
