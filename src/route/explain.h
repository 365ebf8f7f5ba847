/* SPDX-License-Identifier: ISC
 *
 * Why a message goes where it goes, in one line for a human.
 */
#ifndef MULTIDROPD_ROUTE_EXPLAIN_H
#define MULTIDROPD_ROUTE_EXPLAIN_H

#include "multidropd/route.h"
#include "source.h"

/* `Name: "value"`, a value for each field that decided. */
void explain_source(struct strbuf *out, const struct header *header, const struct source *source);

/* Behind that: what became of the sources before it, as far as they were there. */
void explain_passed_over(struct strbuf *out, const struct route_rules *rules, const struct header *header,
                         const struct source *source);

/* That there is none of the sources, and what would have to be otherwise. */
void explain_absence(struct strbuf *out, const struct route_rules *rules, const struct header *header);

#endif
