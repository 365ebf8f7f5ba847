/* SPDX-License-Identifier: ISC
 *
 * The journal, the caught warnings and the escapes.
 */
#include "journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/log.h"

struct queue journal;
struct queue warnings;

static void catch_line(enum log_level level, const char *line)
{
	if (level <= LOG_AT_WARNING)
		strlist_add(&warnings.entries, line);
}

static void queue_clear(struct queue *queue)
{
	strlist_free(&queue->entries);
	queue->next = 0;
}

void journal_begin(void)
{
	queue_clear(&journal);
	queue_clear(&warnings);
	log_capture(catch_line);
}

void journal_end(void)
{
	log_capture(NULL);
	queue_clear(&journal);
	queue_clear(&warnings);
}

const char *queue_peek(const struct queue *queue)
{
	return queue->next < queue->entries.count ? queue->entries.items[queue->next] : NULL;
}

void journal_span(const char *prefix, struct span bytes)
{
	struct strbuf entry = { 0 };

	strbuf_add_str(&entry, prefix);
	script_escape(&entry, bytes);
	strlist_take(&journal.entries, strbuf_take(&entry));
}

void journal_add(const char *format, ...)
{
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	journal_span("", strbuf_span(&text));
	strbuf_free(&text);
}

static const struct {
	char byte, letter;
} escapes[] = { { '\r', 'r' }, { '\n', 'n' }, { '\t', 't' }, { '\0', '0' }, { '\\', '\\' } };

#define ESCAPE_COUNT (sizeof(escapes) / sizeof(escapes[0]))

void script_escape(struct strbuf *out, struct span bytes)
{
	for (size_t at = 0; at < bytes.len; at++) {
		unsigned char byte = (unsigned char)bytes.data[at];
		size_t i = 0;

		while (i < ESCAPE_COUNT && escapes[i].byte != (char)byte)
			i++;
		if (i < ESCAPE_COUNT)
			strbuf_addf(out, "\\%c", escapes[i].letter);
		else if (byte < 0x20 || byte == 0x7f)
			strbuf_addf(out, "\\x%02x", byte);
		else
			strbuf_add_byte(out, (char)byte);
	}
}

static int hex_digit(char byte)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = byte != '\0' ? strchr(digits, byte | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* One escape behind its backslash; how many bytes of text it took, 0 if it is none. */
static size_t unescape_one(struct strbuf *out, struct span text)
{
	int high, low;

	if (text.len == 0)
		return 0;
	for (size_t i = 0; i < ESCAPE_COUNT; i++) {
		if (escapes[i].letter == text.data[0]) {
			strbuf_add_byte(out, escapes[i].byte);
			return 1;
		}
	}
	if (text.len < 3 || text.data[0] != 'x')
		return 0;
	high = hex_digit(text.data[1]);
	low = hex_digit(text.data[2]);
	if (high < 0 || low < 0)
		return 0;
	strbuf_add_byte(out, (char)(high << 4 | low));
	return 3;
}

int script_unescape(struct strbuf *out, struct span text)
{
	while (text.len > 0) {
		size_t taken;

		if (text.data[0] != '\\') {
			strbuf_add_byte(out, text.data[0]);
			text = span_from(text, 1);
			continue;
		}
		taken = unescape_one(out, span_from(text, 1));
		if (taken == 0)
			return -1;
		text = span_from(text, 1 + taken);
	}
	return 0;
}
