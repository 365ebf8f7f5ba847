/* SPDX-License-Identifier: ISC
 *
 * Wrapped text, and the header of the mail that we write. Values reach a
 * paragraph escaped and a header field as printable ASCII; nothing else does.
 */
#include "notice_write.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/address.h"
#include "multidropd/date.h"
#include "multidropd/escape.h"

#define LINE_WANTED 72u /* quoted-printable then leaves most lines whole */
#define WORD_MAX 900u   /* RFC 5322 2.1.1: a line holds 998 */
#define PARAGRAPH_MAX 1000u
#define SUBJECT_MAX 200u
#define HOSTNAME_MAX 255u
#define TOKEN_MAX 50u /* RFC 2046 5.1.1: a boundary holds 70 */
#define ADDRESS_SHOWN_MAX 500u
#define UNFOLD_MAX 1000u

static struct span cut(struct span text, size_t max)
{
	return span_make(text.data, text.len < max ? text.len : max);
}

/* Only an overlong word is parted, and never within a UTF-8 character. */
static struct span next_word(struct span *rest)
{
	struct span word = span_token(rest);
	size_t len = WORD_MAX;

	if (word.len <= WORD_MAX)
		return word;
	while (len > 1 && ((unsigned char)word.data[len] & 0xc0) == 0x80)
		len--;
	*rest = span_make(word.data + len, (size_t)(rest->data + rest->len - word.data) - len);
	return span_make(word.data, len);
}

/* Ends the line that began at `start`, without the blanks that a label was padded with. */
static void end_line(struct strbuf *out, size_t start)
{
	while (out->len > start && out->data[out->len - 1] == ' ')
		out->len--;
	strbuf_add_str(out, "\r\n");
}

void notice_wrap(struct strbuf *out, const char *label, const char *indent, struct span text)
{
	size_t line_start = out->len;
	bool fresh = label[strspn(label, " ")] == '\0';
	struct span word;

	strbuf_add_str(out, label);
	while ((word = next_word(&text)).len > 0) {
		if (!fresh && out->len - line_start + 1 + word.len > LINE_WANTED) {
			end_line(out, line_start);
			line_start = out->len;
			strbuf_add_str(out, indent);
		} else if (!fresh) {
			strbuf_add_byte(out, ' ');
		}
		strbuf_add_span(out, word);
		fresh = false;
	}
	end_line(out, line_start);
}

void notice_paragraph(struct strbuf *out, const char *format, ...)
{
	struct strbuf raw = { 0 };
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&raw, format, args);
	va_end(args);
	escape_text(&text, strbuf_span(&raw), PARAGRAPH_MAX);
	notice_wrap(out, "", "", strbuf_span(&text));
	strbuf_add_str(out, "\r\n");
	strbuf_free(&text);
	strbuf_free(&raw);
}

static bool is_printable(char byte)
{
	return byte >= ' ' && byte <= '~';
}

void notice_add_ascii(struct strbuf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		strbuf_add_byte(out, is_printable(text.data[i]) ? text.data[i] : text.data[i] == '\t' ? ' ' : '?');
}

static bool is_alnum(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

void notice_add_hostname(struct strbuf *out, const struct notice_facts *facts)
{
	struct span name = cut(span_of(facts->hostname), HOSTNAME_MAX);

	if (name.len == 0)
		name = SPAN("localhost");
	for (size_t i = 0; i < name.len; i++)
		strbuf_add_byte(out, is_alnum(name.data[i]) || name.data[i] == '.' ? name.data[i] : '-');
}

void notice_add_postmaster(struct strbuf *out, const struct notice_facts *facts)
{
	strbuf_add_str(out, facts->postmaster);
	if (strchr(facts->postmaster, '@') != NULL)
		return;
	strbuf_add_byte(out, '@');
	notice_add_hostname(out, facts);
}

bool notice_add_field(struct strbuf *out, const struct notice_facts *facts, const char *name)
{
	struct strbuf text = { 0 };
	ssize_t index = header_find(facts->header, name, 0);
	struct span value;

	if (index >= 0)
		header_unfold(cut(facts->header->fields[index].value, UNFOLD_MAX), &text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\t')
			text.data[i] = ' ';
	}
	value = span_trim(strbuf_span(&text));
	strbuf_add_span(out, value);
	strbuf_free(&text);
	return value.len > 0;
}

/* The address as a header of ours may hold it, the caller frees; NULL: it cannot (8-bit, hostile, no domain). */
static char *shown_address(struct span text)
{
	struct address address;
	char *formatted;

	if (text.len > ADDRESS_SHOWN_MAX || span_is_8bit(text) || address_parse(&address, text) < 0)
		return NULL;
	formatted = address.domain[0] != '\0' ? address_format(&address) : NULL;
	address_free(&address);
	return formatted;
}

/* What is not shown is still in the envelope. */
static void add_to(struct strbuf *out, const char *to)
{
	char *address = to != NULL ? shown_address(span_of(to)) : NULL;

	if (address != NULL)
		strbuf_addf(out, "To: <%s>\r\n", address);
	else
		strbuf_add_str(out, "To: undisclosed-recipients:;\r\n");
	free(address);
}

/* Whole words only, so that an encoded word (RFC 2047) stays one; a plain one may be cut where it is all there is. */
static void cut_subject(struct strbuf *subject, struct span text)
{
	struct span word;

	while ((word = span_token(&text)).len > 0) {
		bool plain = !span_starts_case(word, "=?");

		if (subject->len == 0 && plain)
			word = cut(word, SUBJECT_MAX);
		if (subject->len + word.len > SUBJECT_MAX) {
			strbuf_add_str(subject, " ...");
			return;
		}
		strbuf_addf(subject, "%s%.*s", subject->len > 0 ? " " : "", (int)word.len, word.data);
	}
}

static void add_subject(struct strbuf *out, const struct notice_facts *facts, const struct notice_head *head)
{
	struct strbuf raw = { 0 };
	struct strbuf ascii = { 0 };
	struct strbuf subject = { 0 };
	char *label = str_format("Subject: %s:", head->what);

	if (head->subject != NULL)
		strbuf_add_str(&raw, head->subject);
	else if (!notice_add_field(&raw, facts, "Subject"))
		strbuf_add_str(&raw, "(no subject)");
	notice_add_ascii(&ascii, strbuf_span(&raw));
	cut_subject(&subject, strbuf_span(&ascii));
	notice_wrap(out, label, " ", strbuf_span(&subject));
	strbuf_free(&subject);
	strbuf_free(&ascii);
	strbuf_free(&raw);
	free(label);
}

static void add_token(struct strbuf *out, const struct notice_facts *facts)
{
	struct span token = cut(span_of(facts->token), TOKEN_MAX);

	for (size_t i = 0; i < token.len; i++)
		strbuf_add_byte(out, is_alnum(token.data[i]) ? token.data[i] : '-');
}

void notice_add_header(struct strbuf *out, const struct notice_facts *facts, const struct notice_head *head)
{
	char date[64];

	strbuf_add_str(out, "From: Mail Delivery System <MAILER-DAEMON@");
	notice_add_hostname(out, facts);
	strbuf_add_str(out, ">\r\n");
	add_to(out, head->to);
	add_subject(out, facts, head);
	date_format_mail(facts->wall_s, date, sizeof(date));
	strbuf_addf(out, "Date: %s\r\nMessage-ID: <", date);
	add_token(out, facts);
	strbuf_add_byte(out, '@');
	notice_add_hostname(out, facts);
	strbuf_addf(out, ">\r\nAuto-Submitted: %s\r\nMIME-Version: 1.0\r\n", head->auto_submitted);
}

/* No line of quoted-printable text can hold "=_". */
static void add_boundary(struct strbuf *out, const struct notice_facts *facts)
{
	strbuf_add_str(out, "=_multidropd-");
	add_token(out, facts);
}

void notice_begin_multipart(struct strbuf *out, const struct notice_facts *facts, const char *type,
                            const char *encoding)
{
	strbuf_addf(out, "Content-Type: %s;\r\n boundary=\"", type);
	add_boundary(out, facts);
	strbuf_addf(out, "\"\r\nContent-Transfer-Encoding: %s\r\n\r\nThis is a multi-part message in MIME format.\r\n",
	            encoding);
}

void notice_add_delimiter(struct strbuf *out, const struct notice_facts *facts, bool last)
{
	strbuf_add_str(out, "\r\n--");
	add_boundary(out, facts);
	strbuf_add_str(out, last ? "--\r\n" : "\r\n");
}
