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

static void add_path(struct strbuf *out, struct span local, const char *domain)
{
	add_quoted(out, local);
	strbuf_add_byte(out, '@');
	strbuf_add_str(out, domain);
}

/* As Exim writes it. */
static void check_comments(struct span helo, struct span sender, const char *recipient)
{
	struct strbuf value = { 0 };

	strbuf_add_str(&value, "from [192.0.2.1] (helo=");
	add_line_text(&value, helo);
	strbuf_add_str(&value, ")\r\n\tby mx.real with esmtp (Exim 4.96)\r\n\t(envelope-from <");
	add_path(&value, sender, "e.example");
	strbuf_add_str(&value, ">)\r\n\tid 1rABC-0001Xy-2z");
	if (recipient != NULL)
		strbuf_addf(&value, "\r\n\tfor %s", recipient);
	strbuf_add_str(&value, DATE);
	check_forgery(&value, recipient);
	strbuf_free(&value);
}

/* As others do, some of them with the sender in a path that is no comment. */
static void check_from(struct span helo, struct span sender, const char *recipient)
{
	struct strbuf value = { 0 };

	strbuf_add_str(&value, "from ");
	add_line_text(&value, helo);
	strbuf_add_str(&value, " (rdns [192.0.2.1])\r\n\tby mx.real (8.17) with ESMTP id 3AOC0");
	if (sender.len > 0) {
		strbuf_add_str(&value, "\r\n\tenvelope-from <");
		add_path(&value, sender, "e.example");
		strbuf_add_byte(&value, '>');
	}
	if (recipient != NULL)
		strbuf_addf(&value, "\r\n\tfor <%s>", recipient);
	strbuf_add_str(&value, DATE);
	if (recipient != NULL) {
		char *path = str_format("<%s>", recipient);

		check_forgery(&value, path);
		free(path);
	} else {
		check_forgery(&value, NULL);
	}
	strbuf_free(&value);
}

static struct span take_line(struct span *rest)
{
	ssize_t end = span_find(*rest, '\n');
	struct span line = end < 0 ? *rest : span_make(rest->data, (size_t)end);

	*rest = span_from(*rest, end < 0 ? rest->len : line.len + 1);
	return line;
}

/* A line for each of a sender's words: HELO text, the local part of the sender, that of the recipient. */
static void check_forgeries(struct span words)
{
	struct span helo = take_line(&words);
	struct span sender = take_line(&words);
	struct strbuf recipient = { 0 };

	add_path(&recipient, words, "office.example");
	check_comments(helo, sender, NULL);
	check_comments(helo, sender, "alice@office.example");
	check_comments(helo, sender, strbuf_str(&recipient));
	check_from(helo, sender, NULL);
	check_from(helo, sender, strbuf_str(&recipient));
	strbuf_free(&recipient);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_make(data, size);

	check_field(value);
	check_forgeries(value);
	(void)trace_is_ours(value, "mx.real");
	return 0;
}
