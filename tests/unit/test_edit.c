/* SPDX-License-Identifier: ISC
 *
 * mail/: the header as it is delivered, and which Message-IDs are valid.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/edit.h"
#include "multidropd/str.h"

static const struct {
	const char *value;
	bool valid;
} id_cases[] = {
	{ " <a@b>", true },
	{ "<1.2.3@mail.example.com>", true },
	{ " <a@b> ", true },
	{ "\r\n <a@b>", true },
	{ " (x) <a@b> (y <c@d>)", true },
	{ " <20%$!#=+{}~@x>", true },
	{ " <a@[127.0.0.1]>", true },
	{ " <a@[IPv6:::1]>", true },
	{ " <\"a b\"@c>", true },
	{ " <\"a\\\"@b\".c@d>", true },
	{ " <a_b@host_name>", true },
	{ "", false },
	{ " ", false },
	{ "a@b", false },
	{ " <>", false },
	{ " <a>", false },
	{ " <@b>", false },
	{ " <a@>", false },
	{ " <a@b", false },
	{ " a@b>", false },
	{ " <a@b> <c@d>", false },
	{ " <a@b><c@d>", false },
	{ " <a@b>x", false },
	{ " x <a@b>", false },
	{ " <a b@c>", false },
	{ " <a @b>", false },
	{ " <a \"b\"@c>", false },
	{ " <\"a\"b@c>", false },
	{ " <a. b@c>", false },
	{ " <a@ b>", false },
	{ " < a@b>", false },
	{ " <a@b >", false },
	{ " <a@b\r\n c>", false },
	{ " <a@(x)b>", false },
	{ " <a@b@c>", false },
	{ " <a..b@c>", false },
	{ " <.a@b>", false },
	{ " <a.@b>", false },
	{ " <a@b.>", false },
	{ " <a@b..c>", false },
	{ " <a@[1 2]>", false },
	{ " <a@[1\\]2]>", false },
	{ " <a@[x]y>", false },
	{ " <a@\"b\">", false },
	{ " <a:b@c>", false },
	{ " <a,b@c>", false },
	{ " <<a@b>>", false },
	{ " <\"a@b>", false },
	{ " <a@b> (open", false },
	{ " <j\xc3\xbcrgen@b>", false },
	{ " <a@b> (\xe4)", false },
	{ " <a\x01@b>", false },
	{ " <\"a\x1b\"@b>", false },
};

static void message_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(id_cases) / sizeof(*id_cases); i++) {
		if (header_message_id_is_valid(span_of(id_cases[i].value)) != id_cases[i].valid)
			fail_msg("%s", id_cases[i].value);
	}
	assert_false(header_message_id_is_valid(span_make(" <a\0b@c>", 8)));
}

static void check(const char *text, const struct header_edits *edits, const bool *remove, const char *want)
{
	struct strbuf out = { 0 };
	struct header header;

	header_parse(&header, span_of(text), false);
	header_edit(&header, edits, remove, SPAN(""), &out);
	assert_string_equal(strbuf_str(&out), want);
	strbuf_free(&out);
	header_free(&header);
}

#define MESSAGE                                                                                                        \
	"Delivered-To: alice@office.example\r\n"                                                                       \
	"SUBJECT :blank before the colon\r\n"                                                                          \
	"Subject:\tfolded \r\n"                                                                                        \
	"  and \xff 8-bit\r\n"                                                                                         \
	"X-Spam: yes\r\n"                                                                                              \
	"no colon\r\n"                                                                                                 \
	"x-spam: again\r\n"                                                                                            \
	"X-Spam-Level: ***\r\n"                                                                                        \
	"\r\n"

static void untouched(void **state)
{
	const struct header_edits none = { 0 };
	const struct header_edits fix = { .fix_message_id = true };

	(void)state;
	check(MESSAGE, &none, NULL, MESSAGE);
	check(MESSAGE, &fix, NULL, MESSAGE);
	check("\r\n", &none, NULL, "\r\n");
	check("", &none, NULL, "");
	check("Message-ID: bad\r\n\r\n", &none, NULL, "Message-ID: bad\r\n\r\n");
	check("Message-ID:\r\n <good@x>\r\n\r\n", &fix, NULL, "Message-ID:\r\n <good@x>\r\n\r\n");
}

static void fields_left_out(void **state)
{
	struct strlist strip = { 0 };
	const struct header_edits edits = { .strip = &strip };
	const bool remove[] = { true, false, false, false, false, false, false };

	(void)state;
	strlist_add(&strip, "x-SPAM");
	strlist_add(&strip, "Subject");
	check(MESSAGE, &edits, remove, "SUBJECT :blank before the colon\r\nno colon\r\nX-Spam-Level: ***\r\n\r\n");
	check("From alice Tue Nov 24\r\nX-Spam: 1\r\nTo: x\r\n\r\n", &edits, NULL, "To: x\r\n\r\n");
	check(">From alice Tue Nov 24\r\nFrom: x\r\n\r\n", &edits, NULL, "From: x\r\n\r\n");
	check("To: x\r\nFrom alice\r\n\r\n", &edits, NULL, "To: x\r\nFrom alice\r\n\r\n");
	strlist_free(&strip);
}

static void lines_added(void **state)
{
	struct strlist strip = { 0 }, add = { 0 };
	const struct header_edits edits = { .strip = &strip, .add = &add };
	struct strbuf out = { 0 };
	struct header header;

	(void)state;
	strlist_add(&strip, "X-Fetched");
	strlist_add(&add, "X-Fetched: yes");
	strlist_add(&add, "X-Second: a b");
	header_parse(&header, SPAN("X-Fetched: forged\r\nTo: x\r\n\r\nbody"), false);
	strbuf_add_str(&out, "before\r\n");
	header_edit(&header, &edits, NULL, SPAN("Received: from a\r\n\tby b\r\n"), &out);
	assert_string_equal(strbuf_str(&out),
	                    "before\r\nReceived: from a\r\n\tby b\r\nX-Fetched: yes\r\nX-Second: a b\r\n"
	                    "To: x\r\n\r\nbody");
	strbuf_free(&out);
	header_free(&header);
	strlist_free(&strip);
	strlist_free(&add);
}

static void invalid_message_ids(void **state)
{
	const struct header_edits fix = { .fix_message_id = true };

	(void)state;
	check("Message-Id:\tno brackets\r\n at all \r\nTo: x\r\n\r\n", &fix, NULL,
	      "X-Invalid-Message-ID:\tno brackets\r\n at all \r\nTo: x\r\n\r\n");
	check("MESSAGE-ID:\r\nMessage-ID: <a@b>\r\n\r\n", &fix, NULL,
	      "X-Invalid-Message-ID:\r\nMessage-ID: <a@b>\r\n\r\n");
	check("Message-ID : bad\r\nX-Message-ID: bad\r\n\r\n", &fix, NULL,
	      "Message-ID : bad\r\nX-Message-ID: bad\r\n\r\n");
}

/* What the text below it would be read by goes, and what would end the header for some. */
static void with_another_body(void **state)
{
	struct header_edits edits = { .other_body = true };
	struct strlist add = { 0 };
	struct strbuf out = { 0 };
	struct header header;

	(void)state;
	check(MESSAGE "body", &edits, NULL,
	      "Delivered-To: alice@office.example\r\n"
	      "Subject:\tfolded \r\n"
	      "  and \xff 8-bit\r\n"
	      "X-Spam: yes\r\n"
	      "x-spam: again\r\n"
	      "X-Spam-Level: ***\r\n");
	check("From x\r\nmime-version: 1.0\r\nCONTENT-TYPE: text/html;\r\n charset=x\r\nX-Content-Type: a\r\n"
	      "Content-Foo:\r\nContents: b\r\n\r\n",
	      &edits, NULL, "X-Content-Type: a\r\nContents: b\r\n");
	check("", &edits, NULL, "");
	strlist_add(&add, "Content-Type: text/html");
	strlist_add(&add, "MIME-Version: 1.0");
	strlist_add(&add, "X-Fetched: yes");
	edits.add = &add;
	header_parse(&header, SPAN("To: x\r\nMessage-ID: b"), true);
	header_edit(&header, &edits, NULL, SPAN("Received: a\r\n"), &out);
	assert_string_equal(strbuf_str(&out), "Received: a\r\nX-Fetched: yes\r\nTo: x\r\n");
	strbuf_free(&out);
	header_free(&header);
	strlist_free(&add);
}

/* A limit cut the header: what is behind it goes out as it is. */
static void capped(void **state)
{
	const struct header_edits edits = { .fix_message_id = true };
	struct strbuf out = { 0 };
	struct header header;

	(void)state;
	header_parse(&header, SPAN("To: x\r\nMessage-ID: bad\r\nMessage-ID: b"), true);
	header_edit(&header, &edits, NULL, SPAN(""), &out);
	assert_string_equal(strbuf_str(&out), "To: x\r\nX-Invalid-Message-ID: bad\r\nMessage-ID: b");
	strbuf_free(&out);
	header_free(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_ids),         cmocka_unit_test(untouched),
		cmocka_unit_test(fields_left_out),     cmocka_unit_test(lines_added),
		cmocka_unit_test(invalid_message_ids), cmocka_unit_test(capped),
		cmocka_unit_test(with_another_body),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("edit", tests, NULL, NULL);
}
