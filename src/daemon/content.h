/* SPDX-License-Identifier: ISC
 *
 * What a relay gets of a message: rendered header and body, as canonical
 * lines. Held whole, so that it can be read again; or streamed, when a
 * transaction draws from it while it still arrives, and what was taken is gone.
 */
#ifndef MULTIDROPD_DAEMON_CONTENT_H
#define MULTIDROPD_DAEMON_CONTENT_H

#include <stdbool.h>
#include <stddef.h>

#include "multidropd/relay.h"

struct evbuffer;

struct content {
	struct evbuffer *bytes;
	size_t taken;           /* whole: how far the reader is */
	bool streamed;          /* set before a transaction starts on an incomplete message */
	bool drained;           /* streamed, and its beginning is gone */
	bool complete;
	bool may_end;           /* the end may be given: with it the relay takes the message */
	bool broken;            /* the rest will never come */
	bool has_8bit;          /* in what was added so far */
	void (*taken_from)(void *ctx); /* streamed: there is room again */
	void *ctx;
};

void content_init(struct content *content, size_t size_hint, void (*taken_from)(void *ctx), void *ctx);
void content_deinit(struct content *content);           /* a zeroed one is fine, and is what is left */
void content_add(struct content *content, struct span bytes);
void content_complete(struct content *content);
size_t content_held(const struct content *content);
/* Whether the next transaction can have it from the first byte on. */
bool content_is_whole(const struct content *content);
struct delivery_source content_source(struct content *content);

#endif
