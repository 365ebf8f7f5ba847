/* SPDX-License-Identifier: ISC
 *
 * The log's lines and where they go.
 */
#include "multidropd/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "multidropd/escape.h"

#define LOG_TEXT_MAX 4096

static struct {
	enum log_level level;
	enum log_target target;
	bool prefixed; /* <N> before each line on standard error: systemd reads it as the priority */
	void (*capture)(enum log_level level, const char *line);
} state = { .level = LOG_AT_NOTICE, .target = LOG_TO_STDERR };

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_AT_ERROR] = { "error", LOG_ERR },      [LOG_AT_WARNING] = { "warning", LOG_WARNING },
	[LOG_AT_NOTICE] = { "notice", LOG_NOTICE }, [LOG_AT_INFO] = { "info", LOG_INFO },
	[LOG_AT_DEBUG] = { "debug", LOG_DEBUG },
};
_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_AT_DEBUG + 1, "a name for each level");

/*
 * systemd connects standard error to the journal and says so in JOURNAL_STREAM;
 * a priority prefix is then all that the journal needs. Without it, the
 * journal is not there and syslog, which journald also reads, comes closest.
 */
void log_open(enum log_target target, enum log_level level)
{
	bool journal = getenv("JOURNAL_STREAM") != NULL;

	state.level = level;
	state.prefixed = journal && target != LOG_TO_STDERR;
	if (target == LOG_TO_AUTO || (target == LOG_TO_JOURNAL && journal))
		target = LOG_TO_STDERR;
	else if (target == LOG_TO_JOURNAL)
		target = LOG_TO_SYSLOG;
	state.target = target;
	if (target == LOG_TO_SYSLOG)
		openlog("multidropd", LOG_PID, LOG_MAIL);
}

void log_set_level(enum log_level level)
{
	state.level = level;
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

const char *log_level_name(enum log_level level)
{
	return levels[level].name;
}

void log_capture(void (*sink)(enum log_level level, const char *line))
{
	state.capture = sink;
}

static void emit(enum log_level level, const char *line)
{
	if (state.capture != NULL)
		state.capture(level, line);
	else if (state.target == LOG_TO_SYSLOG)
		syslog(levels[level].priority, "%s", line);
	else if (state.prefixed)
		dprintf(STDERR_FILENO, "<%d>%s\n", levels[level].priority, line);
	else
		dprintf(STDERR_FILENO, "multidropd: %s%s%s\n", level <= LOG_AT_WARNING ? levels[level].name : "",
		        level <= LOG_AT_WARNING ? ": " : "", line);
}

static void log_text(enum log_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void log_text(enum log_level level, const char *format, va_list args)
{
	struct strbuf raw = { 0 };
	struct strbuf line = { 0 };

	if (!log_enabled(level))
		return;
	strbuf_vaddf(&raw, format, args);
	escape_text(&line, strbuf_span(&raw), LOG_TEXT_MAX);
	emit(level, strbuf_str(&line));
	strbuf_free(&line);
	strbuf_free(&raw);
}

#define LOG_FUNCTION(name, at)                                                                                         \
	void name(const char *format, ...)                                                                             \
	{                                                                                                              \
		va_list args;                                                                                          \
                                                                                                                       \
		va_start(args, format);                                                                                \
		log_text(at, format, args);                                                                            \
		va_end(args);                                                                                          \
	}

LOG_FUNCTION(log_error, LOG_AT_ERROR)
LOG_FUNCTION(log_warning, LOG_AT_WARNING)
LOG_FUNCTION(log_notice, LOG_AT_NOTICE)
LOG_FUNCTION(log_info, LOG_AT_INFO)
LOG_FUNCTION(log_debug, LOG_AT_DEBUG)

void log_line_begin(struct log_line *line, enum log_level level)
{
	*line = (struct log_line){ .level = level, .wanted = log_enabled(level) };
}

static bool needs_quotes(struct span escaped)
{
	if (escaped.len == 0)
		return true;
	for (size_t i = 0; i < escaped.len; i++) {
		if (strchr(" \"=\\", escaped.data[i]) != NULL)
			return true;
	}
	return false;
}

void log_line_span(struct log_line *line, const char *key, struct span value)
{
	struct strbuf escaped = { 0 };

	if (!line->wanted)
		return;
	log_escape(&escaped, value);
	strbuf_addf(&line->text, "%s%s=", line->text.len > 0 ? " " : "", key);
	if (needs_quotes(strbuf_span(&escaped))) {
		strbuf_add_byte(&line->text, '"');
		for (size_t i = 0; i < escaped.len; i++) {
			if (escaped.data[i] == '"')
				strbuf_add_byte(&line->text, '\\');
			strbuf_add_byte(&line->text, escaped.data[i]);
		}
		strbuf_add_byte(&line->text, '"');
	} else {
		strbuf_add_span(&line->text, strbuf_span(&escaped));
	}
	strbuf_free(&escaped);
}

void log_line_str(struct log_line *line, const char *key, const char *value)
{
	if (value != NULL)
		log_line_span(line, key, span_of(value));
}

void log_line_num(struct log_line *line, const char *key, int64_t value)
{
	if (line->wanted)
		strbuf_addf(&line->text, "%s%s=%lld", line->text.len > 0 ? " " : "", key, (long long)value);
}

void log_line_end(struct log_line *line)
{
	if (line->wanted)
		emit(line->level, strbuf_str(&line->text));
	strbuf_free(&line->text);
}

void log_escape(struct strbuf *out, struct span text)
{
	escape_text(out, text, LOG_VALUE_MAX);
}
