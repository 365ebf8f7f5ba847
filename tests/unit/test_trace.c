/* SPDX-License-Identifier: ISC
 *
 * mail/: the Received field that we add.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/header.h"
#include "multidropd/str.h"
#include "multidropd/trace.h"

#define DATE "Tue, 24 Nov 2026 13:00:00 +0000"
#define WALL 1795525200

static const struct {
	struct trace trace;
	const char *want;
} trace_cases[] = {
	{ { "pop.isp.example", "mail.office.example", true, NULL, "alice@example.com", WALL },
	  "Received: from pop.isp.example by mail.office.example with POP3S (multidropd)\r\n"
	  "\tfor <alice@example.com>; " DATE "\r\n" },
	{ { "pop", "here", false, NULL, NULL, WALL },
	  "Received: from pop by here with POP3 (multidropd);\r\n\t" DATE "\r\n" },
	{ { "192.0.2.1", "2001:db8::1", false, "office 42", NULL, WALL },
	  "Received: from [192.0.2.1] by [IPv6:2001:db8::1] with POP3\r\n"
	  "\t(multidropd office 42); " DATE "\r\n" },
	{ { "", "a b\r\nc", false, "x) by (y\\\r\nBcc: z", NULL, WALL },
	  "Received: from unknown by a?b??c with POP3 (multidropd x? by ?y???Bcc: z);\r\n"
	  "\t" DATE "\r\n" },
	{ { "p", "h", false, "uid <\"x", NULL, WALL },
	  "Received: from p by h with POP3 (multidropd uid ??x);\r\n\t" DATE "\r\n" },
	{ { "p", "h", false, NULL, "\"a b\"@example.com", WALL },
	  "Received: from p by h with POP3 (multidropd) for <\"a b\"@example.com>;\r\n\t" DATE "\r\n" },
	{ { "p", "h", false, NULL, "a\r\nX: b@example.com", WALL },
	  "Received: from p by h with POP3 (multidropd); " DATE "\r\n" },
	{ { "p", "h", false, NULL, "j\xc3\xbcrgen@example.com", WALL },
	  "Received: from p by h with POP3 (multidropd); " DATE "\r\n" },
	{ { "p", "h", false, NULL, "", WALL }, "Received: from p by h with POP3 (multidropd); " DATE "\r\n" },
};

static void check_is_one_field(struct span text)
{
	struct header header;

	header_parse(&header, text, false);
	assert_int_equal(header.count, 1);
	assert_int_equal(header.received_count, 1);
	assert_int_equal(header.rest.len, 0);
	header_free(&header);
}

static void fields(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof(trace_cases) / sizeof(*trace_cases); i++) {
		struct strbuf out = { 0 };

		trace_format(&trace_cases[i].trace, &out);
		assert_string_equal(strbuf_str(&out), trace_cases[i].want);
		check_is_one_field(strbuf_span(&out));
		strbuf_free(&out);
	}
}

static size_t longest_line(struct span text)
{
	size_t longest = 0;
	ssize_t end;

	while ((end = span_find(text, '\n')) >= 0) {
		if ((size_t)end > longest)
			longest = (size_t)end;
		text = span_from(text, (size_t)end + 1);
	}
	return longest - 1;
}

static void lines_are_short(void **state)
{
	char recipient[64], id[2000], endless[3000];
	struct strbuf out = { 0 };
	struct trace trace = { "pop.isp.example", "mail.office.example", true, NULL, recipient, WALL };

	(void)state;
	for (size_t len = 1; len < 60; len++) {
		memset(recipient, 'x', len);
		recipient[len] = '\0';
		strbuf_clear(&out);
		trace_format(&trace, &out);
		assert_true(longest_line(strbuf_span(&out)) <= 78);
		assert_non_null(strstr(out.data, recipient));
	}
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	for (size_t i = 0; i < sizeof(id) - 1; i++)
		id[i] = i % 9 == 0 ? ' ' : 'y';
	id[sizeof(id) - 1] = '\0';
	trace = (struct trace){ endless, endless, true, id, endless, WALL };
	strbuf_clear(&out);
	trace_format(&trace, &out);
	assert_true(longest_line(strbuf_span(&out)) <= 998);
	assert_true(out.len < 1000);
	check_is_one_field(strbuf_span(&out));
	strbuf_free(&out);
}

/* What stands in the buffer already is no part of the first line. */
static void appends(void **state)
{
	struct strbuf out = { 0 };
	struct trace trace = { "p", "h", false, NULL, NULL, WALL };

	(void)state;
	for (int i = 0; i < 10; i++)
		strbuf_add_str(&out, "X-Other: field\r\n");
	trace_format(&trace, &out);
	assert_non_null(strstr(out.data, "field\r\nReceived: from p by h with POP3 (multidropd); " DATE "\r\n"));
	strbuf_free(&out);
}

/* The value of a field that consists of one. */
static struct span value_of(const struct strbuf *field)
{
	return span_trim(span_from(strbuf_span(field), strlen("Received:")));
}

static void ours_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trace_cases) / sizeof(*trace_cases); i++) {
		struct strbuf out = { 0 };

		trace_format(&trace_cases[i].trace, &out);
		assert_true(trace_is_ours(value_of(&out), trace_cases[i].trace.by_host));
		assert_false(trace_is_ours(value_of(&out), "other.example"));
		assert_false(trace_is_ours(value_of(&out), ""));
		strbuf_free(&out);
	}
}

/* Whatever an account is called and a server says for a UID. */
static void any_id_is_known(void **state)
{
	char id[] = "account ?x?";

	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		struct strbuf out = { 0 };
		struct trace trace = { "pop", "mx.office.example", true, id, "\"a b\"@example.com", WALL };

		id[8] = (char)byte;
		id[10] = (char)byte;
		trace_format(&trace, &out);
		assert_true(trace_is_ours(value_of(&out), "MX.Office.example"));
		strbuf_free(&out);
	}
}

static const struct {
	const char *value;
	bool ours;
} known_cases[] = {
	{ "from p by h with POP3 (multidropd); " DATE, true },
	{ "from p BY H WITH pop3s (MULTIDROPD)\r\n for <a@b>; " DATE, true },
	{ "from p\r\n by h\r\n with POP3\r\n (multidropd\r\n a 1)\r\n for\r\n <a@b>\r\n ; " DATE, true },
	{ "from [192.0.2.1] by h with POP3 (multidropd\ta);", true },
	{ "", false },
	{ "from p by h with POP3 (multidropd)", false },
	{ "from p by h with POP3; " DATE, false },
	{ "from p by h with POP3 (fetchmail-6.4.37) for <a@b> (single-drop); " DATE, false },
	{ "from p by h with POP3 (multidropd2); " DATE, false },
	{ "from p by h with POP3 (x (multidropd)); " DATE, false },
	{ "from p by h with POP3 (x) (multidropd); " DATE, false },
	{ "from p by h with POP3 multidropd; " DATE, false },
	{ "from p by h with ESMTP (multidropd); " DATE, false },
	{ "from p by h with POP3 (multidropd) id 1; " DATE, false },
	{ "from p by h with POP3 (multidropd) for; " DATE, false },
	{ "from p by h.example with POP3 (multidropd); " DATE, false },
	{ "from p by [h] with POP3 (multidropd); " DATE, false },
	{ "from p (by h with POP3 (multidropd)); " DATE, false },
	{ "from p by x by h with POP3 (multidropd); " DATE, false },
	{ "by h with POP3 (multidropd); " DATE, false },
	{ "from p by h with POP3 (multidropd; " DATE, false },
	{ "from p by h with POP3 (multidropd)\r\nfor <a@b>; " DATE, false },
};

static void others_are_not_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known_cases) / sizeof(*known_cases); i++) {
		if (trace_is_ours(span_of(known_cases[i].value), "h") != known_cases[i].ours)
			fail_msg("`%s`", known_cases[i].value);
	}
	assert_false(trace_is_ours(SPAN("from p by h with POP3 (multidropd\0); "), "h"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),          cmocka_unit_test(lines_are_short),
		cmocka_unit_test(appends),         cmocka_unit_test(ours_are_known),
		cmocka_unit_test(any_id_is_known), cmocka_unit_test(others_are_not_ours),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
