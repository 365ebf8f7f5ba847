/* SPDX-License-Identifier: ISC
 *
 * Messages over max_size: whom `oversize` tells, what stays on the server and
 * what goes, and what a larger limit makes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

/* LIST says 100 of all messages of these scenes. */
#define LIMIT(policy) .account = "max_size = 99\noversize = " policy, .relay = "max_connections = 1"
#define KEEP LIMIT("keep")
#define NOTIFY LIMIT("notify")
#define HEADERS LIMIT("headers")
#define DELETE LIMIT("delete")

#define FIRST WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: TOP 1 0\n"
#define NULL_MAIL "C: MAIL FROM:<>\n"
#define NONE_TAKEN "S: 503 no\nC: RSET\nS: 250 ok\n"
#define SIZE_TEXT(to) "C> To: " to "\nC> Subject: Too large, left on the server: hi\nC>   Subject:    hi\nC> .\n"
#define SIZE_TAKEN(to)                                                                                                 \
	"S: 250 queued\nEXPECT delivered " to                                                                          \
	": 250 queued, a notice that it is larger than max_size; the message stays on the server\n"
#define TOLD(to)                                                                                                       \
	NULL_MAIL RCPT(to)                                                                                             \
	DATA OK OK GO SIZE_TEXT("<" to "@office.example>") SIZE_TAKEN(to "@office.example")
#define TO_POSTMASTER "C: MAIL FROM:<>\nC: RCPT TO:<post@office.example>\nC: DATA\n"
#define POSTMASTER_TOLD(text)                                                                                          \
	TO_POSTMASTER OK OK GO "C> To: <post@office.example>\nC> " text                                                \
			       "\nC> .\nS: 250 queued\nEXPECT delivered post@office.example: 250 queued, "             \
			       "a notice that the message stays on the server\n"
#define NONE_FETCHED "EXPECT poll ok listed=1 fetched=0 deleted=0\n"
#define DESCRIBED(state, has) "CALL describe\nEXPECT a " state " has: " has " owed:\n"
#define DESCRIBED_BARE(state) "CALL describe\nEXPECT a " state " has: owed:\n"
#define LEFT(has) "@1\n" WORLD_QUIT NONE_FETCHED DESCRIBED("oversize", has)
#define NEXT_POLL "CALL poll\n@3\n" WORLD_LOGIN LISTED("a")
#define NOTHING_MORE NEXT_POLL WORLD_QUIT NONE_FETCHED
#define RELAY_GONE "@2\nADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
#define KEPT_LINE "EXPECT skipped : , larger than max_size, stays on the server (oversize = keep)\n"
#define GIVEN_UP "LOG account=dom uid=a size=100 status=skipped note=\"larger than max_size, given up\n"
#define DELETED_ONE "C: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=0 deleted=1\n"
/* The second poll fetches it, as if it had never been seen. */
#define FETCHED_NOW(to)                                                                                                \
	"@2\nADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"                                                               \
	"CALL reload max_size = 100\n" NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE(to) "@4\n" MAIL     \
	RCPT(to)                                                                                                       \
	DATA OK OK GO CONTENT TAKEN(to) "@3\nC: DELE 1\n" OK_POP WORLD_QUIT                                            \
					"EXPECT poll ok listed=1 fetched=1 deleted=1\n" DESCRIBED("deleted", to        \
	                                                                                          "@office.example")

static void keeps(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "without a look at it, says so once", { KEEP },
		  WORLD_LOGIN LISTED("a") KEPT_LINE LEFT("!(size)")
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") WORLD_QUIT NONE_FETCHED },
		{ "what is not larger comes", { .account = "max_size = 100\noversize = keep" },
		  FETCHED("bob") DELIVERED("bob") DELETED("a", "bob") },
		{ "what LIST does not know comes", { KEEP },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: .\nS: +OK\nS: .\nCONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n"
		  MESSAGE("bob") DELIVERED("bob") DELETED("a", "bob") },
		{ "several, without the relay", { KEEP },
		  WORLD_LOGIN LISTED_TWO("a", "b") KEPT_LINE KEPT_LINE WORLD_QUIT "EXPECT poll ok listed=2 fetched=0 deleted=0\n" },
		{ "after a crash before the commit: says it again", { KEEP },
		  "CALL hold\n" WORLD_LOGIN LISTED("a") KEPT_LINE "CALL crash\nCLOSED\nCALL describe\nENONE\n"
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") KEPT_LINE WORLD_QUIT NONE_FETCHED DESCRIBED("oversize", "!(size)") },
		{ "two with one UID, each for itself", { KEEP },
		  WORLD_LOGIN LISTED_TWO("a", "a") KEPT_LINE KEPT_LINE WORLD_QUIT "EXPECT poll ok listed=2 fetched=0 deleted=0\n"
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED_TWO("a", "a") WORLD_QUIT "EXPECT poll ok listed=2 fetched=0 deleted=0\n" },
		{ "after a crash before the verdict was committed", { KEEP },
		  "CALL hold\nCALL commit 1\n" WORLD_LOGIN LISTED("a") KEPT_LINE "CALL crash\nCLOSED\n"
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") KEPT_LINE WORLD_QUIT NONE_FETCHED DESCRIBED("oversize", "!(size)") },
		{ "after a crash between the verdict's commit and the end's", { KEEP },
		  "CALL hold\nCALL commit 2\n" WORLD_LOGIN LISTED("a") KEPT_LINE "CALL crash\nCLOSED\n"
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") WORLD_QUIT NONE_FETCHED DESCRIBED("oversize", "!(size)") },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void notifies(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "its recipient, once", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" TOLD("bob") LEFT("!bob@office.example(size)") RELAY_GONE NOTHING_MORE },
		{ "several, none of the others", { NOTIFY },
		  FIRST HEADER_STAMPED("bob@office.example, carl@office.example") "@2\n" NULL_MAIL RCPT("bob") RCPT("carl")
		  DATA OK OK OK GO SIZE_TEXT("undisclosed-recipients:;") SIZE_TAKEN("bob@office.example,carl@office.example")
		  LEFT("!bob@office.example(size) !carl@office.example(size)") },
		{ "when the relay is there again", { NOTIFY },
		  WORLD_LOGIN LISTED("a") "REFUSE no route\n" WORLD_QUIT "LOG relay=office state=down\nEXPECT~ poll relay-trouble listed=1 fetched=0 deleted=0 owed\n"
		  "CALL describe\nENONE\n" },
		{ "or nobody, where the relay refuses the notice", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" NULL_MAIL RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN
		  "EXPECT rejected bob@office.example: 550 who, the notice that it is larger than max_size is refused; the message "
		  "stays on the server\n" LEFT("!bob@office.example(size)") RELAY_GONE NOTHING_MORE },
		{ "in lower case, where only that is known", { NOTIFY },
		  FIRST HEADER("Bob") "@2\n" NULL_MAIL RCPT("Bob") DATA OK "S: 550 who\n" NONE_TAKEN
		  NULL_MAIL RCPT("bob") DATA OK OK GO SIZE_TEXT("<bob@office.example>") SIZE_TAKEN("Bob@office.example")
		  LEFT("!Bob@office.example(size)") },
		{ "later, where the relay wants that; the other is not told again", { NOTIFY },
		  FIRST HEADER_STAMPED("bob@office.example, carl@office.example") "@2\n" NULL_MAIL RCPT("bob") RCPT("carl")
		  DATA OK OK "S: 450 later\n" GO SIZE_TEXT("undisclosed-recipients:;") "S: 250 queued\n"
		  "EXPECT delivered bob@office.example: 250 queued, a notice that it is larger than max_size; the message stays on "
		  "the server\nEXPECT deferred carl@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=60\n" RELAY_GONE
		  NEXT_POLL WORLD_QUIT "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=30\n@3\nADVANCE 30s\n"
		  "CALL poll\n@4\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@4\nC: TOP 1 0\n"
		  HEADER_STAMPED("bob@office.example, carl@office.example") "@5\n" TOLD("carl") "@4\n" WORLD_QUIT NONE_FETCHED
		  DESCRIBED("oversize", "!bob@office.example(size) !carl@office.example(size)") },
		{ "until give_up", { .account = "max_size = 99\ngive_up = 1m", .relay = "max_connections = 1" },
		  FIRST HEADER("bob") "@2\n" NULL_MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: TOP 1 0\n" HEADER("bob") "@4\n" NULL_MAIL RCPT("bob") DATA OK
		  "S: 450 still\n" NONE_TAKEN "EXPECT~ rejected bob@office.example: 450 still, given up (give_up): "
		  "the notice that\n@3\n" WORLD_QUIT NONE_FETCHED DESCRIBED("oversize", "!bob@office.example(size)") },
		{ "the postmaster alone, where nobody is found", { NOTIFY, .multidrop = "fallback = keep" },
		  FIRST HEADER("") "LOG account=dom uid=a size=100 status=skipped\n@2\n" POSTMASTER_TOLD("Nobody could be found") "@1\n" WORLD_QUIT NONE_FETCHED
		  DESCRIBED("refused", "!(notice)") },
		{ "after a crash: perhaps twice", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO SIZE_TEXT("<bob@office.example>")
		  "CALL crash\n@1\nCLOSED\n@2\nCLOSED\nCALL describe\nEXPECT a owed has: owed: bob@office.example(size) under way\n"
		  NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: TOP 1 0\n" HEADER("bob")
		  "LOG account=dom uid=a size=100 status=deferred note=\"possible duplicate\n@4\n" TOLD("bob")
		  "@3\n" WORLD_QUIT NONE_FETCHED DESCRIBED("oversize", "!bob@office.example(size)") },
		{ "after a crash before anything was committed", { NOTIFY },
		  "CALL hold\n" FIRST HEADER("bob") "@2\n" NULL_MAIL RCPT("bob") DATA "CALL crash\n@1\nCLOSED\n@2\nCLOSED\n"
		  "CALL describe\nENONE\n" NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: TOP 1 0\n" HEADER("bob") "@4\n" TOLD("bob")
		  "@3\n" WORLD_QUIT NONE_FETCHED },
		{ "when the session is cut in the header: the next time", { NOTIFY },
		  FIRST "S: +OK\nS: X-Envelope-To: bob@office.example\nCUT\nCLOSED\nEXPECT~ poll account-trouble\n" RELAY_GONE
		  NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: TOP 1 0\n" HEADER("bob") "@4\n" TOLD("bob") "@3\n" WORLD_QUIT NONE_FETCHED },
		{ "nobody, where virtual discards it for all", { NOTIFY, .multidrop = "virtual = \"bob@office.example discard:\"" },
		  FIRST HEADER("bob") "EXPECT skipped : , virtual discards it for all its recipients\n" DELETED_ONE },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define UNREADABLE FIRST "S: -ERR what?\n"

static void tells_the_postmaster_without_top(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "once", { NOTIFY },
		  UNREADABLE "@2\n" POSTMASTER_TOLD("It has 100 bytes") LEFT("!(size)") RELAY_GONE NOTHING_MORE },
		{ "with headers, too", { HEADERS }, UNREADABLE "@2\n" POSTMASTER_TOLD("It has 100 bytes") LEFT("!(size)") },
		{ "later, without another TOP", { NOTIFY },
		  UNREADABLE "@2\n" TO_POSTMASTER OK "S: 450 later\n" NONE_TAKEN "EXPECT deferred post@office.example: 450 later\n@1\n"
		  WORLD_QUIT "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  NEXT_POLL "CONNECT\n" WORLD_RELAY POSTMASTER_TOLD("It has 100 bytes") "@3\n" WORLD_QUIT NONE_FETCHED
		  DESCRIBED("oversize", "!(size)") },
		{ "of two with one UID once", { NOTIFY },
		  WORLD_LOGIN LISTED_TWO("a", "a") "CONNECT\n" WORLD_RELAY "@1\nC: TOP 1 0\nC: TOP 2 0\nS: -ERR what?\nS: -ERR what?\n"
		  "@2\n" POSTMASTER_TOLD("It has 100 bytes") "@1\n" WORLD_QUIT "EXPECT poll ok listed=2 fetched=0 deleted=0 owed\n"
		  RELAY_GONE "CALL poll\n@3\n" WORLD_LOGIN LISTED_TWO("a", "a") WORLD_QUIT "EXPECT poll ok listed=2 fetched=0 deleted=0\n"
		  DESCRIBED("oversize", "!(size)") },
		{ "and delivers it when the limit is raised", { NOTIFY },
		  UNREADABLE "@2\n" POSTMASTER_TOLD("It has 100 bytes") LEFT("!(size)") FETCHED_NOW("bob") },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

#define MIME_HEADER                                                                                                    \
	"S: +OK\nS: Return-Path: <ann@far.example>\nS: X-Envelope-To: bob@office.example\nS: Subject: hi\n"            \
	"S: MIME-Version: 1.0\nS: Content-Type: multipart/mixed;\nS:  boundary=x\nS: content-transfer-encoding: "      \
	"8bit\nS: no colon\nS: X-Last: z\nS: \nS: .\n"
#define HEADER_CONTENT                                                                                                 \
	"C: Subject: hi\nC: X-Last: z\nC: MIME-Version: 1.0\nC: Content-Type: text/plain; charset=us-ascii\n"          \
	"C: Content-Transfer-Encoding: 7bit\nC: \nC> What you can do\nC> .\n"
#define HEADER_DELIVERED                                                                                               \
	NULL_MAIL RCPT("bob") DATA OK OK GO HEADER_CONTENT                                                             \
		"S: 250 queued\nEXPECT delivered bob@office.example: 250 queued, the header of "                       \
		"what is larger than max_size; the message stays on the server\n"

static void delivers_headers(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "with a text in place of the body", { HEADERS },
		  FIRST MIME_HEADER "@2\n" HEADER_DELIVERED LEFT("!bob@office.example(header)") RELAY_GONE NOTHING_MORE },
		{ "later, where the relay wants that", { HEADERS },
		  FIRST MIME_HEADER "@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO HEADER_CONTENT "S: 451 later\n"
		  "EXPECT deferred bob@office.example: 451 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: TOP 1 0\n" MIME_HEADER "@4\n" HEADER_DELIVERED "@3\n" WORLD_QUIT
		  NONE_FETCHED DESCRIBED("oversize", "!bob@office.example(header)") },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void deletes(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "after the commit", { DELETE },
		  "CALL hold\n" WORLD_LOGIN LISTED("a") GIVEN_UP "CNONE\nCALL commit\n" DELETED_ONE DESCRIBED_BARE("deleted") },
		{ "again, where the server did not", { DELETE },
		  WORLD_LOGIN LISTED("a") GIVEN_UP "C: DELE 1\nS: -ERR no\n" WORLD_QUIT NONE_FETCHED DESCRIBED_BARE("settled")
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") DELETED_ONE DESCRIBED_BARE("deleted") },
		{ "after a crash, too", { DELETE },
		  "CALL hold\nCALL commit 1\n" WORLD_LOGIN LISTED("a") GIVEN_UP "CALL crash\nCLOSED\nCALL describe\n"
		  "EXPECT a owed has: owed: under way\nCALL poll\n@2\n" WORLD_LOGIN LISTED("a") DELETED_ONE DESCRIBED_BARE("deleted") },
		{ "two with one UID, each for itself", { DELETE },
		  WORLD_LOGIN LISTED_TWO("a", "a") GIVEN_UP GIVEN_UP "C: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=2 fetched=0 deleted=2\n" },
		{ "not where mail is kept", { .account = "max_size = 99\noversize = delete\nkeep = true" },
		  WORLD_LOGIN LISTED("a") GIVEN_UP WORLD_QUIT NONE_FETCHED
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") WORLD_QUIT NONE_FETCHED },
		{ "the next message with that UID is another", { DELETE },
		  WORLD_LOGIN LISTED("a") GIVEN_UP DELETED_ONE
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") GIVEN_UP DELETED_ONE },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void fetches_what_is_no_longer_too_large(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "whom it was kept from", { KEEP },
		  WORLD_LOGIN LISTED("a") KEPT_LINE LEFT("!(size)") "CALL reload max_size = 0\n"
		  "CALL poll\n@2\n" WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@2\nC: RETR 1\n" MESSAGE("bob")
		  "@3\n" MAIL RCPT("bob") DATA OK OK GO CONTENT TAKEN("bob") "@2\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" DESCRIBED("deleted", "bob@office.example") },
		{ "who was told", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" TOLD("bob") LEFT("!bob@office.example(size)") FETCHED_NOW("bob") },
		{ "another message that has the same UID", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" TOLD("bob") LEFT("!bob@office.example(size)") RELAY_GONE "CALL reload max_size = 100\n"
		  NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("carl") "@4\n" MAIL RCPT("carl") DATA OK OK GO CONTENT
		  TAKEN("carl") "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n"
		  "CALL describe\nEXPECT a oversize has: !bob@office.example(size) owed:\nEXPECT a deleted has: carl@office.example owed:\n" },
		{ "who was still to be told, at once", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" NULL_MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=0 owed due=60\n" FETCHED_NOW("bob") },
		{ "and is owed it like any other", { NOTIFY },
		  FIRST HEADER("bob") "@2\n" TOLD("bob") LEFT("!bob@office.example(size)") RELAY_GONE "CALL reload max_size = 100\n"
		  NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob") "@4\n" MAIL RCPT("bob") DATA OK
		  "S: 450 later\n" NONE_TAKEN "EXPECT deferred bob@office.example: 450 later\n@3\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\nCALL describe\nEXPECT a owed has: owed: bob@office.example\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void leaves_alone_what_is_known(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "as owed: a smaller limit is for new mail", { .relay = "max_connections = 1" },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\n" NONE_TAKEN
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  "CALL reload max_size = 99\n" NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: RETR 1\n" MESSAGE("bob")
		  "@4\n" MAIL RCPT("bob") DATA OK OK GO CONTENT TAKEN("bob") "@3\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		{ "as settled", { .relay = "max_connections = 1" },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nS: -ERR no\n" WORLD_QUIT "EXPECT~ poll ok\n" RELAY_GONE
		  "CALL reload max_size = 99\n" NEXT_POLL "C: TOP 1 0\n" HEADER("bob") DELETED_ONE },
		{ "a bounce that is refused: the postmaster's copy is whole",
		  { .rejects = true, .account = "rejected = bounce", .relay = "max_connections = 1" },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK "S: 550 who\n" NONE_TAKEN "EXPECT~ rejected bob@office.example: 550 who\n"
		  NULL_MAIL "C: RCPT TO:<ann@far.example>\n" DATA OK "S: 450 later\n" NONE_TAKEN "EXPECT deferred ann@far.example: 450 later\n"
		  "@1\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n@2\nADVANCE 60s\nC: QUIT\nCLOSED\n"
		  "CALL reload rejected = bounce max_size = 99\n" NEXT_POLL "CONNECT\n" WORLD_RELAY "@3\nC: TOP 1 0\n" HEADER("bob")
		  "@4\n" NULL_MAIL "C: RCPT TO:<ann@far.example>\n" DATA OK "S: 550 no\n" NONE_TAKEN "EXPECT~ rejected ann@far.example: 550 no\n"
		  "@3\nC: RETR 1\n" MESSAGE("bob") "@4\n" TO_POSTMASTER OK OK GO "C> text\nC> .\nS: 250 queued\n"
		  "EXPECT delivered post@office.example: 250 queued, the postmaster's copy of what was refused\n"
		  "@3\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps),
		cmocka_unit_test(notifies),
		cmocka_unit_test(tells_the_postmaster_without_top),
		cmocka_unit_test(delivers_headers),
		cmocka_unit_test(deletes),
		cmocka_unit_test(fetches_what_is_no_longer_too_large),
		cmocka_unit_test(leaves_alone_what_is_known),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_oversize", tests, NULL, NULL);
}
