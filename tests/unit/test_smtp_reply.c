/* SPDX-License-Identifier: ISC
 *
 * Replies, and the extensions in the answer to EHLO.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/smtp/reply.h"
#include "multidropd/mem.h"
#include "multidropd/relay.h"

#define LINES_MAX 4

static const struct {
	const char *lines[LINES_MAX];
	enum smtp_reply_state state;
	int code;
	const char *enhanced;
	const char *text;
} replies[] = {
	{ { "250 2.1.0 Ok" }, SMTP_REPLY_COMPLETE, 250, "2.1.0", "250 2.1.0 Ok" },
	{ { "250" }, SMTP_REPLY_COMPLETE, 250, "", "250" },
	{ { "250 " }, SMTP_REPLY_COMPLETE, 250, "", "250" },
	{ { "250-" }, SMTP_REPLY_MORE, 250, "", "250" },
	{ { "571 no" }, SMTP_REPLY_COMPLETE, 571, "", "571 no" },
	{ { "220-first", "220 second" }, SMTP_REPLY_COMPLETE, 220, "", "220 first second" },
	{ { "550-5.1.1 Mailbox unknown.", "550-5.1.1 Please ask", "550 5.1.1 somebody." },
	  SMTP_REPLY_COMPLETE,
	  550,
	  "5.1.1",
	  "550 5.1.1 Mailbox unknown. Please ask somebody." },
	{ { "550-5.1.1", "550 5.1.1" }, SMTP_REPLY_COMPLETE, 550, "5.1.1", "550 5.1.1" },
	{ { "550-5.1.1 one", "550 5.7.1 two" }, SMTP_REPLY_COMPLETE, 550, "5.1.1", "550 5.1.1 one 5.7.1 two" },
	{ { "550 5.123.456" }, SMTP_REPLY_COMPLETE, 550, "5.123.456", "550 5.123.456" },
	/* no enhanced codes */
	{ { "550 4.1.1 class" }, SMTP_REPLY_COMPLETE, 550, "", "550 4.1.1 class" },
	{ { "550 5.1234.1 x" }, SMTP_REPLY_COMPLETE, 550, "", "550 5.1234.1 x" },
	{ { "550 5.1.x" }, SMTP_REPLY_COMPLETE, 550, "", "550 5.1.x" },
	{ { "550 5.1.1x" }, SMTP_REPLY_COMPLETE, 550, "", "550 5.1.1x" },
	{ { "550 5.1." }, SMTP_REPLY_COMPLETE, 550, "", "550 5.1." },
	{ { "550 5.1" }, SMTP_REPLY_COMPLETE, 550, "", "550 5.1" },
	/* not replies */
	{ { "" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "25" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "2500 x" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "250+x" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "150 x" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "650 x" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "+OK POP3" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { " 250 x" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "250-x", "251 y" }, SMTP_REPLY_BROKEN, 0, "", NULL },
	{ { "250-x", "y" }, SMTP_REPLY_BROKEN, 0, "", NULL },
};

static void reads_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		enum smtp_reply_state result = SMTP_REPLY_MORE;
		struct smtp_reply reply = { 0 };
		struct span text;

		for (size_t n = 0; n < LINES_MAX && replies[i].lines[n] != NULL; n++) {
			assert_int_equal(result, SMTP_REPLY_MORE);
			result = smtp_reply_add(&reply, span_of(replies[i].lines[n]), &text);
		}
		assert_int_equal(result, replies[i].state);
		if (replies[i].text != NULL) {
			assert_int_equal(reply.code, replies[i].code);
			assert_string_equal(reply.enhanced, replies[i].enhanced);
			assert_string_equal(strbuf_str(&reply.text), replies[i].text);
		}
		smtp_reply_clear(&reply);
		assert_int_equal(reply.lines, 0);
		strbuf_free(&reply.text);
	}
}

static void bounds_replies(void **state)
{
	char line[RELAY_REPLY_LINE_MAX];
	struct smtp_reply reply = { 0 };
	struct span text;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	for (unsigned i = 0; i < RELAY_REPLY_LINES_MAX; i++)
		assert_int_equal(smtp_reply_add(&reply, span_make(line, sizeof(line)), &text), SMTP_REPLY_MORE);
	assert_int_equal(reply.text.len, SMTP_REPLY_TEXT_MAX);
	assert_int_equal(smtp_reply_add(&reply, span_make(line, sizeof(line)), &text), SMTP_REPLY_BROKEN);
	smtp_reply_clear(&reply);
	assert_int_equal(reply.text.capacity <= SMTP_REPLY_TEXT_MAX, 1);
	strbuf_free(&reply.text);
}

static void keeps_challenges_whole(void **state)
{
	size_t len = SASL_CHALLENGE_MAX - 1;
	char *line = mem_alloc(len);
	struct smtp_reply reply = { 0 };
	struct span text;

	(void)state;
	memset(line, 'x', len);
	memcpy(line, "334 ", 4);
	assert_int_equal(smtp_reply_add(&reply, span_make(line, len), &text), SMTP_REPLY_COMPLETE);
	assert_int_equal(smtp_reply_challenge(&reply).len, len - 4);
	strbuf_free(&reply.text);
	reply = (struct smtp_reply){ 0 };
	assert_int_equal(smtp_reply_add(&reply, SPAN("334 "), &text), SMTP_REPLY_COMPLETE);
	assert_int_equal(smtp_reply_challenge(&reply).len, 0);
	strbuf_free(&reply.text);
	free(line);
}

#define PLAIN_LOGIN (SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_LOGIN))

static const struct {
	const char *line;
	struct smtp_extensions want;
} extensions[] = {
	{ "PIPELINING", { .pipelining = true } },
	{ "pipelining", { .pipelining = true } },
	{ "8BITMIME", { .eightbit = true } },
	{ "SMTPUTF8", { .smtputf8 = true } },
	{ "STARTTLS", { .starttls = true } },
	{ "DSN", { .dsn = true } },
	{ "dsn", { .dsn = true } },
	{ "DSN.example", { .dsn = false } },
	{ "SIZE 10240000", { .size = true, .size_max = 10240000 } },
	{ "SIZE", { .size = true } },
	{ "SIZE 0", { .size = true } },
	{ "SIZE lots", { .size = true } },
	{ "SIZE 99999999999999999999999", { .size = true } },
	{ "AUTH PLAIN LOGIN", { .auth = PLAIN_LOGIN } },
	{ "AUTH  PLAIN\tLOGIN  WHATEVER", { .auth = PLAIN_LOGIN } },
	{ "AUTH=PLAIN LOGIN", { .auth = PLAIN_LOGIN } },
	{ "AUTH", { .auth = 0 } },
	{ "AUTHPLAIN", { .auth = 0 } },
	{ "", { .size = false } },
	{ "Ok SESSIONID=<cyrus-1-2@x>", { .size = false } },
	{ "relay.example PIPELINING STARTTLS", { .size = false } },
	{ "PIPELINING.example", { .size = false } },
	{ "X-EXPS GSSAPI", { .size = false } },
};

static void reads_extensions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		const struct smtp_extensions *want = &extensions[i].want;
		struct smtp_extensions got = { 0 };

		smtp_extensions_add(&got, span_of(extensions[i].line));
		assert_int_equal(got.pipelining, want->pipelining);
		assert_int_equal(got.eightbit, want->eightbit);
		assert_int_equal(got.smtputf8, want->smtputf8);
		assert_int_equal(got.starttls, want->starttls);
		assert_int_equal(got.dsn, want->dsn);
		assert_int_equal(got.size, want->size);
		assert_true(got.size_max == want->size_max);
		assert_int_equal(got.auth, want->auth);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_replies),
		cmocka_unit_test(bounds_replies),
		cmocka_unit_test(keeps_challenges_whole),
		cmocka_unit_test(reads_extensions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp_reply", tests, NULL, NULL);
}
