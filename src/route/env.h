/* SPDX-License-Identifier: ISC
 *
 * The answer to *ENV of Demon Internet's SDPS: a line for each fact of a
 * message's envelope.
 */
#ifndef MULTIDROPD_ROUTE_ENV_H
#define MULTIDROPD_ROUTE_ENV_H

#include "multidropd/str.h"

#define ENV_LINES_MIN 4u /* two facts, the sender, a recipient */

/* Parts of what was read. */
struct env {
	struct span sender;     /* with or without angle brackets; empty or "<>": the null sender */
	struct span recipients; /* the lines of the recipients, one each, with or without angle brackets */
};

/* Reads canonical lines. -1: too few of them. */
int env_read(struct env *env, struct span lines) __attribute__((warn_unused_result));

/* Takes the first line off, without its end. */
struct span env_next_line(struct span *lines);

#endif
