/* SPDX-License-Identifier: ISC
 *
 * mail/: Received fields as real servers write them, and as senders would like
 * them to be written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/address.h"
#include "multidropd/header.h"
#include "multidropd/received.h"
#include "multidropd/str.h"

#define DATE "; Tue, 24 Nov 2026 13:00:00 +0100 (CET)"
#define FAULT "fault"
#define NOBODY "-" /* no `for` */

/* "a@b|c@d" as they are formatted, "!" for each broken one at the end, "<>" for the null address. */
static char *show_recipients(const char *recipients)
{
	struct address_list list = { 0 };
	struct strbuf out = { 0 };

	address_list_parse(&list, span_of(recipients));
	for (size_t i = 0; i < list.count; i++) {
		char *text = address_format(&list.items[i]);

		strbuf_addf(&out, "%s%s", i > 0 ? "|" : "", text);
		free(text);
	}
	for (size_t i = 0; i < list.broken; i++)
		strbuf_add_byte(&out, '!');
	if (list.null)
		strbuf_add_str(&out, "<>");
	address_list_free(&list);
	return strbuf_take(&out);
}

static char *show(struct span value)
{
	struct received received;
	char *recipients;
	char *shown;

	received_parse(&received, value);
	if (received.fault != NULL)
		assert_null(received.recipients);
	recipients = received.recipients != NULL ? show_recipients(received.recipients) : NULL;
	shown = str_format("%s %s", received.by != NULL ? received.by : "-",
	                   received.fault != NULL ? FAULT
	                   : recipients != NULL   ? recipients
	                                          : NOBODY);
	free(recipients);
	received_free(&received);
	return shown;
}

/* `want` is "BY RECIPIENTS", "BY -" without `for`, "BY fault"; BY is "-" where there is none to believe. */
struct received_case {
	const char *in, *want;
};

static void check(struct span in, const char *want)
{
	char *shown = show(in);

	if (strcmp(shown, want) != 0)
		fail_msg("`%.*s` gives `%s`, not `%s`", (int)in.len, in.data, shown, want);
	free(shown);
}

static const struct received_case server_cases[] = {
	/* Postfix */
	{ "from mail.example.org (mail.example.org [192.0.2.1])\r\n"
	  "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n"
	  "\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\r\n"
	  "\t(Client CN \"mail.example.org\", Issuer \"R3 (by Let's Encrypt)\" (verified OK))\r\n"
	  "\tby mx.isp.example (Postfix) with ESMTPS id 4F1A22C\r\n"
	  "\tfor <alice@office.example>; Tue, 24 Nov 2026 13:00:00 +0100 (CET)",
	  "mx.isp.example alice@office.example" },
	{ "from localhost (localhost [127.0.0.1])\r\n\tby mx.isp.example (Postfix) with ESMTP id 4F1A22C" DATE,
	  "mx.isp.example -" },
	{ "by mx.isp.example (Postfix, from userid 1000)\r\n\tid 4F1A22C" DATE, "mx.isp.example -" },
	{ "from a (unknown [IPv6:2001:db8::1]) (Authenticated sender: bob) by mx.isp.example (Postfix) with ESMTPSA id "
	  "A\r\n"
	  "\tfor <\"bob smith\"@office.example>" DATE,
	  "mx.isp.example \"bob smith\"@office.example" },
	{ "from a (a [192.0.2.1]) by mx.isp.example (Postfix) with LMTP id A for <\"x for <v@o>; "
	  "by\"@office.example>" DATE,
	  "mx.isp.example \"x for <v@o>; by\"@office.example" },
	{ "from localhost by localhost (amavisd-new, port 10024) with ESMTP id client-XXabc for "
	  "<al@office.example>" DATE,
	  "localhost al@office.example" },
	/* Exim */
	{ "from [192.0.2.1] (helo=pc.example)\r\n\tby mx.isp.example with esmtps  (TLS1.3) tls "
	  "TLS_AES_256_GCM_SHA384\r\n"
	  "\t(Exim 4.96)\r\n\t(envelope-from <eve@example.org>)\r\n\tid 1rABC-0001Xy-2z\r\n\tfor "
	  "alice@office.example" DATE,
	  "mx.isp.example alice@office.example" },
	{ "from [192.0.2.1] (helo=pc) by mx with esmtp (Exim 4.96) (envelope-from <\"x for "
	  "<victim@office.example>\"@e.example>)"
	  " id 1 for \"x for victim\"@office.example" DATE,
	  "mx \"x for victim\"@office.example" },
	{ "from bob by mx.isp.example with local (Exim 4.96) (envelope-from <bob@isp.example>) id 1 for "
	  "al@office.example" DATE,
	  "mx.isp.example al@office.example" },
	{ "from host.example.org ([192.0.2.1]:4711 helo=x.example ident=root) by mx.isp.example with smtp (Exim 3.12 "
	  "#1 "
	  "(Debian)) id 1" DATE,
	  "mx.isp.example -" },
	{ "from h ([192.0.2.1]) by mx with esmtp id 1 for a'b@office.example" DATE, "mx a'b@office.example" },
	/* sendmail */
	{ "from mail.example.org (mail.example.org [192.0.2.1] (may be forged))\r\n\t(authenticated bits=0)\r\n"
	  "\tby mx.isp.example (8.17.1/8.17.1) with ESMTPS id 3AOC0 (version=TLSv1.3 cipher=X bits=256 verify=NO)\r\n"
	  "\tfor <alice@office.example>" DATE,
	  "mx.isp.example alice@office.example" },
	{ "(from root@localhost)\r\n\tby mx.isp.example (8.17.1/8.17.1/Submit) id 3AOC0;\r\n\tTue, 24 Nov 2026 "
	  "13:00:00 GMT",
	  "mx.isp.example -" },
	{ "from a (a [192.0.2.1]) by mx (8.17) with ESMTP id 3 for <@a.example,@b.example:bob@office.example>" DATE,
	  "mx !" },
	{ "from a by mx with SMTP id 3 for <a@office.example>, <b@office.example>" DATE,
	  "mx a@office.example|b@office.example" },
	{ "from a by mx with SMTP id 3 for <a@office.example>,<b@office.example> , c@office.example" DATE,
	  "mx a@office.example|b@office.example|c@office.example" },
	{ "from a (b@a) by mx (5.65c/IDA-1.4.4 for <x@y>) id AA12345; Mon, 12 Jan 1990 10:00:00 -0500", "mx -" },
	/* qmail */
	{ "(qmail 1234 invoked by uid 0); 24 Nov 2026 12:00:00 -0000", "- -" },
	{ "(qmail 1234 invoked for bounce); 24 Nov 2026 12:00:00 -0000", "- -" },
	{ "from unknown (HELO pc.example) (192.0.2.1)\r\n  by mx.isp.example with SMTP; 24 Nov 2026 12:00:00 -0000",
	  "mx.isp.example -" },
	{ "from x.example (HELO x) (bob@192.0.2.1) (envelope-sender <e@example.org>) by mx (qmail-ldap-1.03) with "
	  "AES256-SHA encrypted SMTP for <al@office.example>; 24 Nov 2026 12:00:00 -0000",
	  "mx al@office.example" },
	{ "by simscan 1.4.0 ppid: 123, pid: 124, t: 0.2s scanners: clamav: 0.97/m:55 spam: 3.3.1; 24 Nov 2026 12:00:00 "
	  "-0000",
	  "simscan -" },
	{ "from x (HELO x) (192.0.2.1) by mx (qpsmtpd/0.84) with (ECDHE-RSA encrypted) ESMTPS; Tue, 24 Nov 2026",
	  "mx -" },
	/* Exchange */
	{ "from A.office.example (192.0.2.1) by B.office.example\r\n (192.0.2.2) with Microsoft SMTP Server "
	  "(version=TLS1_2,\r\n cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.6; Tue, 24 Nov 2026 "
	  "13:00:00 +0100",
	  "B.office.example -" },
	{ "from A (2001:db8::1) by B (2001:db8::2) with Microsoft SMTP Server id 15.20.1.2 via Frontend Transport" DATE,
	  "B -" },
	{ "from A by B with Microsoft SMTP Server (TLS) id 14.3.1 via Mailbox Transport" DATE, "B -" },
	{ "from A ([::1]) by B ([fe80::1%12]) with mapi id 14.03.0123.003" DATE, "B -" },
	{ "from mail pickup service by B with Microsoft SMTPSVC" DATE, "B -" },
	{ "from x ([192.0.2.1]) by B with Microsoft SMTPSVC(6.0.3790.4675)" DATE, "B -" },
	{ "from BLU123-W1 ([192.0.2.1]) by B over TLS secured channel with Microsoft SMTPSVC(7.5.7601.23143)" DATE,
	  "B -" },
	/* Others of today */
	{ "from localhost (localhost [127.0.0.1])\r\n  (AUTH: PLAIN bob, TLS: TLS1.3,256bits)\r\n  by mx.isp.example "
	  "with "
	  "ESMTPSA\r\n  id 00000000000A1B2C.656; Tue, 24 Nov 2026 13:00:00 +0100",
	  "mx.isp.example -" },
	{ "from pc.example (pc.example [192.0.2.1])\r\n\tby mx.isp.example (OpenSMTPD) with ESMTPS id 0f1e2d3c "
	  "(TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO) auth=yes user=bob\r\n\tfor <alice@office.example>;\r\n\tTue, 24 Nov "
	  "2026",
	  "mx.isp.example alice@office.example" },
	{ "by 2002:a05:6402:1234:b0:5a1:2345:6789 with SMTP id a1csp12345edx;\r\n        Tue, 24 Nov 2026 04:00:00 "
	  "-0800 (PST)",
	  "2002:a05:6402:1234:b0:5a1:2345:6789 -" },
	{ "from mail-sor-f41.google.example (mail-sor-f41.google.example. [192.0.2.1]) by mx.google.example with SMTPS "
	  "id a1sor "
	  "for <al@office.example> (Google Transport Security); Tue, 24 Nov 2026 04:00:00 -0800 (PST)",
	  "mx.google.example al@office.example" },
	{ "from x ([192.0.2.1]) by mx.isp.example (Lotus Domino Release 8.5.3FP6) with ESMTP id 2026112413000012-12345 "
	  "; "
	  "Tue, 24 Nov 2026 13:00:00 +0100",
	  "mx.isp.example -" },
	{ "from mx.isp.example ([unix socket])\r\n\t by imap.isp.example (Cyrus 3.6.1-Debian) with LMTPA;\r\n\t Tue, "
	  "24 Nov",
	  "imap.isp.example -" },
	{ "from mx.isp.example\r\n\tby imap.isp.example with LMTP\r\n\tid 8GZ+Aw==\r\n\t(envelope-from "
	  "<eve@example.org>)\r\n"
	  "\tfor <alice@office.example>; Tue, 24 Nov 2026 12:00:00 +0000",
	  "imap.isp.example alice@office.example" },
	{ "from [192.0.2.1] (pc [192.0.2.1]) by mx (Haraka/3.0.2) with ESMTPSA id 1-2-3.1 envelope-from <\"x for "
	  "v\"@e.example> "
	  "tls TLS_AES_256_GCM_SHA384 (authenticated bits=0)" DATE,
	  "mx -" },
	{ "from [192.0.2.1] (account bob HELO pc) by mx.isp.example (CommuniGate Pro SMTP 6.3) with ESMTP id 12 for "
	  "alice@office.example (account alice)" DATE,
	  "mx.isp.example alice@office.example" },
	{ "from x by mx (MDaemon PRO v23) with ESMTP id md50001234.msg for <al@office.example>" DATE,
	  "mx al@office.example" },
	{ "from x (x [192.0.2.1]) by mx.gmx.example (mxgmx005 [192.0.2.2]) with ESMTPS (Nemesis) id 0Lx for "
	  "<al@office.example>" DATE,
	  "mx.gmx.example al@office.example" },
	{ "from pop.isp.example by home.example with POP3 (fetchmail-6.4.37) for <al@localhost> (single-drop)" DATE,
	  "home.example al@localhost" },
	/* Two `from`, and the contract says what that is. */
	{ "from localhost by mx.isp.example with IBM ESMTP SMTP Gateway: Authorized Use Only! Violators will be "
	  "prosecuted "
	  "for <al@office.example> from <eve@example.org>" DATE,
	  "mx.isp.example fault" },
	{ "from localhost by mx.isp.example with mx.isp.example ESMTP for <al@office.example>" DATE,
	  "mx.isp.example al@office.example" },
	{ "from A (2603:10b6::31) by B with HTTPS id 12345 via C.PROD.EXAMPLE" DATE, "B -" },
	/* Old ones */
	{ "FROM gate.example BY mx.isp.example WITH ESMTP FOR <al@office.example>" DATE,
	  "mx.isp.example al@office.example" },
	{ "From a By mx With SMTP Id 1 For al" DATE, "mx al" },
	{ "from a by mx (PMDF V5.2-32 #123) with ESMTP id <0ABC@mx> for al@office.example (ORCPT "
	  "rfc822;al@office.example)" DATE,
	  "mx al@office.example" },
	{ "from a by mx via sendmail with smtp id <m0x@mx> for <al@office.example>; Mon, 1 Jan 1996 (Smail-3.2 by x)",
	  "mx al@office.example" },
	{ "from a (a [192.0.2.1]) by mx (950413.SGI/940406.SGI) via ESMTP for <al@office.example> id NAA12" DATE,
	  "mx al@office.example" },
	{ "from mta.example.org by mx.isp.example (Sun Java System Messaging Server 6.2-4.02 (built Sep  9 2005))\r\n "
	  "id "
	  "<0IZ@mx.isp.example> (original mail from Eve@Example.ORG) for al@office.example" DATE,
	  "mx.isp.example al@office.example" },
	{ "from a.example with LMTP by mx (3.0.2/sieved-3-0-build-942) for <al@office.example>" DATE,
	  "mx al@office.example" },
	{ "from spooler by mx.isp.example (Mercury/32 v4.01a) ID MO0072A1; 5 Jun 2006 11:50:08 -0400",
	  "mx.isp.example -" },
	{ "from ([192.0.2.1:50387] helo=x.example) by mx (ecelerity 2.1.1.3 r(11743)) with ESMTP id 80/0A-02454 for "
	  "<al@office.example>" DATE,
	  "mx al@office.example" },
	{ "from <unavailable> by mx (8.12.11/8.12.11) with ESMTP id k4 for <<al@office.example>>" DATE, "- fault" },
	{ "from a by mx via smtpd (for [192.0.2.7]) with SMTP" DATE, "mx -" },
	{ "from ([192.0.2.1]) by gate.example with ESMTP id 5" DATE, "gate.example -" },
	{ "from x [192.0.2.1] by mx with ESMTP (SMTPD32-7.07) id A123" DATE, "mx -" },
	{ "(at submit) by bugs.example" DATE, "bugs.example -" },
	{ "with ECARTIS (v1.0.0; list dev); Tue, 24 Nov 2026 13:00:00 +0100", "- -" },
	{ "by mx id aa12345 Mon, 12 Jan 90 10:00 EST", "mx -" },
};

static const struct received_case form_cases[] = {
	{ "", "- -" },
	{ ";", "- -" },
	{ "by mx", "mx -" },
	{ "by mx(Postfix) for al@o", "mx al@o" },
	{ "by [192.0.2.1] for <al@o>", "[192.0.2.1] al@o" },
	{ "by [IPv6:2001:db8::1] with SMTP for <al@o>" DATE, "[IPv6:2001:db8::1] al@o" },
	{ "by (at) mx.example. (b) for (c) <al@o> (d (e \\) f) g)", "mx.example. al@o" },
	{ "by mx (for <v@o>; by y (for v@o) \\) for v@o \\( ) for <al@o>", "mx al@o" },
	{ "by mx for <al@o> id 1 with SMTP from x via y" DATE, "mx al@o" },
	{ "for <al@o> by mx from x" DATE, "mx al@o" },
	{ "for al@o by mx" DATE, "mx al@o" },
	{ "by mx for <>" DATE, "mx <>" },
	{ "by mx for \"a;b (c) \\\" by\"@o" DATE, "mx \"a;b (c) \\\" by\"@o" },
	{ "by mx for <a;b@o>" DATE, "mx !" },
	{ "by mx for al@o; for-what; Tue, 24 Nov", "mx al@o" },
	{ "by mx forty <v@o> by-the-way format for<v@o>" DATE, "mx -" },
	{ "by mx for list:a@o,b@o" DATE, "mx !" },
	{ "by mx for undisclosed-recipients:" DATE, "mx !" },
	{ "by mx for <a@b@c>" DATE, "mx !" },
	{ "by mx for <a%b@o>" DATE, "mx !" },
	{ "by mx for <b!a@o>" DATE, "mx !" },
	{ "by mx for <a@o.>" DATE, "mx !" },
	{ "by mx for <bob smith@o>" DATE, "mx !" },
	{ "by mx for =?us-ascii?q?victim=40o?=" DATE, "mx !" },
	{ "by mx for <=?us-ascii?q?victim=40o?=>" DATE, "mx !" },
	{ "by mx =?us-ascii?q?for_victim=40o?=" DATE, "mx -" },
	{ "by mx for j\xc3\xbcrgen@o" DATE, "mx j\xc3\xbcrgen@o" },
	{ "by mx\xc2\xa0"
	  "for\xc2\xa0<v@o>" DATE,
	  "mx\xc2\xa0"
	  "for\xc2\xa0<v@o> -" },
};

/* None of them gives v@o. */
static const struct received_case forged_cases[] = {
	/* behind the date, in a line of the sender's that a server took for a continuation */
	{ "by mx; with SMTP; Tue, 24 Nov", "mx fault" },
	{ "from [192.0.2.1] by mx (OpenSMTPD) with ESMTP id 8eb34b3e; Tue, 24 Nov 2026 17:00:00 +0100 for <v@o>;"
	  " Tue, 24 Nov",
	  "mx fault" },
	/* A clause that stands twice, whoever wrote the second one. */
	{ "from x by v.example for v@o (rdns [192.0.2.1]) by mx (Postfix) with ESMTP id 1 for <al@o>" DATE, "- fault" },
	{ "from x by v.example for v@o (rdns [192.0.2.1]) by mx (Postfix) with ESMTP id 1" DATE, "- fault" },
	{ "from x by v.example (rdns [192.0.2.1]) by mx (Postfix) with ESMTP id 1 for <al@o>" DATE, "- fault" },
	{ "from x for v@o (rdns [192.0.2.1]) by mx (Postfix) with ESMTP id 1 for <al@o>" DATE, "mx fault" },
	{ "from x FOR v@o (rdns) BY mx with SMTP For <al@o>" DATE, "mx fault" },
	{ "by mx with SMTP id 1 for <al@o> for <v@o>" DATE, "mx fault" },
	{ "from x with y (rdns) by mx with SMTP for <al@o>" DATE, "mx fault" },
	{ "from x id y (rdns) by mx id 1 for <al@o>" DATE, "mx fault" },
	{ "from x via y (rdns) by mx via z for <al@o>" DATE, "mx fault" },
	{ "from x from y by mx for <al@o>" DATE, "mx fault" },
	{ "by mx for <al@o>; for <v@o>", "mx fault" },
	{ "from x; by v.example for v@o; (rdns) by mx with SMTP" DATE, "- fault" },
	/* With several recipients the server writes no `for` of its own. */
	{ "from x for v@o (rdns [192.0.2.1]) by mx (Postfix) with ESMTP id 1" DATE, "mx fault" },
	{ "from x; for v@o (rdns) by mx (Postfix) with ESMTP id 1" DATE, "mx fault" },
	{ "from [192.0.2.1] (helo=x) for v@o (y) by mx with esmtp id 1" DATE, "mx fault" },
	{ "(helo=x) for v@o (y) by mx with esmtp id 1" DATE, "mx fault" },
	{ "x for v@o by mx with esmtp id 1" DATE, "mx fault" },
	{ "by mx with SMTP from x for v@o" DATE, "mx fault" },
	/* A clause word for a name. */
	{ "from by v.example (rdns) by mx for <al@o>" DATE, "- fault" },
	{ "from by by mx" DATE, "- fault" },
	{ "from by (rdns) by mx for <al@o>" DATE, "- fault" },
	{ "from for (rdns) by mx for <al@o>" DATE, "mx fault" },
	{ "from for v@o (rdns) by mx with SMTP" DATE, "mx fault" },
	{ "from x by with SMTP for <al@o>" DATE, "- fault" },
	{ "from x by (mx) for <al@o>" DATE, "- fault" },
	{ "from x by mx for by" DATE, "- fault" },
	{ "from x by mx for a@o, with SMTP" DATE, "mx fault" },
	{ "from x by mx for" DATE, "mx fault" },
	{ "from x by mx for (v@o)" DATE, "mx fault" },
	{ "from x by mx for a@o," DATE, "mx fault" },
	{ "from x by" DATE, "- fault" },
	{ "from x by mx id" DATE, "mx fault" },
	/* More than addresses behind `for`. */
	{ "by mx for <a@o> <v@o>" DATE, "mx fault" },
	{ "by mx for a@o v@o" DATE, "mx fault" },
	{ "by mx for bob smith@o" DATE, "mx fault" },
	{ "by mx for Bob <v@o>" DATE, "mx fault" },
	{ "by mx for al(x)@o" DATE, "mx fault" },
	{ "by mx for <al@o> Tue, 24 Nov 2026", "mx fault" },
	/* A HELO text or sender that was copied into a comment without its quoting. */
	{ "from [192.0.2.1] (helo=x) by v.example for v@o (y) by mx with esmtp id 1 for al@o" DATE, "- fault" },
	{ "by mx (envelope-from <\"x) for v@o (\"@e.example>) id 1" DATE, "- fault" },
	{ "by mx (envelope-from <\"x) for v@o (\"@e.example>) id 1 for al@o" DATE, "- fault" },
	{ "by mx (envelope-from <x) for v@o (y@e.example>) id 1" DATE, "- fault" },
	{ "(helo=x) by v.example for v@o (\\)\r\n\tby mx with esmtp (Exim 4.96)\r\n\t(envelope-from "
	  "<\")\"@e.example>)\r\n"
	  "\tid 1" DATE,
	  "- fault" },
	{ "(helo=x) by v.example for v@o (()\r\n\tby mx with esmtp (Exim 4.96)\r\n\t(envelope-from "
	  "<\")\"@e.example>)\r\n"
	  "\tid 1" DATE,
	  "- fault" },
	{ "(helo=x) by v.example for v@o (<()\r\n\tby mx with esmtp (Exim 4.96)\r\n\t(envelope-from "
	  "<\")\"@e.example>)\r\n"
	  "\tid 1" DATE,
	  "- fault" },
	{ "(helo=x) by v.example for v@o (<(>)\r\n\tby mx with esmtp (Exim 4.96)\r\n\t(envelope-from "
	  "<\")\"@e.example>)\r\n"
	  "\tid 1" DATE,
	  "- fault" },
	{ "(helo=x) by v.example for v@o (<\\)\r\n\tby mx with esmtp (Exim 4.96)\r\n\t(envelope-from <)@e.example>)\r\n"
	  "\tid 1" DATE,
	  "- fault" },
	{ "(helo=x) by v.example for v@o (\\)\r\n\tby mx with esmtp (Exim 4.96) id 1 for \")\"@o" DATE, "- fault" },
	{ "(helo=x) by v.example for v@o \"( \\)\r\n\tby mx with esmtp (Exim 4.96)\r\n\t(envelope-from <\"(\\\" "
	  "\"@e.example>)\r\n"
	  "\tid 1" DATE,
	  "- fault" },
	{ "from x by v.example for v@o ( (rdns) by mx with SMTP id 1" DATE, "- fault" },
	{ "from x by v.example for v@o \" (rdns) by mx with SMTP id 1" DATE, "- fault" },
	{ "from x by v.example for v@o <(rdns) by mx with SMTP id 1 for <al@o>" DATE, "- fault" },
	{ "from x by v.example for v@o <y by mx with SMTP id 1 for <al@o>" DATE, "- fault" },
	{ "from x) by mx with SMTP id 1 for <al@o>" DATE, "- fault" },
	{ "from x> by mx with SMTP id 1 for <al@o>" DATE, "- fault" },
	{ "from x\\ by mx with SMTP id 1 for <al@o>" DATE, "- fault" },
	/* What does not end. */
	{ "by mx for <v@o> (x", "- fault" },
	{ "by mx for <v@o> (x\\", "- fault" },
	{ "by mx for <v@o> (x\\)", "- fault" },
	{ "by mx for <v@o", "- fault" },
	{ "by mx for <v(>)@o>" DATE, "- fault" },
	{ "by mx for <v\\>@o>" DATE, "- fault" },
	{ "by mx for <\"v@o>" DATE, "- fault" },
	{ "by mx for \"v\\\"@o" DATE, "- fault" },
	{ "by mx for <v@o>" DATE " \"", "- fault" },
	/* Line ends that are no folding. */
	{ "by mx for <v@o>\nid 1" DATE, "- fault" },
	{ "by mx\n for <v@o>" DATE, "- fault" },
	{ "by mx\rfor <v@o>" DATE, "- fault" },
	{ "by mx\r\nfor <v@o>" DATE, "- fault" },
	{ "by mx (x\r\nfor <v@o>)" DATE, "- fault" },
	{ "by mx\vfor <v@o>" DATE, "- fault" },
	{ "by mx\x7f for <v@o>" DATE, "- fault" },
	{ "by mx for <v@o>" DATE "\r", "- fault" },
};

struct table {
	const struct received_case *cases;
	size_t count;
};

#define TABLE(cases)                                                                                                   \
	{                                                                                                              \
		cases, sizeof(cases) / sizeof(*(cases))                                                                \
	}

static const struct table tables[] = { TABLE(server_cases), TABLE(form_cases), TABLE(forged_cases) };

static void for_each_case(void (*run)(const struct received_case *one))
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		for (size_t k = 0; k < tables[i].count; k++)
			run(&tables[i].cases[k]);
	}
}

static void check_plain(const struct received_case *one)
{
	check(span_of(one->in), one->want);
}

static void check_folded(const struct received_case *one)
{
	struct strbuf folded = { 0 };

	for (const char *at = one->in; *at != '\0'; at++) {
		if (*at == ' ' && (at == one->in || at[-1] != '\n'))
			strbuf_add_str(&folded, "\r\n");
		strbuf_add_byte(&folded, *at);
	}
	check(strbuf_span(&folded), one->want);
	strbuf_free(&folded);
}

static void check_in_header(const struct received_case *one)
{
	struct strbuf text = { 0 };
	struct header header;

	strbuf_addf(&text, "Received: %s\r\nSubject: x\r\n\r\n", one->in);
	header_parse(&header, strbuf_span(&text), false);
	if (header.count == 2)
		check(header.fields[0].value, one->want);
	header_free(&header);
	strbuf_free(&text);
}

/* Nothing is read behind the end: the copy has nothing there. */
static void check_cut(const struct received_case *one)
{
	size_t len = strlen(one->in);

	for (size_t cut = 1; cut < len; cut++) {
		char *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, one->in, cut);
		free(show(span_make(copy, cut)));
		free(copy);
	}
}

static void fields(void **state)
{
	(void)state;
	for_each_case(check_plain);
}

static void folding_changes_nothing(void **state)
{
	(void)state;
	for_each_case(check_folded);
}

static void as_header_values(void **state)
{
	(void)state;
	for_each_case(check_in_header);
}

static void cut_fields(void **state)
{
	(void)state;
	for_each_case(check_cut);
}

static void nul_is_a_fault(void **state)
{
	(void)state;
	check(SPAN("by mx for <al@o>\0" DATE), "- fault");
	check(SPAN("by mx\0 for <v@o>" DATE), "- fault");
	check(SPAN("from x\0by mx for <v@o>" DATE), "- fault");
	check(SPAN("by mx for <v@o\0>" DATE), "- fault");
}

static void nesting_has_a_limit(void **state)
{
	struct strbuf value = { 0 };

	(void)state;
	for (int depth = 1; depth <= ADDRESS_COMMENT_DEPTH_MAX + 1; depth++) {
		strbuf_clear(&value);
		strbuf_add_str(&value, "by mx ");
		for (int i = 0; i < depth; i++)
			strbuf_add_byte(&value, '(');
		for (int i = 0; i < depth; i++)
			strbuf_add_byte(&value, ')');
		strbuf_add_str(&value, " for al@o" DATE);
		check(strbuf_span(&value), depth <= ADDRESS_COMMENT_DEPTH_MAX ? "mx al@o" : "- fault");
	}
	strbuf_free(&value);
}

static void large_fields(void **state)
{
	struct strbuf value = { 0 };
	struct received received;

	(void)state;
	strbuf_add_str(&value, "by mx for <a@o>");
	while (value.len < HEADER_FIELD_MAX - 16)
		strbuf_add_str(&value, ",\r\n <a@o>");
	received_parse(&received, strbuf_span(&value));
	assert_null(received.fault);
	assert_string_equal(received.by, "mx");
	assert_true(strlen(received.recipients) < value.len);
	received_free(&received);
	for (const char *unit = "(<\\; ,"; *unit != '\0'; unit++) {
		strbuf_clear(&value);
		strbuf_add_str(&value, "by mx for ");
		while (value.len < HEADER_FIELD_MAX)
			strbuf_add_byte(&value, *unit);
		received_parse(&received, strbuf_span(&value));
		assert_non_null(received.fault);
		assert_null(received.recipients);
		received_free(&received);
	}
	strbuf_free(&value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),           cmocka_unit_test(folding_changes_nothing),
		cmocka_unit_test(as_header_values), cmocka_unit_test(cut_fields),
		cmocka_unit_test(nul_is_a_fault),   cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(large_fields),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
