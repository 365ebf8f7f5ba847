/* SPDX-License-Identifier: ISC
 *
 * A listing as the session builds it, and the records that the comparison
 * hangs on it.
 */
#include "ledger_private.h"

#include <stdlib.h>

#include "multidropd/mem.h"

struct ledger_listing *ledger_listing_new(void)
{
	return mem_alloc(sizeof(struct ledger_listing));
}

/* The bytes move while they grow, so a span has its length only until the comparison gives it its place. */
void ledger_listing_add(struct ledger_listing *listing, uint32_t number, struct span uid, uint64_t size)
{
	struct strbuf bytes = { listing->bytes, listing->bytes_len, listing->bytes_capacity };

	strbuf_add_span(&bytes, uid);
	listing->bytes = bytes.data;
	listing->bytes_len = bytes.len;
	listing->bytes_capacity = bytes.capacity;
	listing->entries =
		mem_grow(listing->entries, &listing->capacity, listing->count + 1, sizeof(*listing->entries));
	listing->entries[listing->count++] =
		(struct ledger_entry){ .number = number, .uid = { NULL, uid.len }, .size = size };
}

static void record_clear(struct ledger_record *record)
{
	for (size_t i = 0; i < record->owed_count; i++) {
		free(record->owed[i].recipient);
		free(record->owed[i].refusal);
	}
	free(record->owed);
}

void ledger_entry_clear(struct ledger_entry *entry)
{
	for (size_t i = 0; i < entry->record_count; i++)
		record_clear(&entry->records[i]);
	free(entry->records);
	entry->records = NULL;
	entry->record_count = 0;
}

void ledger_listing_free(struct ledger_listing **listing)
{
	struct ledger_listing *old = *listing;

	*listing = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->count; i++)
		ledger_entry_clear(&old->entries[i]);
	free(old->entries);
	free(old->bytes);
	free(old);
}
