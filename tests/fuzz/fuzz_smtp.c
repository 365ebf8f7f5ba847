/* SPDX-License-Identifier: ISC
 *
 * What a relay says: whatever the lines, a reply is complete or broken within
 * its limits, and its text is what a log line and a notice can carry.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/smtp/reply.h"
#include "multidropd/relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void require_reply(const struct smtp_reply *reply)
{
	size_t max = reply->code == 334 ? SASL_CHALLENGE_MAX : SMTP_REPLY_TEXT_MAX;
	size_t enhanced_len = strnlen(reply->enhanced, sizeof(reply->enhanced));

	require(reply->code >= 200 && reply->code <= 599);
	require(reply->lines >= 1 && reply->lines <= RELAY_REPLY_LINES_MAX);
	require(reply->text.len >= 3 && reply->text.len <= max);
	require(enhanced_len < sizeof(reply->enhanced));
	require(enhanced_len == 0 || memcmp(reply->text.data + 4, reply->enhanced, enhanced_len) == 0);
	require(smtp_reply_challenge(reply).len <= reply->text.len);
}

/* Lines end at LF here: what a line is, is not this parser's business. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make(data, size);
	struct smtp_extensions extensions = { 0 };
	struct smtp_reply reply = { 0 };
	enum smtp_reply_state state;
	struct span text;

	while (rest.len > 0) {
		ssize_t end = span_find(rest, '\n');
		struct span line = span_make(rest.data, end >= 0 ? (size_t)end : rest.len);

		rest = span_from(rest, line.len + 1);
		state = smtp_reply_add(&reply, line, &text);
		require(text.len <= line.len);
		smtp_extensions_add(&extensions, text);
		if (state != SMTP_REPLY_BROKEN)
			require_reply(&reply);
		if (state != SMTP_REPLY_MORE)
			smtp_reply_clear(&reply);
	}
	require(extensions.auth < SASL_BIT(SASL_MECHANISM_COUNT));
	strbuf_free(&reply.text);
	return 0;
}
