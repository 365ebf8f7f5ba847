/* SPDX-License-Identifier: ISC
 *
 * Files to blocks, with libconfuse.
 */
#ifndef MULTIDROPD_CONFIG_READER_H
#define MULTIDROPD_CONFIG_READER_H

#include "document.h"
#include "problem.h"

#define READER_INCLUDE_DEPTH_MAX 16u

/* Reads `path` and what it includes into an empty document. Never fails as a whole: what is wrong is in `problems`. */
void reader_read(const char *path, struct document *document, struct problems *problems);

#endif
