/* SPDX-License-Identifier: ISC
 *
 * route/: from headers, as real servers stamp and senders forge them, to recipients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_route.h"

#define DELIVERED                                                                                                      \
	{                                                                                                              \
		.envelope = "Delivered-To"                                                                             \
	}

/* The servers of the field guide, the bytes theirs. */
static const struct route_case server_cases[] = {
	{ "Postfix local", DELIVERED,
	  "Return-Path: <s@sender.example>\r\nX-Original-To: alice@office.example\r\nDelivered-To: "
	  "alice@office.example\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "Postfix X-Original-To with a trailing dot",
	  { .envelope = "X-Original-To" },
	  "Return-Path: <s@sender.example>\r\nX-Original-To: bob@office.example.\r\nDelivered-To: "
	  "x@pop.example\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "Postfix X-Original-To, bare",
	  { .envelope = "X-Original-To" },
	  "X-Original-To: bob\r\nDelivered-To: collector@pop.example\r\n" RECEIVED SENDER,
	  "bob@office.example" },
	{ "Postfix pipe without q", { 0 }, "X-Envelope-To: <bob smith@office.example>\r\n" RECEIVED SENDER, FALLBACK },
	{ "Postfix pipe, capitals kept", DELIVERED, "Delivered-To: Alice@Office.Example\r\n" RECEIVED SENDER,
	  "Alice@Office.Example" },
	{ "procmail, appended",
	  { .any = true, .which = ROUTE_WHICH_LAST },
	  RECEIVED "X-Envelope-To: victim@office.example\r\n" SENDER "X-Envelope-To: alice@office.example\r\n",
	  "alice@office.example" },
	{ "procmail, appended, and position left at top",
	  { .which = ROUTE_WHICH_LAST },
	  RECEIVED SENDER "X-Envelope-To: alice@office.example\r\n",
	  FALLBACK },
	{ "Dovecot LMTP, one recipient", DELIVERED,
	  "Return-Path: <s@sender.example>\r\nDelivered-To: alice@office.example\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "Dovecot LMTP, two recipients and a forged stamp", DELIVERED,
	  "Return-Path: <s@sender.example>\r\n" RECEIVED "Delivered-To: victim@office.example\r\n" SENDER, FALLBACK },
	{ "Exim, several in one field, case variants, folded",
	  { .envelope = "Envelope-to" },
	  "Return-path: <s@sender.example>\r\nEnvelope-to: carol@office.example,\r\n "
	  "Bob@office.example,\r\n\tbob@OFFICE.example,"
	  "\r\n \"d e\"@office.example\r\nDelivery-date: Tue, 24 Nov 2026 13:00:00 +0000\r\n" RECEIVED SENDER,
	  "carol@office.example Bob@office.example \"d e\"@office.example" },
	{ "OpenSMTPD", DELIVERED,
	  "Return-Path: <s@sender.example>\r\nDelivered-To: alice@office.example\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "sendmail H line below its Received",
	  { .envelope = "X-Real-To", .any = true },
	  "Return-Path: <s@sender.example>\r\n" RECEIVED "X-Real-To: alice@office.example\r\n" SENDER,
	  "alice@office.example" },
	{ "sendmail keeps a source route",
	  { .envelope = "X-Real-To", .any = true },
	  RECEIVED "X-Real-To: <@a.example,@office.example:bob@office.example>\r\n" SENDER,
	  FALLBACK },
	{ "Courier, prefix",
	  { .envelope = "Delivered-To", .domains = "pop.provider.example", .prefix = "collector-" },
	  "Delivered-To: collector-alice@pop.provider.example\r\n" RECEIVED SENDER,
	  "alice@pop.provider.example" },
	{ "Courier, prefix before quotes",
	  { .envelope = "Delivered-To", .domains = "pop.provider.example", .prefix = "collector-" },
	  "Delivered-To: collector-\"bob smith\"@pop.provider.example\r\n" RECEIVED SENDER,
	  "\"bob smith\"@pop.provider.example" },
	{ "qmail",
	  { .envelope = "Delivered-To", .prefix = "mbox-userstr-" },
	  "Return-Path: <s@sender.example>\r\nDelivered-To: mbox-userstr-alice@office.example\r\n" RECEIVED
	  "Delivered-To: mbox-userstr-victim@office.example\r\n" SENDER,
	  "alice@office.example" },
	{ "aiosmtpd, appended",
	  { .envelope = "X-RcptTo", .any = true, .which = ROUTE_WHICH_LAST },
	  SENDER
	  "X-Peer: 192.0.2.1\r\nX-MailFrom: s@sender.example\r\nX-RcptTo: alice@office.example, bob@office.example\r\n",
	  "alice@office.example bob@office.example" },
	{ "aiosmtpd, 8-bit as an encoded word",
	  { .envelope = "X-RcptTo", .any = true },
	  SENDER "X-RcptTo: =?utf-8?q?j=C3=BCrgen=40office=2Eexample?=\r\n",
	  FALLBACK },
	{ "a list's older stamp", DELIVERED,
	  "Delivered-To: alice@office.example\r\n" RECEIVED "Delivered-To: mailing list dev@lists.example\r\n" SENDER,
	  "alice@office.example" },
	{ "a list's stamp on top", DELIVERED, "Delivered-To: mailing list dev@office.example\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "a forwarder's own on top",
	  { .envelope = "Delivered-To", .skip = 1 },
	  "Delivered-To: collector@office.example\r\nDelivered-To: alice@office.example\r\n" RECEIVED SENDER,
	  "alice@office.example" },
};

/* None of these may reach the victim. */
static const struct route_case forged_cases[] = {
	{ "below Received", { 0 }, RECEIVED "X-Envelope-To: victim@office.example\r\n" SENDER, FALLBACK },
	{ "below the true one",
	  { 0 },
	  "X-Envelope-To: alice@office.example\r\n" RECEIVED "X-Envelope-To: victim@office.example\r\n" SENDER,
	  "alice@office.example" },
	{ "below, for the bottommost",
	  { .which = ROUTE_WHICH_LAST },
	  "X-Envelope-To: alice@office.example\r\n" RECEIVED "X-Envelope-To: victim@office.example\r\n" SENDER,
	  "alice@office.example" },
	{ "below, for all",
	  { .which = ROUTE_WHICH_ALL },
	  "X-Envelope-To: alice@office.example\r\n" RECEIVED "X-Envelope-To: victim@office.example\r\n" SENDER,
	  "alice@office.example" },
	{ "behind a gap, for all",
	  { .which = ROUTE_WHICH_ALL, .any = true },
	  "X-Envelope-To: alice@office.example\r\nX-Envelope-To: bob@office.example\r\n" RECEIVED
	  "X-Envelope-To: victim@office.example\r\n" SENDER,
	  "alice@office.example bob@office.example" },
	{ "a longer name", { 0 }, "X-Envelope-To-Old: victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "a shorter name", { 0 }, "X-Envelope: victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "a blank before the colon", { 0 }, "X-Envelope-To : victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "a tab before the colon", { 0 }, "X-Envelope-To\t: victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "a blank before the name",
	  { 0 },
	  "X-A: b\r\n X-Envelope-To: victim@office.example\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "the name in another field",
	  { 0 },
	  "Subject: X-Envelope-To: victim@office.example\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "a fold that looks like a field",
	  { 0 },
	  "X-Envelope-To: alice@office.example\r\n X-Envelope-To: victim@office.example\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "below a line without a colon",
	  { .any = true },
	  RECEIVED "no colon here\r\nX-Envelope-To: victim@office.example\r\n",
	  FALLBACK },
	{ "a Received with a blank is none",
	  { 0 },
	  "X-Envelope-To: alice@office.example\r\nReceived : x\r\n" RECEIVED "X-Envelope-To: victim@office.example\r\n",
	  "alice@office.example" },
	{ "in a comment",
	  { 0 },
	  "X-Envelope-To: alice@office.example (<victim@office.example>)\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "in a comment in front",
	  { 0 },
	  "X-Envelope-To: (victim@office.example,) alice@office.example\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "in a phrase",
	  { 0 },
	  "X-Envelope-To: \"victim@office.example,\" <alice@office.example>\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "in a quoted local part",
	  { 0 },
	  "X-Envelope-To: \"x,victim@office.example\"@office.example\r\n" RECEIVED SENDER,
	  "\"x,victim@office.example\"@office.example" },
	{ "in an encoded word",
	  { 0 },
	  "X-Envelope-To: =?us-ascii?q?victim=40office=2Eexample?=\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "in an encoded phrase",
	  { 0 },
	  "X-Envelope-To: =?us-ascii?q?victim=40office=2Eexample=2C?= <alice@office.example>\r\n" RECEIVED SENDER,
	  "alice@office.example" },
	{ "as two words", { 0 }, "X-Envelope-To: x victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "as the second @", { 0 }, "X-Envelope-To: a@victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "by percent", { 0 }, "X-Envelope-To: victim%office.example@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "by bang", { 0 }, "X-Envelope-To: office.example!victim@office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "outside of domains", { 0 }, "X-Envelope-To: victim@elsewhere.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "a domain that only ends so",
	  { 0 },
	  "X-Envelope-To: victim@badoffice.example\r\n" RECEIVED SENDER,
	  FALLBACK },
	{ "below the domain", { 0 }, "X-Envelope-To: victim@sub.office.example\r\n" RECEIVED SENDER, FALLBACK },
	{ "To and Cc are no envelope",
	  { 0 },
	  RECEIVED "To: victim@office.example\r\nCc: victim@office.example\r\n",
	  FALLBACK },
};

static const struct route_case rule_cases[] = {
	{ "no Received: all counts as above",
	  { 0 },
	  SENDER "X-Envelope-To: alice@office.example\r\n",
	  "alice@office.example" },
	{ "name without case",
	  { .envelope = "x-envelope-TO" },
	  "X-ENVELOPE-To: alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "no blank behind the colon", { 0 }, "X-Envelope-To:alice@office.example\r\n", "alice@office.example" },
	{ "position any", { .any = true }, RECEIVED "X-Envelope-To: alice@office.example\r\n", "alice@office.example" },
	{ "topmost of several",
	  { 0 },
	  "X-Envelope-To: alice@office.example\r\nX-Envelope-To: bob@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "bottommost of several",
	  { .which = ROUTE_WHICH_LAST },
	  "X-Envelope-To: alice@office.example\r\nX-A: b\r\nX-Envelope-To: bob@office.example\r\n" RECEIVED,
	  "bob@office.example" },
	{ "all of the run",
	  { .which = ROUTE_WHICH_ALL },
	  "X-Envelope-To: alice@office.example\r\nX-Envelope-To: bob@office.example, ALICE@office.example\r\nX-A: b\r\n"
	  "X-Envelope-To: carol@office.example\r\n" RECEIVED,
	  "alice@office.example bob@office.example" },
	{ "skip and all",
	  { .which = ROUTE_WHICH_ALL, .skip = 1 },
	  "X-Envelope-To: alice@office.example\r\nX-Envelope-To: bob@office.example\r\nX-Envelope-To: "
	  "carol@office.example\r\n" RECEIVED,
	  "bob@office.example carol@office.example" },
	{ "skip and last",
	  { .which = ROUTE_WHICH_LAST, .skip = 1 },
	  "X-Envelope-To: alice@office.example\r\nX-Envelope-To: bob@office.example\r\n" RECEIVED,
	  "bob@office.example" },
	{ "skip leaves none: next source",
	  { .envelope = "X-Envelope-To Delivered-To", .skip = 1 },
	  "X-Envelope-To: alice@office.example\r\nDelivered-To: x@y\r\nDelivered-To: bob@office.example\r\n" RECEIVED,
	  "bob@office.example" },
	{ "skip leaves none", { .skip = 2 }, "X-Envelope-To: alice@office.example\r\n" RECEIVED, FALLBACK },
	{ "the more trusted source",
	  { .envelope = "X-Envelope-To Delivered-To" },
	  "Delivered-To: bob@office.example\r\nX-Envelope-To: alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "the second source",
	  { .envelope = "X-Envelope-To Delivered-To" },
	  "Delivered-To: bob@office.example\r\n" RECEIVED,
	  "bob@office.example" },
	{ "not believed: next source",
	  { .envelope = "X-Envelope-To Delivered-To" },
	  "Delivered-To: bob@office.example\r\n" RECEIVED "X-Envelope-To: victim@office.example\r\n",
	  "bob@office.example" },
	{ "none of ours: not the next source",
	  { .envelope = "X-Envelope-To Delivered-To" },
	  "X-Envelope-To: x@elsewhere.example\r\nDelivered-To: bob@office.example\r\n" RECEIVED,
	  FALLBACK },
	{ "empty: not the next source",
	  { .envelope = "X-Envelope-To Delivered-To" },
	  "X-Envelope-To:\r\nDelivered-To: bob@office.example\r\n" RECEIVED,
	  FALLBACK },
	{ "null: not the next source",
	  { .envelope = "X-Envelope-To Delivered-To" },
	  "X-Envelope-To: <>\r\nDelivered-To: bob@office.example\r\n" RECEIVED,
	  FALLBACK },
	{ "no header", { 0 }, "\r\n", FALLBACK },
	{ "no bytes", { 0 }, "", FALLBACK },
	{ "an mbox line on top",
	  { 0 },
	  "From s@sender.example Tue Nov 24 13:00:00 2026\r\nX-Envelope-To: alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "a group",
	  { 0 },
	  "X-Envelope-To: team: alice@office.example, bob@office.example;\r\n" RECEIVED,
	  "alice@office.example bob@office.example" },
	{ "some broken",
	  { 0 },
	  "X-Envelope-To: alice@office.example, a@b@c\r\n" RECEIVED,
	  "alice@office.example " POSTMASTER },
	{ "some broken, the postmaster there",
	  { 0 },
	  "X-Envelope-To: Postmaster@office.example, a@b@c\r\n" RECEIVED,
	  "Postmaster@office.example" },
	{ "some outside",
	  { 0 },
	  "X-Envelope-To: x@elsewhere.example, alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "broken and outside", { 0 }, "X-Envelope-To: x@elsewhere.example, a@b@c\r\n" RECEIVED, FALLBACK },
	{ "a domain and below",
	  { .domains = "other.example .office.example" },
	  "X-Envelope-To: a@office.example, b@sub.office.example, c@other.example, d@sub.other.example\r\n" RECEIVED,
	  "a@office.example b@sub.office.example c@other.example" },
	{ "bare with a leading dot",
	  { .domains = ".office.example x.example" },
	  "X-Envelope-To: alice\r\n" RECEIVED,
	  "alice@office.example" },
	{ "bare and complete are one",
	  { 0 },
	  "X-Envelope-To: Alice, alice@office.example\r\n" RECEIVED,
	  "Alice@office.example" },
	{ "8-bit local part",
	  { 0 },
	  "X-Envelope-To: j\xc3\xbcrgen@office.example\r\n" RECEIVED,
	  "j\xc3\xbcrgen@office.example" },
	{ "prefix in another case",
	  { .prefix = "Mbox-" },
	  "X-Envelope-To: mBOX-alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "prefix and suffix",
	  { .prefix = "in-", .suffix = "-out" },
	  "X-Envelope-To: in-alice-OUT@office.example, in-bob@office.example, carol-out@office.example\r\n" RECEIVED,
	  "alice@office.example bob@office.example carol@office.example" },
	{ "prefix that is not there",
	  { .prefix = "in-" },
	  "X-Envelope-To: alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "suffix longer than all",
	  { .suffix = "-a-long-suffix" },
	  "X-Envelope-To: alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "prefix inside of quotes",
	  { .prefix = "in \"" },
	  "X-Envelope-To: \"in \\\"a b\"@office.example\r\n" RECEIVED,
	  "\"a b\"@office.example" },
	{ "prefix before a bare local part",
	  { .prefix = "in-" },
	  "X-Envelope-To: in-alice\r\n" RECEIVED,
	  "alice@office.example" },
	{ "prefix is all", { .prefix = "in-" }, "X-Envelope-To: in-@office.example\r\n" RECEIVED, FALLBACK },
	{ "strip makes doubles",
	  { .prefix = "in-" },
	  "X-Envelope-To: in-alice@office.example, alice@office.example\r\n" RECEIVED,
	  "alice@office.example" },
	{ "a name with a trailing blank value",
	  { 0 },
	  "X-Envelope-To: alice@office.example \t\r\n \r\n" RECEIVED,
	  "alice@office.example" },
};

static void server_stamps(void **state)
{
	(void)state;
	check_table(server_cases, COUNT(server_cases));
}

static void forgeries(void **state)
{
	(void)state;
	check_table(forged_cases, COUNT(forged_cases));
}

static void options(void **state)
{
	(void)state;
	check_table(rule_cases, COUNT(rule_cases));
}

static const struct {
	const char *sender;
	bool any;
	enum route_which which;
	const char *header;
	const char *want;
} sender_cases[] = {
	{ "return-path", false, 0, "Return-Path: <s@sender.example>\r\n" RECEIVED, "s@sender.example" },
	{ NULL, false, 0, "Return-Path: <s@sender.example>\r\n" RECEIVED, "s@sender.example" },
	{ "", false, 0, "Return-path: s@sender.example\r\n" RECEIVED, "s@sender.example" },
	{ "return-path", false, 0, "Return-Path: <b+x%y@sender.example>\r\n" RECEIVED, "b+x%y@sender.example" },
	{ "return-path", false, 0, "Return-Path: <a@x.example>\r\nReturn-Path: <b@y.example>\r\n" RECEIVED,
	  "a@x.example" },
	{ "return-path", false, 0, "Return-Path: <>\r\nReturn-Path: <b@y.example>\r\n" RECEIVED, "" },
	{ "return-path", false, 0, "Return-Path:\r\n" RECEIVED, "" },
	{ "return-path", false, 0, "Return-Path: <MAILER-DAEMON>\r\n" RECEIVED, "" },
	{ "return-path", false, 0, "Return-Path: <a@b> <c@d>\r\n" RECEIVED, "" },
	/* OpenSMTPD writes none for the null sender: the one below is forged. Also where stamps count anywhere. */
	{ "return-path", false, 0, RECEIVED "Return-Path: <forged@sender.example>\r\n", "" },
	{ "return-path", true, 0, RECEIVED "Return-Path: <forged@sender.example>\r\n", "" },
	{ "return-path", false, 0, RECEIVED SENDER, "" },
	{ "return-path", false, 0, SENDER "Return-Path: <s@sender.example>\r\n", "s@sender.example" },
	{ "return-path", false, 0, "", "" },
	{ "<>", false, 0, "Return-Path: <s@sender.example>\r\n" RECEIVED, "" },
	{ "fixed@office.example", false, 0, "Return-Path: <s@sender.example>\r\n" RECEIVED, "fixed@office.example" },
	{ "<fixed", false, 0, RECEIVED, "<fixed" },
	{ "x", false, 0, RECEIVED, "x" },
	{ "<fixed@office.example>", false, 0, RECEIVED, "fixed@office.example" },
	{ "X-MailFrom:", false, 0, "X-MailFrom: s@sender.example\r\n" RECEIVED, "s@sender.example" },
	{ "X-MailFrom:", false, 0, RECEIVED "X-MailFrom: s@sender.example\r\n", "" },
	{ "X-MailFrom:", true, 0, RECEIVED "X-MailFrom: s@sender.example\r\n", "s@sender.example" },
	{ "X-MailFrom:", true, ROUTE_WHICH_LAST,
	  "X-MailFrom: forged@x.example\r\n" RECEIVED "x-mailfrom: s@sender.example\r\n", "s@sender.example" },
	{ "X-MailFrom:", false, 0, "Return-Path: <s@sender.example>\r\n" RECEIVED, "" },
};

static void senders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sender_cases); i++) {
		struct rules_text text = { .sender = sender_cases[i].sender,
			                   .any = sender_cases[i].any,
			                   .which = sender_cases[i].which };
		struct route route;

		route_text(&text, span_of(sender_cases[i].header), false, &route);
		assert_string_equal(route.sender, sender_cases[i].want);
		route_free(&route);
	}
}

static const struct {
	struct rules_text rules;
	const char *header;
	const char *removed;
} remove_cases[] = {
	{ DELIVERED,
	  "Return-Path: <s@x>\r\nX-A: b\r\nDelivered-To: a@office.example\r\n" RECEIVED
	  "Delivered-To: old@x\r\nReturn-Path: <o@x>\r\n",
	  "-.-..." },
	{ { .envelope = "Delivered-To", .which = ROUTE_WHICH_ALL },
	  "Delivered-To: a\r\nDelivered-To: b\r\nX-A: b\r\nDelivered-To: c\r\n",
	  "--.." },
	{ { .envelope = "Delivered-To", .skip = 1 }, "Delivered-To: a\r\nDelivered-To: b\r\n" RECEIVED, ".-." },
	{ { .envelope = "Delivered-To", .keep_header = true },
	  "Return-Path: <s@x>\r\nDelivered-To: a\r\n" RECEIVED,
	  "..." },
	{ DELIVERED, "Return-Path: <s@x>\r\nReturn-Path: <t@x>\r\nDelivered-To: a@elsewhere.example\r\n" RECEIVED,
	  "-..." },
	{ { .sender = "X-MailFrom:" },
	  "Return-Path: <s@x>\r\nX-MailFrom: a@b\r\nX-Envelope-To: a\r\n" RECEIVED,
	  "-.-." },
	{ { .fixed = "alice@office.example" }, "Return-Path: <s@x>\r\nX-Envelope-To: a\r\n" RECEIVED, "-.." },
	{ DELIVERED, "Delivered-To: a, b@c@d\r\n" RECEIVED, "-." },
	{ DELIVERED, "", "" },
};

static void removal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(remove_cases); i++) {
		struct route route;
		char *removed;

		route_text(&remove_cases[i].rules, span_of(remove_cases[i].header), false, &route);
		removed = show_removed(&route);
		assert_string_equal(removed, remove_cases[i].removed);
		free(removed);
		route_free(&route);
	}
}

static const struct {
	struct rules_text rules;
	const char *header;
	const char *want;
} explanation_cases[] = {
	{ { 0 }, "X-Envelope-To: alice@office.example\r\n" RECEIVED, "X-Envelope-To: \"alice@office.example\"" },
	{ { 0 },
	  "X-Envelope-To: a@office.example,\r\n b@office.example\r\n" RECEIVED,
	  "X-Envelope-To: \"a@office.example, b@office.example\"" },
	{ { .which = ROUTE_WHICH_ALL },
	  "X-Envelope-To: a\r\nX-Envelope-To: b\r\nX-Envelope-To: c\r\nX-Envelope-To: d\r\n",
	  "X-Envelope-To: \"a\", \"b\", \"c\" and 1 more" },
	{ { 0 },
	  "X-Envelope-To: a, b@c@d\r\n",
	  "X-Envelope-To: \"a, b@c@d\"; some of it is no usable address, so it goes to the postmaster, too" },
	{ { 0 },
	  "X-Envelope-To: a@elsewhere.example\r\n",
	  "fallback: X-Envelope-To: \"a@elsewhere.example\" names nobody within domains" },
	{ { 0 }, "X-Envelope-To:\r\n", "fallback: X-Envelope-To: \"\" is empty" },
	{ { 0 }, "X-Envelope-To: a@b@c\r\n", "fallback: X-Envelope-To: \"a@b@c\" is no usable address" },
	{ { 0 }, RECEIVED, "fallback: no X-Envelope-To" },
	{ { .envelope = "X-Envelope-To Delivered-To X-Real-To" },
	  RECEIVED,
	  "fallback: no X-Envelope-To, Delivered-To or X-Real-To" },
	{ { .envelope = "X-Envelope-To Delivered-To" },
	  RECEIVED "X-Envelope-To: a\r\n",
	  "fallback: no X-Envelope-To or Delivered-To above the first Received field (position = any would believe one "
	  "further "
	  "down)" },
	{ { .skip = 1 }, "X-Envelope-To: a\r\n" RECEIVED, "fallback: no X-Envelope-To, skip = 1 leaves none" },
	{ { .envelope = "X-Envelope-To Delivered-To X-Real-To" },
	  "Delivered-To: a\r\n" RECEIVED "X-Envelope-To: b\r\n",
	  "Delivered-To: \"a\"; X-Envelope-To is there, but not above the first Received field (position = top)" },
	{ { .envelope = "X-Envelope-To Delivered-To", .skip = 1 },
	  "X-Envelope-To: b\r\nDelivered-To: a\r\nDelivered-To: c\r\n",
	  "Delivered-To: \"c\"; X-Envelope-To is there, but skip = 1 leaves none" },
	{ { 0 }, "\r\n", "fallback: the message has no header" },
	{ { 0 },
	  "A: b\r\nbody\r\n\r\n",
	  "fallback: no X-Envelope-To above a line without a colon, where the header ends" },
	{ { .fixed = "a@b" }, RECEIVED, "the account's recipient" },
};

static void explanations(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(explanation_cases); i++) {
		struct route route;

		route_text(&explanation_cases[i].rules, span_of(explanation_cases[i].header), false, &route);
		assert_string_equal(route.explanation, explanation_cases[i].want);
		route_free(&route);
	}
}

/* A long value is cut between two characters. */
static void long_value_is_cut(void **state)
{
	struct strbuf text = { 0 };
	struct rules_text rules = { 0 };
	struct route route;

	(void)state;
	strbuf_add_str(&text, "X-Envelope-To: x");
	for (int i = 0; i < 500; i++)
		strbuf_add_str(&text, "\xc3\xa4");
	strbuf_add_str(&text, "\r\n");
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(strlen(route.explanation),
	                 strlen("fallback: X-Envelope-To: \"x\" is no usable address") + 198 + strlen("…"));
	assert_non_null(strstr(route.explanation, "\xc3\xa4…\" is no usable"));
	route_free(&route);
	strbuf_clear(&text);
	strbuf_add_str(&text, "X-Envelope-To: ");
	for (int i = 0; i < 201; i++)
		strbuf_add_byte(&text, 'x');
	strbuf_add_str(&text, "@office.example\r\n");
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(strlen(route.explanation), strlen("X-Envelope-To: \"\"") + 200 + strlen("…"));
	route_free(&route);
	strbuf_free(&text);
}

static void fixed_recipients(void **state)
{
	struct rules_text rules = { .fixed = "Alice@x.example bob@y.example alice@X.example" };
	struct route route;
	char *recipients;

	(void)state;
	route_text(&rules, SPAN("X-Envelope-To: victim@office.example\r\n"), false, &route);
	recipients = join(&route.recipients);
	assert_string_equal(recipients, "Alice@x.example bob@y.example");
	assert_int_equal(route.reason, ROUTE_FIXED);
	free(recipients);
	route_free(&route);
	route_text(&rules, SPAN(""), false, &route);
	assert_int_equal(route.recipients.count, 2);
	route_free(&route);
}

/* Also where the configuration gives no list at all for a fixed recipient, or no envelope beside one. */
static void what_decided_is_told(void **state)
{
	struct rules_text text = { .envelope = "X-Envelope-To Delivered-To" };
	struct rules_lists lists;
	struct route_rules rules = rules_make(&text, &lists);
	struct header header;
	struct route route;

	(void)state;
	rules.fixed = NULL;
	header_parse(&header, SPAN("Delivered-To: alice@office.example, a@b@c\r\n"), false);
	route_message(&rules, &header, (struct span){ 0 }, &route);
	assert_int_equal(route.reason, ROUTE_ENVELOPE);
	assert_ptr_equal(route.source, lists.envelope.items[1]);
	assert_true(route.partly_broken);
	assert_int_equal(route.remove_count, 1);
	route_free(&route);
	assert_null(route.explanation);
	header_free(&header);

	header_parse(&header, SPAN("Subject: x\r\n"), false);
	route_message(&rules, &header, (struct span){ 0 }, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	assert_null(route.source);
	assert_false(route.partly_broken);
	route_free(&route);
	header_free(&header);
	rules_free(&lists);
}

/* `count` recipients, each written twice. */
static struct strbuf many_recipients(size_t count, size_t fields)
{
	struct strbuf text = { 0 };

	for (size_t i = 0; i < 2 * count; i++) {
		if (i % (2 * count / fields) == 0)
			strbuf_addf(&text, "%sX-Envelope-To: ", i > 0 ? "\r\n" : "");
		else
			strbuf_add_str(&text, ",\r\n ");
		strbuf_addf(&text, i < count ? "r%zu@office.example" : "R%zu@Office.example", i % count);
	}
	strbuf_add_str(&text, "\r\n");
	return text;
}

static void check_count(size_t count, size_t fields, size_t want)
{
	struct rules_text rules = { .which = ROUTE_WHICH_ALL };
	struct strbuf text = many_recipients(count, fields);
	struct route route;

	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(route.recipients.count, want);
	if (want == 1) {
		assert_string_equal(route.recipients.items[0], POSTMASTER);
		assert_non_null(strstr(route.explanation, "names too many recipients"));
	}
	route_free(&route);
	strbuf_free(&text);
}

static void recipient_limit(void **state)
{
	(void)state;
	check_count(ROUTE_RECIPIENTS_MAX, 1, ROUTE_RECIPIENTS_MAX);
	check_count(ROUTE_RECIPIENTS_MAX, 4, ROUTE_RECIPIENTS_MAX);
	check_count(ROUTE_RECIPIENTS_MAX + 1, 1, 1);
	check_count(ROUTE_RECIPIENTS_MAX + 2, 4, 1);
}

static void oversize_field(void **state)
{
	struct rules_text rules = { .which = ROUTE_WHICH_ALL };
	struct strbuf text = { 0 };
	struct route route;

	(void)state;
	strbuf_add_str(&text,
	               "Return-Path: <s@sender.example>\r\nX-Envelope-To: alice@office.example\r\nX-Envelope-To: ");
	while (text.len < HEADER_FIELD_MAX + 1000)
		strbuf_add_str(&text, "bob@office.example, ");
	strbuf_add_str(&text, "carol@office.example\r\n" RECEIVED);
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	assert_non_null(strstr(route.explanation, "is too large to be read"));
	assert_string_equal(route.sender, "s@sender.example");
	route_free(&route);
	rules.which = ROUTE_WHICH_FIRST;
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_string_equal(route.recipients.items[0], "alice@office.example");
	route_free(&route);
	strbuf_clear(&text);
	strbuf_add_str(&text, "Return-Path: (");
	while (text.len < HEADER_FIELD_MAX)
		strbuf_add_byte(&text, 'x');
	strbuf_add_str(&text, ") <s@sender.example>\r\n");
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_string_equal(route.sender, "");
	route_free(&route);
	strbuf_free(&text);
}

static void capped_header(void **state)
{
	struct rules_text rules = { 0 };
	struct route route;

	(void)state;
	route_text(&rules, SPAN("X-Envelope-To: alice@office.example\r\nX-A: b"), true, &route);
	assert_string_equal(route.recipients.items[0], "alice@office.example");
	route_free(&route);
	route_text(&rules, SPAN("X-A: b\r\nX-Envelope-To: alice@office.example"), true, &route);
	assert_string_equal(route.recipients.items[0], POSTMASTER);
	assert_string_equal(route.explanation, "fallback: no X-Envelope-To in what was read of an oversize header");
	route_free(&route);
	route_text(&rules, SPAN("X-Envelope-To: alice@office.example"), true, &route);
	assert_string_equal(route.explanation, "fallback: no X-Envelope-To in what was read of an oversize header");
	route_free(&route);
}

/* A run of stamps that may go on where the header is not read is not all of it. */
static void part_of_a_run_is_not_taken_for_all(void **state)
{
	struct rules_text rules = { .any = true, .which = ROUTE_WHICH_ALL };
	struct route route;

	(void)state;
	route_text(&rules,
	           SPAN("X-A: b\r\nX-Envelope-To: alice@office.example\r\nno colon\r\n"
	                "X-Envelope-To: bob@office.example\r\n"),
	           false, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	route_free(&route);
	route_text(&rules, SPAN("X-Envelope-To: alice@office.example\r\nX-Env"), true, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	route_free(&route);
	route_text(&rules, SPAN("X-Envelope-To: alice@office.example\r\nX-A: b\r\nX-B"), true, &route);
	assert_string_equal(route.recipients.items[0], "alice@office.example");
	route_free(&route);
}

/* What was appended may stand where the header is not read; then the bottommost that was read is anybody's. */
static void bottommost_is_not_guessed(void **state)
{
	static const char header[] = "X-Envelope-To: victim@office.example\r\nX-MailFrom: a@b\r\nno colon\r\n"
				     "X-Envelope-To: alice@office.example\r\n";
	struct rules_text rules = { .any = true, .which = ROUTE_WHICH_LAST, .sender = "X-MailFrom:" };
	struct route route;

	(void)state;
	route_text(&rules, span_of(header), false, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	assert_non_null(strstr(route.explanation, "is not certainly the last one"));
	assert_string_equal(route.sender, "");
	route_free(&route);
	route_text(&rules, SPAN("X-Envelope-To: victim@office.example\r\nX-A: b"), true, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	route_free(&route);
	rules.any = false;
	route_text(&rules, span_of(header), false, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	route_free(&route);
	route_text(&rules, SPAN("X-Envelope-To: alice@office.example\r\n" RECEIVED "no colon\r\n"), false, &route);
	assert_string_equal(route.recipients.items[0], "alice@office.example");
	route_free(&route);
	rules.which = ROUTE_WHICH_FIRST;
	route_text(&rules, SPAN("X-Envelope-To: alice@office.example\r\nno colon\r\n"), false, &route);
	assert_string_equal(route.recipients.items[0], "alice@office.example");
	route_free(&route);
}

static void no_domains(void **state)
{
	struct rules_text rules = { .domains = "" };
	struct route route;

	(void)state;
	route_text(&rules, SPAN("X-Envelope-To: alice, bob@office.example\r\n"), false, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	route_free(&route);
}

/* A quarter of a megabyte of doubles: the test's own time would tell. */
static void doubles_cost_little(void **state)
{
	struct rules_text rules = { 0 };
	struct strbuf text = { 0 };
	struct route route;

	(void)state;
	strbuf_add_str(&text, "X-Envelope-To: ");
	for (size_t i = 0; i < 9999; i++)
		strbuf_addf(&text, "%zu,", i % 1000);
	strbuf_add_str(&text, "0\r\n");
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(route.recipients.count, 1000);
	route_free(&route);
	text.len -= 2;
	strbuf_add_str(&text, ",1\r\n");
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	route_free(&route);
	strbuf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_stamps),     cmocka_unit_test(forgeries),
		cmocka_unit_test(options),           cmocka_unit_test(senders),
		cmocka_unit_test(removal),           cmocka_unit_test(explanations),
		cmocka_unit_test(long_value_is_cut), cmocka_unit_test(part_of_a_run_is_not_taken_for_all),
		cmocka_unit_test(fixed_recipients),  cmocka_unit_test(what_decided_is_told),
		cmocka_unit_test(recipient_limit),   cmocka_unit_test(oversize_field),
		cmocka_unit_test(capped_header),     cmocka_unit_test(bottommost_is_not_guessed),
		cmocka_unit_test(no_domains),        cmocka_unit_test(doubles_cost_little),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
