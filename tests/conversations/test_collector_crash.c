/* SPDX-License-Identifier: ISC
 *
 * kill -9 and cuts: what the next poll makes of what the ledger had by then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define CRASH "CALL crash\n@1\nCLOSED\n@2\nCLOSED\n"
#define AGAIN "CALL poll\n@3\n" WORLD_LOGIN LISTED("a")
#define FETCHED_AGAIN(to)                                                                                              \
	AGAIN "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE(to) "@4\n" MAIL RCPT(to)                               \
	DATA OK OK GO CONTENT TAKEN(to) "@3\nC: DELE 1\n" OK_POP WORLD_QUIT                                            \
					"EXPECT poll ok listed=1 fetched=1 deleted=1\n"
#define POSSIBLE "LOG account=dom uid=a size=88 status=deferred note=\"possible duplicate\n"

static void crashes(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "before anything is committed", { 0 },
		  "CALL hold\n" FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA CRASH "CALL describe\nENONE\n" FETCHED_AGAIN("bob") },
		{ "the dot waits until that is durable", { 0 },
		  "CALL hold\n" FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO "C: Subject: hi\nC: \nC: text\nCNONE\n"
		  "CALL commit\nC: .\n" TAKEN("bob") DELETED("a", "bob") },
		{ "the transaction has begun", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT CRASH
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example under way\n" FETCHED_AGAIN("bob") POSSIBLE },
		{ "the relay has it, the ledger does not", { 0 },
		  "CALL hold\n" FETCHED("bob") "CALL commit 1\n" DELIVERED("bob") CRASH
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example under way\n" FETCHED_AGAIN("bob") POSSIBLE },
		{ "between the last verdict's commit and the end's", { 0 },
		  "CALL hold\nCALL commit 1\n" FETCHED("bob") DELIVERED("bob") "CALL commit 1\n" CRASH
		  "CALL describe\nEXPECT a owed has: bob@office.example owed: under way\n"
		  AGAIN "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob") "C: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n"
		  "CALL describe\nEXPECT a deleted has: bob@office.example owed:\n" },
		{ "one waits for a connection: the relay cannot have it", { .relay = "max_connections = 1" },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n"
		  MESSAGE("bob") MESSAGE("carl") "@2\n" MAIL RCPT("bob") DATA CRASH
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example under way\n" },
		{ "after the commit", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\n" CRASH
		  AGAIN "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_crash", tests, NULL, NULL);
}
