/* SPDX-License-Identifier: ISC
 *
 * Spans, growing buffers, lists of strings.
 */
#include "multidropd/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/mem.h"

struct span span_of(const char *text)
{
	return (struct span){ text, text != NULL ? strlen(text) : 0 };
}

struct span span_make(const void *data, size_t len)
{
	return (struct span){ data, len };
}

struct span span_from(struct span whole, size_t start)
{
	if (start > whole.len)
		start = whole.len;
	return (struct span){ whole.len > 0 ? whole.data + start : whole.data, whole.len - start };
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct span span_trim(struct span text)
{
	while (text.len > 0 && is_space(text.data[text.len - 1]))
		text.len--;
	while (text.len > 0 && is_space(text.data[0]))
		text = span_from(text, 1);
	return text;
}

bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

bool span_equal_case(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	}
	return true;
}

bool span_is(struct span text, const char *literal)
{
	return span_equal_case(text, span_of(literal));
}

bool span_starts_case(struct span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && span_equal_case(span_make(text.data, len), span_make(prefix, len));
}

/* Without a branch in the loop, which all of a message's bytes pass. */
bool span_is_8bit(struct span text)
{
	unsigned char all = 0;

	for (size_t i = 0; i < text.len; i++)
		all |= (unsigned char)text.data[i];
	return all > 0x7f;
}

ssize_t span_find(struct span text, char byte)
{
	const char *at = text.len > 0 ? memchr(text.data, byte, text.len) : NULL;

	return at != NULL ? at - text.data : -1;
}

char *span_dup(struct span text)
{
	return text.len > 0 ? mem_strndup(text.data, text.len) : mem_strdup("");
}

bool span_number(struct span text, uint64_t *value)
{
	uint64_t number = 0;

	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*value = number;
	return true;
}

struct span span_token(struct span *rest)
{
	struct span word;
	size_t end = 0;

	while (rest->len > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
		*rest = span_from(*rest, 1);
	while (end < rest->len && rest->data[end] != ' ' && rest->data[end] != '\t')
		end++;
	word = span_make(rest->data, end);
	*rest = span_from(*rest, end);
	return word;
}

static void strbuf_reserve(struct strbuf *buf, size_t more)
{
	buf->data = mem_grow(buf->data, &buf->capacity, buf->len + more + 1, 1);
}

void strbuf_add(struct strbuf *buf, const void *data, size_t len)
{
	strbuf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_add_span(struct strbuf *buf, struct span text)
{
	strbuf_add(buf, text.data, text.len);
}

void strbuf_add_str(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void strbuf_add_byte(struct strbuf *buf, char byte)
{
	strbuf_add(buf, &byte, 1);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_vaddf(buf, format, args);
	va_end(args);
}

void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len >= 0) {
		strbuf_reserve(buf, (size_t)len);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

struct span strbuf_span(const struct strbuf *buf)
{
	return span_make(buf->data, buf->len);
}

const char *strbuf_str(const struct strbuf *buf)
{
	return buf->data != NULL ? buf->data : "";
}

char *strbuf_take(struct strbuf *buf)
{
	char *text = buf->data != NULL ? buf->data : mem_strdup("");

	*buf = (struct strbuf){ 0 };
	return text;
}

void strbuf_clear(struct strbuf *buf)
{
	buf->len = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

void strbuf_free(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){ 0 };
}

void strbuf_wipe(struct strbuf *buf)
{
	if (buf->data != NULL)
		mem_wipe(buf->data, buf->capacity);
	strbuf_free(buf);
}

void strlist_add(struct strlist *list, const char *text)
{
	strlist_take(list, mem_strdup(text));
}

void strlist_take(struct strlist *list, char *text)
{
	list->items = mem_grow(list->items, &list->capacity, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = text;
}

void strlist_copy(struct strlist *to, const struct strlist *from)
{
	for (size_t i = 0; i < from->count; i++)
		strlist_add(to, from->items[i]);
}

bool strlist_has(const struct strlist *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], text) == 0)
			return true;
	}
	return false;
}

void strlist_free(struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strlist){ 0 };
}

char *str_format(const char *format, ...)
{
	struct strbuf buf = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&buf, format, args);
	va_end(args);
	return strbuf_take(&buf);
}
