/* SPDX-License-Identifier: ISC
 *
 * What is done with an address once it was read.
 */
#include "multidropd/address.h"

#include <stdlib.h>
#include <string.h>

#include "address_check.h"
#include "multidropd/mem.h"

void address_free(struct address *address)
{
	free(address->local);
	free(address->domain);
	*address = (struct address){ 0 };
}

void address_list_free(struct address_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		address_free(&list->items[i]);
	free(list->items);
	*list = (struct address_list){ 0 };
}

void address_copy(struct address *to, const struct address *from)
{
	to->local = mem_strdup(from->local);
	to->domain = mem_strdup(from->domain);
}

/* RFC 5321 4.1.2 Dot-string: atoms with one dot between each two. */
static bool is_dot_string(const char *local)
{
	char before = '.';

	for (; *local != '\0'; before = *local++) {
		if (*local == '.' ? before == '.' : !address_is_atext(*local))
			return false;
	}
	return before != '.';
}

static void add_quoted(struct strbuf *out, const char *local)
{
	strbuf_add_byte(out, '"');
	for (; *local != '\0'; local++) {
		if (*local == '"' || *local == '\\')
			strbuf_add_byte(out, '\\');
		strbuf_add_byte(out, *local);
	}
	strbuf_add_byte(out, '"');
}

char *address_format(const struct address *address)
{
	struct strbuf out = { 0 };

	if (is_dot_string(address->local))
		strbuf_add_str(&out, address->local);
	else
		add_quoted(&out, address->local);
	if (address->domain[0] != '\0')
		strbuf_addf(&out, "@%s", address->domain);
	return strbuf_take(&out);
}

bool address_equal(const struct address *a, const struct address *b)
{
	return span_is(span_of(a->local), b->local) && span_is(span_of(a->domain), b->domain);
}

bool address_is_8bit(const struct address *address)
{
	return span_is_8bit(span_of(address->local)) || span_is_8bit(span_of(address->domain));
}

bool address_domain_matches(const char *domain, const char *pattern)
{
	struct span name = span_of(domain);
	size_t len = strlen(pattern);

	if (pattern[0] != '.')
		return span_is(name, pattern);
	if (span_is(name, pattern + 1))
		return true;
	return name.len > len && span_is(span_from(name, name.len - len), pattern);
}
