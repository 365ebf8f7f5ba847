/* SPDX-License-Identifier: ISC
 *
 * Messages that are too large to be held: the relay takes them while they
 * arrive, and what is cut in the middle is delivered to nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multidropd/str.h"
#include "scene.h"

/* 64 bytes with its CRLF: 16,384 of them are the 1 MiB that is held. */
#define LINE "a line of a large message that is longer than others %d"
#define HEAD(to) "S: +OK\nS: X-Envelope-To: " to "\nS: Subject: hi\nS: \n"
#define BODY_IN "S* 20000 " LINE "\n"
#define BODY_OUT "C: Subject: hi\nC: \nC* 20000 " LINE "\n"
#define BIG WORLD_LOGIN "S: +OK\nS: 1 a\nS: .\nS: +OK\nS: 1 1200000\nS: .\nCONNECT\n"
#define NULL_MAIL "C: MAIL FROM:<>\n"
#define BOB "bob@office.example"
#define BOB_AND_CARL BOB ", carl@office.example"
#define POLLED_AGAIN                                                                                                   \
	"CALL poll\n@3\n" WORLD_LOGIN "S: +OK\nS: 1 a\nS: .\nS: +OK\nS: 1 1200000\nS: .\nCONNECT\n" WORLD_RELAY        \
	"@3\nC: RETR 1\n" HEAD(BOB) BODY_IN "S: .\n@4\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT                  \
		"C: .\n" TAKEN("bob") "@3\nC: DELE 1\n" OK_POP WORLD_QUIT                                              \
				      "EXPECT poll ok listed=1 fetched=1 deleted=1\n"

static void streams(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "the transaction begins before the message has ended", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO
		  BODY_OUT "CNONE\n@1\nS: .\n@2\nC: .\n" TAKEN("bob")
		  DELETED("a", "bob") },
		{ "the relay is slow: the server is not read", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK "STALL\n" GO
		  "@1\n" BODY_IN "S: .\n@2\nADVANCE 4m\nFLOW\nC: Subject: hi\nC: \nC* 20000 " LINE "\nC* 20000 " LINE "\nC: .\n"
		  TAKEN("bob") DELETED("a", "bob") },
		{ "the relay never goes on", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK "STALL\n" GO
		  "@1\n" BODY_IN "S: .\n@2\nADVANCE 5m\nCLOSED\n"
		  "EXPECT deferred bob@office.example: relay.example[192.0.2.1]:25: timed out waiting for the relay to take the "
		  "message\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n" },
		{ "everybody is refused in the middle: the rest is thrown away and the session goes on", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA
		  OK "S: 550 who\nS: 503 no\nC: RSET\nS: 250 ok\nEXPECT rejected bob@office.example: 550 who, stays on the "
		  "server, not tried again (rejected = keep)\n@1\n" BODY_IN "S: .\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n" },
		{ "the relay refuses it in the middle", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT
		  "S: 552 too large\nCLOSED\nEXPECT deferred bob@office.example: 552 too large (said before the message was "
		  "complete)\n@1\n" BODY_IN "S: .\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n" },
		{ "the relay is cut in the middle", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT
		  "CUT\nCLOSED\nEXPECT deferred bob@office.example: connection reset\n@1\n" BODY_IN "S: .\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n"
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example\nADVANCE 61s\n" POLLED_AGAIN },
		{ "the server is cut in the middle: no dot", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT
		  "@1\nCUT\n@2\nCNONE\nCLOSED\n@1\nCLOSED\nEXPECT deferred bob@office.example: the rest of the message did not "
		  "come, so it was not completed\n"
		  "EXPECT poll account-trouble listed=1 fetched=0 deleted=0 owed: connection reset\n"
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example\n" POLLED_AGAIN },
		{ "the server is cut before the relay has answered RCPT", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA "@1\nCUT\n@2\nENONE\n"
		  OK OK "S: 451 no\nC: RSET\nS: 250 ok\nEXPECT deferred bob@office.example: 451 no\n"
		  "EXPECT poll account-trouble listed=1 fetched=0 deleted=0 owed due=60: connection reset\n" },
		{ "stopped in the middle", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB) BODY_IN "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT
		  "CALL stop\nCNONE\nCLOSED\n@1\nCLOSED\nEXPECT poll stopped listed=1 fetched=0 deleted=0: stopped\n" },
		{ "a message behind it", { .relay = "max_connections = 1", .account = "order = server" },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: 2 b\nS: .\nS: +OK\nS: 1 1000000\nS: 2 10\nS: .\nCONNECT\n" WORLD_RELAY
		  "@1\nC: RETR 1\nC: RETR 2\n" HEAD(BOB) BODY_IN "S: .\n" MESSAGE("carl")
		  "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT "C: .\n" TAKEN("bob") DELIVERED("carl")
		  "@1\nC: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		/* clang-format on */
	};

	(void)state;
	world_play_large(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

/* The bytes are gone: what the first transaction left takes a second RETR. */
static void retrieves_again_for_the_rest(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "too many recipients at once", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB_AND_CARL) BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 452 too many\n" GO BODY_OUT "C: .\n" TAKEN("bob")
		  "@1\nC: RETR 1\n" HEAD(BOB_AND_CARL) BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("carl") DATA OK OK GO BODY_OUT "C: .\n" TAKEN("carl")
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=2 deleted=1\n" },
		{ "which is refused", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB_AND_CARL) BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 452 too many\n" GO BODY_OUT "C: .\n" TAKEN("bob")
		  "@1\nC: RETR 1\nS: -ERR gone\nLOG account=dom uid=a\nEXPECT deferred carl@office.example: left for the next poll\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed\n"
		  "CALL describe\nEXPECT a owed has: bob@office.example owed: carl@office.example\n" },
		{ "which gives another message", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB_AND_CARL) BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 452 too many\n" GO BODY_OUT "C: .\n" TAKEN("bob")
		  "@1\nC: RETR 1\n" MESSAGE_STAMPED(BOB_AND_CARL)
		  "LOG account=dom uid=a\nEXPECT deferred carl@office.example: left for the next poll\n"
		  WORLD_QUIT "EXPECT poll ok listed=1 fetched=2 deleted=0 owed\n" },
		{ "for which the session is lost", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB_AND_CARL) BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 452 too many\n" GO BODY_OUT "C: .\n" TAKEN("bob")
		  "@1\nC: RETR 1\nCUT\nEXPECT deferred carl@office.example: left for the next poll\nEXPECT poll account-trouble listed=1 fetched=1 deleted=0 owed: connection reset\n"
		  "CALL describe\nEXPECT a owed has: bob@office.example owed: carl@office.example\n" },
		{ "the session was lost before that", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD(BOB_AND_CARL) BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 452 too many\n" GO BODY_OUT "C: .\n@1\nCUT\n"
		  "@2\n" TAKEN("bob") "EXPECT deferred carl@office.example: left for the next poll\nEXPECT poll account-trouble listed=1 fetched=1 deleted=0 owed: connection reset\n" },
		{ "one in lower case", { 0 },
		  BIG WORLD_RELAY "@1\nC: RETR 1\n" HEAD("Bob@office.example, carl@office.example") BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("Bob") RCPT("carl") DATA OK "S: 550 who\n" OK GO BODY_OUT "C: .\n" TAKEN("carl")
		  "@1\nC: RETR 1\n" HEAD("Bob@office.example, carl@office.example") BODY_IN "S: .\n"
		  "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO BODY_OUT "C: .\n"
		  "S: 250 queued\nEXPECT delivered Bob@office.example: 250 queued\n"
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=2 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	world_play_large(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(retrieves_again_for_the_rest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_stream", tests, NULL, NULL);
}
