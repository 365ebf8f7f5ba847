/* SPDX-License-Identifier: ISC
 *
 * POP3's pure parts: any line is a reply, a capability, a line of UIDL and one
 * of LIST; a line that begins with 'L' is of LIST only, as lists differ.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../src/pop3/lister.h"
#include "../../src/pop3/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static bool inside(struct span part, struct span whole)
{
	return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void try_reply(struct span line)
{
	struct pop3_reply reply = pop3_reply_parse(line);

	require(inside(reply.text, line));
	require(reply.code == POP3_CODE_NONE || reply.status == POP3_OK || reply.status == POP3_ERR);
}

static void require_sound(const struct pop3_listing *listing, size_t lines)
{
	uint64_t seen[64] = { 0 };

	require(listing->count <= lines && listing->broken <= 2 * lines);
	for (size_t i = 0; i < listing->count; i++) {
		const struct pop3_entry *entry = &listing->entries[i];

		require(entry->number >= 1 && entry->number <= POP3_NUMBER_MAX);
		require((entry->uid.len > 0) == listing->has_uids);
		if (entry->number >= sizeof(seen) * 8)
			continue;
		require(!(seen[entry->number / 64] >> (entry->number % 64) & 1));
		seen[entry->number / 64] |= UINT64_C(1) << (entry->number % 64);
	}
}

static void try_listing(struct span input, bool has_uids)
{
	struct pop3_lister *lister = pop3_lister_new();
	struct pop3_listing listing;
	size_t lines = 0;

	while (input.len > 0) {
		ssize_t end = span_find(input, '\n');
		struct span line = span_make(input.data, end >= 0 ? (size_t)end : input.len);
		bool sizes_only = line.len > 0 && line.data[0] == 'L';

		if (sizes_only)
			line = span_from(line, 1);
		if (!sizes_only && has_uids)
			require(pop3_lister_add_uid(lister, line) == 0);
		require(pop3_lister_add_size(lister, line) == 0);
		input = span_from(input, end >= 0 ? (size_t)end + 1 : input.len);
		lines++;
	}
	pop3_lister_finish(lister, has_uids, &listing);
	require(listing.has_uids == has_uids && !listing.truncated);
	require_sound(&listing, lines);
	pop3_lister_free(&lister);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_make(data, size);
	struct pop3_capa capa = { 0 };

	try_reply(input);
	pop3_capa_line(&capa, input);
	require(capa.login_delay_s >= 0);
	try_listing(input, true);
	try_listing(input, false);
	return 0;
}
