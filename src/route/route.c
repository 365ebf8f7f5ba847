/* SPDX-License-Identifier: ISC
 *
 * From a message's header to its envelope. The first source that is present
 * decides alone; what cannot be placed goes to the postmaster, and nobody is
 * guessed.
 */
#include "multidropd/route.h"

#include <stdlib.h>

#include "explain.h"
#include "multidropd/mem.h"
#include "recipients.h"
#include "sender.h"
#include "source.h"

/* Recipients are counted in `recipients` until all is known. */
struct decision {
	const struct route_rules *rules;
	const struct header *header;
	struct source source;
	struct recipients recipients;
	struct strbuf explanation;
};

static void fall_back(struct decision *decision, struct route *route)
{
	route->reason = ROUTE_POSTMASTER;
	recipients_free(&decision->recipients);
	recipients_add_own(&decision->recipients, decision->rules->postmaster);
}

/* Why the source that is present gives no recipients; NULL: it does. */
static const char *what_is_wrong(const struct decision *decision)
{
	const struct recipients *recipients = &decision->recipients;

	for (size_t i = 0; i < decision->source.count; i++) {
		if (decision->header->fields[decision->source.first + i].oversize)
			return "is too large to be read";
	}
	if (source_is_cut(decision->rules, decision->header, &decision->source))
		return "is not certainly the last one: the header goes on where it is not read";
	if (recipients->too_many)
		return "names too many recipients";
	if (recipients->list.count > 0)
		return NULL;
	if (recipients->broken > 0)
		return "is no usable address";
	return recipients->foreign > 0 ? "names nobody within domains" : "is empty";
}

static void read_source(struct decision *decision)
{
	for (size_t i = 0; i < decision->source.count; i++) {
		const struct header_field *field = &decision->header->fields[decision->source.first + i];

		if (!field->oversize && !decision->recipients.too_many)
			recipients_add(&decision->recipients, decision->rules, field->value);
	}
}

/* Where the fallback decides, the stamp stays in: the postmaster has to see it. */
static void mark_removed(const struct decision *decision, struct route *route)
{
	for (size_t i = 0; decision->rules->remove_header && i < decision->source.count; i++)
		route->remove[decision->source.first + i] = true;
}

static void decide_by_source(struct decision *decision, struct route *route)
{
	struct strbuf *text = &decision->explanation;
	const char *wrong;

	route->reason = ROUTE_ENVELOPE;
	route->source = decision->source.name;
	read_source(decision);
	wrong = what_is_wrong(decision);
	strbuf_add_str(text, wrong != NULL ? "fallback: " : "");
	explain_source(text, decision->header, &decision->source);
	if (wrong != NULL) {
		strbuf_addf(text, " %s", wrong);
		fall_back(decision, route);
	} else {
		mark_removed(decision, route);
		route->partly_broken = decision->recipients.broken > 0;
	}
	if (route->partly_broken) {
		strbuf_add_str(text, "; some of it is no usable address, so it goes to the postmaster, too");
		recipients_add_own(&decision->recipients, decision->rules->postmaster);
	}
	explain_passed_over(text, decision->rules, decision->header, &decision->source);
}

static void decide_by_envelope(struct decision *decision, struct route *route)
{
	const struct strlist *envelope = decision->rules->envelope;

	for (size_t i = 0; i < envelope->count; i++) {
		source_find(decision->rules, decision->header, envelope->items[i], &decision->source);
		if (decision->source.state == SOURCE_PRESENT) {
			decide_by_source(decision, route);
			return;
		}
	}
	strbuf_add_str(&decision->explanation, "fallback: ");
	explain_absence(&decision->explanation, decision->rules, decision->header);
	fall_back(decision, route);
}

static void decide_by_configuration(struct decision *decision, struct route *route)
{
	route->reason = ROUTE_FIXED;
	strbuf_add_str(&decision->explanation, "the account's recipient");
	for (size_t i = 0; i < decision->rules->fixed->count; i++)
		recipients_add_own(&decision->recipients, decision->rules->fixed->items[i]);
}

/* Ours is not the last hop any more, so Return-Path is the next server's to write (RFC 5321 4.4). */
static void remove_return_path(const struct decision *decision, struct route *route)
{
	ssize_t at = sender_return_path(decision->header);

	if (at >= 0 && decision->rules->remove_header)
		route->remove[at] = true;
}

void route_message(const struct route_rules *rules, const struct header *header, struct span envelope_lines,
                   struct route *route)
{
	struct decision decision = { .rules = rules, .header = header };

	(void)envelope_lines;

	*route = (struct route){ .remove_count = header->count };
	route->remove = mem_array(header->count, sizeof(*route->remove));
	route->sender = sender_find(rules, header);
	if (rules->fixed != NULL && rules->fixed->count > 0)
		decide_by_configuration(&decision, route);
	else
		decide_by_envelope(&decision, route);
	remove_return_path(&decision, route);
	strlist_copy(&route->recipients, &decision.recipients.list);
	route->explanation = strbuf_take(&decision.explanation);
	recipients_free(&decision.recipients);
}

void route_free(struct route *route)
{
	strlist_free(&route->recipients);
	free(route->sender);
	free(route->explanation);
	free(route->remove);
	*route = (struct route){ 0 };
}
