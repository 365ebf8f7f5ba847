/* SPDX-License-Identifier: ISC
 *
 * Wire → canonical lines → DATA → canonical lines: whatever the bytes and
 * however they are split, one message comes out, the same as went in.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/canon.h"
#include "multidropd/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void collect(void *ctx, const char *data, size_t len)
{
	require(len > 0);
	strbuf_add(ctx, data, len);
}

struct outcome {
	struct strbuf text;
	size_t used;
	bool ended;
};

static struct outcome decode(struct span wire, size_t step)
{
	struct outcome outcome = { 0 };
	struct canon canon = { 0 };

	while (outcome.used < wire.len && !outcome.ended) {
		size_t left = wire.len - outcome.used;

		outcome.used += canon_decode(&canon, wire.data + outcome.used, step < left ? step : left, collect,
		                             &outcome.text, &outcome.ended);
	}
	return outcome;
}

static struct strbuf encode(struct span text, size_t step)
{
	struct strbuf out = { 0 };
	struct stuff stuff = { 0 };

	for (size_t at = 0; at < text.len; at += step)
		stuff_encode(&stuff, text.data + at, text.len - at < step ? text.len - at : step, collect, &out);
	stuff_finish(&stuff, collect, &out);
	return out;
}

static void require_canonical(struct span text, bool whole)
{
	for (size_t i = 0; i < text.len; i++) {
		require(text.data[i] != '\0');
		require(text.data[i] != '\r' || (i + 1 < text.len && text.data[i + 1] == '\n'));
		require(text.data[i] != '\n' || (i > 0 && text.data[i - 1] == '\r'));
	}
	require(!whole || text.len == 0 || text.data[text.len - 1] == '\n');
}

/* The end that DATA must have once only: behind any line end, strict or lax. */
static size_t first_lax_end(struct span data)
{
	for (size_t i = 0; i < data.len; i++) {
		bool start = i == 0 || data.data[i - 1] == '\r' || data.data[i - 1] == '\n';

		if (start && data.data[i] == '.' && (data.data[i + 1] == '\r' || data.data[i + 1] == '\n'))
			return i;
	}
	return data.len;
}

static void check_round_trip(struct span text, size_t step)
{
	struct strbuf out = encode(text, step);
	struct outcome again = decode(strbuf_span(&out), step);

	require(first_lax_end(strbuf_span(&out)) == out.len - 3);
	require(again.ended && again.used == out.len);
	require(span_equal(strbuf_span(&again.text), text));
	strbuf_free(&again.text);
	strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span wire = span_make(data, size);
	struct outcome whole = decode(wire, size > 0 ? size : 1);

	require_canonical(strbuf_span(&whole.text), whole.ended);
	for (size_t step = 1; step <= 4; step++) {
		struct outcome parts = decode(wire, step);

		require(parts.used == whole.used && parts.ended == whole.ended);
		require(span_equal(strbuf_span(&parts.text), strbuf_span(&whole.text)));
		strbuf_free(&parts.text);
		if (whole.ended)
			check_round_trip(strbuf_span(&whole.text), step);
	}
	strbuf_free(&whole.text);
	return 0;
}
