/* SPDX-License-Identifier: ISC
 *
 * LMTP: a verdict for each recipient after the message (RFC 2033).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "office.h"

#define PEER "unix:/run/lmtp"
#define HELLO "S: 220 office LMTP\nC: LHLO me.example\n"
#define PIPE HELLO "S: 250-office\nS: 250-PIPELINING\nS: 250-SIZE 1000\nS: 250 Ok SESSIONID=<1>\n"
#define FLIGHT "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@office>\nC: RCPT TO:<y@office>\nC: RCPT TO:<z@office>\nC: DATA\n"
#define CONTENT "C: Subject: hi\nC: \nC: ..dot\nC: .\n"
#define SEND "CALL send A a@b x@office,y@office,z@office\n"
#define THREE SEND PIPE FLIGHT "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\n" CONTENT
#define TWO                                                                                                            \
	SEND PIPE FLIGHT "S: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go on\nEXPECT~ A y@office refused rcpt "  \
			 "550\n" CONTENT
#define QUIT "ADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"

static void judges_each(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "told in order, at once", { .lmtp = true, .path = "/run/lmtp" },
		  THREE "S: 250 2.0.0 x has it\nEXPECT A x@office accepted dot 250 " PEER ": 250 2.0.0 x has it\n"
		  "ENONE\nCALL dot A\nEXPECT dot open\nS: 451 quota\nEXPECT A y@office deferred dot 451 " PEER
		  ": 451 quota\nENONE\nS: 550-no\nS: 550 way\nEXPECT A z@office refused dot 550 " PEER
		  ": 550 no way\nEXPECT A ended\n" QUIT },
		{ "only whom RCPT accepted", { .lmtp = true, .path = "/run/lmtp" },
		  TWO "S: 250 x\nS: 250 z\nEXPECT~ A x@office accepted dot 250\nEXPECT~ A z@office accepted dot "
		  "250\nEXPECT A ended\n" QUIT },
		{ "a reply too many", { .lmtp = true, .path = "/run/lmtp" },
		  TWO "S: 250 x\nS: 250 z\nS: 250 who?\nEXPECT~ A x@office accepted\nEXPECT~ A z@office accepted\n"
		  "EXPECT A ended\nCLOSED\n" },
		{ "the second is cut off", { .lmtp = true, .path = "/run/lmtp" },
		  THREE "S: 250 x\nCUT\nEXPECT~ A x@office accepted\nEXPECT A y@office unknown dot 0 " PEER
		  ": connection reset\nEXPECT~ A z@office unknown dot 0\nEXPECT A ended\nCLOSED\n" },
		{ "one reply for all", { .lmtp = true, .path = "/run/lmtp" },
		  THREE "S: 552 too big\nEXPECT~ A x@office refused dot 552\nADVANCE 599s\nENONE\nADVANCE 1s\n"
		  "EXPECT~ A y@office unknown dot 0\nEXPECT~ A z@office unknown dot 0\nEXPECT A ended\nCLOSED\n" },
		{ "421 in the middle", { .lmtp = true, .path = "/run/lmtp" },
		  THREE "S: 250 x\nS: 421 bye\nEXPECT~ A x@office accepted\nEXPECT A y@office undecided dot 421 "
		  PEER ": 421 bye\nEXPECT~ A z@office unknown dot 421\nEXPECT A ended\nCLOSED\n" },
		{ "354 to one of them", { .lmtp = true, .path = "/run/lmtp" },
		  THREE "S: 250 x\nS: 354 y\nEXPECT~ A x@office accepted\nEXPECT~ A y@office unknown dot 354\n"
		  "EXPECT~ A z@office unknown dot 354\nEXPECT A ended\nCLOSED\n" },
		{ "none accepted, and 354", { .lmtp = true, .path = "/run/lmtp" },
		  SEND PIPE FLIGHT "S: 250 ok\nS: 550 no\nS: 550 no\nS: 550 no\nS: 354 go on\n"
		  "EXPECT~ A x@office refused\nEXPECT~ A y@office refused\nEXPECT~ A z@office refused\n"
		  "EXPECT A ended\nCLOSED\nCNONE\n" },
		{ "no HELO", { .lmtp = true, .path = "/run/lmtp" },
		  SEND HELLO "S: 500 what?\nEXPECT~ A x@office undecided connect 0 -: " PEER
		  ": LHLO refused: 500 what?\nEXPECT~ A y@office undecided\nEXPECT~ A z@office undecided\n"
		  "EXPECT A ended\nCLOSED\nLOG relay=office state=down\n" },
		{ "cancelled after the first", { .lmtp = true, .path = "/run/lmtp" },
		  "CALL send A a@b x@office,y@office,z@office cancel\n" PIPE FLIGHT "S: 250 ok\nS: 250 ok\n"
		  "S: 250 ok\nS: 250 ok\nS: 354 go on\n" CONTENT "S: 250 x\nS: 250 y\nEXPECT~ A x@office accepted\n"
		  "CLOSED\nENONE\n" },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void asks_for_notices(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "after LHLO", { .lmtp = true, .dsn = true, .path = "/run/lmtp" },
		  "CALL send A a@b x@office,y@office failure originals=-,o@p envid=e\n" HELLO
		  "S: 250-office\nS: 250-DSN\nS: 250 PIPELINING\nC: MAIL FROM:<a@b> RET=HDRS ENVID=e\n"
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE\nC: RCPT TO:<y@office> NOTIFY=FAILURE ORCPT=rfc822;o@p\n"
		  "C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\n" CONTENT "S: 250 x\nS: 250 y\n"
		  "EXPECT~ A x@office accepted\nEXPECT~ A y@office accepted\nEXPECT A ended\n" QUIT },
		{ "not offered", { .lmtp = true, .dsn = true, .path = "/run/lmtp" },
		  "CALL send A a@b x@office,y@office,z@office never originals=-,o@p,- envid=e\n" PIPE FLIGHT
		  "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\n" CONTENT "S: 250 x\nS: 250 y\n"
		  "S: 250 z\nEXPECT~ A x@office accepted\nEXPECT~ A y@office accepted\nEXPECT~ A z@office accepted\n"
		  "EXPECT A ended\n" QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_each),
		cmocka_unit_test(asks_for_notices),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lmtp", tests, NULL, NULL);
}
