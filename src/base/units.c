/* SPDX-License-Identifier: ISC
 *
 * "5m" and "64K".
 */
#include "multidropd/units.h"

#include "multidropd/str.h"

#define DURATION_MAX_S (INT64_C(100) * 366 * 86400)
#define SIZE_MAX_BYTES (UINT64_C(1) << 62)

struct unit {
	char letter;
	uint64_t factor;
};

static int parse(const char *text, const struct unit *units, uint64_t max, uint64_t *value)
{
	struct span digits = span_of(text);
	uint64_t factor = 1;
	char last = digits.len > 0 ? digits.data[digits.len - 1] : '\0';

	for (; units->letter != '\0'; units++) {
		if (units->letter == last) {
			factor = units->factor;
			digits.len--;
			break;
		}
	}
	if (!span_number(digits, value) || *value > max / factor)
		return -1;
	*value *= factor;
	return 0;
}

int units_parse_duration(const char *text, int64_t *seconds)
{
	static const struct unit units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 0, 0 } };
	uint64_t value;

	if (parse(text, units, DURATION_MAX_S, &value) != 0)
		return -1;
	*seconds = (int64_t)value;
	return 0;
}

int units_parse_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 }, { 0, 0 } };

	return parse(text, units, SIZE_MAX_BYTES, bytes);
}
