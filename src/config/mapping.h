/* SPDX-License-Identifier: ISC
 *
 * `virtual` and `virtual_file` on their way to a struct virtual_map: lines
 * with the places where they stand.
 */
#ifndef MULTIDROPD_CONFIG_MAPPING_H
#define MULTIDROPD_CONFIG_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "judge.h"

#define MAPPING_TARGETS_MAX 1000u  /* of one address; a message has no more recipients */
#define MAPPING_TOTAL_MAX 1000000u /* addresses in the maps of all accounts together */

/* An address and its targets, in the form in which routing looks them up: local parts quoted only where they must be,
 * domains in lower case and ASCII. */
struct mapping {
	char *address; /* local@domain, local@, @domain */
	struct strlist targets;
	struct place place;
	size_t number; /* in the order of reading */
	bool linked;   /* a target of another leads here */
};

struct mappings {
	struct mapping *items;
	size_t count;
	size_t capacity;
};

/* "ADDRESS TARGET, TARGET". NULL, or what is wrong (the caller frees). */
char *mappings_add(struct mappings *mappings, struct span text, struct place place) __attribute__((warn_unused_result));
/* What is allowed there and was hardly meant. NULL, or the text (the caller frees). */
char *mapping_doubt(const struct mapping *mapping) __attribute__((warn_unused_result));
void mappings_free(struct mappings *mappings);

/* Both parts of an address, the local part unquoted and the domain empty where there is none, and back. */
void mapping_split(const char *address, char **local, char **domain);
char *mapping_join(const char *local, const char *domain);

/* Adds the lines of the file that `virtual_file` names. */
void mappings_read(struct mappings *mappings, struct judge *judge, struct entry *entry);

/* Sorts, and tells what is there twice (the first stays) and what leads back to itself. `domains` are those of the
 * block; empty where each account has its own. */
void mappings_check(struct mappings *mappings, struct judge *judge, const struct strlist *domains);

#endif
