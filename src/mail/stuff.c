/* SPDX-License-Identifier: ISC
 *
 * Canonical lines → the inside of DATA: a dot that begins a line is doubled
 * (RFC 5321 4.5.2). Canonical bytes have LF behind CR only, so an LF is the
 * end of a line and one search a line is enough.
 */
#include "multidropd/canon.h"

#include <string.h>

enum { AT_START, IN_LINE };

void stuff_encode(struct stuff *stuff, const char *data, size_t len, bytes_sink *sink, void *ctx)
{
	const char *from = data;
	const char *at = data;
	const char *end;

	if (len == 0)
		return;
	end = data + len;
	if (stuff->state == AT_START && *data == '.')
		sink(ctx, ".", 1);
	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end) {
		if (*at != '.')
			continue;
		sink(ctx, from, (size_t)(at - from));
		sink(ctx, ".", 1);
		from = at;
	}
	sink(ctx, from, (size_t)(end - from));
	stuff->state = end[-1] == '\n' ? AT_START : IN_LINE;
}

void stuff_finish(struct stuff *stuff, bytes_sink *sink, void *ctx)
{
	if (stuff->state == AT_START)
		sink(ctx, ".\r\n", 3);
	else
		sink(ctx, "\r\n.\r\n", 5);
	stuff->state = AT_START;
}
