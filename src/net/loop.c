/* SPDX-License-Identifier: ISC
 *
 * The event loop on libevent.
 */
#include "multidropd/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "loop_private.h"
#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

struct timer {
	struct event *event;
	int64_t due_ms; /* on clock_mono_ms; -1 when not armed */
	void (*fire)(void *ctx);
	void *ctx;
};

struct watch {
	struct event *event;
	void (*happened)(void *ctx);
	void *ctx;
};

/* As malloc, but never NULL: libevent then has no failures of its own for us to handle. */
static void *allocate(size_t len)
{
	return mem_realloc(NULL, len);
}

/* OpenSSL 3.0 goes on with locks that it could not make, and crashes on them. */
static void *allocate_openssl(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return mem_realloc(NULL, len);
}

static void *reallocate_openssl(void *block, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return mem_realloc(block, len);
}

static void free_openssl(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

/*
 * Writing to a connection that the peer has reset raises SIGPIPE, and libevent
 * writes with writev, which knows no MSG_NOSIGNAL. Without a cached time a
 * timer armed late in a long callback still waits its full time.
 */
struct loop *loop_new(void)
{
	struct event_config *config;
	struct loop *loop = mem_alloc(sizeof(*loop));

	event_set_mem_functions(allocate, mem_realloc, free);
	/* Refused once it has allocated, as in a test that has had a digest before: it then keeps its own. */
	(void)CRYPTO_set_mem_functions(allocate_openssl, reallocate_openssl, free_openssl);
	signal(SIGPIPE, SIG_IGN);
	config = event_config_new();
	event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	if (loop->base == NULL) {
		log_error("no event loop: %s", strerror(errno));
		free(loop);
		return NULL;
	}
	LIST_INIT(&loop->guests);
	return loop;
}

/* A bufferevent that was freed in a callback closes its socket in one of libevent's own, later in the loop. */
static void finish_frees(struct event_base *base)
{
	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
	} while (event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE) > 0);
}

void loop_free(struct loop **loop)
{
	struct loop_guest *guest;

	if (*loop == NULL)
		return;
	while ((guest = LIST_FIRST(&(*loop)->guests)) != NULL) {
		loop_guest_remove(guest);
		guest->release(guest);
	}
	finish_frees((*loop)->base);
	event_base_free((*loop)->base);
	free(*loop);
	*loop = NULL;
}

/* libevent forgets a loopbreak that comes before the loop runs; ours does not. */
void loop_run(struct loop *loop)
{
	if (!loop->stopped)
		event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	event_base_loopbreak(loop->base);
}

void loop_guest_add(struct loop *loop, struct loop_guest *guest, void (*release)(struct loop_guest *guest))
{
	guest->release = release;
	LIST_INSERT_HEAD(&loop->guests, guest, link);
}

void loop_guest_remove(struct loop_guest *guest)
{
	LIST_REMOVE(guest, link);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *timer = arg;

	(void)fd;
	(void)what;
	timer->due_ms = -1;
	timer->fire(timer->ctx);
}

struct timer *timer_new(struct loop *loop, void (*fire)(void *ctx), void *ctx)
{
	struct timer *timer = mem_alloc(sizeof(*timer));

	*timer = (struct timer){ .due_ms = -1, .fire = fire, .ctx = ctx };
	timer->event = evtimer_new(loop->base, on_timer, timer);
	return timer;
}

void timer_arm(struct timer *timer, int64_t delay_ms)
{
	int64_t delay = delay_ms > 0 ? delay_ms : 0;
	struct timeval after = { .tv_sec = delay / 1000, .tv_usec = delay % 1000 * 1000 };

	timer->due_ms = clock_mono_ms() + delay;
	evtimer_add(timer->event, &after);
}

void timer_cancel(struct timer *timer)
{
	timer->due_ms = -1;
	evtimer_del(timer->event);
}

int64_t timer_remaining_ms(const struct timer *timer)
{
	int64_t left;

	if (timer->due_ms < 0)
		return -1;
	left = timer->due_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

void timer_free(struct timer **timer)
{
	if (*timer == NULL)
		return;
	event_free((*timer)->event);
	free(*timer);
	*timer = NULL;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	watch->happened(watch->ctx);
}

void watch_free(struct watch **watch)
{
	if (*watch == NULL)
		return;
	event_free((*watch)->event);
	free(*watch);
	*watch = NULL;
}

static struct watch *watch_new(struct loop *loop, int fd, short what, void (*happened)(void *ctx), void *ctx)
{
	struct watch *watch = mem_alloc(sizeof(*watch));

	*watch = (struct watch){ .happened = happened, .ctx = ctx };
	watch->event = event_new(loop->base, fd, (short)(what | EV_PERSIST), on_watch, watch);
	if (event_add(watch->event, NULL) < 0) {
		log_error("descriptor or signal %d cannot be watched: %s", fd, strerror(errno));
		watch_free(&watch);
	}
	return watch;
}

struct watch *loop_watch_read(struct loop *loop, int fd, void (*readable)(void *ctx), void *ctx)
{
	return watch_new(loop, fd, EV_READ, readable, ctx);
}

struct watch *loop_watch_signal(struct loop *loop, int signo, void (*caught)(void *ctx), void *ctx)
{
	return watch_new(loop, signo, EV_SIGNAL, caught, ctx);
}
