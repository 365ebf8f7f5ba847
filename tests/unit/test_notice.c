/* SPDX-License-Identifier: ISC
 *
 * mail/: what the mails that we write say, and who may be sent a bounce.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/notice.h"
#include "multidropd/str.h"

#define BOUNDARY "=_multidropd-a1b2c3"

static const char message[] = "From alice Tue Nov 24 2026\r\n"
			      "Received: from a by b;\r\n"
			      "\tTue, 24 Nov 2026 13:00:00 +0000\r\n"
			      "From: Carol <carol@else.example>\r\n"
			      "To: bob@office.example,\r\n"
			      "\tdave@office.example\r\n"
			      "Subject: Lunch\r\n"
			      " on Friday\r\n"
			      "Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
			      "Message-ID: <1234@else.example>\r\n"
			      "\r\n";

static const struct notice_refusal refusals[] = {
	{ "bob@office.example", NULL, "550 5.1.1 <bob@office.example>: User unknown" },
	{ "box+dave@office.example", "dave@office.example", "452 4.2.2 The mailbox is full" },
	{ "j\xc3\xbcrgen+x@office.example", NULL, "8-bit address, and the relay has no SMTPUTF8" },
};

struct fixture {
	struct header header;
	struct notice_facts facts;
	struct strbuf out;
};

static void begin(struct fixture *fixture, const char *text)
{
	*fixture = (struct fixture){ 0 };
	header_parse(&fixture->header, span_of(text), false);
	fixture->facts = (struct notice_facts){
		.hostname = "mail.office.example",
		.account = "office",
		.postmaster = "postmaster@office.example",
		.server = "pop.isp.example",
		.relay = "office",
		.relay_host = "mx.office.example:25",
		.uid = SPAN("UID 42"),
		.size = 12345,
		.limit = 10000,
		.sender = "carol@else.example",
		.header = &fixture->header,
		.token = "a1b2c3",
		.wall_s = 1795525200,
		.refusals = refusals,
		.refusal_count = 3,
	};
}

static void end(struct fixture *fixture)
{
	header_free(&fixture->header);
	strbuf_free(&fixture->out);
}

static size_t count(const char *text, const char *what)
{
	size_t number = 0;

	while ((text = strstr(text, what)) != NULL) {
		number++;
		text += strlen(what);
	}
	return number;
}

static void check_has(const struct strbuf *out, const char *const *wanted, size_t wanted_count)
{
	for (size_t i = 0; i < wanted_count; i++) {
		if (strstr(strbuf_str(out), wanted[i]) == NULL)
			fail_msg("no \"%s\" in:\n%s", wanted[i], strbuf_str(out));
	}
}

#define CHECK_HAS(out, ...)                                                                                            \
	check_has(out, (const char *const[]){ __VA_ARGS__ },                                                           \
	          sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void copy(void **state)
{
	struct fixture fixture;
	struct strbuf suffix = { 0 };

	(void)state;
	begin(&fixture, message);
	notice_copy(&fixture.facts, &fixture.out, &suffix);
	CHECK_HAS(&fixture.out,
	          "From: Mail Delivery System <MAILER-DAEMON@mail.office.example>\r\n"
	          "To: <postmaster@office.example>\r\n"
	          "Subject: Undelivered: Lunch on Friday\r\n"
	          "Date: Tue, 24 Nov 2026 13:00:00 +0000\r\n"
	          "Message-ID: <a1b2c3@mail.office.example>\r\n"
	          "Auto-Submitted: auto-generated\r\n"
	          "MIME-Version: 1.0\r\n"
	          "Content-Type: multipart/mixed;\r\n boundary=\"" BOUNDARY "\"\r\n"
	          "Content-Transfer-Encoding: 8bit\r\n\r\n",
	          "  bob@office.example\r\n    550 5.1.1 <bob@office.example>: User unknown\r\n",
	          "  box+dave@office.example\r\n    addressed as dave@office.example\r\n    452 4.2.2 The mailbox is "
	          "full",
	          "  j=C3=BCrgen+x@office.example\r\n", "these 3 recipients:\r\n", "mx.office.example:25",
	          "  From:       Carol <carol@else.example>\r\n"
	          "  To:         bob@office.example, dave@office.example\r\n"
	          "  Subject:    Lunch on Friday\r\n"
	          "  Date:       Tue, 24 Nov 2026 12:00:00 +0000\r\n"
	          "  Message-ID: <1234@else.example>\r\n"
	          "  Size:       12345 bytes\r\n"
	          "  Sender:     carol@else.example\r\n"
	          "  Account:    office\r\n"
	          "  Server:     pop.isp.example\r\n"
	          "  UID:        UID 42\r\n",
	          "\r\n--" BOUNDARY "\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"
	          "Content-Disposition: attachment; filename=\"message.eml\"\r\n\r\n");
	assert_int_equal(count(strbuf_str(&fixture.out), "\r\n--" BOUNDARY "\r\n"), 2);
	assert_string_equal(fixture.out.data + fixture.out.len - 4, "\r\n\r\n");
	assert_string_equal(strbuf_str(&suffix), "\r\n--" BOUNDARY "--\r\n");
	strbuf_free(&suffix);
	end(&fixture);
}

static void bounce(void **state)
{
	struct fixture fixture;

	(void)state;
	begin(&fixture, message);
	notice_bounce(&fixture.facts, &fixture.out);
	CHECK_HAS(&fixture.out,
	          "To: <carol@else.example>\r\n"
	          "Subject: Undelivered: Lunch on Friday\r\n",
	          "Auto-Submitted: auto-replied\r\n",
	          "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" BOUNDARY "\"\r\n",
	          "  dave@office.example\r\n    452 4.2.2 The mailbox is full", "  postmaster@office.example\r\n",
	          "Content-Type: message/delivery-status\r\n\r\n"
	          "Reporting-MTA: dns; mail.office.example\r\n"
	          "\r\n"
	          "Final-Recipient: rfc822; bob@office.example\r\n"
	          "Action: failed\r\n"
	          "Status: 5.1.1\r\n"
	          "Remote-MTA: dns; mx.office.example\r\n"
	          "Diagnostic-Code: smtp; 550 5.1.1 <bob@office.example>: User unknown\r\n"
	          "\r\n"
	          "Original-Recipient: rfc822; dave@office.example\r\n"
	          "Final-Recipient: rfc822; box+dave@office.example\r\n"
	          "Action: failed\r\n"
	          "Status: 4.2.2\r\n"
	          "Remote-MTA: dns; mx.office.example\r\n"
	          "Diagnostic-Code: smtp; 452 4.2.2 The mailbox is full\r\n"
	          "\r\n"
	          "Final-Recipient: utf-8; j\\x{FC}rgen\\x{2B}x@office.example\r\n"
	          "Action: failed\r\n"
	          "Status: 5.0.0\r\n"
	          "Diagnostic-Code: x-multidropd; 8-bit address, and the relay has no\r\n"
	          " SMTPUTF8\r\n"
	          "\r\n--" BOUNDARY "\r\n"
	          "Content-Type: text/rfc822-headers; charset=us-ascii\r\n"
	          "Content-Transfer-Encoding: 7bit\r\n\r\n"
	          "Received: from a by b;\r\n");
	assert_int_equal(count(strbuf_str(&fixture.out), "\r\n--" BOUNDARY "\r\n"), 3);
	assert_int_equal(count(strbuf_str(&fixture.out), "\r\n--" BOUNDARY "--\r\n"), 1);
	/* What the sender has no use for, and what he did not write. */
	assert_null(strstr(fixture.out.data, "UID 42"));
	assert_null(strstr(fixture.out.data, "From alice"));
	end(&fixture);
}

static void kept(void **state)
{
	static const struct {
		enum notice_kept kept;
		const char *says;
	} cases[] = {
		{ NOTICE_KEPT_REFUSED, "452 4.2.2 The mailbox is full" },
		{ NOTICE_KEPT_FALLBACK, "`fallback = keep`" },
		{ NOTICE_KEPT_LOOP, "loop" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture fixture;

		begin(&fixture, message);
		notice_kept(&fixture.facts, cases[i].kept, "no field was\nthere", &fixture.out);
		CHECK_HAS(&fixture.out,
		          "To: <postmaster@office.example>\r\nSubject: Left on the server: Lunch on Friday\r\n",
		          "Auto-Submitted: auto-generated\r\n", "Content-Type: text/plain; ", cases[i].says,
		          "  no field was\\x0athere\r\n", "  UID:        UID 42\r\n");
		assert_int_equal(count(fixture.out.data, "The relay was \""),
		                 cases[i].kept == NOTICE_KEPT_REFUSED);
		strbuf_clear(&fixture.out);
		notice_kept(&fixture.facts, cases[i].kept, NULL, &fixture.out);
		assert_null(strstr(fixture.out.data, "In detail"));
		end(&fixture);
	}
}

static void kept_unread(void **state)
{
	struct fixture fixture;

	(void)state;
	begin(&fixture, "");
	fixture.facts.sender = "";
	fixture.facts.refusal_count = 1;
	notice_kept(&fixture.facts, NOTICE_KEPT_SIZE, NULL, &fixture.out);
	CHECK_HAS(&fixture.out, "To: <postmaster@office.example>\r\nSubject: Left on the server: a large message\r\n",
	          "It has 12345 bytes, and the `max_size` of this account is 10000.", "(TOP)", "larger `max_size`",
	          "The message:\r\n\r\n  Size:       12345 bytes\r\n  Account:    office\r\n"
	          "  Server:     pop.isp.example\r\n  UID:        UID 42\r\n");
	assert_null(strstr(fixture.out.data, "The refusal came from"));
	end(&fixture);
}

static void too_large(void **state)
{
	struct fixture fixture;

	(void)state;
	begin(&fixture, message);
	fixture.facts.recipient = "bob@office.example";
	notice_size(&fixture.facts, &fixture.out);
	CHECK_HAS(
		&fixture.out,
		"From: Mail Delivery System <MAILER-DAEMON@mail.office.example>\r\n"
		"To: <bob@office.example>\r\n"
		"Subject: Too large, left on the server: Lunch on Friday\r\n",
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n",
		"12345 bytes", "10000", "pop.isp.example", "\"office\"", "ask postmaster@office.example",
		"  From:       Carol <carol@else.example>\r\n", "  Size:       12345 bytes\r\n",
		"  UID:        UID 42\r\n");
	strbuf_clear(&fixture.out);
	fixture.facts.recipient = NULL;
	notice_size(&fixture.facts, &fixture.out);
	CHECK_HAS(&fixture.out, "To: undisclosed-recipients:;\r\n");
	end(&fixture);
}

/* Below a header that is there already. */
static void in_place_of_the_body(void **state)
{
	struct fixture fixture;

	(void)state;
	begin(&fixture, message);
	fixture.facts.account = "b\xc3\xbcro";
	strbuf_add_str(&fixture.out, "Subject: Lunch\r\n");
	notice_body(&fixture.facts, &fixture.out);
	CHECK_HAS(&fixture.out,
	          "Subject: Lunch\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	          "Content-Transfer-Encoding: quoted-printable\r\n\r\nThis is only the header",
	          "12345 bytes", "10000", "ask postmaster@office.example",
	          "  Size:       12345 bytes\r\n  Account:    b=C3=BCro\r\n", "  UID:        UID 42\r\n");
	assert_null(strstr(fixture.out.data, "carol"));
	end(&fixture);
}

/* Nobody has refused, no domain, no header at all. */
static void little_is_known(void **state)
{
	struct notice_refusal refusal = { "bob@office.example", NULL, NULL };
	struct fixture fixture;
	struct strbuf suffix = { 0 };

	(void)state;
	begin(&fixture, "");
	fixture.facts.relay = NULL;
	fixture.facts.postmaster = "postmaster";
	fixture.facts.sender = "";
	fixture.facts.uid = SPAN("");
	fixture.facts.refusals = &refusal;
	fixture.facts.refusal_count = 1;
	notice_copy(&fixture.facts, &fixture.out, &suffix);
	CHECK_HAS(&fixture.out, "To: <postmaster@mail.office.example>\r\nSubject: Undelivered: (no subject)\r\n",
	          "this recipient:\r\n", "  (no reason given)", "charset=us-ascii", "  Subject:    (none)\r\n",
	          "  Sender:     (none)\r\n", "  UID:        (none)\r\n");
	assert_null(strstr(fixture.out.data, "The relay was \""));
	strbuf_clear(&fixture.out);
	notice_bounce(&fixture.facts, &fixture.out);
	CHECK_HAS(&fixture.out, "To: undisclosed-recipients:;\r\n",
	          "Final-Recipient: rfc822; bob@office.example\r\nAction: failed\r\nStatus: 5.0.0\r\n\r\n--");
	strbuf_free(&suffix);
	end(&fixture);
}

static const struct {
	const char *reply;
	const char *relay;
	const char *want;
} status_cases[] = {
	{ "550 5.7.1 no", "mx.example",
	  "Status: 5.7.1\r\nRemote-MTA: dns; mx.example\r\nDiagnostic-Code: smtp; 550 5.7.1 no\r\n" },
	{ "550-5.7.1 no", NULL, "Status: 5.7.1\r\nDiagnostic-Code: smtp; 550-5.7.1 no\r\n" },
	{ "550 5.7.123", NULL, "Status: 5.7.123\r\nDiag" },
	{ "550 4.7.1 no", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550 5.7 no", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550 5.7.1234", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550 5.7.1x", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550 5..1", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550 5.7.", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550 5.", NULL, "Status: 5.0.0\r\nDiag" },
	{ "550", NULL, "Status: 5.0.0\r\nDiagnostic-Code: smtp; 550\r\n" },
	{ "450 try later", NULL, "Status: 4.4.7\r\nDiag" },
	{ "450 5.1.1 x", NULL, "Status: 4.4.7\r\nDiag" },
	{ "4500 x", NULL, "Status: 5.0.0\r\nDiagnostic-Code: x-multidropd; 4500 x\r\n" },
	{ "250 2.0.0 x", NULL, "Status: 5.0.0\r\nDiagnostic-Code: x-multidropd; 250" },
	{ "too large", "mx.example", "Status: 5.0.0\r\nDiagnostic-Code: x-multidropd; too large\r\n" },
	{ "", "mx.example", "Status: 5.0.0\r\n\r\n--" },
	{ "550 x", "127.0.0.1:25", "Status: 5.0.0\r\nDiag" },
	{ "550 x", "[::1]:25", "Status: 5.0.0\r\nDiag" },
	{ "550 x", "unix:/run/lmtp", "Status: 5.0.0\r\nDiag" },
	{ "550 x", "office", "Status: 5.0.0\r\nDiag" },
	{ "550 x", "mx.example\r\nX: y", "Status: 5.0.0\r\nDiag" },
	{ "550 \xc3\xbc\t\x1b", NULL, "Diagnostic-Code: smtp; 550 ?? ?\r\n" },
};

static void statuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(status_cases) / sizeof(*status_cases); i++) {
		struct notice_refusal refusal = { "a@b", NULL, status_cases[i].reply };
		struct fixture fixture;

		begin(&fixture, message);
		fixture.facts.relay_host = status_cases[i].relay;
		fixture.facts.refusals = &refusal;
		fixture.facts.refusal_count = 1;
		notice_bounce(&fixture.facts, &fixture.out);
		CHECK_HAS(&fixture.out, status_cases[i].want);
		end(&fixture);
	}
}

static const struct {
	const char *header;
	const char *want;
} subject_cases[] = {
	{ "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?utf-8?Q?_a?=\r\n",
	  "Subject: Undelivered: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?utf-8?Q?_a?=\r\n" },
	{ "Subject: a\xc3\xbc\x1b\x7f z\r\n", "Subject: Undelivered: a???? z\r\n" },
	{ "Subject:\r\n\t \r\n", "Subject: Undelivered: (no subject)\r\n" },
	{ "Subject: a\r\n\tb\r\n   c\r\n", "Subject: Undelivered: a b c\r\n" },
};

static void subjects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(subject_cases) / sizeof(*subject_cases); i++) {
		struct fixture fixture;

		begin(&fixture, subject_cases[i].header);
		notice_kept(&fixture.facts, NOTICE_KEPT_LOOP, NULL, &fixture.out);
		strbuf_clear(&fixture.out);
		notice_bounce(&fixture.facts, &fixture.out);
		CHECK_HAS(&fixture.out, subject_cases[i].want);
		end(&fixture);
	}
}

/* An encoded word is left out whole, never cut. */
static void long_subjects(void **state)
{
	char word[300];
	char *text, *wanted;
	struct fixture fixture;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	text = str_format("Subject: %s\r\n", word);
	begin(&fixture, text);
	notice_bounce(&fixture.facts, &fixture.out);
	word[200] = '\0';
	CHECK_HAS(&fixture.out, "Subject: Undelivered:\r\n x");
	wanted = str_format("\r\n %s\r\nDate:", word);
	CHECK_HAS(&fixture.out, wanted);
	free(wanted);
	end(&fixture);
	free(text);
	memcpy(word + 190, "?=", 3);
	text = str_format("Subject: short =?utf-8?Q?%s\r\n", word);
	begin(&fixture, text);
	notice_bounce(&fixture.facts, &fixture.out);
	CHECK_HAS(&fixture.out, "Subject: Undelivered: short ...\r\n");
	end(&fixture);
	free(text);
}

/* Only what is sure to be an address is put into the header. */
static void addresses(void **state)
{
	static const struct {
		const char *sender;
		const char *want;
	} cases[] = {
		{ "\"a b\"@c.example", "\r\nTo: <\"a b\"@c.example>\r\n" },
		{ "a", "\r\nTo: undisclosed-recipients:;\r\n" },
		{ "a@b, c@d", "\r\nTo: undisclosed-recipients:;\r\n" },
		{ "a@b\r\nBcc: c@d", "\r\nTo: undisclosed-recipients:;\r\n" },
		{ "j\xc3\xbcrgen@b", "\r\nTo: undisclosed-recipients:;\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture fixture;

		begin(&fixture, message);
		fixture.facts.sender = cases[i].sender;
		notice_bounce(&fixture.facts, &fixture.out);
		CHECK_HAS(&fixture.out, cases[i].want);
		end(&fixture);
	}
}

static const struct {
	const char *sender;
	const char *header;
	bool may;
} may_cases[] = {
	{ "a@b", "Subject: x\r\n", true },
	{ "a@b", "", true },
	{ "", "Subject: x\r\n", false },
	{ NULL, "", false },
	{ "<>", "", false },
	{ "@b", "", false },
	{ "MAILER-DAEMON", "", false },
	{ "mailer-daemon@b", "", false },
	{ "mailer-daemons@b", "", true },
	{ "owner-list@b", "", false },
	{ "list-Request@b", "", false },
	{ "requests@b", "", true },
	{ "a@list-request", "", true },
	{ "a@b", "Precedence: bulk\r\n", false },
	{ "a@b", "PRECEDENCE:\r\n\tList (x)\r\n", false },
	{ "a@b", "Precedence:junk\r\n", false },
	{ "a@b", "Precedence: first-class\r\n", true },
	{ "a@b", "Precedence: special\r\nPrecedence: bulk\r\n", false },
	{ "a@b", "X-Precedence: bulk\r\n", true },
	{ "a@b", "Auto-Submitted: no\r\n", true },
	{ "a@b", "Auto-Submitted: No; x=y\r\n", true },
	{ "a@b", "Auto-Submitted: no (really)\r\n", true },
	{ "a@b", "Auto-Submitted: auto-generated\r\n", false },
	{ "a@b", "Auto-Submitted: auto-replied; owner=x\r\n", false },
	{ "a@b", "Auto-Submitted: none\r\n", false },
	{ "a@b", "Auto-Submitted:\r\n", false },
	{ "a@b", "List-Id: <x.y>\r\n", false },
	{ "a@b", "list-unsubscribe: <mailto:x@y>\r\n", false },
	{ "a@b", "no colon\r\nList-Id: <x.y>\r\n", false },
	{ "a@b", "List-Id : <x.y>\r\n", true },
	{ "a@b", "\r\nList-Id: <x.y>\r\n", true },
};

static void may_bounce(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(may_cases) / sizeof(*may_cases); i++) {
		struct header header;

		header_parse(&header, span_of(may_cases[i].header), false);
		if (notice_may_bounce(&header, may_cases[i].sender) != may_cases[i].may)
			fail_msg("%zu: %s %s", i, may_cases[i].sender, may_cases[i].header);
		header_free(&header);
	}
}

static int set_zone(void **state)
{
	(void)state;
	return setenv("TZ", "UTC", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy),      cmocka_unit_test(bounce),
		cmocka_unit_test(kept),      cmocka_unit_test(kept_unread),
		cmocka_unit_test(too_large), cmocka_unit_test(in_place_of_the_body),
		cmocka_unit_test(statuses),  cmocka_unit_test(little_is_known),
		cmocka_unit_test(subjects),  cmocka_unit_test(may_bounce),
		cmocka_unit_test(addresses), cmocka_unit_test(long_subjects),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("notice", tests, set_zone, NULL);
}
