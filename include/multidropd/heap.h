/* SPDX-License-Identifier: ISC
 *
 * A binary heap of borrowed items that know their place in it, so that one can
 * be taken out of the middle.
 */
#ifndef MULTIDROPD_HEAP_H
#define MULTIDROPD_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Embedded in the item, as its first member; zeroed means: in no heap. */
struct heap_item {
	size_t place;           /* private: index + 1 */
};

/* `before` says whether a must come out before b; for equal items false. */
struct heap {
	struct heap_item **items;
	size_t count, capacity;
	bool (*before)(const struct heap_item *a, const struct heap_item *b);
};

void heap_push(struct heap *heap, struct heap_item *item);          /* harmless when it is in already */
struct heap_item *heap_first(const struct heap *heap);              /* NULL when empty */
void heap_remove(struct heap *heap, struct heap_item *item);        /* harmless when it is not in */
bool heap_has(const struct heap_item *item);
void heap_free(struct heap *heap);

#endif
