/* SPDX-License-Identifier: ISC
 *
 * Rules as text, and headers routed by them.
 */
#ifndef TEST_ROUTE_H
#define TEST_ROUTE_H

#include <stdlib.h>
#include <string.h>

#include "multidropd/header.h"
#include "multidropd/mem.h"
#include "multidropd/route.h"
#include "multidropd/str.h"

#define POSTMASTER "postmaster@office.example"
#define FALLBACK POSTMASTER

/* What a sender's own system leaves in a header below the provider's fields. */
#define RECEIVED                                                                                                       \
	"Received: from mx.sender.example by pop.provider.example with ESMTP id 1; Tue, 24 Nov 2026 13:00:00 "         \
	"+0000\r\n"
#define SENDER "From: Mallory <mallory@sender.example>\r\nTo: victim@office.example\r\nSubject: x\r\n"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* The rules of a case: lists have their members parted by blanks. */
struct rules_text {
	const char *envelope; /* NULL: "X-Envelope-To" */
	const char *domains;  /* NULL: "office.example" */
	bool any;
	unsigned skip;
	enum route_which which;
	const char *prefix, *suffix;
	bool keep_header;
	const char *sender;
	const char *fixed;
	const char *by;
	unsigned depth; /* 0: 3 */
	enum route_fallback fallback;
	const char *virtual_map; /* a line an entry, ended by LF: the address and its targets */
	const char *rewrite;
	const char *env; /* lines as the server answered */
};

struct rules_lists {
	struct strlist fixed, envelope, domains, received_by;
	struct virtual_map virtual_map;
};

static inline void split(struct strlist *list, const char *text)
{
	struct span rest = span_of(text);
	struct span word;

	while ((word = span_token(&rest)).len > 0)
		strlist_take(list, span_dup(word));
}

static inline void virtual_line(struct virtual_map *map, struct span line)
{
	char *address = span_dup(span_token(&line));
	char *rest = span_dup(line);
	struct strlist targets = { 0 };

	split(&targets, rest);
	virtual_map_add(map, address, &targets);
	free(address);
	free(rest);
}

static inline void virtual_text(struct virtual_map *map, const char *text)
{
	struct span rest = span_of(text);

	while (rest.len > 0) {
		size_t len = (size_t)span_find(rest, '\n');

		virtual_line(map, span_make(rest.data, len));
		rest = span_from(rest, len + 1);
	}
	virtual_map_sort(map);
}

static inline struct route_rules rules_make(const struct rules_text *text, struct rules_lists *lists)
{
	*lists = (struct rules_lists){ 0 };
	split(&lists->fixed, text->fixed);
	split(&lists->envelope, text->envelope != NULL ? text->envelope : "X-Envelope-To");
	split(&lists->domains, text->domains != NULL ? text->domains : "office.example");
	split(&lists->received_by, text->by);
	virtual_text(&lists->virtual_map, text->virtual_map);
	return (struct route_rules){
		.fixed = &lists->fixed,
		.postmaster = POSTMASTER,
		.hostname = "multidrop.office.example",
		.envelope = &lists->envelope,
		.position_any = text->any,
		.skip = text->skip,
		.which = text->which,
		.strip_prefix = text->prefix,
		.strip_suffix = text->suffix,
		.received_by = &lists->received_by,
		.received_depth = text->depth > 0 ? text->depth : 3,
		.domains = &lists->domains,
		.fallback = text->fallback,
		.virtual_map = &lists->virtual_map,
		.rewrite_domain = text->rewrite,
		.remove_header = !text->keep_header,
		.sender = text->sender,
	};
}

static inline void rules_free(struct rules_lists *lists)
{
	strlist_free(&lists->fixed);
	strlist_free(&lists->envelope);
	strlist_free(&lists->domains);
	strlist_free(&lists->received_by);
	virtual_map_free(&lists->virtual_map);
}

/* Members with a blank between each two; where one is empty, "-". */
static inline char *join(const struct strlist *list)
{
	struct strbuf out = { 0 };

	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(&out, "%s%s", i > 0 ? " " : "", list->items[i][0] != '\0' ? list->items[i] : "-");
	return strbuf_take(&out);
}

/* One letter a field: '-' where it is taken out. */
static inline char *show_removed(const struct route *route)
{
	struct strbuf out = { 0 };

	for (size_t i = 0; i < route->remove_count; i++)
		strbuf_add_byte(&out, route->remove[i] ? '-' : '.');
	return strbuf_take(&out);
}

/* All that says who gets it: "REASON recipients; stamped originals; discarded some; kept; partly". */
static inline char *show_route(const struct route *route)
{
	static const char *const reasons[] = {
		[ROUTE_FIXED] = "fixed",           [ROUTE_ENVELOPE] = "envelope", [ROUTE_HEADERS] = "headers",
		[ROUTE_POSTMASTER] = "postmaster", [ROUTE_KEPT] = "kept",         [ROUTE_LOOP] = "loop",
	};
	char *recipients = join(&route->recipients);
	char *originals = join(&route->originals);
	char *discarded = join(&route->discarded);
	char *text = str_format("%s %s; stamped %s%s%s%s%s", reasons[route->reason], recipients, originals,
	                        discarded[0] != '\0' ? "; discarded " : "", discarded, route->keep ? "; keep" : "",
	                        route->partly_broken ? "; partly" : "");

	free(recipients);
	free(originals);
	free(discarded);
	return text;
}

static inline void route_text(const struct rules_text *text, struct span bytes, bool capped, struct route *route)
{
	struct rules_lists lists;
	struct route_rules rules = rules_make(text, &lists);
	struct header header;

	header_parse(&header, bytes, capped);
	route_message(&rules, &header, span_of(text->env), route);
	route->source = NULL;
	header_free(&header);
	rules_free(&lists);
}

struct route_case {
	const char *what;
	struct rules_text rules;
	const char *header;
	const char *recipients; /* parted by blanks */
};

static inline void check_route(const struct route_case *test)
{
	struct route route;
	char *recipients;

	route_text(&test->rules, span_of(test->header), false, &route);
	recipients = join(&route.recipients);
	if (strcmp(recipients, test->recipients) != 0)
		fail_msg("%s: `%s`, not `%s` (%s)", test->what, recipients, test->recipients, route.explanation);
	assert_int_equal(route.originals.count, route.recipients.count);
	assert_int_equal(route.reason == ROUTE_POSTMASTER, strcmp(test->recipients, FALLBACK) == 0);
	free(recipients);
	route_free(&route);
}

static inline void check_table(const struct route_case *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_route(&table[i]);
}

/* The same, with all of the route looked at, as show_route has it; NULL explanation: any. */
struct shown_case {
	const char *what;
	struct rules_text rules;
	const char *header;
	const char *route;
	const char *explanation;
};

static inline void check_shown(const struct shown_case *test)
{
	struct route route;
	char *shown;

	route_text(&test->rules, span_of(test->header), false, &route);
	shown = show_route(&route);
	if (strcmp(shown, test->route) != 0)
		fail_msg("%s: `%s`, not `%s` (%s)", test->what, shown, test->route, route.explanation);
	if (test->explanation != NULL && strcmp(route.explanation, test->explanation) != 0)
		fail_msg("%s: `%s`, not `%s`", test->what, route.explanation, test->explanation);
	free(shown);
	route_free(&route);
}

static inline void check_shown_table(const struct shown_case *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_shown(&table[i]);
}

#endif
