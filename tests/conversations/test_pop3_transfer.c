/* SPDX-License-Identifier: ISC
 *
 * POP3 after the login: listings, messages, DELE, QUIT, pipelining and its
 * proof, back-pressure, cuts, and frees from every callback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/mem.h"
#include "pop3_client.h"

#define PEER "pop.example[192.0.2.1]:110"

static const struct pop3_client_options plain = { .tls = POP3_TLS_NONE };
static const struct pop3_client_options one_by_one = { .tls = POP3_TLS_NONE, .one_by_one = true };

#define PASSWORD "C: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\nEXPECT~ ready user\n"
#define LOGIN_SILENT "S: +OK\nC: CAPA\nS: -ERR\n" PASSWORD
#define LOGIN_PIPELINING "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: UIDL\nS: TOP\nS: PIPELINING\nS: .\n" PASSWORD
#define LOGIN_CAPA "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\n" PASSWORD
#define LISTS_TWO                                                                                                      \
	"S: +OK\nS: 1 a\nS: 2 b\nS: .\nS: +OK\nS: 1 10\nS: 2 20\nS: .\nEXPECT listed 2 uids broken=0 1:a:10 2:b:20\n"
#define LISTED "CALL list\nC: UIDL\nC: LIST\n" LISTS_TWO

static void lists(void **state)
{
	(void)state;
	pop3_client_play(&plain, LOGIN_SILENT LISTED);
	/* CAPA is asked again with it where there is one, once. */
	pop3_client_play(&plain,
	                 LOGIN_CAPA "CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: +OK\nS: TOP\nS: .\n" LISTS_TWO LISTED);
	pop3_client_play(&plain, LOGIN_CAPA "CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: -ERR\n" LISTS_TWO);
	pop3_client_play(&one_by_one,
	                 LOGIN_CAPA "CALL list\nC: CAPA\nCNONE\nS: -ERR\nC: UIDL\nCNONE\nS: +OK\nS: 1 a\nS: .\n"
	                            "C: LIST\nS: +OK\nS: 1 10\nS: .\nEXPECT listed 1 uids broken=0 1:a:10");
	/* A line may begin with a dot. */
	pop3_client_play(&plain, LOGIN_SILENT
	                 "CALL list\nC: UIDL\nC: LIST\nS: +OK\nS: 1 a\nS: ..2 x\nS: 3 .\nS: .\nS: +OK\nS: .\n"
	                 "EXPECT listed 2 uids broken=1 1:a:0 3:.:0");
}

/* A proxy shows the true server's capabilities only after the login. */
static void learns_more_with_the_listing(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 "S: +OK\nC: CAPA\nS: +OK\nS: USER\nS: .\nC: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\n"
	                 "EXPECT ready user clear delay=0\nCALL list\nC: CAPA\nC: UIDL\nC: LIST\n"
	                 "S: +OK\nS: TOP\nS: PIPELINING\nS: LOGIN-DELAY 5\nS: EXPIRE 0\nS: .\n" LISTS_TWO
	                 "CALL facts\nEXPECT facts user clear uidl top expire0 delay=5\nCALL retr 1-9\nC* 9 RETR %d");
}

static void ignores_what_comes_too_early_or_twice(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 "S: +OK\nC: CAPA\nCALL retr 1\nCALL list\nCALL quit\nCALL pause\nS: -ERR\nC: USER ann\nCNONE");
	pop3_client_play(&plain, LOGIN_SILENT "CALL list\nCALL list\nC: UIDL\nC: LIST\nCNONE\n" LISTS_TWO "ENONE");
}

static void takes_refused_listings(void **state)
{
	(void)state;
	pop3_client_play(&plain, LOGIN_SILENT "CALL list\nC: UIDL\nC: LIST\nS: -ERR what\nS: +OK\nS: 1 10\nS: .\n"
	                                      "EXPECT listed 1 broken=0 1::10\nCALL retr 1\nC: RETR 1");
	/* Sizes are only a hint. */
	pop3_client_play(&one_by_one,
	                 LOGIN_SILENT "CALL list\nC: UIDL\nS: +OK\nS: 1 a\nS: .\nC: LIST\nS: -ERR no\n"
	                              "EXPECT listed 1 uids broken=0 1:a:0\nCALL state\nEXPECT state in_flight=0");
	pop3_client_play(&plain, LOGIN_SILENT
	                 "CALL list\nC: UIDL\nC: LIST\nS: -ERR\nS: -ERR\nEXPECT closed temporary reached " PEER
	                 ": the server refuses LIST: \nCLOSED");
	/* A server that has UIDL and cannot give it now: without UIDs all kept mail would look new. */
	pop3_client_play(&plain, LOGIN_PIPELINING "CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: -ERR\nS: -ERR not now\n"
	                                          "EXPECT closed temporary reached " PEER
	                                          ": the server refuses UIDL: not now\nCLOSED");
	pop3_client_play(&plain, LOGIN_SILENT "CALL list\nC: UIDL\nC: LIST\nS: -ERR [SYS/PERM] x\n"
	                                      "EXPECT closed permanent reached " PEER
	                                      ": the server refuses UIDL: [SYS/PERM] x\nCLOSED");
}

static void bounds_listings(void **state)
{
	char uid[POP3_LINE_MAX];
	char *script;

	(void)state;
	memset(uid, 'u', sizeof(uid) - 1);
	uid[sizeof(uid) - 1] = '\0';
	script = str_format(LOGIN_SILENT "CALL list\nC: UIDL\nC: LIST\nS: +OK\nS: 1 %s\nCNONE\n"
	                                 "EXPECT~ closed protocol reached " PEER
	                                 ": the answer to UIDL has a line\nCLOSED",
	                    uid);
	pop3_client_play(&plain, script);
	free(script);
	/* A line now and then does not hold a session for ever. */
	pop3_client_play(&plain, LOGIN_PIPELINING
	                 "CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: -ERR\nS: +OK\nS: 1 a\nADVANCE 119s\n"
	                 "S: 2 b\nADVANCE 119s\nENONE\nADVANCE 2s\n"
	                 "EXPECT closed lost reached " PEER ": timed out waiting for the answer to UIDL\nCLOSED");
}

static void cuts_a_listing_that_is_too_long(void **state)
{
	(void)state;
	pop3_client_play_whole(&one_by_one, LOGIN_SILENT
	                       "CALL list\nC: UIDL\nS: +OK\nS* 1000001 %d %d\nS: .\nC: LIST\nS: +OK\nS: .\n"
	                       "EXPECT~ listed 1000000 uids truncated broken=0 1:1:0 2:2:0");
}

static void bounds_the_time_of_a_listing(void **state)
{
	struct strbuf script = { 0 };

	(void)state;
	strbuf_add_str(&script, LOGIN_PIPELINING "CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: -ERR\nS: +OK\n");
	for (unsigned minute = 1; minute < 30; minute++)
		strbuf_addf(&script, "S: %u x\nADVANCE 1m\nENONE\n", minute);
	strbuf_add_str(&script, "ADVANCE 1m\nEXPECT closed lost reached " PEER
	                        ": timed out: listing took more than 1800 s\nCLOSED");
	pop3_client_play(&plain, strbuf_str(&script));
	strbuf_free(&script);
}

#define PIPELINED LOGIN_PIPELINING "CALL list\nC: CAPA\nC: UIDL\nC: LIST\nS: -ERR\n" LISTS_TWO

static void fetches_in_order(void **state)
{
	(void)state;
	pop3_client_play(&plain, PIPELINED
	                 "CALL retr 1\nCALL top 2\nCALL dele 1\nC: RETR 1\nC: TOP 2 0\nC: DELE 1\nCALL state\n"
	                 "EXPECT state in_flight=3\n"
	                 "S: +OK 10 octets\nS: a: b\nS: \nS: ..dot\nS: .\nS: +OK\nS: c: d\nS: \nS: .\nS: +OK gone\n"
	                 "EXPECT message 1 complete wire=18 a: b\\r\\n\\r\\n.dot\\r\\n\n"
	                 "EXPECT message 2 complete wire=11 c: d\\r\\n\\r\\n\nEXPECT deleted 1 ok gone\n"
	                 "CALL state\nEXPECT state in_flight=0\n"
	                 "CALL quit\nC: QUIT\nS: +OK bye\nEXPECT closed none quit reached bye\nCLOSED");
	pop3_client_play(&plain, PIPELINED "CALL retr 1\nC: RETR 1\nS: +OK\nS: .\nEXPECT message 1 complete wire=3 ");
	pop3_client_play(&one_by_one, LOGIN_SILENT "CALL retr 1-2\nC: RETR 1\nCNONE\nS: +OK\nS: x\nS: .\n"
	                                           "EXPECT~ message 1 complete\nC: RETR 2\nS: +OK\nS: y\nS: .\n"
	                                           "EXPECT~ message 2 complete");
}

static void takes_refused_messages(void **state)
{
	(void)state;
	pop3_client_play(&plain, PIPELINED
	                 "CALL retr 1-3\nCALL dele 1\nC: RETR 1\nC: RETR 2\nC: RETR 3\nC: DELE 1\n"
	                 "S: +OK\nS: x\nS: .\nS: -ERR [SYS/TEMP] vanished\nS: +OK\nS: z\nS: .\nS: -ERR no\n"
	                 "EXPECT message 1 complete wire=6 x\\r\\n\nEXPECT message 2 refused [SYS/TEMP] vanished\n"
	                 "EXPECT message 3 complete wire=6 z\\r\\n\nEXPECT deleted 1 refused no\n"
	                 "CALL quit\nC: QUIT\nS: -ERR some remain\nEXPECT closed temporary reached " PEER
	                 ": the server did not end the session well, what was deleted may still be there: "
	                 "some remain\nCLOSED");
	pop3_client_play(&plain, PIPELINED "CALL retr 1\nC: RETR 1\nS: -ERR\nCLOSE\nEXPECT message 1 refused \n"
	                                   "EXPECT closed lost reached closed by the server\nCLOSED");
}

/* QUIT waits for all answers; how the connection ends after its +OK is nobody's concern. */
static void quits(void **state)
{
	(void)state;
	pop3_client_play(&plain, PIPELINED "CALL dele 1\nCALL quit\nC: DELE 1\nCNONE\nS: +OK\nC: QUIT\nS: +OK\nCUT\n"
	                                   "EXPECT deleted 1 ok \nEXPECT closed none quit reached \nCLOSED");
	pop3_client_play(&plain, PIPELINED
	                 "CALL quit\nC: QUIT\nCLOSE\nEXPECT closed lost reached closed by the server\nCLOSED");
	pop3_client_play(&plain, PIPELINED
	                 "CALL quit\nC: QUIT\nS- +OK\nCLOSE\nEXPECT closed lost reached closed by the server\nCLOSED");
	pop3_client_play(&plain, PIPELINED "CALL quit\nC: QUIT\nADVANCE 2m\nEXPECT closed lost reached " PEER
	                                   ": timed out waiting for the answer to QUIT\nCLOSED");
	pop3_client_play(&plain,
	                 PIPELINED "CALL quit\nCALL retr 1\nC: QUIT\nCNONE\nS: +OK\nEXPECT message 1 cut wire=0 \n"
	                           "EXPECT closed none quit reached \nCLOSED");
}

/* Content is content: only CRLF.CRLF ends a message. */
static void takes_no_content_for_replies(void **state)
{
	(void)state;
	pop3_client_play(&plain, PIPELINED "CALL retr 1-2\nC: RETR 1\nC: RETR 2\nS: +OK\nS- Subject: "
	                                   "x\\r\\n\\r\\na\\n.\\n+OK\\nforged\\n.\\r\\n-ERR\\r\\n\n"
	                                   "S- \\r.\\r+OK\\r\\n\\r\\n\\0.\\r\\n\nENONE\nS: .\nS: +OK\nS: y\nS: .\n"
	                                   "EXPECT message 1 complete wire=55 Subject: x\\r\\n\\r\\na . +OK forged "
	                                   ".\\r\\n-ERR\\r\\n . +OK\\r\\n\\r\\n .\\r\\n\n"
	                                   "EXPECT message 2 complete wire=6 y\\r\\n");
}

static void cuts_messages(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 PIPELINED "CALL retr 1-3\nCALL dele 9\nC: RETR 1\nC: RETR 2\nC: RETR 3\nC: DELE 9\n"
	                           "S: +OK\nS: x\nS: .\nS: +OK\nS- y\\r\\n.\\r\nCUT\n"
	                           "EXPECT message 1 complete wire=6 x\\r\\n\nEXPECT~ message 2 cut wire=5 y\\r\\n\n"
	                           "EXPECT message 3 cut wire=0 \nEXPECT closed lost reached connection reset\nCLOSED");
	pop3_client_play(&plain,
	                 PIPELINED "CALL retr 1\nC: RETR 1\nS: +OK\nS: x\nADVANCE 2m\nEXPECT~ message 1 cut wire=3 x\n"
	                           "EXPECT closed lost reached " PEER ": timed out waiting for a message\nCLOSED");
	/* What comes instead of a reply ends it before the message began. */
	pop3_client_play(&plain,
	                 PIPELINED "CALL retr 1\nC: RETR 1\nS: * BYE\nEXPECT message 1 cut wire=0 \n"
	                           "EXPECT~ closed protocol reached " PEER ": what came instead of a message\nCLOSED");
}

static void expects_nothing_while_nothing_is_asked(void **state)
{
	(void)state;
	pop3_client_play(&plain,
	                 PIPELINED "ADVANCE 1h\nENONE\nCALL retr 1\nC: RETR 1\nADVANCE 119s\nENONE\nADVANCE 1s\n"
	                           "EXPECT message 1 cut wire=0 \nEXPECT~ closed lost reached\nCLOSED");
	pop3_client_play(&plain, PIPELINED "S- -\nEXPECT~ closed lost reached " PEER
	                                   ": the server gave up the session: -\nCLOSED");
	pop3_client_play(&plain, PIPELINED "S- +\nEXPECT closed protocol reached " PEER
	                                   ": the server sent a reply to no command: +\nCLOSED");
}

/* A reply more than commands: not taken for the answer to the next one. */
static void refuses_surplus_replies(void **state)
{
	static const struct pop3_client_options in_ended = { .tls = POP3_TLS_NONE, .pause_in = "ended" };

	(void)state;
	pop3_client_play(&plain, PIPELINED "CALL dele 1\nC: DELE 1\nS: +OK\nS: +OK\nEXPECT deleted 1 ok \n"
	                                   "EXPECT~ closed protocol reached " PEER
	                                   ": the server sent a reply to no command\nCLOSED");
	/* While paused it is seen when the next command is to be sent. */
	pop3_client_play_whole(&in_ended,
	                       PIPELINED "CALL retr 1\nC: RETR 1\nS: +OK\nS: x\nS: .\nS: +OK\nEXPECT~ message 1\n"
	                                 "ENONE\nCALL dele 1\nCNONE\nEXPECT~ closed protocol reached\nCLOSED");
}

/* ---- pipelining and its proof ---- */

static void proves_pipelining(void **state)
{
	(void)state;
	pop3_client_play(&plain, LOGIN_SILENT "CALL state\nEXPECT state in_flight=0\n" LISTED
	                                      "CALL state\nEXPECT state works in_flight=0\n"
	                                      "CALL retr 1-5\nC* 5 RETR %d\n");
	/* Until the proof is there nothing more is sent. */
	pop3_client_play(&plain, LOGIN_SILENT
	                 "CALL retr 1-5\nC* 3 RETR %d\nCNONE\nS: +OK\nS: x\nS: .\nEXPECT~ message 1 complete\n"
	                 "CNONE\nS: +OK\nS: x\nS: .\nS: +OK\nS: x\nS: .\nEXPECT~ message 2\nEXPECT~ message 3\n"
	                 "C: RETR 4\nC: RETR 5");
	/* One command proves nothing, and neither does a flight with a refusal. */
	pop3_client_play(&plain, LOGIN_SILENT
	                 "CALL retr 1\nC: RETR 1\nS: +OK\nS: .\nEXPECT~ message 1\nCALL retr 2\nC: RETR 2\n"
	                 "S: +OK\nS: .\nEXPECT~ message 2\nCALL dele 1-2\nC: DELE 1\nC: DELE 2\nS: +OK\nS: -ERR\n"
	                 "EXPECT~ deleted 1\nEXPECT~ deleted 2\nCALL state\nEXPECT state in_flight=0");
}

/* Courier in PASS's packet, had it not announced it: the second command is dropped. */
static void learns_that_pipelining_fails(void **state)
{
	static const char next[] = "CALL state\nEXPECT state fails in_flight=0\nCALL open\nCONNECT\n" LOGIN_SILENT
				   "CALL list\nC: UIDL\nCNONE\nS: +OK\nS: 1 a\nS: .\nC: LIST\nS: +OK\nS: .\n"
				   "EXPECT listed 1 uids broken=0 1:a:0\n"
				   "CALL retr 1-2\nC: RETR 1\nCNONE";
	char *script;

	(void)state;
	script = str_format(LOGIN_SILENT "CALL list\nC: UIDL\nC: LIST\nS: +OK\nS: 1 a\nS: .\nADVANCE 2m\n"
	                                 "EXPECT~ closed lost reached " PEER
	                                 ": timed out waiting for the answer to LIST; perhaps it "
	                                 "cannot take several\nCLOSED\n%s",
	                    next);
	pop3_client_play(&plain, script);
	free(script);
	script = str_format(LOGIN_SILENT
	                    "CALL list\nC: UIDL\nC: LIST\nCLOSE\nEXPECT~ closed lost reached closed by the server; "
	                    "perhaps\nCLOSED\n%s",
	                    next);
	pop3_client_play(&plain, script);
	free(script);
	/* LIST always works. */
	script = str_format(
		LOGIN_SILENT
		"CALL list\nC: UIDL\nC: LIST\nS: +OK\nS: 1 a\nS: .\nS: -ERR what\n"
		"EXPECT listed 1 uids broken=0 1:a:0\nCALL retr 1-2\nC: RETR 1\nCNONE\nCLOSE\n"
		"EXPECT~ message 1 cut\nEXPECT~ message 2 cut\nEXPECT closed lost reached closed by the server\n"
		"CLOSED\n%s",
		next);
	pop3_client_play(&plain, script);
	free(script);
}

static void bounds_what_is_in_flight(void **state)
{
	(void)state;
	pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .sizes_only = true },
	                 PIPELINED "CALL dele 1-2500\nC* 1000 DELE %d\nCNONE\nCALL state\nEXPECT state in_flight=2500\n"
	                           "S: +OK\nEXPECT deleted 1 ok \nC: DELE 1001\nCNONE\nCALL free\nCLOSED");
}

static char *many_messages(unsigned count)
{
	struct strbuf script = { 0 };

	strbuf_addf(&script, PIPELINED "CALL retr 1-%u\nC* %u RETR %%d\n", count, count);
	for (unsigned i = 1; i <= count; i++)
		strbuf_addf(&script, "S: +OK\nS: Subject: %u\nS: \nS* 3 line\nS: .\n", i);
	for (unsigned i = 1; i <= count; i++)
		strbuf_addf(&script, "EXPECT message %u complete wire=%d len=%d\n", i, 34 + snprintf(NULL, 0, "%u", i),
		            31 + snprintf(NULL, 0, "%u", i));
	return strbuf_take(&script);
}

static void fetches_many(void **state)
{
	char *script = many_messages(300);

	(void)state;
	pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .sizes_only = true }, script);
	free(script);
}

/* ---- back-pressure ---- */

static void pauses(void **state)
{
	static const struct pop3_client_options in_begun = { .tls = POP3_TLS_NONE, .pause_in = "begun" };

	(void)state;
	pop3_client_play(&plain, PIPELINED "CALL retr 1\nC: RETR 1\nCALL pause\nS: +OK\nS: x\nS: .\nADVANCE 1h\nENONE\n"
	                                   "CALL unpause\nEXPECT message 1 complete wire=6 x\\r\\n");
	/* What had come already waits too, and what is asked meanwhile is sent. */
	pop3_client_play(&in_begun,
	                 PIPELINED "CALL retr 1-2\nC: RETR 1\nC: RETR 2\nS: +OK\nS: x\nS: .\nS: +OK\nS: y\nS: .\n"
	                           "ADVANCE 1h\nENONE\nCALL retr 3\nC: RETR 3\nENONE\nCALL unpause\n"
	                           "EXPECT message 1 complete wire=6 x\\r\\n\nENONE\n"
	                           "CALL unpause\nEXPECT message 2 complete wire=6 y\\r\\n\nS: +OK\nS: z\nS: .\nENONE\n"
	                           "CALL unpause\nEXPECT message 3 complete wire=6 z\\r\\n");
	/* The server is gone meanwhile. */
	pop3_client_play(&in_begun, PIPELINED "CALL retr 1\nC: RETR 1\nS: +OK\nS: x\nS: .\nCLOSE\nENONE\nCALL unpause\n"
	                                      "EXPECT message 1 complete wire=6 x\\r\\n\n"
	                                      "EXPECT closed lost reached closed by the server\nCLOSED");
	pop3_client_play(&in_begun, PIPELINED "CALL retr 1\nC: RETR 1\nS: +OK\nS: x\nCALL free\nCLOSED");
}

/* However much lies in the input, a pause lets no more than a piece of it through. */
static void stops_soon_after_a_pause(void **state)
{
	static const struct pop3_client_options in_bytes = { .tls = POP3_TLS_NONE,
		                                             .pause_in = "bytes",
		                                             .sizes_only = true };

	(void)state;
	pop3_client_play(&in_bytes, PIPELINED "CALL retr 1\nC: RETR 1\nS: +OK\nS* 20000 0123456789\nENONE\nCALL held\n"
	                                      "EXPECT held at most 64 KiB\nCALL unpause\nCALL held\n"
	                                      "EXPECT held at most 64 KiB\nCALL free\nCLOSED");
}

/* ---- frees ---- */

static void may_be_freed_from_every_callback(void **state)
{
	static const struct {
		const char *callback, *entries;
	} cases[] = {
		{ "begun", "" },
		{ "bytes", "" },
		{ "ended", "EXPECT~ message 1 complete\n" },
		{ "deleted", "EXPECT~ message 1 complete\nEXPECT~ message 2 refused\nEXPECT deleted 1 ok \n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pop3_client_options options = { .tls = POP3_TLS_NONE, .free_in = cases[i].callback };
		char *script = str_format(PIPELINED "CALL retr 1-2\nCALL dele 1\nC: RETR 1\nC: RETR 2\nC: DELE 1\n"
		                                    "S: +OK\nS: x\nS: y\nS: .\nS: -ERR\nS: +OK\n%sENONE\nCLOSED",
		                          cases[i].entries);

		pop3_client_play(&options, script);
		free(script);
	}
	pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .free_in = "ready" },
	                 LOGIN_SILENT "CLOSED");
	pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .free_in = "listed" },
	                 LOGIN_SILENT LISTED "CLOSED");
	/* At the end of a session, before `closed`. */
	pop3_client_play(&(struct pop3_client_options){ .tls = POP3_TLS_NONE, .free_in = "ended" },
	                 PIPELINED "CALL retr 1-2\nC: RETR 1\nC: RETR 2\nCUT\nEXPECT~ message 1 cut\nENONE\nCLOSED");
	/* From outside, at any moment. */
	pop3_client_play(&plain, "CALL free\nENONE");
	pop3_client_play(&plain, "S: +OK\nC: CAPA\nCALL free\nCLOSED");
	pop3_client_play(&plain, PIPELINED "CALL retr 1\nC: RETR 1\nCALL free\nCLOSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(learns_more_with_the_listing),
		cmocka_unit_test(ignores_what_comes_too_early_or_twice),
		cmocka_unit_test(takes_refused_listings),
		cmocka_unit_test(bounds_listings),
		cmocka_unit_test(cuts_a_listing_that_is_too_long),
		cmocka_unit_test(bounds_the_time_of_a_listing),
		cmocka_unit_test(fetches_in_order),
		cmocka_unit_test(takes_refused_messages),
		cmocka_unit_test(quits),
		cmocka_unit_test(takes_no_content_for_replies),
		cmocka_unit_test(cuts_messages),
		cmocka_unit_test(expects_nothing_while_nothing_is_asked),
		cmocka_unit_test(refuses_surplus_replies),
		cmocka_unit_test(proves_pipelining),
		cmocka_unit_test(learns_that_pipelining_fails),
		cmocka_unit_test(bounds_what_is_in_flight),
		cmocka_unit_test(fetches_many),
		cmocka_unit_test(pauses),
		cmocka_unit_test(stops_soon_after_a_pause),
		cmocka_unit_test(may_be_freed_from_every_callback),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3 transfer", tests, NULL, NULL);
}
