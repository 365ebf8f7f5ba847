/* SPDX-License-Identifier: ISC
 *
 * mail/: whatever the facts are, the mails that we write keep their form and
 * their size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/notice.h"
#include "multidropd/str.h"

#define DELIMITER "\r\n--=_multidropd-t0ken"
#define REFUSALS 1000

enum kind { COPY, BOUNCE, KEPT, UNREAD, SIZE, BODY };

/* What stands above the text in place of a body. */
#define HEADER_ABOVE "From: a\r\nTo: b\r\nSubject: c\r\nDate: d\r\nMessage-ID: <e>\r\nAuto-Submitted: no\r\n"

static void write_notice(enum kind kind, const struct notice_facts *facts, struct strbuf *out)
{
	struct strbuf suffix = { 0 };

	if (kind == KEPT)
		notice_kept(facts, NOTICE_KEPT_REFUSED, facts->account, out);
	else if (kind == UNREAD)
		notice_kept(facts, NOTICE_KEPT_SIZE, NULL, out);
	else if (kind == SIZE)
		notice_size(facts, out);
	else if (kind == BODY)
		notice_body(facts, out);
	else if (kind == BOUNCE)
		notice_bounce(facts, out);
	else
		notice_copy(facts, out, &suffix);
	strbuf_add_span(out, strbuf_span(&suffix));
	strbuf_free(&suffix);
}

static size_t count(struct span text, const char *what)
{
	size_t number = 0;
	const char *at;

	while ((at = memmem(text.data, text.len, what, strlen(what))) != NULL) {
		number++;
		text = span_from(text, (size_t)(at - text.data) + strlen(what));
	}
	return number;
}

/* CRLF line ends and no others, printable ASCII between them, 998 bytes at most. */
static void check_lines(struct span text)
{
	size_t line_len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		line_len = byte == '\n' ? 0 : line_len + 1;
		assert_true(line_len <= 999);
		if (byte == '\r')
			assert_true(i + 1 < text.len && text.data[i + 1] == '\n');
		else if (byte == '\n')
			assert_true(i > 0 && text.data[i - 1] == '\r');
		else
			assert_true(byte == '\t' || (byte >= ' ' && byte <= '~'));
	}
}

/* The header's names are ours, each once. */
static void check_header(struct span text)
{
	static const char *const names[] = { "From",         "To",           "Subject",
		                             "Date",         "Message-ID",   "Auto-Submitted",
		                             "MIME-Version", "Content-Type", "Content-Transfer-Encoding" };
	struct header header;

	header_parse(&header, text, false);
	assert_int_equal(header.count, sizeof(names) / sizeof(*names));
	for (size_t i = 0; i < header.count; i++) {
		assert_true(span_is(header.fields[i].name, names[i]));
		assert_true(span_trim(header.fields[i].value).len > 0);
	}
	header_free(&header);
}

/* The header of the message at a bounce's end is not ours. */
static struct span before_excerpt(struct span text)
{
	static const char excerpt[] = "Content-Type: text/rfc822-headers";
	const char *at = memmem(text.data, text.len, excerpt, strlen(excerpt));

	return at != NULL ? span_make(text.data, (size_t)(at - text.data)) : text;
}

static void check(const struct notice_facts *facts)
{
	static const size_t parts[] = { [COPY] = 3, [BOUNCE] = 4, [BODY] = 0 };

	for (enum kind kind = COPY; kind <= BODY; kind++) {
		struct strbuf out = { 0 };
		struct span text;

		if (kind == BODY)
			strbuf_add_str(&out, HEADER_ABOVE);
		write_notice(kind, facts, &out);
		text = strbuf_span(&out);
		assert_true(text.len <= NOTICE_MAX);
		check_lines(text);
		check_header(text);
		assert_int_equal(count(text, DELIMITER), parts[kind]);
		if (kind == BOUNCE && facts->refusal_count > 0)
			assert_true(count(text, "\r\n\r\nFinal-Recipient: ") > 0);
		assert_int_equal(count(before_excerpt(text), "\r\nInjected:"), 0);
		assert_int_equal(count(before_excerpt(text), "\nFrom: x"), 0);
		strbuf_free(&out);
	}
}

static char *repeat(const char *unit, size_t times)
{
	struct strbuf text = { 0 };

	for (size_t i = 0; i < times; i++)
		strbuf_add_str(&text, unit);
	return strbuf_take(&text);
}

static char *fields_of(const char *value)
{
	return str_format("Subject: %s\r\nFrom: %s\r\nTo: %s\r\nDate: %s\r\nMessage-ID: %s\r\nX-Broken\r\n\r\n", value,
	                  value, value, value, value);
}

/* Every fact is `evil`; the header's values, too, with the line ends that a canonical header cannot have. */
static void check_evil(const char *evil, const char *header_text)
{
	struct notice_refusal *refusals = calloc(REFUSALS, sizeof(*refusals));
	struct header header;
	struct notice_facts facts = { .hostname = evil,
		                      .account = evil,
		                      .postmaster = evil,
		                      .server = evil,
		                      .relay = evil,
		                      .relay_host = evil,
		                      .uid = span_of(evil),
		                      .size = UINT64_MAX,
		                      .limit = UINT64_MAX,
		                      .recipient = evil,
		                      .sender = evil,
		                      .header = &header,
		                      .token = "t0ken",
		                      .wall_s = 0,
		                      .refusals = refusals,
		                      .refusal_count = REFUSALS };

	assert_non_null(refusals);
	for (size_t i = 0; i < REFUSALS; i++)
		refusals[i] = (struct notice_refusal){ evil, i % 2 > 0 ? evil : NULL, evil };
	header_parse(&header, span_of(header_text), false);
	check(&facts);
	facts.refusal_count = 1;
	check(&facts);
	facts.uid = SPAN("a\0\r\n\r\nb");
	facts.relay = NULL;
	facts.refusal_count = 0;
	check(&facts);
	header_free(&header);
	free(refusals);
}

static const char *const evil_units[] = {
	"x",
	"=",
	"a b",
	"\r\nInjected: x\r\n\r\n",
	"\nFrom: x\n",
	"\r",
	"\x1b[2J",
	"\xc3\xbc",
	"\xe4",
	"\xc2\x80",
	"\xe2\x80\xae",
	"\xf0\x9f\x98\x80",
	"=?utf-8?Q?=0D=0AInjected:_x?=",
	"\"<>@,;:\\",
	"550 5.1.1 x ",
	"--=_multidropd-",
	" ",
	"\t",
	"%s%n",
	"a@b.example",
};

static void facts(void **state)
{
	static const size_t times[] = { 1, 20, 299, 1000, 3000 };

	(void)state;
	for (size_t i = 0; i < sizeof(evil_units) / sizeof(*evil_units); i++) {
		for (size_t j = 0; j < sizeof(times) / sizeof(*times); j++) {
			char *evil = repeat(evil_units[i], times[j]);
			char *header = fields_of(evil);

			check_evil(evil, header);
			free(header);
			free(evil);
		}
	}
	check_evil("", "");
}

/* A header of a mebibyte: fields that fit are shown, whole. */
static void huge_header(void **state)
{
	char *many = repeat("X-Field: with some text in it\r\n", HEADER_FIELDS_MAX + 5);
	char *large = repeat(" folded text\r\n", 60000);
	char *text = str_format("X-Large:\r\n%sSubject: behind it\r\n%s", large, many);
	struct header header;
	struct notice_refusal refusal = { "a@b", NULL, "550 no" };
	struct notice_facts known = { .hostname = "h.example",
		                      .account = "a",
		                      .postmaster = "p",
		                      .server = "s",
		                      .sender = "c@d",
		                      .header = &header,
		                      .token = "t0ken",
		                      .refusals = &refusal,
		                      .refusal_count = 1 };
	struct strbuf out = { 0 };

	(void)state;
	header_parse(&header, span_of(text), false);
	check(&known);
	notice_bounce(&known, &out);
	assert_int_equal(count(strbuf_span(&out), "X-Large"), 0);
	assert_int_equal(count(strbuf_span(&out), "\r\nSubject: behind it\r\nX-Field: with some text in it\r\n"), 1);
	assert_true(count(strbuf_span(&out), "X-Field: with some text in it\r\n") > 500);
	strbuf_free(&out);
	header_free(&header);
	free(text);
	free(large);
	free(many);
}

/* Ordinary refusals are all shown up to the limit; the others are counted. */
static void many_refusals(void **state)
{
	struct notice_refusal refusals[NOTICE_REFUSALS_SHOWN + 7];
	struct header header = { 0 };
	struct notice_facts known = { .hostname = "h.example",
		                      .account = "a",
		                      .postmaster = "p",
		                      .server = "s",
		                      .sender = "c@d",
		                      .header = &header,
		                      .token = "t0ken",
		                      .refusals = refusals,
		                      .refusal_count = sizeof(refusals) / sizeof(*refusals) };
	struct strbuf out = { 0 };

	(void)state;
	for (size_t i = 0; i < known.refusal_count; i++)
		refusals[i] = (struct notice_refusal){ "somebody@office.example", NULL,
			                               "550 5.1.1 <somebody@office.example>: User unknown" };
	check(&known);
	notice_bounce(&known, &out);
	assert_int_equal(count(strbuf_span(&out), "Final-Recipient:"), NOTICE_REFUSALS_SHOWN);
	assert_int_equal(count(strbuf_span(&out), "\r\n  somebody@office.example\r\n"), NOTICE_REFUSALS_SHOWN);
	assert_int_equal(count(strbuf_span(&out), "\r\n  and 7 more\r\n"), 1);
	assert_int_equal(count(strbuf_span(&out), "107 recipients"), 1);
	strbuf_free(&out);
}

/* Quoted-printable text says what the header said. */
static void quoted_header(void **state)
{
	struct header header;
	struct notice_facts known = { .hostname = "h.example",
		                      .account = "a",
		                      .postmaster = "p",
		                      .server = "s",
		                      .sender = "c@d",
		                      .header = &header,
		                      .token = "t0ken" };
	struct strbuf out = { 0 };

	(void)state;
	header_parse(&header, SPAN("Subject: j\xc3\xbc=\x1b \r\nTo: a\r\n"), false);
	check(&known);
	notice_bounce(&known, &out);
	assert_int_equal(count(strbuf_span(&out), "Content-Type: text/rfc822-headers; charset=utf-8\r\n"
	                                          "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	                                          "Subject: j=C3=BC=3D=1B=20\r\nTo: a\r\n" DELIMITER "--\r\n"),
	                 1);
	assert_int_equal(count(strbuf_span(&out), "  Subject:    j=C3=BC=3D\\x1b\r\n"), 1);
	strbuf_free(&out);
	header_free(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts),
		cmocka_unit_test(huge_header),
		cmocka_unit_test(many_refusals),
		cmocka_unit_test(quoted_header),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("notice hostile", tests, NULL, NULL);
}
