/* SPDX-License-Identifier: ISC
 *
 * Strict CRLF lines. evbuffer_readln is of no use here: its EVBUFFER_EOL_CRLF
 * takes a bare LF for a line end, and with that a message's content for
 * replies.
 */
#include "multidropd/lines.h"

#include <event2/buffer.h>

#define CRLF "\r\n"
#define CRLF_LEN 2u

static char byte_at(struct evbuffer *input, size_t index)
{
	struct evbuffer_ptr at;
	char byte = '\0';

	evbuffer_ptr_set(input, &at, index, EVBUFFER_PTR_SET);
	evbuffer_copyout_from(input, &at, &byte, 1);
	return byte;
}

/* Index of the first CRLF within the first `limit` bytes, -1: none there. */
static ssize_t find_line_end(struct evbuffer *input, size_t start, size_t limit)
{
	struct evbuffer_ptr from;
	struct evbuffer_ptr to;

	if (start >= limit)
		return -1;
	evbuffer_ptr_set(input, &from, start, EVBUFFER_PTR_SET);
	evbuffer_ptr_set(input, &to, limit, EVBUFFER_PTR_SET);
	return evbuffer_search_range(input, CRLF, CRLF_LEN, &from, &to).pos;
}

enum line_result line_next(struct line_reader *reader, struct evbuffer *input, size_t max, struct span *line)
{
	size_t have = evbuffer_get_length(input);
	size_t limit = have < max + CRLF_LEN ? have : max + CRLF_LEN;
	ssize_t end = find_line_end(input, reader->searched, limit);
	bool half;

	if (end >= 0) {
		*line = span_make(evbuffer_pullup(input, end + (ssize_t)CRLF_LEN), (size_t)end);
		return LINE_COMPLETE;
	}
	if (have == 0)
		return LINE_MORE;
	half = byte_at(input, limit - 1) == '\r';
	reader->searched = half ? limit - 1 : limit;
	return reader->searched > max ? LINE_TOO_LONG : LINE_MORE;
}

void line_done(struct line_reader *reader, struct evbuffer *input, struct span line)
{
	evbuffer_drain(input, line.len + CRLF_LEN);
	reader->searched = 0;
}
