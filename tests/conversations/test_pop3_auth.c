/* SPDX-License-Identifier: ISC
 *
 * POP3 logins: mechanism after mechanism, codes that end the attempt, servers
 * that hang up, secrets that do not come.
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
#define BANNER "<1896.697170952@dbc.mtview.ca.us>"

static const struct pop3_client_options plain = { .tls = POP3_TLS_NONE };
static const struct pop3_client_options implicit = { .tls = POP3_TLS_IMPLICIT };

/* "\0ann\0geheim" */
#define PLAIN_RESPONSE "AGFubgBnZWhlaW0="
#define CAPA_PLAIN "S: +OK\nC: CAPA\nS: +OK\nS: SASL PLAIN LOGIN\nS: USER\nS: TOP\nS: UIDL\nS: .\n"

static void gives_an_initial_response(void **state)
{
	(void)state;
	pop3_client_play(&implicit, "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nCNONE\nS: +OK in\n"
	                            "EXPECT ready plain tls uidl top delay=0");
}

/* RFC 5034 4: the line is at most 255 octets; more waits for the challenge. */
static void keeps_a_long_response_back(void **state)
{
	struct pop3_client_options options = { .tls = POP3_TLS_IMPLICIT };
	char secret[201];

	(void)state;
	memset(secret, 'a', sizeof(secret) - 1);
	secret[sizeof(secret) - 1] = '\0';
	options.secret = secret;
	pop3_client_play(&options,
	                 "TLS\n" CAPA_PLAIN "C: AUTH PLAIN\nCNONE\nS: +\nC~ AGFubgBhYWFhYWFh\nCNONE\nS: +OK in\n"
	                 "EXPECT ready plain tls uidl top delay=0");
}

static void answers_challenges(void **state)
{
	static const struct pop3_client_options login = { .tls = POP3_TLS_IMPLICIT,
		                                          .auth = { SASL_LOGIN },
		                                          .auth_count = 1 };
	/* RFC 2195 2. */
	static const struct pop3_client_options cram = { .tls = POP3_TLS_NONE,
		                                         .user = "tim",
		                                         .secret = "tanstaaftanstaaf" };

	(void)state;
	pop3_client_play(&login,
	                 "TLS\n" CAPA_PLAIN "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YW5u\nCNONE\nS: + UGFzc3dvcmQ6\n"
	                 "C: Z2VoZWlt\nS: +OK\nEXPECT ready login tls uidl top delay=0");
	pop3_client_play(&cram, "S: +OK\nC: CAPA\nS: +OK\nS: SASL CRAM-MD5 PLAIN\nS: .\nC: AUTH CRAM-MD5\n"
	                        "S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\n"
	                        "C: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\nS: +OK\n"
	                        "EXPECT ready cram-md5 clear delay=0");
}

/* RFC 1939 7: the banner and digest of its example. */
static void logs_in_with_apop(void **state)
{
	static const struct pop3_client_options apop = { .tls = POP3_TLS_NONE, .user = "mrose", .secret = "tanstaaf" };
	static const struct pop3_client_options blank = { .tls = POP3_TLS_NONE,
		                                          .user = "m rose",
		                                          .secret = "tanstaaf" };

	(void)state;
	pop3_client_play(&apop, "S: +OK POP3 server ready " BANNER "\nC: CAPA\nS: -ERR\n"
	                        "C: APOP mrose c4c9334bac560ecc979e58001b3e22fb\nS: +OK\n"
	                        "EXPECT ready apop clear uidl top delay=0");
	/* In clear text PASS never follows a refused APOP. */
	pop3_client_play(&apop,
	                 "S: +OK POP3 server ready " BANNER "\nC: CAPA\nS: -ERR\nC~ APOP mrose \nS: -ERR no\nCNONE\n"
	                 "EXPECT~ closed auth reached " PEER ": the server refuses the login of mrose: no (\nCLOSED");
	/* A banner that is not ASCII is none, and a name with a blank cannot be told. */
	pop3_client_play(&apop, "S: +OK <1\\xE9@x.example>\nC: CAPA\nS: -ERR\nC: USER mrose\n");
	pop3_client_play(&blank, "S: +OK " BANNER "\nC: CAPA\nS: -ERR\nC: USER m rose\n");
}

static void goes_on_to_the_next_mechanism(void **state)
{
	(void)state;
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR [AUTH] no\n"
	                 "C: AUTH LOGIN\nS: -ERR unknown\nC: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\n"
	                 "EXPECT ready user tls uidl top delay=0\n"
	                 /* What was refused while another succeeded is not tried in the next session. */
	                 "CALL quit\nC: QUIT\nS: +OK\nEXPECT~ closed none quit\nCALL open\nCONNECT\nTLS\n" CAPA_PLAIN
	                 "C: USER ann");
	pop3_client_play(&implicit, "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR [AUTH] no\n"
	                            "C: AUTH LOGIN\nS: -ERR\nC: USER ann\nS: -ERR bad password\nCNONE\n"
	                            "EXPECT~ closed auth reached " PEER
	                            ": the server refuses the login of ann: bad password (\nCLOSED\n"
	                            /* The next poll begins anew. */
	                            "CALL open\nCONNECT\nTLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\n");
}

/* Cyrus offers what it gets wrong with TLS 1.3. "p=tls-exporter" begins the first, "y,," or "n,," the second. */
static void binds_to_the_channel(void **state)
{
	(void)state;
	pop3_client_play(&implicit, "TLS\nS: +OK\nC: CAPA\nS: +OK\nS: SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256\nS: .\n"
	                            "C~ AUTH SCRAM-SHA-256-PLUS cD10bHMtZXhwb3J0ZXIs\nS: -ERR [AUTH] no\n"
	                            "C~ AUTH SCRAM-SHA-256 \n");
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: +OK\nS: SASL SCRAM-SHA-256-PLUS\nS: USER\nS: .\nCNONE\n"
	                         "EXPECT~ closed auth reached " PEER ": cannot log in as ann: without TLS\nCLOSED");
}

/* "one that it refuses is followed by the next, on a new connection where the server hangs up" */
static void connects_again_where_the_server_hangs_up(void **state)
{
	(void)state;
	/* After the next command was sent, */
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR no\nC: AUTH LOGIN\nCLOSE\n"
	                 "CLOSED\nCONNECT\nTLS\n" CAPA_PLAIN "C: AUTH LOGIN\nS: -ERR no\nC: USER ann\nCUT\n"
	                 "CONNECT\nTLS\n" CAPA_PLAIN "C: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\n"
	                 "EXPECT ready user tls uidl top delay=0");
	/* and at the same moment. CAPA is not asked where it was refused before. */
	pop3_client_play(&implicit,
	                 "TLS\nS: +OK " BANNER "\nC: CAPA\nS: -ERR\nC~ APOP ann \nS: -ERR\nCLOSE\n"
	                 "C: USER ann\nCONNECT\nTLS\nS: +OK " BANNER "\nC: USER ann\nS: +OK\nC: PASS geheim\n"
	                 "S: -ERR\nCLOSE\nEXPECT~ closed auth reached\nCLOSED");
	/* A connection that ends without a refusal, or after a further answer, is lost. */
	pop3_client_play(&implicit, "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nCLOSE\n"
	                            "EXPECT closed lost reached closed by the server\nCLOSED");
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR no\nC: AUTH LOGIN\n"
	                 "S: + VXNlcm5hbWU6\nC: YW5u\nCLOSE\nEXPECT closed lost reached closed by the server\nCLOSED");
	/* Too many sessions on the way. */
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR no\nC: AUTH LOGIN\nCLOSE\n"
	                 "CONNECT\nTLS\nCLOSE\nEXPECT~ closed busy reached\nCLOSED");
}

static void stops_at_codes_that_are_no_refusal(void **state)
{
	static const struct {
		const char *answer, *trouble;
	} cases[] = {
		{ "[IN-USE] locked", "in-use" },       { "[LOGIN-DELAY] wait", "delay" },
		{ "[SYS/TEMP] disk", "temporary" },    { "[SYS/PERM] closed", "permanent" },
		{ "[in-use/other] locked", "in-use" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *script = str_format("TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR %s\nCNONE\n"
		                          "EXPECT closed %s reached " PEER ": no login now: %s\nCLOSED",
		                          cases[i].answer, cases[i].trouble, cases[i].answer);

		pop3_client_play(&implicit, script);
		free(script);
		script = str_format("S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS geheim\nS: -ERR %s\nCNONE\n"
		                    "EXPECT closed %s reached " PEER ": no login now: %s\nCLOSED",
		                    cases[i].answer, cases[i].trouble, cases[i].answer);
		pop3_client_play(&plain, script);
		free(script);
	}
}

#define CAPA_CRAM "S: +OK\nC: CAPA\nS: +OK\nS: SASL CRAM-MD5\nS: .\nC: AUTH CRAM-MD5\n"
#define CAPA_SCRAM "S: +OK\nC: CAPA\nS: +OK\nS: SASL SCRAM-SHA-256 PLAIN\nS: .\nC~ AUTH SCRAM-SHA-256 \n"

/* A server that cannot do SCRAM right is not given the password by the next mechanism. */
static void cancels_a_broken_exchange(void **state)
{
	(void)state;
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_SCRAM "S: + !!!\nC: *\nCNONE\nS: -ERR cancelled\nCNONE\n"
	                 "EXPECT~ closed auth reached " PEER ": login with scram-sha-256 given up: \nCLOSED");
	/* r=forged,s=c2FsdA==,i=4096: not our nonce */
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_SCRAM "S: + cj1mb3JnZWQscz1jMkZzZEE9PSxpPTQwOTY=\nC: *\nS: -ERR\nCNONE\n"
	                 "EXPECT~ closed auth reached " PEER ": login with scram-sha-256 given up: \nCLOSED");
	pop3_client_play(&implicit,
	                 "TLS\n" CAPA_SCRAM "S: + !!!\nC: *\nS: + again\nCNONE\n"
	                 "EXPECT~ closed protocol reached " PEER ": the server does not end its challenges\nCLOSED");
	/* +OK without the proof that SCRAM owes us. */
	pop3_client_play(&implicit, "TLS\n" CAPA_SCRAM "S: +OK welcome\nCNONE\nEXPECT~ closed auth reached " PEER
	                            ": the server did not prove that it knows the password\nCLOSED");
}

static void takes_no_challenge_elsewhere(void **state)
{
	(void)state;
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: + more\nCNONE\n"
	                         "EXPECT~ closed protocol reached " PEER ": what came instead of\nCLOSED");
	/* What stands behind a challenge would be taken for the answer to our response. */
	pop3_client_play_whole(&plain, CAPA_CRAM "S: + PDE4OTYuNjk3QHgueT4=\nS: +OK\nCNONE\n"
	                                         "EXPECT~ closed protocol reached " PEER
	                                         ": the server sent a reply to no command: +OK\nCLOSED");
}

static void bounds_challenges(void **state)
{
	struct strbuf line = { 0 };
	char *script;

	(void)state;
	for (unsigned i = 0; i < SASL_CHALLENGE_MAX + 1; i++)
		strbuf_add_byte(&line, 'A');
	script = str_format(CAPA_CRAM "S: + %s\nCNONE\nEXPECT~ closed protocol reached " PEER
	                              ": the answer to AUTH has a line of more than\nCLOSED",
	                    strbuf_str(&line));
	pop3_client_play(&plain, script);
	free(script);
	strbuf_free(&line);
}

static void waits_for_the_secret(void **state)
{
	static const struct pop3_client_options later = { .tls = POP3_TLS_NONE, .secret_later = true };
	static const struct pop3_client_options failing = { .tls = POP3_TLS_NONE, .secret_error = "secret.txt: gone" };
	static const struct pop3_client_options forged = { .tls = POP3_TLS_NONE, .secret = "a\r\nDELE 1" };
	static const struct pop3_client_options empty = { .tls = POP3_TLS_NONE, .secret = "" };
	static const struct pop3_client_options name = { .tls = POP3_TLS_NONE, .user = "ann\r\nDELE 1" };

	(void)state;
	/* No time limit runs meanwhile: nothing is expected of the server. */
	pop3_client_play(&later,
	                 "S: +OK\nC: CAPA\nS: -ERR\nADVANCE 5m\nCNONE\nENONE\nCALL secret\nC: USER ann\nS: +OK\n"
	                 "C: PASS geheim\nS: +OK\nEXPECT ready user clear uidl top delay=0");
	pop3_client_play(&later, "S: +OK\nC: CAPA\nS: -ERR\nCNONE\nCALL free\nEXPECT secret cancelled\nCLOSED");
	pop3_client_play(&later, "S: +OK\nC: CAPA\nS: -ERR\nCNONE\nCLOSE\nEXPECT secret cancelled\n"
	                         "EXPECT closed lost reached closed by the server\nCLOSED");
	/* Login as a whole has a deadline. */
	pop3_client_play(&later, "S: +OK\nC: CAPA\nS: -ERR\nADVANCE 10m\nEXPECT secret cancelled\n"
	                         "EXPECT closed lost reached " PEER ": timed out: login took more than 600 s\nCLOSED");
	pop3_client_play(&failing,
	                 "S: +OK\nC: CAPA\nS: -ERR\nCNONE\nEXPECT closed secret reached secret.txt: gone\nCLOSED");
	pop3_client_play(
		&forged,
		"S: +OK\nC: CAPA\nS: -ERR\nCNONE\nEXPECT~ closed secret reached the secret is empty, or\nCLOSED");
	pop3_client_play(&empty,
	                 "S: +OK\nC: CAPA\nS: -ERR\nCNONE\nEXPECT~ closed secret reached the secret is empty\nCLOSED");
	pop3_client_play(&name, "EXPECT~ closed auth the user name");
}

static void times_out_at_a_silent_login(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 "S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS geheim\nADVANCE 119999ms\nENONE\n"
	                 "ADVANCE 1ms\nEXPECT closed lost reached " PEER
	                 ": timed out waiting for the answer to PASS\nCLOSED");
}

static void uses_tokens(void **state)
{
	static const struct pop3_client_options token = { .tls = POP3_TLS_IMPLICIT, .token = true, .secret = "t0k" };

	(void)state;
	/* user=ann^Aauth=Bearer t0k^A^A; the error's challenge wants an empty answer */
	pop3_client_play(&token, "TLS\nS: +OK\nC: CAPA\nS: +OK\nS: SASL PLAIN XOAUTH2\nS: USER\nS: .\n"
	                         "C: AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgdDBrAQE=\nS: + eyJzdGF0dXMiOiI0MDAifQ==\n"
	                         "C: \nS: -ERR [AUTH] expired\nCNONE\nEXPECT~ closed auth reached\nCLOSED");
}

static void masks_secrets_in_the_log(void **state)
{
	struct strbuf log = { 0 };
	struct pop3_client_options options = { .tls = POP3_TLS_IMPLICIT, .log = &log };

	(void)state;
	pop3_client_play(&options,
	                 "TLS\n" CAPA_PLAIN "C: AUTH PLAIN " PLAIN_RESPONSE "\nS: -ERR [AUTH] no\nC: AUTH LOGIN\n"
	                 "S: + VXNlcm5hbWU6\nC: YW5u\nS: + UGFzc3dvcmQ6\nC: Z2VoZWlt\nS: -ERR\nC: USER ann\nS: +OK\n"
	                 "C: PASS geheim\nS: +OK\nEXPECT~ ready\nCALL retr 1\nC: RETR 1\n"
	                 "S: +OK\nS: private\nS: .\nEXPECT~ message 1 complete");
	assert_non_null(strstr(log.data, "account=office C: PASS ***\n"));
	assert_non_null(strstr(log.data, "account=office C: AUTH PLAIN ***\n"));
	assert_non_null(strstr(log.data, "account=office C: ***\n"));
	assert_non_null(strstr(log.data, "account=office S: -ERR [AUTH] no\n"));
	assert_non_null(strstr(log.data, "account=office C: RETR 1\n"));
	assert_null(strstr(log.data, "geheim"));
	assert_null(strstr(log.data, PLAIN_RESPONSE));
	assert_null(strstr(log.data, "Z2VoZWlt"));
	assert_null(strstr(log.data, "private"));
	strbuf_free(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_an_initial_response),
		cmocka_unit_test(keeps_a_long_response_back),
		cmocka_unit_test(answers_challenges),
		cmocka_unit_test(logs_in_with_apop),
		cmocka_unit_test(goes_on_to_the_next_mechanism),
		cmocka_unit_test(binds_to_the_channel),
		cmocka_unit_test(connects_again_where_the_server_hangs_up),
		cmocka_unit_test(stops_at_codes_that_are_no_refusal),
		cmocka_unit_test(cancels_a_broken_exchange),
		cmocka_unit_test(takes_no_challenge_elsewhere),
		cmocka_unit_test(bounds_challenges),
		cmocka_unit_test(waits_for_the_secret),
		cmocka_unit_test(times_out_at_a_silent_login),
		cmocka_unit_test(uses_tokens),
		cmocka_unit_test(masks_secrets_in_the_log),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3 login", tests, NULL, NULL);
}
