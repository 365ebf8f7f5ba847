/* SPDX-License-Identifier: ISC
 *
 * net/: timers, descriptors, signals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "multidropd/loop.h"
#include "multidropd/str.h"

#define LONG_MS 20000

struct scene {
	struct loop *loop;
	struct strbuf events;
	struct timer *timers[3];
	struct watch *watch;
	int fds[2];
	unsigned left;
};

static void begin(struct scene *scene)
{
	*scene = (struct scene){ .loop = loop_new() };
	assert_int_equal(pipe(scene->fds), 0);
}

static void end(struct scene *scene)
{
	for (size_t i = 0; i < 3; i++)
		timer_free(&scene->timers[i]);
	watch_free(&scene->watch);
	loop_free(&scene->loop);
	close(scene->fds[0]);
	close(scene->fds[1]);
	strbuf_free(&scene->events);
}

static void note_first(void *ctx)
{
	strbuf_add_str(&((struct scene *)ctx)->events, "first ");
}

static void note_second(void *ctx)
{
	struct scene *scene = ctx;

	strbuf_add_str(&scene->events, "second ");
	loop_stop(scene->loop);
}

static void timers_fire_in_order(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.timers[0] = timer_new(scene.loop, note_second, &scene);
	scene.timers[1] = timer_new(scene.loop, note_first, &scene);
	scene.timers[2] = timer_new(scene.loop, note_first, &scene);
	assert_int_equal(timer_remaining_ms(scene.timers[0]), -1);
	timer_arm(scene.timers[0], 20);
	timer_arm(scene.timers[1], LONG_MS);
	assert_in_range(timer_remaining_ms(scene.timers[1]), 1, LONG_MS);
	timer_arm(scene.timers[1], -5); /* moved */
	timer_arm(scene.timers[2], 1);
	timer_cancel(scene.timers[2]);
	assert_int_equal(timer_remaining_ms(scene.timers[2]), -1);
	assert_string_equal(strbuf_str(&scene.events), "");
	loop_run(scene.loop);
	assert_string_equal(strbuf_str(&scene.events), "first second ");
	assert_int_equal(timer_remaining_ms(scene.timers[0]), -1);
	end(&scene);
}

static void free_and_stop(void *ctx)
{
	struct scene *scene = ctx;

	timer_free(&scene->timers[0]);
	timer_free(&scene->timers[0]);
	loop_stop(scene->loop);
}

static void a_timer_frees_itself(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.timers[0] = timer_new(scene.loop, free_and_stop, &scene);
	timer_arm(scene.timers[0], 0);
	loop_run(scene.loop);
	assert_null(scene.timers[0]);
	end(&scene);
}

static void arm_again(void *ctx)
{
	struct scene *scene = ctx;

	if (--scene->left == 0)
		loop_stop(scene->loop);
	timer_arm(scene->timers[0], 0);
}

static void a_timer_arms_itself(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.left = 5;
	scene.timers[0] = timer_new(scene.loop, arm_again, &scene);
	timer_arm(scene.timers[0], 0);
	loop_run(scene.loop);
	assert_int_equal(scene.left, 0);
	assert_int_not_equal(timer_remaining_ms(scene.timers[0]), -1);
	end(&scene);
}

/* A stop that comes first is kept for the next run, once. */
static void stopped_before_running(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.timers[0] = timer_new(scene.loop, note_second, &scene);
	timer_arm(scene.timers[0], 0);
	loop_stop(scene.loop);
	loop_run(scene.loop);
	assert_string_equal(strbuf_str(&scene.events), "");
	loop_run(scene.loop);
	assert_string_equal(strbuf_str(&scene.events), "second ");
	end(&scene);
}

static void take_byte(void *ctx)
{
	struct scene *scene = ctx;
	char byte;

	assert_int_equal(read(scene->fds[0], &byte, 1), 1);
	strbuf_add_byte(&scene->events, byte);
	if (byte != 'c')
		return;
	watch_free(&scene->watch);
	loop_stop(scene->loop);
}

static void a_descriptor_is_watched_until_freed(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	assert_int_equal(write(scene.fds[1], "abcd", 4), 4);
	scene.watch = loop_watch_read(scene.loop, scene.fds[0], take_byte, &scene);
	loop_run(scene.loop);
	scene.timers[0] = timer_new(scene.loop, note_second, &scene);
	timer_arm(scene.timers[0], 0);
	loop_run(scene.loop);
	assert_string_equal(strbuf_str(&scene.events), "abcsecond ");
	end(&scene);
}

static void a_signal_is_caught_in_the_loop(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.watch = loop_watch_signal(scene.loop, SIGUSR1, note_second, &scene);
	raise(SIGUSR1);
	assert_string_equal(strbuf_str(&scene.events), "");
	loop_run(scene.loop);
	assert_string_equal(strbuf_str(&scene.events), "second ");
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(a_timer_frees_itself),
		cmocka_unit_test(a_timer_arms_itself),
		cmocka_unit_test(stopped_before_running),
		cmocka_unit_test(a_descriptor_is_watched_until_freed),
		cmocka_unit_test(a_signal_is_caught_in_the_loop),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/loop", tests, NULL, NULL);
}
