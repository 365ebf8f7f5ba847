/* SPDX-License-Identifier: ISC
 *
 * What follows +OK to RETR or TOP becomes canonical lines.
 *
 * Where a line ends, and so where a dot counts, is decided once and strictly:
 *
 * - The terminator is CRLF.CRLF and nothing else, whatever the message's own
 *   line end is. The CRLF before its dot may be the end of a line, an empty
 *   line, or the end of the +OK line (an empty message). "LF.CRLF", "LF.LF",
 *   "CR.CR" and the like are content: a reader that takes one of them for the
 *   end reads the sender's bytes as the server's replies.
 * - With CRLF as line end, a lone CR or LF is a blank inside of a line. The dot
 *   behind it does not begin a line, so it is not unstuffed and, on the way
 *   out, not stuffed.
 * - In a message whose first line ends in a bare LF the server sends its store
 *   as it is. Each LF ends a line, with or without a CR before it, and the dot
 *   behind it was stuffed, so one is taken off; only a CRLF before the dot can
 *   make it the terminator. Such a server closes with CRLF.CRLF after the LF of
 *   the last line: that leaves one empty line more at the end of the body,
 *   which is better than a second, laxer form of the terminator.
 *
 * A CR at the end of the input is held back until the next byte tells what it
 * is. Everything else goes to the sink in pieces as long as the input allows:
 * `from` to `at` is always output that is just like the input.
 */
#include "multidropd/canon.h"

#include <string.h>

enum {
	AT_START,    /* behind a CRLF: a dot may be the terminator */
	AT_START_LF, /* behind a bare LF: a dot is stuffing only */
	IN_TEXT,
	AFTER_CR,     /* held back */
	AFTER_DOT,    /* CRLF and a dot, taken off */
	AFTER_DOT_CR, /* CRLF, a dot, taken off, and a CR, held back */
};

enum { LINE_END_UNKNOWN, LINE_END_CRLF, LINE_END_LF };

struct decoder {
	struct canon *canon;
	bytes_sink *sink;
	void *ctx;
	const char *from, *at, *end;
	const char *lf, *cr, *nul; /* the next one from `at` on, or `end`: no byte is searched twice */
};

static void hand_on(struct decoder *decoder)
{
	if (decoder->at > decoder->from)
		decoder->sink(decoder->ctx, decoder->from, (size_t)(decoder->at - decoder->from));
}

/* Puts `text` in the place of the next `skip` bytes. */
static void replace(struct decoder *decoder, size_t skip, const char *text)
{
	hand_on(decoder);
	decoder->sink(decoder->ctx, text, strlen(text));
	decoder->at += skip;
	decoder->from = decoder->at;
}

static void leave_out(struct decoder *decoder)
{
	hand_on(decoder);
	decoder->from = ++decoder->at;
}

static void line_ended(struct decoder *decoder, uint8_t line_end)
{
	if (decoder->canon->line_end == LINE_END_UNKNOWN)
		decoder->canon->line_end = line_end;
	decoder->canon->state = line_end == LINE_END_CRLF ? AT_START : AT_START_LF;
}

static void replace_stray(struct decoder *decoder, size_t skip)
{
	decoder->canon->replaced = true;
	replace(decoder, skip, " ");
}

static const char *next(const struct decoder *decoder, const char *known, char byte)
{
	const char *found;

	if (known != NULL && known >= decoder->at)
		return known;
	found = memchr(decoder->at, byte, (size_t)(decoder->end - decoder->at));
	return found != NULL ? found : decoder->end;
}

/* Moves to the next byte that needs a look. */
static void skip_text(struct decoder *decoder)
{
	decoder->lf = next(decoder, decoder->lf, '\n');
	decoder->cr = next(decoder, decoder->cr, '\r');
	decoder->nul = next(decoder, decoder->nul, '\0');
	decoder->at = decoder->lf < decoder->cr ? decoder->lf : decoder->cr;
	if (decoder->nul < decoder->at)
		decoder->at = decoder->nul;
}

static void take_cr(struct decoder *decoder)
{
	if (decoder->at + 1 < decoder->end && decoder->at[1] == '\n') {
		decoder->at += 2;
		line_ended(decoder, LINE_END_CRLF);
		return;
	}
	leave_out(decoder);
	decoder->canon->state = AFTER_CR;
}

static void take_text(struct decoder *decoder)
{
	skip_text(decoder);
	if (decoder->at == decoder->end)
		return;
	if (*decoder->at == '\r') {
		take_cr(decoder);
	} else if (*decoder->at == '\n' && decoder->canon->line_end != LINE_END_CRLF) {
		replace(decoder, 1, "\r\n");
		line_ended(decoder, LINE_END_LF);
	} else {
		replace_stray(decoder, 1);
	}
}

static void take_after_cr(struct decoder *decoder)
{
	if (*decoder->at == '\n') {
		replace(decoder, 1, "\r\n");
		line_ended(decoder, LINE_END_CRLF);
		return;
	}
	replace_stray(decoder, 0);
	decoder->canon->state = IN_TEXT;
}

static void take_start(struct decoder *decoder)
{
	bool after_lf = decoder->canon->state == AT_START_LF;

	decoder->canon->state = IN_TEXT;
	if (*decoder->at != '.')
		return;
	leave_out(decoder);
	if (!after_lf)
		decoder->canon->state = AFTER_DOT;
}

/* True: that was the end of the message. */
static bool take_byte(struct decoder *decoder)
{
	struct canon *canon = decoder->canon;

	switch (canon->state) {
	case AT_START:
	case AT_START_LF:
		take_start(decoder);
		return false;
	case AFTER_CR:
		take_after_cr(decoder);
		return false;
	case AFTER_DOT:
		canon->state = *decoder->at == '\r' ? AFTER_DOT_CR : IN_TEXT;
		if (canon->state == AFTER_DOT_CR)
			leave_out(decoder);
		return false;
	case AFTER_DOT_CR:
		canon->state = AFTER_CR;
		if (*decoder->at != '\n')
			return false;
		leave_out(decoder);
		canon->state = AT_START;
		return true;
	default:
		take_text(decoder);
		return false;
	}
}

size_t canon_decode(struct canon *canon, const char *data, size_t len, bytes_sink *sink, void *ctx, bool *ended)
{
	struct decoder decoder = { .canon = canon, .sink = sink, .ctx = ctx, .from = data, .at = data };

	*ended = false;
	if (len == 0)
		return 0;
	decoder.end = data + len;
	while (decoder.at < decoder.end && !*ended)
		*ended = take_byte(&decoder);
	hand_on(&decoder);
	return (size_t)(decoder.at - data);
}
