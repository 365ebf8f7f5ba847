/* SPDX-License-Identifier: ISC
 *
 * The mails that we write, and the header as it is edited: whatever the header
 * and the facts are, our lines are well formed, short enough and ours alone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/edit.h"
#include "multidropd/header.h"
#include "multidropd/notice.h"
#include "multidropd/str.h"

#define REFUSALS 120u
#define REPEATED_LEN 1500u
#define DELIMITER "\r\n--=_multidropd-t0ken"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static size_t count(struct span text, const char *what)
{
	size_t number = 0;
	const char *at;

	while (text.len > 0 && (at = memmem(text.data, text.len, what, strlen(what))) != NULL) {
		number++;
		text = span_from(text, (size_t)(at - text.data) + strlen(what));
	}
	return number;
}

/*
 * What stands up to the next line of the input, as a string: with \x01 and
 * \x02 for a line end within it, and many times over behind \x03.
 */
static char *take_fact(struct span *rest)
{
	ssize_t end = span_find(*rest, '\n');
	struct span line = span_make(rest->data, end < 0 ? rest->len : (size_t)end);
	bool repeated = line.len > 1 && line.data[0] == '\x03';
	struct strbuf fact = { 0 };

	*rest = span_from(*rest, end < 0 ? rest->len : (size_t)end + 1);
	do
		strbuf_add_span(&fact, line);
	while (repeated && fact.len < REPEATED_LEN);
	for (size_t i = 0; i < fact.len; i++) {
		if (fact.data[i] == '\x01' || fact.data[i] == '\x02')
			fact.data[i] = fact.data[i] == '\x01' ? '\n' : '\r';
		else if (fact.data[i] == '\x03' && repeated)
			fact.data[i] = 'x';
	}
	return strbuf_take(&fact);
}

static void check_lines(struct span text)
{
	size_t line_len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		line_len = byte == '\n' ? 0 : line_len + 1;
		require(line_len <= 999);
		if (byte == '\r')
			require(i + 1 < text.len && text.data[i + 1] == '\n');
		else if (byte == '\n')
			require(i > 0 && text.data[i - 1] == '\r');
		else
			require(byte == '\t' || (byte >= ' ' && byte <= '~'));
	}
}

/* `parts`: delimiters, the last one included. */
static void check(struct span text, size_t field_count, size_t parts)
{
	struct header header;

	require(text.len <= NOTICE_MAX);
	check_lines(text);
	require(count(text, DELIMITER) == parts);
	header_parse(&header, text, false);
	require(header.count == field_count && header.routing_count == field_count);
	require(span_is(header.fields[0].name, "From"));
	require(span_is(header.fields[field_count - 1].name, "Content-Transfer-Encoding"));
	header_free(&header);
}

static void check_notices(const struct notice_facts *facts)
{
	struct strbuf out = { 0 };
	struct strbuf suffix = { 0 };

	notice_copy(facts, &out, &suffix);
	strbuf_add_span(&out, strbuf_span(&suffix));
	check(strbuf_span(&out), 9, 3);
	strbuf_clear(&out);
	notice_bounce(facts, &out);
	check(strbuf_span(&out), 9, 4);
	require(facts->refusal_count == 0 || count(strbuf_span(&out), "\r\n\r\nFinal-Recipient: ") > 0);
	strbuf_clear(&out);
	notice_kept(facts, NOTICE_KEPT_REFUSED, facts->account, &out);
	check(strbuf_span(&out), 9, 0);
	strbuf_clear(&out);
	notice_kept(facts, NOTICE_KEPT_SIZE, NULL, &out);
	check(strbuf_span(&out), 9, 0);
	strbuf_clear(&out);
	notice_size(facts, &out);
	check(strbuf_span(&out), 9, 0);
	strbuf_clear(&out);
	strbuf_add_str(&out, "From: a\r\n");
	notice_body(facts, &out);
	check(strbuf_span(&out), 4, 0);
	(void)notice_may_bounce(facts->header, facts->sender);
	strbuf_free(&out);
	strbuf_free(&suffix);
}

/* Nothing is left that ends the header for anybody, or describes a body. */
static void check_all_fields(struct span text)
{
	struct header header;

	header_parse(&header, text, false);
	require(header.routing_count == header.count && header.rest.len == 0);
	for (size_t i = 0; i < header.count; i++)
		require(!header.fields[i].broken && !span_starts_case(header.fields[i].name, "Content-"));
	header_free(&header);
}

/* With nothing to edit it is the same bytes, the mbox line apart. */
static void check_edit(const struct header *header, struct span bytes)
{
	struct header_edits edits = { 0 };
	struct strbuf out = { 0 };
	size_t mbox_len = header->count > 0 && header->fields[0].mbox_line ? header->fields[0].raw.len : 0;

	header_edit(header, &edits, NULL, SPAN(""), &out);
	require(span_equal(strbuf_span(&out), span_from(bytes, mbox_len)));
	strbuf_clear(&out);
	edits.fix_message_id = true;
	header_edit(header, &edits, NULL, SPAN(""), &out);
	require(out.len >= bytes.len - mbox_len);
	strbuf_clear(&out);
	edits.other_body = true;
	header_edit(header, &edits, NULL, SPAN(""), &out);
	check_all_fields(strbuf_span(&out));
	strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notice_refusal refusals[REFUSALS];
	struct span rest = span_make(data, size);
	size_t refusal_count = size % 16 == 0 ? REFUSALS : size % 4;
	struct header header;
	char *facts[8];

	/* The token is one that nobody can guess. */
	if (size > 0 && memmem(data, size, "t0ken", 5) != NULL)
		return 0;
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		facts[i] = take_fact(&rest);
	for (size_t i = 0; i < refusal_count; i++)
		refusals[i] = (struct notice_refusal){ facts[5], i % 2 > 0 ? facts[6] : NULL,
			                               i % 3 > 0 ? facts[7] : facts[0] };
	header_parse(&header, rest, size % 2 > 0);
	check_edit(&header, rest);
	check_notices(&(struct notice_facts){ .hostname = facts[0],
	                                      .account = facts[1],
	                                      .postmaster = facts[2],
	                                      .server = facts[1],
	                                      .relay = size % 3 > 0 ? facts[3] : NULL,
	                                      .relay_host = size % 3 > 0 ? facts[3] : NULL,
	                                      .uid = span_of(facts[4]),
	                                      .size = size,
	                                      .limit = size / 2,
	                                      .recipient = size % 5 > 0 ? facts[6] : NULL,
	                                      .sender = facts[4],
	                                      .header = &header,
	                                      .token = "t0ken",
	                                      .refusals = refusals,
	                                      .refusal_count = refusal_count });
	header_free(&header);
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		free(facts[i]);
	return 0;
}
