/* SPDX-License-Identifier: ISC
 *
 * A sorted list of problems.
 */
#include "problem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

void problem_add(struct problems *problems, struct place place, const char *format, ...)
{
	struct strbuf text = { 0 };
	va_list args;

	if (problems == NULL)
		return;
	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	problems->items = mem_grow(problems->items, &problems->capacity, problems->count + 1, sizeof(*problems->items));
	problems->items[problems->count++] = (struct problem){ place, strbuf_take(&text) };
}

/* glibc's qsort may be unstable when memory is short, so equal places are told apart by where they were put. */
static int compare(const void *a, const void *b)
{
	const struct problem *const *left = a;
	const struct problem *const *right = b;
	const struct place *p = &(*left)->place;
	const struct place *q = &(*right)->place;

	if (p->file != q->file)
		return p->file < q->file ? -1 : 1;
	if (p->line != q->line)
		return p->line < q->line ? -1 : 1;
	return *left < *right ? -1 : *left > *right;
}

static bool is_same(const struct problem *a, const struct problem *b)
{
	return a->place.file == b->place.file && a->place.line == b->place.line && strcmp(a->text, b->text) == 0;
}

/* log_escape cuts at LOG_VALUE_MAX; a path and a message may be longer, so it gets pieces, none ending inside a
 * character. */
static void escape_whole(struct strbuf *out, struct span text)
{
	while (text.len > 0) {
		size_t len = text.len;

		if (len > LOG_VALUE_MAX) {
			len = LOG_VALUE_MAX;
			while (len > LOG_VALUE_MAX - 4 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
				len--;
		}
		log_escape(out, span_make(text.data, len));
		text = span_from(text, len);
	}
}

char *problem_format(const char *path, int line, const char *text)
{
	char *whole = str_format("%s:%d: %s", path, line, text);
	struct strbuf escaped = { 0 };

	escape_whole(&escaped, span_of(whole));
	free(whole);
	return strbuf_take(&escaped);
}

void problems_report(struct problems *problems, const char *const *paths, struct strlist *out)
{
	struct problem **order = mem_array(problems->count, sizeof(struct problem *));

	for (size_t i = 0; i < problems->count; i++)
		order[i] = &problems->items[i];
	qsort(order, problems->count, sizeof(struct problem *), compare);
	for (size_t i = 0; i < problems->count; i++) {
		/* Several accounts may name one file. */
		if (i > 0 && is_same(order[i - 1], order[i]))
			continue;
		strlist_take(out, problem_format(paths[order[i]->place.file], order[i]->place.line, order[i]->text));
	}
	free(order);
	problems_free(problems);
}

void problems_free(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		free(problems->items[i].text);
	free(problems->items);
	*problems = (struct problems){ 0 };
}
