/* SPDX-License-Identifier: ISC
 *
 * What the mails that we write have in common: wrapped text, our own header,
 * encoded parts.
 */
#ifndef MULTIDROPD_MAIL_NOTICE_WRITE_H
#define MULTIDROPD_MAIL_NOTICE_WRITE_H

#include <stdbool.h>

#include "multidropd/notice.h"

#define NOTICE_VALUE_MAX 300u /* bytes that are shown of a value of the message */

/*
 * Appends `label`, the words of `text`, which has no CR, LF or tab, and CRLF.
 * A blank is put behind a label that is not only blanks; lines behind the
 * first begin with `indent`.
 */
void notice_wrap(struct strbuf *out, const char *label, const char *indent, struct span text);
/* Appends a paragraph and an empty line. The format is ours, the arguments may be anybody's. */
void notice_paragraph(struct strbuf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a value on lines of its own, and an empty line. */
void notice_add_value(struct strbuf *out, const char *value);
/* Appends `text` with ? for all that is not printable ASCII; a tab becomes a blank. */
void notice_add_ascii(struct strbuf *out, struct span text);
/* Our name as it may stand in an address, an id and a report. */
void notice_add_hostname(struct strbuf *out, const struct notice_facts *facts);
/* The postmaster's address; one without a domain is at our own. */
void notice_add_postmaster(struct strbuf *out, const struct notice_facts *facts);
/* The unfolded value of the message's first field of this name, cut; false: there is none, or it is empty. */
bool notice_add_field(struct strbuf *out, const struct notice_facts *facts, const char *name);

/* From, To ("" or NULL: nobody), Subject ("`what`: the message's"), Date, Message-ID, Auto-Submitted and MIME-Version. */
struct notice_head {
	const char *to;
	const char *what;
	const char *subject; /* in place of the message's; NULL: that */
	const char *auto_submitted;
};
void notice_add_header(struct strbuf *out, const struct notice_facts *facts, const struct notice_head *head);

/* Appends Content-Type: `type` with our boundary, Content-Transfer-Encoding and the empty line. */
void notice_begin_multipart(struct strbuf *out, const struct notice_facts *facts, const char *type,
                            const char *encoding);
/* Between two parts, or behind the last one. */
void notice_add_delimiter(struct strbuf *out, const struct notice_facts *facts, bool last);
/*
 * Appends Content-Type, Content-Transfer-Encoding, an empty line and the text:
 * as it is where that is possible in 7 bits, else quoted-printable (RFC 2045
 * 6.7), so that no relay needs 8BITMIME for what we write.
 */
void notice_add_part(struct strbuf *out, const char *type, struct span text);
/* How `text` goes out. */
void notice_add_encoded(struct strbuf *out, struct span text, bool quoted);
bool notice_needs_quoting(struct span text);

/* Who, what and when: the message's own fields; for the postmaster also sender, account and UID. */
void notice_add_summary(struct strbuf *out, const struct notice_facts *facts, bool for_sender);
/* What of it is known where its header is not: how large it is, and where it lies. */
void notice_add_place(struct strbuf *out, const struct notice_facts *facts);
/* Each refused recipient with the relay's words; to the sender under the name that was written to. */
void notice_add_refusals(struct strbuf *out, const struct notice_facts *facts, bool for_sender);
/* Who was asked, where there is one. */
void notice_add_relay(struct strbuf *out, const struct notice_facts *facts);

/* "this recipient", "these 3 recipients"; the caller frees. */
char *notice_recipients(const struct notice_facts *facts);

/* The machine's part of a bounce (RFC 3464), at most `max` bytes of it. */
void notice_add_status(struct strbuf *out, const struct notice_facts *facts, size_t max);

#endif
