/* SPDX-License-Identifier: ISC
 *
 * The log: one line an event. Whatever comes from outside may be given as it
 * is: control characters, C1, bidirectional overrides and invalid UTF-8 are
 * escaped on the way out, and values are cut at LOG_VALUE_MAX bytes.
 * Secrets must never be given.
 */
#ifndef MULTIDROPD_LOG_H
#define MULTIDROPD_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "multidropd/str.h"

#define LOG_VALUE_MAX 256

enum log_level {
	LOG_AT_ERROR,
	LOG_AT_WARNING,
	LOG_AT_NOTICE,
	LOG_AT_INFO,
	LOG_AT_DEBUG,
};

enum log_target {
	LOG_TO_AUTO,    /* journal when systemd started us, else standard error */
	LOG_TO_STDERR,
	LOG_TO_JOURNAL,
	LOG_TO_SYSLOG,
};

/* Until log_open is called everything from notice up goes to standard error. */
void log_open(enum log_target target, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
const char *log_level_name(enum log_level level);

/* Where lines go instead, for tests: called with the finished line. NULL: back to the target. */
void log_capture(void (*sink)(enum log_level level, const char *line));

/* Free text. The format is ours, the arguments may be anybody's. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * A line of key=value. Keys are literals. A value that is empty or holds
 * blanks, quotes, '=' or escapes is quoted. A NULL string leaves the key out.
 * log_line_end writes the line and frees it; nothing is built when the level
 * is off.
 */
struct log_line {
	enum log_level level;
	bool wanted;
	struct strbuf text;
};

void log_line_begin(struct log_line *line, enum log_level level);
void log_line_str(struct log_line *line, const char *key, const char *value);
void log_line_span(struct log_line *line, const char *key, struct span value);
void log_line_num(struct log_line *line, const char *key, int64_t value);
void log_line_end(struct log_line *line);

/* Appends `text` escaped, cut at LOG_VALUE_MAX bytes with "…" behind it. Also for text shown elsewhere. */
void log_escape(struct strbuf *out, struct span text);

#endif
