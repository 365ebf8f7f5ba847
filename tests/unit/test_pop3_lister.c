/* SPDX-License-Identifier: ISC
 *
 * pop3/: UIDL and LIST put together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/pop3/lister.h"

/* Lines end at '\n' here; a NUL may stand in them. NULL uids: the server has no UIDL. */
struct listing_case {
	struct span uids, sizes;
	const char *want; /* count, broken, then number:uid:size */
};

static void add_all(struct pop3_lister *lister, struct span lines,
                    int (*add)(struct pop3_lister *lister, struct span line))
{
	ssize_t end;

	while ((end = span_find(lines, '\n')) >= 0) {
		assert_int_equal(add(lister, span_make(lines.data, (size_t)end)), 0);
		lines = span_from(lines, (size_t)end + 1);
	}
}

static char *list(struct span uids, struct span sizes)
{
	struct pop3_lister *lister = pop3_lister_new();
	struct pop3_listing listing;
	struct strbuf out = { 0 };

	add_all(lister, uids, pop3_lister_add_uid);
	add_all(lister, sizes, pop3_lister_add_size);
	pop3_lister_finish(lister, uids.data != NULL, &listing);
	assert_false(listing.truncated);
	strbuf_addf(&out, "%zu %zu", listing.count, listing.broken);
	for (size_t i = 0; i < listing.count; i++) {
		strbuf_addf(&out, " %u:", listing.entries[i].number);
		for (size_t j = 0; j < listing.entries[i].uid.len; j++)
			strbuf_add_byte(&out,
			                listing.entries[i].uid.data[j] != '\0' ? listing.entries[i].uid.data[j] : '0');
		strbuf_addf(&out, ":%llu", (unsigned long long)listing.entries[i].size);
	}
	pop3_lister_free(&lister);
	assert_null(lister);
	return strbuf_take(&out);
}

static void joins_by_number(void **state)
{
	static const struct listing_case cases[] = {
		{ SPAN(""), SPAN(""), "0 0" },
		{ { NULL, 0 }, SPAN(""), "0 0" },
		{ SPAN("1 a\n2 b\n"), SPAN("1 10\n2 20\n"), "2 0 1:a:10 2:b:20" },
		{ SPAN("1 a\n2 b\n"), SPAN(""), "2 0 1:a:0 2:b:0" },
		{ { NULL, 0 }, SPAN("1 10\n2 20\n"), "2 0 1::10 2::20" },
		/* UIDL says what is there. */
		{ SPAN("2 b\n"), SPAN("1 10\n2 20\n3 30\n"), "1 0 2:b:20" },
		{ SPAN("1 a\n3 c\n5 e\n"), SPAN("2 20\n3 30\n4 40\n"), "3 0 1:a:0 3:c:30 5:e:0" },
		/* The server's order stays, however mixed. */
		{ SPAN("3 c\n1 a\n2 b\n"), SPAN("2 20\n3 30\n1 10\n"), "3 0 3:c:30 1:a:10 2:b:20" },
		{ { NULL, 0 }, SPAN("3 30\n1 10\n"), "2 0 3::30 1::10" },
		/* One UID twice is legal, one number twice is not. */
		{ SPAN("1 a\n2 a\n"), SPAN("1 1\n2 2\n"), "2 0 1:a:1 2:a:2" },
		{ SPAN("1 a\n1 b\n2 c\n"), SPAN("1 1\n2 2\n"), "2 1 1:a:1 2:c:2" },
		{ SPAN("2 a\n1 b\n2 c\n1 d\n"), SPAN("1 1\n2 2\n"), "2 2 2:a:2 1:b:1" },
		{ SPAN("1 a\n"), SPAN("1 1\n1 2\n"), "1 1 1:a:1" },
		{ { NULL, 0 }, SPAN("1 1\n1 2\n"), "1 1 1::1" },
		/* What follows the number is the UID, whatever it is; what follows a size is nothing to us. */
		{ SPAN("1  a b c\n"), SPAN("1 10 extra\n"), "1 0 1:a b c:10" },
		{ SPAN("1 a\0b\n2 \xff\xfe\n"), SPAN("1\t10\n"), "2 0 1:a0b:10 2:\xff\xfe:0" },
		{ SPAN("007 bond\n"), SPAN("7 1\n"), "1 0 7:bond:1" },
		/* Lines that make no sense. */
		{ SPAN("0 a\n-1 b\n2147483648 c\n99999999999999999999 d\nx e\n\n 4\n5 \n+6 f\n7\n8 ok\n"),
		  SPAN("8 1\n"), "1 10 8:ok:1" },
		{ SPAN("1 a\n"), SPAN("1\n1 x\n1 -5\n0 5\n1 18446744073709551616\n1 18446744073709551615\n"),
		  "1 5 1:a:18446744073709551615" },
		{ SPAN("2147483647 z\n1 a\n"), SPAN("2147483647 9\n"), "2 0 2147483647:z:9 1:a:0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *got = list(cases[i].uids, cases[i].sizes);

		if (strcmp(got, cases[i].want) != 0)
			fail_msg("case %zu: wanted «%s», got «%s»", i, cases[i].want, got);
		free(got);
	}
}

static void keeps_long_uids_whole(void **state)
{
	struct pop3_lister *lister = pop3_lister_new();
	struct pop3_listing listing;
	char line[POP3_LINE_MAX];

	(void)state;
	for (unsigned i = 1; i <= 500; i++) {
		int len = snprintf(line, sizeof(line), "%u ", i);

		memset(line + len, (int)('a' + i % 26), sizeof(line) - (size_t)len);
		assert_int_equal(pop3_lister_add_uid(lister, span_make(line, sizeof(line))), 0);
	}
	pop3_lister_finish(lister, true, &listing);
	assert_int_equal(listing.count, 500);
	for (unsigned i = 1; i <= 500; i++) {
		struct span uid = listing.entries[i - 1].uid;

		assert_int_equal(uid.len, sizeof(line) - (i < 10 ? 2 : i < 100 ? 3 : 4));
		assert_int_equal(uid.data[0], 'a' + i % 26);
		assert_int_equal(uid.data[uid.len - 1], 'a' + i % 26);
	}
	pop3_lister_free(&lister);
}

/* Over the limit lines are swallowed, so that what follows the listing is still read right. */
static void cuts_at_the_limit_of_entries(void **state)
{
	struct pop3_lister *lister = pop3_lister_new();
	struct pop3_listing listing;
	char line[32];

	(void)state;
	for (unsigned i = 1; i <= POP3_LISTING_ENTRIES_MAX + 5; i++) {
		int len = snprintf(line, sizeof(line), "%u u%u", i, i);

		assert_int_equal(pop3_lister_add_uid(lister, span_make(line, (size_t)len)), 0);
	}
	pop3_lister_finish(lister, true, &listing);
	assert_true(listing.truncated);
	assert_int_equal(listing.count, POP3_LISTING_ENTRIES_MAX);
	assert_int_equal(listing.entries[POP3_LISTING_ENTRIES_MAX - 1].number, POP3_LISTING_ENTRIES_MAX);
	pop3_lister_free(&lister);
}

static void cuts_at_the_limit_of_bytes_and_gives_up(void **state)
{
	struct pop3_lister *lister = pop3_lister_new();
	struct pop3_listing listing;
	char line[1022]; /* and CRLF */
	unsigned lines = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "1 ", 2);
	while (pop3_lister_add_size(lister, span_make(line, sizeof(line))) == 0 && lines < 1000000)
		lines++;
	assert_int_equal(lines, 2 * POP3_LISTING_BYTES_MAX / 1024);
	pop3_lister_finish(lister, false, &listing);
	assert_true(listing.truncated);
	assert_int_equal(listing.broken, POP3_LISTING_BYTES_MAX / 1024);
	pop3_lister_free(&lister);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_by_number),
		cmocka_unit_test(keeps_long_uids_whole),
		cmocka_unit_test(cuts_at_the_limit_of_entries),
		cmocka_unit_test(cuts_at_the_limit_of_bytes_and_gives_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3 listings", tests, NULL, NULL);
}
