/* SPDX-License-Identifier: ISC
 *
 * POP3 servers as the scheduler sees them: how many sessions each bears, how
 * long one that failed is left alone, and which accounts wait for it.
 */
#ifndef MULTIDROPD_DAEMON_HOST_H
#define MULTIDROPD_DAEMON_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "multidropd/heap.h"
#include "multidropd/loop.h"

struct hosts;

/* A host is the name in `server` as written, case and port aside. */
struct host {
	struct heap_item item;          /* in hosts.runnable */
	struct hosts *hosts;
	char *name;
	unsigned users;                 /* accounts that point to it */
	struct heap waiting;            /* of struct host_waiter: accounts that are due */
	unsigned sessions;
	unsigned limit;                 /* learned: it closed the session above it; 0: none */
	unsigned limit_kept;            /* sessions that ended well since */
	unsigned failures;              /* in a row */
	struct timer *pause;            /* armed: left alone until then */
};

/* An account that is due. Embedded as its first member. */
struct host_waiter {
	struct heap_item item;
	int priority;                   /* higher first, */
	uint64_t turn;                  /* then in the order in which they fell due */
};

struct hosts {
	struct loop *loop;
	void *by_name;                  /* tsearch(3) */
	struct heap runnable;           /* hosts with somebody waiting and a session to spare */
	uint64_t turns;
	unsigned per_host;              /* max_sessions_per_host */
	bool ignore_pauses;             /* --once */
	void (*changed)(void *ctx);     /* a host became runnable */
	void *ctx;
};

void hosts_init(struct hosts *hosts, struct loop *loop, void (*changed)(void *ctx), void *ctx);
void hosts_deinit(struct hosts *hosts);
void hosts_set_limit(struct hosts *hosts, unsigned per_host);

/* Whoever is left alone is tried again at once. */
void hosts_end_pauses(struct hosts *hosts);

struct host *host_use(struct hosts *hosts, const char *name);  /* made when it is new */
void host_release(struct host **host);

void host_queue(struct host *host, struct host_waiter *waiter);
void host_unqueue(struct host *host, struct host_waiter *waiter);
/* The account whose turn it is, off the queue, its session counted; NULL: none can start now. */
struct host_waiter *hosts_next(struct hosts *hosts);

enum host_verdict {
	HOST_WORKS,
	HOST_FAILED,            /* pause, doubled each time up to max_ms */
	HOST_BUSY,              /* too many sessions: pause, and fewer from now on */
	HOST_SAID_NOTHING,
};

/* A session ended. */
void host_session_ended(struct host *host, enum host_verdict verdict, int64_t min_ms, int64_t max_ms);

/* How long it is still left alone; 0: not at all. */
int64_t host_pause_ms(const struct host *host);

/* min doubled `failures` - 1 times, at most max, give or take a tenth. */
int64_t host_backoff_ms(unsigned failures, int64_t min_ms, int64_t max_ms);
/* Give or take a tenth, so that what began together does not stay together. */
int64_t host_jitter_ms(int64_t ms);

#endif
