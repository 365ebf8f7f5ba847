/* SPDX-License-Identifier: ISC
 *
 * base/: spans, units, escapes, the log's lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/date.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"
#include "multidropd/str.h"
#include "multidropd/units.h"

static void span_words_and_numbers(void **state)
{
	struct span rest = SPAN("  +OK\t12  x");
	uint64_t number;

	(void)state;
	assert_true(span_equal(span_token(&rest), SPAN("+OK")));
	assert_true(span_equal(span_token(&rest), SPAN("12")));
	assert_true(span_equal(span_token(&rest), SPAN("x")));
	assert_int_equal(span_token(&rest).len, 0);
	assert_true(span_number(SPAN("18446744073709551615"), &number));
	assert_true(number == UINT64_MAX);
	assert_false(span_number(SPAN("18446744073709551616"), &number));
	assert_false(span_number(SPAN("-1"), &number));
	assert_false(span_number(SPAN(""), &number));
	assert_true(span_equal(span_trim(SPAN(" \t a b\r\n")), SPAN("a b")));
	assert_int_equal(span_trim(SPAN("  ")).len, 0);
	assert_true(span_is(SPAN("uidl"), "UIDL"));
	assert_false(span_is(SPAN("UIDLX"), "UIDL"));
	assert_true(span_is_8bit(SPAN("plain \x80")));
	assert_false(span_is_8bit(SPAN("plain \x7f")));
	assert_false(span_is_8bit(SPAN("")));
}

static void durations_and_sizes(void **state)
{
	int64_t seconds;
	uint64_t bytes;

	(void)state;
	assert_int_equal(units_parse_duration("90s", &seconds), 0);
	assert_int_equal(seconds, 90);
	assert_int_equal(units_parse_duration("30d", &seconds), 0);
	assert_int_equal(seconds, 30 * 86400);
	assert_int_equal(units_parse_duration("7", &seconds), 0);
	assert_int_equal(seconds, 7);
	assert_int_equal(units_parse_duration("", &seconds), -1);
	assert_int_equal(units_parse_duration("m", &seconds), -1);
	assert_int_equal(units_parse_duration("5 m", &seconds), -1);
	assert_int_equal(units_parse_duration("-5m", &seconds), -1);
	assert_int_equal(units_parse_duration("99999999999999999d", &seconds), -1);
	assert_int_equal(units_parse_size("64K", &bytes), 0);
	assert_int_equal(bytes, 65536);
	assert_int_equal(units_parse_size("10M", &bytes), 0);
	assert_int_equal(bytes, 10 << 20);
	assert_int_equal(units_parse_size("1k", &bytes), -1);
	assert_int_equal(units_parse_size("99999999999G", &bytes), -1);
}

static void check_escape(const char *in, size_t len, const char *want)
{
	struct strbuf out = { 0 };

	log_escape(&out, span_make(in, len));
	assert_string_equal(strbuf_str(&out), want);
	strbuf_free(&out);
}

static void escapes(void **state)
{
	(void)state;
	check_escape("plain ä €", strlen("plain ä €"), "plain ä €");
	check_escape("a\r\nb\0c", 6, "a\\x0d\\x0ab\\x00c");
	check_escape("\x1b[31m\x7f", 6, "\\x1b[31m\\x7f");
	check_escape("\xc2\x9b", 2, "\\u{009b}");
	check_escape("\xe2\x80\xae", 3, "\\u{202e}");
	check_escape("\xff\xc3", 2, "\\xff\\xc3");
	check_escape("\xc0\xaf", 2, "\\xc0\\xaf");
	check_escape("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");
	check_escape("a\\b", 3, "a\\\\b");
}

static void escape_cuts(void **state)
{
	char long_text[LOG_VALUE_MAX + 10];
	struct strbuf out = { 0 };

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	log_escape(&out, span_make(long_text, sizeof(long_text)));
	assert_int_equal(out.len, LOG_VALUE_MAX + strlen("…"));
	strbuf_free(&out);
}

static char captured[1024];

static void capture(enum log_level level, const char *line)
{
	(void)level;
	snprintf(captured, sizeof(captured), "%s", line);
}

static void log_lines(void **state)
{
	struct log_line line;

	(void)state;
	log_capture(capture);
	log_line_begin(&line, LOG_AT_NOTICE);
	log_line_str(&line, "account", "example.com");
	log_line_str(&line, "left", NULL);
	log_line_span(&line, "uid", SPAN("a b\"c"));
	log_line_str(&line, "from", "");
	log_line_num(&line, "size", 42);
	log_line_end(&line);
	assert_string_equal(captured, "account=example.com uid=\"a b\\\"c\" from=\"\" size=42");
	captured[0] = '\0';
	log_debug("not %s", "wanted");
	assert_string_equal(captured, "");
	log_error("peer said %s", "x\ny");
	assert_string_equal(captured, "peer said x\\x0ay");
	log_capture(NULL);
}

static void dates(void **state)
{
	char text[64];

	(void)state;
	setenv("TZ", "UTC-1", 1);
	date_format_mail(0, text, sizeof(text));
	assert_string_equal(text, "Thu, 1 Jan 1970 01:00:00 +0100");
	date_format_rfc3339(1000000000, text, sizeof(text));
	assert_string_equal(text, "2001-09-09T01:46:40Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(span_words_and_numbers), cmocka_unit_test(durations_and_sizes),
		cmocka_unit_test(escapes),                cmocka_unit_test(escape_cuts),
		cmocka_unit_test(log_lines),              cmocka_unit_test(dates),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
