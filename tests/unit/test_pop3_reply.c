/* SPDX-License-Identifier: ISC
 *
 * pop3/: reply lines, response codes, capabilities.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/pop3/reply.h"

static void reply_lines(void **state)
{
	static const struct {
		struct span line;
		enum pop3_status status;
		enum pop3_code code;
		struct span text;
	} cases[] = {
		{ SPAN("+OK"), POP3_OK, POP3_CODE_NONE, SPAN("") },
		{ SPAN("+OK "), POP3_OK, POP3_CODE_NONE, SPAN("") },
		{ SPAN("+ok  hello there "), POP3_OK, POP3_CODE_NONE, SPAN("hello there") },
		{ SPAN("+OK<1@b>"), POP3_OK, POP3_CODE_NONE, SPAN("<1@b>") },
		{ SPAN("+OK\ttab"), POP3_OK, POP3_CODE_NONE, SPAN("tab") },
		{ SPAN("+OK nul \0 inside"), POP3_OK, POP3_CODE_NONE, SPAN("nul \0 inside") },
		{ SPAN("+OKAY"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("+OKAY") },
		{ SPAN("+OK1"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("+OK1") },
		{ SPAN("+O"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("+O") },
		{ SPAN(" +OK"), POP3_GARBAGE, POP3_CODE_NONE, SPAN(" +OK") },
		{ SPAN(""), POP3_GARBAGE, POP3_CODE_NONE, SPAN("") },
		{ SPAN("250 OK"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("250 OK") },
		{ SPAN("-ERR"), POP3_ERR, POP3_CODE_NONE, SPAN("") },
		{ SPAN("-Err no such message"), POP3_ERR, POP3_CODE_NONE, SPAN("no such message") },
		{ SPAN("-ERROR"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("-ERROR") },
		{ SPAN("-"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("-") },
		{ SPAN("-ERR [AUTH] no"), POP3_ERR, POP3_CODE_AUTH, SPAN("[AUTH] no") },
		{ SPAN("-ERR [in-use] no"), POP3_ERR, POP3_CODE_IN_USE, SPAN("[in-use] no") },
		{ SPAN("-ERR [LOGIN-DELAY]"), POP3_ERR, POP3_CODE_LOGIN_DELAY, SPAN("[LOGIN-DELAY]") },
		{ SPAN("-ERR [SYS/TEMP] x"), POP3_ERR, POP3_CODE_SYS_TEMP, SPAN("[SYS/TEMP] x") },
		{ SPAN("-ERR [SYS/PERM] x"), POP3_ERR, POP3_CODE_SYS_PERM, SPAN("[SYS/PERM] x") },
		{ SPAN("-ERR [SYS/PERM/QUOTA] x"), POP3_ERR, POP3_CODE_SYS_PERM, SPAN("[SYS/PERM/QUOTA] x") },
		{ SPAN("-ERR [SYS] x"), POP3_ERR, POP3_CODE_OTHER, SPAN("[SYS] x") },
		{ SPAN("-ERR [SYS/TEMPORARY] x"), POP3_ERR, POP3_CODE_OTHER, SPAN("[SYS/TEMPORARY] x") },
		{ SPAN("-ERR [] x"), POP3_ERR, POP3_CODE_NONE, SPAN("[] x") },
		{ SPAN("-ERR [AUTH x"), POP3_ERR, POP3_CODE_NONE, SPAN("[AUTH x") },
		{ SPAN("-ERR see [AUTH] x"), POP3_ERR, POP3_CODE_NONE, SPAN("see [AUTH] x") },
		{ SPAN("+"), POP3_CHALLENGE, POP3_CODE_NONE, SPAN("") },
		{ SPAN("+ "), POP3_CHALLENGE, POP3_CODE_NONE, SPAN("") },
		{ SPAN("+ [AUTH]"), POP3_CHALLENGE, POP3_CODE_NONE, SPAN("[AUTH]") },
		{ SPAN("+YWJj"), POP3_GARBAGE, POP3_CODE_NONE, SPAN("+YWJj") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pop3_reply reply = pop3_reply_parse(cases[i].line);

		if (reply.status != cases[i].status || reply.code != cases[i].code ||
		    !span_equal(reply.text, cases[i].text))
			fail_msg("case %zu: status %d, code %d, text «%.*s»", i, (int)reply.status, (int)reply.code,
			         (int)reply.text.len, reply.text.data);
	}
}

static struct pop3_capa capa_of(const char *const *lines)
{
	struct pop3_capa capa = { 0 };

	for (; *lines != NULL; lines++)
		pop3_capa_line(&capa, span_of(*lines));
	return capa;
}

static void capabilities(void **state)
{
	static const char *const dovecot[] = { "CAPA",       "TOP",        "UIDL",
		                               "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE",
		                               "STLS",       "USER",       "SASL PLAIN LOGIN CRAM-MD5",
		                               NULL };
	static const char *const odd[] = { "",
		                           " ",
		                           "TOPS",
		                           "UIDLX",
		                           "EXPIRENEVER",
		                           "LOGIN-DELAY",
		                           "LOGIN-DELAY x",
		                           "EXPIRE",
		                           "EXPIRE NEVER",
		                           "SASL",
		                           "SASL UNKNOWN",
		                           "\x80",
		                           NULL };
	static const char *const lower[] = { "top",         "Uidl",          "user",
		                             "stls",        "pipelining",    "utf8 user",
		                             "sasl\tplain", "expire 0 USER", "login-delay 60 USER",
		                             NULL };
	static const char *const huge[] = { "LOGIN-DELAY 18446744073709551615", "EXPIRE 00", NULL };
	struct pop3_capa capa;

	(void)state;
	capa = capa_of(dovecot);
	assert_true(capa.top && capa.uidl && capa.user && capa.stls && capa.pipelining);
	assert_false(capa.utf8 || capa.expire_zero);
	assert_int_equal(capa.sasl, SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_LOGIN) | SASL_BIT(SASL_CRAM_MD5));
	capa = capa_of(odd);
	assert_false(capa.top || capa.uidl || capa.user || capa.stls || capa.pipelining || capa.utf8 ||
	             capa.expire_zero);
	assert_int_equal(capa.login_delay_s, 0);
	assert_int_equal(capa.sasl, 0);
	capa = capa_of(lower);
	assert_true(capa.top && capa.uidl && capa.user && capa.stls && capa.pipelining && capa.utf8 &&
	            capa.expire_zero);
	assert_int_equal(capa.sasl, SASL_BIT(SASL_PLAIN));
	assert_int_equal(capa.login_delay_s, 60);
	capa = capa_of(huge);
	assert_true(capa.login_delay_s > 0 && capa.login_delay_s <= 7 * 86400);
	assert_true(capa.expire_zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_lines),
		cmocka_unit_test(capabilities),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3 replies", tests, NULL, NULL);
}
