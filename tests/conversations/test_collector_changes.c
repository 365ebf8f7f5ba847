/* SPDX-License-Identifier: ISC
 *
 * What was owed under other circumstances: after a reload, after a stop, when copies of a message wait for one another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define NONE_TAKEN "S: 503 no\nC: RSET\nS: 250 ok\n"
#define RELAY_GONE "ADVANCE 61s\nC: QUIT\nCLOSED\n"
#define TO_SENDER "C: MAIL FROM:<>\nC: RCPT TO:<ann@far.example>\nC: DATA\n"
#define TO_POSTMASTER "C: MAIL FROM:<>\nC: RCPT TO:<post@office.example>\nC: DATA\n"
#define TELL_SENDER "EXPECT rejected bob@office.example: 550 who, the sender is to be told (rejected = bounce)\n"

static void bounces_that_may_be_no_more(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "no relay for bounces any more",
		  { .lmtp = true, .rejects = true, .global = "relay \"out\" { address = \"out.example\" }",
		    .account = "rejected = bounce\nbounce_relay = \"out\"\nrelay = \"office\"" },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_LMTP "@1\nC: RETR 1\n" MESSAGE("bob")
		  "@2\n" MAIL RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN TELL_SENDER
		  "CONNECT\n" WORLD_RELAY TO_SENDER OK "S: 450 later\n" NONE_TAKEN "EXPECT deferred ann@far.example: 450 later\n"
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n"
		  "@2\n" "ADVANCE 61s\nC: QUIT\nCLOSED\n@3\nC: QUIT\nCLOSED\n"
		  "CALL reload relay = \"office\"\n"
		  "CALL poll\n@4\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_LMTP "@4\nC: RETR 1\n" MESSAGE("bob")
		  "@5\n" TO_POSTMASTER OK OK GO "C> text\nC> .\nS: 250 queued\n"
		  "EXPECT delivered post@office.example: 250 queued, the postmaster's copy of what was refused\n"
		  "@4\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "no sender any more", { .rejects = true, .account = "rejected = bounce", .relay = "max_connections = 1" },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN TELL_SENDER
		  TO_SENDER OK "S: 450 later\n" NONE_TAKEN "EXPECT deferred ann@far.example: 450 later\n"
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\n" RELAY_GONE
		  "CALL reload sender = \"<>\"\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob")
		  "@4\n" TO_POSTMASTER OK OK GO "C> text\nC> .\nS: 250 queued\n"
		  "EXPECT delivered post@office.example: 250 queued, the postmaster's copy of what was refused\n"
		  "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define PARTLY "S: +OK\nS: X-Envelope-To: bob@office.example, a@b@c\nS: Message-ID: <1@far.example>\nS: \nS: text\nS: .\n"
#define NOTICED                                                                                                        \
	TO_POSTMASTER OK OK GO "C> .\nS: 250 queued\nEXPECT delivered post@office.example: 250 queued, a notice that the "  \
		       "message stays on the server\n"

static void copies_wait_for_one_another(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "only for the message", { .account = "duplicates = 1d", .multidrop = "fallback = keep", .relay = "max_connections = 1" },
		  BEGUN PARTLY "@2\nC: MAIL FROM:<>\n" RCPT("bob") DATA OK OK GO "C> .\n" TAKEN("bob") "LOG account=dom uid=a\n" NOTICED
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n@2\n" RELAY_GONE
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED_TWO("b", "c") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\nC: RETR 2\n" PARTLY PARTLY
		  "EXPECT duplicate bob@office.example: , the same Message-ID was delivered before (duplicates)\n"
		  "EXPECT duplicate bob@office.example: , the same Message-ID was delivered before (duplicates)\n"
		  "LOG account=dom uid=b\nLOG account=dom uid=c\n@4\n" NOTICED NOTICED
		  "@3\n" WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=0\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define LINE "a line of a large message that is longer than others %d"
#define HEAD "S: +OK\nS: Return-Path: <ann@far.example>\nS: X-Envelope-To: bob@office.example\nS: Subject: hi\nS: \n"
#define BODY_IN "S* 20000 " LINE "\n"
#define BIG WORLD_LOGIN "S: +OK\nS: 1 a\nS: .\nS: +OK\nS: 1 1200000\nS: .\nCONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n"

static void bounce_of_what_still_arrives(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "waits for the rest, and needs no second RETR", { .rejects = true, .account = "rejected = bounce", .relay = "max_connections = 1" },
		  BIG HEAD BODY_IN "@2\n" MAIL RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN TELL_SENDER
		  "CNONE\n@1\nS: .\n@2\n" TO_SENDER OK OK GO "C> .\nS: 250 queued\n"
		  "EXPECT delivered ann@far.example: 250 queued, the sender's delivery status notification\n"
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "stopped while it waits", { .rejects = true, .account = "rejected = bounce", .relay = "max_connections = 1" },
		  BIG HEAD BODY_IN "@2\n" MAIL RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN TELL_SENDER
		  "CALL stop\n@1\nCLOSED\nEXPECT poll stopped listed=1 fetched=0 deleted=0: stopped\n"
		  "CALL describe\nEXPECT a owed has: owed: bob@office.example(bounce)\n" },
		/* clang-format on */
	};

	(void)state;
	world_play_large(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounces_that_may_be_no_more),
		cmocka_unit_test(copies_wait_for_one_another),
		cmocka_unit_test(bounce_of_what_still_arrives),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_changes", tests, NULL, NULL);
}
