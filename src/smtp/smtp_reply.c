/* SPDX-License-Identifier: ISC
 *
 * Replies, line by line. Servers that repeat the enhanced status code on every
 * line are the rule, so the joined text drops the repetitions: it is what a
 * person reads in the log and in a notice.
 */
#include "reply.h"

#include <string.h>

#include "multidropd/relay.h"

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* "550", then a blank, a hyphen or nothing. 0: not a reply line. */
static int parse_code(struct span line, bool *last)
{
	if (line.len < 3 || line.data[0] < '2' || line.data[0] > '5' || !is_digit(line.data[1]) ||
	    !is_digit(line.data[2]))
		return 0;
	if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
		return 0;
	*last = line.len == 3 || line.data[3] == ' ';
	return (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + (line.data[2] - '0');
}

static size_t digits(struct span text, size_t at)
{
	size_t count = 0;

	while (count < 3 && at + count < text.len && is_digit(text.data[at + count]))
		count++;
	return count;
}

/* Length of a leading "5.1.1" whose class fits the code (RFC 2034 4), or 0. */
static size_t enhanced_len(struct span text, int code)
{
	size_t subject, detail, len;

	if (text.len < 5 || text.data[0] != '0' + code / 100 || text.data[1] != '.')
		return 0;
	subject = digits(text, 2);
	if (subject == 0 || 2 + subject >= text.len || text.data[2 + subject] != '.')
		return 0;
	detail = digits(text, 3 + subject);
	len = 3 + subject + detail;
	return detail > 0 && (len == text.len || text.data[len] == ' ') ? len : 0;
}

static void text_add(struct smtp_reply *reply, struct span text)
{
	size_t max = reply->code == 334 ? SASL_CHALLENGE_MAX : SMTP_REPLY_TEXT_MAX;

	if (text.len == 0 || reply->text.len + 1 >= max)
		return;
	if (text.len > max - reply->text.len - 1)
		text.len = max - reply->text.len - 1;
	strbuf_add_byte(&reply->text, ' ');
	strbuf_add_span(&reply->text, text);
}

static void first_line(struct smtp_reply *reply, int code, struct span text)
{
	size_t len = enhanced_len(text, code);

	reply->code = code;
	memcpy(reply->enhanced, text.data, len);
	strbuf_addf(&reply->text, "%d", code);
	text_add(reply, text);
}

static void further_line(struct smtp_reply *reply, struct span text)
{
	size_t len = enhanced_len(text, reply->code);

	if (len > 0 && span_equal(span_make(text.data, len), span_of(reply->enhanced)))
		text = span_from(text, len + 1);
	text_add(reply, text);
}

enum smtp_reply_state smtp_reply_add(struct smtp_reply *reply, struct span line, struct span *text)
{
	bool last = false;
	int code = parse_code(line, &last);

	*text = span_from(line, 4);
	if (code == 0 || (reply->lines > 0 && code != reply->code) || reply->lines >= RELAY_REPLY_LINES_MAX)
		return SMTP_REPLY_BROKEN;
	if (reply->lines++ == 0)
		first_line(reply, code, *text);
	else
		further_line(reply, *text);
	return last ? SMTP_REPLY_COMPLETE : SMTP_REPLY_MORE;
}

void smtp_reply_clear(struct smtp_reply *reply)
{
	if (reply->text.capacity > SMTP_REPLY_TEXT_MAX)
		strbuf_free(&reply->text);
	strbuf_clear(&reply->text);
	reply->code = 0;
	reply->lines = 0;
	memset(reply->enhanced, 0, sizeof(reply->enhanced));
}

struct span smtp_reply_challenge(const struct smtp_reply *reply)
{
	return span_from(strbuf_span(&reply->text), 4);
}
