/* SPDX-License-Identifier: ISC
 *
 * Why a message goes where it goes, in one line for a human.
 */
#ifndef MULTIDROPD_ROUTE_EXPLAIN_H
#define MULTIDROPD_ROUTE_EXPLAIN_H

#include "guess.h"
#include "hops.h"
#include "multidropd/route.h"
#include "source.h"

/* The sources that were looked for, most trusted first. */
struct explain_tried {
	const struct source *sources;
	size_t count;
};

/* `Name: "value"`, a value for each field that decided. */
void explain_source(struct strbuf *out, const struct source *source);

/* Behind that: what became of the sources before it, as far as they were there. */
void explain_passed_over(struct strbuf *out, const struct route_rules *rules, struct explain_tried before);

/* That there is none of the sources, and what would have to be otherwise. */
void explain_absence(struct strbuf *out, const struct route_rules *rules, const struct header *header,
                     struct explain_tried tried);

/* The fields that were guessed from, or that there are none. */
void explain_guess(struct strbuf *out, const struct header *header, const struct guess *guess);

/* Whom `virtual` leaves without the message. */
void explain_discarded(struct strbuf *out, const struct strlist *discarded);

void explain_loop(struct strbuf *out, const struct route_rules *rules, const struct hops *hops);

#endif
