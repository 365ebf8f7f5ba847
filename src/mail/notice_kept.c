/* SPDX-License-Identifier: ISC
 *
 * The short notice about what stays on the server.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "notice_write.h"

static void explain_refused(const struct notice_facts *facts, struct strbuf *text)
{
	char *recipients = notice_recipients(facts);

	notice_paragraph(text, "It could not be delivered to %s, and the copy for you was refused, too:", recipients);
	notice_add_refusals(text, facts, false);
	notice_add_relay(text, facts);
	free(recipients);
}

/* The way out of each case, for a reader who has a mail program and the configuration. */
static const struct {
	const char *happened;
	const char *advice;
} cases[] = {
	[NOTICE_KEPT_REFUSED] = { NULL, "Look at the replies above for what your mail server objects to." },
	[NOTICE_KEPT_FALLBACK] = { "Nobody could be found whom it is for, and `fallback = keep` leaves such mail "
	                           "where it is.",
	                           "If this happens often, look whether `envelope` and `domains` in the multidrop "
	                           "block of this account name what the provider writes." },
	[NOTICE_KEPT_LOOP] = { "It goes round in a loop: it has been here before, or it has passed through too many "
	                       "servers.",
	                       "Look for a recipient whose mail is forwarded back to this mailbox, and undo that." },
	[NOTICE_KEPT_SIZE] = { NULL, "Or let it be delivered with a larger `max_size` for this account." },
};
_Static_assert(sizeof(cases) / sizeof(*cases) == NOTICE_KEPT_SIZE + 1, "a text for each reason");

static void explain_size(const struct notice_facts *facts, struct strbuf *text)
{
	notice_paragraph(text,
	                 "It has %" PRIu64 " bytes, and the `max_size` of this account is %" PRIu64
	                 ". Its recipients are "
	                 "not told, because the server does not show the header of a message without the rest (TOP), "
	                 "and nobody knows who they are.",
	                 facts->size, facts->limit);
}

static void explain(const struct notice_facts *facts, enum notice_kept kept, const char *why, struct strbuf *text)
{
	notice_paragraph(text,
	                 "multidropd on %s left a message on the server %s, in the mailbox of the account \"%s\". "
	                 "Nothing is lost: it is still there, under the UID given below.",
	                 facts->hostname, facts->server, facts->account);
	if (kept == NOTICE_KEPT_SIZE)
		explain_size(facts, text);
	else if (kept == NOTICE_KEPT_REFUSED)
		explain_refused(facts, text);
	else
		notice_paragraph(text, "%s", cases[kept].happened);
	if (why != NULL) {
		notice_paragraph(text, kept == NOTICE_KEPT_REFUSED ? "How its recipients were found:" : "In detail:");
		notice_add_value(text, why);
	}
	notice_paragraph(
		text,
		"What you can do: read the message with a mail program or at the provider's web page, pass it "
		"on to whom it is for, and delete it there. %s You get this notice only once for this message.",
		cases[kept].advice);
	notice_paragraph(text, "The message:");
	if (kept == NOTICE_KEPT_SIZE)
		notice_add_place(text, facts);
	else
		notice_add_summary(text, facts, false);
}

void notice_kept(const struct notice_facts *facts, enum notice_kept kept, const char *why, struct strbuf *out)
{
	struct strbuf text = { 0 };
	struct strbuf to = { 0 };

	notice_add_postmaster(&to, facts);
	notice_add_header(out, facts,
	                  &(struct notice_head){ .to = strbuf_str(&to),
	                                         .what = "Left on the server",
	                                         .subject = kept == NOTICE_KEPT_SIZE ? "a large message" : NULL,
	                                         .auto_submitted = "auto-generated" });
	explain(facts, kept, why, &text);
	notice_add_part(out, "text/plain", strbuf_span(&text));
	strbuf_free(&to);
	strbuf_free(&text);
}
