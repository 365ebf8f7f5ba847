/* SPDX-License-Identifier: ISC
 *
 * Bytes: a borrowed view (span), a growing buffer (strbuf), a list of strings.
 * A span may hold NUL bytes and is never NUL-terminated.
 */
#ifndef MULTIDROPD_STR_H
#define MULTIDROPD_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct span {
	const char *data;
	size_t len;
};

#define SPAN(literal) ((struct span){ (literal), sizeof(literal) - 1 })

struct span span_of(const char *text);                        /* NULL gives the empty span */
struct span span_make(const void *data, size_t len);
struct span span_from(struct span whole, size_t start);       /* what follows the first `start` bytes */
struct span span_trim(struct span text);                      /* without blanks, tabs, CR and LF at both ends */
bool span_equal(struct span a, struct span b);
bool span_equal_case(struct span a, struct span b);           /* ASCII letters compared without case */
bool span_is(struct span text, const char *literal);          /* span_equal_case with a literal */
bool span_starts_case(struct span text, const char *prefix);
bool span_is_8bit(struct span text);                          /* holds a byte above 0x7f */
ssize_t span_find(struct span text, char byte);               /* index, or -1 */
char *span_dup(struct span text);                             /* NUL-terminated copy; the caller frees */
bool span_number(struct span text, uint64_t *value);          /* decimal digits only, no sign, no overflow */
struct span span_token(struct span *rest);                    /* next word between blanks; empty at the end */

/* A zeroed strbuf is empty and valid. `data` is NUL-terminated whenever it is not NULL. */
struct strbuf {
	char *data;
	size_t len;
	size_t capacity;
};

void strbuf_add(struct strbuf *buf, const void *data, size_t len);
void strbuf_add_span(struct strbuf *buf, struct span text);
void strbuf_add_str(struct strbuf *buf, const char *text);
void strbuf_add_byte(struct strbuf *buf, char byte);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
struct span strbuf_span(const struct strbuf *buf);
const char *strbuf_str(const struct strbuf *buf);             /* "" when empty */
char *strbuf_take(struct strbuf *buf);                        /* the caller frees; buf is empty after it */
void strbuf_clear(struct strbuf *buf);                        /* keeps the memory */
void strbuf_free(struct strbuf *buf);
void strbuf_wipe(struct strbuf *buf);                         /* as free, overwriting first */

struct strlist {
	char **items;
	size_t count;
	size_t capacity;
};

void strlist_add(struct strlist *list, const char *text);     /* copies */
void strlist_take(struct strlist *list, char *text);          /* owns text from now on */
void strlist_copy(struct strlist *to, const struct strlist *from);
bool strlist_has(const struct strlist *list, const char *text);
void strlist_free(struct strlist *list);

/* printf into a fresh string that the caller frees. */
char *str_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

#endif
