/* SPDX-License-Identifier: ISC
 *
 * UIDs that do not say which message it is: given again to another, or given
 * to two of one listing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define ONE_CONNECTION .relay = "max_connections = 1"
#define CAPA_WITHOUT_TOP "S: +OK\nS: USER\nS: UIDL\nS: PIPELINING\nS: .\n"
#define LOGIN_WITHOUT_TOP                                                                                              \
	"S: +OK\nC: CAPA\n" CAPA_WITHOUT_TOP "C: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\n"                           \
	"C: CAPA\nC: UIDL\nC: LIST\n" CAPA_WITHOUT_TOP
#define GONE_ONE "EXPECT poll ok listed=1 fetched=0 deleted=1\n"

static void takes_twins_for_one(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "the first is still under way: the second is left for the next poll", { 0 },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n"
		  MESSAGE("bob") MESSAGE("bob") DELIVERED("bob")
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=1 owed\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\n" OK_POP WORLD_QUIT
		  GONE_ONE },
		{ "the first is delivered when the second comes", { 0 },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n"
		  MESSAGE("bob") DELIVERED("bob") "@1\n" MESSAGE("bob") "C: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=2 fetched=2 deleted=2\n"
		  "CALL describe\nEXPECT a deleted has: bob@office.example owed:\n" },
		{ "the first is refused for now", { 0 },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n" MESSAGE("bob")
		  "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\nS: 503 no\nC: RSET\nS: 250 ok\n"
		  "EXPECT deferred bob@office.example: 450 later\n"
		  "@1\n" MESSAGE("bob") WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=0 owed due=60\n" },
		{ "the first does not come: the second is the message", { 0 },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n"
		  "S: -ERR gone\nLOG account=dom uid=a\n" MESSAGE("bob") DELIVERED("bob")
		  "@1\nC: DELE 2\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=1 deleted=1 owed\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void looks_again_at_what_was_missing(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "refused mail, and its UID is another's now", { ONE_CONNECTION },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 550 who\nS: 503 no\nC: RSET\nS: 250 ok\n"
		  "EXPECT~ rejected\n@1\n" WORLD_QUIT "EXPECT~ poll ok\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED_NONE WORLD_QUIT "EXPECT~ poll ok\n"
		  "CALL poll\n@4\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("carl") "C: RETR 1\n" MESSAGE("carl")
		  "@2\n" MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl") "@4\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void identifies_without_top(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "TOP is refused: RETR tells", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: -ERR no\n" WORLD_QUIT "EXPECT~ poll ok\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\nS: -ERR what\nC: RETR 1\n" MESSAGE("bob")
		  "C: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "no TOP", { 0 },
		  LOGIN_WITHOUT_TOP LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob") DELIVERED("bob")
		  "@1\nC: DELE 1\nS: -ERR no\n" WORLD_QUIT "EXPECT~ poll ok\n"
		  "CALL poll\n@3\n" LOGIN_WITHOUT_TOP LISTED("a") "C: RETR 1\n" MESSAGE("carl") DELIVERED("carl")
		  "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void tells_others_apart_by_their_header(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "two of one listing, each for its own", { ONE_CONNECTION },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n"
		  MESSAGE("bob") MESSAGE("carl") DELIVERED("bob") DELIVERED("carl")
		  "@1\nC: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		{ "and again after the session was lost", { ONE_CONNECTION },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n"
		  MESSAGE("bob") MESSAGE("carl") DELIVERED("bob") DELIVERED("carl")
		  "@1\nC: DELE 1\nC: DELE 2\nCUT\nCLOSED\nEXPECT~ poll account-trouble\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED_TWO("a", "a") "C: TOP 1 0\nC: TOP 2 0\n" HEADER("carl") HEADER("bob")
		  "C: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=0 deleted=2\n" },
		{ "a new message with the UID of one that was deleted", { 0 },
		  FETCHED("bob") DELIVERED("bob") DELETED("a", "bob")
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("carl") "C: RETR 1\n" MESSAGE("carl")
		  DELIVERED("carl") "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n"
		  "CALL describe\nEXPECT a deleted has: bob@office.example owed:\n"
		  "EXPECT a deleted has: carl@office.example owed:\n" },
		{ "a new message with the UID of one that was deleted before mail was kept", { 0 },
		  FETCHED("bob") DELIVERED("bob") DELETED("a", "bob") "CALL keep\n@2\nCLOSED\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("carl") "CONNECT\n" WORLD_RELAY
		  "@3\nC: RETR 1\n" MESSAGE("carl") "@4\n" MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl")
		  "@3\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n"
		  "CALL describe\nEXPECT a deleted has: bob@office.example owed:\n"
		  "EXPECT a settled has: carl@office.example owed:\n" },
		{ "a new message with the UID of one that is owed", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\nS: 503 no\nC: RSET\nS: 250 ok\n"
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\nADVANCE 1m\nC: QUIT\nCLOSED\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("carl")
		  "@4\n" MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl")
		  "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n"
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example\n"
		  "EXPECT a deleted has: carl@office.example owed:\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_twins_for_one),
		cmocka_unit_test(looks_again_at_what_was_missing),
		cmocka_unit_test(identifies_without_top),
		cmocka_unit_test(tells_others_apart_by_their_header),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_uids", tests, NULL, NULL);
}
