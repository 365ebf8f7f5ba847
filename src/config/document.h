/* SPDX-License-Identifier: ISC
 *
 * The configuration as written: files, blocks, options with their values as
 * text and the lines they stand on. Nothing in it has been judged yet.
 */
#ifndef MULTIDROPD_CONFIG_DOCUMENT_H
#define MULTIDROPD_CONFIG_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "problem.h"
#include "multidropd/str.h"

struct option;
struct table;

struct file {
	char *path;   /* as it is told in problems */
	char *folder; /* absolute: what relative paths in it start from */
	struct stat status;
	bool reading; /* it, or what it includes */
	int cut_line; /* from here on it was not understood; 0: it was read whole */
};

/* What is known of one value. */
struct standing {
	int line;
	bool warned, blamed; /* as of its entry */
};

/* An option and its values. */
struct entry {
	const struct option *option;
	struct place place; /* of the first value */
	struct strlist values;
	struct standing *standings; /* as many as values; NULL without any */
	size_t standing_capacity;
	bool warned; /* as blamed, of what is allowed */
	bool blamed; /* a problem with it was told: once is enough, though many accounts inherit it */
};

struct block {
	const struct table *table;
	char *title;        /* "" without */
	struct place place; /* of its opening brace */
	struct entry *entries;
	size_t count;
	size_t capacity;
	struct block *child; /* multidrop { }, or NULL */
	bool cut;            /* its end was never read: what is missing may have stood there */
	bool blamed;         /* what is missing was told */
};

struct document {
	struct file *files; /* in the order in which they were opened */
	size_t file_count;
	size_t file_capacity;
	struct block *global;
	struct block **blocks; /* relays, accounts, defaults, in the order of their ends */
	size_t block_count;
	size_t block_capacity;
	bool cut; /* some file was not read to its end */
};

struct block *block_new(const struct table *table, const char *title, struct place place);
void block_free(struct block **block); /* values may be secrets and are wiped */
struct entry *block_add(struct block *block, const struct option *option, struct place place);

void entry_add_value(struct entry *entry, const char *value, int line);
/* Of one value, counted from 0; of the whole where there is none. */
struct place entry_value_place(const struct entry *entry, size_t index);

/* Takes its path and folder. Returns its index. */
size_t document_add_file(struct document *document, const struct file *file);
void document_add_block(struct document *document, struct block *block);
const char *document_path(const struct document *document, struct place place);
void document_clear(struct document *document);

/* Blames an entry: adds a problem at its place, unless one was told before. Or blames one of its values, at its own
 * place, unless one was told of this very value. */
void entry_blame(struct entry *entry, struct problems *problems, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void entry_blame_value(struct entry *entry, size_t index, struct problems *problems, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same for what is allowed and likely to go wrong: NULL or blamed ones not at all. */
void entry_warn(struct entry *entry, struct problems *warnings, const char *text);
void entry_warn_value(struct entry *entry, size_t index, struct problems *warnings, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
