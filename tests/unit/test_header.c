/* SPDX-License-Identifier: ISC
 *
 * mail/: the header's end, its fields, what counts for routing.
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
#include "multidropd/mem.h"
#include "multidropd/str.h"

struct scan_outcome {
	size_t used;
	bool ended, capped;
};

static struct scan_outcome scan(struct span in, size_t step)
{
	struct header_scan scan = { 0 };
	struct scan_outcome outcome = { 0 };

	while (outcome.used < in.len && !outcome.ended) {
		size_t left = in.len - outcome.used;

		outcome.used += header_scan_feed(&scan, in.data + outcome.used, step < left ? step : left,
		                                 &outcome.ended, &outcome.capped);
	}
	return outcome;
}

static const struct {
	struct span in;
	size_t header_len;
	bool ended;
} scan_cases[] = {
	{ SPAN("A: b\r\n\r\nbody\r\n\r\n"), 8, true },
	{ SPAN("\r\nbody\r\n"), 2, true },
	{ SPAN("A: b\r\n c\r\n\r\n"), 12, true },
	{ SPAN("A: b\r\n \r\nC: d\r\n\r\n"), 17, true },
	{ SPAN("A: b\r\n"), 6, false },
	{ SPAN("A: b\r\n\r"), 7, false },
	{ SPAN("A"), 1, false },
};

static void end_of_header(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scan_cases) / sizeof(*scan_cases); i++) {
		for (size_t step = 1; step <= 32; step *= 2) {
			struct scan_outcome outcome = scan(scan_cases[i].in, step);

			assert_int_equal(outcome.used, scan_cases[i].header_len);
			assert_int_equal(outcome.ended, scan_cases[i].ended);
			assert_false(outcome.capped);
		}
	}
}

/* Field lines of `line_len` bytes up to `len` bytes. */
static struct strbuf many_lines(size_t len, size_t line_len)
{
	struct strbuf text = { 0 };

	while (text.len < len) {
		for (size_t i = 0; i < line_len - 2 && text.len + 2 < len; i++)
			strbuf_add_byte(&text, i == 1 ? ':' : 'x');
		strbuf_add_str(&text, "\r\n");
	}
	return text;
}

static void header_is_capped(void **state)
{
	struct strbuf text = many_lines(HEADER_MAX - 2, 1000);
	struct scan_outcome outcome;

	(void)state;
	strbuf_add_str(&text, "\r\nbody");
	outcome = scan(strbuf_span(&text), 1000);
	assert_int_equal(outcome.used, HEADER_MAX);
	assert_true(outcome.ended);
	assert_false(outcome.capped);
	strbuf_clear(&text);
	strbuf_free(&text);

	text = many_lines(HEADER_MAX + 5000, 1000);
	outcome = scan(strbuf_span(&text), 4096);
	assert_int_equal(outcome.used, HEADER_MAX);
	assert_true(outcome.ended);
	assert_true(outcome.capped);
	strbuf_free(&text);
}

static const struct {
	const char *raw;
	const char *name, *value;
	bool broken;
} field_cases[] = {
	{ "A: b\r\n", "A", " b", false },
	{ "A:b\r\n", "A", "b", false },
	{ "A:\r\n", "A", "", false },
	{ "A: b\r\n c\r\n\td\r\n", "A", " b\r\n c\r\n\td", false },
	{ "X-!#$%&'*+/=?^_`{|}~: b: c\r\n", "X-!#$%&'*+/=?^_`{|}~", " b: c", false },
	{ "A : b\r\n", "A ", " b", true },
	{ "A\t: b\r\n", "A\t", " b", true },
	{ "A B: c\r\n", "A B", " c", true },
	{ ": b\r\n", "", " b", true },
	{ "A\x7f: b\r\n", "A\x7f", " b", true },
	{ "\xc3\x84: b\r\n", "\xc3\x84", " b", true },
	{ "no colon\r\n", "", "", true },
	{ "no colon\r\n here: either\r\n", "", "", true },
	{ " leading: blank\r\n", " leading", " blank", true },
};

static void fields_one_by_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(field_cases) / sizeof(*field_cases); i++) {
		struct header header;

		header_parse(&header, span_of(field_cases[i].raw), false);
		assert_int_equal(header.count, 1);
		assert_true(span_equal(header.fields[0].raw, span_of(field_cases[i].raw)));
		assert_true(span_equal(header.fields[0].name, span_of(field_cases[i].name)));
		assert_true(span_equal(header.fields[0].value, span_of(field_cases[i].value)));
		assert_int_equal(header.fields[0].broken, field_cases[i].broken);
		assert_int_equal(header.rest.len, 0);
		header_free(&header);
	}
}

static void whole_header(void **state)
{
	static const char text[] = "Delivered-To: a@example.com\r\n"
				   "Received : no\r\n"
				   "received: from x\r\n\tby y\r\n"
				   "RECEIVED: from z\r\n"
				   "delivered-to: b@example.com\r\n"
				   "\r\n";
	struct header header;

	(void)state;
	header_parse(&header, span_of(text), false);
	assert_int_equal(header.count, 5);
	assert_int_equal(header.routing_count, 5);
	assert_int_equal(header.first_received, 2);
	assert_int_equal(header.received_count, 2);
	assert_true(span_equal(header.rest, SPAN("\r\n")));
	assert_int_equal(header_find(&header, "DELIVERED-TO", 0), 0);
	assert_int_equal(header_find(&header, "DELIVERED-TO", 1), 4);
	assert_int_equal(header_find(&header, "Delivered-To", 5), -1);
	assert_int_equal(header_find(&header, "Delivered", 0), -1);
	assert_int_equal(header_find(&header, "Delivered-To-", 0), -1);
	header_free(&header);
	assert_int_equal(header.count, 0);
}

static void no_received(void **state)
{
	struct header header;

	(void)state;
	header_parse(&header, SPAN("A: b\r\nC: d\r\n\r\n"), false);
	assert_int_equal(header.first_received, 2);
	assert_int_equal(header.received_count, 0);
	header_free(&header);
}

static void no_fields(void **state)
{
	struct header header;

	(void)state;
	header_parse(&header, SPAN("\r\n"), false);
	assert_int_equal(header.count, 0);
	assert_true(span_equal(header.rest, SPAN("\r\n")));
	header_free(&header);
	header_parse(&header, SPAN(""), false);
	assert_int_equal(header.count, 0);
	header_free(&header);
}

static void routing_ends_at_a_line_without_a_colon(void **state)
{
	struct header header;

	(void)state;
	header_parse(&header, SPAN("A: b\r\nbody text\r\nX-Envelope-To: victim@example.com\r\nReceived: x\r\n\r\n"),
	             false);
	assert_int_equal(header.count, 4);
	assert_int_equal(header.routing_count, 1);
	assert_int_equal(header.first_received, 1);
	assert_int_equal(header_find(&header, "X-Envelope-To", 0), -1);
	header_free(&header);
}

static void mbox_line_hides_nothing(void **state)
{
	static const char *const lines[] = { "From a@example.com Tue Nov 24 13:00:00 2026\r\n", "From a\r\n",
		                             ">From a\r\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char *text = str_format("%sA: b\r\nFrom c\r\nD: e\r\n\r\n", lines[i]);
		struct header header;

		header_parse(&header, span_of(text), false);
		assert_int_equal(header.count, 4);
		assert_true(header.fields[0].broken);
		assert_true(header.fields[0].mbox_line);
		assert_false(header.fields[2].mbox_line);
		assert_int_equal(header.routing_count, 2);
		assert_int_equal(header_find(&header, "A", 0), 1);
		header_free(&header);
		free(text);
	}
}

static void from_with_a_blank_is_no_mbox_line(void **state)
{
	static const char *const fields[] = { "From : a@example.com\r\n b\r\n", "From: a\r\n", "Fromage x\r\n" };
	struct header header;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		header_parse(&header, span_of(fields[i]), false);
		assert_false(header.fields[0].mbox_line);
		header_free(&header);
	}
}

static void last_field_of_a_capped_header_is_not_read(void **state)
{
	struct header header;

	(void)state;
	header_parse(&header, SPAN("A: b\r\nX-Envelope-To: a@example.com,\r\n"), true);
	assert_int_equal(header.count, 1);
	assert_true(header.capped);
	assert_true(span_equal(header.rest, SPAN("X-Envelope-To: a@example.com,\r\n")));
	header_free(&header);
}

static void too_many_fields(void **state)
{
	struct strbuf text = { 0 };
	struct header header;

	(void)state;
	for (size_t i = 0; i < HEADER_FIELDS_MAX + 2; i++)
		strbuf_add_str(&text, "A:\r\n");
	header_parse(&header, strbuf_span(&text), false);
	assert_int_equal(header.count, HEADER_FIELDS_MAX);
	assert_true(header.capped);
	assert_int_equal(header.rest.len, 8);
	header_free(&header);
	strbuf_free(&text);
}

static void oversize_field(void **state)
{
	struct strbuf text = { 0 };
	struct header header;

	(void)state;
	strbuf_add_str(&text, "A: ");
	while (text.len < HEADER_FIELD_MAX)
		strbuf_add_byte(&text, 'x');
	strbuf_add_str(&text, "\r\nB: c\r\n\r\n");
	header_parse(&header, strbuf_span(&text), false);
	assert_int_equal(header.count, 2);
	assert_true(header.fields[0].oversize);
	assert_false(header.fields[1].oversize);
	header_free(&header);
	strbuf_free(&text);
}

static const struct {
	const char *in, *out;
} unfold_cases[] = {
	{ "", "" },           { " a", " a" },     { " a\r\n b\r\n\tc", " a b\tc" }, { "a\r\n\r\n b", "a\r\n b" },
	{ "a\r\n", "a\r\n" }, { "a\rb", "a\rb" }, { "a\r\nb", "a\r\nb" },
};

static void unfolding(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(unfold_cases) / sizeof(*unfold_cases); i++) {
		struct strbuf out = { 0 };

		header_unfold(span_of(unfold_cases[i].in), &out);
		assert_string_equal(strbuf_str(&out), unfold_cases[i].out);
		strbuf_free(&out);
	}
}

static void append(void *ctx, struct span bytes)
{
	strbuf_add_span(ctx, bytes);
}

static void check_identity(const char *text, bool capped, const char *want)
{
	struct strbuf out = { 0 };
	struct header header;

	header_parse(&header, span_of(text), capped);
	header_identity(&header, append, &out);
	assert_string_equal(strbuf_str(&out), want);
	header_free(&header);
	strbuf_free(&out);
}

static void identity(void **state)
{
	(void)state;
	check_identity("Status: RO\r\nA: b\r\nx-status: x\r\nX-Keywords: y\r\nX-UID: 1\r\nX-UIDL: 2\r\nX-IMAP: 3\r\n"
	               "Content-Length: 4\r\nLines: 5\r\nDelivered-To: a\r\n\r\n",
	               false, "A: b\r\nDelivered-To: a\r\n");
	check_identity("A: b\r\n", false, "A: b\r\n");
	check_identity("A: b\r\nno colon\r\nStatus : x\r\n\r\n", false, "A: b\r\nno colon\r\nStatus : x\r\n");
	check_identity("A: b\r\nStatus: cut", true, "A: b\r\nStatus: cut");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_of_header),
		cmocka_unit_test(header_is_capped),
		cmocka_unit_test(fields_one_by_one),
		cmocka_unit_test(whole_header),
		cmocka_unit_test(no_received),
		cmocka_unit_test(no_fields),
		cmocka_unit_test(routing_ends_at_a_line_without_a_colon),
		cmocka_unit_test(mbox_line_hides_nothing),
		cmocka_unit_test(from_with_a_blank_is_no_mbox_line),
		cmocka_unit_test(last_field_of_a_capped_header_is_not_read),
		cmocka_unit_test(too_many_fields),
		cmocka_unit_test(oversize_field),
		cmocka_unit_test(unfolding),
		cmocka_unit_test(identity),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
