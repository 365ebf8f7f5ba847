/* SPDX-License-Identifier: ISC
 *
 * What counts for one block: its own options, and where it has none those of
 * `defaults`.
 */
#ifndef MULTIDROPD_CONFIG_SETTINGS_H
#define MULTIDROPD_CONFIG_SETTINGS_H

#include <stdbool.h>

#include "document.h"
#include "option.h"

struct settings {
	const struct table *table;
	const struct block *block;
	struct entry *given[TABLE_OPTIONS_MAX]; /* by the option's index in the table; NULL: not given */
	bool own[TABLE_OPTIONS_MAX];            /* given in the block itself */
	bool wrong[TABLE_OPTIONS_MAX];          /* given, but not usable */
};

/* The block's own options. What is given twice is told, and the first counts. */
void settings_init(struct settings *settings, const struct block *block, const struct document *document,
                   struct problems *problems);
/* Adds what `defaults` gives and the block does not. NULL is fine. */
void settings_inherit(struct settings *settings, const struct block *defaults);
/* Stores every value or default into `base`; what is wrong is told once for each entry. */
void settings_apply(struct settings *settings, void *base, const struct document *document, struct problems *problems);

struct entry *settings_entry(const struct settings *settings, const char *name); /* NULL: not given */
bool settings_is_own(const struct settings *settings, const char *name);
/* Given, but what it says could not be stored: nothing follows from its member. */
bool settings_is_wrong(const struct settings *settings, const char *name);
void settings_ignore(struct settings *settings, const char *name); /* as if not given */

#endif
