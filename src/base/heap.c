/* SPDX-License-Identifier: ISC
 *
 * A binary heap of borrowed items.
 */
#include "multidropd/heap.h"

#include <stdlib.h>

#include "multidropd/mem.h"

static void put(struct heap *heap, size_t index, struct heap_item *item)
{
	heap->items[index] = item;
	item->place = index + 1;
}

static void rise(struct heap *heap, size_t index)
{
	struct heap_item *item = heap->items[index];

	while (index > 0 && heap->before(item, heap->items[(index - 1) / 2])) {
		put(heap, index, heap->items[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	put(heap, index, item);
}

static void sink(struct heap *heap, size_t index)
{
	struct heap_item *item = heap->items[index];

	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->before(heap->items[child + 1], heap->items[child]))
			child++;
		if (!heap->before(heap->items[child], item))
			break;
		put(heap, index, heap->items[child]);
		index = child;
	}
	put(heap, index, item);
}

void heap_push(struct heap *heap, struct heap_item *item)
{
	if (item->place != 0)
		return;
	heap->items = mem_grow(heap->items, &heap->capacity, heap->count + 1, sizeof(*heap->items));
	put(heap, heap->count, item);
	rise(heap, heap->count++);
}

struct heap_item *heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->items[0] : NULL;
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
	size_t index = item->place - 1;

	if (item->place == 0)
		return;
	item->place = 0;
	heap->count--;
	if (index == heap->count)
		return;
	put(heap, index, heap->items[heap->count]);
	rise(heap, index);
	sink(heap, heap->items[index]->place - 1);
}

bool heap_has(const struct heap_item *item)
{
	return item->place != 0;
}

void heap_free(struct heap *heap)
{
	free(heap->items);
	heap->items = NULL;
	heap->count = heap->capacity = 0;
}
