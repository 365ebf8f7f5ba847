/* SPDX-License-Identifier: ISC
 *
 * *ENV: the envelope that a server of the Demon SDPS kind keeps for each message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pop3_client.h"

#define PEER "pop.example[192.0.2.1]:110"

static const struct pop3_client_options plain = { .tls = POP3_TLS_NONE };
static const struct pop3_client_options one_by_one = { .tls = POP3_TLS_NONE, .one_by_one = true };

#define PASSWORD "C: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\nEXPECT~ ready user\n"
#define LOGIN_SILENT "S: +OK\nC: CAPA\nS: -ERR\n" PASSWORD
#define PIPELINED                                                                                                      \
	"S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: UIDL\nS: PIPELINING\nS: .\n" PASSWORD                                    \
	"CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: -ERR\nS: +OK\nS: .\nS: +OK\nS: .\nEXPECT~ listed 0\n"

#define ENVELOPE "S: 1\nS: mx.example\nS: \nS: ..a@b\nS: bob@office.example\n"
#define ENVELOPE_TEXT "1\\r\\nmx.example\\r\\n\\r\\n.a@b\\r\\nbob@office.example\\r\\n\n"

static void fetches_envelopes(void **state)
{
	(void)state;
	pop3_client_play(
		&plain, PIPELINED
		"CALL env 1\nCALL retr 1\nCALL env 2-3\nCALL top 3\nC: *ENV 1\nC: RETR 1\nC: *ENV 2\nC: *ENV 3\n"
		"C: TOP 3 0\nCALL state\nEXPECT state in_flight=5\n"
		"S: +OK\n" ENVELOPE "S: .\nS: +OK\nS: x\nS: .\nS: +OK\n" ENVELOPE
		"S: .\nS: -ERR no such message\nS: +OK\nS: c: d\nS: .\n"
		"EXPECT message 1 complete wire=47 " ENVELOPE_TEXT "EXPECT message 1 complete wire=6 x\\r\\n\n"
		"EXPECT message 2 complete wire=47 " ENVELOPE_TEXT "EXPECT message 3 refused no such message\n"
		"EXPECT message 3 complete wire=9 c: d\\r\\n\nCALL state\nEXPECT state in_flight=0");
	pop3_client_play(&plain, PIPELINED "CALL env 1\nC: *ENV 1\nS: +OK\nS: .\nEXPECT message 1 complete wire=3 ");
	pop3_client_play(&one_by_one, LOGIN_SILENT "CALL env 1\nCALL retr 1\nC: *ENV 1\nCNONE\nS: +OK\nS: a@b\nS: .\n"
	                                           "EXPECT message 1 complete wire=8 a@b\\r\\n\nC: RETR 1\nS: +OK\n"
	                                           "S: x\nS: .\nEXPECT~ message 1 complete");
	/* Before the login it does nothing. */
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nCALL env 1\nS: -ERR\nC: USER ann\nCNONE");
}

/* A server that does not know it says so for each, and the session goes on. */
static void takes_refused_envelopes(void **state)
{
	(void)state;
	pop3_client_play(&plain, PIPELINED
	                 "CALL env 1-2\nCALL retr 1\nC: *ENV 1\nC: *ENV 2\nC: RETR 1\nS: -ERR unknown command\n"
	                 "S: -ERR [SYS/TEMP] what\nS: +OK\nS: x\nS: .\nEXPECT message 1 refused unknown command\n"
	                 "EXPECT message 2 refused [SYS/TEMP] what\nEXPECT~ message 1 complete\n");
	/* What proves pipelining is an answer that was not a refusal. */
	pop3_client_play(&plain, LOGIN_SILENT
	                 "CALL env 1-2\nC: *ENV 1\nC: *ENV 2\nS: -ERR\nS: -ERR\nEXPECT~ message 1 refused\n"
	                 "EXPECT~ message 2 refused\nCALL state\nEXPECT state in_flight=0");
}

static void cuts_envelopes(void **state)
{
	(void)state;
	pop3_client_play(&plain, PIPELINED "CALL env 1-2\nC: *ENV 1\nC: *ENV 2\nS: +OK\nS: a@b\nCUT\n"
	                                   "EXPECT message 1 cut wire=5 a@b\\r\\n\nEXPECT message 2 cut wire=0 \n"
	                                   "EXPECT closed lost reached connection reset\nCLOSED");
	pop3_client_play(&plain, PIPELINED "CALL env 1\nC: *ENV 1\nS: +OK\nS: a@b\nADVANCE 119s\nENONE\nADVANCE 1s\n"
	                                   "EXPECT message 1 cut wire=5 a@b\\r\\n\nEXPECT closed lost reached " PEER
	                                   ": timed out waiting for a message's envelope\nCLOSED");
	pop3_client_play(
		&plain, PIPELINED
		"CALL env 1\nC: *ENV 1\nS: a@b\nEXPECT message 1 cut wire=0 \nEXPECT closed protocol reached " PEER
		": what came instead of a message's envelope is not POP3: a@b\nCLOSED");
}

/* 8,191 lines of 8 bytes and the end are 5 bytes short of the limit. */
static void bounds_envelopes(void **state)
{
	static const struct pop3_client_options sizes = { .tls = POP3_TLS_NONE, .sizes_only = true };

	(void)state;
	assert_int_equal(POP3_ENV_MAX, 65536);
	pop3_client_play(&sizes,
	                 PIPELINED "CALL env 1\nCALL retr 1\nC: *ENV 1\nC: RETR 1\nS: +OK\nS* 8191 123456\nS: abc\n"
	                           "S: .\nS: +OK\nS* 9000 123456\nS: .\n"
	                           "EXPECT message 1 complete wire=65536 len=65533\n"
	                           "EXPECT message 1 complete wire=72003 len=72000");
	/* Nothing of what comes behind the limit is handed on. */
	pop3_client_play(&sizes,
	                 PIPELINED "CALL env 1-2\nC: *ENV 1\nC: *ENV 2\nS: +OK\nS* 8191 123456\nS: abcd\nS: .\nS: +OK\n"
	                           "EXPECT message 1 cut wire=65536 len=65534\nEXPECT~ message 2 cut wire=0\n"
	                           "EXPECT closed protocol reached " PEER
	                           ": a message's envelope has more than 65536 bytes\nCLOSED");
}

static void pauses_and_may_be_freed(void **state)
{
	static const char *const callbacks[] = { "begun", "bytes" };

	(void)state;
	pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .pause_in = "begun" },
	                 PIPELINED "CALL env 1-2\nC: *ENV 1\nC: *ENV 2\nS: +OK\nS: a@b\nS: .\nS: +OK\nS: c@d\nS: .\n"
	                           "ADVANCE 1h\nENONE\nCALL unpause\nEXPECT~ message 1 complete\nENONE\nCALL unpause\n"
	                           "EXPECT~ message 2 complete");
	for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++)
		pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .free_in = callbacks[i] },
		                 PIPELINED "CALL env 1-2\nC: *ENV 1\nC: *ENV 2\nS: +OK\nS: a@b\nS: .\nENONE\nCLOSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetches_envelopes),       cmocka_unit_test(takes_refused_envelopes),
		cmocka_unit_test(cuts_envelopes),          cmocka_unit_test(bounds_envelopes),
		cmocka_unit_test(pauses_and_may_be_freed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3 env", tests, NULL, NULL);
}
