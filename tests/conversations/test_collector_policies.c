/* SPDX-License-Identifier: ISC
 *
 * What becomes of mail that the relay refuses, that nobody can be found for,
 * or that somebody has had: `rejected`, `give_up`, `fallback`, `duplicates`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define DESCRIBE "CALL describe\n"
#define NONE_TAKEN "S: 503 no\nC: RSET\nS: 250 ok\n"
#define REFUSED_RCPT(to)                                                                                               \
	MAIL RCPT(to)                                                                                                  \
	DATA OK "S: 550 who\n" NONE_TAKEN
#define ONE "max_connections = 1"
/* What goes to the postmaster, whose address has the form of all others. */
#define TO_POSTMASTER "C: MAIL FROM:<>\nC: RCPT TO:<post@office.example>\nC: DATA\n"
#define POSTMASTER_GETS(text) TO_POSTMASTER OK OK GO text "C> .\n"
#define COPY(reason)                                                                                                   \
	POSTMASTER_GETS("C> To: <post@office.example>\nC> Content-Type: multipart/mixed\nC> " reason                   \
	                "\nC> Content-Type: message/rfc822\nC> Return-Path: <ann@far.example>\n"                       \
	                "C> X-Envelope-To: \nC> text\n")
#define NOTICE(text) POSTMASTER_GETS("C> To: <post@office.example>\nC> Auto-Submitted: auto-\nC> " text "\n")
#define POST_TAKEN(about) "S: 250 queued\nEXPECT delivered post@office.example: 250 queued, " about "\n"
#define COPIED POST_TAKEN("the postmaster's copy of what was refused")
#define NOTICED POST_TAKEN("a notice that the message stays on the server")
#define GOES_TO_POSTMASTER(to, reply)                                                                                  \
	"EXPECT rejected " to "@office.example: " reply ", goes to the postmaster (rejected = postmaster)\n"
#define RELAY_GONE "@2\nADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
/* The end of a message that was settled as `has` says. */
#define SETTLED(has)                                                                                                   \
	"@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" DESCRIBE                   \
	"EXPECT a deleted has: " has " owed:\n"
#define TOLD_KEPT "LOG account=dom uid=a\n"
#define KEPT "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n"

static void gives_the_postmaster_a_copy(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "of what the relay takes for nobody", { .rejects = true, .relay = ONE },
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob") GOES_TO_POSTMASTER("bob", "550 who")
		  COPY("    550 who") COPIED SETTLED("bob@office.example(copy)") },
		{ "besides what the others get", { .rejects = true, .relay = ONE },
		  BEGUN MESSAGE_STAMPED("bob@office.example, carl@office.example") "@2\n" MAIL RCPT("bob") RCPT("carl") DATA
		  OK OK "S: 550 who\n" GO CONTENT "S: 250 queued\nEXPECT delivered bob@office.example: 250 queued\n"
		  GOES_TO_POSTMASTER("carl", "550 who") COPY("    550 who") COPIED
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "one of several refusals together", { .rejects = true, .relay = ONE },
		  BEGUN MESSAGE_STAMPED("bob@office.example, carl@office.example") "@2\n" MAIL RCPT("bob") RCPT("carl") DATA
		  OK "S: 550 who\nS: 551 gone\n" NONE_TAKEN GOES_TO_POSTMASTER("bob", "550 who")
		  GOES_TO_POSTMASTER("carl", "551 gone") COPY("    551 gone") COPIED
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "one, however many are refused", { .rejects = true, .relay = ONE, .multidrop = "which = all" },
		  BEGUN "S: +OK\nS* 101 X-Envelope-To: r%d@office.example\nS: \nS: text\nS: .\n@2\n"
		  "C: MAIL FROM:<>\nC* 100 RCPT TO:<r%d@office.example>\n" DATA OK "S* 100 550 who\n" NONE_TAKEN
		  "EXPECT~ rejected r1@office.example,r2@office.example\n"
		  "C: MAIL FROM:<>\nC: RCPT TO:<r101@office.example>\n" DATA OK "S: 550 who\n" NONE_TAKEN
		  GOES_TO_POSTMASTER("r101", "550 who") POSTMASTER_GETS("C>   and \n") COPIED
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "when the relay will take it, which it does later", { .rejects = true, .relay = ONE },
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob") GOES_TO_POSTMASTER("bob", "550 who")
		  TO_POSTMASTER OK "S: 450 later\n" NONE_TAKEN "EXPECT deferred post@office.example: 450 later\n"
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n" RELAY_GONE
		  "ADVANCE 30s\nCALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n"
		  MESSAGE("bob") "@4\n" COPY("    550 who") COPIED "@3\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "after a crash too, and asks the relay no second time for whom it refused", { .rejects = true, .relay = ONE },
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob") GOES_TO_POSTMASTER("bob", "550 who")
		  TO_POSTMASTER OK OK GO "CALL crash\nC> .\nCLOSED\n@1\nCLOSED\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n"
		  MESSAGE("bob") "LOG account=dom uid=a size=\n@4\n" COPY("    550 who") COPIED
		  "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void keeps_what_the_postmaster_cannot_have(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "with one notice", { .rejects = true, .relay = ONE },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "S: 554 spam\n"
		  GOES_TO_POSTMASTER("bob", "554 spam") TO_POSTMASTER OK OK GO "C> .\nS: 554 spam\n"
		  "EXPECT rejected post@office.example: 554 spam, the postmaster's copy is refused: stays on the server\n"
		  NOTICE("") NOTICED KEPT
		  DESCRIBE "EXPECT a refused has: !bob@office.example(notice) owed:\n"
		  RELAY_GONE "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") WORLD_QUIT "EXPECT poll ok listed=1 fetched=0 deleted=0\n" },
		{ "and goes on where that is refused, too", { .rejects = true, .relay = ONE },
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob") GOES_TO_POSTMASTER("bob", "550 who")
		  TO_POSTMASTER OK "S: 550 nor him\n" NONE_TAKEN
		  "EXPECT rejected post@office.example: 550 nor him, the postmaster's copy is refused: stays on the server\n"
		  TO_POSTMASTER OK "S: 550 nor him\n" NONE_TAKEN
		  "EXPECT rejected post@office.example: 550 nor him, the notice to the postmaster is refused; the message stays on "
		  "the server\n" KEPT },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void discards(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "what is refused", { .rejects = true, .account = "rejected = discard", .relay = ONE },
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob")
		  "EXPECT rejected bob@office.example: 550 who, discarded (rejected = discard)\n"
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "what virtual says", { .multidrop = "virtual = \"bob@office.example discard:\"" },
		  FETCHED("bob") "EXPECT skipped : , virtual discards it for all its recipients\n"
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define BOUNCES                                                                                                        \
	{                                                                                                              \
		.rejects = true, .account = "rejected = bounce", .relay = ONE                                          \
	}
#define TO_SENDER "C: MAIL FROM:<>\nC: RCPT TO:<ann@far.example>\nC: DATA\n"
#define TELL_SENDER "EXPECT rejected bob@office.example: 550 who, the sender is to be told (rejected = bounce)\n"
#define NO_BOUNCE                                                                                                      \
	"EXPECT rejected bob@office.example: 550 who, goes to the postmaster: no bounce for such mail (no sender, "    \
	"a list, a program or a guess)\n"
#define BOUNCE TO_SENDER OK OK GO "C> Content-Type: multipart/report\nC> Status: 5.\nC> Subject: hi\nC> .\n"

static void bounces(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "to the sender", BOUNCES,
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob") TELL_SENDER BOUNCE
		  "S: 250 queued\nEXPECT delivered ann@far.example: 250 queued, the sender's delivery status notification\n"
		  SETTLED("bob@office.example(bounce)") },
		{ "never to nobody", BOUNCES,
		  BEGUN "S: +OK\nS: Return-Path: <>\nS: X-Envelope-To: bob@office.example\nS: Subject: hi\nS: \nS: text\nS: .\n"
		  "@2\nC: MAIL FROM:<>\n" RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN NO_BOUNCE
		  POSTMASTER_GETS("C> text\n") COPIED SETTLED("bob@office.example(copy)") },
		{ "never for bulk mail", BOUNCES,
		  BEGUN "S: +OK\nS: Return-Path: <ann@far.example>\nS: X-Envelope-To: bob@office.example\nS: Precedence: bulk\n"
		  "S: \nS: text\nS: .\n@2\n" REFUSED_RCPT("bob") NO_BOUNCE POSTMASTER_GETS("C> text\n") COPIED SETTLED("bob@office.example(copy)") },
		{ "or the postmaster has it, where that is refused", BOUNCES,
		  FETCHED("bob") "@2\n" REFUSED_RCPT("bob") TELL_SENDER
		  TO_SENDER OK "S: 550 no such domain\n" NONE_TAKEN
		  "EXPECT rejected ann@far.example: 550 no such domain, the bounce is refused: goes to the postmaster\n"
		  COPY("    550 who") COPIED SETTLED("bob@office.example(copy)") },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define LOST(why)                                                                                                      \
	"EXPECT deferred bob@office.example: " why ", possible duplicate: the relay's answer was lost, it may have "    \
	"the message\n"

static void gives_up(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "after so long", { .rejects = true, .account = "give_up = 1m", .relay = ONE },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob")
		  "@4\n" MAIL RCPT("bob") DATA OK "S: 450 later still\n" NONE_TAKEN
		  "EXPECT rejected bob@office.example: 450 later still, given up (give_up): goes to the postmaster (rejected = "
		  "postmaster)\n"
		  COPY("    450 later still") COPIED "@3\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "where the answer is lost again and again", { .rejects = true, .account = "give_up = 1m", .relay = ONE },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CUT\n" LOST("connection reset")
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\nADVANCE 60s\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob")
		  "@4\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CUT\n"
		  "EXPECT rejected bob@office.example: connection reset, given up (give_up): goes to the postmaster (rejected = "
		  "postmaster)\nCONNECT\n" WORLD_RELAY "@5\n" COPY("    connection reset") COPIED "@3\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void keeps_what_is_for_nobody(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "with one notice, not one a poll", { .multidrop = "fallback = keep" },
		  FETCHED("") TOLD_KEPT "@2\n" NOTICE("") NOTICED KEPT RELAY_GONE "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0\n" },
		{ "a notice that is put off comes later", { .multidrop = "fallback = keep", .relay = ONE },
		  FETCHED("") TOLD_KEPT "@2\n" TO_POSTMASTER OK "S: 450 later\n" NONE_TAKEN "EXPECT deferred post@office.example: 450 later\n"
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("")
		  "@4\n" NOTICE("") NOTICED "@3\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0\n" },
		{ "besides what the others get", { .multidrop = "fallback = keep", .relay = ONE },
		  BEGUN MESSAGE_STAMPED("bob@office.example, a@b@c") TOLD_KEPT "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT TAKEN("bob")
		  NOTICE("") NOTICED KEPT },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void ends_loops(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "over a hundred servers", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS* 101 Received: by mx%d.example; today\nS: \nS: .\n"
		  TOLD_KEPT "@2\n" NOTICE("") NOTICED KEPT },
		{ "three times ourselves", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\n"
		  "S* 3 Received: from pop.example by me.example with POP3 (multidropd); Tue, %d Nov 2026 10:00:00 +0000\nS: \nS: .\n"
		  TOLD_KEPT "@2\n" NOTICE("") NOTICED KEPT },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define WITH_ID(to)                                                                                                    \
	"S: +OK\nS: X-Envelope-To: " to "@office.example\nS: Message-ID: <1@far.example>\nS: \nS: text\nS: .\n"
#define ID_CONTENT "C: Message-ID: <1@far.example>\nC: \nC: text\nC: .\n"
#define NULL_MAIL "C: MAIL FROM:<>\n"
#define ID_DELIVERED(to)                                                                                               \
	NULL_MAIL RCPT(to)                                                                                             \
	DATA OK OK GO ID_CONTENT TAKEN(to)
#define SUPPRESSED(to) "EXPECT duplicate " to "@office.example: , the same Message-ID was delivered before (duplicates)\n"

static void suppresses_duplicates(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "of one poll: the second waits for the first, and needs no second RETR", { .account = "duplicates = 1d" },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n" WITH_ID("bob") WITH_ID("Bob")
		  "@2\n" ID_DELIVERED("bob") SUPPRESSED("Bob") "@1\nC: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		{ "of a later poll", { .account = "duplicates = 1d" },
		  BEGUN WITH_ID("bob") "@2\n" ID_DELIVERED("bob") "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT~ poll ok\n" RELAY_GONE
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("b") "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" WITH_ID("bob")
		  SUPPRESSED("bob") "C: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "not for another recipient", { .account = "duplicates = 1d", .relay = ONE },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n" WITH_ID("bob")
		  WITH_ID("carl") "@2\n" ID_DELIVERED("bob") "@1\nC: DELE 1\n" OK_POP "@2\n" ID_DELIVERED("carl") "@1\nC: DELE 2\n" OK_POP
		  WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		{ "not where the first was not taken", { .account = "duplicates = 1d", .relay = ONE },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n" WITH_ID("bob")
		  WITH_ID("bob") "@2\n" NULL_MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\nC: RETR 2\n" WITH_ID("bob") "@2\n" ID_DELIVERED("bob")
		  "@1\nC: DELE 2\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=3 deleted=1 owed due=60\n" },
		{ "not by default", { .relay = ONE },
		  WORLD_LOGIN LISTED_TWO("a", "b") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nC: RETR 2\n" WITH_ID("bob")
		  WITH_ID("bob") "@2\n" ID_DELIVERED("bob") "@1\nC: DELE 1\n" OK_POP "@2\n" ID_DELIVERED("bob") "@1\nC: DELE 2\n" OK_POP
		  WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define ENV(sender, to) "S: +OK\nS: far.example\nS: 192.0.2.1\nS: " sender "\nS: " to "\nS: .\n"
#define UNSTAMPED "S: +OK\nS: Subject: hi\nS: \nS: text\nS: .\n"

static void asks_for_the_envelope(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "which names sender and recipient", { .envelope = "*ENV" },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: *ENV 1\nC: RETR 1\n"
		  ENV("ann@far.example", "bob@office.example") UNSTAMPED DELIVERED("bob") DELETED("a", "bob") },
		{ "of a server that does not know it", { .envelope = "*ENV" },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: *ENV 1\nC: RETR 1\nS: -ERR what?\n" UNSTAMPED
		  WORLD_QUIT "EXPECT poll account-trouble listed=1 fetched=1 deleted=0 owed: the server refused *ENV: what?: "
		  "remove \"*ENV\" from envelope if it does not know the command\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_postmaster_a_copy),
		cmocka_unit_test(keeps_what_the_postmaster_cannot_have),
		cmocka_unit_test(discards),
		cmocka_unit_test(bounces),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(keeps_what_is_for_nobody),
		cmocka_unit_test(ends_loops),
		cmocka_unit_test(suppresses_duplicates),
		cmocka_unit_test(asks_for_the_envelope),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_policies", tests, NULL, NULL);
}
