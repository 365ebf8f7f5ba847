/* SPDX-License-Identifier: ISC
 *
 * The pool: warm connections and new ones, a relay that is down and comes
 * back, TLS and login, and owners that cancel and free in every callback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "office.h"

#define PEER "mx.example[192.0.2.1]:25"
#define PEER2 "mx2.example[192.0.2.1]:25"
#define GREET "S: 220 mx.example ESMTP\n"
#define HELLO GREET "C: EHLO me.example\n"
#define PIPE HELLO "S: 250-mx.example\nS: 250 PIPELINING\n"
#define FLIGHT "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@office>\nC: DATA\n"
#define TWO "C: MAIL FROM:<a@b>\nC: RCPT TO:<x@office>\nC: RCPT TO:<y@office>\nC: DATA\n"
#define YES "S: 250 ok\nS: 250 ok\nS: 354 go on\n"
#define CONTENT "C: Subject: hi\nC: \nC: ..dot\nC: .\n"
#define ACCEPT(name) "S: 250 queued\nEXPECT~ " name " x@office accepted dot 250\nEXPECT " name " ended\n"
#define DELIVER(name) FLIGHT YES CONTENT ACCEPT(name)
#define SEND(name) "CALL send " name " a@b x@office\n"
#define IDLE_QUIT "ADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n"
#define DOWN "LOG relay=office state=down\n"

static void reuses_connections(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "one after the other", { 0 },
		  SEND("A") PIPE DELIVER("A") "CALL state\nEXPECT up 1 - 0\n" SEND("B") DELIVER("B") IDLE_QUIT
		  "CALL state\nEXPECT up 0 - 0\n" },
		{ "after a refused one, too", { 0 },
		  SEND("A") PIPE FLIGHT "S: 250 ok\nS: 550 no\nS: 503 no\nEXPECT~ A x@office refused\n"
		  "EXPECT A ended\nC: RSET\n" SEND("B") "CNONE\nS: 250 ok\n" DELIVER("B") IDLE_QUIT },
		{ "RSET refused: a new one", { 0 },
		  SEND("A") PIPE FLIGHT "S: 250 ok\nS: 550 no\nS: 503 no\nEXPECT~ A x@office refused\n"
		  "EXPECT A ended\nC: RSET\nS: 502 what?\nCLOSED\n" SEND("B") "CONNECT\n" PIPE DELIVER("B")
		  IDLE_QUIT },
		{ "421 while idle", { 0 },
		  SEND("A") PIPE DELIVER("A") "S: 421 too long\nCLOSED\n" SEND("B") "CONNECT\n" PIPE DELIVER("B")
		  IDLE_QUIT },
		{ "closed while idle", { 0 },
		  SEND("A") PIPE DELIVER("A") "CLOSE\nCLOSED\n" SEND("B") "CONNECT\n" PIPE DELIVER("B") IDLE_QUIT },
		{ "QUIT without an answer", { 0 },
		  SEND("A") PIPE DELIVER("A") "ADVANCE 30s\nC: QUIT\nADVANCE 10s\nCLOSED\n" },
		{ "asked to quit", { 0 },
		  SEND("A") PIPE DELIVER("A") "CALL quit\nC: QUIT\nS: 221 bye\nCLOSED\n" },
		{ "while one quits, another is opened", { 0 },
		  SEND("A") PIPE DELIVER("A") "CALL quit\nC: QUIT\n" SEND("B") "CONNECT\n" PIPE DELIVER("B") "@1\n"
		  "S: 221 bye\nCLOSED\n@2\n" IDLE_QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void goes_on_elsewhere(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "421 to MAIL on a warm connection", { 0 },
		  SEND("A") PIPE DELIVER("A") SEND("B") FLIGHT "S: 421 too many\nCLOSED\nENONE\nCONNECT\n" PIPE
		  DELIVER("B") IDLE_QUIT },
		{ "452 to MAIL", { 0 },
		  SEND("A") PIPE DELIVER("A") SEND("B") FLIGHT "S: 452 too many\nCLOSED\nENONE\nCONNECT\n" PIPE
		  DELIVER("B") IDLE_QUIT },
		{ "452 to MAIL on a fresh one is an answer", { 0 },
		  SEND("A") PIPE FLIGHT "S: 452 full\nEXPECT~ A x@office deferred mail 452\nEXPECT A ended\nS: 503 "
		  "no\nS: 503 no\nC: RSET\nS: 250 ok\n" IDLE_QUIT },
		{ "closed at MAIL", { 0 },
		  SEND("A") PIPE DELIVER("A") SEND("B") FLIGHT "CLOSE\nCLOSED\nENONE\nCONNECT\n" PIPE DELIVER("B")
		  IDLE_QUIT },
		{ "cut in the message, which starts again", { 0 },
		  SEND("A") PIPE DELIVER("A") "CALL send B a@b x@office stream\n" FLIGHT YES "CALL feed B one\n"
		  "C: one\nCUT\nCONNECT\n" PIPE FLIGHT YES "C: one\nCALL feed B two\nCALL end B\nC: two\nC: .\n"
		  ACCEPT("B") IDLE_QUIT },
		{ "which cannot start again", { 0 },
		  SEND("A") PIPE DELIVER("A") "CALL send B a@b x@office stream fixed\n" FLIGHT YES
		  "CALL feed B one\nC: one\nCUT\nEXPECT~ B x@office undecided data 0\nEXPECT B ended\n" },
		{ "after the dot nothing starts again", { 0 },
		  SEND("A") PIPE DELIVER("A") SEND("B") FLIGHT YES CONTENT "CUT\nEXPECT~ B x@office unknown dot 0\n"
		  "EXPECT B ended\n" },
		{ "two failures are enough", { 0 },
		  SEND("A") PIPE DELIVER("A") SEND("B") FLIGHT "CUT\nCONNECT\n" PIPE FLIGHT "CUT\n"
		  "EXPECT~ B x@office undecided mail 0\nEXPECT B ended\n" },
		{ "the new connection fails", { 0 },
		  SEND("A") PIPE DELIVER("A") "REFUSE no\n" SEND("B") FLIGHT "CUT\nCLOSED\n"
		  "EXPECT B x@office undecided connect 0 -: no\nEXPECT B ended\n" DOWN },
		{ "a reply too early is no reason", { 0 },
		  SEND("A") PIPE DELIVER("A") "CALL send B a@b x@office stream\n" FLIGHT YES "S: 250 queued\n"
		  "EXPECT~ B x@office undecided data 250\nEXPECT B ended\nCLOSED\n" },
		{ "refused recipients close the connection", { 0 },
		  "CALL send A a@b x@office,y@office\n" PIPE TWO "S: 250 ok\nS: 550 no\nCLOSE\n"
		  "EXPECT~ A x@office refused rcpt 550\nCONNECT\n" PIPE "C: MAIL FROM:<a@b>\n"
		  "C: RCPT TO:<y@office>\nC: DATA\n" YES CONTENT "S: 250 queued\nEXPECT~ A y@office accepted\n"
		  "EXPECT A ended\n" IDLE_QUIT },
		{ "the other idle ones are not trusted", { .max_connections = 2 },
		  SEND("A") SEND("B") PIPE FLIGHT "CONNECT\n" PIPE FLIGHT YES CONTENT ACCEPT("B") "@1\n" YES CONTENT
		  ACCEPT("A") SEND("C") FLIGHT "CUT\nCONNECT\n" PIPE DELIVER("C") "@2\nC: QUIT\nS: 221 bye\n"
		  "CLOSED\n@3\n" IDLE_QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

/* RELAY_MAILS_PER_CONNECTION, then QUIT and another connection. */
static void counts_mails(void **state)
{
	struct strbuf text = { 0 };

	(void)state;
	for (unsigned i = 1; i <= RELAY_MAILS_PER_CONNECTION + 1; i++) {
		strbuf_addf(&text, "CALL send m%u a@b x@office\n%s", i, i == 1 ? PIPE : "");
		if (i > RELAY_MAILS_PER_CONNECTION)
			strbuf_add_str(&text, "C: QUIT\nS: 221 bye\nCLOSED\nCONNECT\n" PIPE);
		strbuf_addf(&text,
		            FLIGHT YES CONTENT "S: 250 queued\nEXPECT~ m%u x@office accepted\nEXPECT m%u ended\n", i,
		            i);
	}
	strbuf_add_str(&text, IDLE_QUIT);
	office_play(&(struct office_scene){ "mails of a connection", { 0 }, strbuf_str(&text) }, 1);
	strbuf_free(&text);
}

static void shares_the_work(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "two connections, three deliveries", { .max_connections = 2 },
		  SEND("A") SEND("B") SEND("C") PIPE FLIGHT "CONNECT\n" PIPE FLIGHT YES CONTENT ACCEPT("B") FLIGHT
		  "CALL state\nEXPECT up 2 - 0\n@1\n" YES CONTENT ACCEPT("A") "@2\n" YES CONTENT ACCEPT("C")
		  "ADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n@1\nC: QUIT\nS: 221 bye\nCLOSED\n" },
		{ "a slow message does not hold up the other", { .max_connections = 2 },
		  "CALL send A a@b x@office stream\n" PIPE FLIGHT YES SEND("B") "CONNECT\n" PIPE DELIVER("B")
		  "CALL end A\n@1\nC: .\n" ACCEPT("A") "ADVANCE 30s\nC: QUIT\nS: 221 bye\nCLOSED\n@2\nC: QUIT\n"
		  "S: 221 bye\nCLOSED\n" },
		{ "no further connection: the first does it all", { .max_connections = 2 },
		  SEND("A") SEND("B") PIPE "REFUSE too many\n" FLIGHT YES CONTENT ACCEPT("A") "CALL state\n"
		  "EXPECT up 1 - 1\n" DELIVER("B") IDLE_QUIT },
		{ "its pauses are not those of a relay that is down", { .max_connections = 2 },
		  SEND("A") SEND("B") PIPE "REFUSE too many\n" FLIGHT "ADVANCE 1s\nREFUSE too many\n" SEND("C") YES CONTENT
		  ACCEPT("A") "CALL state\nEXPECT up 1 - 2\n" DELIVER("B") DELIVER("C") "CLOSE\nCLOSED\nREFUSE gone\n" SEND("D")
		  "EXPECT~ D x@office undecided connect\nEXPECT D ended\nCALL state\nEXPECT down 0 gone 1\n" DOWN },
		{ "two that fail together are one failure", { .max_connections = 2 },
		  SEND("A") PIPE DELIVER("A") "CLOSE\nCLOSED\nHANG\nHANG\n" SEND("B") SEND("C") "ADVANCE 30s\n"
		  "EXPECT~ B x@office undecided connect\nEXPECT B ended\nEXPECT~ C x@office undecided connect\nEXPECT C ended\n"
		  "CALL state\nEXPECT down 0 mx.example[192.0.2.1]:25: connecting timed out 1\n" DOWN },
		{ "one probe while nothing is known", { .max_connections = 4 },
		  "HANG\n" SEND("A") SEND("B") SEND("C") "ADVANCE 30s\nEXPECT~ A x@office undecided connect 0\n"
		  "EXPECT A ended\nEXPECT~ B x@office undecided connect 0\nEXPECT B ended\nEXPECT~ C x@office "
		  "undecided connect 0\nEXPECT C ended\n" DOWN },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void goes_down_and_up(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "pauses grow and end", { 0 },
		  "CALL state\nEXPECT unknown 0 - 0\nREFUSE one\n" SEND("A")
		  "EXPECT A x@office undecided connect 0 -: one\nEXPECT A ended\n" DOWN "CALL state\n"
		  "EXPECT down 0 one 1\nREFUSE two\nADVANCE 1s\n" SEND("B")
		  "EXPECT B x@office undecided connect 0 -: two\nEXPECT B ended\nCALL state\nEXPECT down 0 two 2\n"
		  SEND("C") "EXPECT C x@office undecided connect 0 -: two\nEXPECT C ended\nREFUSE three\n"
		  "ADVANCE 2s\n" SEND("D") "EXPECT~ D x@office undecided\nEXPECT D ended\nCALL state\n"
		  "EXPECT down 0 three 4\nREFUSE four\nADVANCE 4s\n" SEND("E") "EXPECT~ E x@office undecided\n"
		  "EXPECT E ended\nCALL state\nEXPECT down 0 four 8\nREFUSE five\nADVANCE 8s\n" SEND("F")
		  "EXPECT~ F x@office undecided\nEXPECT F ended\nCALL state\nEXPECT down 0 five 8\nADVANCE 8s\n"
		  "CALL state\nEXPECT down 0 five 0\n" SEND("G") PIPE DELIVER("G") "CALL state\nEXPECT up 1 - 0\n"
		  IDLE_QUIT },
		{ "a greeting that refuses", { 0 },
		  SEND("A") "S: 554 go away\nEXPECT A x@office undecided connect 0 -: " PEER
		  ": connection refused: 554 go away\nEXPECT A ended\nCLOSED\n" DOWN },
		{ "the second endpoint", { .second_endpoint = true },
		  "REFUSE no route\n" SEND("A") PIPE FLIGHT YES CONTENT "S: 250 queued\n"
		  "EXPECT A x@office accepted dot 250 " PEER2 ": 250 queued\nEXPECT A ended\n" IDLE_QUIT },
		{ "where the first does not greet well", { .second_endpoint = true },
		  SEND("A") "S: 421 busy\nCLOSED\nCONNECT\n" PIPE DELIVER("A") IDLE_QUIT },
		{ "neither", { .second_endpoint = true },
		  "REFUSE no route\nREFUSE no way\n" SEND("A")
		  "EXPECT A x@office undecided connect 0 -: no route; no way\nEXPECT A ended\n" DOWN },
		{ "checks", { 0 },
		  "REFUSE no\nCALL check\nEXPECT check down: no\n" DOWN "CALL check\nEXPECT check down: no\n"
		  "ADVANCE 1s\nCALL check twice\n" PIPE "EXPECT check up\nEXPECT check up\n" IDLE_QUIT },
		{ "a check and a delivery share a connection", { 0 },
		  "CALL check\n" SEND("A") HELLO "ENONE\nS: 250-x\nS: 250 PIPELINING\nEXPECT check up\n"
		  DELIVER("A") IDLE_QUIT },
		{ "a check that is cancelled", { 0 },
		  "CALL check\nCALL uncheck\nCALL check\n" HELLO "CALL uncheck\nS: 250 x\nENONE\n" IDLE_QUIT },
		{ "a check is answered though all are busy", { 0 },
		  SEND("A") PIPE FLIGHT "CALL check\nEXPECT check up\n" YES CONTENT ACCEPT("A") IDLE_QUIT },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

#define TLS_HELLO HELLO "S: 250-mx.example\nS: 250 STARTTLS\nC: STARTTLS\n"
#define TLS_FAILED "EXPECT A ended\nCLOSED\nCNONE\n" DOWN

static void starts_tls(void **state)
{
	static const struct office_scene scenes[] = {
		/* clang-format off */
		{ "STARTTLS, and EHLO anew", { .tls = RELAY_TLS_STARTTLS },
		  SEND("A") HELLO "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n"
		  "TLS\nC: EHLO me.example\nS: 250 mx.example\nC: MAIL FROM:<a@b>\nS: 250 ok\n"
		  "C: RCPT TO:<x@office>\nS: 250 ok\nC: DATA\nS: 354 go on\n" CONTENT ACCEPT("A") IDLE_QUIT },
		{ "not offered", { .tls = RELAY_TLS_STARTTLS },
		  SEND("A") PIPE "EXPECT A x@office undecided connect 0 -: " PEER
		  ": STARTTLS is required and not offered\n" TLS_FAILED },
		{ "refused", { .tls = RELAY_TLS_STARTTLS },
		  SEND("A") TLS_HELLO "S: 454 no\nEXPECT A x@office undecided connect 0 -: " PEER
		  ": STARTTLS refused: 454 no\n" TLS_FAILED },
		{ "EHLO refused", { .tls = RELAY_TLS_STARTTLS },
		  SEND("A") HELLO "S: 502 no\nEXPECT~ A x@office undecided connect 0\n" TLS_FAILED },
		{ "bytes behind the 220", { .tls = RELAY_TLS_STARTTLS },
		  SEND("A") TLS_HELLO "S: 220 go\nS: 250 injected\nEXPECT A x@office undecided connect 0 -: " PEER
		  ": bytes came in clear text behind the reply to STARTTLS\n" TLS_FAILED },
		{ "the handshake fails", { .tls = RELAY_TLS_STARTTLS },
		  SEND("A") TLS_HELLO "S: 220 go\nTLSFAIL expired\n"
		  "EXPECT A x@office undecided connect 0 -: expired\n" TLS_FAILED },
		{ "implicit", { .tls = RELAY_TLS_IMPLICIT },
		  SEND("A") "TLS\n" PIPE DELIVER("A") IDLE_QUIT },
		{ "implicit, and it fails", { .tls = RELAY_TLS_IMPLICIT },
		  "REFUSETLS expired\n" SEND("A") "EXPECT A x@office undecided connect 0 -: expired\n"
		  "EXPECT A ended\n" DOWN },
		/* clang-format on */
	};

	(void)state;
	OFFICE_PLAY(scenes);
}

static void survives_its_owner(void **state)
{
	static const struct office_scene
		scenes[] = { { "cancelled in the queue",
	                       { 0 },
	                       SEND("A") SEND("B") PIPE FLIGHT "CALL cancel B\n" YES CONTENT ACCEPT("A") IDLE_QUIT },
	                     { "cancelled in the envelope",
	                       { 0 },
	                       SEND("A") PIPE FLIGHT "CALL cancel A\nCLOSED\nENONE\n" },
	                     { "cancelled in the message",
	                       { 0 },
	                       "CALL send A a@b x@office stream\n" PIPE FLIGHT YES
	                       "CALL feed A one\nC: one\nCALL cancel A\nCLOSED\nCNONE\nENONE\n" },
	                     { "cancelled after the dot",
	                       { 0 },
	                       SEND("A") PIPE FLIGHT YES CONTENT "CALL cancel A\nCLOSED\nENONE\n" },
	                     { "cancels itself when refused",
	                       { 0 },
	                       "CALL send A a@b x@office,y@office cancel\n" PIPE TWO
	                       "S: 250 ok\nS: 550 no\nS: 550 no\nEXPECT~ A x@office refused\nENONE\nCLOSED\n" },
	                     { "cancels itself when MAIL is refused",
	                       { 0 },
	                       "CALL send A a@b x@office,y@office cancel\n" PIPE TWO
	                       "S: 550 no\nEXPECT~ A x@office refused\nENONE\nCLOSED\n" },
	                     { "cancels itself when accepted",
	                       { 0 },
	                       "CALL send A a@b x@office cancel\n" PIPE FLIGHT YES CONTENT
	                       "S: 250 ok\nEXPECT~ A x@office accepted\nENONE\nCLOSED\n" },
	                     { "cancels itself when over SIZE",
	                       { 0 },
	                       "CALL send A a@b x@office cancel bytes=1000\n" HELLO
	                       "S: 250-x\nS: 250-SIZE 100\nS: 250 PIPELINING\n" FLIGHT YES
	                       "EXPECT~ A x@office refused data\nENONE\nCLOSED\n" },
	                     { "cancels itself when too large",
	                       { 0 },
	                       "CALL send A a@b x@office cancel size=1000\n" HELLO
	                       "S: 250-x\nS: 250 SIZE 100\nEXPECT~ A x@office refused mail\nENONE\n" IDLE_QUIT },
	                     { "cancels itself when cut",
	                       { 0 },
	                       "CALL send A a@b x@office,y@office cancel\n" PIPE TWO
	                       "CUT\nEXPECT~ A x@office undecided\nENONE\n" },
	                     { "cancels all when down",
	                       { 0 },
	                       "HANG\nCALL send A a@b x@office,y@office cancel-other=B\n" SEND(
				       "B") "ADVANCE 30s\nEXPECT~ A x@office undecided\nEXPECT~ A y@office "
	                                    "undecided\nEXPECT A ended\nENONE\n" DOWN },
	                     { "cancels the one on the other connection",
	  { .max_connections = 2 },
	  "CALL send A a@b x@office cancel-other=B\n" SEND("B") PIPE FLIGHT
	  "CONNECT\n" PIPE FLIGHT "@1\n" YES CONTENT ACCEPT("A") "@2\nCLOSED\n@1\n" IDLE_QUIT },
	{ "frees the relay when refused",
	  { 0 },
	  "CALL send A a@b x@office,y@office free\n" SEND("B") PIPE TWO
	  "S: 250 ok\nS: 550 no\nEXPECT~ A x@office refused\nENONE\nCLOSED\n" },
	{ "when cut",
	  { 0 },
	  "CALL send A a@b x@office,y@office free\n" SEND("B") PIPE TWO "CUT\nEXPECT~ A x@office undecided\nENONE\n" },
	{ "when down",
	  { 0 },
	  "HANG\nCALL send A a@b x@office free\n" SEND("B") "ADVANCE 30s\nEXPECT~ A x@office undecided\nENONE\n" DOWN },
	{ "at the end",
	  { 0 },
	  "CALL send A a@b x@office free-at-end\n" SEND("B") PIPE FLIGHT YES CONTENT ACCEPT("A") "ENONE\nCLOSED\n" },
	{ "sends again at the end",
	  { 0 },
	  "CALL send A a@b x@office again=B\n" PIPE DELIVER("A") DELIVER("B") IDLE_QUIT },
	{ "and again when down",
	  { 0 },
	  "REFUSE no\nCALL send A a@b x@office again=B\nEXPECT~ A x@office undecided\nEXPECT A ended\n"
	  "EXPECT~ B x@office undecided\nEXPECT B ended\n" DOWN },
}
;

(void)state;
OFFICE_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reuses_connections), cmocka_unit_test(goes_on_elsewhere),
		cmocka_unit_test(counts_mails),       cmocka_unit_test(shares_the_work),
		cmocka_unit_test(goes_down_and_up),   cmocka_unit_test(starts_tls),
		cmocka_unit_test(survives_its_owner),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
