/* SPDX-License-Identifier: ISC
 *
 * A relay's login: mechanisms in turn, on the same connection or the next, and
 * secrets that come late or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "office.h"

#define PEER "mx.example[192.0.2.1]:25"
#define HELLO "S: 220 mx.example ESMTP\nC: EHLO me.example\nS: 250-mx.example\n"
#define OFFERS(list) HELLO "S: 250-PIPELINING\nS: 250 AUTH " list "\n"
#define PLAIN "C: AUTH PLAIN AGJvYgBzZWNyZXQ=\n"
#define LOGIN "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: Ym9i\nS: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\n"
#define CRAM "C: AUTH CRAM-MD5\nS: 334 PDFAeD4=\nC: Ym9iIDQ0NTNjM2QwZmQxNjg3OTJkNTY1YzcyOGI0ZGY2NzM5\n"
#define OK "S: 235 welcome\n"
#define NO "S: 535 5.7.8 wrong\n"
#define FLIGHT "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@office>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\n"
#define DELIVER                                                                                                        \
	FLIGHT "C: Subject: hi\nC: \nC: ..dot\nC: .\nS: 250 queued\nEXPECT~ A x@office accepted\nEXPECT A ended\n"
#define SEND "CALL send A a@b x@office\n"
#define QUIT "ADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
#define UNDECIDED "EXPECT A x@office undecided connect 0 -: "
#define DOWN "EXPECT A ended\nCLOSED\nLOG relay=office state=down\n"
#define T100 "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"

static void logs_in(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "PLAIN", { .user = "bob" },
		  SEND OFFERS("PLAIN LOGIN") PLAIN OK DELIVER QUIT },
		{ "a challenge", { .user = "bob" },
		  SEND OFFERS("PLAIN CRAM-MD5") CRAM OK DELIVER QUIT },
		{ "another after a refusal, remembered", { .user = "bob" },
		  SEND OFFERS("PLAIN LOGIN") PLAIN NO LOGIN OK DELIVER "CLOSE\nCALL send B a@b x@office\nCONNECT\n"
		  OFFERS("PLAIN LOGIN") LOGIN OK "CALL cancel B\nC~ MAIL\nC~ RCPT\nC~ DATA\nCLOSED\n" },
		{ "on another connection, where the server hangs up", { .user = "bob" },
		  SEND OFFERS("PLAIN LOGIN") PLAIN NO "CLOSE\nC: AUTH LOGIN\nCONNECT\n" OFFERS("PLAIN LOGIN") LOGIN
		  OK DELIVER QUIT },
		{ "after STARTTLS", { .user = "bob", .tls = RELAY_TLS_STARTTLS },
		  SEND HELLO "S: 250-AUTH LOGIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO me.example\n"
		  "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 AUTH PLAIN\n" PLAIN OK DELIVER QUIT },
		{ "a secret that comes later", { .user = "bob", .secret_later = true },
		  SEND OFFERS("PLAIN") "CNONE\nADVANCE 1s\n" PLAIN OK DELIVER QUIT },
		{ "a token too long for the first line", { .user = "bob", .token = T100 T100 T100 T100 },
		  SEND OFFERS("XOAUTH2") "C: AUTH XOAUTH2\nCNONE\nS: 334 \nC~ dXNlcj1ib2IBYXV0aD1CZWFyZXIgdHR0\n" OK
		  DELIVER QUIT },
		{ "a short one", { .user = "bob", .token = T100 },
		  SEND OFFERS("XOAUTH2") "C~ AUTH XOAUTH2 dXNlcj1ib2IBYXV0aD1CZWFyZXIgdHR0\n" OK DELIVER QUIT },
		{ "a challenge in pieces", { .user = "bob" },
		  SEND OFFERS("CRAM-MD5") "C: AUTH CRAM-MD5\nS- 334 \nS- PDFAeD4=\nS: \n"
		  "C: Ym9iIDQ0NTNjM2QwZmQxNjg3OTJkNTY1YzcyOGI0ZGY2NzM5\n" OK DELIVER QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void fails(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "all refused: the longest pause", { .user = "bob" },
		  SEND OFFERS("PLAIN") PLAIN NO UNDECIDED PEER
		  ": login as bob: the server refused every mechanism that it offers (PLAIN: 535 5.7.8 wrong)\n"
		  DOWN "CALL state\nEXPECT~ down 0 " PEER ": login\n" },
		{ "put off", { .user = "bob" },
		  SEND OFFERS("PLAIN LOGIN") PLAIN "S: 454 later\n" UNDECIDED PEER
		  ": login as bob put off: 454 later\n" DOWN },
		{ "421", { .user = "bob" },
		  SEND OFFERS("PLAIN LOGIN") PLAIN "S: 421 bye\n" UNDECIDED PEER ": 421 bye\n" DOWN },
		{ "nothing offered", { .user = "bob" },
		  SEND HELLO "S: 250 PIPELINING\nEXPECT~ A x@office undecided connect 0\n" DOWN "CNONE\n" },
		{ "a refused strong one is not followed by a clear one", { .user = "bob" },
		  SEND OFFERS("PLAIN CRAM-MD5") CRAM NO "EXPECT~ A x@office undecided connect 0\n" DOWN "CNONE\n" },
		{ "no secret", { .user = "bob", .secret_error = "/etc/secret: No such file" },
		  SEND OFFERS("PLAIN") UNDECIDED "login as bob: /etc/secret: No such file\n" DOWN "CNONE\n" },
		{ "freed while the secret comes", { .user = "bob", .secret_later = true },
		  SEND OFFERS("PLAIN") "CALL free\nADVANCE 1s\nENONE\nCLOSED\n" },
		{ "cut while the secret comes", { .user = "bob", .secret_later = true },
		  SEND OFFERS("PLAIN") "CUT\nADVANCE 1s\n" UNDECIDED "connection reset\n" DOWN },
		{ "an answer before the secret came", { .user = "bob", .secret_later = true },
		  SEND OFFERS("PLAIN") "S: 235 welcome\n" UNDECIDED PEER ": 235 welcome (said without being asked)\n" DOWN
		  "CNONE\n" },
		{ "a broken challenge", { .user = "bob" },
		  SEND OFFERS("CRAM-MD5") "C: AUTH CRAM-MD5\nS: 334 !!!\nEXPECT~ A x@office undecided connect 0\n"
		  DOWN "CNONE\n" },
		{ "a challenge of two lines", { .user = "bob" },
		  SEND OFFERS("CRAM-MD5") "C: AUTH CRAM-MD5\nS: 334-PDFA\nS: 334 eD4=\n"
		  "EXPECT~ A x@office undecided connect 0\n" DOWN "CNONE\n" },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_in),
		cmocka_unit_test(fails),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("relay_login", tests, NULL, NULL);
}
