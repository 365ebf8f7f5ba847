/* SPDX-License-Identifier: ISC
 *
 * What the relay answers, and what becomes of each recipient.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define THREE "bob@office.example, carl@office.example, dan@office.example"
#define DESCRIBE "CALL describe\n"
#define RELAY_GONE "@2\nADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
#define NONE_TAKEN "S: 503 no\nC: RSET\nS: 250 ok\n"
#define MIXED                                                                                                          \
	"EXPECT deferred carl@office.example: 450 later\nEXPECT rejected dan@office.example: 550 who, stays on the "   \
	"server, not tried again (rejected = keep)\n"

static void gives_each_its_own_verdict(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "SMTP: taken, later, never; the next poll tries whom it owes, and when it is due", { 0 },
		  BEGUN MESSAGE_STAMPED(THREE) "@2\n" MAIL RCPT("bob") RCPT("carl") RCPT("dan") DATA
		  OK OK "S: 450 later\nS: 550 who\n" GO CONTENT "S: 250 queued\n"
		  "EXPECT delivered bob@office.example: 250 queued\n" MIXED
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n"
		  DESCRIBE "EXPECT a owed has: bob@office.example !dan@office.example owed: carl@office.example\n" RELAY_GONE
		  "ADVANCE 20s\nCALL poll\n@3\n" WORLD_LOGIN LISTED("a") WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=10\n"
		  "ADVANCE 10s\nCALL poll\n@4\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY
		  "@4\nC: RETR 1\n" MESSAGE_STAMPED(THREE) "@5\n" MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl")
		  "@4\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n"
		  DESCRIBE "EXPECT a refused has: bob@office.example carl@office.example !dan@office.example owed:\n"
		  "CALL poll\n@6\n" WORLD_LOGIN LISTED("a") WORLD_QUIT "EXPECT poll ok listed=1 fetched=0 deleted=0\n" },
		{ "LMTP: the same behind the dot", { .lmtp = true },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_LMTP "@1\nC: RETR 1\n" MESSAGE_STAMPED(THREE)
		  "@2\n" MAIL RCPT("bob") RCPT("carl") RCPT("dan") DATA OK OK OK OK GO CONTENT
		  "S: 250 queued\nS: 450 later\nS: 550 who\n" "EXPECT delivered bob@office.example: 250 queued\n" MIXED
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n"
		  DESCRIBE "EXPECT a owed has: bob@office.example !dan@office.example owed: carl@office.example\n" },
		{ "pauses grow", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob")
		  "@4\n" MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@3\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=120\n" },
		{ "--once does not wait", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\nCALL poll once\n@3\n" WORLD_LOGIN LISTED("a")
		  "C: RETR 1\n" MESSAGE("bob") DELIVERED("bob") "@3\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "one that is not due is told of with one that is", { 0 },
		  BEGUN MESSAGE_STAMPED("bob@office.example, carl@office.example") "@2\n" MAIL RCPT("bob") RCPT("carl") DATA
		  OK "S: 450 later\nS: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example,carl@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n" },
		{ "the whole message is refused", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "S: 554 spam\n"
		  "EXPECT rejected bob@office.example: 554 spam, stays on the server, not tried again (rejected = keep)\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0\n"
		  DESCRIBE "EXPECT a refused has: !bob@office.example owed:\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void tries_lower_case_once(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "which is known", { .relay = "max_connections = 1" },
		  FETCHED("Bob") "@2\n" MAIL RCPT("Bob") DATA OK "S: 550 who\n" NONE_TAKEN
		  MAIL RCPT("bob") DATA OK OK GO CONTENT "S: 250 queued\nEXPECT delivered Bob@office.example: 250 queued\n"
		  DELETED("a", "Bob") },
		{ "which is not", { .relay = "max_connections = 1" },
		  FETCHED("Bob") "@2\n" MAIL RCPT("Bob") DATA OK "S: 550 who\n" NONE_TAKEN
		  MAIL RCPT("bob") DATA OK "S: 550 nor him\n" NONE_TAKEN
		  "EXPECT rejected Bob@office.example: 550 nor him, stays on the server, not tried again (rejected = keep)\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0\n" },
		{ "beside one that was taken", { .relay = "max_connections = 1" },
		  BEGUN MESSAGE_STAMPED("Bob@office.example, carl@office.example")
		  "@2\n" MAIL RCPT("Bob") RCPT("carl") DATA OK "S: 550 who\n" OK GO CONTENT TAKEN("carl")
		  MAIL RCPT("bob") DATA OK OK GO CONTENT "S: 250 queued\nEXPECT delivered Bob@office.example: 250 queued\n"
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void waits_for_a_relay_that_is_down(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "nothing is retrieved", { 0 },
		  WORLD_LOGIN LISTED("a") "REFUSE no route\n" WORLD_QUIT "LOG relay=office state=down\n"
		  "EXPECT poll relay-trouble listed=1 fetched=0 deleted=0 owed: no route\n" },
		{ "what is settled is deleted all the same", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: -ERR no\n" WORLD_QUIT "EXPECT~ poll ok\n" RELAY_GONE
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED_TWO("a", "b") "REFUSE no route\nLOG relay=office state=down\nC: TOP 1 0\n"
		  HEADER("bob") "C: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll relay-trouble listed=2 fetched=0 deleted=1 owed: no route\n" },
		{ "what is settled needs no relay", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: -ERR no\n" WORLD_QUIT "EXPECT~ poll ok\n" RELAY_GONE
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		{ "it hangs up on one message: the others' polls go on as they should", { .relay = "max_connections = 1" },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n" MESSAGE("bob")
		  MESSAGE("carl") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "S: 421 I cannot take this\nCLOSED\n"
		  "EXPECT deferred bob@office.example: 421 I cannot take this\n"
		  "CONNECT\n" WORLD_RELAY MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl")
		  "@1\nC: DELE 2\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=1 owed due=60\n" },
		{ "it hangs up on all there is", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "S: 421 I cannot take this\nCLOSED\n"
		  "EXPECT deferred bob@office.example: 421 I cannot take this\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n" },
		{ "it goes down in the middle: what was asked for comes, no more is asked for",
		  { .account = "pipelining = off" },
		  WORLD_LOGIN_ONE_BY_ONE("S: +OK\nS* 9 %d uid%d\nS: .\n", "S: +OK\nS* 9 %d 2000000\nS: .\n")
		  "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob") "C: RETR 2\n"
		  "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CUT\n"
		  "EXPECT deferred bob@office.example: connection reset, possible duplicate: the relay's answer was lost, it may "
		  "have the message\n"
		  "REFUSE no route\n@1\n" MESSAGE("bob") "LOG relay=office state=down\n"
		  "EXPECT deferred bob@office.example: no route\n@1\nC: RETR 3\n" MESSAGE("bob")
		  "EXPECT deferred bob@office.example: no route\n@1\nC: RETR 4\n" MESSAGE("bob")
		  "EXPECT deferred bob@office.example: no route\n@1\n" WORLD_QUIT
		  "EXPECT poll relay-trouble listed=9 fetched=4 deleted=0 owed due=60: no route\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_its_own_verdict),
		cmocka_unit_test(tries_lower_case_once),
		cmocka_unit_test(waits_for_a_relay_that_is_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_relay", tests, NULL, NULL);
}
