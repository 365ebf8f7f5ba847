/* SPDX-License-Identifier: ISC
 *
 * Listings for the ledger in memory: each UID has memory of its own.
 */
#include <stdlib.h>

#include "multidropd/ledger.h"
#include "multidropd/mem.h"

struct ledger_listing *ledger_listing_new(void)
{
	return mem_alloc(sizeof(struct ledger_listing));
}

void ledger_listing_add(struct ledger_listing *listing, uint32_t number, struct span uid, uint64_t size)
{
	listing->entries =
		mem_grow(listing->entries, &listing->capacity, listing->count + 1, sizeof(*listing->entries));
	listing->entries[listing->count++] = (struct ledger_entry){
		.number = number, .uid = span_make(mem_strndup(uid.data, uid.len), uid.len), .size = size
	};
}

static void record_free(struct ledger_record *record)
{
	for (size_t i = 0; i < record->owed_count; i++) {
		free(record->owed[i].recipient);
		free(record->owed[i].refusal);
	}
	free(record->owed);
}

void ledger_listing_free(struct ledger_listing **pointer)
{
	struct ledger_listing *listing = *pointer;

	*pointer = NULL;
	for (size_t i = 0; listing != NULL && i < listing->count; i++) {
		for (size_t j = 0; j < listing->entries[i].record_count; j++)
			record_free(&listing->entries[i].records[j]);
		free(listing->entries[i].records);
		free((char *)(uintptr_t)listing->entries[i].uid.data);
	}
	if (listing != NULL)
		free(listing->entries);
	free(listing);
}
