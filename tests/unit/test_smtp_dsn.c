/* SPDX-License-Identifier: ISC
 *
 * The DSN parameters of MAIL and RCPT.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/smtp/dsn.h"

#define NOTIFY " NOTIFY=FAILURE"

static void writes_mail(void **state)
{
	static const struct {
		const char *envid, *want;
	} cases[] = {
		{ NULL, "" },
		{ "QQ314159", " RET=HDRS ENVID=QQ314159" },
		{ "a b+c=d", " RET=HDRS ENVID=a+20b+2Bc+3Dd" },
		{ "!~\\\"<>@;", " RET=HDRS ENVID=!~\\\"<>@;" },
		/* cannot be written */
		{ "", " RET=HDRS" },
		{ "a\r\nRCPT TO:<x@y>", " RET=HDRS" },
		{ "a\tb", " RET=HDRS" },
		{ "a\177", " RET=HDRS" },
		{ "\303\244", " RET=HDRS" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf line = { 0 };

		smtp_dsn_add_mail(&line, cases[i].envid);
		assert_string_equal(strbuf_str(&line), cases[i].want);
		strbuf_free(&line);
	}
}

static void writes_rcpt(void **state)
{
	static const struct {
		enum delivery_notify notify;
		const char *original;
		bool smtputf8;
		const char *want;
	} cases[] = {
		{ DELIVERY_NOTIFY_DEFAULT, NULL, true, "" },
		{ DELIVERY_NOTIFY_DEFAULT, "a@b", true, "" },
		{ DELIVERY_NOTIFY_NEVER, NULL, true, " NOTIFY=NEVER" },
		{ DELIVERY_NOTIFY_NEVER, "a@b", true, " NOTIFY=NEVER" },
		{ DELIVERY_NOTIFY_FAILURE, NULL, true, NOTIFY },
		{ DELIVERY_NOTIFY_FAILURE, "a@b", false, NOTIFY " ORCPT=rfc822;a@b" },
		{ DELIVERY_NOTIFY_FAILURE, "a@b", true, NOTIFY " ORCPT=rfc822;a@b" },
		{ DELIVERY_NOTIFY_FAILURE, "a+b=c@d", false, NOTIFY " ORCPT=rfc822;a+2Bb+3Dc@d" },
		{ DELIVERY_NOTIFY_FAILURE, "a+b=c@d", true, NOTIFY " ORCPT=rfc822;a+2Bb+3Dc@d" },
		{ DELIVERY_NOTIFY_FAILURE, "\"b \\\" c\"@d", false, NOTIFY " ORCPT=rfc822;\"b+20\\\"+20c\"@d" },
		/* RFC 6533 */
		{ DELIVERY_NOTIFY_FAILURE, "\303\244@b", false, NOTIFY },
		{ DELIVERY_NOTIFY_FAILURE, "\303\244@b", true, NOTIFY " ORCPT=utf-8;\303\244@b" },
		{ DELIVERY_NOTIFY_FAILURE, "\"\303\244 + =\\\"\"@\303\266", true,
		  NOTIFY " ORCPT=utf-8;\"\303\244\\x{20}\\x{2B}\\x{20}\\x{3D}\\x{5C}\"\"@\303\266" },
		/* cannot be written */
		{ DELIVERY_NOTIFY_FAILURE, "", true, NOTIFY },
		{ DELIVERY_NOTIFY_FAILURE, "a@b\r\nDATA", true, NOTIFY },
		{ DELIVERY_NOTIFY_FAILURE, "\"a\tb\"@c", true, NOTIFY },
		{ DELIVERY_NOTIFY_FAILURE, "a\177@c", true, NOTIFY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf line = { 0 };

		smtp_dsn_add_rcpt(&line, cases[i].notify, cases[i].original, cases[i].smtputf8);
		assert_string_equal(strbuf_str(&line), cases[i].want);
		strbuf_free(&line);
	}
}

/* `count` times `item`; the caller frees. */
static char *repeat(const char *item, size_t count)
{
	struct strbuf text = { 0 };

	while (count-- > 0)
		strbuf_add_str(&text, item);
	return strbuf_take(&text);
}

/* By how much a value makes the line longer. */
static size_t mail_growth(const char *item, size_t count)
{
	char *envid = repeat(item, count);
	struct strbuf line = { 0 };
	size_t len;

	smtp_dsn_add_mail(&line, envid);
	len = line.len - strlen(" RET=HDRS");
	strbuf_free(&line);
	free(envid);
	return len;
}

static size_t rcpt_growth(const char *item, size_t count)
{
	char *original = repeat(item, count);
	struct strbuf line = { 0 };
	size_t len;

	smtp_dsn_add_rcpt(&line, DELIVERY_NOTIFY_FAILURE, original, true);
	len = line.len - strlen(NOTIFY);
	strbuf_free(&line);
	free(original);
	return len;
}

static void bounds_values(void **state)
{
	const size_t envid = strlen(" ENVID=");
	const size_t orcpt = strlen(" ORCPT=rfc822;");
	const size_t room = SMTP_DSN_RCPT_MAX - strlen(NOTIFY) - orcpt;

	(void)state;
	assert_int_equal(mail_growth("x", 100), envid + 100);
	assert_int_equal(mail_growth("x", 101), 0);
	assert_int_equal(mail_growth("+", 33), envid + 99);
	assert_int_equal(mail_growth("+", 34), 0);
	assert_int_equal(rcpt_growth("x", room), orcpt + room);
	assert_int_equal(rcpt_growth("x", room + 1), 0);
	assert_int_equal(rcpt_growth("+", room / 3), orcpt + room / 3 * 3);
	assert_int_equal(rcpt_growth("+", room / 3 + 1), 0);
	assert_int_equal(rcpt_growth("\303\244", 500), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_mail),
		cmocka_unit_test(writes_rcpt),
		cmocka_unit_test(bounds_values),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp_dsn", tests, NULL, NULL);
}
