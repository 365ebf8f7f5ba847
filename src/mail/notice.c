/* SPDX-License-Identifier: ISC
 *
 * Who may be sent a bounce: no machine, no list (RFC 3834 2, 5).
 */
#include "multidropd/notice.h"

#include <string.h>

static bool ends_case(struct span text, const char *suffix)
{
	size_t len = strlen(suffix);

	return text.len >= len && span_is(span_from(text, text.len - len), suffix);
}

/* Addresses that programs read: bounces to them end nowhere, or in a loop. */
static bool is_machine(const char *sender)
{
	const char *at = sender != NULL ? strrchr(sender, '@') : NULL;
	struct span local = at != NULL ? span_make(sender, (size_t)(at - sender)) : span_of(sender);

	return local.len == 0 || span_is(local, "<>") || span_is(local, "mailer-daemon") ||
	       span_starts_case(local, "owner-") || ends_case(local, "-request");
}

/* The first word of a value: what a comment, a parameter or a blank follows is the same. */
static struct span first_word(struct span value)
{
	size_t len = 0;

	value = span_trim(value);
	while (len < value.len && strchr(" \t\r\n;(", value.data[len]) == NULL)
		len++;
	return span_make(value.data, len);
}

static bool is_bulk(const struct header_field *field)
{
	struct span word = first_word(field->value);

	if (span_is(field->name, "Precedence"))
		return span_is(word, "bulk") || span_is(word, "list") || span_is(word, "junk");
	if (span_is(field->name, "Auto-Submitted"))
		return !span_is(word, "no");
	return span_starts_case(field->name, "List-");
}

/* All fields, not only those that count for routing: where in doubt, nothing is sent. */
bool notice_may_bounce(const struct header *header, const char *sender)
{
	if (is_machine(sender))
		return false;
	for (size_t i = 0; i < header->count; i++) {
		if (!header->fields[i].broken && is_bulk(&header->fields[i]))
			return false;
	}
	return true;
}
