/* SPDX-License-Identifier: ISC
 *
 * route/: what becomes of a message whose envelope is not to be had, and of
 * one that runs in a loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "multidropd/trace.h"

#include "test_route.h"

#define KEEP                                                                                                           \
	{                                                                                                              \
		.fallback = ROUTE_FALLBACK_KEEP                                                                        \
	}
#define HEADERS                                                                                                        \
	{                                                                                                              \
		.fallback = ROUTE_FALLBACK_HEADERS                                                                     \
	}
#define PARTLY "X-Envelope-To: alice@office.example, x@y@z\r\n"

static const struct shown_case keep_cases[] = {
	{ "no source", KEEP, RECEIVED SENDER, "kept ; stamped ; keep",
	  "fallback: no X-Envelope-To; it stays on the server (fallback = keep)" },
	{ "none of ours", KEEP, "X-Envelope-To: x@elsewhere.example\r\n", "kept ; stamped ; keep",
	  "fallback: X-Envelope-To: \"x@elsewhere.example\" names nobody within domains; it stays on the server "
	  "(fallback = keep)" },
	{ "no header", KEEP, "", "kept ; stamped ; keep",
	  "fallback: the message has no header; it stays on the server (fallback = keep)" },
	{ "partly broken", KEEP, PARTLY, "envelope alice@office.example; stamped alice@office.example; keep; partly",
	  "X-Envelope-To: \"alice@office.example, x@y@z\"; some of it is no usable address, so it stays on the server, "
	  "too (fallback = keep)" },
	{ "a good envelope", KEEP, "X-Envelope-To: alice@office.example\r\n",
	  "envelope alice@office.example; stamped alice@office.example", NULL },
};

static const struct shown_case header_cases[] = {
	{ "To, Cc and Bcc, each once", HEADERS,
	  RECEIVED "To: Alice <alice@office.example>, x@elsewhere.example\r\nCC: ALICE@office.example,\r\n "
	           "bob@office.example\r\nbcc: carol@office.example\r\n",
	  "headers alice@office.example bob@office.example carol@office.example; stamped alice@office.example "
	  "bob@office.example carol@office.example",
	  "fallback: no X-Envelope-To; guessed from To: \"Alice <alice@office.example>, x@elsewhere.example\", CC: "
	  "\"ALICE@office.example, bob@office.example\", bcc: \"carol@office.example\" (fallback = headers)" },
	{ "several fields of a name, a bare name, a group", HEADERS, "To: alice\r\nTo: team: bob@office.example;\r\n",
	  "headers alice@office.example bob@office.example; stamped alice@office.example bob@office.example", NULL },
	{ "broken ones are passed over", HEADERS, "To: a@b@c, =?utf-8?q?x?=, alice@office.example\r\n",
	  "headers alice@office.example; stamped alice@office.example", NULL },
	{ "nobody of ours", HEADERS, "To: x@elsewhere.example\r\n", "postmaster " POSTMASTER "; stamped -",
	  "fallback: no X-Envelope-To; no guess from To: \"x@elsewhere.example\": nobody within domains (fallback = "
	  "headers), so it goes to the postmaster" },
	{ "no such field", HEADERS, RECEIVED "Subject: To: alice@office.example\r\n",
	  "postmaster " POSTMASTER "; stamped -",
	  "fallback: no X-Envelope-To; no guess from To, Cc and Bcc: nobody within domains (fallback = headers), so it "
	  "goes to the postmaster" },
	{ "undisclosed", HEADERS, "To: undisclosed-recipients:;\r\n", "postmaster " POSTMASTER "; stamped -", NULL },
	{ "only exact names", HEADERS,
	  "Reply-To: a@office.example\r\nTo : b@office.example\r\nX-To: c@office.example\r\n",
	  "postmaster " POSTMASTER "; stamped -", NULL },
	{ "below a line without a colon", HEADERS, "A: b\r\nno colon\r\nTo: alice@office.example\r\n",
	  "postmaster " POSTMASTER "; stamped -", NULL },
	{ "the stamp is there, with nobody of ours", HEADERS,
	  "X-Envelope-To: x@elsewhere.example\r\n" RECEIVED "To: alice@office.example\r\n",
	  "headers alice@office.example; stamped alice@office.example",
	  "fallback: X-Envelope-To: \"x@elsewhere.example\" names nobody within domains; guessed from To: "
	  "\"alice@office.example\" (fallback = headers)" },
	{ "not where there is an envelope", HEADERS,
	  "X-Envelope-To: alice@office.example\r\nTo: victim@office.example\r\n",
	  "envelope alice@office.example; stamped alice@office.example", NULL },
	{ "nothing to strip",
	  { .fallback = ROUTE_FALLBACK_HEADERS, .prefix = "in-", .suffix = "-out" },
	  "To: in-alice@office.example, bob-out@office.example\r\n",
	  "headers in-alice@office.example bob-out@office.example; stamped in-alice@office.example "
	  "bob-out@office.example",
	  NULL },
	{ "virtual and rewrite",
	  { .fallback = ROUTE_FALLBACK_HEADERS,
	    .rewrite = "new.example",
	    .virtual_map = "team@office.example a@x bob\nno@office.example discard:\n" },
	  "To: team@office.example, no@office.example\r\n",
	  "headers a@x bob@new.example; stamped team@office.example team@office.example; discarded no@office.example",
	  "fallback: no X-Envelope-To; guessed from To: \"team@office.example, no@office.example\" (fallback = "
	  "headers); virtual discards it for no@office.example" },
	{ "all discarded",
	  { .fallback = ROUTE_FALLBACK_HEADERS, .virtual_map = "@office.example discard:\n" },
	  "To: a@office.example\r\n",
	  "headers ; stamped ; discarded a@office.example",
	  NULL },
	{ "partly broken", HEADERS, PARTLY "Cc: Alice@office.example, bob@office.example\r\n",
	  "envelope alice@office.example bob@office.example; stamped alice@office.example bob@office.example; partly",
	  "X-Envelope-To: \"alice@office.example, x@y@z\"; some of it is no usable address; guessed from Cc: "
	  "\"Alice@office.example, bob@office.example\", too (fallback = headers)" },
	{ "partly broken, and nobody there", HEADERS, PARTLY RECEIVED "To: x@elsewhere.example\r\n",
	  "envelope alice@office.example " POSTMASTER "; stamped alice@office.example -; partly",
	  "X-Envelope-To: \"alice@office.example, x@y@z\"; some of it is no usable address; no guess from To: "
	  "\"x@elsewhere.example\": nobody within domains (fallback = headers), so it goes to the postmaster, too" },
};

#define ALICE "headers alice@office.example; stamped alice@office.example"

static const struct shown_case resent_cases[] = {
	{ "instead of To", HEADERS, "Resent-To: alice@office.example\r\nTo: victim@office.example\r\n", ALICE, NULL },
	{ "all of the block", HEADERS,
	  "Resent-Cc: alice@office.example\r\nResent-Date: x\r\nResent-To: bob@office.example\r\nX-A: b\r\nResent-Bcc: "
	  "carol@office.example\r\nCc: victim@office.example\r\n",
	  "headers alice@office.example bob@office.example carol@office.example; stamped alice@office.example "
	  "bob@office.example carol@office.example",
	  NULL },
	{ "a name again is another block", HEADERS,
	  "Resent-To: alice@office.example\r\nResent-From: x@y\r\nresent-to: victim@office.example\r\nResent-Cc: "
	  "victim@office.example\r\n",
	  ALICE, NULL },
	{ "below a Received is another block", HEADERS,
	  RECEIVED "Resent-To: alice@office.example\r\n" RECEIVED "Resent-Cc: victim@office.example\r\n", ALICE, NULL },
	{ "below a Return-Path is another block", HEADERS,
	  "Resent-To: alice@office.example\r\nreturn-path: <>\r\nResent-Cc: victim@office.example\r\n", ALICE, NULL },
	{ "what only looks like Received ends no block", HEADERS,
	  "Resent-Cc: alice@office.example\r\nReceived : x\r\nResent-To: bob@office.example\r\n",
	  "headers alice@office.example bob@office.example; stamped alice@office.example bob@office.example", NULL },
	{ "empty", HEADERS, "Resent-Bcc:\r\nTo: victim@office.example\r\n", "postmaster " POSTMASTER "; stamped -",
	  NULL },
	{ "to nobody of ours", HEADERS, "Resent-To: x@elsewhere.example\r\nTo: victim@office.example\r\n",
	  "postmaster " POSTMASTER "; stamped -", NULL },
	{ "Resent-From alone is none", HEADERS, "Resent-From: x@y\r\nTo: alice@office.example\r\n", ALICE, NULL },
};

static void kept(void **state)
{
	(void)state;
	check_shown_table(keep_cases, COUNT(keep_cases));
}

static void headers(void **state)
{
	(void)state;
	check_shown_table(header_cases, COUNT(header_cases));
}

static void resent(void **state)
{
	(void)state;
	check_shown_table(resent_cases, COUNT(resent_cases));
}

/* The stamp stays in for the one who has to find out what was wrong with it. */
static void stamp_stays_in(void **state)
{
	struct rules_text rules = HEADERS;
	struct route route;
	char *removed;

	(void)state;
	route_text(&rules, SPAN("Return-Path: <>\r\nX-Envelope-To: x@y\r\nTo: alice@office.example\r\n"), false,
	           &route);
	removed = show_removed(&route);
	assert_string_equal(removed, "-..");
	free(removed);
	route_free(&route);
}

static void check_postmaster(struct span header, bool capped, const char *why)
{
	struct rules_text rules = HEADERS;
	struct route route;

	route_text(&rules, header, capped, &route);
	assert_int_equal(route.reason, ROUTE_POSTMASTER);
	assert_int_equal(route.recipients.count, 1);
	assert_string_equal(route.recipients.items[0], POSTMASTER);
	if (strstr(route.explanation, why) == NULL)
		fail_msg("`%s` lacks `%s`", route.explanation, why);
	route_free(&route);
}

static struct strbuf many(const char *start, size_t count)
{
	struct strbuf text = { 0 };

	strbuf_add_str(&text, start);
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&text, "r%zu@office.example,\r\n ", i);
	strbuf_add_str(&text, "\r\n");
	return text;
}

static void no_guess_from_a_part(void **state)
{
	struct strbuf text = { 0 };

	(void)state;
	check_postmaster(SPAN("To: alice@office.example\r\nCc: b"), true,
	                 "the header is too large to be read to its end");
	strbuf_add_str(&text, "To: alice@office.example\r\nCc: ");
	while (text.len < HEADER_FIELD_MAX + 100)
		strbuf_add_str(&text, "bob@office.example, ");
	strbuf_add_str(&text, "\r\n");
	check_postmaster(strbuf_span(&text), false, "a field is too large to be read");
	strbuf_free(&text);
}

static void not_too_many(void **state)
{
	struct rules_text rules = HEADERS;
	struct strbuf text = many("To: ", ROUTE_RECIPIENTS_MAX);
	struct route route;

	(void)state;
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(route.recipients.count, ROUTE_RECIPIENTS_MAX);
	route_free(&route);
	strbuf_free(&text);

	text = many("To: ", ROUTE_RECIPIENTS_MAX + 1);
	check_postmaster(strbuf_span(&text), false, ": too many recipients (fallback");
	strbuf_free(&text);
}

static void not_too_many_besides(void **state)
{
	struct rules_text rules = HEADERS;
	struct strbuf text = many("X-Envelope-To: a@b@c, ", ROUTE_RECIPIENTS_MAX);
	struct route route;

	(void)state;
	strbuf_add_str(&text, "To: alice@office.example\r\n");
	route_text(&rules, strbuf_span(&text), false, &route);
	assert_int_equal(route.recipients.count, ROUTE_RECIPIENTS_MAX + 1);
	assert_string_equal(route.recipients.items[ROUTE_RECIPIENTS_MAX], POSTMASTER);
	assert_true(route.partly_broken);
	route_free(&route);
	strbuf_free(&text);
}

/* --- loops --- */

static struct strbuf received_fields(size_t count)
{
	struct strbuf text = { 0 };

	strbuf_add_str(&text, "Return-Path: <s@sender.example>\r\nX-Envelope-To: alice@office.example\r\n");
	for (size_t i = 0; i < count; i++)
		strbuf_add_str(&text, RECEIVED);
	return text;
}

static void check_loop(const struct rules_text *rules, struct span header, bool loop, const char *why)
{
	struct route route;

	route_text(rules, header, false, &route);
	assert_int_equal(route.reason == ROUTE_LOOP, loop);
	assert_int_equal(route.keep, loop);
	assert_int_equal(route.recipients.count, loop ? 0 : 1);
	assert_int_equal(route.originals.count, route.recipients.count);
	assert_string_equal(route.sender, "s@sender.example");
	if (loop)
		assert_string_equal(route.explanation, why);
	route_free(&route);
}

static void many_hops_are_a_loop(void **state)
{
	static const struct rules_text rules[] = { { 0 }, { .fixed = "a@b" }, HEADERS };

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct strbuf text = received_fields(HEADER_RECEIVED_MAX);

		check_loop(&rules[i], strbuf_span(&text), false, NULL);
		strbuf_add_str(&text, "Received : x\r\n");
		check_loop(&rules[i], strbuf_span(&text), false, NULL);
		/* Also where the header has ended for routing. */
		strbuf_add_str(&text, "no colon\r\nRECEIVED: x\r\n");
		check_loop(&rules[i], strbuf_span(&text), true, "a loop: 101 Received fields, more than 100");
		strbuf_free(&text);
	}
}

static void add_own_trace(struct strbuf *text, const char *host)
{
	struct trace trace = {
		.from_host = "pop.provider.example", .by_host = host, .tls = true, .wall_s = 1795525200
	};

	trace_format(&trace, text);
}

static void our_own_trace_is_a_loop(void **state)
{
	static const struct rules_text rules[] = { { 0 }, { .fixed = "a@b" }, KEEP };

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct strbuf text = received_fields(1);

		add_own_trace(&text, "multidrop.office.example");
		add_own_trace(&text, "multidrop.office.example");
		add_own_trace(&text, "multidrop.other.example");
		add_own_trace(&text, "x.multidrop.office.example");
		check_loop(&rules[i], strbuf_span(&text), false, NULL);
		add_own_trace(&text, "multidrop.office.example");
		check_loop(&rules[i], strbuf_span(&text), true,
		           "a loop: 3 Received fields are by multidrop.office.example itself (hostname)");
		strbuf_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(headers),
		cmocka_unit_test(resent),
		cmocka_unit_test(stamp_stays_in),
		cmocka_unit_test(no_guess_from_a_part),
		cmocka_unit_test(not_too_many),
		cmocka_unit_test(not_too_many_besides),
		cmocka_unit_test(many_hops_are_a_loop),
		cmocka_unit_test(our_own_trace_is_a_loop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("route_fallback", tests, NULL, NULL);
}
