/* SPDX-License-Identifier: ISC
 *
 * What is wrong with a configuration, collected in any order and told in the
 * order of files and lines.
 */
#ifndef MULTIDROPD_CONFIG_PROBLEM_H
#define MULTIDROPD_CONFIG_PROBLEM_H

#include <stddef.h>

#include "multidropd/str.h"

/* Where something stands: an index into the document's files, and a line. */
struct place {
	size_t file;
	int line;
};

struct problem {
	struct place place;
	char *text;
};

struct problems {
	struct problem *items;
	size_t count;
	size_t capacity;
};

/* A NULL list is fine: nobody wants to know. */
void problem_add(struct problems *problems, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Sorts, appends each as "PATH:LINE: text" with control characters escaped, and frees the list. `paths` by file. */
void problems_report(struct problems *problems, const char *const *paths, struct strlist *out);
void problems_free(struct problems *problems);

/* "PATH:LINE: " and the text, escaped whole and not cut. The caller frees. */
char *problem_format(const char *path, int line, const char *text);

#endif
