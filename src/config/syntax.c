/* SPDX-License-Identifier: ISC
 *
 * Hosts, domains, addresses, names.
 */
#include "syntax.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/mem.h"

#define HOST_MAX 253u /* RFC 1035 2.3.4, as text */
#define LABEL_MAX 63u
#define LOCAL_MAX 255u /* RFC 5321 says 64; longer ones are seen with VERP */
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

	if (len > 1 && value[len - 1] == '.')
		return "ends with a dot: leave it out";
	if (is_name(value[0] == '.' ? value + 1 : value))
		return NULL;
	return "is no domain: letters, digits, '-' and dots, other scripts as xn--; a dot in front takes in all below "
	       "it";
}

const char *syntax_check_literal(const char *value)
{
	return is_literal(value) ? NULL : "is no address: write an IPv4 or IPv6 address of this machine, no name";
}

/* Quoted local parts may hold blanks and '@'; whether a server likes them is not our business. */
static bool is_local(const char *local, size_t len)
{
	if (len == 0 || len > LOCAL_MAX)
		return false;
	if (len > 2 && local[0] == '"' && local[len - 1] == '"')
		return memchr(local + 1, '"', len - 2) == NULL;
	for (size_t i = 0; i < len; i++) {
		if (strchr("<>()[]@,;:\\\" ", local[i]) != NULL)
			return false;
	}
	return true;
}

const char *syntax_check_address(const char *value)
{
	const char *at = strrchr(value, '@');
	size_t local_len = at != NULL ? (size_t)(at - value) : strlen(value);

	if (!is_local(value, local_len))
		return "is no mail address: write local@domain, without a name, angle brackets or a list";
	if (at != NULL && !is_name(at + 1) && !is_bracketed(at + 1))
		return "is no mail address: what stands behind the @ is no domain";
	return NULL;
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
	return syntax_check_address(value) == NULL
	               ? NULL
	               : "is no sender: write return-path, an address, \"<>\" for none, or a field with its colon";
}

const char *syntax_check_envelope(const char *value)
{
	size_t len = strlen(value);

	if (strcasecmp(value, "received") == 0 || strcasecmp(value, "*env") == 0)
		return "is not supported yet: name a field that the provider stamps";
	if (len > 1 && value[len - 1] == ':')
		return "is no field name: write it without the colon";
	return is_field_name(value, len) ? NULL
	                                 : "is no field name: write one as it stands in the header, "
	                                   "\"X-Envelope-To\" for example";
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
