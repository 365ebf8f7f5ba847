/* SPDX-License-Identifier: ISC
 *
 * UIDL and LIST put together. Message numbers come in rising order from every
 * server that was ever seen, and that case costs one pass; a server that mixes
 * or repeats them costs a sort, never memory by the size of a number.
 */
#include "lister.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"

#define BLOCK_BYTES 65536u

/* UIDs lie in blocks that never move, so that entries can point into them at once. */
struct block {
	struct block *next;
	size_t used;
	char bytes[BLOCK_BYTES];
};
_Static_assert(BLOCK_BYTES >= POP3_LINE_MAX, "a UID fits a block");

struct list {
	uint64_t bytes;
	bool truncated;
	bool mixed; /* numbers did not rise */
	uint32_t last;
};

struct size_entry {
	uint32_t number;
	uint32_t place; /* in the server's order, so that sorting keeps the first of equals first */
	uint64_t size;
};

struct pop3_lister {
	struct pop3_entry *entries;
	size_t count, capacity;
	struct size_entry *sizes;
	size_t size_count, size_capacity;
	struct block *blocks;
	struct list uidl, list;
	size_t broken;
};

struct pop3_lister *pop3_lister_new(void)
{
	return mem_alloc(sizeof(struct pop3_lister));
}

void pop3_lister_free(struct pop3_lister **lister)
{
	struct pop3_lister *old = *lister;

	if (old == NULL)
		return;
	while (old->blocks != NULL) {
		struct block *block = old->blocks;

		old->blocks = block->next;
		free(block);
	}
	free(old->entries);
	free(old->sizes);
	free(old);
	*lister = NULL;
}

static struct span keep_uid(struct pop3_lister *lister, struct span uid)
{
	struct block *block = lister->blocks;

	if (block == NULL || uid.len > BLOCK_BYTES - block->used) {
		block = mem_alloc(sizeof(*block));
		block->next = lister->blocks;
		lister->blocks = block;
	}
	memcpy(block->bytes + block->used, uid.data, uid.len);
	block->used += uid.len;
	return span_make(block->bytes + block->used - uid.len, uid.len);
}

/* Counts a line. False: it is beyond the limits. *endless: far beyond. */
static bool fits(struct list *list, size_t count, struct span line, bool *endless)
{
	list->bytes += line.len + 2;
	*endless = list->bytes > 2 * (uint64_t)POP3_LISTING_BYTES_MAX;
	if (count >= POP3_LISTING_ENTRIES_MAX || list->bytes > (uint64_t)POP3_LISTING_BYTES_MAX)
		list->truncated = true;
	return !list->truncated;
}

/* "NUMBER REST": takes the number and the blanks behind it off the line. */
static bool take_number(struct list *list, struct span *line, uint32_t *number)
{
	uint64_t value;

	if (!span_number(span_token(line), &value) || value < 1 || value > POP3_NUMBER_MAX)
		return false;
	while (line->len > 0 && (line->data[0] == ' ' || line->data[0] == '\t'))
		*line = span_from(*line, 1);
	if (line->len == 0)
		return false;
	*number = (uint32_t)value;
	list->mixed |= *number <= list->last;
	list->last = *number;
	return true;
}

int pop3_lister_add_uid(struct pop3_lister *lister, struct span line)
{
	uint32_t number;
	bool endless;

	if (!fits(&lister->uidl, lister->count, line, &endless))
		return endless ? -1 : 0;
	if (!take_number(&lister->uidl, &line, &number) || line.len > POP3_LINE_MAX) {
		lister->broken++;
		return 0;
	}
	lister->entries = mem_grow(lister->entries, &lister->capacity, lister->count + 1, sizeof(*lister->entries));
	lister->entries[lister->count++] = (struct pop3_entry){ .number = number, .uid = keep_uid(lister, line) };
	return 0;
}

int pop3_lister_add_size(struct pop3_lister *lister, struct span line)
{
	struct size_entry entry = { .place = (uint32_t)lister->size_count };
	bool endless;

	if (!fits(&lister->list, lister->size_count, line, &endless))
		return endless ? -1 : 0;
	if (!take_number(&lister->list, &line, &entry.number) || !span_number(span_token(&line), &entry.size)) {
		lister->broken++;
		return 0;
	}
	lister->sizes = mem_grow(lister->sizes, &lister->size_capacity, lister->size_count + 1, sizeof(*lister->sizes));
	lister->sizes[lister->size_count++] = entry;
	return 0;
}

static int compare_sizes(const void *left, const void *right)
{
	const struct size_entry *a = left;
	const struct size_entry *b = right;

	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

static int compare_places(const void *left, const void *right)
{
	const struct size_entry *a = left;
	const struct size_entry *b = right;

	return a->place < b->place ? -1 : a->place > b->place;
}

/* Sorts by number and drops repeated ones. */
static size_t unique_sizes(struct size_entry *sizes, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(sizes, count, sizeof(*sizes), compare_sizes);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || sizes[kept - 1].number != sizes[i].number)
			sizes[kept++] = sizes[i];
	}
	return kept;
}

/* Of entries with the same number the first counts: there is no telling which of them RETR would give. */
static void drop_repeated_entries(struct pop3_lister *lister)
{
	struct size_entry *index = mem_array(lister->count, sizeof(*index));
	size_t kept;

	for (size_t i = 0; i < lister->count; i++)
		index[i] = (struct size_entry){ .number = lister->entries[i].number, .place = (uint32_t)i };
	kept = unique_sizes(index, lister->count);
	qsort(index, kept, sizeof(*index), compare_places);
	for (size_t i = 0; i < kept; i++)
		lister->entries[i] = lister->entries[index[i].place];
	lister->broken += lister->count - kept;
	lister->count = kept;
	free(index);
}

static uint64_t size_of(const struct pop3_lister *lister, uint32_t number, size_t *cursor)
{
	const struct size_entry *sizes = lister->sizes;
	size_t low = 0, high = lister->size_count;

	/* The usual case: both lists hold the same numbers. */
	if (*cursor < high && sizes[*cursor].number == number)
		return sizes[(*cursor)++].size;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sizes[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == lister->size_count || sizes[low].number != number)
		return 0;
	*cursor = low + 1;
	return sizes[low].size;
}

static void join_sizes(struct pop3_lister *lister)
{
	size_t cursor = 0;

	if (lister->list.mixed) {
		size_t kept = unique_sizes(lister->sizes, lister->size_count);

		lister->broken += lister->size_count - kept;
		lister->size_count = kept;
	}
	for (size_t i = 0; i < lister->count; i++)
		lister->entries[i].size = size_of(lister, lister->entries[i].number, &cursor);
}

/* LIST alone: the entries are its lines, in the server's order. */
static void entries_from_sizes(struct pop3_lister *lister)
{
	lister->entries = mem_array(lister->size_count, sizeof(*lister->entries));
	lister->count = lister->size_count;
	for (size_t i = 0; i < lister->count; i++)
		lister->entries[i] =
			(struct pop3_entry){ .number = lister->sizes[i].number, .size = lister->sizes[i].size };
	lister->uidl.mixed = lister->list.mixed;
}

void pop3_lister_finish(struct pop3_lister *lister, bool has_uids, struct pop3_listing *listing)
{
	if (!has_uids) {
		free(lister->entries);
		entries_from_sizes(lister);
	}
	if (lister->uidl.mixed)
		drop_repeated_entries(lister);
	if (has_uids)
		join_sizes(lister);
	*listing = (struct pop3_listing){
		.entries = lister->entries,
		.count = lister->count,
		.has_uids = has_uids,
		.truncated = has_uids ? lister->uidl.truncated : lister->list.truncated,
		.broken = lister->broken,
	};
}
