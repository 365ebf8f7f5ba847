/* SPDX-License-Identifier: ISC
 *
 * Which mechanism comes next: names, order, memory, and when a password is
 * not sent at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/sasl.h"

#define LIST_MAX 8

/* "a b c" in config names; the count. */
static size_t parse_list(const char *names, enum sasl_mechanism list[LIST_MAX])
{
	struct span rest = span_of(names);
	struct span word;
	size_t count = 0;

	while ((word = span_token(&rest)).len > 0) {
		char *name = span_dup(word);

		assert_true(count < LIST_MAX);
		list[count] = sasl_by_config_name(name);
		assert_int_not_equal(list[count], SASL_NONE);
		count++;
		free(name);
	}
	return count;
}

static sasl_set parse_set(const char *names)
{
	enum sasl_mechanism list[LIST_MAX];
	size_t count = parse_list(names, list);
	sasl_set set = 0;

	for (size_t i = 0; i < count; i++)
		set |= SASL_BIT(list[i]);
	return set;
}

/* `how`: e encrypted, b binding, t token. `want` in config names, or the reason with '!' before it. */
struct choice_case {
	const char *allowed; /* NULL: auto */
	const char *offered;
	const char *how;
	const char *refused;
	const char *skipped;
	const char *want;
};

static void check_choice(const struct choice_case *test, size_t number)
{
	enum sasl_mechanism allowed[LIST_MAX];
	const struct sasl_choice choice = {
		.offered = parse_set(test->offered),
		.allowed = test->allowed != NULL ? allowed : NULL,
		.allowed_count = test->allowed != NULL ? parse_list(test->allowed, allowed) : 0,
		.encrypted = strchr(test->how, 'e') != NULL,
		.binding = strchr(test->how, 'b') != NULL,
		.token = strchr(test->how, 't') != NULL,
	};
	struct sasl_memory memory = { .skipped = parse_set(test->skipped) };
	enum sasl_mechanism refused[LIST_MAX];
	size_t refused_count = parse_list(test->refused, refused);
	const char *why = "nothing";
	enum sasl_mechanism chosen;

	for (size_t i = 0; i < refused_count; i++)
		sasl_refused(&memory, refused[i]);
	chosen = sasl_choose(&choice, &memory, &why);
	if (test->want[0] == '!' && (chosen != SASL_NONE || strstr(why, test->want + 1) == NULL))
		fail_msg("case %zu: %s because %s", number, chosen != SASL_NONE ? sasl_config_name(chosen) : "none",
		         why);
	if (test->want[0] != '!' && chosen != sasl_by_config_name(test->want))
		fail_msg("case %zu: %s because %s", number, chosen != SASL_NONE ? sasl_config_name(chosen) : "none",
		         why);
}

static void chooses(void **state)
{
	static const struct choice_case cases[] = {
		/* auto takes the strongest, whatever else there is. */
		{ NULL, "user plain login cram-md5 scram-sha-1 scram-sha-256 scram-sha-256-plus", "eb", "", "",
		  "scram-sha-256-plus" },
		{ NULL, "plain scram-sha-256 scram-sha-256-plus", "e", "", "", "scram-sha-256" },
		{ NULL, "plain scram-sha-1 cram-md5 apop", "e", "", "", "scram-sha-1" },
		{ NULL, "plain cram-md5 apop", "e", "", "", "cram-md5" },
		{ NULL, "user plain apop", "e", "", "", "apop" },
		{ NULL, "user login plain", "e", "", "", "plain" },
		{ NULL, "user login", "e", "", "", "login" },
		{ NULL, "user", "e", "", "", "user" },
		{ NULL, "", "e", "", "", "!offers no mechanism that auth = auto uses" },
		{ NULL, "external ntlm msn", "e", "", "", "!offers no mechanism that auth = auto uses" },
		{ NULL, "oauthbearer xoauth2", "e", "", "", "!offers no mechanism that auth = auto uses" },
		/* A token goes into its own mechanisms only, and nothing else does. */
		{ NULL, "plain xoauth2 oauthbearer", "et", "", "", "oauthbearer" },
		{ NULL, "plain xoauth2", "et", "", "", "xoauth2" },
		{ NULL, "plain xoauth2 oauthbearer", "et", "oauthbearer", "", "xoauth2" },
		{ NULL, "plain xoauth2", "et", "xoauth2", "", "!refused every mechanism" },
		{ NULL, "plain scram-sha-256", "et", "", "", "!neither OAUTHBEARER nor XOAUTH2" },
		/* What was refused is followed by the next, three times a poll. */
		{ NULL, "scram-sha-256-plus scram-sha-256 plain", "eb", "scram-sha-256-plus", "", "scram-sha-256" },
		{ NULL, "scram-sha-256 plain user", "e", "scram-sha-256", "", "plain" },
		{ NULL, "scram-sha-256 plain login user", "e", "scram-sha-256 plain", "", "login" },
		{ NULL, "scram-sha-256 plain login user", "e", "scram-sha-256 plain login", "", "!three times" },
		{ NULL, "plain", "e", "plain", "", "!refused every mechanism" },
		{ NULL, "scram-sha-256 plain", "e", "", "scram-sha-256", "plain" },
		{ NULL, "scram-sha-256 plain", "e", "plain", "scram-sha-256", "!refused every mechanism" },
		/* Without TLS a password is shown only to a server that knows nothing better. */
		{ NULL, "plain user", "", "", "", "plain" },
		{ NULL, "user", "", "", "", "user" },
		{ NULL, "plain user cram-md5", "", "", "", "cram-md5" },
		{ NULL, "user apop", "", "", "", "apop" },
		{ NULL, "user apop", "", "apop", "", "!without TLS it is not sent in clear text" },
		{ NULL, "plain cram-md5 scram-sha-1", "", "scram-sha-1", "", "cram-md5" },
		{ NULL, "plain cram-md5 scram-sha-1", "", "scram-sha-1 cram-md5", "",
		  "!without TLS it is not sent in clear text" },
		{ NULL, "plain scram-sha-256", "", "", "scram-sha-256", "!without TLS it is not sent in clear text" },
		/* Nor if what was refused is not offered any more when asked again. */
		{ NULL, "plain", "", "cram-md5", "", "!without TLS it is not sent in clear text" },
		{ NULL, "plain scram-sha-256-plus", "", "", "", "!use TLS, or name one" },
		{ NULL, "plain ntlm", "", "", "", "!use TLS, or name one" },
		{ NULL, "plain external", "", "", "", "plain" },
		{ NULL, "xoauth2", "t", "", "", "xoauth2" },
		{ NULL, "xoauth2 scram-sha-256", "t", "", "", "!use TLS, or name one" },
		/* What is named is done, in that order. */
		{ "plain", "plain scram-sha-256", "", "", "", "plain" },
		{ "user cram-md5", "user cram-md5", "", "", "", "user" },
		{ "user cram-md5", "user cram-md5", "", "user", "", "cram-md5" },
		{ "cram-md5 user", "user cram-md5", "", "cram-md5", "", "user" },
		{ "cram-md5 user", "user cram-md5", "", "cram-md5 user", "", "!that auth names" },
		{ "ntlm", "plain ntlm", "e", "", "", "ntlm" },
		{ "msn", "msn", "e", "", "", "msn" },
		{ "external", "external plain", "e", "", "", "external" },
		{ "xoauth2", "xoauth2", "e", "", "", "xoauth2" },
		{ "scram-sha-1", "scram-sha-256", "e", "", "", "!offers none of the mechanisms that auth names" },
		{ "scram-sha-1", "scram-sha-1", "e", "scram-sha-1", "", "!refused the mechanisms that auth names" },
		{ "scram-sha-256-plus", "scram-sha-256-plus", "e", "", "", "!offers none" },
		{ "scram-sha-256-plus plain", "scram-sha-256-plus plain", "eb", "scram-sha-256-plus", "", "plain" },
		{ "plain login user cram-md5", "plain login user cram-md5", "e", "plain login user", "",
		  "!three times" },
		/* A server that announces nothing at all. */
		{ "user", "", "", "", "", "user" },
		{ "plain", "", "e", "", "", "plain" },
		{ "plain", "apop", "e", "", "", "plain" },
		{ "login user", "", "e", "", "", "user" },
		{ "login", "", "e", "", "", "!offers none" },
		{ "apop", "", "e", "", "", "!offers none" },
		{ "user", "", "e", "user", "", "!refused the mechanisms that auth names" },
		{ "user", "plain", "e", "", "", "!offers none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_choice(&cases[i], i);
}

/* Two polls of a server whose SCRAM is broken, and a third of one where nothing works. */
static void remembers(void **state)
{
	const struct sasl_choice choice = { .offered = parse_set("scram-sha-256 cram-md5 plain login"),
		                            .encrypted = true };
	struct sasl_memory memory = { 0 };
	const char *why;

	(void)state;
	sasl_poll_begin(&memory);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_SCRAM_SHA_256);
	sasl_refused(&memory, SASL_SCRAM_SHA_256);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_CRAM_MD5);
	/* The poll ends without success: all may be tried again. */
	sasl_poll_begin(&memory);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_SCRAM_SHA_256);
	sasl_refused(&memory, SASL_SCRAM_SHA_256);
	sasl_succeeded(&memory, SASL_CRAM_MD5);
	sasl_poll_begin(&memory);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_CRAM_MD5);
	/* Success of a first try forgets nothing. */
	sasl_succeeded(&memory, SASL_CRAM_MD5);
	sasl_poll_begin(&memory);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_CRAM_MD5);
	sasl_refused(&memory, SASL_CRAM_MD5);
	sasl_refused(&memory, SASL_PLAIN);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_LOGIN);
	sasl_refused(&memory, SASL_LOGIN);
	assert_int_equal(sasl_choose(&choice, &memory, &why), SASL_NONE);
}

static void names(void **state)
{
	(void)state;
	for (enum sasl_mechanism at = 0; at < SASL_MECHANISM_COUNT; at++) {
		const char *wire = sasl_wire_name(at);

		assert_int_equal(sasl_by_config_name(sasl_config_name(at)), at);
		if (wire != NULL)
			assert_int_equal(sasl_by_wire_name(span_of(wire)), at);
		else
			assert_true(at == SASL_APOP || at == SASL_USER);
	}
	assert_int_equal(sasl_by_wire_name(SPAN("scram-SHA-256-plus")), SASL_SCRAM_SHA_256_PLUS);
	assert_int_equal(sasl_by_wire_name(SPAN("SCRAM-SHA-25")), SASL_NONE);
	assert_int_equal(sasl_by_wire_name(SPAN("USER")), SASL_NONE);
	assert_int_equal(sasl_by_wire_name(SPAN("")), SASL_NONE);
	assert_int_equal(sasl_by_config_name("auto"), SASL_NONE);
	assert_int_equal(sasl_by_config_name("PLAIN"), SASL_NONE);
	assert_true(sasl_is_clear(SASL_PLAIN) && sasl_is_clear(SASL_LOGIN) && sasl_is_clear(SASL_USER));
	assert_true(sasl_is_clear(SASL_XOAUTH2) && sasl_is_clear(SASL_OAUTHBEARER));
	assert_false(sasl_is_clear(SASL_SCRAM_SHA_1) || sasl_is_clear(SASL_APOP) || sasl_is_clear(SASL_EXTERNAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses),
		cmocka_unit_test(remembers),
		cmocka_unit_test(names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sasl choose", tests, NULL, NULL);
}
