/* SPDX-License-Identifier: ISC
 *
 * Names that no table knows. libconfuse ends its parse at the first one, so
 * each is noted down, made known as something to be passed over, and the whole
 * parse begins again, until none is new.
 */
#ifndef MULTIDROPD_CONFIG_UNKNOWN_H
#define MULTIDROPD_CONFIG_UNKNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "option.h"

#define UNKNOWN_MAX 50u /* different names; the next one ends the reading of its file */

/* What it may be. Whether it is one shows in the next parse; if not, the next guess. */
enum unknown_guess {
	UNKNOWN_OPTION,
	UNKNOWN_TITLED_BLOCK,
	UNKNOWN_BLOCK,
	UNKNOWN_GARBAGE, /* none of these: a syntax error */
};

struct unknown {
	const struct table *table; /* where it stood */
	char *name;
	enum unknown_guess guess;
};

struct unknowns {
	struct unknown *items;
	size_t count;
	size_t capacity;
};

/* What stands inside an unknown block: the options of all blocks, to be passed over. */
extern const struct table table_unknown;

struct unknown *unknowns_find(const struct unknowns *unknowns, const struct table *table, const char *name);
/* A new name, or the next guess for an old one: true when it is worth another parse. */
bool unknowns_learn(struct unknowns *unknowns, const struct table *table, const char *name);
void unknowns_free(struct unknowns *unknowns);

/* "unknown option …: did you mean …?" The caller frees. */
char *unknown_describe(const struct table *table, const char *name);

#endif
