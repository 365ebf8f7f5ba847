/* SPDX-License-Identifier: ISC
 *
 * Which bytes may stand in the parts of an address.
 */
#include "address_check.h"

#include <stdint.h>
#include <string.h>

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

/* Bytes of the UTF-8 character that `text` begins with; 0: none, or a control character (RFC 3629, C1). */
static size_t utf8_length(struct span text)
{
	static const uint32_t least[5] = { 0, 0, 0xa0, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)text.data[0];
	size_t len = lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
	uint32_t code;

	if (len == 0 || len > text.len)
		return 0;
	code = lead & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text.data[i] & 0x3f);
	}
	return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : len;
}

static bool is_text(struct span text)
{
	size_t len;

	for (size_t at = 0; at < text.len; at += len) {
		unsigned char byte = (unsigned char)text.data[at];

		len = byte <= 0x7f ? 1 : utf8_length(span_from(text, at));
		if (len == 0 || byte < 0x20 || byte == 0x7f)
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
