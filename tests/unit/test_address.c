/* SPDX-License-Identifier: ISC
 *
 * mail/: addresses, good, bad and forged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/address.h"
#include "multidropd/str.h"

/* "a@b|c@d" as they are formatted, "!" for each broken one at the end, "<>" for the null address. */
static char *show(struct span value)
{
	struct address_list list = { 0 };
	struct strbuf out = { 0 };

	address_list_parse(&list, value);
	for (size_t i = 0; i < list.count; i++) {
		char *text = address_format(&list.items[i]);

		strbuf_addf(&out, "%s%s", i > 0 ? "|" : "", text);
		free(text);
	}
	for (size_t i = 0; i < list.broken; i++)
		strbuf_add_byte(&out, '!');
	if (list.null)
		strbuf_add_str(&out, "<>");
	address_list_free(&list);
	return strbuf_take(&out);
}

struct list_case {
	const char *in, *want;
};

static void check_cases(const struct list_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *shown = show(span_of(cases[i].in));

		if (strcmp(shown, cases[i].want) != 0)
			fail_msg("`%s` gives `%s`, not `%s`", cases[i].in, shown, cases[i].want);
		free(shown);
	}
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

static const struct list_case plain_cases[] = {
	{ "alice@example.com", "alice@example.com" },
	{ " <alice@example.com> ", "alice@example.com" },
	{ "alice", "alice" },
	{ "<alice>", "alice" },
	{ "a.b.c+tag@sub-1.ex_ample.com", "a.b.c+tag@sub-1.ex_ample.com" },
	{ "a@b, c@d,e@f", "a@b|c@d|e@f" },
	{ ",, a@b,,c@d,", "a@b|c@d" },
	{ "a@b,\r\n\tc@d,\r\n e@f", "a@b|c@d|e@f" },
	{ "Alice <a@b>", "a@b" },
	{ "Alice B. Carter <a@b>, \"D, E\" <d@e>", "a@b|d@e" },
	{ "=?utf-8?q?victim=40example=2Ecom?= <a@b>", "a@b" },
	{ "\"<victim@example.com>\" <a@b>", "a@b" },
	{ "J\xc3\xbcrgen <a@b>", "a@b" },
	{ "\"tab\there\" <a@b>", "a@b" },
	{ "o'brien@example.com", "o'brien@example.com" },
	{ "a=b/c{d}@example.com", "a=b/c{d}@example.com" },
	{ "\xc3\xa4@example.com", "\xc3\xa4@example.com" },
	{ "\xe2\x82\xac\xf0\x9f\x98\x80@example.com", "\xe2\x82\xac\xf0\x9f\x98\x80@example.com" },
	{ "", "" },
	{ " \r\n ", "" },
	{ "\xee\x80\x80@example.com", "\xee\x80\x80@example.com" },
	{ "=?a@example.com, =?a?@example.com, a?=@example.com, =?=@example.com",
	  "=?a@example.com|=?a?@example.com|a?=@example.com|=?=@example.com" },
	{ "<>", "<>" },
	{ "< (none) >", "<>" },
	{ "MAILER-DAEMON <>", "<>" },
	{ "<>, a@b", "a@b<>" },
	{ "a@[b", "!" },
};

static const struct list_case quoted_cases[] = {
	{ "\"bob smith\"@example.com", "\"bob smith\"@example.com" },
	{ "<\"bob smith\"@example.com>", "\"bob smith\"@example.com" },
	{ "\"bob\"@example.com", "bob@example.com" },
	{ "\"a\\\"b\\\\c\"@example.com", "\"a\\\"b\\\\c\"@example.com" },
	{ "\"a@b\"@example.com", "\"a@b\"@example.com" },
	{ "\"a,b\"@example.com", "\"a,b\"@example.com" },
	{ "\"a..b\"@example.com", "\"a..b\"@example.com" },
	{ "\".a\"@example.com, \"a.\"@example.com", "\".a\"@example.com|\"a.\"@example.com" },
	{ "\"b c\".d@example.com", "\"b c.d\"@example.com" },
	{ "\"b\r\n c\"@example.com", "\"b c\"@example.com" },
	{ "\"bob smith\"", "\"bob smith\"" },
	{ "collector-\"bob smith\"@example.com", "\"collector-bob smith\"@example.com" },
	{ "collector- \"bob smith\"@example.com", "!" },
	{ "\"bob\"smith@example.com", "!" },
	{ "a\"b\"c@example.com", "!" },
	{ "\"\"@example.com", "!" },
	{ "\"a\tb\"@example.com", "!" },
	{ "\"a\\\r\n b\"@example.com", "!" },
	{ "\"a%b\"@example.com", "!" },
	{ "\"a\x7f\"@example.com", "!" },
	{ "\"unterminated@example.com, b@c", "!" },
	{ "a@b, \"unterminated\\\", c@d", "a@b!" },
};

static const struct list_case comment_cases[] = {
	{ "alice@example.com (<victim@example.com>)", "alice@example.com" },
	{ "(victim@example.com) alice@example.com", "alice@example.com" },
	{ "alice(x)@(y)example(z).com", "alice@example.com" },
	{ "a (x) . b @ c . d", "a.b@c.d" },
	{ "(a(b(c)d)e) alice@example.com", "alice@example.com" },
	{ "(\\)) alice@example.com", "alice@example.com" },
	{ "(\\(, v@x) alice@example.com", "alice@example.com" },
	{ "(\")\" alice@example.com", "!" },
	{ "((((((((((((((((x)))))))))))))))) a@b", "a@b" },
	{ "(((((((((((((((((x))))))))))))))))) a@b, c@d", "c@d!" },
	{ "alice@example.com (, bob@example.com", "!" },
	{ "(x, bob@example.com", "!" },
	{ "(x\\", "!" },
	{ ") alice@example.com", "!" },
};

static const struct list_case group_cases[] = {
	{ "undisclosed-recipients:;", "" },
	{ "All: a@b, c@d;", "a@b|c@d" },
	{ "All of us: Alice <a@b>, <c@d>; , e@f", "a@b|c@d|e@f" },
	{ "\"A, B\": a@b;", "a@b" },
	{ "A: a@b, broken@@x, c@d;", "a@b|c@d!" },
	{ "A: a@b x;, c@d", "c@d!" },
	{ "A: a@b; c@d", "a@b!" },
	{ "A: a@b; c@d, e@f", "a@b|e@f!" },
	{ "x@y, A: a@b, c@d", "x@y!" },
	{ "A: B: a@b;;", "!!" },
	{ "A: ,a@b,,;", "a@b" },
	{ "smtp:alice@example.com", "!" },
	{ "rfc822;alice@example.com", "!" },
	{ ": a@b;", "!" },
	{ "a@b: c@d;", "!" },
};

static const struct list_case refused_cases[] = {
	/* Routes, and the comma in them. */
	{ "<@a,@b:bob@example.com>", "!" },
	{ "<@a,bob@example.com>", "!" },
	{ "Bob <@a,@b:bob@example.com>, c@d", "c@d!" },
	{ "@a,@b:bob@example.com", "!!" },
	{ "bob%example.org@example.com", "!" },
	{ "host!bob@example.com", "!" },
	/* A local part that lacks its quotes. */
	{ "<bob smith@example.com>", "!" },
	{ "bob smith@example.com", "!" },
	{ "<alice, bob@example.com>", "!" },
	{ "mailing list dev@example.com", "!" },
	{ "alice bob", "!" },
	/* Domains. */
	{ "bob@example.com.", "!" },
	{ "<bob@example.com.>, c@d", "c@d!" },
	{ "bob@", "!" },
	{ "bob@.com", "!" },
	{ "bob@example..com", "!" },
	{ "bob@[192.0.2.1]", "!" },
	{ "bob@b\xc3\xbc"
	  "ro.example",
	  "!" },
	{ "bob@exa$mple.com", "!" },
	{ "bob@\"example\".com", "!" },
	{ "bob@example.com:25", "!" },
	{ "bob@0123456789012345678901234567890123456789012345678901234567890123.com", "!" },
	/* Local parts. */
	{ "@example.com", "!" },
	{ "<@example.com>", "!" },
	{ ".bob@example.com", "!" },
	{ "bob.@example.com", "!" },
	{ "bob..smith@example.com", "!" },
	{ "bob.", "!" },
	{ "a@b@c", "!" },
	{ "<a@b@c>", "!" },
	{ "a@b c@d", "!" },
	{ "=?utf-8?q?j=C3=BCrgen=40example=2Ecom?=", "!" },
	{ "=?utf-8?q?victim?=@example.com", "!" },
	{ "bo\\b@example.com", "!" },
	{ "bo\x01"
	  "b@example.com",
	  "!" },
	{ "bo\x7f"
	  "b@example.com",
	  "!" },
	/* Not UTF-8, or C1. */
	{ "j\xfcrgen@example.com", "!" },
	{ "j\xc3@example.com", "!" },
	{ "j\xc3x@example.com", "!" },
	{ "j\xe2\x82@example.com", "!" },
	{ "\xc2\x85@example.com", "!" },
	{ "\xc0\xaf@example.com", "!" },
	{ "\xe0\x80\xaf@example.com", "!" },
	{ "\xed\xa0\x80@example.com", "!" },
	{ "\xf4\x90\x80\x80@example.com", "!" },
	{ "\xf8\x88\x80\x80\x80@example.com", "!" },
	{ "\x80@example.com", "!" },
	/* Brackets. */
	{ "<bob@example.com", "!" },
	{ "<bob@example.com, c@d", "!" },
	{ "bob@example.com>", "!" },
	{ "<<bob@example.com>>", "!" },
	{ "<a@b> <c@d>", "!" },
	{ "<a@b> for c@d", "!" },
	{ "<a@b> c, d@e", "d@e!" },
	{ "<> a@b", "!<>" },
	{ "victim@x <a@b>", "!" },
	{ "[x] <a@b>", "!" },
	{ "a@b, @, c@d", "a@b|c@d!" },
	{ "a@b; c@d", "!" },
	{ "a@b, x <y, z@w", "a@b!" },
};

static void lists(void **state)
{
	(void)state;
	CHECK_CASES(plain_cases);
	CHECK_CASES(quoted_cases);
	CHECK_CASES(comment_cases);
	CHECK_CASES(group_cases);
	CHECK_CASES(refused_cases);
}

static void nul_is_no_end(void **state)
{
	char *shown;

	(void)state;
	shown = show(SPAN("a\0b@c, d@e"));
	assert_string_equal(shown, "d@e!");
	free(shown);
	shown = show(SPAN("\"a\0b\"@c"));
	assert_string_equal(shown, "!");
	free(shown);
	shown = show(SPAN("a@b\0, d@e"));
	assert_string_equal(shown, "d@e!");
	free(shown);
}

static void check_length(size_t local_len, const char *domain, bool good)
{
	struct strbuf text = { 0 };
	struct address address;

	while (text.len < local_len)
		strbuf_add_byte(&text, 'x');
	strbuf_addf(&text, "@%s", domain);
	if (good) {
		assert_int_equal(address_parse(&address, strbuf_span(&text)), 0);
		assert_int_equal(strlen(address.local), local_len);
		address_free(&address);
	} else {
		assert_int_equal(address_parse(&address, strbuf_span(&text)), -1);
	}
	strbuf_free(&text);
}

static void lengths(void **state)
{
	char domain[262];

	(void)state;
	check_length(ADDRESS_LENGTH_MAX - 3, "a.b", true);
	check_length(ADDRESS_LENGTH_MAX - 2, "a.b", false);
	for (size_t i = 0; i < sizeof(domain) - 1; i++)
		domain[i] = i % 2 == 0 ? 'x' : '.';
	domain[255] = '\0';
	check_length(1, domain, true);
	domain[255] = '.';
	domain[257] = '\0';
	check_length(1, domain, false);
}

/* Hundreds of kilobytes of anything end, and soon: the test's own time is what would tell. */
static void large_input(void **state)
{
	static const char *const pieces[] = { "(",    "a ", "\"", "<", "a,", "a:", "(x)",
		                              "a@b,", "\\", "<a", "[", ".",  "a:;" };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct strbuf text = { 0 };
		struct address_list list = { 0 };

		while (text.len < 256 * 1024)
			strbuf_add_str(&text, pieces[i]);
		address_list_parse(&list, strbuf_span(&text));
		assert_true(list.count + list.broken <= text.len);
		address_list_free(&list);
		strbuf_free(&text);
	}
}

static const struct {
	const char *in, *local, *domain;
} parse_cases[] = {
	{ "alice@example.com", "alice", "example.com" },
	{ "alice", "alice", "" },
	{ "\"a \\\"b\"@example.com", "a \"b", "example.com" },
	{ " alice @ example.com ", "alice", "example.com" },
	{ "", NULL, NULL },
	{ "<alice@example.com>", NULL, NULL },
	{ "a@b, c@d", NULL, NULL },
	{ "Alice <a@b>", NULL, NULL },
	{ "a%b@c", NULL, NULL },
};

static void one_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parse_cases) / sizeof(*parse_cases); i++) {
		struct address address;
		struct address copy;

		if (parse_cases[i].local == NULL) {
			assert_int_equal(address_parse(&address, span_of(parse_cases[i].in)), -1);
			continue;
		}
		assert_int_equal(address_parse(&address, span_of(parse_cases[i].in)), 0);
		assert_string_equal(address.local, parse_cases[i].local);
		assert_string_equal(address.domain, parse_cases[i].domain);
		address_copy(&copy, &address);
		address_free(&address);
		assert_null(address.local);
		assert_string_equal(copy.local, parse_cases[i].local);
		address_free(&copy);
	}
}

static const struct list_case sender_cases[] = {
	{ "<alice@example.com>", "alice@example.com" },
	{ " alice@example.com (x)", "alice@example.com" },
	{ "<bounce+bob%example.org@example.com>", "bounce+bob%example.org@example.com" },
	{ "<host!bob@example.com>", "host!bob@example.com" },
	{ "<a..b@example.com>", "\"a..b\"@example.com" },
	{ "<a.@example.com>", "\"a.\"@example.com" },
	{ "<.a@example.com>", "\".a\"@example.com" },
	{ "<>", NULL },
	{ "", NULL },
	{ "<MAILER-DAEMON>", NULL },
	{ "<@example.com>", NULL },
	{ "<alice@example.com", NULL },
	{ "alice@example.com>", NULL },
	{ "<a@b> <c@d>", NULL },
	{ "a@b, c@d", NULL },
	{ "<@x:a@b>", NULL },
	{ "Alice <a@b>", NULL },
	{ "<a b@c>", NULL },
	{ "=?utf-8?q?a?=@b", NULL },
};

static void senders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sender_cases) / sizeof(*sender_cases); i++) {
		struct address address;
		char *text;

		if (sender_cases[i].want == NULL) {
			assert_int_equal(address_parse_sender(&address, span_of(sender_cases[i].in)), -1);
			continue;
		}
		assert_int_equal(address_parse_sender(&address, span_of(sender_cases[i].in)), 0);
		text = address_format(&address);
		assert_string_equal(text, sender_cases[i].want);
		free(text);
		address_free(&address);
	}
}

static struct address make(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(&address, span_of(text)), 0);
	return address;
}

static void check_equal(const char *one, const char *other, bool equal)
{
	struct address a = make(one);
	struct address b = make(other);

	assert_int_equal(address_equal(&a, &b), equal);
	address_free(&a);
	address_free(&b);
}

static void equality(void **state)
{
	(void)state;
	check_equal("Alice@Example.com", "alice@example.COM", true);
	check_equal("\"alice\"@example.com", "alice@example.com", true);
	check_equal("alice@example.com", "alice@example.org", false);
	check_equal("alice@example.com", "alice2@example.com", false);
	check_equal("alice@example.com", "alice", false);
}

static void eight_bits(void **state)
{
	char local[] = "alice";
	char domain[] = "b\xc3\xbcro.example";
	struct address ascii = make("alice@example.com");
	struct address local_8bit = make("j\xc3\xbcrgen@example.com");
	struct address domain_8bit = { local, domain };

	(void)state;
	assert_false(address_is_8bit(&ascii));
	assert_true(address_is_8bit(&local_8bit));
	assert_true(address_is_8bit(&domain_8bit));
	address_free(&ascii);
	address_free(&local_8bit);
}

static void domain_patterns(void **state)
{
	(void)state;
	assert_true(address_domain_matches("Example.com", "example.COM"));
	assert_false(address_domain_matches("sub.example.com", "example.com"));
	assert_false(address_domain_matches("example.com.evil", "example.com"));
	assert_false(address_domain_matches("", "example.com"));
	assert_true(address_domain_matches("example.com", ".example.com"));
	assert_true(address_domain_matches("a.b.EXAMPLE.com", ".example.com"));
	assert_false(address_domain_matches("badexample.com", ".example.com"));
	assert_false(address_domain_matches(".example.com", ".example.com"));
	assert_false(address_domain_matches("com", ".example.com"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),       cmocka_unit_test(nul_is_no_end), cmocka_unit_test(lengths),
		cmocka_unit_test(large_input), cmocka_unit_test(one_address),   cmocka_unit_test(senders),
		cmocka_unit_test(equality),    cmocka_unit_test(eight_bits),    cmocka_unit_test(domain_patterns),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
