/* SPDX-License-Identifier: ISC
 *
 * The trace field. Its texts are configured or come from the message; each
 * kind is held to the bytes that its place allows, so that none of them can
 * end the clause, the comment or the line.
 */
#include "multidropd/trace.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/date.h"

#define LINE_MAX_WANTED 77u /* RFC 5322 2.1.1, and a semicolon may follow */
#define HOST_MAX 255u
#define ID_MAX 200u
#define RECIPIENT_MAX 900u /* a line holds 998 */

struct writer {
	struct strbuf *out;
	size_t line_start;
};

/* `word` is never parted; it begins a line of its own where the one before it is full. */
static void add_word(struct writer *writer, const char *word)
{
	size_t line_len = writer->out->len - writer->line_start;

	if (line_len + 1 + strlen(word) > LINE_MAX_WANTED) {
		strbuf_add_str(writer->out, "\r\n\t");
		writer->line_start = writer->out->len - 1;
	} else {
		strbuf_add_byte(writer->out, ' ');
	}
	strbuf_add_str(writer->out, word);
}

static void add_pair(struct writer *writer, const char *first, const char *second)
{
	char *words = str_format("%s %s", first, second);

	add_word(writer, words);
	free(words);
}

static void add_allowed(struct strbuf *out, struct span text, bool (*allowed)(char byte))
{
	for (size_t i = 0; i < text.len; i++)
		strbuf_add(out, allowed(text.data[i]) ? &text.data[i] : "?", 1);
}

static bool is_host_byte(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       byte == '-' || byte == '.' || byte == '_' || byte == ':';
}

static bool is_comment_byte(char byte)
{
	return byte >= ' ' && byte <= '~' && byte != '(' && byte != ')' && byte != '\\';
}

static struct span cut(const char *text, size_t max)
{
	struct span whole = span_of(text);

	return span_make(whole.data, whole.len < max ? whole.len : max);
}

/* An address instead of a name is a literal there (RFC 5321 4.1.3). */
static void add_host(struct writer *writer, const char *clause, const char *host)
{
	struct strbuf text = { 0 };
	bool ipv6 = strchr(host, ':') != NULL;
	bool literal = ipv6 || (host[0] != '\0' && host[strspn(host, "0123456789.")] == '\0');

	strbuf_add_str(&text, ipv6 ? "[IPv6:" : literal ? "[" : "");
	add_allowed(&text, cut(host[0] != '\0' ? host : "unknown", HOST_MAX), is_host_byte);
	strbuf_add_str(&text, literal ? "]" : "");
	add_pair(writer, clause, strbuf_str(&text));
	strbuf_free(&text);
}

/* Word by word where a line does not hold it. */
static void add_words(struct writer *writer, struct span text)
{
	bool fits = text.len < LINE_MAX_WANTED;
	struct span word = fits ? text : span_token(&text);

	while (word.len > 0) {
		char *copy = span_dup(word);

		add_word(writer, copy);
		free(copy);
		word = fits ? SPAN("") : span_token(&text);
	}
}

static void add_comment(struct writer *writer, const char *id)
{
	struct strbuf text = { 0 };

	strbuf_add_str(&text, "(multidropd");
	if (id != NULL) {
		strbuf_add_byte(&text, ' ');
		add_allowed(&text, cut(id, ID_MAX), is_comment_byte);
	}
	strbuf_add_byte(&text, ')');
	add_words(writer, strbuf_span(&text));
	strbuf_free(&text);
}

/* An address that is not printable ASCII would need a field of another kind (RFC 6531 3.7.3). */
static bool is_shown(const char *recipient)
{
	size_t len = 0;

	for (; recipient[len] != '\0'; len++) {
		if (recipient[len] < ' ' || recipient[len] > '~')
			return false;
	}
	return len > 0 && len <= RECIPIENT_MAX;
}

void trace_format(const struct trace *trace, struct strbuf *out)
{
	struct writer writer = { .out = out, .line_start = out->len };
	char date[64];

	strbuf_add_str(out, "Received:");
	add_host(&writer, "from", trace->from_host);
	add_host(&writer, "by", trace->by_host);
	add_pair(&writer, "with", trace->tls ? "POP3S" : "POP3");
	add_comment(&writer, trace->id);
	if (trace->recipient != NULL && is_shown(trace->recipient)) {
		char *path = str_format("<%s>", trace->recipient);

		add_pair(&writer, "for", path);
		free(path);
	}
	strbuf_add_byte(out, ';');
	date_format_mail(trace->wall_s, date, sizeof(date));
	add_word(&writer, date);
	strbuf_add_str(out, "\r\n");
}
