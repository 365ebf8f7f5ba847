/* SPDX-License-Identifier: ISC
 *
 * From a message's header to its envelope. The first source that is present
 * decides alone; what cannot be placed goes to the fallback, and nobody is
 * guessed unless the administrator asked for it.
 */
#include "multidropd/route.h"

#include <stdlib.h>

#include "expand.h"
#include "explain.h"
#include "guess.h"
#include "hops.h"
#include "multidropd/mem.h"
#include "recipients.h"
#include "sender.h"
#include "source.h"

/* Recipients are counted in `expansion` until all is known. */
struct decision {
	const struct route_rules *rules;
	const struct header *header;
	struct span envelope_lines;
	struct source *tried; /* sources of rules->envelope, up to the one that decides */
	size_t tried_count;
	const struct source *decided; /* NULL: none */
	struct expansion expansion;
	struct strbuf explanation;
};

/* --- fallback --- */

static void fall_back_to_postmaster(struct decision *decision, struct route *route)
{
	if (!route->partly_broken)
		route->reason = ROUTE_POSTMASTER;
	expand_add_own(&decision->expansion, decision->rules->postmaster);
}

static void fall_back_to_server(struct decision *decision, struct route *route)
{
	if (!route->partly_broken)
		route->reason = ROUTE_KEPT;
	route->keep = true;
	strbuf_addf(&decision->explanation, "%s it stays on the server%s (fallback = keep)",
	            route->partly_broken ? ", so" : ";", route->partly_broken ? ", too" : "");
}

static void fall_back_to_headers(struct decision *decision, struct route *route)
{
	struct strbuf *text = &decision->explanation;
	struct guess guess;
	const char *wrong = guess_make(&guess, decision->rules, decision->header);
	size_t sum = decision->expansion.recipients.list.count + guess.expansion.recipients.list.count;

	if (wrong == NULL && sum > ROUTE_RECIPIENTS_MAX)
		wrong = "too many recipients";
	strbuf_add_str(text, wrong != NULL ? "; no guess from " : "; guessed from ");
	explain_guess(text, decision->header, &guess);
	if (wrong != NULL) {
		strbuf_addf(text, ": %s (fallback = headers), so it goes to the postmaster%s", wrong,
		            route->partly_broken ? ", too" : "");
		fall_back_to_postmaster(decision, route);
	} else {
		strbuf_addf(text, "%s (fallback = headers)", route->partly_broken ? ", too" : "");
		if (!route->partly_broken)
			route->reason = ROUTE_HEADERS;
		route->guessed = true;
		expand_merge(&decision->expansion, &guess.expansion);
	}
	guess_free(&guess);
}

/* Instead of what was stamped or, where that is partly broken, besides. */
static void fall_back(struct decision *decision, struct route *route)
{
	if (!route->partly_broken)
		expand_free(&decision->expansion);
	switch (decision->rules->fallback) {
	case ROUTE_FALLBACK_KEEP:
		fall_back_to_server(decision, route);
		break;
	case ROUTE_FALLBACK_HEADERS:
		fall_back_to_headers(decision, route);
		break;
	case ROUTE_FALLBACK_POSTMASTER:
		if (route->partly_broken)
			strbuf_add_str(&decision->explanation, ", so it goes to the postmaster, too");
		fall_back_to_postmaster(decision, route);
		break;
	}
}

/* --- the envelope --- */

static void read_recipients(const struct decision *decision, struct recipients *recipients)
{
	const struct source *source = decision->decided;

	for (size_t i = 0; i < source->value_count && !recipients->too_many; i++) {
		if (source->kind == SOURCE_ENV)
			recipients_add_path(recipients, decision->rules, source->values[i]);
		else
			recipients_add(recipients, decision->rules, source->values[i]);
	}
}

/* Why the source that is present gives no recipients; NULL: it does. */
static const char *what_is_wrong(const struct expansion *expansion, const struct recipients *recipients)
{
	if (recipients->too_many || expansion->too_many)
		return "names too many recipients";
	if (expansion->recipients.list.count > 0 || expansion->discarded.count > 0)
		return NULL;
	if (expansion->circular > 0)
		return "is led in a circle by virtual";
	if (recipients->broken > 0)
		return "is no usable address";
	return recipients->foreign > 0 ? "names nobody within domains" : "is empty";
}

/* Returns what_is_wrong. */
static const char *take_recipients(struct decision *decision, struct route *route)
{
	struct recipients recipients = { 0 };
	const char *wrong = decision->decided->fault;

	if (wrong == NULL) {
		read_recipients(decision, &recipients);
		expand_add_list(&decision->expansion, decision->rules, &recipients.ours.list);
		wrong = what_is_wrong(&decision->expansion, &recipients);
	}
	route->partly_broken = wrong == NULL && (recipients.broken > 0 || decision->expansion.circular > 0);
	if (route->partly_broken)
		wrong = recipients.broken > 0 ? "some of it is no usable address"
		                              : "virtual leads some of it in a circle";
	recipients_free(&recipients);
	return wrong;
}

/* Received is a trace field and stays (RFC 5321 4.4). */
static void mark_removed(const struct decision *decision, struct route *route)
{
	const struct source *source = decision->decided;

	for (size_t i = 0; source->kind == SOURCE_FIELD && decision->rules->remove_header && i < source->count; i++)
		route->remove[source->first + i] = true;
}

static void decide_by_source(struct decision *decision, struct route *route)
{
	struct strbuf *text = &decision->explanation;
	struct explain_tried before = { decision->tried, decision->tried_count - 1 };
	const char *wrong;

	route->reason = ROUTE_ENVELOPE;
	route->source = decision->decided->name;
	wrong = take_recipients(decision, route);
	strbuf_add_str(text, wrong != NULL && !route->partly_broken ? "fallback: " : "");
	explain_source(text, decision->decided);
	if (wrong != NULL) {
		strbuf_addf(text, "%s %s", route->partly_broken ? ";" : "", wrong);
		fall_back(decision, route);
	}
	/* Where the fallback alone decides, the stamp stays in: the postmaster has to see it. */
	if (wrong == NULL || route->partly_broken)
		mark_removed(decision, route);
	explain_discarded(text, &decision->expansion.discarded);
	explain_passed_over(text, decision->rules, before);
}

static void find_source(struct decision *decision)
{
	const struct strlist *envelope = decision->rules->envelope;
	const struct source_place place = { decision->rules, decision->header, decision->envelope_lines };

	decision->tried = mem_array(envelope->count, sizeof(*decision->tried));
	for (size_t i = 0; i < envelope->count && decision->decided == NULL; i++) {
		struct source *source = &decision->tried[decision->tried_count++];

		source_find(&place, envelope->items[i], source);
		if (source->state == SOURCE_PRESENT)
			decision->decided = source;
	}
}

static void decide_by_envelope(struct decision *decision, struct route *route)
{
	struct explain_tried tried;

	find_source(decision);
	if (decision->decided != NULL) {
		decide_by_source(decision, route);
		return;
	}
	tried = (struct explain_tried){ decision->tried, decision->tried_count };
	strbuf_add_str(&decision->explanation, "fallback: ");
	explain_absence(&decision->explanation, decision->rules, decision->header, tried);
	fall_back(decision, route);
	explain_discarded(&decision->explanation, &decision->expansion.discarded);
}

static void decide_by_configuration(struct decision *decision, struct route *route)
{
	route->reason = ROUTE_FIXED;
	strbuf_add_str(&decision->explanation, "the account's recipient");
	for (size_t i = 0; i < decision->rules->fixed->count; i++)
		expand_add_own(&decision->expansion, decision->rules->fixed->items[i]);
}

/* True: the message goes round in a circle, and everybody who gets it again makes it worse. */
static bool stop_loop(struct decision *decision, struct route *route)
{
	struct hops hops = hops_count(decision->rules, decision->header);

	if (!hops_are_a_loop(&hops))
		return false;
	route->reason = ROUTE_LOOP;
	route->keep = true;
	explain_loop(&decision->explanation, decision->rules, &hops);
	return true;
}

/* Ours is not the last hop any more, so Return-Path is the next server's to write (RFC 5321 4.4). */
static void remove_return_path(const struct decision *decision, struct route *route)
{
	ssize_t at = sender_return_path(decision->header);

	if (at >= 0 && decision->rules->remove_header)
		route->remove[at] = true;
}

static void decision_finish(struct decision *decision, struct route *route)
{
	const struct source *source = decision->decided;
	bool by_env = source != NULL && source->kind == SOURCE_ENV;

	remove_return_path(decision, route);
	route->sender = sender_find(decision->rules, decision->header, by_env ? &source->env : NULL);
	route->recipients = unique_take_list(&decision->expansion.recipients);
	route->originals = decision->expansion.originals;
	route->discarded = decision->expansion.discarded;
	route->explanation = strbuf_take(&decision->explanation);
	for (size_t i = 0; i < decision->tried_count; i++)
		source_free(&decision->tried[i]);
	free(decision->tried);
}

void route_message(const struct route_rules *rules, const struct header *header, struct span envelope_lines,
                   struct route *route)
{
	struct decision decision = { .rules = rules, .header = header, .envelope_lines = envelope_lines };

	*route = (struct route){ .remove_count = header->count };
	route->remove = mem_array(header->count, sizeof(*route->remove));
	if (!stop_loop(&decision, route)) {
		if (rules->fixed != NULL && rules->fixed->count > 0)
			decide_by_configuration(&decision, route);
		else
			decide_by_envelope(&decision, route);
	}
	decision_finish(&decision, route);
}

void route_free(struct route *route)
{
	strlist_free(&route->recipients);
	strlist_free(&route->originals);
	strlist_free(&route->discarded);
	free(route->sender);
	free(route->explanation);
	free(route->remove);
	*route = (struct route){ 0 };
}
