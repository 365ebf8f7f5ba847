/* SPDX-License-Identifier: ISC
 *
 * What stays on the server, for how long, and how much is fetched in a poll.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define ONE .relay = "max_connections = 1"
#define RELAY_GONE "@2\nADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
#define DELIVERED_AND_KEPT(to) FETCHED(to) DELIVERED(to) "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n"

static void deletes_after_a_while(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "and not before; the header must be the same", { .account = "keep = true\ndelete_after = 1h" },
		  DELIVERED_AND_KEPT("bob") RELAY_GONE "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0\n@3\nADVANCE 1h\n"
		  "CALL poll\n@4\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		{ "but not another that has the same UID", { .account = "keep = true\ndelete_after = 1h" },
		  DELIVERED_AND_KEPT("bob") RELAY_GONE "ADVANCE 1h\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("carl") "CONNECT\n" WORLD_RELAY
		  "@3\nC: RETR 1\n" MESSAGE("carl") "@4\n" MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl")
		  "@3\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void fetches_so_many(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "and the others in the next poll", { ONE, .account = "max_messages = 1" },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob") DELIVERED("bob")
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=1 deleted=1\n" RELAY_GONE
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("b") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("carl")
		  "@4\n" MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl") "@3\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deletes_after_a_while),
		cmocka_unit_test(fetches_so_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_keep", tests, NULL, NULL);
}
