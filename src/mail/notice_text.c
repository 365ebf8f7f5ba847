/* SPDX-License-Identifier: ISC
 *
 * For people: which message it is, and who refused whom with which words.
 * Each value stands on lines of its own that are indented.
 */
#include "notice_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/escape.h"

#define WORDS_SHOWN_MAX 500u
#define REFUSALS_TEXT_MAX (12u * 1024u)

/* As wide as the longest label. */
#define SUMMARY_INDENT "              "

static void add_row(struct strbuf *out, const char *label, struct span value)
{
	struct strbuf text = { 0 };
	char *padded = str_format("  %-11s", label);

	escape_text(&text, value, NOTICE_VALUE_MAX);
	notice_wrap(out, padded, SUMMARY_INDENT, strbuf_span(&text));
	strbuf_free(&text);
	free(padded);
}

static void add_field_row(struct strbuf *out, const struct notice_facts *facts, const char *name)
{
	struct strbuf value = { 0 };
	char *label = str_format("%s:", name);

	if (!notice_add_field(&value, facts, name))
		strbuf_add_str(&value, "(none)");
	add_row(out, label, strbuf_span(&value));
	strbuf_free(&value);
	free(label);
}

static void add_size_row(struct strbuf *out, const struct notice_facts *facts)
{
	char size[32];

	snprintf(size, sizeof(size), "%" PRIu64 " bytes", facts->size);
	add_row(out, "Size:", span_of(size));
}

static void add_lying_rows(struct strbuf *out, const struct notice_facts *facts)
{
	add_row(out, "Account:", span_of(facts->account));
	add_row(out, "Server:", span_of(facts->server));
	add_row(out, "UID:", facts->uid.len > 0 ? facts->uid : SPAN("(none)"));
}

void notice_add_summary(struct strbuf *out, const struct notice_facts *facts, bool for_sender)
{
	static const char *const names[] = { "From", "To", "Subject", "Date", "Message-ID" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		add_field_row(out, facts, names[i]);
	add_size_row(out, facts);
	if (for_sender)
		return;
	add_row(out, "Sender:", facts->sender[0] != '\0' ? span_of(facts->sender) : SPAN("(none)"));
	add_lying_rows(out, facts);
}

void notice_add_place(struct strbuf *out, const struct notice_facts *facts)
{
	add_size_row(out, facts);
	add_lying_rows(out, facts);
}

void notice_add_value(struct strbuf *out, const char *value)
{
	struct strbuf text = { 0 };

	escape_text(&text, span_of(value), WORDS_SHOWN_MAX);
	notice_wrap(out, "  ", "  ", strbuf_span(&text));
	strbuf_add_str(out, "\r\n");
	strbuf_free(&text);
}

static void add_refusal(struct strbuf *out, const struct notice_refusal *refusal, bool for_sender)
{
	struct strbuf text = { 0 };
	const char *other = refusal->original;
	bool renamed = other != NULL && strcmp(other, refusal->recipient) != 0;

	escape_text(&text, span_of(renamed && for_sender ? other : refusal->recipient), NOTICE_VALUE_MAX);
	notice_wrap(out, "  ", "    ", strbuf_span(&text));
	strbuf_clear(&text);
	if (renamed && !for_sender) {
		escape_text(&text, span_of(other), NOTICE_VALUE_MAX);
		notice_wrap(out, "    addressed as", "      ", strbuf_span(&text));
		strbuf_clear(&text);
	}
	escape_text(&text, refusal->reply != NULL ? span_of(refusal->reply) : SPAN("(no reason given)"),
	            WORDS_SHOWN_MAX);
	notice_wrap(out, "    ", "    ", strbuf_span(&text));
	if (refusal->reply != NULL && refusal->reply[0] == '4')
		strbuf_add_str(out, "    (a refusal for the time being: tried again and again, and given up now)\r\n");
	strbuf_free(&text);
}

void notice_add_refusals(struct strbuf *out, const struct notice_facts *facts, bool for_sender)
{
	struct strbuf list = { 0 };
	struct strbuf one = { 0 };
	size_t shown = 0;

	while (shown < facts->refusal_count && shown < NOTICE_REFUSALS_SHOWN) {
		strbuf_clear(&one);
		add_refusal(&one, &facts->refusals[shown], for_sender);
		if (list.len + one.len > REFUSALS_TEXT_MAX)
			break;
		strbuf_add_span(&list, strbuf_span(&one));
		shown++;
	}
	if (shown < facts->refusal_count)
		strbuf_addf(&list, "  and %zu more\r\n", facts->refusal_count - shown);
	strbuf_add_str(&list, "\r\n");
	strbuf_add_span(out, strbuf_span(&list));
	strbuf_free(&one);
	strbuf_free(&list);
}

void notice_add_relay(struct strbuf *out, const struct notice_facts *facts)
{
	if (facts->relay == NULL)
		return;
	if (facts->relay_host != NULL)
		notice_paragraph(out, "The relay was \"%s\" at %s.", facts->relay, facts->relay_host);
	else
		notice_paragraph(out, "The relay was \"%s\".", facts->relay);
}

char *notice_recipients(const struct notice_facts *facts)
{
	return facts->refusal_count == 1 ? str_format("this recipient")
	                                 : str_format("these %zu recipients", facts->refusal_count);
}
