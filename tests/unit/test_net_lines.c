/* SPDX-License-Identifier: ISC
 *
 * net/: lines end at CRLF and nowhere else, however the bytes arrive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/buffer.h>

#include "multidropd/lines.h"

#define MAX 8u

/* Lines joined by '|', what is left behind them after '>', '!' where a line is too long. */
static const struct {
	struct span wire;
	const char *want;
} cases[] = {
	{ { "", 0 }, ">" },
	{ { "\r\n", 2 }, "|>" },
	{ { "+OK\r\n", 5 }, "+OK|>" },
	{ { "a\r\nb\r\nc", 7 }, "a|b|>c" },
	{ { "a\nb\r\n", 5 }, "a\nb|>" },
	{ { "a\rb\r\n", 5 }, "a\rb|>" },
	{ { "\n.\n\r\n", 5 }, "\n.\n|>" },
	{ { "a\r\r\nb\r\n", 7 }, "a\r|b|>" },
	{ { "a\n\r\n", 4 }, "a\n|>" },
	{ { "a\r", 2 }, ">a\r" },
	{ { "12345678\r\n", 10 }, "12345678|>" },
	{ { "12345678\r", 9 }, ">12345678\r" },
	{ { "123456789", 9 }, "!>123456789" },
	{ { "123456789\r\n", 11 }, "!>123456789\r\n" },
	{ { "12345678\r\r\n", 11 }, "!>12345678\r\r\n" },
	{ { "1234567\r\r\n", 10 }, "1234567\r|>" },
	{ { "12345678\n\r\n", 11 }, "!>12345678\n\r\n" },
};

/* Takes all lines that are there; true: too long, nothing more can be had. */
static bool take_lines(struct line_reader *reader, struct evbuffer *input, struct strbuf *got)
{
	struct span line;
	enum line_result result;

	while ((result = line_next(reader, input, MAX, &line)) == LINE_COMPLETE) {
		strbuf_add_span(got, line);
		strbuf_add_byte(got, '|');
		line_done(reader, input, line);
	}
	if (result == LINE_TOO_LONG)
		strbuf_add_byte(got, '!');
	return result == LINE_TOO_LONG;
}

/* Each piece becomes a chain of its own, so that lines lie across chains. */
static void add_piece(struct evbuffer *input, const char *data, size_t len)
{
	struct evbuffer *piece = evbuffer_new();

	evbuffer_add(piece, data, len);
	evbuffer_add_buffer(input, piece);
	evbuffer_free(piece);
}

static void check_split(struct span wire, size_t piece, const char *want)
{
	struct evbuffer *input = evbuffer_new();
	struct line_reader reader = { 0 };
	struct strbuf got = { 0 };
	bool stuck = false;

	for (size_t at = 0; at < wire.len; at += piece) {
		add_piece(input, wire.data + at, piece < wire.len - at ? piece : wire.len - at);
		if (!stuck)
			stuck = take_lines(&reader, input, &got);
	}
	strbuf_add_byte(&got, '>');
	strbuf_add(&got, evbuffer_pullup(input, -1), evbuffer_get_length(input));
	assert_string_equal(strbuf_str(&got), want);
	strbuf_free(&got);
	evbuffer_free(input);
}

static void lines_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece <= cases[i].wire.len; piece++)
			check_split(cases[i].wire, piece, cases[i].want);
	}
}

static void two_pieces_at_every_place(void **state)
{
	static const struct span wire = { "ab\r\n\r\n\ncd\r\r\nef\r\n", 17 };

	(void)state;
	for (size_t cut = 0; cut <= wire.len; cut++) {
		struct evbuffer *input = evbuffer_new();
		struct line_reader reader = { 0 };
		struct strbuf got = { 0 };

		add_piece(input, wire.data, cut);
		assert_false(take_lines(&reader, input, &got));
		add_piece(input, wire.data + cut, wire.len - cut);
		assert_false(take_lines(&reader, input, &got));
		assert_string_equal(strbuf_str(&got), "ab||\ncd\r|ef|");
		strbuf_free(&got);
		evbuffer_free(input);
	}
}

static void nul_is_data(void **state)
{
	struct evbuffer *input = evbuffer_new();
	struct line_reader reader = { 0 };
	struct span line;

	(void)state;
	evbuffer_add(input, "a\0b\r\0\n\r\n", 8);
	assert_int_equal(line_next(&reader, input, MAX, &line), LINE_COMPLETE);
	assert_int_equal(line.len, 6);
	assert_memory_equal(line.data, "a\0b\r\0\n", 6);
	line_done(&reader, input, line);
	assert_int_equal(evbuffer_get_length(input), 0);
	evbuffer_free(input);
}

/* What was searched is not searched again: the reader's mark only moves on. */
static void mark_follows_the_bytes(void **state)
{
	struct evbuffer *input = evbuffer_new();
	struct line_reader reader = { 0 };
	struct span line;

	(void)state;
	for (size_t i = 1; i <= 10000; i++) {
		evbuffer_add(input, "x", 1);
		assert_int_equal(line_next(&reader, input, 20000, &line), LINE_MORE);
		assert_int_equal(reader.searched, i);
	}
	evbuffer_add(input, "\r", 1);
	assert_int_equal(line_next(&reader, input, 20000, &line), LINE_MORE);
	assert_int_equal(reader.searched, 10000);
	evbuffer_add(input, "\n", 1);
	assert_int_equal(line_next(&reader, input, 20000, &line), LINE_COMPLETE);
	assert_int_equal(line.len, 10000);
	line_done(&reader, input, line);
	assert_int_equal(reader.searched, 0);
	evbuffer_free(input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_at_every_split),
		cmocka_unit_test(two_pieces_at_every_place),
		cmocka_unit_test(nul_is_data),
		cmocka_unit_test(mark_follows_the_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/lines", tests, NULL, NULL);
}
