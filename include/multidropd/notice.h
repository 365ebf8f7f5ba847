/* SPDX-License-Identifier: ISC
 *
 * The mail that multidropd writes itself, as canonical lines (RFC 5322, 2045,
 * 3464, 3834): the copy for the postmaster of what a relay refused, the
 * delivery status notification for its sender, the short notice about what
 * stays on the server, and what a recipient gets of a message that is too
 * large. Pure: facts in, text out. Whatever is in the facts, no
 * line but ours comes out, and no text over NOTICE_MAX, the attached message
 * apart. What we write is 7 bits: text that is not goes quoted-printable, an
 * address that a header cannot hold is only in the envelope.
 */
#ifndef MULTIDROPD_NOTICE_H
#define MULTIDROPD_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/header.h"
#include "multidropd/str.h"

#define NOTICE_MAX (64u * 1024u)
#define NOTICE_REFUSALS_SHOWN 100u          /* at most, as far as there is room; more are counted */

/* A recipient that the relay refused, or did not take in time. */
struct notice_refusal {
	const char *recipient;                  /* as the relay was asked for it */
	const char *original;                   /* as the message was addressed; NULL: the same, or not known */
	const char *reply;                      /* the relay's words, code first where it gave one, or ours */
};

struct notice_facts {
	const char *hostname;                   /* ours */
	const char *account;
	const char *postmaster;                 /* the account's: `To`, named to others; without a domain: at ours */
	const char *recipient;                  /* of notice_size, where it is only one; NULL: `To` names nobody */
	const char *server;                     /* the POP3 server, as configured */
	const char *relay;                      /* the name of who was asked; NULL: nobody; not in a bounce */
	const char *relay_host;                 /* its host; in a bounce only where it is a DNS name; NULL: not known */
	struct span uid;
	uint64_t size;                          /* of the message */
	uint64_t limit;                         /* that the size is over; 0: none */
	const char *sender;                     /* the message's envelope sender; "": none */
	const struct header *header;            /* the message's, as it came */
	const char *token;                      /* for Message-ID and boundary: at most 50 letters and digits, never
	                                           used before, that no sender can guess */
	int64_t wall_s;
	const struct notice_refusal *refusals;
	size_t refusal_count;
};

/*
 * The postmaster's copy: multipart/mixed with an explanation and the message
 * as message/rfc822. It is `prefix`, the whole message as it came (from the
 * first field on, mbox line apart), `suffix`.
 */
void notice_copy(const struct notice_facts *facts, struct strbuf *prefix, struct strbuf *suffix);

/*
 * To the sender, about at least one refusal: multipart/report of text,
 * message/delivery-status and the message's header, without fields for which
 * there is no room. An address beyond ASCII is reported as in RFC 6533 3.
 */
void notice_bounce(const struct notice_facts *facts, struct strbuf *out);

/* False for what nobody may be sent a bounce for: the null sender, senders that are programs (mailer-daemon, owner-…,
 * …-request), Precedence bulk, list or junk, Auto-Submitted other than no, any field List-… (RFC 3834 2). */
bool notice_may_bounce(const struct header *header, const char *sender);

/* Why a message stays on the server. */
enum notice_kept {
	NOTICE_KEPT_REFUSED,                    /* the postmaster's copy, too, was refused: `refusals` says why */
	NOTICE_KEPT_FALLBACK,                   /* nobody could be found whom it is for, and fallback = keep */
	NOTICE_KEPT_LOOP,                       /* it has been here before, or through too many servers */
	NOTICE_KEPT_SIZE,                       /* over `limit`, and nothing else is known of it: the header is not looked at */
};

/* To the postmaster, text/plain. `why` is the route's explanation; NULL: none. */
void notice_kept(const struct notice_facts *facts, enum notice_kept kept, const char *why, struct strbuf *out);

/* To recipients of a message over `limit`, text/plain: what it is, where it lies, and what they can do. */
void notice_size(const struct notice_facts *facts, struct strbuf *out);

/*
 * Appends what stands below the header of such a message in place of its body:
 * the MIME fields, the blank line, and a text that says where the rest is.
 * `out` ends with that header, without MIME fields and blank line.
 */
void notice_body(const struct notice_facts *facts, struct strbuf *out);

#endif
