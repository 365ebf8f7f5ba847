/* SPDX-License-Identifier: ISC
 *
 * Foreign text made harmless: control characters, C1, bidirectional overrides,
 * what has no width, and invalid UTF-8 become \xNN or \u{NNNN}; a backslash
 * is doubled.
 */
#ifndef MULTIDROPD_ESCAPE_H
#define MULTIDROPD_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

/* Appends text that is safe on a terminal, in a log and in JSON's raw UTF-8; cut at `max` input bytes with "…". */
void escape_text(struct strbuf *out, struct span text, size_t max);

/* Bytes of the UTF-8 character that `text`, which is not empty, begins with, and its code; 0: none (RFC 3629). */
size_t escape_utf8_length(struct span text, uint32_t *code);

#endif
