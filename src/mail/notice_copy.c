/* SPDX-License-Identifier: ISC
 *
 * The postmaster's copy: an explanation, and the message as it came.
 */
#include <stdlib.h>

#include "notice_write.h"

static void explain(const struct notice_facts *facts, struct strbuf *text)
{
	char *recipients = notice_recipients(facts);

	notice_paragraph(text,
	                 "multidropd on %s fetched a message from the server %s for the account \"%s\". "
	                 "It could not be delivered to %s:",
	                 facts->hostname, facts->server, facts->account, recipients);
	notice_add_refusals(text, facts, false);
	notice_add_relay(text, facts);
	notice_paragraph(text,
	                 "The message is attached to this mail as it came. multidropd does not try to deliver it to %s "
	                 "again. Other recipients, if it has any, are not affected.",
	                 recipients);
	notice_paragraph(text, "What you can do: open the attachment to see whom it is for. If the address should "
	                       "work, set it up on your mail server and forward the attachment to its reader. If "
	                       "nobody has that address, delete this mail, or tell the sender.");
	notice_paragraph(text, "The message:");
	notice_add_summary(text, facts, false);
	free(recipients);
}

/* The message follows of whose bytes nothing is known yet: 8bit all the way up (RFC 2045 6.4). */
void notice_copy(const struct notice_facts *facts, struct strbuf *prefix, struct strbuf *suffix)
{
	struct strbuf text = { 0 };
	struct strbuf to = { 0 };

	notice_add_postmaster(&to, facts);
	notice_add_header(prefix, facts,
	                  &(struct notice_head){
				  .to = strbuf_str(&to), .what = "Undelivered", .auto_submitted = "auto-generated" });
	notice_begin_multipart(prefix, facts, "multipart/mixed", "8bit");
	explain(facts, &text);
	notice_add_delimiter(prefix, facts, false);
	notice_add_part(prefix, "text/plain", strbuf_span(&text));
	notice_add_delimiter(prefix, facts, false);
	strbuf_add_str(prefix, "Content-Type: message/rfc822\r\n"
	                       "Content-Transfer-Encoding: 8bit\r\n"
	                       "Content-Disposition: attachment; filename=\"message.eml\"\r\n\r\n");
	notice_add_delimiter(suffix, facts, true);
	strbuf_free(&to);
	strbuf_free(&text);
}
