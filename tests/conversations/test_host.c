/* SPDX-License-Identifier: ISC
 *
 * daemon/host.c and daemon/budget.c with simulated time: who may start, in
 * which order, and who has to wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/daemon/budget.h"
#include "../../src/daemon/host.h"
#include "fake_net.h"

struct world {
	struct loop *loop;
	struct hosts hosts;
	unsigned changes;
};

static void changed(void *ctx)
{
	struct world *world = ctx;

	world->changes++;
}

static int begin(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	fake_net_reset(0);
	world->loop = loop_new();
	hosts_init(&world->hosts, world->loop, changed, world);
	hosts_set_limit(&world->hosts, 2);
	*state = world;
	return 0;
}

static int finish(void **state)
{
	struct world *world = *state;

	hosts_deinit(&world->hosts);
	loop_free(&world->loop);
	free(world);
	return 0;
}

static void limits_and_priorities(void **state)
{
	struct world *world = *state;
	struct host *host = host_use(&world->hosts, "POP.example");
	struct host *same = host_use(&world->hosts, "pop.example");
	struct host_waiter low[2] = { 0 }, high = { .priority = 1 };

	assert_ptr_equal(host, same);
	host_queue(host, &low[0]);
	host_queue(host, &low[1]);
	host_queue(host, &high);
	host_queue(host, &high);
	assert_ptr_equal(hosts_next(&world->hosts), &high);
	assert_ptr_equal(hosts_next(&world->hosts), &low[0]);
	/* Two sessions are all that a host gets. */
	assert_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_WORKS, 1000, 8000);
	assert_ptr_equal(hosts_next(&world->hosts), &low[1]);
	host_session_ended(host, HOST_WORKS, 1000, 8000);
	host_session_ended(host, HOST_WORKS, 1000, 8000);
	host_release(&host);
	host_release(&same);
}

static void order_over_hosts(void **state)
{
	struct world *world = *state;
	struct host *a = host_use(&world->hosts, "a.example");
	struct host *b = host_use(&world->hosts, "b.example");
	struct host_waiter first = { 0 }, second = { 0 }, urgent = { .priority = 5 };

	host_queue(a, &first);
	host_queue(b, &second);
	host_queue(b, &urgent);
	assert_ptr_equal(hosts_next(&world->hosts), &urgent);
	assert_ptr_equal(hosts_next(&world->hosts), &first);
	host_unqueue(b, &second);
	assert_null(hosts_next(&world->hosts));
	host_session_ended(a, HOST_WORKS, 1000, 8000);
	host_session_ended(b, HOST_WORKS, 1000, 8000);
	host_release(&a);
	host_release(&b);
}

static void failing_host_is_left_alone(void **state)
{
	struct world *world = *state;
	struct host *host = host_use(&world->hosts, "pop.example");
	struct host_waiter waiters[3] = { 0 };

	for (size_t i = 0; i < 3; i++)
		host_queue(host, &waiters[i]);
	assert_non_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_FAILED, 60000, 3600000);
	assert_in_range(host_pause_ms(host), 54000, 66000);
	assert_null(hosts_next(&world->hosts));
	fake_net_advance(world->loop, 66001);
	/* One finds out whether it is back. */
	assert_non_null(hosts_next(&world->hosts));
	assert_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_FAILED, 60000, 3600000);
	assert_in_range(host_pause_ms(host), 108000, 132000);
	hosts_end_pauses(&world->hosts);
	assert_int_equal(host_pause_ms(host), 0);
	assert_non_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_WORKS, 60000, 3600000);
	assert_int_equal(host_pause_ms(host), 0);
	host_release(&host);
}

static void busy_host_gets_fewer_sessions(void **state)
{
	struct world *world = *state;
	struct host *host = host_use(&world->hosts, "pop.example");
	struct host_waiter waiters[4] = { 0 };

	for (size_t i = 0; i < 4; i++)
		host_queue(host, &waiters[i]);
	assert_non_null(hosts_next(&world->hosts));
	assert_non_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_BUSY, 60000, 3600000);
	fake_net_advance(world->loop, 66001);
	assert_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_WORKS, 60000, 3600000);
	assert_non_null(hosts_next(&world->hosts));
	assert_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_WORKS, 60000, 3600000);
	host_unqueue(host, &waiters[3]);
	host_release(&host);
}

static void pauses_do_not_hold_up_once(void **state)
{
	struct world *world = *state;
	struct host *host = host_use(&world->hosts, "pop.example");
	struct host_waiter waiters[2] = { 0 };

	world->hosts.ignore_pauses = true;
	host_queue(host, &waiters[0]);
	host_queue(host, &waiters[1]);
	assert_non_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_FAILED, 60000, 3600000);
	assert_non_null(hosts_next(&world->hosts));
	host_session_ended(host, HOST_FAILED, 60000, 3600000);
	host_release(&host);
}

static void backoff_doubles_up_to_its_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_in_range(host_backoff_ms(1, 60000, 3600000), 54000, 66000);
		assert_in_range(host_backoff_ms(3, 60000, 3600000), 216000, 264000);
		assert_in_range(host_backoff_ms(1000000, 60000, 3600000), 3240000, 3960000);
	}
	assert_int_equal(host_jitter_ms(5), 5);
}

/* --- memory --- */

struct eater {
	struct budget_waiter waiter;
	size_t wants;
	bool fed;
};

static void fed(void *ctx)
{
	struct eater *eater = ctx;

	eater->fed = true;
}

static void memory_is_shared_in_turn(void **state)
{
	struct world *world = *state;
	struct budget budget;
	struct budget_share share;
	struct eater eaters[3] = { { .wants = 60 }, { .wants = 60 }, { .wants = 10 } };

	budget_init(&budget, world->loop, 100);
	budget_share_init(&share, &budget, 1);
	assert_true(budget_reserve(&share, 90));
	for (size_t i = 0; i < 3; i++) {
		eaters[i].waiter = (struct budget_waiter){ .reserved = fed, .ctx = &eaters[i] };
		assert_false(budget_request(&share, &eaters[i].waiter, eaters[i].wants));
	}
	/* Room for none of the two that wait before him. */
	assert_true(fake_net_settle(world->loop));
	assert_false(eaters[2].fed);
	budget_release(&share, 80);
	assert_true(fake_net_settle(world->loop));
	assert_true(eaters[0].fed);
	assert_false(eaters[1].fed);
	/* What is under way goes before those who wait. */
	assert_true(budget_reserve(&share, 30));
	budget_unwait(&eaters[1].waiter);
	assert_true(fake_net_settle(world->loop));
	assert_false(eaters[2].fed);
	budget_set_limit(&budget, 110);
	assert_true(fake_net_settle(world->loop));
	assert_true(eaters[2].fed);
	assert_int_equal(budget.used, 110);
	budget_release(&share, 110);
	budget_deinit(&budget);
}

static void one_message_over_the_limit_passes_alone(void **state)
{
	struct world *world = *state;
	struct budget budget;
	struct budget_share share;

	budget_init(&budget, world->loop, 100);
	budget_share_init(&share, &budget, 1);
	assert_true(budget_reserve(&share, 500));
	assert_false(budget_reserve(&share, 1));
	budget_release(&share, 500);
	assert_true(budget_reserve(&share, 1));
	budget_release(&share, 1);
	budget_deinit(&budget);
}

static void one_relay_does_not_take_it_all(void **state)
{
	struct world *world = *state;
	struct budget budget;
	struct budget_share stuck, works;
	struct eater eaters[3] = { { .wants = 10 }, { .wants = 60 }, { .wants = 10 } };

	budget_init(&budget, world->loop, 100);
	budget_share_init(&stuck, &budget, 2);
	budget_share_init(&works, &budget, 2);
	for (size_t i = 0; i < 3; i++)
		eaters[i].waiter = (struct budget_waiter){ .reserved = fed, .ctx = &eaters[i] };
	assert_true(budget_reserve(&stuck, 50));
	assert_false(budget_request(&stuck, &eaters[0].waiter, eaters[0].wants));
	assert_true(budget_request(&works, &eaters[1].waiter, 40));
	assert_false(budget_request(&works, &eaters[1].waiter, eaters[1].wants));
	assert_false(budget_request(&works, &eaters[2].waiter, eaters[2].wants));
	budget_release(&works, 40);
	assert_true(fake_net_settle(world->loop));
	/* Over its share, but half of the whole is free only while nothing else is used. */
	assert_false(eaters[1].fed);
	assert_false(eaters[0].fed);
	budget_release(&stuck, 50);
	assert_true(fake_net_settle(world->loop));
	assert_true(eaters[0].fed);
	assert_true(eaters[1].fed);
	assert_false(eaters[2].fed);
	budget_release(&works, 60);
	assert_true(fake_net_settle(world->loop));
	assert_true(eaters[2].fed);
	budget_release(&works, 10);
	budget_release(&stuck, 10);
	assert_int_equal(budget.used, 0);
	budget_deinit(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(limits_and_priorities, begin, finish),
		cmocka_unit_test_setup_teardown(order_over_hosts, begin, finish),
		cmocka_unit_test_setup_teardown(failing_host_is_left_alone, begin, finish),
		cmocka_unit_test_setup_teardown(busy_host_gets_fewer_sessions, begin, finish),
		cmocka_unit_test_setup_teardown(pauses_do_not_hold_up_once, begin, finish),
		cmocka_unit_test(backoff_doubles_up_to_its_limit),
		cmocka_unit_test_setup_teardown(memory_is_shared_in_turn, begin, finish),
		cmocka_unit_test_setup_teardown(one_message_over_the_limit_passes_alone, begin, finish),
		cmocka_unit_test_setup_teardown(one_relay_does_not_take_it_all, begin, finish),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
