/* SPDX-License-Identifier: ISC
 *
 * A poll from login to QUIT: what is fetched, what the relay gets of it, and
 * that nothing is deleted before the ledger holds its verdicts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

static void fetches_and_deletes(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "an empty mailbox needs no relay", { 0 },
		  WORLD_LOGIN LISTED_NONE WORLD_QUIT "EXPECT poll ok listed=0 fetched=0 deleted=0\n" },
		{ "a listing that makes no sense in part", { 0 },
		  WORLD_LOGIN "S: +OK\nS: x\nS: .\nS: +OK\nS: .\n" WORLD_QUIT
		  "LOG account=dom: 1 lines of the listing make no sense\nEXPECT poll ok listed=0 fetched=0 deleted=0\n" },
		{ "one message for one recipient", { .trace = true },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY
		  "@1\nC: RETR 1\n"
		  "S: +OK\nS: Return-Path: <ann@far.example>\nS: X-Envelope-To: bob@office.example\n"
		  "S: Received: from far.example by pop.example\nS: Message-ID: <1@far>\nS: X-Envelope-To: eve@office.example\n"
		  "S: \nS: ...\nS: ..dot\nS: end\nS: .\n"
		  "@2\nC: MAIL FROM:<ann@far.example>\n" RCPT("bob") DATA OK OK GO
		  "C: Received: from pop.example by me.example with POP3 (multidropd)\n"
		  "C: \tfor <bob@office.example>; Fri, 15 Jan 2027 08:00:00 +0000\n"
		  "C: Received: from far.example by pop.example\nC: Message-ID: <1@far>\nC: X-Envelope-To: eve@office.example\n"
		  "C: \nC: ...\nC: ..dot\nC: end\nC: .\n"
		  "S: 250 queued\nEXPECT delivered bob@office.example: 250 queued\n"
		  "@1\nC: DELE 1\nS: +OK\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\nCALL describe\n"
		  "EXPECT a deleted has: bob@office.example owed:\n" },
		{ "two for two, one after the other through one connection", { .relay = "max_connections = 1" },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY
		  "@1\nC: RETR 1\nC: RETR 2\n" MESSAGE("bob") MESSAGE("carl")
		  "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CNONE\n" TAKEN("bob")
		  MAIL RCPT("carl") DATA OK OK GO CONTENT TAKEN("carl")
		  "@1\nC: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		{ "to the postmaster, with its stamp", { 0 },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE_STAMPED("bob@far.example")
		  "@2\n" MAIL RCPT("post") DATA OK OK GO "C: X-Envelope-To: bob@far.example\n" CONTENT TAKEN("post")
		  DELETED("a", "post") },
		{ "keep", { .account = "keep = true" },
		  FETCHED("bob") DELIVERED("bob") "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") WORLD_QUIT "EXPECT poll ok listed=1 fetched=0 deleted=0\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void deletes_after_the_commit(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "DELE waits", { 0 },
		  "CALL hold\nCALL commit 1\n" FETCHED("bob") DELIVERED("bob") "@1\nCNONE\nADVANCE 20s\nCNONE\n"
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example under way\nCALL commit\n" DELETED("a", "bob") },
		{ "the session is lost meanwhile: the next one deletes", { 0 },
		  "CALL hold\nCALL commit 1\n" FETCHED("bob") DELIVERED("bob") "@1\nCUT\nCLOSED\nENONE\nCALL commit\n"
		  "EXPECT poll account-trouble listed=1 fetched=1 deleted=0: connection reset\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\nS: +OK\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		{ "QUIT is refused: so does the next", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: +OK\nC: QUIT\nS: -ERR some remain\nCLOSED\n"
		  "EXPECT poll account-trouble listed=1 fetched=1 deleted=0: pop.example[192.0.2.1]:110: the server did not "
		  "end the session well, what was deleted may still be there: some remain\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\nS: +OK\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		{ "QUIT is not answered", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: +OK\nC: QUIT\nCLOSE\nCLOSED\n"
		  "EXPECT poll account-trouble listed=1 fetched=1 deleted=0: closed by the server\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED_NONE WORLD_QUIT "EXPECT poll ok listed=0 fetched=0 deleted=0\n"
		  "CALL describe\nEXPECT a settled has: bob@office.example owed:\n" },
		{ "DELE is refused", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: -ERR no\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\nS: +OK\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		{ "what a QUIT confirmed is listed once more", { 0 },
		  FETCHED("bob") DELIVERED("bob") DELETED("a", "bob")
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n" HEADER("bob") "C: DELE 1\nS: +OK\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetches_and_deletes),
		cmocka_unit_test(deletes_after_the_commit),
	};

	setenv("TZ", "UTC", 1);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector", tests, NULL, NULL);
}
