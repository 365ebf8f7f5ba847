/* SPDX-License-Identifier: ISC
 *
 * What is believed of a Received field stands in it, and stands as well when
 * it is written anew. And what no sender can do: in a field whose HELO text and
 * envelope sender are the input, as servers write them that escape neither,
 * only the server's own `by` and `for` are believed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/received.h"
#include "multidropd/str.h"
#include "multidropd/trace.h"

#define DATE "; Tue, 24 Nov 2026 13:00:00 +0100"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

/* All bytes of `part`, blanks apart, come in `whole` in that order. */
static bool stands_in(const char *part, struct span whole)
{
	for (size_t i = 0; i < whole.len && *part != '\0'; i++) {
		while (*part == ' ' || *part == '\t')
			part++;
		if (whole.data[i] == *part)
			part++;
	}
	return *part == '\0';
}

static void check_same(const char *value, const struct received *want)
{
	struct received again;

	received_parse(&again, span_of(value));
	require(again.fault == NULL && strcmp(again.by, want->by) == 0);
	require((again.recipients == NULL) == (want->recipients == NULL));
	require(want->recipients == NULL || strcmp(again.recipients, want->recipients) == 0);
	received_free(&again);
}

static void check_anew(const struct received *received)
{
	char *value;

	if (received->by == NULL)
		return;
	if (received->recipients == NULL)
		value = str_format("from x (for v@o) by %s" DATE, received->by);
	else
		value = str_format("by (x) %s for\r\n\t%s (by y) with SMTP" DATE, received->by, received->recipients);
	check_same(value, received);
	free(value);
}

static void check_field(struct span value)
{
	struct received received;

	received_parse(&received, value);
	if (received.by != NULL)
		require(received.by[0] != '\0' && strpbrk(received.by, "\r\n") == NULL &&
		        stands_in(received.by, value));
	if (received.recipients != NULL) {
		require(received.recipients[0] != '\0' && strpbrk(received.recipients, "\r\n") == NULL);
		require(stands_in(received.recipients, value));
	}
	if (received.fault != NULL)
		require(received.recipients == NULL);
	else
		check_anew(&received);
	received_free(&received);
}

/* The text as a line can hold it. */
static void add_line_text(struct strbuf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		strbuf_add_byte(out, byte < ' ' || byte == 0x7f ? ' ' : (char)byte);
	}
}

/* RFC 5321 4.1.2 Quoted-string, with those quoted pairs that it came with. */
static void add_quoted(struct strbuf *out, struct span text)
{
	strbuf_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"' || (text.data[i] == '\\' && i + 1 == text.len))
			strbuf_add_byte(out, '\\');
		if (text.data[i] == '\\' && i + 1 < text.len)
			add_line_text(out, span_make(&text.data[i++], 1));
		add_line_text(out, span_make(&text.data[i], 1));
	}
	strbuf_add_byte(out, '"');
}

static void check_forgery(const struct strbuf *value, const char *recipients)
{
	struct received received;

	received_parse(&received, strbuf_span(value));
	if (received.by != NULL)
		require(strcmp(received.by, "mx.real") == 0);
	if (received.fault == NULL) {
		require(received.by != NULL && (recipients == NULL) == (received.recipients == NULL));
		require(recipients == NULL || strcmp(recipients, received.recipients) == 0);
	}
	received_free(&received);
}

/* As Exim writes it. */
static void check_comments(struct span helo, struct span sender, const char *recipients)
{
	struct strbuf value = { 0 };

	strbuf_add_str(&value, "from [192.0.2.1] (helo=");
	add_line_text(&value, helo);
	strbuf_add_str(&value, ")\r\n\tby mx.real with esmtp (Exim 4.96)\r\n\t(envelope-from <");
	add_quoted(&value, sender);
	strbuf_add_str(&value, "@e.example>)\r\n\tid 1rABC-0001Xy-2z");
	if (recipients != NULL)
		strbuf_addf(&value, "\r\n\tfor %s", recipients);
	strbuf_add_str(&value, DATE);
	check_forgery(&value, recipients);
	strbuf_free(&value);
}

/* As others do, and with a recipient that was quoted. */
static void check_from(struct span helo, struct span recipient)
{
	struct strbuf value = { 0 };
	struct strbuf path = { 0 };

	strbuf_add_str(&value, "from ");
	add_line_text(&value, helo);
	strbuf_add_str(&value, " (rdns [192.0.2.1])\r\n\tby mx.real (8.17) with ESMTP id 3AOC0");
	if (recipient.len > 0) {
		strbuf_add_byte(&path, '<');
		add_quoted(&path, recipient);
		strbuf_add_str(&path, "@office.example>");
		strbuf_addf(&value, "\r\n\tfor %s", strbuf_str(&path));
	}
	strbuf_add_str(&value, DATE);
	check_forgery(&value, recipient.len > 0 ? strbuf_str(&path) : NULL);
	strbuf_free(&value);
	strbuf_free(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_make(data, size);
	ssize_t parted = span_find(value, '\n');
	struct span helo = parted < 0 ? value : span_make(data, (size_t)parted);
	struct span sender = parted < 0 ? SPAN("") : span_from(value, (size_t)parted + 1);

	check_field(value);
	check_comments(helo, sender, NULL);
	check_comments(helo, sender, "alice@office.example");
	check_from(helo, sender);
	(void)trace_is_ours(value, "mx.real");
	return 0;
}
