/* SPDX-License-Identifier: ISC
 *
 * base/heap.c: comes out in order, whatever was taken out of the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multidropd/heap.h"

#define ITEMS 500

struct number {
	struct heap_item item;
	unsigned value;
};

static bool before(const struct heap_item *a, const struct heap_item *b)
{
	return ((const struct number *)a)->value < ((const struct number *)b)->value;
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void comes_out_in_order(void **state)
{
	struct heap heap = { .before = before };
	struct number numbers[ITEMS] = { 0 };
	unsigned seed = 7, last = 0, removed = 0, popped = 0;

	(void)state;
	for (size_t i = 0; i < ITEMS; i++) {
		numbers[i].value = next_random(&seed) % 100;
		heap_push(&heap, &numbers[i].item);
		heap_push(&heap, &numbers[i].item);
	}
	assert_int_equal(heap.count, ITEMS);
	for (size_t i = 0; i < ITEMS; i += 3) {
		heap_remove(&heap, &numbers[i].item);
		heap_remove(&heap, &numbers[i].item);
		assert_false(heap_has(&numbers[i].item));
		removed++;
	}
	while (heap_first(&heap) != NULL) {
		struct number *first = (struct number *)heap_first(&heap);

		assert_true(first->value >= last);
		assert_true(heap_has(&first->item));
		last = first->value;
		heap_remove(&heap, &first->item);
		popped++;
	}
	assert_int_equal(removed + popped, ITEMS);
	heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_out_in_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
