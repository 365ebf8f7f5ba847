/* SPDX-License-Identifier: ISC
 *
 * To the recipients of a message that is too large: that it stays on the
 * server, in a mail of our own or below the message's header. They read mail
 * and have no account there, so what they can do is to ask.
 */
#include <inttypes.h>

#include "notice_write.h"

static void explain(const struct notice_facts *facts, struct strbuf *text)
{
	notice_paragraph(text,
	                 "It is larger than what is fetched from there: it has %" PRIu64
	                 " bytes, and the limit is %" PRIu64
	                 ". So it stays on the server %s, in the mailbox of the account \"%s\". Nothing is lost: it is "
	                 "there, under the UID given below, until somebody deletes it.",
	                 facts->size, facts->limit, facts->server, facts->account);
}

static void advise(const struct notice_facts *facts, struct strbuf *text)
{
	struct strbuf postmaster = { 0 };

	notice_add_postmaster(&postmaster, facts);
	notice_paragraph(text,
	                 "What you can do: ask %s to let you have it, and name the UID. Or ask the sender for "
	                 "smaller messages, or to send what is in it in another way. You get this only once for "
	                 "this message.",
	                 strbuf_str(&postmaster));
	strbuf_free(&postmaster);
}

void notice_size(const struct notice_facts *facts, struct strbuf *out)
{
	struct strbuf text = { 0 };

	notice_add_header(out, facts,
	                  &(struct notice_head){ .to = facts->recipient,
	                                         .what = "Too large, left on the server",
	                                         .auto_submitted = "auto-generated" });
	notice_paragraph(&text,
	                 "multidropd on %s fetches your mail from a provider. A message for you was not fetched.",
	                 facts->hostname);
	explain(facts, &text);
	advise(facts, &text);
	notice_paragraph(&text, "The message:");
	notice_add_summary(&text, facts, false);
	notice_add_part(out, "text/plain", strbuf_span(&text));
	strbuf_free(&text);
}

void notice_body(const struct notice_facts *facts, struct strbuf *out)
{
	struct strbuf text = { 0 };

	notice_paragraph(&text, "This is only the header of a message for you, written by multidropd on %s.",
	                 facts->hostname);
	explain(facts, &text);
	advise(facts, &text);
	notice_add_place(&text, facts);
	strbuf_add_str(out, "MIME-Version: 1.0\r\n");
	notice_add_part(out, "text/plain", strbuf_span(&text));
	strbuf_free(&text);
}
