/* SPDX-License-Identifier: ISC
 *
 * A header: its fields and its rest are all of its bytes, in order, and its
 * end is found at the same place however it is split.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/header.h"
#include "multidropd/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static size_t scan(struct span text, size_t step, bool *capped)
{
	struct header_scan scan = { 0 };
	bool ended = false;
	size_t used = 0;

	*capped = false;
	while (used < text.len && !ended) {
		size_t left = text.len - used;

		used += header_scan_feed(&scan, text.data + used, step < left ? step : left, &ended, capped);
	}
	return used;
}

static void check_fields(const struct header *header, struct span text)
{
	size_t at = 0;

	for (size_t i = 0; i < header->count; i++) {
		const struct header_field *field = &header->fields[i];

		require(field->raw.data == text.data + at && field->raw.len > 0);
		at += field->raw.len;
		require(field->broken || field->name.len > 0);
		require(field->name.len + field->value.len < field->raw.len);
	}
	require(at + header->rest.len == text.len);
	require(header->routing_count <= header->count && header->first_received <= header->routing_count);
	require((header->received_count == 0) == (header->first_received == header->routing_count));
}

static void count_bytes(void *ctx, struct span bytes)
{
	*(size_t *)ctx += bytes.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct strbuf unfolded = { 0 };
	struct header header;
	size_t identity_len = 0;
	bool capped;
	bool capped_again;
	size_t len = scan(text, size, &capped);

	require(scan(text, 1, &capped_again) == len && capped_again == capped);
	header_parse(&header, span_make(data, len), capped || (size > 0 && data[0] % 2 == 0));
	check_fields(&header, span_make(data, len));
	header_identity(&header, count_bytes, &identity_len);
	require(identity_len <= len);
	header_unfold(text, &unfolded);
	require(unfolded.len <= size);
	strbuf_free(&unfolded);
	header_free(&header);
	return 0;
}
