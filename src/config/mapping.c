/* SPDX-License-Identifier: ISC
 *
 * One line: an address, and for whom it stands.
 */
#include "mapping.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain.h"
#include "syntax.h"
#include "multidropd/mem.h"

#define KEY_HELP "write local@domain, local@ or @domain, and its targets behind it"

void mapping_split(const char *address, char **local, char **domain)
{
	const char *at = syntax_find_at(address);
	size_t len = at != NULL ? (size_t)(at - address) : strlen(address);
	struct strbuf out = { 0 };

	*domain = mem_strdup(at != NULL ? at + 1 : "");
	if (address[0] != '"') {
		*local = mem_strndup(address, len);
		return;
	}
	for (size_t i = 1; i + 1 < len; i++) {
		i += address[i] == '\\';
		strbuf_add_byte(&out, address[i]);
	}
	*local = mem_strdup(strbuf_str(&out));
	strbuf_free(&out);
}

/* RFC 5321 4.1.2 Dot-string, with RFC 6531's characters beyond ASCII. */
static bool is_dot_string(const char *local)
{
	static const char specials[] = "()<>[]:;@\\,\" ";
	char before = '.';

	for (; *local != '\0'; before = *local++) {
		if (strchr(specials, *local) != NULL || (*local == '.' && before == '.'))
			return false;
	}
	return before != '.';
}

char *mapping_join(const char *local, const char *domain)
{
	struct strbuf out = { 0 };

	if (is_dot_string(local) || local[0] == '\0') {
		strbuf_add_str(&out, local);
	} else {
		strbuf_add_byte(&out, '"');
		for (; *local != '\0'; local++) {
			if (*local == '"' || *local == '\\')
				strbuf_add_byte(&out, '\\');
			strbuf_add_byte(&out, *local);
		}
		strbuf_add_byte(&out, '"');
	}
	if (domain[0] != '\0')
		strbuf_addf(&out, "@%s", domain);
	return strbuf_take(&out);
}

/* Of an address, or of "@domain". */
static char *uniform(const char *text)
{
	char *local;
	char *domain;
	char *ascii;
	char *whole;

	mapping_split(text, &local, &domain);
	ascii = syntax_form_domain(domain);
	whole = mapping_join(local, ascii);
	free(local);
	free(domain);
	free(ascii);
	return whole;
}

static char *complain(const char *word, const char *complaint)
{
	return str_format("\"%s\" %s", word, complaint);
}

static char *parse_local_key(struct mapping *mapping, const char *word, size_t len)
{
	char *written = mem_strndup(word, len - 1);
	char *local;

	if (syntax_check_local(written) != NULL) {
		free(written);
		return complain(word, "is no address: " KEY_HELP);
	}
	local = uniform(written);
	mapping->address = str_format("%s@", local);
	free(written);
	free(local);
	return NULL;
}

static char *parse_key(struct mapping *mapping, const char *word)
{
	const char *at = syntax_find_at(word);
	const char *complaint;

	if (at == NULL)
		return complain(word, "is no address: " KEY_HELP);
	if (at[1] == '\0')
		return parse_local_key(mapping, word, strlen(word));
	complaint = at == word ? syntax_check_one_domain(word + 1) : syntax_check_address(word);
	if (complaint != NULL)
		return complain(word, complaint);
	mapping->address = uniform(word);
	return NULL;
}

static char *parse_target(struct mapping *mapping, const char *word)
{
	static const char *const words[] = { VIRTUAL_DISCARD, VIRTUAL_POSTMASTER };
	const char *complaint;

	if (mapping->targets.count == MAPPING_TARGETS_MAX)
		return str_format("%s has more than %u targets: a list of so many belongs on the relay",
		                  mapping->address, MAPPING_TARGETS_MAX);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(word, words[i]) == 0) {
			strlist_add(&mapping->targets, words[i]);
			return NULL;
		}
	}
	complaint = word[0] == '@' ? syntax_check_one_domain(word + 1) : syntax_check_address(word);
	/* Without a domain an @ in quotes would be taken for one's beginning. */
	if (complaint == NULL && syntax_find_at(word) == NULL && strchr(word, '@') != NULL)
		complaint = "is no mail address: add its domain";
	if (complaint != NULL)
		return complain(word, complaint);
	strlist_take(&mapping->targets, uniform(word));
	return NULL;
}

static bool is_between(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Up to a blank that is not in quotes, or where a list is, to a comma. */
static char *next_word(struct span *rest, bool in_list)
{
	bool quoted = false;
	size_t start = 0;
	size_t end;
	char *word;

	while (start < rest->len && (is_between(rest->data[start]) || (in_list && rest->data[start] == ',')))
		start++;
	for (end = start; end < rest->len; end++) {
		char byte = rest->data[end];

		if (quoted && byte == '\\' && end + 1 < rest->len)
			end++;
		else if (byte == '"')
			quoted = !quoted;
		else if (!quoted && (is_between(byte) || (in_list && byte == ',')))
			break;
	}
	word = mem_strndup(rest->data + start, end - start);
	*rest = span_from(*rest, end);
	return word;
}

static char *parse(struct mapping *mapping, struct span text)
{
	char *word = next_word(&text, false);
	char *complaint = parse_key(mapping, word);

	while (complaint == NULL) {
		free(word);
		word = next_word(&text, true);
		if (word[0] == '\0')
			break;
		complaint = parse_target(mapping, word);
	}
	free(word);
	if (complaint == NULL && mapping->targets.count == 0)
		return str_format("%s has no target: write an address, " VIRTUAL_POSTMASTER " or " VIRTUAL_DISCARD
		                  " behind it",
		                  mapping->address);
	return complaint;
}

static void mapping_clear(struct mapping *mapping)
{
	free(mapping->address);
	strlist_free(&mapping->targets);
}

char *mappings_add(struct mappings *mappings, struct span text, struct place place)
{
	struct mapping mapping = { .place = place, .number = mappings->count };
	char *complaint = parse(&mapping, text);

	if (complaint != NULL) {
		mapping_clear(&mapping);
		return complaint;
	}
	mappings->items = mem_grow(mappings->items, &mappings->capacity, mappings->count + 1, sizeof(mapping));
	mappings->items[mappings->count++] = mapping;
	return NULL;
}

char *mapping_doubt(const struct mapping *mapping)
{
	size_t discards = 0;

	for (size_t i = 0; i < mapping->targets.count; i++)
		discards += strcmp(mapping->targets.items[i], VIRTUAL_DISCARD) == 0;
	if (discards == 0 || discards == mapping->targets.count)
		return NULL;
	return str_format("%s has " VIRTUAL_DISCARD
	                  " beside other targets, which get the mail all the same: leave it out",
	                  mapping->address);
}

void mappings_free(struct mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		mapping_clear(&mappings->items[i]);
	free(mappings->items);
	*mappings = (struct mappings){ 0 };
}
