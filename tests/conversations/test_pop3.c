/* SPDX-License-Identifier: ISC
 *
 * POP3 from the connection to a choice of mechanisms: greeting, CAPA, STLS,
 * UTF8, and how a session ends before it began.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pop3_client.h"

#define PEER "pop.example[192.0.2.1]:110"

static const struct pop3_client_options plain = { .tls = POP3_TLS_NONE };
static const struct pop3_client_options starttls = { .tls = POP3_TLS_STARTTLS };
static const struct pop3_client_options implicit = { .tls = POP3_TLS_IMPLICIT };

/* A server without CAPA: USER and PASS, and CAPA is not asked again. */
static void logs_in_without_capa(void **state)
{
	(void)state;
	pop3_client_play(&plain, "S: +OK ready\nC: CAPA\nS: -ERR what\nC: USER ann\nCNONE\nS: +OK\nC: PASS geheim\n"
	                         "CNONE\nS: +OK in\nEXPECT ready user clear uidl top delay=0\n"
	                         "CALL list\nC: UIDL\nC: LIST\nCNONE\n"
	                         "S: +OK\nS: .\nS: +OK\nS: .\nEXPECT listed 0 uids broken=0\n"
	                         "CALL quit\nC: QUIT\nS: +OK bye\nEXPECT closed none quit reached bye\nCLOSED");
}

static void reads_capabilities(void **state)
{
	(void)state;
	pop3_client_play(
		&implicit,
		"TLS\nS: +OK ready\nC: CAPA\nS: +OK list follows\nS: TOP\nS: UIDL\nS: USER\nS: EXPIRE 0\n"
		"S: LOGIN-DELAY 60\nS: X-UNKNOWN thing\nS: \nS: .\nC: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\n"
		"EXPECT ready user tls uidl top expire0 delay=60");
	/* mailutils writes no blank; a proxy knows less before the login than after it. */
	pop3_client_play(&implicit, "TLS\nS: +OK\nC: CAPA\nS: +OK\nS: EXPIRENEVER\nS: user\nS: .\nC: USER ann\nS: +OK\n"
	                            "C: PASS geheim\nS: +OK\nEXPECT ready user tls delay=0");
}

/* A server that names no way to log in may still know the oldest. */
static void tries_user_where_nothing_is_offered(void **state)
{
	(void)state;
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: +OK\nS: TOP\nS: .\nC: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\n"
	                         "EXPECT ready user clear top delay=0");
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: +OK\nS: STLS\nS: .\n"
	                         "EXPECT closed auth reached " PEER ": cannot log in as ann: the server offers no "
	                         "mechanism that auth = auto uses\nCLOSED");
}

static void asks_for_utf8(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 "S: +OK\nC: CAPA\nS: +OK\nS: UTF8 USER\nS: USER\nS: .\nC: UTF8\nCNONE\nS: +OK\nC: USER ann\n"
	                 "S: +OK\nC: PASS geheim\nS: +OK\nEXPECT ready user clear utf8 delay=0");
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: +OK\nS: UTF8\nS: USER\nS: .\nC: UTF8\nS: -ERR no\nC: USER ann\n"
	                         "S: +OK\nC: PASS geheim\nS: +OK\nEXPECT ready user clear delay=0");
}

#define STLS_BEGUN "S: +OK\nC: CAPA\nS: +OK\nS: STLS\nS: UTF8\nS: USER\nS: .\nC: STLS\nCNONE\n"

static void starts_tls(void **state)
{
	(void)state;
	/* What was announced in clear text does not count: UTF8 is not asked for. */
	pop3_client_play(&starttls, STLS_BEGUN "S: +OK go\nTLS\nC: CAPA\nS: +OK\nS: USER\nS: TOP\nS: .\nC: USER ann\n"
	                                       "S: +OK\nC: PASS geheim\nS: +OK\nEXPECT ready user tls top delay=0");
	/* Without CAPA it is tried, and CAPA is not asked again. */
	pop3_client_play(&starttls, "S: +OK\nC: CAPA\nS: -ERR\nC: STLS\nS: +OK\nTLS\nC: USER ann\nS: +OK\n"
	                            "C: PASS geheim\nS: +OK\nEXPECT ready user tls uidl top delay=0");
}

static void never_falls_back_to_clear_text(void **state)
{
	(void)state;
	pop3_client_play(&starttls, "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\nCNONE\nEXPECT~ closed tls reached " PEER
	                            ": the server does not offer STLS\nCLOSED");
	pop3_client_play(&starttls, STLS_BEGUN "S: -ERR no\nCNONE\nEXPECT~ closed tls reached " PEER
	                                       ": the server refuses STLS\nCLOSED");
	pop3_client_play(&starttls,
	                 "S: +OK\nC: CAPA\nS: -ERR\nC: STLS\nS: -ERR no\nCNONE\nEXPECT~ closed tls reached " PEER
	                 ": the server refuses STLS\nCLOSED");
	pop3_client_play(&starttls, STLS_BEGUN "S: +OK\nTLSFAIL certificate expired\nCNONE\n"
	                                       "EXPECT closed tls reached certificate expired\nCLOSED");
	/* Bytes between the answer and the handshake. */
	pop3_client_play(&starttls, STLS_BEGUN "S: +OK\nS: +OK forged\nCNONE\nEXPECT~ closed tls reached " PEER
	                                       ": bytes came behind the answer to STLS\nCLOSED");
	pop3_client_play(&starttls, STLS_BEGUN "S: +OK\nS- x\nCNONE\nEXPECT~ closed tls reached " PEER
	                                       ": bytes came behind the answer to STLS\nCLOSED");
	pop3_client_play(&starttls, STLS_BEGUN "CLOSE\nCNONE\nEXPECT closed lost reached closed by the server\nCLOSED");
}

static void tells_why_there_is_no_greeting(void **state)
{
	(void)state;
	pop3_client_play(&plain, "REFUSE no route\nEXPECT closed connect no route\n");
	pop3_client_play(&implicit, "REFUSETLS expired\nEXPECT closed tls expired\n");
	pop3_client_play(&plain, "HANG\nADVANCE 30s\nEXPECT~ closed connect \n");
	pop3_client_play(&plain,
	                 "CLOSE\nEXPECT~ closed busy closed by the server without a greeting: too many\nCLOSED");
	pop3_client_play(&plain, "CUT\nEXPECT~ closed busy \nCLOSED");
	pop3_client_play(&plain, "S- +O\nCLOSE\nEXPECT~ closed busy \nCLOSED");
	pop3_client_play(&plain,
	                 "ADVANCE 29999ms\nENONE\nADVANCE 1ms\nEXPECT~ closed connect " PEER ": timed out\nCLOSED");
	/* A byte now and then is no greeting either. */
	pop3_client_play(&plain,
	                 "S- +\nADVANCE 29s\nS- O\nADVANCE 1s\nEXPECT~ closed connect " PEER ": timed out\nCLOSED");
}

static void takes_a_refusing_greeting(void **state)
{
	static const struct {
		const char *greeting, *end;
	} cases[] = {
		{ "-ERR too many", "closed temporary " PEER ": the server greets with a refusal: too many" },
		{ "-ERR [IN-USE] x", "closed in-use " PEER ": the server greets with a refusal: [IN-USE] x" },
		{ "-ERR [SYS/TEMP] x", "closed temporary " PEER ": the server greets with a refusal: [SYS/TEMP] x" },
		{ "-ERR [SYS/PERM] x", "closed permanent " PEER ": the server greets with a refusal: [SYS/PERM] x" },
		{ "-ERR [LOGIN-DELAY] x", "closed delay " PEER ": the server greets with a refusal: [LOGIN-DELAY] x" },
		{ "220 smtp.example ESMTP",
		  "closed protocol " PEER ": what came instead of the greeting is not POP3: 220 smtp.example ESMTP" },
		{ "+ OK", "closed protocol " PEER ": what came instead of the greeting is not POP3: + OK" },
		{ "+OKAY", "closed protocol " PEER ": what came instead of the greeting is not POP3: +OKAY" },
		{ "", "closed protocol " PEER ": what came instead of the greeting is not POP3: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *script = str_format("S: %s\nEXPECT %s\nCNONE\nCLOSED", cases[i].greeting, cases[i].end);

		pop3_client_play(&plain, script);
		free(script);
	}
}

static char *long_line(const char *begin, size_t len)
{
	struct strbuf text = { 0 };

	strbuf_add_str(&text, begin);
	while (text.len < len)
		strbuf_add_byte(&text, 'x');
	return strbuf_take(&text);
}

static void bounds_lines_and_answers(void **state)
{
	char *fits = long_line("+OK ", POP3_LINE_MAX);
	char *longer = long_line("+OK ", POP3_LINE_MAX + 1);
	char *script = str_format("S: %s\nC: CAPA\n", fits);

	(void)state;
	pop3_client_play(&plain, script);
	free(script);
	script = str_format("S: %s\nEXPECT~ closed protocol " PEER ": the greeting has a line of more than\nCLOSED",
	                    longer);
	pop3_client_play(&plain, script);
	free(script);
	script = str_format("S: +OK\nC: CAPA\nS: %s\nEXPECT~ closed protocol reached\nCLOSED", longer);
	pop3_client_play(&plain, script);
	free(script);
	free(fits);
	free(longer);
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: +OK\nS* 128 X%d\nS: .\nC: USER ann");
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: +OK\nS* 129 X%d\nEXPECT~ closed protocol reached " PEER
	                         ": the answer to CAPA has more than 128 lines\nCLOSED");
}

/* Bare LF is no line end, whatever stands behind it. */
static void wants_strict_line_ends(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 "S- +OK hi\\n+OK forged\\n\nCNONE\nS: \nC: CAPA\nS: +OK\nS- USER\\n.\\n\nCNONE\nENONE\n"
	                 "S: \nS: .\nC: USER ann");
}

static void ends_at_a_reply_to_nothing(void **state)
{
	static const struct pop3_client_options waits = { .tls = POP3_TLS_NONE, .secret_later = true };

	(void)state;
	pop3_client_play_whole(&plain, "S: +OK\nS: +OK\nCNONE\nEXPECT~ closed protocol reached " PEER
	                               ": the server sent a reply to no command: +OK\nCLOSED");
	pop3_client_play_whole(&plain, "S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nS: +OK\nCNONE\n"
	                               "EXPECT~ closed protocol reached\nCLOSED");
	/* While the secret is fetched nothing is in flight. */
	pop3_client_play(
		&waits,
		"S: +OK\nC: CAPA\nS: -ERR\nCNONE\nS- +\nEXPECT secret cancelled\nEXPECT~ closed protocol reached " PEER
		": the server sent a reply to no command\nCLOSED\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_in_without_capa),
		cmocka_unit_test(reads_capabilities),
		cmocka_unit_test(tries_user_where_nothing_is_offered),
		cmocka_unit_test(asks_for_utf8),
		cmocka_unit_test(starts_tls),
		cmocka_unit_test(never_falls_back_to_clear_text),
		cmocka_unit_test(tells_why_there_is_no_greeting),
		cmocka_unit_test(takes_a_refusing_greeting),
		cmocka_unit_test(bounds_lines_and_answers),
		cmocka_unit_test(wants_strict_line_ends),
		cmocka_unit_test(ends_at_a_reply_to_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3", tests, NULL, NULL);
}
