/* SPDX-License-Identifier: ISC
 *
 * route/: the sources that are no plain field, Received and *ENV.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "test_route.h"

#define BY(host, clauses)                                                                                              \
	"Received: from mx.sender.example (mx.sender.example [192.0.2.1])\r\n\tby " host                               \
	" (Postfix) with ESMTP id 4ZkQ" clauses ";\r\n\tTue, 24 Nov 2026 13:00:00 +0000\r\n"
#define FOR(address) "\r\n\tfor <" address ">"
#define MX "mx.isp.example"

/* Fields as their servers write them. */
#define LMTPA                                                                                                          \
	"Received: from mx.isp.example ([unix socket]) by mx.isp.example (Cyrus 3.6.1) with LMTPA; Tue, 24 Nov 2026 "  \
	"13:00:00 +0000\r\n"
#define EXIM(clauses)                                                                                                  \
	"Received: from [192.0.2.1] (helo=mx.sender.example) by mx.isp.example with esmtp (Exim 4.96) (envelope-from " \
	"<s@sender.example>) id 1tFabc-0001" clauses "; Tue, 24 Nov 2026 13:00:00 +0000\r\n"

#define RECEIVED_RULES .envelope = "Received", .by = MX
#define TO_ALICE "envelope alice@office.example; stamped alice@office.example"
#define TO_POSTMASTER "postmaster " POSTMASTER "; stamped -"

static const struct shown_case received_cases[] = {
	{ "Postfix",
	  { RECEIVED_RULES },
	  BY(MX, FOR("alice@office.example")) SENDER,
	  TO_ALICE,
	  "Received: \"for <alice@office.example>\" by mx.isp.example" },
	{ "Exim",
	  { RECEIVED_RULES },
	  EXIM(" for alice@office.example") SENDER,
	  TO_ALICE,
	  "Received: \"for alice@office.example\" by mx.isp.example" },
	{ "the source's name in another case",
	  { .envelope = "RECEIVED" },
	  BY(MX, FOR("alice@office.example")),
	  TO_ALICE,
	  "RECEIVED: \"for <alice@office.example>\" by mx.isp.example" },
	{ "the field's name in another case",
	  { RECEIVED_RULES },
	  "rECEIVED: by mx.isp.example for <alice@office.example>; x\r\n",
	  TO_ALICE,
	  NULL },
	{ "several recipients",
	  { RECEIVED_RULES },
	  BY(MX, " for <alice@office.example>, <x@y>, <bob@office.example>"),
	  "envelope alice@office.example bob@office.example; stamped alice@office.example bob@office.example",
	  NULL },
	{ "some broken",
	  { RECEIVED_RULES },
	  BY(MX, " for <alice@office.example>, <a@b@c>"),
	  "envelope alice@office.example " POSTMASTER "; stamped alice@office.example -; partly",
	  NULL },
	{ "strip, completion, virtual",
	  { RECEIVED_RULES, .prefix = "in-", .suffix = "-out", .virtual_map = "alice@office.example bob\n" },
	  BY(MX, FOR("in-alice-out")),
	  "envelope bob@office.example; stamped alice@office.example",
	  NULL },
	{ "nobody of ours",
	  { RECEIVED_RULES },
	  BY(MX, FOR("x@elsewhere.example")) BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: Received: \"for <x@elsewhere.example>\" by mx.isp.example names nobody within domains" },
	{ "no usable address",
	  { RECEIVED_RULES },
	  BY(MX, FOR("a%b@office.example")) BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: Received: \"for <a%b@office.example>\" by mx.isp.example is no usable address" },
	{ "position and which do not concern it",
	  { RECEIVED_RULES, .which = ROUTE_WHICH_LAST },
	  BY(MX, FOR("alice@office.example")) BY(MX, FOR("victim@office.example")) "no colon\r\n",
	  TO_ALICE,
	  NULL },
	{ "nor which = all",
	  { RECEIVED_RULES, .which = ROUTE_WHICH_ALL, .any = true },
	  BY(MX, FOR("alice@office.example")) BY(MX, FOR("victim@office.example")),
	  TO_ALICE,
	  NULL },
	{ "by without case",
	  { .envelope = "Received", .by = "MX.isp.EXAMPLE" },
	  BY("mx.ISP.example", FOR("alice@office.example")),
	  TO_ALICE,
	  NULL },
	{ "by below a domain",
	  { .envelope = "Received", .by = "x.example .isp.example" },
	  BY("in.mx.isp.example", FOR("alice@office.example")),
	  TO_ALICE,
	  NULL },
	{ "any by", { .envelope = "Received" }, BY("whoever.example", FOR("alice@office.example")), TO_ALICE, NULL },
	{ "any by, and none there",
	  { .envelope = "Received" },
	  "Received: for <alice@office.example>; x\r\n",
	  TO_ALICE,
	  "Received: \"for <alice@office.example>\"" },
};

static const struct shown_case depth_cases[] = {
	{ "the first that is accepted",
	  { RECEIVED_RULES },
	  BY("inside.example", FOR("victim@office.example")) BY("other.example", "")
	          BY(MX, FOR("alice@office.example")),
	  TO_ALICE,
	  NULL },
	{ "all of them count",
	  { RECEIVED_RULES, .depth = 2 },
	  BY("inside.example", "") BY("other.example", "") BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: no Received by a host of received_by among the topmost 2 (received_depth)" },
	{ "no by is no accepted one",
	  { RECEIVED_RULES },
	  "Received: for <victim@office.example>; x\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "below a line without a colon",
	  { RECEIVED_RULES },
	  "no colon\r\n" BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: no Received above a line without a colon, where the header ends" },
	{ "a blank before its colon",
	  { RECEIVED_RULES },
	  "Received : by mx.isp.example for <victim@office.example>; x\r\n",
	  TO_POSTMASTER,
	  "fallback: no Received" },
	{ "skip", { RECEIVED_RULES, .skip = 1 }, LMTPA BY(MX, FOR("alice@office.example")), TO_ALICE, NULL },
	{ "skip counts accepted ones",
	  { RECEIVED_RULES, .skip = 1 },
	  LMTPA BY("other.example", "") BY(MX, FOR("alice@office.example")),
	  TO_ALICE,
	  NULL },
	{ "skip does not lengthen the depth",
	  { RECEIVED_RULES, .skip = 1, .depth = 2 },
	  LMTPA BY("other.example", "") BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: no Received, skip = 1 leaves none" },
	{ "none that is accepted: next source",
	  { .envelope = "Received X-Envelope-To", .by = MX },
	  "X-Envelope-To: alice@office.example\r\n" BY("other.example", FOR("victim@office.example")),
	  TO_ALICE,
	  "X-Envelope-To: \"alice@office.example\"; Received is there, but none by a host of received_by among "
	  "the topmost 3 (received_depth)" },
	{ "none at all: next source",
	  { .envelope = "Received X-Envelope-To", .by = MX },
	  "X-Envelope-To: alice@office.example\r\n",
	  TO_ALICE,
	  "X-Envelope-To: \"alice@office.example\"" },
	{ "skip leaves none: next source",
	  { .envelope = "Received X-Envelope-To", .by = MX, .skip = 1 },
	  "X-Envelope-To: x\r\nX-Envelope-To: alice@office.example\r\n" BY(MX, FOR("victim@office.example")),
	  TO_ALICE,
	  "X-Envelope-To: \"alice@office.example\"; Received is there, but skip = 1 leaves none" },
	{ "behind another source",
	  { .envelope = "X-Envelope-To Received", .by = MX },
	  BY(MX, FOR("alice@office.example")) "X-Envelope-To: victim@office.example\r\n",
	  TO_ALICE,
	  "Received: \"for <alice@office.example>\" by mx.isp.example; X-Envelope-To is there, but not above the first "
	  "Received field (position = top)" },
};

/* What a sender can put where, and none of it reaches the victim. */
static const struct shown_case forged_cases[] = {
	{ "two recipients, so no for: an older one is not asked",
	  { RECEIVED_RULES },
	  BY(MX, "") BY(MX, FOR("victim@office.example")) SENDER,
	  TO_POSTMASTER,
	  "fallback: Received: by mx.isp.example has no \"for\", and an older one is not asked" },
	{ "nor the next source",
	  { .envelope = "Received X-Envelope-To", .by = MX },
	  "X-Envelope-To: victim@office.example\r\n" BY(MX, ""),
	  TO_POSTMASTER,
	  NULL },
	{ "our by further down",
	  { RECEIVED_RULES },
	  BY(MX, FOR("alice@office.example")) BY(MX, FOR("victim@office.example")) SENDER,
	  TO_ALICE,
	  NULL },
	{ "our by below the depth",
	  { RECEIVED_RULES, .depth = 1 },
	  BY("pop.isp.example", "") BY(MX, FOR("victim@office.example")) SENDER,
	  TO_POSTMASTER,
	  NULL },
	{ "copies by Cyrus, unstamped",
	  { RECEIVED_RULES },
	  LMTPA BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  NULL },
	{ "HELO in a comment",
	  { RECEIVED_RULES },
	  "Received: from x (x for <victim@office.example> [192.0.2.1]) by mx.isp.example with SMTP id 1; x\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "HELO as it came",
	  { RECEIVED_RULES },
	  "Received: from x for <victim@office.example> by mx.isp.example with SMTP id 1; x\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "HELO with clauses of its own",
	  { RECEIVED_RULES },
	  "Received: from x by mx.isp.example for <victim@office.example>; x by mx.isp.example with SMTP id 1; x\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "HELO with a by: whose field it is, is not known",
	  { RECEIVED_RULES },
	  "Received: from x by other.example by mx.isp.example with SMTP id 1 for <alice@office.example>; x\r\n" BY(
		  MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: Received: the field is not believed: a clause stands twice" },
	{ "the same, with skip",
	  { RECEIVED_RULES, .skip = 1 },
	  "Received: from x by other.example by mx.isp.example with SMTP id 1 for <alice@office.example>; x\r\n" BY(
		  MX, "") BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  NULL },
	{ "HELO with an open comment",
	  { RECEIVED_RULES },
	  "Received: from x ( by mx.isp.example with SMTP id 1; x\r\n" BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  NULL },
	{ "the envelope's sender in a comment",
	  { RECEIVED_RULES },
	  "Received: from x by mx.isp.example with esmtp (envelope-from <\" for <victim@office.example>\"@x>) id 1; "
	  "x\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "two for",
	  { RECEIVED_RULES },
	  BY(MX, FOR("alice@office.example") FOR("victim@office.example")) BY(MX, FOR("victim@office.example")),
	  TO_POSTMASTER,
	  "fallback: Received: by mx.isp.example is not believed: a clause stands twice" },
	{ "a faulty one of somebody else is passed over",
	  { RECEIVED_RULES },
	  BY("other.example", FOR("x@y") FOR("victim@office.example")) BY(MX, FOR("alice@office.example")),
	  TO_ALICE,
	  NULL },
	{ "a faulty one of ours is skipped",
	  { RECEIVED_RULES, .skip = 1 },
	  BY(MX, FOR("x@y") FOR("victim@office.example")) BY(MX, FOR("alice@office.example")),
	  TO_ALICE,
	  NULL },
	{ "a quoted local part",
	  { RECEIVED_RULES },
	  BY(MX, " for <\"x for victim\"@office.example>"),
	  "envelope \"x for victim\"@office.example; stamped \"x for victim\"@office.example",
	  NULL },
	{ "a route",
	  { RECEIVED_RULES },
	  BY(MX, " for <@a.example,@b.example:victim@office.example>"),
	  TO_POSTMASTER,
	  NULL },
	{ "a host that ends so",
	  { .envelope = "Received", .by = ".isp.example" },
	  BY("badisp.example", FOR("victim@office.example")),
	  TO_POSTMASTER,
	  NULL },
	{ "a fold that looks like a field",
	  { RECEIVED_RULES },
	  BY("other.example", "") " Received: by mx.isp.example for <victim@office.example>; x\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "the name in another field",
	  { RECEIVED_RULES },
	  "X-Received: by mx.isp.example for <victim@office.example>; x\r\n",
	  TO_POSTMASTER,
	  NULL },
};

#define ENV_RULES .envelope = "*ENV"
#define FACTS "punt-2.mail.demon.net\r\npost.demon.example\r\n"

static const struct shown_case env_cases[] = {
	{ "one recipient",
	  { ENV_RULES, .env = FACTS "s@sender.example\r\nalice@office.example\r\n" },
	  SENDER,
	  TO_ALICE,
	  "*ENV: \"alice@office.example\"" },
	{ "in brackets, several",
	  { ENV_RULES, .env = FACTS "<s@sender.example>\r\n<alice@office.example>\r\n<bob@office.example>\r\n" },
	  SENDER,
	  "envelope alice@office.example bob@office.example; stamped alice@office.example bob@office.example",
	  "*ENV: \"<alice@office.example>\", \"<bob@office.example>\"" },
	{ "five lines, and a stranger behind what may be the sender",
	  { ENV_RULES, .env = FACTS "helo@sender.example\r\ns@sender.example\r\nalice@office.example\r\n" },
	  SENDER,
	  TO_POSTMASTER,
	  "fallback: *ENV: \"s@sender.example\", \"alice@office.example\" does not tell which of its lines is the "
	  "sender's" },
	{ "five lines, and what may be the sender is one of ours",
	  { ENV_RULES, .env = FACTS "root\r\nbob@office.example\r\nalice@office.example\r\n" },
	  SENDER,
	  TO_POSTMASTER,
	  NULL },
	{ "a list in a line is no address",
	  { ENV_RULES, .env = FACTS "\r\nalice@office.example, victim@office.example\r\n" },
	  SENDER,
	  TO_POSTMASTER,
	  NULL },
	{ "asked, and nothing came",
	  { .envelope = "*ENV X-Envelope-To", .env = "" },
	  "X-Envelope-To: victim@office.example\r\n",
	  TO_POSTMASTER,
	  NULL },
	{ "a line more in front",
	  { ENV_RULES, .env = "1\r\n" FACTS "s@sender.example\r\nalice@office.example\r\n" },
	  SENDER,
	  TO_ALICE,
	  NULL },
	{ "a line more in front and no sender",
	  { ENV_RULES, .env = "1\r\n" FACTS "\r\nalice@office.example\r\n" },
	  SENDER,
	  TO_ALICE,
	  NULL },
	{ "the third line empty",
	  { ENV_RULES, .env = FACTS "\r\nalice@office.example\r\nbob@office.example\r\n" },
	  SENDER,
	  "envelope alice@office.example bob@office.example; stamped alice@office.example bob@office.example",
	  NULL },
	{ "the third line null",
	  { ENV_RULES, .env = FACTS "<>\r\nalice@office.example\r\nbob@office.example\r\n" },
	  SENDER,
	  "envelope alice@office.example bob@office.example; stamped alice@office.example bob@office.example",
	  NULL },
	{ "four lines: the third is the sender",
	  { ENV_RULES, .env = FACTS "sender\r\nalice@office.example\r\n" },
	  SENDER,
	  TO_ALICE,
	  NULL },
	{ "three lines",
	  { .envelope = "*ENV X-Envelope-To", .env = FACTS "alice@office.example\r\n" },
	  "X-Envelope-To: victim@office.example\r\n",
	  TO_POSTMASTER,
	  "fallback: *ENV has less than 4 lines in the server's answer" },
	{ "not asked: next source",
	  { .envelope = "*ENV X-Envelope-To" },
	  "X-Envelope-To: alice@office.example\r\n",
	  TO_ALICE,
	  NULL },
	{ "not asked", { ENV_RULES }, SENDER, TO_POSTMASTER, "fallback: no *ENV" },
	{ "nobody of ours",
	  { .envelope = "*ENV X-Envelope-To", .env = FACTS "\r\nx@elsewhere.example\r\n" },
	  "X-Envelope-To: victim@office.example\r\n",
	  TO_POSTMASTER,
	  "fallback: *ENV: \"x@elsewhere.example\" names nobody within domains" },
	{ "an empty recipient",
	  { ENV_RULES, .env = FACTS "\r\n\r\n" },
	  SENDER,
	  TO_POSTMASTER,
	  "fallback: *ENV: \"\" is empty" },
	{ "skip and which do not concern it",
	  { ENV_RULES, .skip = 2, .which = ROUTE_WHICH_LAST, .env = FACTS "s@x\r\nalice@office.example\r\n" },
	  "no colon\r\nX: y\r\n",
	  TO_ALICE,
	  NULL },
	{ "bare, strip",
	  { .envelope = "*env", .prefix = "in-", .env = FACTS "s@x\r\nin-alice\r\n" },
	  SENDER,
	  TO_ALICE,
	  NULL },
	{ "some broken",
	  { ENV_RULES, .env = FACTS "s@x\r\nalice@office.example\r\na@b@c\r\n" },
	  SENDER,
	  "envelope alice@office.example " POSTMASTER "; stamped alice@office.example -; partly",
	  NULL },
	{ "an older field is no answer", { ENV_RULES }, "*ENV: victim@office.example\r\n", TO_POSTMASTER, NULL },
	{ "no line end", { ENV_RULES, .env = FACTS "s@x\r\nalice@office.example" }, SENDER, TO_ALICE, NULL },
};

static void received(void **state)
{
	(void)state;
	check_shown_table(received_cases, COUNT(received_cases));
}

static void depth_and_skip(void **state)
{
	(void)state;
	check_shown_table(depth_cases, COUNT(depth_cases));
}

static void forgeries(void **state)
{
	(void)state;
	check_shown_table(forged_cases, COUNT(forged_cases));
}

static void demon(void **state)
{
	(void)state;
	check_shown_table(env_cases, COUNT(env_cases));
}

static void oversize_received(void **state)
{
	struct rules_text rules = { RECEIVED_RULES, .skip = 1 };
	struct strbuf text = { 0 };
	struct route route;

	(void)state;
	strbuf_add_str(&text, BY(MX, "") "Received: by mx.isp.example (");
	while (text.len < HEADER_FIELD_MAX + 200)
		strbuf_add_byte(&text, 'x');
	strbuf_add_str(&text, ") for <victim@office.example>; x\r\n" BY(MX, FOR("victim@office.example")));
	for (rules.skip = 0; rules.skip < 3; rules.skip++) {
		route_text(&rules, strbuf_span(&text), false, &route);
		assert_int_equal(route.reason, ROUTE_POSTMASTER);
		if (rules.skip > 0)
			assert_string_equal(route.explanation, "fallback: Received: the field is too large to be read");
		route_free(&route);
	}
	strbuf_free(&text);
}

static void trace_fields_stay_in(void **state)
{
	struct rules_text rules = { RECEIVED_RULES };
	struct route route;
	char *removed;

	(void)state;
	route_text(&rules, SPAN("Return-Path: <>\r\n" BY(MX, FOR("alice@office.example")) SENDER), false, &route);
	removed = show_removed(&route);
	assert_string_equal(removed, "-....");
	free(removed);
	route_free(&route);
}

static const struct {
	const char *sender;
	const char *env;
	const char *want;
} sender_cases[] = {
	{ "return-path", FACTS "env@sender.example\r\nalice@office.example\r\n", "env@sender.example" },
	{ NULL, FACTS "<env@sender.example>\r\nalice@office.example\r\n", "env@sender.example" },
	{ "", "1\r\n" FACTS "env@sender.example\r\nalice@office.example\r\n", "env@sender.example" },
	{ "", FACTS "\r\nalice@office.example\r\n", "" },
	{ "", FACTS "<>\r\nalice@office.example\r\n", "" },
	{ "", FACTS "a@b@c\r\nalice@office.example\r\n", "" },
	{ "", FACTS "MAILER-DAEMON\r\nalice@office.example\r\n", "" },
	{ "", FACTS "env@sender.example\r\nx@elsewhere.example\r\n", "env@sender.example" },
	{ "", FACTS, "" },
	{ "", "", "" },
	{ "", NULL, "path@sender.example" },
	{ "<>", FACTS "env@sender.example\r\nalice@office.example\r\n", "" },
	{ "fixed@x", FACTS "env@sender.example\r\nalice@office.example\r\n", "fixed@x" },
	{ "X-MailFrom:", FACTS "env@sender.example\r\nalice@office.example\r\n", "field@sender.example" },
};

static void envelope_sender(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sender_cases); i++) {
		struct rules_text rules = { ENV_RULES, .sender = sender_cases[i].sender, .env = sender_cases[i].env };
		struct route route;

		route_text(&rules,
		           SPAN("Return-Path: <path@sender.example>\r\nX-MailFrom: field@sender.example\r\n" RECEIVED),
		           false, &route);
		assert_string_equal(route.sender, sender_cases[i].want);
		route_free(&route);
	}
}

/* Where the answer does not decide, its sender does not either. */
static void sender_of_what_decides(void **state)
{
	struct rules_text rules = { .envelope = "X-Envelope-To *ENV",
		                    .env = FACTS "env@sender.example\r\nvictim@office.example\r\n" };
	struct route route;

	(void)state;
	route_text(&rules,
	           SPAN("Return-Path: <path@sender.example>\r\nX-Envelope-To: alice@office.example\r\n" RECEIVED),
	           false, &route);
	assert_string_equal(route.recipients.items[0], "alice@office.example");
	assert_string_equal(route.sender, "path@sender.example");
	route_free(&route);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received),
		cmocka_unit_test(depth_and_skip),
		cmocka_unit_test(forgeries),
		cmocka_unit_test(oversize_received),
		cmocka_unit_test(trace_fields_stay_in),
		cmocka_unit_test(demon),
		cmocka_unit_test(envelope_sender),
		cmocka_unit_test(sender_of_what_decides),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("route_received", tests, NULL, NULL);
}
