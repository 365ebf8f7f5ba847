/* SPDX-License-Identifier: ISC
 *
 * mail/: wire bytes → canonical lines → the inside of DATA.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/canon.h"
#include "multidropd/str.h"

static void collect(void *ctx, const char *data, size_t len)
{
	assert_true(len > 0);
	strbuf_add(ctx, data, len);
}

struct outcome {
	struct strbuf text;
	size_t used;
	bool ended, replaced;
};

/* Feeds `in` in pieces of the given sizes, the last one repeated. */
static struct outcome decode(struct span in, size_t first, size_t step)
{
	struct outcome outcome = { 0 };
	struct canon canon = { 0 };
	size_t len = first;

	while (outcome.used < in.len && !outcome.ended) {
		size_t left = in.len - outcome.used;
		size_t used;

		len = len < left ? len : left;
		used = canon_decode(&canon, in.data + outcome.used, len, collect, &outcome.text, &outcome.ended);
		assert_true(used == len || outcome.ended);
		outcome.used += used;
		len = step;
	}
	outcome.replaced = canon.replaced;
	return outcome;
}

static struct strbuf encode(struct span in, size_t step)
{
	struct strbuf out = { 0 };
	struct stuff stuff = { 0 };

	for (size_t at = 0; at < in.len; at += step)
		stuff_encode(&stuff, in.data + at, in.len - at < step ? in.len - at : step, collect, &out);
	stuff_finish(&stuff, collect, &out);
	return out;
}

struct canon_case {
	struct span in, out;
	size_t left; /* bytes behind the end; NOT_ENDED: there is none */
	bool replaced;
};

#define NOT_ENDED ((size_t)-1)

static const struct canon_case canon_cases[] = {
	{ SPAN(".\r\n"), SPAN(""), 0, false },
	{ SPAN(".\r\n+OK\r\n"), SPAN(""), 5, false },
	{ SPAN("a\r\n.\r\n+OK"), SPAN("a\r\n"), 3, false },
	{ SPAN("a\r\n\r\nb\r\n.\r\n"), SPAN("a\r\n\r\nb\r\n"), 0, false },
	{ SPAN("..\r\n.\r\n"), SPAN(".\r\n"), 0, false },
	{ SPAN("a\r\n..b\r\n...\r\n.\r\n"), SPAN("a\r\n.b\r\n..\r\n"), 0, false },
	{ SPAN("a\r\n.b\r\n.\r\n"), SPAN("a\r\nb\r\n"), 0, false },
	/* Stray bytes in a CRLF message. */
	{ SPAN("a\r\nb\nc\rd\0e\r\n.\r\n"), SPAN("a\r\nb c d e\r\n"), 0, true },
	{ SPAN("a\r\r\n.\r\n"), SPAN("a \r\n"), 0, true },
	{ SPAN("a\r\n\r\r\r\n.\r\n"), SPAN("a\r\n  \r\n"), 0, true },
	{ SPAN("a\r\n.\r\r\n.\r\n"), SPAN("a\r\n \r\n"), 0, true },
	{ SPAN("a\r\n.\rx\r\n.\r\n"), SPAN("a\r\n x\r\n"), 0, true },
	{ SPAN("a\r\n.\n\r\n.\r\n"), SPAN("a\r\n \r\n"), 0, true },
	{ SPAN("a\rb\r\nc\nd\r\n.\r\n"), SPAN("a b\r\nc d\r\n"), 0, true },
	{ SPAN("\0\r\n.\r\n"), SPAN(" \r\n"), 0, true },
	{ SPAN("a\r\n\n.\n\r\n.\r\n"), SPAN("a\r\n . \r\n"), 0, true },
	/* A message with LF. */
	{ SPAN("a\nb\n\r\n.\r\n"), SPAN("a\r\nb\r\n\r\n"), 0, false },
	{ SPAN("a\nb\r\n.\r\nx"), SPAN("a\r\nb\r\n"), 1, false },
	{ SPAN("a\n..b\n.c\r\n.\r\n"), SPAN("a\r\n.b\r\nc\r\n"), 0, false },
	{ SPAN("a\n.\n.\r\nb\r\n.\r\n"), SPAN("a\r\n\r\n\r\nb\r\n"), 0, false },
	{ SPAN("a\n.\r\n.\r\n"), SPAN("a\r\n\r\n"), 0, false },
	{ SPAN("a\nb\rc\0\n\r\n.\r\n"), SPAN("a\r\nb c \r\n\r\n"), 0, true },
	{ SPAN("a\nb\r\r\n.\r\n"), SPAN("a\r\nb \r\n"), 0, true },
	{ SPAN("\n\r\n.\r\n"), SPAN("\r\n\r\n"), 0, false },
	{ SPAN(".\nb\r\n.\r\n"), SPAN("\r\nb\r\n"), 0, false },
	/* Not the end. */
	{ SPAN("a\r\nb\n.\n+OK\r\n"), SPAN("a\r\nb . +OK\r\n"), NOT_ENDED, true },
	{ SPAN("a\nb\n.\r\n+OK\n"), SPAN("a\r\nb\r\n\r\n+OK\r\n"), NOT_ENDED, false },
	{ SPAN("a\r\n.\r"), SPAN("a\r\n"), NOT_ENDED, false },
	{ SPAN("a\r\n."), SPAN("a\r\n"), NOT_ENDED, false },
	{ SPAN("a\r"), SPAN("a"), NOT_ENDED, false },
};

static void check_canon(const struct canon_case *test, size_t first, size_t step)
{
	struct outcome outcome = decode(test->in, first, step);

	assert_int_equal(outcome.text.len, test->out.len);
	assert_memory_equal(strbuf_str(&outcome.text), test->out.data, test->out.len);
	assert_int_equal(outcome.ended, test->left != NOT_ENDED);
	assert_int_equal(outcome.used, test->in.len - (outcome.ended ? test->left : 0));
	assert_int_equal(outcome.replaced, test->replaced);
	strbuf_free(&outcome.text);
}

static void canonical_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(canon_cases) / sizeof(*canon_cases); i++) {
		const struct canon_case *test = &canon_cases[i];

		check_canon(test, test->in.len, test->in.len);
		check_canon(test, 1, 1);
		check_canon(test, 2, 2);
		check_canon(test, 4, 4);
		for (size_t split = 1; split < test->in.len; split++)
			check_canon(test, split, test->in.len);
	}
}

static const struct span endings[] = {
	SPAN("\n.\n"),       SPAN("\r.\r"),       SPAN("\r.\n"),       SPAN("\n.\r"),
	SPAN("\n.\r\n"),     SPAN("\r\n.\n"),     SPAN("\r.\r\n"),     SPAN("\r\n.\r"),
	SPAN("\r\n\0.\r\n"), SPAN("\r\n.\0\r\n"), SPAN("\r\n.\r\r\n"), SPAN("\r\r\n.\r\r\n"),
};

/* Ends of DATA as a reader sees them that takes CRLF, LF and CR each for a line end. */
static size_t count_lax_ends(struct span data)
{
	size_t ends = 0;
	bool line_start = true;

	for (size_t i = 0; i < data.len; i++) {
		bool eol = data.data[i] == '\r' || data.data[i] == '\n';
		bool dot_line = line_start && data.data[i] == '.';

		if (dot_line && (i + 1 == data.len || data.data[i + 1] == '\r' || data.data[i + 1] == '\n'))
			ends++;
		line_start = eol;
	}
	return ends;
}

static void check_no_stray_bytes(struct span data)
{
	for (size_t i = 0; i < data.len; i++) {
		assert_int_not_equal(data.data[i], '\0');
		if (data.data[i] == '\r')
			assert_true(i + 1 < data.len && data.data[i + 1] == '\n');
		if (data.data[i] == '\n')
			assert_true(i > 0 && data.data[i - 1] == '\r');
	}
}

static void check_one_message(struct span wire, size_t first, size_t step)
{
	struct outcome outcome = decode(wire, first, step);
	struct strbuf data = encode(strbuf_span(&outcome.text), step);

	assert_true(outcome.ended);
	assert_int_equal(outcome.used, wire.len);
	check_no_stray_bytes(strbuf_span(&data));
	assert_int_equal(count_lax_ends(strbuf_span(&data)), 1);
	assert_memory_equal(data.data + data.len - 5, "\r\n.\r\n", 5);
	strbuf_free(&data);
	strbuf_free(&outcome.text);
}

/* Each would-be end in the body, with either line end, at every split: one message in, one message out. */
static void endings_in_a_body(void **state)
{
	static const char *const starts[] = { "Subject: x\r\n\r\nbody", "Subject: x\n\nbody" };

	(void)state;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		for (size_t j = 0; j < 2; j++) {
			struct strbuf wire = { 0 };

			strbuf_add_str(&wire, starts[j]);
			strbuf_add_span(&wire, endings[i]);
			strbuf_add_str(&wire, "MAIL FROM:<forged@example.com>\r\n.\r\n");
			for (size_t split = 1; split < wire.len; split++) {
				check_one_message(strbuf_span(&wire), split, 1);
				check_one_message(strbuf_span(&wire), split, wire.len);
			}
			strbuf_free(&wire);
		}
	}
}

static const struct {
	struct span in, out;
} stuff_cases[] = {
	{ SPAN(""), SPAN(".\r\n") },
	{ SPAN("\r\n"), SPAN("\r\n.\r\n") },
	{ SPAN("."), SPAN("..\r\n.\r\n") },
	{ SPAN(".\r\n"), SPAN("..\r\n.\r\n") },
	{ SPAN(".a\r\n..\r\nb.\r\n.c"), SPAN("..a\r\n...\r\nb.\r\n..c\r\n.\r\n") },
	{ SPAN("a\r\n\r\n.\r\n"), SPAN("a\r\n\r\n..\r\n.\r\n") },
	{ SPAN("no end"), SPAN("no end\r\n.\r\n") },
};

static void dots_are_stuffed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stuff_cases) / sizeof(*stuff_cases); i++) {
		for (size_t step = 1; step <= 8; step *= 2) {
			struct strbuf out = encode(stuff_cases[i].in, step);

			assert_string_equal(strbuf_str(&out), stuff_cases[i].out.data);
			strbuf_free(&out);
		}
	}
}

static void nothing_in_nothing_out(void **state)
{
	struct canon canon = { 0 };
	struct stuff stuff = { 0 };
	bool ended = true;

	(void)state;
	assert_int_equal(canon_decode(&canon, NULL, 0, collect, NULL, &ended), 0);
	assert_false(ended);
	stuff_encode(&stuff, NULL, 0, collect, NULL);
}

static void count_pieces(void *ctx, const char *data, size_t len)
{
	(void)data;
	(void)len;
	++*(size_t *)ctx;
}

/* Ordinary text goes on in one piece, however many lines it has. */
static void text_stays_in_one_piece(void **state)
{
	struct strbuf text = { 0 };
	struct canon canon = { 0 };
	struct stuff stuff = { 0 };
	size_t pieces = 0;
	bool ended;

	(void)state;
	for (int i = 0; i < 100; i++)
		strbuf_add_str(&text, "A line of text. Another sentence.\r\n");
	canon_decode(&canon, text.data, text.len, count_pieces, &pieces, &ended);
	assert_int_equal(pieces, 1);
	stuff_encode(&stuff, text.data, text.len, count_pieces, &pieces);
	assert_int_equal(pieces, 2);
	strbuf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_lines),         cmocka_unit_test(endings_in_a_body),
		cmocka_unit_test(dots_are_stuffed),        cmocka_unit_test(nothing_in_nothing_out),
		cmocka_unit_test(text_stays_in_one_piece),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("canon", tests, NULL, NULL);
}
