/* SPDX-License-Identifier: ISC
 *
 * Lists of domains and hosts, where a leading dot means all below it, too.
 */
#ifndef MULTIDROPD_ROUTE_DOMAINS_H
#define MULTIDROPD_ROUTE_DOMAINS_H

#include <stdbool.h>

#include "multidropd/str.h"

bool domains_hold(const struct strlist *domains, const char *domain);

/* What completes a bare local part, without its dot; NULL: there is none. */
const char *domains_first(const struct strlist *domains);

#endif
