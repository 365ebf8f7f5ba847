/* SPDX-License-Identifier: ISC
 *
 * A configuration file's bytes, made safe for libconfuse's lexer.
 *
 * That lexer counts a line too many after a block comment, accepts a block
 * without its closing brace, skips a stray '*' or '+' in silence, ends a value
 * at a NUL, lets "${" run over any number of lines to the next '}', and after
 * an error inside quotes still thinks so in the next file that it reads.
 */
#ifndef MULTIDROPD_CONFIG_TEXT_H
#define MULTIDROPD_CONFIG_TEXT_H

#include <stddef.h>
#include <sys/stat.h>

#define TEXT_FILE_MAX ((size_t)64 * 1024 * 1024) /* of one file; 10,000 accounts take about 3 MiB */

struct text {
	char *data;
	size_t len;
	struct stat status;
};

/* The whole file. -1 with errno set; EFBIG: over TEXT_FILE_MAX. */
int text_read(struct text *text, const char *path) __attribute__((warn_unused_result));
void text_free(struct text *text); /* it may hold passwords and is wiped */

/*
 * Blanks comments out and looks for what libconfuse would misread. Returns
 * NULL, or what is wrong (the caller frees) with *line set to where; the text
 * is then cut before that. An unclosed block is told so too, without a cut.
 */
char *text_clean(struct text *text, int *line) __attribute__((warn_unused_result));

#endif
