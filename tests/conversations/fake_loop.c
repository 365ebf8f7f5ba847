/* SPDX-License-Identifier: ISC
 *
 * The loop and the clocks with simulated time. Nothing waits: time stands
 * still until the script lets it pass.
 */
#include "multidropd/loop.h"

#include <limits.h>
#include <stdlib.h>

#include "fake_net.h"
#include "multidropd/clock.h"
#include "multidropd/mem.h"

#define START_MONO_MS 1000000
#define START_WALL_S 1800000000
#define TURNS_MAX 10000000u /* more is a client that spins */

struct timer {
	struct loop *loop;
	void (*fire)(void *ctx);
	void *ctx;
	bool armed;
	int64_t due_ms;
	uint64_t sequence; /* of arming: what was armed first fires first */
	struct timer *next;
};

struct watch {
	struct loop *loop;
};

struct loop {
	struct timer *timers;
	size_t watches;
	uint64_t sequence;
	bool stopped;
};

static int64_t now_ms = START_MONO_MS;

int64_t clock_mono_ms(void)
{
	return now_ms;
}

int64_t clock_wall_s(void)
{
	return START_WALL_S + (now_ms - START_MONO_MS) / 1000;
}

void fake_clock_reset(void)
{
	now_ms = START_MONO_MS;
}

struct loop *loop_new(void)
{
	return mem_alloc(sizeof(struct loop));
}

void loop_free(struct loop **loop)
{
	free(*loop);
	*loop = NULL;
}

size_t fake_loop_objects(const struct loop *loop)
{
	size_t count = loop->watches;

	for (const struct timer *timer = loop->timers; timer != NULL; timer = timer->next)
		count++;
	return count;
}

/* The earliest that is due by `until_ms` and was armed before `sequence`. */
static struct timer *next_timer(const struct loop *loop, int64_t until_ms, uint64_t sequence)
{
	struct timer *first = NULL;

	for (struct timer *timer = loop->timers; timer != NULL; timer = timer->next) {
		if (!timer->armed || timer->due_ms > until_ms || timer->sequence >= sequence)
			continue;
		if (first == NULL || timer->due_ms < first->due_ms ||
		    (timer->due_ms == first->due_ms && timer->sequence < first->sequence))
			first = timer;
	}
	return first;
}

/* What a timer arms with 0 ms fires in the next turn, as in the real loop. */
static bool turn(struct loop *loop)
{
	uint64_t armed_before = loop->sequence;
	struct timer *timer;
	bool busy = false;

	while ((timer = next_timer(loop, now_ms, armed_before)) != NULL) {
		timer->armed = false;
		timer->fire(timer->ctx);
		busy = true;
	}
	return fake_streams_turn() || busy;
}

bool fake_net_settle(struct loop *loop)
{
	for (size_t turns = 0; turns < TURNS_MAX; turns++) {
		if (!turn(loop))
			return true;
	}
	return false;
}

bool fake_net_advance(struct loop *loop, int64_t ms)
{
	int64_t until_ms = now_ms + ms;
	struct timer *timer;

	if (!fake_net_settle(loop))
		return false;
	while ((timer = next_timer(loop, until_ms, UINT64_MAX)) != NULL) {
		now_ms = timer->due_ms > now_ms ? timer->due_ms : now_ms;
		if (!fake_net_settle(loop))
			return false;
	}
	now_ms = until_ms;
	return true;
}

void loop_run(struct loop *loop)
{
	struct timer *timer;

	loop->stopped = false;
	while (!loop->stopped) {
		if (turn(loop))
			continue;
		timer = next_timer(loop, INT64_MAX, UINT64_MAX);
		if (timer == NULL)
			return;
		now_ms = timer->due_ms;
	}
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

struct timer *timer_new(struct loop *loop, void (*fire)(void *ctx), void *ctx)
{
	struct timer *timer = mem_alloc(sizeof(*timer));

	*timer = (struct timer){ .loop = loop, .fire = fire, .ctx = ctx, .next = loop->timers };
	loop->timers = timer;
	return timer;
}

void timer_arm(struct timer *timer, int64_t delay_ms)
{
	timer->armed = true;
	timer->due_ms = now_ms + (delay_ms > 0 ? delay_ms : 0);
	timer->sequence = timer->loop->sequence++;
}

void timer_cancel(struct timer *timer)
{
	timer->armed = false;
}

int64_t timer_remaining_ms(const struct timer *timer)
{
	if (!timer->armed)
		return -1;
	return timer->due_ms > now_ms ? timer->due_ms - now_ms : 0;
}

void timer_free(struct timer **timer)
{
	struct timer **link;

	if (*timer == NULL)
		return;
	for (link = &(*timer)->loop->timers; *link != *timer; link = &(*link)->next)
		;
	*link = (*timer)->next;
	free(*timer);
	*timer = NULL;
}

static struct watch *watch_new(struct loop *loop)
{
	struct watch *watch = mem_alloc(sizeof(*watch));

	watch->loop = loop;
	loop->watches++;
	return watch;
}

/* No conversation has descriptors or signals: these exist and never fire. */
struct watch *loop_watch_read(struct loop *loop, int fd, void (*readable)(void *ctx), void *ctx)
{
	(void)fd;
	(void)readable;
	(void)ctx;
	return watch_new(loop);
}

struct watch *loop_watch_signal(struct loop *loop, int signo, void (*caught)(void *ctx), void *ctx)
{
	(void)signo;
	(void)caught;
	(void)ctx;
	return watch_new(loop);
}

void watch_free(struct watch **watch)
{
	if (*watch == NULL)
		return;
	(*watch)->loop->watches--;
	free(*watch);
	*watch = NULL;
}
