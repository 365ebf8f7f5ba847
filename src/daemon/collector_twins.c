/* SPDX-License-Identifier: ISC
 *
 * Messages of one listing that have the same UID (RFC 1939 7). With another
 * header each is a message of its own; with the same header they are one, and
 * the comparison with the ledger was made before either was known.
 */
#include "collector_private.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

/* What became of the first of them. */
struct twin {
	uint8_t hash[LEDGER_HASH_LEN];
	struct span uid; /* the listing's */
	enum message_fate fate;
	int64_t ledger_id;
	int64_t settled_s;
	int64_t due_s;
};

static int compare_twins(const void *a, const void *b)
{
	const struct twin *one = a, *other = b;
	int order = memcmp(one->hash, other->hash, sizeof(one->hash));

	if (order == 0)
		order = (one->uid.len > other->uid.len) - (one->uid.len < other->uid.len);
	return order != 0 || one->uid.len == 0 ? order : memcmp(one->uid.data, other->uid.data, one->uid.len);
}

bool collector_join_twin(struct collector *collector, struct message *message)
{
	struct twin *fresh = mem_alloc(sizeof(*fresh));
	struct twin **found;

	memcpy(fresh->hash, message->hash, sizeof(fresh->hash));
	fresh->uid = message->entry->uid;
	fresh->due_s = INT64_MAX;
	found = tsearch(fresh, &collector->twins, compare_twins);
	if (found == NULL || *found == fresh) {
		message->twin = fresh;
		return false;
	}
	free(fresh);
	message->fate = (*found)->fate;
	message->ledger_id = (*found)->ledger_id;
	message->settled_s = (*found)->settled_s;
	message->due_s = (*found)->due_s;
	return true;
}

void collector_note_twin(struct collector *collector, struct message *message)
{
	struct twin *twin = message->twin;

	if (twin == NULL)
		return;
	message->twin = NULL;
	twin->fate = message->fate;
	twin->ledger_id = message->ledger_id;
	twin->settled_s = message->settled_s;
	twin->due_s = message->due_s;
	if (message->fate != MESSAGE_DROPPED)
		return;
	/* Nothing came of it: the other has its chance. */
	tdelete(twin, &collector->twins, compare_twins);
	free(twin);
}

void collector_free_twins(struct collector *collector)
{
	tdestroy(collector->twins, free);
	collector->twins = NULL;
}
