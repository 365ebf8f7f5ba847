/* SPDX-License-Identifier: ISC
 *
 * Parts in 7 bits, quoted-printable where they are not (RFC 2045 6.7).
 */
#include "notice_write.h"

#define LINE_MAX_PLAIN 998u
#define LINE_MAX_QUOTED 75u /* and a "=" */

static bool is_line_end(struct span text)
{
	return text.len >= 2 && text.data[0] == '\r' && text.data[1] == '\n';
}

bool notice_needs_quoting(struct span text)
{
	size_t line_len = 0;

	while (text.len > 0) {
		char byte = text.data[0];
		bool end = is_line_end(text);

		if (!end && byte != '\t' && (byte < ' ' || byte > '~'))
			return true;
		line_len = end ? 0 : line_len + 1;
		if (line_len > LINE_MAX_PLAIN)
			return true;
		text = span_from(text, end ? 2 : 1);
	}
	return false;
}

/* A blank before a line end would be lost on the way. */
static bool stays(struct span text)
{
	char byte = text.data[0];

	if (byte == ' ' || byte == '\t')
		return text.len > 1 && !is_line_end(span_from(text, 1));
	return byte > ' ' && byte <= '~' && byte != '=';
}

void notice_add_encoded(struct strbuf *out, struct span text, bool quoted)
{
	size_t line_start = out->len;

	if (!quoted) {
		strbuf_add_span(out, text);
		return;
	}
	while (text.len > 0) {
		bool plain = stays(text);

		if (is_line_end(text)) {
			strbuf_add_str(out, "\r\n");
			line_start = out->len;
			text = span_from(text, 2);
			continue;
		}
		if (out->len - line_start + (plain ? 1 : 3) > LINE_MAX_QUOTED) {
			strbuf_add_str(out, "=\r\n");
			line_start = out->len;
		}
		if (plain)
			strbuf_add_byte(out, text.data[0]);
		else
			strbuf_addf(out, "=%02X", (unsigned char)text.data[0]);
		text = span_from(text, 1);
	}
}

void notice_add_part(struct strbuf *out, const char *type, struct span text)
{
	bool quoted = notice_needs_quoting(text);

	strbuf_addf(out, "Content-Type: %s; charset=%s\r\n", type, quoted ? "utf-8" : "us-ascii");
	strbuf_addf(out, "Content-Transfer-Encoding: %s\r\n\r\n", quoted ? "quoted-printable" : "7bit");
	notice_add_encoded(out, text, quoted);
}
