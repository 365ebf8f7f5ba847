/* SPDX-License-Identifier: ISC
 *
 * The end of a poll that is not its own: stopped or freed in each phase.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define STOPPED(listed, fetched) "EXPECT poll stopped listed=" listed " fetched=" fetched " deleted=0: stopped\n"
#define STOP_AT_ONCE(listed, fetched) "CALL stop\n@1\nCLOSED\n" STOPPED(listed, fetched)
#define CAPA_EXPIRE "S: +OK\nS: USER\nS: UIDL\nS: TOP\nS: EXPIRE 0\nS: PIPELINING\nS: .\n"
#define LOGIN_EXPIRE                                                                                                   \
	"S: +OK\nC: CAPA\n" CAPA_EXPIRE                                                                                \
	"C: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\nC: CAPA\nC: UIDL\nC: LIST\n" CAPA_EXPIRE
#define POSSIBLE "LOG account=dom uid=a size=88 status=deferred note=\"possible duplicate\n"
#define NOT_OWED "CALL describe\nENONE\n"
#define OWED "CALL describe\nEXPECT a owed has: owed: bob@office.example\n"

static void stops(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "before the greeting", { 0 }, STOP_AT_ONCE("0", "0") },
		{ "in the login", { 0 }, "S: +OK\nC: CAPA\n" STOP_AT_ONCE("0", "0") },
		{ "in the listing", { 0 }, WORLD_LOGIN "S: +OK\nS: 1 a\n" STOP_AT_ONCE("0", "0") },
		{ "while the ledger compares", { 0 },
		  "CALL hold all\n" WORLD_LOGIN LISTED("a") "ENONE\n" STOP_AT_ONCE("1", "0") "CALL commit\n" },
		{ "the server hangs up while the ledger compares", { 0 },
		  "CALL hold all\n" WORLD_LOGIN LISTED("a") "CLOSE\nCLOSED\n"
		  "EXPECT poll account-trouble listed=1 fetched=0 deleted=0: closed by the server\nCALL commit\nENONE\n" },
		{ "freed while the ledger compares", { 0 },
		  "CALL hold all\n" WORLD_LOGIN LISTED("a") "CALL free\nCALL commit\nCLOSED\nENONE\n" },
		{ "while the relay is asked", { 0 },
		  WORLD_LOGIN LISTED("a") "CONNECT\n" "CALL stop\n@1\n" WORLD_QUIT STOPPED("1", "0") },
		{ "waiting for RETR", { 0 }, BEGUN STOP_AT_ONCE("1", "0") NOT_OWED },
		{ "in a message", { 0 }, BEGUN MESSAGE_BEGINS("bob@office.example") STOP_AT_ONCE("1", "0") NOT_OWED },
		{ "before the final dot", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA "CALL stop\n@1\n" WORLD_QUIT "@2\nCLOSED\n" STOPPED("1", "1")
		  OWED },
		{ "before the final dot, and one is refused for good", { 0 },
		  BEGUN MESSAGE_STAMPED("bob@office.example, carl@office.example")
		  "@2\n" MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 550 no\nCALL stop\n@1\n" WORLD_QUIT "@2\nCLOSED\n"
		  "EXPECT rejected carl@office.example: 550 no, stays on the server, not tried again (rejected = keep)\n" STOPPED("1", "1")
		  "CALL describe\nEXPECT a owed has: !carl@office.example owed: bob@office.example\n" },
		{ "with the final dot open", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CALL stop\n@1\nCNONE\nENONE\n@2\n" TAKEN("bob")
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll stopped listed=1 fetched=1 deleted=1: stopped\n" },
		{ "with the final dot open, refused for now", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CALL stop\nS: 450 later\n"
		  "EXPECT deferred bob@office.example: 450 later\n@1\n" WORLD_QUIT
		  "EXPECT poll stopped listed=1 fetched=1 deleted=0 owed due=60: stopped\n" OWED },
		{ "with the final dot open, and the relay hangs up", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CALL stop\nCUT\n"
		  "EXPECT deferred bob@office.example: connection reset, possible duplicate: the relay's answer was lost, it may "
		  "have the message\n@1\n" WORLD_QUIT
		  "EXPECT poll stopped listed=1 fetched=1 deleted=0 owed due=60: stopped\n" OWED },
		{ "with the final dot open and never answered", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "CALL stop\nADVANCE 4500ms\nENONE\nCALL free\n"
		  "@1\nCLOSED\n@2\nCLOSED\n" POSSIBLE "CALL describe\nEXPECT a owed has: owed: bob@office.example under way\n" },
		{ "with the commit under way", { 0 },
		  "CALL hold\nCALL commit 1\n" FETCHED("bob") DELIVERED("bob") "CALL stop\nENONE\nCALL commit\n"
		  "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll stopped listed=1 fetched=1 deleted=1: stopped\n" },
		{ "with DELE under way", { 0 },
		  FETCHED("bob") DELIVERED("bob") "@1\nC: DELE 1\nCALL stop\nENONE\n" OK_POP WORLD_QUIT
		  "EXPECT poll stopped listed=1 fetched=1 deleted=1: stopped\n" },
		{ "in QUIT", { 0 },
		  WORLD_LOGIN LISTED_NONE "C: QUIT\nCALL stop\nCALL stop\nS: +OK\nCLOSED\n" STOPPED("0", "0") },
		{ "the session is over, the relay has not answered", { 0 },
		  FETCHED("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO CONTENT "@1\nCUT\nCLOSED\nCALL stop\nENONE\n"
		  "@2\n" TAKEN("bob") "EXPECT poll account-trouble listed=1 fetched=1 deleted=0: connection reset\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

/* What was too much for one transaction is for another time. */
static void begins_no_transaction_any_more(void **state)
{
	static const struct world_scene scene[] = {
		/* clang-format off */
		{ "a recipient is left", { .account = "order = server" },
		  BEGUN MESSAGE_STAMPED("bob@office.example, carl@office.example")
		  "@2\n" MAIL RCPT("bob") RCPT("carl") DATA OK OK "S: 452 too many\n" GO CONTENT "CALL stop\n" TAKEN("bob")
		  "EXPECT deferred carl@office.example: left for the next poll\n@1\n" WORLD_QUIT "EXPECT poll stopped listed=1 fetched=1 deleted=0 owed: stopped\n"
		  "CALL describe\nEXPECT a owed has: bob@office.example owed: carl@office.example\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scene);
}

/* RFC 2449 6.7: such a server deletes at QUIT what was retrieved. */
static void does_not_quit_from_expire_zero(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "all is settled", { 0 },
		  LOGIN_EXPIRE LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob") DELIVERED("bob")
		  DELETED("a", "bob") },
		{ "somebody is owed", { 0 },
		  LOGIN_EXPIRE LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob")
		  "@2\n" MAIL RCPT("bob") DATA OK "S: 450 later\nS: 503 no\nC: RSET\nS: 250 ok\n"
		  "EXPECT deferred bob@office.example: 450 later\n@1\nCNONE\nCLOSED\n"
		  "EXPECT poll ok listed=1 fetched=1 deleted=0 owed due=60\n" },
		{ "it is to be kept", { .account = "keep = true" },
		  LOGIN_EXPIRE LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob") DELIVERED("bob")
		  "@1\nCNONE\nCLOSED\nEXPECT poll ok listed=1 fetched=1 deleted=0\n" },
		{ "it was not retrieved", { 0 },
		  LOGIN_EXPIRE LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\nS: -ERR gone\n" WORLD_QUIT
		  "LOG account=dom uid=a\nEXPECT poll ok listed=1 fetched=0 deleted=0 owed\n" },
		{ "stopped with a delivery under way", { 0 },
		  LOGIN_EXPIRE LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n" MESSAGE("bob") "@2\n" MAIL RCPT("bob") DATA
		  "CALL stop\n@1\nCNONE\nCLOSED\n@2\nCLOSED\n" STOPPED("1", "1") },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops),
		cmocka_unit_test(begins_no_transaction_any_more),
		cmocka_unit_test(does_not_quit_from_expire_zero),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_stop", tests, NULL, NULL);
}
