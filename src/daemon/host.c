/* SPDX-License-Identifier: ISC
 *
 * Hosts: limits, back-off, and the order of those who wait.
 */
#include "host.h"

#include <search.h>
#include <stdlib.h>
#include <strings.h>

#include "multidropd/mem.h"

/* A host that once closed a session as one too many is offered one more after so many good ones. */
#define LIMIT_RAISED_AFTER 100u

static struct host_waiter *first_waiter(const struct host *host)
{
	return (struct host_waiter *)heap_first(&host->waiting);
}

static bool waiter_before(const struct heap_item *a, const struct heap_item *b)
{
	const struct host_waiter *one = (const struct host_waiter *)a;
	const struct host_waiter *other = (const struct host_waiter *)b;

	if (one->priority != other->priority)
		return one->priority > other->priority;
	return one->turn < other->turn;
}

static bool host_before(const struct heap_item *a, const struct heap_item *b)
{
	return waiter_before(&first_waiter((const struct host *)a)->item, &first_waiter((const struct host *)b)->item);
}

static int compare_names(const void *a, const void *b)
{
	return strcasecmp(((const struct host *)a)->name, ((const struct host *)b)->name);
}

int64_t host_jitter_ms(int64_t ms)
{
	int64_t tenth = ms / 10;

	return tenth > 0 ? ms - tenth + arc4random_uniform((uint32_t)(tenth < INT32_MAX ? 2 * tenth : INT32_MAX)) : ms;
}

int64_t host_backoff_ms(unsigned failures, int64_t min_ms, int64_t max_ms)
{
	int64_t pause = min_ms;

	while (failures-- > 1 && pause < max_ms)
		pause *= 2;
	return host_jitter_ms(pause < max_ms ? pause : max_ms);
}

void hosts_init(struct hosts *hosts, struct loop *loop, void (*changed)(void *ctx), void *ctx)
{
	*hosts = (struct hosts){ .loop = loop, .changed = changed, .ctx = ctx, .per_host = 1 };
	hosts->runnable.before = host_before;
}

void hosts_deinit(struct hosts *hosts)
{
	heap_free(&hosts->runnable);
}

/* While a host fails, one session at a time finds out whether it is back. */
static unsigned sessions_allowed(const struct host *host)
{
	unsigned limit = host->hosts->per_host;

	if (host->limit > 0 && host->limit < limit)
		limit = host->limit;
	return host->failures > 0 && !host->hosts->ignore_pauses ? 1 : limit;
}

/* The place in `runnable` depends on the first who waits: out and in again. */
static void update(struct host *host)
{
	struct hosts *hosts = host->hosts;
	bool paused = timer_remaining_ms(host->pause) >= 0 && !hosts->ignore_pauses;

	heap_remove(&hosts->runnable, &host->item);
	if (first_waiter(host) == NULL || paused || host->sessions >= sessions_allowed(host))
		return;
	heap_push(&hosts->runnable, &host->item);
	hosts->changed(hosts->ctx);
}

static void pause_over(void *ctx)
{
	update(ctx);
}

static void update_node(const void *node, VISIT visit, int depth)
{
	(void)depth;
	if (visit == postorder || visit == leaf)
		update(*(struct host *const *)node);
}

void hosts_set_limit(struct hosts *hosts, unsigned per_host)
{
	hosts->per_host = per_host;
	twalk(hosts->by_name, update_node);
}

static void end_pause(const void *node, VISIT visit, int depth)
{
	if (visit == postorder || visit == leaf)
		timer_cancel((*(struct host *const *)node)->pause);
	update_node(node, visit, depth);
}

void hosts_end_pauses(struct hosts *hosts)
{
	twalk(hosts->by_name, end_pause);
}

struct host *host_use(struct hosts *hosts, const char *name)
{
	struct host *fresh = mem_alloc(sizeof(*fresh));
	struct host **found;

	fresh->name = mem_strdup(name);
	found = tsearch(fresh, &hosts->by_name, compare_names);
	if (found != NULL && *found != fresh) {
		free(fresh->name);
		free(fresh);
		fresh = *found;
	} else {
		fresh->hosts = hosts;
		fresh->waiting.before = waiter_before;
		fresh->pause = timer_new(hosts->loop, pause_over, fresh);
	}
	fresh->users++;
	return fresh;
}

void host_release(struct host **pointer)
{
	struct host *host = *pointer;

	*pointer = NULL;
	if (host == NULL || --host->users > 0)
		return;
	heap_remove(&host->hosts->runnable, &host->item);
	tdelete(host, &host->hosts->by_name, compare_names);
	timer_free(&host->pause);
	heap_free(&host->waiting);
	free(host->name);
	free(host);
}

void host_queue(struct host *host, struct host_waiter *waiter)
{
	if (heap_has(&waiter->item))
		return;
	waiter->turn = host->hosts->turns++;
	heap_push(&host->waiting, &waiter->item);
	update(host);
}

void host_unqueue(struct host *host, struct host_waiter *waiter)
{
	heap_remove(&host->waiting, &waiter->item);
	update(host);
}

struct host_waiter *hosts_next(struct hosts *hosts)
{
	struct host *host = (struct host *)heap_first(&hosts->runnable);
	struct host_waiter *waiter;

	if (host == NULL)
		return NULL;
	/* Before its first waiter is gone, which orders it. */
	heap_remove(&hosts->runnable, &host->item);
	waiter = first_waiter(host);
	heap_remove(&host->waiting, &waiter->item);
	host->sessions++;
	update(host);
	return waiter;
}

/* Sessions that fail side by side are one failure. */
static void host_failed(struct host *host, int64_t min_ms, int64_t max_ms)
{
	if (timer_remaining_ms(host->pause) >= 0)
		return;
	host->failures++;
	timer_arm(host->pause, host_backoff_ms(host->failures, min_ms, max_ms));
}

void host_session_ended(struct host *host, enum host_verdict verdict, int64_t min_ms, int64_t max_ms)
{
	host->sessions--;
	switch (verdict) {
	case HOST_WORKS:
		host->failures = 0;
		if (host->limit > 0 && ++host->limit_kept % LIMIT_RAISED_AFTER == 0)
			host->limit++;
		break;
	case HOST_FAILED:
		host_failed(host, min_ms, max_ms);
		break;
	case HOST_BUSY:
		/* With no other session of ours it cannot be that we have too many. */
		if (host->sessions == 0) {
			host_failed(host, min_ms, max_ms);
			break;
		}
		host->limit = host->sessions;
		timer_arm(host->pause, host_jitter_ms(min_ms));
		break;
	case HOST_SAID_NOTHING:
		break;
	}
	update(host);
}

int64_t host_pause_ms(const struct host *host)
{
	int64_t left_ms = timer_remaining_ms(host->pause);

	return left_ms > 0 ? left_ms : 0;
}
