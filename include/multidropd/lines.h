/* SPDX-License-Identifier: ISC
 *
 * Protocol lines out of a byte queue. A line ends at CRLF and nowhere else; a
 * byte at a time costs linear time, because what was searched is not searched
 * again.
 */
#ifndef MULTIDROPD_LINES_H
#define MULTIDROPD_LINES_H

#include <stddef.h>

#include "multidropd/str.h"

struct evbuffer;

struct line_reader {
	size_t searched;        /* bytes at the front of the queue known to hold no line end */
};

enum line_result {
	LINE_COMPLETE,
	LINE_MORE,              /* no CRLF yet */
	LINE_TOO_LONG,          /* more than `max` bytes without CRLF */
};

/*
 * LINE_COMPLETE: *line is the line without its CRLF, valid until line_done.
 * Exactly one line_done must follow, which takes it and its CRLF off the queue.
 * Whoever takes bytes off the queue otherwise does so between lines only.
 */
enum line_result line_next(struct line_reader *reader, struct evbuffer *input, size_t max, struct span *line);
void line_done(struct line_reader *reader, struct evbuffer *input, struct span line);

#endif
