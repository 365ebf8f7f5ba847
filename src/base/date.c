/* SPDX-License-Identifier: ISC
 *
 * Times as mail and JSON write them, whatever the locale.
 */
#include "multidropd/date.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void date_format_mail(int64_t wall_s, char *out, size_t len)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t when = (time_t)wall_s;
	struct tm local;
	long offset;

	localtime_r(&when, &local);
	offset = local.tm_gmtoff / 60;
	snprintf(out, len, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[local.tm_wday], local.tm_mday,
	         months[local.tm_mon], local.tm_year + 1900, local.tm_hour, local.tm_min, local.tm_sec,
	         offset < 0 ? '-' : '+', labs(offset) / 60, labs(offset) % 60);
}

void date_format_rfc3339(int64_t wall_s, char *out, size_t len)
{
	time_t when = (time_t)wall_s;
	struct tm utc;

	gmtime_r(&when, &utc);
	strftime(out, len, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
