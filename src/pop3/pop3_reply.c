/* SPDX-License-Identifier: ISC
 *
 * Reply lines. Lenient in case, as some servers are, but a word that only
 * begins like a status is none.
 */
#include "reply.h"

static const struct {
	const char *name;
	enum pop3_code code;
} codes[] = {
	{ "IN-USE", POP3_CODE_IN_USE },     { "LOGIN-DELAY", POP3_CODE_LOGIN_DELAY },
	{ "SYS/TEMP", POP3_CODE_SYS_TEMP }, { "SYS/PERM", POP3_CODE_SYS_PERM },
	{ "AUTH", POP3_CODE_AUTH },
};

/* Codes are hierarchical: a deeper level that we do not know belongs to the one above it (RFC 2449 8). */
static bool code_matches(struct span code, const char *name)
{
	size_t len = span_of(name).len;

	return span_starts_case(code, name) && (code.len == len || code.data[len] == '/');
}

static enum pop3_code parse_code(struct span text)
{
	ssize_t end = span_find(text, ']');
	struct span code;

	if (text.len == 0 || text.data[0] != '[' || end < 2)
		return POP3_CODE_NONE;
	code = span_make(text.data + 1, (size_t)end - 1);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (code_matches(code, codes[i].name))
			return codes[i].code;
	}
	return POP3_CODE_OTHER;
}

static bool is_word_byte(char byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool has_status(struct span line, const char *status)
{
	size_t len = span_of(status).len;

	return span_starts_case(line, status) && (line.len == len || !is_word_byte(line.data[len]));
}

struct pop3_reply pop3_reply_parse(struct span line)
{
	struct pop3_reply reply = { .status = POP3_GARBAGE, .text = line };

	if (has_status(line, "+OK")) {
		reply.status = POP3_OK;
		reply.text = span_trim(span_from(line, 3));
	} else if (has_status(line, "-ERR")) {
		reply.status = POP3_ERR;
		reply.text = span_trim(span_from(line, 4));
	} else if (line.len > 0 && line.data[0] == '+' && (line.len == 1 || line.data[1] == ' ')) {
		reply.status = POP3_CHALLENGE;
		reply.text = span_trim(span_from(line, 1));
		return reply;
	}
	if (reply.status != POP3_GARBAGE)
		reply.code = parse_code(reply.text);
	return reply;
}
