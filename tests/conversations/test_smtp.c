/* SPDX-License-Identifier: ISC
 *
 * SMTP: one connection, and what its replies mean for each recipient.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "office.h"

#define PEER "mx.example[192.0.2.1]:25"
#define HELLO "S: 220 mx.example ESMTP\nC: EHLO me.example\n"
#define BARE HELLO "S: 250 mx.example\n"
#define PIPE HELLO "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 Ok SESSIONID=<STARTTLS>\n"
#define FULL                                                                                                           \
	HELLO "S: 250-mx.example\nS: 250-PIPELINING\nS: 250-SIZE 1000\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250 "      \
	      "HELP\n"
#define DSN HELLO "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 DSN\n"
#define DSN8 HELLO "S: 250-mx.example\nS: 250-PIPELINING\nS: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250 DSN\n"
#define MAIL "C: MAIL FROM:<a@b>\n"
#define RCPT "C: RCPT TO:<x@office>\n"
#define RCPT_Y "C: RCPT TO:<y@office>\n"
#define DATA "C: DATA\n"
#define CONTENT "C: Subject: hi\nC: \nC: ..dot\nC: .\n"
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X500 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50
#define GO "S: 354 go on\n"
#define IN_ONE PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT
#define TAKEN "S: 250 queued\nEXPECT A x@office accepted dot 250 " PEER ": 250 queued\nEXPECT A ended\n"
#define QUIT "ADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
#define SEND "CALL send A a@b x@office\n"
#define SEND_XY "CALL send A a@b x@office,y@office\n"
#define LOST "EXPECT A x@office undecided "
#define ENDED "EXPECT A ended\nCLOSED\n"

static void delivers(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "in one flight", { 0 },
		  SEND IN_ONE TAKEN QUIT },
		{ "step by step", { 0 },
		  SEND BARE MAIL "CNONE\nS: 250 ok\n" RCPT "CNONE\nS: 250 ok\n" DATA GO CONTENT TAKEN QUIT },
		{ "pipelining is off", { .no_pipelining = true },
		  SEND PIPE MAIL "CNONE\nS: 250 ok\n" RCPT "CNONE\nS: 250 ok\n" DATA "CNONE\n" GO CONTENT TAKEN QUIT },
		{ "two recipients step by step", { 0 },
		  SEND_XY BARE MAIL "S: 250 ok\n" RCPT "CNONE\nS: 250 ok\n" RCPT_Y "CNONE\nS: 251 ok\n" DATA GO
		  CONTENT "S: 250-2.0.0 queued\nS: 250 2.0.0 as 1\nEXPECT A x@office accepted dot 250 " PEER
		  ": 250 2.0.0 queued as 1\nEXPECT A y@office accepted dot 250 " PEER ": 250 2.0.0 queued as 1\n"
		  "EXPECT A ended\n" QUIT },
		{ "the null sender", { 0 },
		  "CALL send A <> x@office\n" PIPE "C: MAIL FROM:<>\n" RCPT DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT
		  TAKEN QUIT },
		{ "the next waits for the answer to the dot", { 0 },
		  SEND "CALL send B a@b x@office\n" IN_ONE "CNONE\n" TAKEN MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n"
		  GO CONTENT "S: 250 second\nEXPECT B x@office accepted dot 250 " PEER ": 250 second\n"
		  "EXPECT B ended\n" QUIT },
		{ "HELO, where EHLO is unknown", { 0 },
		  SEND HELLO "S: 502 what?\nC: HELO me.example\nS: 250 hi\n" MAIL "S: 250 ok\n" RCPT "S: 250 ok\n"
		  DATA GO CONTENT TAKEN QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void takes_a_hundred_recipients(void **state)
{
	struct strbuf text = { 0 };

	(void)state;
	strbuf_add_str(&text, "CALL crowd A\n" PIPE MAIL "C* 100 RCPT TO:<r%d@office>\n" DATA "S: 250 ok\n"
	                      "S* 99 550 not %d\nS: 250 ok\n" GO);
	for (int i = 1; i < 100; i++)
		strbuf_addf(&text, "EXPECT A r%d@office refused rcpt 550 " PEER ": 550 not %d\n", i, i);
	strbuf_add_str(&text, CONTENT "S: 250 queued\nEXPECT~ A r100@office accepted dot 250\nEXPECT A ended\n" QUIT);
	office_play(&(struct office_scene){ "a hundred recipients", { 0 }, strbuf_str(&text) }, 1);
	strbuf_free(&text);
}

static void negotiates(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "8BITMIME and SIZE", { 0 },
		  "CALL send A a@b x@office 8bit size=21\n" FULL "C: MAIL FROM:<a@b> BODY=8BITMIME SIZE=21\n" RCPT
		  DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "nothing of it needed", { 0 },
		  SEND FULL MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "8-bit text goes as it is", { 0 },
		  "CALL send A a@b x@office 8bit size=21\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  CONTENT TAKEN QUIT },
		{ "an 8-bit address needs it", { 0 },
		  "CALL send A a@b x@office utf8\n" FULL "C: MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8\n" RCPT DATA
		  "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "and is refused without asking, alone", { 0 },
		  "CALL send A a@b \303\244@office,x@office utf8\n" PIPE "EXPECT A \303\244@office refused rcpt 0 " PEER
		  ": the relay does not offer SMTPUTF8, which this address needs\n" MAIL RCPT DATA
		  "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "an 8-bit sender without it", { 0 },
		  "CALL send A \303\244@b x@office utf8\n" PIPE "EXPECT A x@office refused mail 0 " PEER
		  ": the relay does not offer SMTPUTF8, which this address needs\nEXPECT A ended\n" QUIT },
		{ "larger than SIZE", { 0 },
		  "CALL send A a@b x@office,y@office size=1001\n" FULL "EXPECT A x@office refused mail 0 " PEER
		  ": the message has 1001 bytes, the relay takes 1000\nEXPECT~ A y@office refused mail 0\nEXPECT A "
		  "ended\n" QUIT },
		{ "as large as SIZE", { 0 },
		  "CALL send A a@b x@office bytes=1000\n" FULL MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "C* 100 12345678\nC: .\n" TAKEN QUIT },
		{ "grows over SIZE", { 0 },
		  "CALL send A a@b x@office bytes=1010\n" FULL MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "EXPECT A x@office refused data 0 " PEER
		  ": the message has more than the 1000 bytes that the relay takes\n" ENDED },
		{ "streams over SIZE", { 0 },
		  "CALL send A a@b x@office stream\n" FULL MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "CALL feed A " X500 "\nC: " X500 "\nCALL feed A " X500 "\nEXPECT~ A x@office refused data 0\n" ENDED
		  "CNONE\n" },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void asks_for_notices(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "not offered", { .dsn = true },
		  "CALL send A a@b x@office failure originals=o@p envid=e\n" IN_ONE TAKEN QUIT },
		{ "off", { 0 },
		  "CALL send A a@b x@office failure originals=o@p envid=e\n" DSN MAIL RCPT DATA
		  "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "nothing asked for", { .dsn = true },
		  "CALL send A a@b x@office originals=o@p\n" DSN MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT
		  TAKEN QUIT },
		{ "failures, in one flight", { .dsn = true },
		  "CALL send A a@b x@office,y@office failure originals=bob+tag=1@p,- envid=m/1_2\n" DSN
		  "C: MAIL FROM:<a@b> RET=HDRS ENVID=m/1+202\n"
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE ORCPT=rfc822;bob+2Btag+3D1@p\n"
		  "C: RCPT TO:<y@office> NOTIFY=FAILURE\n" DATA "S: 250 ok\nS: 250 ok\nS: 250 ok\n" GO CONTENT
		  "S: 250 queued\nEXPECT~ A x@office accepted\nEXPECT~ A y@office accepted\nEXPECT A ended\n" QUIT },
		{ "step by step", { .dsn = true, .no_pipelining = true },
		  "CALL send A a@b x@office failure originals=\"o_p\"@q envid=e\n" DSN
		  "C: MAIL FROM:<a@b> RET=HDRS ENVID=e\nCNONE\nS: 250 ok\n"
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE ORCPT=rfc822;\"o+20p\"@q\nCNONE\nS: 250 ok\n" DATA GO CONTENT
		  TAKEN QUIT },
		{ "never, and no original then", { .dsn = true },
		  "CALL send A a@b x@office never originals=o@p\n" DSN MAIL "C: RCPT TO:<x@office> NOTIFY=NEVER\n" DATA
		  "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "an 8-bit original without SMTPUTF8", { .dsn = true },
		  "CALL send A a@b x@office failure originals=\303\244@p\n" DSN MAIL
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE\n" DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "with SMTPUTF8, but not in use", { .dsn = true },
		  "CALL send A a@b x@office failure originals=\303\244@p\n" DSN8 MAIL
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE\n" DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN QUIT },
		{ "with SMTPUTF8 in use", { .dsn = true },
		  "CALL send A a@b x@office,y@office failure utf8 originals=\303\244+@p,o+@p envid=e\n" DSN8
		  "C: MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e\n"
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE ORCPT=utf-8;\303\244\\\\x{2B}@p\n"
		  "C: RCPT TO:<y@office> NOTIFY=FAILURE ORCPT=rfc822;o+2B@p\n" DATA
		  "S: 250 ok\nS: 550 no\nS: 250 ok\nEXPECT~ A x@office refused rcpt 550\n" GO CONTENT
		  "S: 250 queued\nEXPECT~ A y@office accepted\nEXPECT A ended\n" QUIT },
		{ "asked anew on another connection, which does not offer it", { .dsn = true },
		  SEND DSN MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT TAKEN
		  "CALL send B a@b x@office failure envid=e\nC: MAIL FROM:<a@b> RET=HDRS ENVID=e\n"
		  "C: RCPT TO:<x@office> NOTIFY=FAILURE\n" DATA "S: 421 bye\nCLOSED\nENONE\nCONNECT\n" PIPE MAIL RCPT
		  DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT "S: 250 queued\nEXPECT~ B x@office accepted\n"
		  "EXPECT B ended\n" QUIT },
		{ "offered and not taken", { .dsn = true },
		  "CALL send A a@b x@office failure\n" DSN MAIL "C: RCPT TO:<x@office> NOTIFY=FAILURE\n" DATA
		  "S: 250 ok\nS: 555 what?\nS: 503 nobody\nEXPECT A x@office refused rcpt 555 " PEER ": 555 what?\n"
		  "EXPECT A ended\nC: RSET\nS: 250 ok\n" QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void judges(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "mixed verdicts", { 0 },
		  "CALL send A a@b x@office,y@office,z@office,w@office\n" PIPE MAIL RCPT RCPT_Y
		  "C: RCPT TO:<z@office>\nC: RCPT TO:<w@office>\n" DATA "S: 250 ok\nS: 550-5.1.1 no such user\n"
		  "S: 550 5.1.1 here\nS: 250 ok\nS: 450 greylisted\nS: 452 enough\n"
		  "EXPECT A x@office refused rcpt 550 " PEER ": 550 5.1.1 no such user here\n"
		  "EXPECT A z@office deferred rcpt 450 " PEER ": 450 greylisted\n"
		  "EXPECT A w@office too-many rcpt 452 " PEER ": 452 enough\nENONE\n" GO CONTENT "S: 250 queued\n"
		  "EXPECT A y@office accepted dot 250 " PEER ": 250 queued\nEXPECT A ended\n" QUIT },
		{ "552 to RCPT is temporary", { 0 },
		  SEND_XY PIPE MAIL RCPT RCPT_Y DATA "S: 250 ok\nS: 552 full\nS: 452 full\nS: 503 nobody\n"
		  "EXPECT~ A x@office deferred rcpt 552\nEXPECT~ A y@office deferred rcpt 452\nEXPECT A ended\n"
		  "C: RSET\nS: 250 ok\n" QUIT },
		{ "any 5xx", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 524 unknown\nS: 503 nobody\n"
		  "EXPECT~ A x@office refused rcpt 524\nEXPECT A ended\nC: RSET\nS: 250 ok\n" QUIT },
		{ "nobody accepted step by step: no DATA", { 0 },
		  SEND_XY BARE MAIL "S: 250 ok\n" RCPT "S: 550 no\n" RCPT_Y "EXPECT~ A x@office refused rcpt 550\n"
		  "S: 550 no\nEXPECT~ A y@office refused rcpt 550\nEXPECT A ended\nC: RSET\nS: 250 ok\n" QUIT },
		{ "354 for nobody: closed, and no content", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 550 no\n" GO "EXPECT~ A x@office refused rcpt 550\n" ENDED
		  "CNONE\n" },
		{ "MAIL refused", { 0 },
		  SEND_XY PIPE MAIL RCPT RCPT_Y DATA "S: 550 not you\nEXPECT~ A x@office refused mail 550\n"
		  "EXPECT~ A y@office refused mail 550\nEXPECT A ended\nS: 503 no\nS: 503 no\nS: 503 no\nC: RSET\n"
		  "S: 250 ok\n" QUIT },
		{ "MAIL put off", { 0 },
		  SEND BARE MAIL "S: 451 later\nEXPECT~ A x@office deferred mail 451\nEXPECT A ended\nC: RSET\n"
		  "S: 250 ok\n" QUIT },
		{ "MAIL refused, RCPT and DATA not", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 550 not you\nS: 250 ok\n" GO "EXPECT~ A x@office refused mail 550\n"
		  ENDED "CNONE\n" },
		{ "DATA refused", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nS: 554 no\nEXPECT~ A x@office refused data 554\n"
		  "EXPECT A ended\nC: RSET\nS: 250 ok\n" QUIT },
		{ "DATA put off", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nS: 451 no\nEXPECT~ A x@office deferred data 451\n"
		  "EXPECT A ended\nC: RSET\nS: 250 ok\n" QUIT },
		{ "the message refused", { 0 },
		  SEND IN_ONE "S: 552 too big\nEXPECT~ A x@office refused dot 552\nEXPECT A ended\n" QUIT },
		{ "the message put off", { 0 },
		  SEND IN_ONE "S: 451 busy\nEXPECT~ A x@office deferred dot 451\nEXPECT A ended\n" QUIT },
		{ "421 to the message", { 0 },
		  SEND IN_ONE "S: 421 bye\nEXPECT~ A x@office undecided dot 421\n" ENDED },
		{ "a line break in an address", { 0 },
		  "CALL send A a@b x\001@office,y@office\n" PIPE "EXPECT~ A x\\x01@office refused rcpt 0\n" MAIL
		  RCPT_Y DATA "S: 250 ok\nS: 250 ok\n" GO CONTENT "S: 250 queued\nEXPECT~ A y@office accepted\n"
		  "EXPECT A ended\n" QUIT },
		{ "and in the sender", { 0 },
		  "CALL send A a\001@b x@office\n" PIPE "EXPECT~ A x@office refused mail 0\nEXPECT A ended\n" QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void survives_cuts(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "before the greeting", { 0 },
		  SEND "CLOSE\n" LOST "connect 0 -: closed by the server\n" ENDED "LOG relay=office state=down\n" },
		{ "after EHLO", { 0 },
		  SEND HELLO "CUT\n" LOST "connect 0 -: connection reset\n" ENDED "LOG relay=office state=down\n" },
		{ "after MAIL", { 0 },
		  SEND PIPE MAIL RCPT DATA "CUT\n" LOST "mail 0 " PEER ": connection reset\n" ENDED },
		{ "after the reply to MAIL", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nCUT\n" LOST "rcpt 0 " PEER ": connection reset\n" ENDED },
		{ "before 354", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nCUT\n" LOST "data 0 " PEER ": connection reset\n"
		  ENDED },
		{ "in the message", { 0 },
		  "CALL send A a@b x@office stream\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "CALL feed A hello\nC: hello\nCUT\n" LOST "data 0 " PEER ": connection reset\n" ENDED },
		{ "after the dot", { 0 },
		  SEND IN_ONE "CUT\nEXPECT A x@office unknown dot 0 " PEER ": connection reset\n" ENDED },
		{ "with the dot still here", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nSTALL\n" GO "CUT\n" LOST "dot 0 " PEER
		  ": connection reset\n" ENDED },
		{ "421 to MAIL", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 421 bye\n" LOST "mail 421 " PEER ": 421 bye\n" ENDED },
		{ "421 to RCPT", { 0 },
		  SEND BARE MAIL "S: 250 ok\n" RCPT "S: 421 bye\n" "EXPECT A x@office deferred rcpt 421 " PEER ": 421 bye\n" ENDED },
		{ "silence", { 0 },
		  SEND PIPE MAIL RCPT DATA "ADVANCE 299s\nENONE\nADVANCE 1s\n" LOST "mail 0 " PEER ": " PEER
		  ": timed out waiting for the reply to MAIL\n" ENDED },
		{ "silence after the dot", { 0 },
		  SEND IN_ONE "ADVANCE 599s\nENONE\nCALL dot A\nEXPECT dot open\nADVANCE 1s\n"
		  "EXPECT A x@office unknown dot 0 " PEER ": " PEER
		  ": timed out waiting for the reply to the message\n" ENDED },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void survives_nonsense(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "a greeting of another kind", { 0 },
		  SEND "S: +OK POP3\n" LOST "connect 0 -: " PEER ": what it says is not SMTP\n" ENDED
		  "LOG relay=office state=down\n" },
		{ "endless EHLO", { 0 },
		  SEND HELLO "S* 129 250-X%d\n" LOST "connect 0 -: " PEER ": what it says is not SMTP\n" ENDED
		  "LOG relay=office state=down\n" },
		{ "a long line", { 0 },
		  SEND HELLO "S- 250-" X500 X500 X500 "\n" LOST "connect 0 -: " PEER
		  ": a reply line of more than 1024 bytes\n" ENDED "LOG relay=office state=down\n" },
		{ "extensions in a refusal", { 0 },
		  SEND HELLO "S: 502-no\nS: 502-PIPELINING\nS: 502 SIZE 1\nC: HELO me.example\nS: 250 ok\n" MAIL
		  "CNONE\nCLOSE\n" LOST "mail 0 " PEER ": closed by the server\n" ENDED },
		{ "354 to MAIL", { 0 },
		  SEND BARE MAIL GO LOST "mail 354 " PEER ": 354 go on (a wrong reply to MAIL)\n" ENDED },
		{ "250 to DATA", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nS: 250 ok\n" LOST "data 250 " PEER
		  ": 250 ok (a wrong reply to DATA)\n" ENDED },
		{ "354 to the dot", { 0 },
		  SEND IN_ONE "S: 354 more\nEXPECT~ A x@office unknown dot 354\n" ENDED },
		{ "a reply before the dot", { 0 },
		  "CALL send A a@b x@office stream\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "CALL feed A hello\nC: hello\nS: 250 queued\n" LOST "data 250 " PEER
		  ": 250 queued (said before the message was complete)\n" ENDED },
		{ "a reply while the dot is still here", { 0 },
		  SEND PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nSTALL\n" GO "S: 250 queued\n" LOST "dot 250 " PEER
		  ": 250 queued (a wrong reply to the message)\n" ENDED },
		{ "a reply too many", { 0 },
		  SEND IN_ONE "S: 250 queued\nS: 250 queued\nEXPECT~ A x@office accepted dot 250\n" ENDED },
		{ "a bare LF ends no line", { 0 },
		  SEND IN_ONE "S- 250 queued\\n250 more\\n\nENONE\nS- \\r\\n\nEXPECT~ A x@office accepted dot 250\n"
		  "EXPECT A ended\n" QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void streams(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "as it comes", { 0 },
		  "CALL send A a@b x@office stream\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO "CNONE\n"
		  "CALL feed A .\nC: ..\nCALL dot A\nEXPECT dot not sent\nADVANCE 1h\nENONE\nCALL feed A two\n"
		  "C: two\nCALL end A\nC: .\nCALL dot A\nEXPECT dot open\n" TAKEN QUIT },
		{ "complete before 354", { 0 },
		  "CALL send A a@b x@office stream\nCALL feed A one\nCALL end A\n" PIPE MAIL RCPT DATA "S: 250 ok\n"
		  "S: 250 ok\n" GO "C: one\nC: .\n" TAKEN QUIT },
		{ "no bytes at all", { 0 },
		  "CALL send A a@b x@office stream\nCALL end A\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "C: .\n" TAKEN QUIT },
		{ "broken", { 0 },
		  "CALL send A a@b x@office stream\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\n" GO
		  "CALL feed A one\nC: one\nCALL break A\n" LOST "data 0 " PEER
		  ": the rest of the message did not come, so it was not completed\n" ENDED "CNONE\n" },
		{ "large", { 0 },
		  "CALL send A a@b x@office bytes=1000000\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nSTALL\n" GO
		  "CNONE\nCALL dot A\nEXPECT dot not sent\nFLOW\nC* 100000 12345678\nC: .\n" TAKEN QUIT },
		{ "a relay that stops reading", { 0 },
		  "CALL send A a@b x@office bytes=1000000\n" PIPE MAIL RCPT DATA "S: 250 ok\nS: 250 ok\nSTALL\n" GO
		  "ADVANCE 299s\nENONE\nADVANCE 1s\n" LOST "data 0 " PEER ": " PEER
		  ": timed out waiting for the relay to take the message\n" ENDED },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_hundred_recipients),
		cmocka_unit_test(delivers),
		cmocka_unit_test(negotiates),
		cmocka_unit_test(asks_for_notices),
		cmocka_unit_test(judges),
		cmocka_unit_test(survives_cuts),
		cmocka_unit_test(survives_nonsense),
		cmocka_unit_test(streams),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
