/* SPDX-License-Identifier: ISC
 *
 * base/virtual: the administrator's map of addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multidropd/virtual.h"

static void add(struct virtual_map *map, const char *address, const char *target)
{
	struct strlist targets = { 0 };

	strlist_add(&targets, target);
	virtual_map_add(map, address, &targets);
	assert_int_equal(targets.count, 0);
	assert_null(targets.items);
}

static const char *first_target(const struct virtual_map *map, const char *address)
{
	const struct strlist *targets = virtual_map_find(map, address);

	return targets != NULL ? targets->items[0] : "none";
}

static void empty_map(void **state)
{
	struct virtual_map map = { 0 };

	(void)state;
	assert_null(virtual_map_sort(&map));
	assert_null(virtual_map_find(&map, "a@b"));
	virtual_map_free(&map);
}

static void finds_whatever_the_case(void **state)
{
	static const char *const addresses[] = { "bob@office.example", "Alice@office.example", "@office.example",
		                                 "carol@", "j\xc3\xbcrgen@office.example" };
	struct virtual_map map = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		add(&map, addresses[i], addresses[i]);
	assert_null(virtual_map_sort(&map));
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		assert_string_equal(first_target(&map, addresses[i]), addresses[i]);
	assert_string_equal(first_target(&map, "aLICE@Office.Example"), "Alice@office.example");
	assert_string_equal(first_target(&map, "CAROL@"), "carol@");
	assert_string_equal(first_target(&map, "carol@office.example"), "none");
	assert_string_equal(first_target(&map, "alice"), "none");
	assert_string_equal(first_target(&map, ""), "none");
	virtual_map_free(&map);
	assert_int_equal(map.count, 0);
}

static void keeps_all_targets(void **state)
{
	struct virtual_map map = { 0 };
	struct strlist targets = { 0 };

	(void)state;
	strlist_add(&targets, "b@x");
	strlist_add(&targets, "a@x");
	virtual_map_add(&map, "team@x", &targets);
	assert_null(virtual_map_sort(&map));
	assert_int_equal(virtual_map_find(&map, "team@x")->count, 2);
	assert_string_equal(virtual_map_find(&map, "team@x")->items[1], "a@x");
	virtual_map_free(&map);
}

/* Many of them, so that a sort that is not stable would show. */
static void first_of_doubles_is_left(void **state)
{
	struct virtual_map map = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char *address = str_format(i % 2 == 0 ? "a%d@x" : "A%d@X", i % 100);
		char *target = str_format("%d", i);

		add(&map, address, target);
		free(address);
		free(target);
	}
	assert_non_null(virtual_map_sort(&map));
	assert_int_equal(map.count, 100);
	for (int i = 0; i < 100; i++) {
		char *address = str_format("a%d@x", i);
		char *target = str_format("%d", i);

		assert_string_equal(first_target(&map, address), target);
		free(address);
		free(target);
	}
	assert_null(virtual_map_sort(&map));
	virtual_map_free(&map);
}

static void double_is_told_as_it_is_left(void **state)
{
	struct virtual_map map = { 0 };

	(void)state;
	add(&map, "b@x", "1");
	add(&map, "Alice@x", "2");
	add(&map, "alice@X", "3");
	assert_string_equal(virtual_map_sort(&map), "Alice@x");
	assert_int_equal(map.count, 2);
	assert_string_equal(first_target(&map, "alice@x"), "2");
	virtual_map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_map),
		cmocka_unit_test(finds_whatever_the_case),
		cmocka_unit_test(keeps_all_targets),
		cmocka_unit_test(first_of_doubles_is_left),
		cmocka_unit_test(double_is_told_as_it_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("virtual", tests, NULL, NULL);
}
