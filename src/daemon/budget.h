/* SPDX-License-Identifier: ISC
 *
 * memory_limit: the message bytes that may be held, over all sessions.
 */
#ifndef MULTIDROPD_DAEMON_BUDGET_H
#define MULTIDROPD_DAEMON_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "multidropd/loop.h"

struct budget_share;

/* Somebody who waits for memory; first come, first served. Embedded in its owner. */
struct budget_waiter {
	void (*reserved)(void *ctx); /* from the loop: `bytes` are yours now */
	void *ctx;
	size_t bytes; /* as asked for */
	struct budget_share *share; /* private, as what follows */
	bool waiting;
	uint64_t turn;
	TAILQ_ENTRY(budget_waiter) link;
};

TAILQ_HEAD(budget_waiters, budget_waiter);
TAILQ_HEAD(budget_shares, budget_share);

struct budget {
	uint64_t limit, used;
	struct budget_shares wanting;   /* those that somebody waits for */
	uint64_t turns;
	struct timer *wake;
};

/* What one relay's mail may take of it: a relay that does not move must not starve the others. */
struct budget_share {
	struct budget *budget;
	uint64_t limit, used;
	struct budget_waiters waiters;
	TAILQ_ENTRY(budget_share) link;
};

void budget_init(struct budget *budget, struct loop *loop, uint64_t limit);
void budget_deinit(struct budget *budget);
void budget_set_limit(struct budget *budget, uint64_t limit);
/* One of `shares` that the budget is divided among: all of it where it is the only one, else half. */
void budget_share_init(struct budget_share *share, struct budget *budget, size_t shares);

/*
 * For something new. False: there is not so much left, or others waited first;
 * `reserved` is called when it is there. What is over a limit by itself is
 * allowed once all else is free.
 */
bool budget_request(struct budget_share *share, struct budget_waiter *waiter, size_t bytes)
	__attribute__((warn_unused_result));
void budget_unwait(struct budget_waiter *waiter);

/* More for what is under way, before those who wait; false when there is not so much left. */
bool budget_reserve(struct budget_share *share, size_t bytes) __attribute__((warn_unused_result));
/* For what is there already and cannot be refused; `used` may then pass the limit. */
void budget_force(struct budget_share *share, size_t bytes);
void budget_release(struct budget_share *share, size_t bytes);

#endif
