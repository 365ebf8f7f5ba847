/* SPDX-License-Identifier: ISC
 *
 * Times as mail and JSON write them, whatever the locale. Pure.
 */
#ifndef MULTIDROPD_DATE_H
#define MULTIDROPD_DATE_H

#include <stddef.h>
#include <stdint.h>

/* RFC 5322 3.3 date-time in local time, e.g. "Tue, 24 Nov 2026 14:00:00 +0100". */
void date_format_mail(int64_t wall_s, char *out, size_t len);
/* RFC 3339 in UTC. */
void date_format_rfc3339(int64_t wall_s, char *out, size_t len);

#endif
