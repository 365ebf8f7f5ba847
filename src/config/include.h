/* SPDX-License-Identifier: ISC
 *
 * Which files an include means.
 */
#ifndef MULTIDROPD_CONFIG_INCLUDE_H
#define MULTIDROPD_CONFIG_INCLUDE_H

#include <sys/stat.h>

#include "document.h"
#include "multidropd/str.h"

/*
 * Appends the paths that `pattern`, standing in a file at `from`, means: for a
 * pattern all that match, in the order of their names; else the one, there or
 * not. NULL, or what is wrong (the caller frees).
 */
char *include_expand(const char *from, const char *pattern, struct strlist *paths) __attribute__((warn_unused_result));

/* The index of the file that was read before under this or another name, or document->file_count. */
size_t include_find(const struct document *document, const struct stat *status);

#endif
