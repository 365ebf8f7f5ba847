/* SPDX-License-Identifier: ISC */
#ifndef MULTIDROPD_BASE_ESCAPE_H
#define MULTIDROPD_BASE_ESCAPE_H

#include "multidropd/str.h"

/* Appends text that is safe on a terminal, in a log and in JSON's raw UTF-8; cut at `max` input bytes with "…". */
void escape_text(struct strbuf *out, struct span text, size_t max);

#endif
