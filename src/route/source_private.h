/* SPDX-License-Identifier: ISC
 *
 * What the kinds of envelope sources share.
 */
#ifndef MULTIDROPD_ROUTE_SOURCE_PRIVATE_H
#define MULTIDROPD_ROUTE_SOURCE_PRIVATE_H

#include "source.h"

#define SOURCE_OVERSIZE "is too large to be read"

/* The zeroed source of that kind; looks for ROUTE_RECEIVED. */
void source_find_received(const struct source_place *place, struct source *source);

void source_add_value(struct source *source, struct span value);

#endif
