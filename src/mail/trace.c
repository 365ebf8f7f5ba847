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
#include "received_token.h"

#define LINE_MAX_WANTED 77u /* RFC 5322 2.1.1, and a semicolon may follow */
#define HOST_MAX 255u
#define ID_MAX 200u
#define RECIPIENT_MAX 900u /* a line holds 998 */
#define COMMENT "(multidropd"

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

/* Nor what makes a reader wonder whether the comment ends where it does. */
static bool is_comment_byte(char byte)
{
	return byte >= ' ' && byte <= '~' && strchr("()\\\"<>", byte) == NULL;
}

static struct span cut(const char *text, size_t max)
{
	struct span whole = span_of(text);

	return span_make(whole.data, whole.len < max ? whole.len : max);
}

/* An address instead of a name is a literal there (RFC 5321 4.1.3). */
static void write_host(const char *host, struct strbuf *out)
{
	bool ipv6 = strchr(host, ':') != NULL;
	bool literal = ipv6 || (host[0] != '\0' && host[strspn(host, "0123456789.")] == '\0');

	strbuf_add_str(out, ipv6 ? "[IPv6:" : literal ? "[" : "");
	add_allowed(out, cut(host[0] != '\0' ? host : "unknown", HOST_MAX), is_host_byte);
	strbuf_add_str(out, literal ? "]" : "");
}

static void add_host(struct writer *writer, const char *clause, const char *host)
{
	struct strbuf text = { 0 };

	write_host(host, &text);
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

	strbuf_add_str(&text, COMMENT);
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

static bool take_word(struct received_lexer *lexer, const char *word)
{
	if (!received_lexer_is(lexer, word))
		return false;
	received_lexer_next(lexer);
	return true;
}

static bool take_any_word(struct received_lexer *lexer)
{
	if (lexer->kind != RECEIVED_TOKEN_WORD)
		return false;
	received_lexer_next(lexer);
	return true;
}

static bool take_by(struct received_lexer *lexer, const char *by_host)
{
	struct strbuf host = { 0 };
	bool taken;

	write_host(by_host, &host);
	taken = take_word(lexer, "by") && take_word(lexer, strbuf_str(&host));
	strbuf_free(&host);
	return taken;
}

/* Folding stands where a blank does, behind "multidropd", too. */
static bool take_comment(struct received_lexer *lexer)
{
	size_t len = strlen(COMMENT);

	if (lexer->kind != RECEIVED_TOKEN_COMMENT || !span_starts_case(lexer->text, COMMENT) ||
	    strchr(" \t\r)", lexer->text.data[len]) == NULL)
		return false;
	received_lexer_next(lexer);
	return true;
}

/* All in our order: a hop of another kind that names us is none of ours. */
bool trace_is_ours(struct span value, const char *by_host)
{
	struct received_lexer lexer;

	received_lexer_begin(&lexer, value);
	if (!take_word(&lexer, "from") || !take_any_word(&lexer) || !take_by(&lexer, by_host) ||
	    !take_word(&lexer, "with") || !(take_word(&lexer, "POP3") || take_word(&lexer, "POP3S")) ||
	    !take_comment(&lexer))
		return false;
	if (take_word(&lexer, "for") && !take_any_word(&lexer))
		return false;
	return lexer.kind == RECEIVED_TOKEN_SEMICOLON;
}
