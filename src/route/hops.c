/* SPDX-License-Identifier: ISC
 *
 * Mail that runs in a circle between servers. Where the header ends for routing
 * does not matter here: a server that sees a message for the hundredth time
 * still puts its Received on top.
 */
#include "hops.h"

#include "multidropd/trace.h"

struct hops hops_count(const struct route_rules *rules, const struct header *header)
{
	struct hops hops = { 0 };

	for (size_t i = 0; i < header->count; i++) {
		const struct header_field *field = &header->fields[i];

		if (field->broken || !span_is(field->name, ROUTE_RECEIVED))
			continue;
		hops.count++;
		if (rules->hostname != NULL && !field->oversize && trace_is_ours(field->value, rules->hostname))
			hops.ours++;
	}
	return hops;
}

bool hops_are_a_loop(const struct hops *hops)
{
	return hops->count > HEADER_RECEIVED_MAX || hops->ours >= ROUTE_LOOP_OURS;
}
