/* SPDX-License-Identifier: ISC
 *
 * The delivery status notification for the sender (RFC 3464, 6522): text for
 * people, a report for machines, the message's header.
 */
#include <stdlib.h>

#include "notice_write.h"

#define STATUS_MAX (32u * 1024u)
#define EXCERPT_MAX (16u * 1024u)
#define END_LEN 512u /* what follows the excerpt, and the names of its part */

static void explain(const struct notice_facts *facts, struct strbuf *text)
{
	char *recipients = notice_recipients(facts);
	struct strbuf postmaster = { 0 };

	notice_paragraph(text,
	                 "This is the mail system at %s. Your message could not be delivered to %s. The reason "
	                 "stands below each address:",
	                 facts->hostname, recipients);
	notice_add_refusals(text, facts, true);
	notice_add_postmaster(&postmaster, facts);
	notice_paragraph(text, "What you can do: check the address for a mistake and send the message again. If the "
	                       "address is right, ask the postmaster there:");
	notice_add_value(text, strbuf_str(&postmaster));
	notice_paragraph(text, "Your message:");
	notice_add_summary(text, facts, true);
	strbuf_add_str(text, "\r\n");
	notice_paragraph(text, "A report for mail programs and the header of your message are attached.");
	strbuf_free(&postmaster);
	free(recipients);
}

/* Fields that fit, each whole. `quoted` is for all of them, or the part would mix two encodings. */
static void add_excerpt(struct strbuf *out, const struct header *header, size_t max)
{
	struct strbuf fields = { 0 };
	struct strbuf encoded = { 0 };
	bool quoted = false;
	size_t used = 0;

	for (size_t i = 0; i < header->count; i++)
		quoted = quoted || (!header->fields[i].mbox_line && notice_needs_quoting(header->fields[i].raw));
	for (size_t i = 0; i < header->count; i++) {
		struct span raw = header->fields[i].raw;

		if (header->fields[i].mbox_line || raw.len > max)
			continue;
		strbuf_clear(&encoded);
		notice_add_encoded(&encoded, raw, quoted);
		if (used + encoded.len > max)
			continue;
		used += encoded.len;
		strbuf_add_span(&fields, raw);
	}
	notice_add_part(out, "text/rfc822-headers", strbuf_span(&fields));
	strbuf_free(&encoded);
	strbuf_free(&fields);
}

static size_t left(const struct strbuf *out, size_t start, size_t max)
{
	size_t used = out->len - start + END_LEN;
	size_t free_len = used < NOTICE_MAX ? NOTICE_MAX - used : 0;

	return free_len < max ? free_len : max;
}

void notice_bounce(const struct notice_facts *facts, struct strbuf *out)
{
	struct strbuf text = { 0 };
	size_t start = out->len;

	notice_add_header(
		out, facts,
		&(struct notice_head){ .to = facts->sender, .what = "Undelivered", .auto_submitted = "auto-replied" });
	notice_begin_multipart(out, facts, "multipart/report; report-type=delivery-status", "7bit");
	explain(facts, &text);
	notice_add_delimiter(out, facts, false);
	notice_add_part(out, "text/plain", strbuf_span(&text));
	notice_add_delimiter(out, facts, false);
	strbuf_add_str(out, "Content-Type: message/delivery-status\r\n\r\n");
	notice_add_status(out, facts, left(out, start, STATUS_MAX));
	notice_add_delimiter(out, facts, false);
	add_excerpt(out, facts->header, left(out, start, EXCERPT_MAX));
	notice_add_delimiter(out, facts, true);
	strbuf_free(&text);
}
