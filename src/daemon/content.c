/* SPDX-License-Identifier: ISC
 *
 * A message's bytes between RETR and DATA.
 */
#include "content.h"

#include <event2/buffer.h>

#define HINT_MAX (1024u * 1024u)

void content_init(struct content *content, size_t size_hint, void (*taken_from)(void *ctx), void *ctx)
{
	*content = (struct content){ .body = evbuffer_new(), .taken_from = taken_from, .ctx = ctx };
	/* One block from the start keeps pullup from copying. */
	evbuffer_expand(content->body, size_hint < HINT_MAX ? size_hint : HINT_MAX);
}

void content_deinit(struct content *content)
{
	strbuf_free(&content->head);
	strbuf_free(&content->tail);
	if (content->body != NULL)
		evbuffer_free(content->body);
	*content = (struct content){ 0 };
}

void content_add(struct content *content, struct span body_bytes)
{
	content->body_8bit = content->body_8bit || span_is_8bit(body_bytes);
	evbuffer_add(content->body, body_bytes.data, body_bytes.len);
}

void content_drop_body(struct content *content)
{
	evbuffer_drain(content->body, content_body_held(content));
	content->drained = true;
}

void content_complete(struct content *content)
{
	content->complete = true;
}

size_t content_body_held(const struct content *content)
{
	return content->body != NULL ? evbuffer_get_length(content->body) : 0;
}

size_t content_held(const struct content *content)
{
	return content->head.len + content_body_held(content) + content->tail.len;
}

void content_dress(struct content *content, struct strbuf *take_head, struct strbuf *take_tail, bool bodiless)
{
	strbuf_free(&content->head);
	strbuf_free(&content->tail);
	content->head = *take_head;
	content->tail = *take_tail;
	*take_head = *take_tail = (struct strbuf){ 0 };
	content->bodiless = bodiless;
	content->taken = 0;
}

bool content_has_start(const struct content *content)
{
	return content->body != NULL && !content->drained && (content->complete || content->streamed);
}

size_t content_size(const struct content *content)
{
	size_t around = content->head.len + content->tail.len;

	if (content->bodiless)
		return around;
	return content->complete && !content->drained ? around + content_body_held(content) : 0;
}

bool content_is_8bit(const struct content *content)
{
	if (span_is_8bit(strbuf_span(&content->head)) || span_is_8bit(strbuf_span(&content->tail)))
		return true;
	return !content->bodiless && (content->body_8bit || content->streamed);
}

/* Of the body that is held whole so much was taken. */
static size_t body_taken(const struct content *content)
{
	return content->taken - content->head.len;
}

static bool has_body_left(const struct content *content)
{
	size_t held = content_body_held(content);

	return !content->bodiless && (content->streamed ? held > 0 : body_taken(content) < held);
}

/* SOURCE_END: the tail's turn. */
static enum source_state peek_body(struct content *content, struct span *bytes)
{
	struct evbuffer_iovec piece;

	if (has_body_left(content) && !content->streamed) {
		*bytes = span_from(span_make(evbuffer_pullup(content->body, -1), content_body_held(content)),
		                   body_taken(content));
		return SOURCE_BYTES;
	}
	if (has_body_left(content) && evbuffer_peek(content->body, -1, NULL, &piece, 1) > 0) {
		*bytes = span_make(piece.iov_base, piece.iov_len);
		return SOURCE_BYTES;
	}
	if (content->bodiless)
		return SOURCE_END;
	if (content->broken)
		return SOURCE_BROKEN;
	return content->complete ? SOURCE_END : SOURCE_WAIT;
}

/* Bytes of the body do not count where it is streamed. */
static size_t tail_taken(const struct content *content)
{
	return body_taken(content) - (content->bodiless || content->streamed ? 0 : content_body_held(content));
}

static enum source_state peek(void *ctx, struct span *bytes)
{
	struct content *content = ctx;
	enum source_state state;

	if (content->taken < content->head.len) {
		*bytes = span_from(strbuf_span(&content->head), content->taken);
		return SOURCE_BYTES;
	}
	state = peek_body(content, bytes);
	if (state != SOURCE_END)
		return state;
	*bytes = span_from(strbuf_span(&content->tail), tail_taken(content));
	if (bytes->len > 0)
		return SOURCE_BYTES;
	return content->may_end ? SOURCE_END : SOURCE_WAIT;
}

/* `len` is of what peek gave, so it lies in one of the three. */
static void take(void *ctx, size_t len)
{
	struct content *content = ctx;

	if (!content->streamed || content->taken < content->head.len || !has_body_left(content)) {
		content->taken += len;
		return;
	}
	evbuffer_drain(content->body, len);
	content->drained = content->drained || len > 0;
	content->taken_from(content->ctx);
}

static bool rewind_to_start(void *ctx)
{
	struct content *content = ctx;

	content->taken = 0;
	return content->bodiless || !content->drained;
}

struct delivery_source content_source(struct content *content)
{
	content->taken = 0;
	return (struct delivery_source){ .peek = peek, .take = take, .rewind = rewind_to_start, .ctx = content };
}
