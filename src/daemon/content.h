/* SPDX-License-Identifier: ISC
 *
 * What a relay gets of a message, as canonical lines: a head, the message's
 * body, a tail. Head and tail are written anew for each transaction; the body
 * is held whole, so that it can be read again, or streamed, when a transaction
 * draws from it while it still arrives, and what was taken is gone.
 */
#ifndef MULTIDROPD_DAEMON_CONTENT_H
#define MULTIDROPD_DAEMON_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "multidropd/relay.h"
#include "multidropd/str.h"

struct evbuffer;

struct content {
	struct strbuf head, tail;
	struct evbuffer *body;  /* NULL: nothing comes in */
	bool bodiless;          /* this transaction is head and tail alone */
	size_t taken;           /* how far the reader is: of the head, then the body where it is held whole, then the tail */
	bool streamed;          /* set before a transaction starts on an incomplete body */
	bool drained;           /* streamed, and its beginning is gone */
	bool complete;
	bool may_end;           /* the end may be given: with it the relay takes the message */
	bool broken;            /* the rest of the body will never come */
	bool body_8bit;         /* in what was added so far */
	void (*taken_from)(void *ctx); /* streamed: there is room again */
	void *ctx;
};

void content_init(struct content *content, size_t size_hint, void (*taken_from)(void *ctx), void *ctx);
void content_deinit(struct content *content);           /* a zeroed one is fine, and is what is left */
void content_add(struct content *content, struct span body_bytes);
void content_drop_body(struct content *content);        /* no transaction can have it any more */
void content_complete(struct content *content);
/* Bytes in memory. */
size_t content_held(const struct content *content);
size_t content_body_held(const struct content *content);

/* For the next transaction: it begins with the first byte of this head. Takes both. */
void content_dress(struct content *content, struct strbuf *take_head, struct strbuf *take_tail, bool bodiless);
/* Whether a transaction can have the body from its first byte on: all of it is there, or none of it was taken yet. */
bool content_has_start(const struct content *content);
/* Of all that the transaction gives; 0: not known yet. */
size_t content_size(const struct content *content);
/* May hold bytes above 0x7f. */
bool content_is_8bit(const struct content *content);
struct delivery_source content_source(struct content *content);

#endif
