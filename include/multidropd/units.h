/* SPDX-License-Identifier: ISC
 *
 * Durations and sizes as the configuration writes them.
 */
#ifndef MULTIDROPD_UNITS_H
#define MULTIDROPD_UNITS_H

#include <stdint.h>

/* "90s", "5m", "2h", "30d" or a bare number of seconds. -1: not a duration, or over 100 years. */
int units_parse_duration(const char *text, int64_t *seconds) __attribute__((warn_unused_result));
/* "64K", "10M", "1G" (powers of 1024) or bare bytes. -1: not a size, or over 2^62. */
int units_parse_size(const char *text, uint64_t *bytes) __attribute__((warn_unused_result));

#endif
