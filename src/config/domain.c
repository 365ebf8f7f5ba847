/* SPDX-License-Identifier: ISC
 *
 * libidn2 for what is not ASCII. What is gets no further than lower case:
 * names with an underscore or an A-label of the older IDNA2003 are in use, and
 * are no business of IDNA2008.
 */
#include "domain.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/mem.h"

static char *lower_case(const char *name)
{
	char *lower = mem_strdup(name);

	for (char *at = lower; *at != '\0'; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	}
	return lower;
}

char *domain_ascii(const char *name)
{
	const char *dot = name[0] == '.' ? "." : "";
	char *found = NULL;
	char *ascii;

	if (!span_is_8bit(span_of(name)))
		return lower_case(name);
	if (idn2_to_ascii_8z(name + strlen(dot), &found, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return NULL;
	ascii = str_format("%s%s", dot, found);
	idn2_free(found);
	return ascii;
}

bool domain_is_among(const char *domain, const struct strlist *domains)
{
	size_t len = strlen(domain);

	for (size_t i = 0; i < domains->count; i++) {
		const char *ours = domains->items[i];
		size_t ours_len = strlen(ours);

		if (strcasecmp(domain, ours[0] == '.' ? ours + 1 : ours) == 0)
			return true;
		if (ours[0] == '.' && len > ours_len && strcasecmp(domain + len - ours_len, ours) == 0)
			return true;
	}
	return false;
}
