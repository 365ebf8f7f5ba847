/* SPDX-License-Identifier: ISC
 *
 * What a bounce says to machines (RFC 3464 2, 3463; addresses beyond ASCII:
 * RFC 6533 3). Always in 7 bits.
 */
#include <stdlib.h>
#include <string.h>

#include "multidropd/escape.h"
#include "notice_write.h"

#define ADDRESS_SHOWN_MAX 900u /* a line holds 998 */
#define REPLY_SHOWN_MAX 500u
#define MTA_NAME_MAX 255u

/* All of it is UTF-8; RFC 6533 has no word for anything else. */
static bool is_utf8(struct span text)
{
	uint32_t code;
	size_t len;

	for (; text.len > 0; text = span_from(text, len)) {
		len = escape_utf8_length(text, &code);
		if (len == 0)
			return false;
	}
	return true;
}

/* utf-8-addr-xtext: nothing but printable ASCII, which is what the report's encoding allows. */
static void add_xtext(struct strbuf *out, struct span text)
{
	uint32_t code = 0;

	while (text.len > 0) {
		size_t len = escape_utf8_length(text, &code);

		if (code > ' ' && code <= '~' && code != '+' && code != '=' && code != '\\')
			strbuf_add_byte(out, (char)code);
		else
			strbuf_addf(out, "\\x{%02X}", code);
		text = span_from(text, len);
	}
}

static void add_address(struct strbuf *out, const char *name, const char *address)
{
	struct strbuf shown = { 0 };
	struct span text = span_of(address);
	bool utf8 = span_is_8bit(text) && is_utf8(text);

	if (utf8)
		add_xtext(&shown, text);
	else
		notice_add_ascii(&shown, text);
	strbuf_addf(out, "%s: %s; %.*s\r\n", name, utf8 ? "utf-8" : "rfc822", (int)ADDRESS_SHOWN_MAX,
	            strbuf_str(&shown));
	strbuf_free(&shown);
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static size_t digits(struct span text, size_t max)
{
	size_t len = 0;

	while (len < text.len && len < max && is_digit(text.data[len]))
		len++;
	return len;
}

/* First digit of the code that a reply begins with, 4 or 5; 0: none. */
static char reply_class(struct span reply)
{
	bool coded = digits(reply, 3) == 3 && (reply.len == 3 || reply.data[3] == ' ' || reply.data[3] == '-');

	return coded && (reply.data[0] == '4' || reply.data[0] == '5') ? reply.data[0] : '\0';
}

/* The enhanced code behind it (RFC 2034 4), of the same class; empty: none. */
static struct span enhanced_code(struct span reply)
{
	char class = reply_class(reply);
	struct span text = span_from(reply, 4);
	size_t subject, detail;

	if (class == '\0' || text.len < 5 || text.data[0] != class || text.data[1] != '.')
		return SPAN("");
	subject = digits(span_from(text, 2), 3);
	if (subject == 0 || 2 + subject >= text.len || text.data[2 + subject] != '.')
		return SPAN("");
	detail = digits(span_from(text, 3 + subject), 3);
	if (detail == 0 || (3 + subject + detail < text.len && text.data[3 + subject + detail] != ' '))
		return SPAN("");
	return span_make(text.data, 3 + subject + detail);
}

/* A temporary refusal that ends up here has lasted too long: 4.4.7, unless the relay said more. */
static void add_status(struct strbuf *out, struct span reply)
{
	struct span code = enhanced_code(reply);

	if (code.len == 0)
		code = reply_class(reply) == '4' ? SPAN("4.4.7") : SPAN("5.0.0");
	strbuf_addf(out, "Action: failed\r\nStatus: %.*s\r\n", (int)code.len, code.data);
}

/* Our own words are no SMTP. */
static void add_diagnostic(struct strbuf *out, struct span reply)
{
	struct strbuf text = { 0 };
	bool smtp = reply_class(reply) != '\0';

	notice_add_ascii(&text, span_make(reply.data, reply.len < REPLY_SHOWN_MAX ? reply.len : REPLY_SHOWN_MAX));
	if (text.len > 0)
		notice_wrap(out, smtp ? "Diagnostic-Code: smtp;" : "Diagnostic-Code: x-multidropd;", " ",
		            strbuf_span(&text));
	strbuf_free(&text);
}

/* Only a name of the DNS, a port left off: sockets and numbers of our own network are nobody's business. */
static void add_remote(struct strbuf *out, const char *relay)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	size_t len = relay != NULL ? strspn(relay, allowed) : 0;
	bool name = len > 0 && len <= MTA_NAME_MAX && (relay[len] == '\0' || relay[len] == ':');

	if (name && memchr(relay, '.', len) != NULL && strspn(relay, "0123456789.") < len)
		strbuf_addf(out, "Remote-MTA: dns; %.*s\r\n", (int)len, relay);
}

static void add_recipient(struct strbuf *out, const struct notice_facts *facts, const struct notice_refusal *refusal)
{
	struct span reply = span_of(refusal->reply);

	strbuf_add_str(out, "\r\n");
	if (refusal->original != NULL)
		add_address(out, "Original-Recipient", refusal->original);
	add_address(out, "Final-Recipient", refusal->recipient);
	add_status(out, reply);
	if (reply_class(reply) != '\0')
		add_remote(out, facts->relay_host);
	add_diagnostic(out, reply);
}

void notice_add_status(struct strbuf *out, const struct notice_facts *facts, size_t max)
{
	struct strbuf one = { 0 };
	size_t start = out->len;

	strbuf_add_str(out, "Reporting-MTA: dns; ");
	notice_add_hostname(out, facts);
	strbuf_add_str(out, "\r\n");
	for (size_t i = 0; i < facts->refusal_count && i < NOTICE_REFUSALS_SHOWN; i++) {
		strbuf_clear(&one);
		add_recipient(&one, facts, &facts->refusals[i]);
		if (out->len - start + one.len > max)
			break;
		strbuf_add_span(out, strbuf_span(&one));
	}
	strbuf_free(&one);
}
