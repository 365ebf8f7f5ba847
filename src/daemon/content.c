/* SPDX-License-Identifier: ISC
 *
 * A message's bytes between RETR and DATA.
 */
#include "content.h"

#include <event2/buffer.h>

#define HINT_MAX (1024u * 1024u)

void content_init(struct content *content, size_t size_hint, void (*taken_from)(void *ctx), void *ctx)
{
	*content = (struct content){ .bytes = evbuffer_new(), .taken_from = taken_from, .ctx = ctx };
	/* One block from the start keeps pullup from copying. */
	evbuffer_expand(content->bytes, size_hint < HINT_MAX ? size_hint : HINT_MAX);
}

void content_deinit(struct content *content)
{
	if (content->bytes != NULL)
		evbuffer_free(content->bytes);
	*content = (struct content){ 0 };
}

void content_add(struct content *content, struct span bytes)
{
	content->has_8bit = content->has_8bit || span_is_8bit(bytes);
	evbuffer_add(content->bytes, bytes.data, bytes.len);
}

void content_complete(struct content *content)
{
	content->complete = true;
}

size_t content_held(const struct content *content)
{
	return evbuffer_get_length(content->bytes);
}

bool content_is_whole(const struct content *content)
{
	return content->complete && !content->drained;
}

static enum source_state end_state(const struct content *content)
{
	return content->may_end ? SOURCE_END : SOURCE_WAIT;
}

static enum source_state peek_streamed(struct content *content, struct span *bytes)
{
	struct evbuffer_iovec piece;

	if (evbuffer_peek(content->bytes, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
		*bytes = span_make(piece.iov_base, piece.iov_len);
		return SOURCE_BYTES;
	}
	if (content->broken)
		return SOURCE_BROKEN;
	return content->complete ? end_state(content) : SOURCE_WAIT;
}

static enum source_state peek(void *ctx, struct span *bytes)
{
	struct content *content = ctx;

	if (content->streamed)
		return peek_streamed(content, bytes);
	*bytes = span_from(span_make(evbuffer_pullup(content->bytes, -1), content_held(content)), content->taken);
	return bytes->len > 0 ? SOURCE_BYTES : end_state(content);
}

static void take(void *ctx, size_t len)
{
	struct content *content = ctx;

	if (!content->streamed) {
		content->taken += len;
		return;
	}
	evbuffer_drain(content->bytes, len);
	content->drained = content->drained || len > 0;
	content->taken_from(content->ctx);
}

static bool rewind_to_start(void *ctx)
{
	struct content *content = ctx;

	content->taken = 0;
	return !content->drained;
}

struct delivery_source content_source(struct content *content)
{
	content->taken = 0;
	return (struct delivery_source){ .peek = peek, .take = take, .rewind = rewind_to_start, .ctx = content };
}
