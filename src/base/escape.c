/* SPDX-License-Identifier: ISC
 *
 * Makes foreign text harmless: what a terminal or a reader could take for
 * something else becomes \xNN or \u{NNNN}. A backslash is doubled, so that the
 * escapes can be told from text.
 */
#include "multidropd/escape.h"

#include <stdbool.h>

/* No overlong forms, no surrogates. */
size_t escape_utf8_length(struct span text, uint32_t *code)
{
	const unsigned char *byte = (const unsigned char *)text.data;
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = byte[0] < 0x80 ? 1 : byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : byte[0] >= 0xc0 ? 2 : 0;

	if (len == 0 || len > text.len || byte[0] > 0xf4)
		return 0;
	*code = len == 1 ? byte[0] : byte[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (byte[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

static bool is_harmful(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       code == 0x061c || (code >= 0xe0000 && code <= 0xe007f);
}

void escape_text(struct strbuf *out, struct span text, size_t max)
{
	size_t at = 0;

	while (at < text.len && at < max) {
		struct span rest = span_from(text, at);
		uint32_t code = 0;
		size_t len = escape_utf8_length(rest, &code);

		if (len == 0)
			strbuf_addf(out, "\\x%02x", (unsigned char)rest.data[0]);
		else if (code == '\\')
			strbuf_add_str(out, "\\\\");
		else if (is_harmful(code))
			strbuf_addf(out, code < 0x80 ? "\\x%02x" : "\\u{%04x}", code);
		else
			strbuf_add(out, rest.data, len);
		at += len > 0 ? len : 1;
	}
	if (at < text.len)
		strbuf_add_str(out, "…");
}
