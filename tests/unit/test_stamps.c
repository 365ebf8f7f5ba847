/* SPDX-License-Identifier: ISC
 *
 * tests/stamps: what real servers stored when they collected a whole domain in
 * one mailbox, each header with its true recipients. make.py of that folder
 * describes the files. Run from the top of the source tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <glob.h>
#include <strings.h>

#include "multidropd/header.h"
#include "multidropd/mem.h"
#include "multidropd/route.h"
#include "multidropd/str.h"

#define STAMPS "tests/stamps/*.txt"
#define POSTMASTER "postmaster@pop.provider.example"
#define FALLBACK "fallback"
#define VICTIM "victim@office.example" /* whom senders forge */

/* A fixture file that is read line by line. */
struct stamps {
	const char *path;
	char *data;
	struct span rest;
	struct route_rules rules;
	struct strlist envelope, domains, received_by;
	struct strlist texts; /* single values that the rules borrow */
	unsigned fixtures, failures;
};

struct fixture {
	char *name;
	struct strlist recipients; /* empty: the fallback */
	struct strbuf header;      /* as canon_decode gives it */
};

static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct strbuf data = { 0 };
	char room[4096];
	size_t got;

	assert_non_null(file);
	while ((got = fread(room, 1, sizeof(room), file)) > 0)
		strbuf_add(&data, room, got);
	fclose(file);
	*len = data.len;
	return strbuf_take(&data);
}

/* Without its line end. */
static struct span next_line(struct stamps *stamps)
{
	ssize_t lf = span_find(stamps->rest, '\n');
	size_t len = lf < 0 ? stamps->rest.len : (size_t)lf;
	struct span line = span_make(stamps->rest.data, len);

	stamps->rest = span_from(stamps->rest, lf < 0 ? len : len + 1);
	return line;
}

static bool next_is(const struct stamps *stamps, char byte)
{
	return stamps->rest.len > 0 && stamps->rest.data[0] == byte;
}

/* The strings of `"a"` or of `{ "a", "b" }`. */
static void read_strings(struct span value, struct strlist *list)
{
	ssize_t open;

	while ((open = span_find(value, '"')) >= 0) {
		ssize_t close;

		value = span_from(value, (size_t)open + 1);
		close = span_find(value, '"');
		assert_true(close >= 0);
		strlist_take(list, span_dup(span_make(value.data, (size_t)close)));
		value = span_from(value, (size_t)close + 1);
	}
}

static const char *read_text(struct stamps *stamps, struct span value)
{
	size_t before = stamps->texts.count;

	read_strings(value, &stamps->texts);
	assert_int_equal(stamps->texts.count, before + 1);
	return stamps->texts.items[before];
}

static unsigned read_number(struct span value)
{
	uint64_t number;

	assert_true(span_number(value, &number));
	return (unsigned)number;
}

static enum route_which read_which(struct span value)
{
	if (span_is(value, "last"))
		return ROUTE_WHICH_LAST;
	return span_is(value, "all") ? ROUTE_WHICH_ALL : ROUTE_WHICH_FIRST;
}

static void read_option(struct stamps *stamps, struct span name, struct span value)
{
	struct route_rules *rules = &stamps->rules;

	if (span_is(name, "envelope"))
		read_strings(value, &stamps->envelope);
	else if (span_is(name, "domains"))
		read_strings(value, &stamps->domains);
	else if (span_is(name, "received_by"))
		read_strings(value, &stamps->received_by);
	else if (span_is(name, "position"))
		rules->position_any = span_is(value, "any");
	else if (span_is(name, "which"))
		rules->which = read_which(value);
	else if (span_is(name, "skip"))
		rules->skip = read_number(value);
	else if (span_is(name, "received_depth"))
		rules->received_depth = read_number(value);
	else if (span_is(name, "strip_prefix"))
		rules->strip_prefix = read_text(stamps, value);
	else if (span_is(name, "strip_suffix"))
		rules->strip_suffix = read_text(stamps, value);
	else if (span_is(name, "rewrite_domain"))
		rules->rewrite_domain = read_text(stamps, value);
	else if (span_is(name, "sender"))
		rules->sender = read_text(stamps, value);
	else
		fail_msg("%s: what is the option %.*s?", stamps->path, (int)name.len, name.data);
}

/* The multidrop block on top of the file. */
static void read_rules(struct stamps *stamps)
{
	stamps->rules = (struct route_rules){
		.postmaster = POSTMASTER,
		.hostname = "office.example",
		.envelope = &stamps->envelope,
		.received_by = &stamps->received_by,
		.received_depth = 3,
		.domains = &stamps->domains,
		.remove_header = true,
	};
	while (stamps->rest.len > 0 && stamps->rest.data[0] != '=') {
		struct span line = next_line(stamps);
		ssize_t equals = span_find(line, '=');

		if (line.data[0] == '#')
			continue;
		assert_true(equals > 0);
		read_option(stamps, span_trim(span_make(line.data, (size_t)equals)),
		            span_trim(span_from(line, (size_t)equals + 1)));
	}
}

/* At commas, but not within the quotes of a local part. */
static void read_recipients(struct span text, struct strlist *list)
{
	bool quoted = false;
	size_t start = 0;

	if (span_is(span_trim(text), FALLBACK))
		return;
	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && text.data[i] == '"')
			quoted = !quoted;
		if (i < text.len && (quoted || text.data[i] != ','))
			continue;
		strlist_take(list, span_dup(span_trim(span_make(text.data + start, i - start))));
		start = i + 1;
	}
}

/* Stored bytes are served with CRLF, and canon_decode replaces a stray CR or NUL. */
static void add_line(struct strbuf *header, struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		strbuf_add_byte(header, line.data[i] == '\r' || line.data[i] == '\0' ? ' ' : line.data[i]);
	strbuf_add_str(header, "\r\n");
}

static void read_fixture(struct stamps *stamps, struct fixture *fixture)
{
	struct span line = span_from(next_line(stamps), strlen("=== "));
	ssize_t colon = span_find(line, ':');

	*fixture = (struct fixture){ 0 };
	assert_true(colon > 0);
	fixture->name = span_dup(span_make(line.data, (size_t)colon));
	read_recipients(span_from(line, (size_t)colon + 1), &fixture->recipients);
	while (next_is(stamps, '#'))
		(void)next_line(stamps);
	while (next_is(stamps, ' '))
		add_line(&fixture->header, span_from(next_line(stamps), 1));
}

static void fixture_free(struct fixture *fixture)
{
	free(fixture->name);
	strlist_free(&fixture->recipients);
	strbuf_free(&fixture->header);
}

static bool has_recipient(const struct strlist *list, const char *wanted)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcasecmp(list->items[i], wanted) == 0)
			return true;
	}
	return false;
}

static bool is_true(const struct fixture *fixture, const struct route *route)
{
	const struct strlist *recipients = &route->recipients;

	/* No message comes from him. As a recipient he counts where the fixture names him. */
	if (strcmp(route->sender, VICTIM) == 0)
		return false;
	if (fixture->recipients.count == 0)
		return route->reason == ROUTE_POSTMASTER && recipients->count == 1 &&
		       strcmp(recipients->items[0], POSTMASTER) == 0;
	if (route->reason != ROUTE_ENVELOPE || recipients->count != fixture->recipients.count ||
	    route->partly_broken != strlist_has(&fixture->recipients, FALLBACK))
		return false;
	for (size_t i = 0; i < fixture->recipients.count; i++) {
		const char *wanted = fixture->recipients.items[i];

		if (!has_recipient(recipients, strcmp(wanted, FALLBACK) == 0 ? POSTMASTER : wanted))
			return false;
	}
	return true;
}

static char *join(const struct strlist *list)
{
	struct strbuf out = { 0 };

	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(&out, "%s%s", i > 0 ? ", " : "", list->items[i]);
	return strbuf_take(&out);
}

static void complain(struct stamps *stamps, const struct fixture *fixture, const struct route *route)
{
	char *wanted = join(&fixture->recipients);
	char *got = join(&route->recipients);

	print_message("# %s: `%s`, not `%s`, from `%s` (%s)\n", fixture->name, got,
	              fixture->recipients.count > 0 ? wanted : FALLBACK, route->sender, route->explanation);
	stamps->failures++;
	free(wanted);
	free(got);
}

static void check_bytes(struct stamps *stamps, const struct fixture *fixture, struct span bytes)
{
	struct header header;
	struct route route;

	header_parse(&header, bytes, false);
	route_message(&stamps->rules, &header, (struct span){ 0 }, &route);
	if (!is_true(fixture, &route))
		complain(stamps, fixture, &route);
	route_free(&route);
	header_free(&header);
}

/* As it comes over a slow line, with a body behind it. */
static size_t scan_by_bytes(struct span bytes)
{
	struct header_scan scan = { 0 };
	bool ended = false;
	bool capped = false;
	size_t used = 0;

	for (size_t i = 0; i < bytes.len && !ended; i++)
		used += header_scan_feed(&scan, bytes.data + i, 1, &ended, &capped);
	assert_true(ended);
	assert_false(capped);
	return used;
}

static void check_fixture(struct stamps *stamps)
{
	struct fixture fixture;
	struct span whole;
	size_t len;

	read_fixture(stamps, &fixture);
	whole = strbuf_span(&fixture.header);
	check_bytes(stamps, &fixture, whole);
	strbuf_add_str(&fixture.header, "Delivered-To: " VICTIM "\r\n\r\n");
	len = scan_by_bytes(strbuf_span(&fixture.header));
	check_bytes(stamps, &fixture, span_make(fixture.header.data, len));
	stamps->fixtures++;
	fixture_free(&fixture);
}

static void test_file(void **state)
{
	struct stamps stamps = { .path = *state };
	size_t len;

	stamps.data = read_file(stamps.path, &len);
	stamps.rest = span_make(stamps.data, len);
	read_rules(&stamps);
	while (next_is(&stamps, '='))
		check_fixture(&stamps);
	assert_int_equal(stamps.rest.len, 0);
	assert_true(stamps.fixtures > 0);
	strlist_free(&stamps.envelope);
	strlist_free(&stamps.domains);
	strlist_free(&stamps.received_by);
	strlist_free(&stamps.texts);
	free(stamps.data);
	if (stamps.failures > 0)
		fail_msg("%s: %u of %u fixtures go wrong", stamps.path, stamps.failures, 2 * stamps.fixtures);
}

int main(void)
{
	glob_t found;
	struct CMUnitTest *tests;
	int failures;

	if (glob(STAMPS, 0, NULL, &found) != 0) {
		fprintf(stderr, "no %s here\n", STAMPS);
		return 1;
	}
	tests = mem_array(found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ .name = found.gl_pathv[i],
			                        .test_func = test_file,
			                        .initial_state = found.gl_pathv[i] };
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failures = _cmocka_run_group_tests("stamps", tests, found.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&found);
	return failures;
}
