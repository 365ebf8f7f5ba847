/* SPDX-License-Identifier: ISC
 *
 * Message bytes between POP3 and SMTP.
 *
 * canon: what follows +OK to RETR or TOP → canonical lines: dots unstuffed
 * (RFC 1939 3), every line ended by CRLF, stray CR, LF and NUL replaced by a
 * space. In a message whose first line ends in a bare LF, LF is the line end
 * throughout. The end is CRLF.CRLF and nothing else, so that no byte of a
 * message can be taken for a reply.
 *
 * stuff: canonical lines → the inside of DATA (RFC 5321 4.5.2).
 *
 * Both keep their state between calls and give the same output for every
 * split of the input.
 */
#ifndef MULTIDROPD_CANON_H
#define MULTIDROPD_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

/* Receives pieces of output; a piece is gone after the call. */
typedef void bytes_sink(void *ctx, const char *data, size_t len);

struct canon {
	uint8_t state;          /* private; zero before the first byte */
	uint8_t line_end;       /* private */
	bool replaced;          /* some stray CR, LF or NUL became a space */
};

/*
 * Decodes up to `len` bytes. Returns how many were used: all of them, or those
 * up to and with the end of the message, when *ended is set. A last line that
 * lacks its CRLF gets it.
 */
size_t canon_decode(struct canon *canon, const char *data, size_t len, bytes_sink *sink, void *ctx, bool *ended);

struct stuff {
	uint8_t state;          /* private; zero before the first byte */
};

void stuff_encode(struct stuff *stuff, const char *data, size_t len, bytes_sink *sink, void *ctx);
/* The final ".CRLF", with a CRLF before it where the content did not end in one. */
void stuff_finish(struct stuff *stuff, bytes_sink *sink, void *ctx);

#endif
