/* SPDX-License-Identifier: ISC
 *
 * route/: `virtual` and `rewrite_domain`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "test_route.h"

#define STAMP(recipients) "X-Envelope-To: " recipients "\r\n" RECEIVED

static const struct shown_case lookup_cases[] = {
	{ "not there: left alone, extension included",
	  { .virtual_map = "bob@office.example carol@office.example\n" },
	  STAMP("alice+x@office.example"),
	  "envelope alice+x@office.example; stamped alice+x@office.example",
	  NULL },
	{ "exact, without case",
	  { .virtual_map = "ALICE@Office.Example Carol@Office.example\n" },
	  STAMP("alice@office.example"),
	  "envelope Carol@Office.example; stamped alice@office.example",
	  NULL },
	{ "exact before local@ and @domain",
	  { .virtual_map = "@office.example c@x\nalice@ b@x\nalice@office.example a@x\n" },
	  STAMP("alice@office.example"),
	  "envelope a@x; stamped alice@office.example",
	  NULL },
	{ "local@ before @domain",
	  { .virtual_map = "@office.example c@x\nalice@ b@x\n" },
	  STAMP("alice@office.example"),
	  "envelope b@x; stamped alice@office.example",
	  NULL },
	{ "@domain",
	  { .virtual_map = "@office.example c@x\nalice@ b@x\n" },
	  STAMP("bob@office.example"),
	  "envelope c@x; stamped bob@office.example",
	  NULL },
	{ "@domain of another one",
	  { .virtual_map = "@office.example c@x\n", .domains = ".office.example" },
	  STAMP("bob@sub.office.example"),
	  "envelope bob@sub.office.example; stamped bob@sub.office.example",
	  NULL },
	{ "with the extension first",
	  { .virtual_map = "alice+x@office.example a@x\nalice@office.example b@x\n" },
	  STAMP("alice+x@office.example"),
	  "envelope a@x; stamped alice+x@office.example",
	  NULL },
	{ "without the extension, which is not carried over",
	  { .virtual_map = "alice@office.example b@x\nalice+x@ c@x\n" },
	  STAMP("alice+x@office.example"),
	  "envelope b@x; stamped alice+x@office.example",
	  NULL },
	{ "local@ with the extension",
	  { .virtual_map = "alice+x@ c@x\nalice@ d@x\n@office.example e@x\n" },
	  STAMP("alice+x@office.example, alice+y@office.example"),
	  "envelope c@x d@x; stamped alice+x@office.example alice+y@office.example",
	  NULL },
	{ "the extension is all behind the first +",
	  { .virtual_map = "alice@office.example b@x\nalice+x@office.example c@x\n" },
	  STAMP("alice+x+y@office.example"),
	  "envelope b@x; stamped alice+x+y@office.example",
	  NULL },
	{ "nothing before the +",
	  { .virtual_map = "@office.example c@x\n" },
	  STAMP("+x@office.example"),
	  "envelope c@x; stamped +x@office.example",
	  NULL },
	{ "quoted",
	  { .virtual_map = "bob@office.example b@x\n\"bob@smith\"@ c@x\n" },
	  STAMP("\"bob+a b\"@office.example, \"bob@smith\"@office.example"),
	  "envelope b@x c@x; stamped \"bob+a b\"@office.example \"bob@smith\"@office.example",
	  NULL },
	{ "after strip and completion",
	  { .prefix = "in-", .virtual_map = "alice@office.example b@x\n" },
	  STAMP("in-alice"),
	  "envelope b@x; stamped alice@office.example",
	  NULL },
	{ "no way into domains",
	  { .virtual_map = "alice@elsewhere.example alice@office.example\n" },
	  STAMP("alice@elsewhere.example"),
	  "postmaster " POSTMASTER "; stamped -",
	  NULL },
	{ "not for fixed recipients",
	  { .fixed = "alice@office.example", .virtual_map = "alice@office.example b@x\n", .rewrite = "new.example" },
	  STAMP("x"),
	  "fixed alice@office.example; stamped -",
	  NULL },
	{ "not for the postmaster",
	  { .virtual_map = "postmaster@office.example b@x\n", .rewrite = "new.example" },
	  RECEIVED,
	  "postmaster " POSTMASTER "; stamped -",
	  NULL },
};

static const struct shown_case target_cases[] = {
	{ "several",
	  { .virtual_map = "team@office.example a@x b@office.example\n" },
	  STAMP("team@office.example"),
	  "envelope a@x b@office.example; stamped team@office.example team@office.example",
	  NULL },
	{ "bare",
	  { .virtual_map = "team@office.example bob\n", .domains = ".office.example" },
	  STAMP("team@office.example"),
	  "envelope bob@office.example; stamped team@office.example",
	  NULL },
	{ "the same person in another domain",
	  { .virtual_map = "@old.example @office.example\n", .domains = "office.example old.example" },
	  STAMP("alice+x@old.example"),
	  "envelope alice+x@office.example; stamped alice+x@old.example",
	  NULL },
	{ "the same person by two ways",
	  { .virtual_map = "team@office.example Bob@office.example alice@office.example\n" },
	  STAMP("bob@office.example, team@office.example"),
	  "envelope bob@office.example alice@office.example; stamped bob@office.example team@office.example",
	  NULL },
	{ "discard",
	  { .virtual_map = "noreply@office.example discard:\n" },
	  STAMP("noreply@office.example"),
	  "envelope ; stamped ; discarded noreply@office.example",
	  "X-Envelope-To: \"noreply@office.example\"; virtual discards it for noreply@office.example" },
	{ "discard for one",
	  { .virtual_map = "noreply@office.example DISCARD:\n" },
	  STAMP("noreply@office.example, alice@office.example"),
	  "envelope alice@office.example; stamped alice@office.example; discarded noreply@office.example",
	  NULL },
	{ "discard beside another target discards nobody's",
	  { .virtual_map = "a@office.example discard: b@x\n" },
	  STAMP("a@office.example"),
	  "envelope b@x; stamped a@office.example",
	  NULL },
	{ "discard by a chain and a broken one",
	  { .virtual_map = "a@office.example b@x\nb@x discard:\n" },
	  STAMP("a@office.example, x@y@z"),
	  "envelope " POSTMASTER "; stamped -; discarded a@office.example; partly",
	  NULL },
	{ "postmaster",
	  { .virtual_map = "abuse@office.example postmaster\n", .rewrite = "new.example" },
	  STAMP("abuse@office.example"),
	  "envelope " POSTMASTER "; stamped abuse@office.example",
	  NULL },
	{ "postmaster by two ways",
	  { .virtual_map = "abuse@office.example postmaster\n" },
	  STAMP("abuse@office.example, x@y@z"),
	  "envelope " POSTMASTER "; stamped abuse@office.example; partly",
	  NULL },
};

static const struct shown_case chain_cases[] = {
	{ "a chain",
	  { .virtual_map = "a@office.example b@y\nb@y c@z d\nd@office.example e@z\n" },
	  STAMP("a@office.example"),
	  "envelope c@z e@z; stamped a@office.example a@office.example",
	  NULL },
	{ "to itself and another",
	  { .virtual_map = "a@office.example A@office.example b@x\n" },
	  STAMP("a@office.example"),
	  "envelope A@office.example b@x; stamped a@office.example a@office.example",
	  NULL },
	{ "to itself at the end",
	  { .virtual_map = "a@office.example b@x\nb@x b@x\n" },
	  STAMP("a@office.example"),
	  "envelope b@x; stamped a@office.example",
	  NULL },
	{ "a catch-all that catches its target",
	  { .virtual_map = "@office.example boss\n" },
	  STAMP("alice@office.example, boss@office.example"),
	  "envelope boss@office.example; stamped alice@office.example",
	  NULL },
	{ "with the extension to itself",
	  { .virtual_map = "alice@office.example alice@office.example\n" },
	  STAMP("alice+x@office.example"),
	  "envelope alice@office.example; stamped alice+x@office.example",
	  NULL },
	{ "the same local part elsewhere is somebody else",
	  { .virtual_map = "alice@ bob@isp.example\nbob@ carol@x\n" },
	  STAMP("alice@office.example"),
	  "envelope bob@isp.example; stamped alice@office.example",
	  NULL },
	{ "a circle",
	  { .virtual_map = "a@office.example b@office.example\nb@office.example a@office.example\n" },
	  STAMP("a@office.example"),
	  "postmaster " POSTMASTER "; stamped -",
	  "fallback: X-Envelope-To: \"a@office.example\" is led in a circle by virtual" },
	{ "a circle that somebody is in",
	  { .virtual_map = "a@office.example b@office.example c@x\nb@office.example a@office.example\n" },
	  STAMP("b@office.example"),
	  "envelope c@x; stamped b@office.example",
	  NULL },
	{ "a circle for one of two",
	  { .virtual_map = "a@office.example b@x\nb@x a@office.example\n" },
	  STAMP("a@office.example, alice@office.example"),
	  "envelope alice@office.example " POSTMASTER "; stamped alice@office.example -; partly",
	  "X-Envelope-To: \"a@office.example, alice@office.example\"; virtual leads some of it in a circle, so it goes "
	  "to "
	  "the postmaster, too" },
	{ "two ways to one end",
	  { .virtual_map = "a@office.example b@x c@x\nb@x d@x\nc@x d@x\nd@x e@x\n" },
	  STAMP("a@office.example"),
	  "envelope e@x; stamped a@office.example",
	  NULL },
};

static const struct shown_case rewrite_cases[] = {
	{ "ours",
	  { .rewrite = "new.example" },
	  STAMP("Alice@office.example, \"b c\"@office.example"),
	  "envelope Alice@new.example \"b c\"@new.example; stamped Alice@office.example \"b c\"@office.example",
	  NULL },
	{ "once more without doubles",
	  { .rewrite = "new.example", .domains = ".office.example" },
	  STAMP("alice@a.office.example, ALICE@b.office.example, bob@office.example"),
	  "envelope alice@new.example bob@new.example; stamped alice@a.office.example bob@office.example",
	  NULL },
	{ "not a target elsewhere",
	  { .rewrite = "new.example", .virtual_map = "team@office.example a@x.example b c@office.example\n" },
	  STAMP("team@office.example"),
	  "envelope a@x.example b@new.example c@new.example; stamped team@office.example team@office.example "
	  "team@office.example",
	  NULL },
	{ "the map is asked before",
	  { .rewrite = "new.example", .virtual_map = "alice@new.example b@x\n" },
	  STAMP("alice@office.example"),
	  "envelope alice@new.example; stamped alice@office.example",
	  NULL },
	{ "empty",
	  { .rewrite = "" },
	  STAMP("alice@office.example"),
	  "envelope alice@office.example; stamped alice@office.example",
	  NULL },
};

static void lookups(void **state)
{
	(void)state;
	check_shown_table(lookup_cases, COUNT(lookup_cases));
}

static void targets(void **state)
{
	(void)state;
	check_shown_table(target_cases, COUNT(target_cases));
}

static void chains(void **state)
{
	(void)state;
	check_shown_table(chain_cases, COUNT(chain_cases));
}

static void rewrites(void **state)
{
	(void)state;
	check_shown_table(rewrite_cases, COUNT(rewrite_cases));
}

/* `count` targets of one address, and `chain` addresses that lead to each other. */
static char *large_map(size_t count, size_t chain)
{
	struct strbuf out = { 0 };

	strbuf_add_str(&out, "team@office.example");
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&out, " m%zu@x", i);
	for (size_t i = 0; i < chain; i++)
		strbuf_addf(&out, "\nc%zu@office.example c%zu", i, i + 1);
	strbuf_add_str(&out, "\n");
	return strbuf_take(&out);
}

static size_t count_routed(size_t count, size_t chain, const char *header)
{
	char *map = large_map(count, chain);
	struct rules_text rules = { .virtual_map = map };
	struct route route;
	size_t routed;

	route_text(&rules, span_of(header), false, &route);
	routed = route.reason == ROUTE_POSTMASTER ? 0 : route.recipients.count;
	if (routed == 0)
		assert_non_null(strstr(route.explanation, "names too many recipients"));
	route_free(&route);
	free(map);
	return routed;
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(count_routed(ROUTE_RECIPIENTS_MAX, 0, STAMP("team@office.example")), ROUTE_RECIPIENTS_MAX);
	assert_int_equal(count_routed(ROUTE_RECIPIENTS_MAX + 1, 0, STAMP("team@office.example")), 0);
	assert_int_equal(count_routed(ROUTE_RECIPIENTS_MAX, 0, STAMP("team@office.example, m@office.example")), 0);
	assert_int_equal(count_routed(1, 9000, STAMP("c0@office.example")), 1);
	assert_int_equal(count_routed(1, 11000, STAMP("c0@office.example")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups),  cmocka_unit_test(targets), cmocka_unit_test(chains),
		cmocka_unit_test(rewrites), cmocka_unit_test(limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("route_virtual", tests, NULL, NULL);
}
