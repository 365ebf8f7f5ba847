/* SPDX-License-Identifier: ISC
 *
 * Hosts, domains, the words of a login.
 */
#include "syntax.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain.h"
#include "multidropd/mem.h"

#define HOST_MAX 253u /* RFC 1035 2.3.4, as text */
#define LABEL_MAX 63u
#define SHA256_DIGITS 64u

const char *syntax_check_any(const char *value)
{
	(void)value;
	return NULL;
}

const char *syntax_check_given(const char *value)
{
	return value[0] == '\0' ? "must not be empty" : NULL;
}

bool syntax_has_control(const char *value)
{
	for (; *value != '\0'; value++) {
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return true;
	}
	return false;
}

static bool is_literal(const char *value)
{
	unsigned char address[16];

	return inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1;
}

static bool is_label(const char *label, size_t len)
{
	if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		/* The underscore is no host's, but people have it in names all the same. */
		if (!isascii((unsigned char)label[i]) ||
		    (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_'))
			return false;
	}
	return true;
}

static bool is_name(const char *value)
{
	if (strlen(value) > HOST_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(value, ".");

		if (!is_label(value, len))
			return false;
		if (value[len] == '\0')
			return true;
		value += len + 1;
	}
}

const char *syntax_check_host(const char *value)
{
	if (is_name(value) || is_literal(value))
		return NULL;
	return "is neither a host name (letters, digits, '-', '.'; others as xn--) nor an address";
}

static bool is_bracketed(const char *value)
{
	size_t len = strlen(value);

	return len > 2 && value[0] == '[' && value[len - 1] == ']' && strcspn(value, " ") == len;
}

const char *syntax_check_hostname(const char *value)
{
	if (is_name(value) || is_bracketed(value))
		return NULL;
	return "is no host name: write one, or an address in brackets, as [192.0.2.1]";
}

const char *syntax_check_domain(const char *value)
{
	size_t len = strlen(value);
	char *ascii = domain_ascii(value);
	bool named = ascii != NULL && is_name(ascii[0] == '.' ? ascii + 1 : ascii);

	free(ascii);
	if (len > 1 && value[len - 1] == '.')
		return "ends with a dot: leave it out";
	return named ? NULL
	             : "is no domain: letters, digits, '-' and dots, other scripts in UTF-8 or as xn--; a dot in "
	               "front takes in all below it";
}

const char *syntax_check_one_domain(const char *value)
{
	return value[0] == '.' ? "is no domain: leave out the dot in front" : syntax_check_domain(value);
}

const char *syntax_check_by(const char *value)
{
	return is_bracketed(value) ? NULL : syntax_check_domain(value);
}

const char *syntax_check_literal(const char *value)
{
	return is_literal(value) ? NULL : "is no address: write an IPv4 or IPv6 address of this machine, no name";
}

const char *syntax_check_fingerprint(const char *value)
{
	static const char prefix[] = "sha256:";
	static const char complaint[] = "is no fingerprint: write sha256: and 64 hexadecimal digits, colons between "
					"bytes allowed";
	size_t digits = 0;

	if (strncasecmp(value, prefix, sizeof(prefix) - 1) != 0)
		return complaint;
	for (value += sizeof(prefix) - 1; *value != '\0'; value++) {
		if (isxdigit((unsigned char)*value))
			digits++;
		else if (*value != ':' || digits == 0 || digits % 2 != 0 || value[1] == ':' || value[1] == '\0')
			return complaint;
	}
	return digits == SHA256_DIGITS ? NULL : complaint;
}

const char *syntax_check_tls_version(const char *value)
{
	if (strcmp(value, "1.2") == 0 || strcmp(value, "1.3") == 0)
		return NULL;
	return "is not known: write 1.2 or 1.3";
}

const char *syntax_check_auth(const char *value)
{
	static const char *const names[] = {
		"auto",          "scram-sha-256-plus",
		"scram-sha-256", "scram-sha-1",
		"cram-md5",      "apop",
		"plain",         "login",
		"user",          "xoauth2",
		"oauthbearer",   "ntlm",
		"msn",           "external",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], value) == 0)
			return NULL;
	}
	return "is no mechanism: write auto, or a list of scram-sha-256-plus, scram-sha-256, scram-sha-1, cram-md5, "
	       "apop, "
	       "plain, login, user, xoauth2, oauthbearer, ntlm, msn, external";
}

static bool parse_port(const char *text, uint16_t *port)
{
	uint64_t number;

	if (!span_number(span_of(text), &number) || number == 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

static const char *split_brackets(const char *value, char **host, uint16_t *port)
{
	const char *end = strchr(value, ']');

	if (end == NULL || (end[1] != '\0' && end[1] != ':'))
		return "is no address: write [IPV6] or [IPV6]:PORT";
	if (end[1] == ':' && !parse_port(end + 2, port))
		return "has no valid port: write a number from 1 to 65535 behind the colon";
	*host = mem_strndup(value + 1, (size_t)(end - value - 1));
	if (is_literal(*host))
		return NULL;
	free(*host);
	return "is no address: only an address belongs into the brackets";
}

const char *syntax_split_host(const char *value, char **host, uint16_t *port)
{
	const char *colon = strchr(value, ':');
	const char *complaint;

	*port = 0;
	if (value[0] == '[')
		return split_brackets(value, host, port);
	if (colon == NULL || is_literal(value)) {
		*host = mem_strdup(value);
	} else {
		if (!parse_port(colon + 1, port))
			return "has no valid port: write HOST:PORT with a port from 1 to 65535, and IPv6 as "
			       "[IPV6]:PORT";
		*host = mem_strndup(value, (size_t)(colon - value));
	}
	complaint = syntax_check_host(*host);
	if (complaint != NULL)
		free(*host);
	return complaint;
}
