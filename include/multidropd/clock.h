/* SPDX-License-Identifier: ISC
 *
 * The two clocks. Waiting uses the monotonic one, so that a step of the wall
 * clock makes no storm. Tests put a simulated pair in their place at link time.
 */
#ifndef MULTIDROPD_CLOCK_H
#define MULTIDROPD_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_wall_s(void);                         /* seconds since 1970 */

/* RFC 5322 3.3 date-time in local time, e.g. "Tue, 24 Nov 2026 14:00:00 +0100". */
void clock_format_mail(int64_t wall_s, char *out, size_t len);
/* RFC 3339 in UTC. */
void clock_format_rfc3339(int64_t wall_s, char *out, size_t len);

#endif
