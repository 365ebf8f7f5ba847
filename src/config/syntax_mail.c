/* SPDX-License-Identifier: ISC
 *
 * Addresses and header fields.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain.h"
#include "syntax.h"
#include "multidropd/mem.h"

#define LOCAL_MAX 255u      /* RFC 5321 says 64; longer ones are seen with VERP */
#define LINE_MAX_BYTES 998u /* RFC 5322 2.1.1 */

/* The end of the quoted string that `text` begins with; NULL: it has none. */
static const char *end_of_quoted(const char *text)
{
	for (text++; *text != '\0' && *text != '"'; text++) {
		if (*text == '\\' && *++text == '\0')
			return NULL;
	}
	return *text == '"' ? text + 1 : NULL;
}

const char *syntax_find_at(const char *address)
{
	const char *end = address[0] == '"' ? end_of_quoted(address) : NULL;

	return strrchr(end != NULL ? end : address, '@');
}

/* Quoted local parts may hold blanks and '@'; whether a server likes them is not our business. */
static bool is_local(const char *local, size_t len)
{
	if (len == 0 || len > LOCAL_MAX)
		return false;
	if (local[0] == '"')
		return len > 2 && end_of_quoted(local) == local + len;
	for (size_t i = 0; i < len; i++) {
		if (strchr("<>()[]@,;:\\\" ", local[i]) != NULL)
			return false;
	}
	return true;
}

const char *syntax_check_local(const char *value)
{
	return is_local(value, strlen(value)) ? NULL : "is no local part";
}

static bool is_behind_at(const char *domain)
{
	char *ascii = domain_ascii(domain);
	bool is = ascii != NULL && syntax_check_hostname(ascii) == NULL;

	free(ascii);
	return is;
}

const char *syntax_check_address(const char *value)
{
	const char *at = syntax_find_at(value);
	size_t local_len = at != NULL ? (size_t)(at - value) : strlen(value);

	if (!is_local(value, local_len))
		return "is no mail address: write local@domain, without a name, angle brackets or a list";
	if (at != NULL && !is_behind_at(at + 1))
		return "is no mail address: what stands behind the @ is no domain";
	return NULL;
}

char *syntax_form_domain(const char *value)
{
	char *ascii = domain_ascii(value);

	return ascii != NULL ? ascii : mem_strdup(value);
}

char *syntax_form_address(const char *value)
{
	const char *at = syntax_find_at(value);
	char *domain;
	char *whole;

	/* What needs no other form is left as it was written. */
	if (at == NULL || !span_is_8bit(span_of(at)))
		return mem_strdup(value);
	domain = syntax_form_domain(at + 1);
	whole = str_format("%.*s@%s", (int)(at - value), value, domain);
	free(domain);
	return whole;
}

/* RFC 5322 3.6.8 */
static bool is_field_name(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (value[i] < 33 || value[i] > 126 || value[i] == ':')
			return false;
	}
	return len > 0;
}

const char *syntax_check_sender(const char *value)
{
	size_t len = strlen(value);

	if (strcmp(value, "return-path") == 0 || strcmp(value, "<>") == 0)
		return NULL;
	if (len > 1 && value[len - 1] == ':')
		return is_field_name(value, len - 1) ? NULL : "is no field name: write \"X-MailFrom:\", for example";
	if (syntax_check_address(value) != NULL)
		return "is no sender: write return-path, an address, \"<>\" for none, or a field with its colon";
	/* A local part by itself is a field whose colon was forgotten, or "return_path". */
	return syntax_find_at(value) != NULL
	               ? NULL
	               : "has no domain: write a field with its colon, as \"X-MailFrom:\", an address with its domain, "
	                 "return-path or \"<>\"";
}

char *syntax_form_sender(const char *value)
{
	return syntax_check_address(value) == NULL ? syntax_form_address(value) : mem_strdup(value);
}

const char *syntax_check_field(const char *value)
{
	size_t len = strlen(value);

	if (len > 1 && value[len - 1] == ':')
		return "is no field name: write it without the colon";
	return is_field_name(value, len) ? NULL
	                                 : "is no field name: write one as it stands in the header, "
	                                   "\"X-Envelope-To\" for example";
}

const char *syntax_check_envelope(const char *value)
{
	/* A field may have such a name; none has. */
	if (value[0] == '*' && strcasecmp(value, "*ENV") != 0)
		return "is not known: write *ENV, or a field's name";
	return syntax_check_field(value);
}

char *syntax_form_envelope(const char *value)
{
	static const char *const others[] = { "Received", "*ENV" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcasecmp(value, others[i]) == 0)
			return mem_strdup(others[i]);
	}
	return mem_strdup(value);
}

/* Trace fields: they count hops and say where mail came from; whoever adds one lies about that. */
static bool is_trace(struct span name)
{
	return span_is(name, "Received") || span_is(name, "Return-Path");
}

const char *syntax_check_line(const char *value)
{
	const char *colon = strchr(value, ':');
	size_t len = colon != NULL ? (size_t)(colon - value) : 0;

	if (colon == NULL || !is_field_name(value, len))
		return "is no header field: write \"Name: value\"";
	if (is_trace(span_make(value, len)))
		return "is a trace field, which only a server on the way may write: leave it out";
	if (span_trim(span_of(colon + 1)).len == 0)
		return "has no value: write one behind the colon";
	if (strlen(value) > LINE_MAX_BYTES)
		return "is too long: a line of a message has at most 998 bytes";
	if (span_is_8bit(span_of(value)))
		return "holds characters beyond ASCII: write them as an encoded word, =?UTF-8?Q?...?=";
	return NULL;
}
