/* SPDX-License-Identifier: ISC
 *
 * APOP (RFC 1939 7). A forged banner lets a man in the middle choose what is
 * hashed with the password, and enough chosen collisions give it away
 * (CVE-2007-1558). Such banners are no valid msg-id; one that is valid, and
 * the only one, is all that we hash.
 */
#include "multidropd/sasl.h"

#include <string.h>

#include "multidropd/digest.h"
#include "multidropd/mem.h"

static bool is_atext(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
	       (byte != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* RFC 5322 3.2.3: atoms between single dots. */
static bool is_dot_atom(struct span text)
{
	bool atom = false;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '.' && !atom)
			return false;
		if (text.data[i] != '.' && !is_atext(text.data[i]))
			return false;
		atom = text.data[i] != '.';
	}
	return atom;
}

/* RFC 5322 3.6.4: a literal instead of a domain, printable without brackets and backslash. */
static bool is_no_fold_literal(struct span text)
{
	if (text.len < 2 || text.data[0] != '[' || text.data[text.len - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < text.len; i++) {
		if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("[]\\", text.data[i]) != NULL)
			return false;
	}
	return true;
}

/* Without its angle brackets. */
static bool is_msg_id(struct span text)
{
	ssize_t at = span_find(text, '@');
	struct span right;

	if (at < 0)
		return false;
	right = span_from(text, (size_t)at + 1);
	return is_dot_atom(span_make(text.data, (size_t)at)) && (is_dot_atom(right) || is_no_fold_literal(right));
}

struct span sasl_apop_banner(struct span greeting)
{
	ssize_t open = span_find(greeting, '<');
	ssize_t close;
	struct span from;

	if (open < 0)
		return SPAN("");
	from = span_from(greeting, (size_t)open);
	close = span_find(from, '>');
	if (close < 0 || span_find(span_from(from, 1), '<') >= 0 ||
	    span_find(span_from(from, (size_t)close + 1), '>') >= 0)
		return SPAN("");
	if (!is_msg_id(span_make(from.data + 1, (size_t)close - 1)))
		return SPAN("");
	return span_make(from.data, (size_t)close + 1);
}

void sasl_apop_digest(struct span banner, struct span secret, char out[33])
{
	uint8_t digest[DIGEST_MD5_LEN];

	digest_md5(banner, secret, digest);
	digest_hex(digest, sizeof(digest), out);
	mem_wipe(digest, sizeof(digest));
}
