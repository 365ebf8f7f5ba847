/* SPDX-License-Identifier: ISC
 *
 * Which bytes may stand in the parts of an address.
 */
#include "address_check.h"

#include <stdint.h>
#include <string.h>

#include "multidropd/escape.h"

#define LABEL_MAX 63u
#define DOMAIN_MAX 255u

static bool is_alnum(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool address_is_atext(char byte)
{
	return (unsigned char)byte > 0x7f || is_alnum(byte) ||
	       (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* C0, DEL and C1. */
static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static bool is_text(struct span text)
{
	size_t len;

	for (size_t at = 0; at < text.len; at += len) {
		uint32_t code;

		len = escape_utf8_length(span_from(text, at), &code);
		if (len == 0 || is_control(code))
			return false;
	}
	return true;
}

/* What it stands for is never looked at, and a mailbox of that name is nobody's. */
static bool is_encoded_word(struct span text)
{
	return span_starts_case(text, "=?") && text.len > 3 && text.data[text.len - 2] == '?' &&
	       text.data[text.len - 1] == '=';
}

bool address_check_local(struct span local, bool routed)
{
	if (local.len == 0 || !is_text(local) || is_encoded_word(local))
		return false;
	return !routed || (span_find(local, '%') < 0 && span_find(local, '!') < 0);
}

bool address_check_domain(struct span domain)
{
	size_t label = 0;

	for (size_t i = 0; i < domain.len; i++) {
		if (domain.data[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (!is_alnum(domain.data[i]) && domain.data[i] != '-' && domain.data[i] != '_')
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label > 0 && domain.len <= DOMAIN_MAX;
}
