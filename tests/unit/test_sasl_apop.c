/* SPDX-License-Identifier: ISC
 *
 * Which greetings APOP trusts, and its digest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/sasl.h"

static void banners(void **state)
{
	static const struct {
		const char *greeting;
		const char *banner;
	} cases[] = {
		{ "+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>", "<1896.697170952@dbc.mtview.ca.us>" },
		{ "+OK <a@b> ready", "<a@b>" },
		{ "<a.b+c!#$%&'*/=?^_`{|}~-@[192.0.2.1]>", "<a.b+c!#$%&'*/=?^_`{|}~-@[192.0.2.1]>" },
		{ "+OK bereit, gr\xc3\xbc\xc3\x9f"
		  "e <a@b>",
		  "<a@b>" },
		{ "+OK no banner", "" },
		{ "", "" },
		{ "+OK <a@b", "" },
		{ "+OK a@b>", "" },
		{ "+OK >a@b<", "" },
		{ "+OK <>", "" },
		{ "+OK <a>", "" },
		{ "+OK <@b>", "" },
		{ "+OK <a@>", "" },
		{ "+OK <a@b@c>", "" },
		{ "+OK <a@b> <c@d>", "" },
		{ "+OK <a@b><c@d>", "" },
		{ "+OK <a@b> < c@d>", "" },
		{ "+OK <a@b>>", "" },
		{ "+OK <<a@b>", "" },
		{ "+OK <a b@c>", "" },
		{ "+OK < a@b>", "" },
		{ "+OK <a@b >", "" },
		{ "+OK <a\t@b>", "" },
		{ "+OK <.a@b>", "" },
		{ "+OK <a.@b>", "" },
		{ "+OK <a..b@c>", "" },
		{ "+OK <a@b.>", "" },
		{ "+OK <a@.b>", "" },
		{ "+OK <\"a\"@b>", "" },
		{ "+OK <a@[b>", "" },
		{ "+OK <a@[b[c]>", "" },
		{ "+OK <a@[b c]>", "" },
		{ "+OK <a@[b\\]]>", "" },
		{ "+OK <a@]>", "" },
		{ "+OK <a\x80@b>", "" },
		{ "+OK <a@b\xff>", "" },
		{ "+OK <a\x01@b>", "" },
		{ "+OK <a\x7f@b>", "" },
		{ "+OK <gr\xc3\xbc\xc3\x9f"
		  "e@b>",
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span banner = sasl_apop_banner(span_of(cases[i].greeting));

		if (!span_equal(banner, span_of(cases[i].banner)))
			fail_msg("%s: came %.*s", cases[i].greeting, (int)banner.len, banner.data);
	}
	assert_int_equal(sasl_apop_banner(SPAN("+OK <a\0@b>")).len, 0);
	assert_int_equal(sasl_apop_banner(SPAN("+OK <a@b\0>")).len, 0);
	assert_int_equal(sasl_apop_banner(SPAN("+OK <a@[b\0]>")).len, 0);
}

/* RFC 1939 7. */
static void digest(void **state)
{
	char hex[33];

	(void)state;
	sasl_apop_digest(SPAN("<1896.697170952@dbc.mtview.ca.us>"), SPAN("tanstaaf"), hex);
	assert_string_equal(hex, "c4c9334bac560ecc979e58001b3e22fb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(banners),
		cmocka_unit_test(digest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sasl apop", tests, NULL, NULL);
}
