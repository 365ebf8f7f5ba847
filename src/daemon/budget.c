/* SPDX-License-Identifier: ISC
 *
 * memory_limit as a counter and a queue of those who wait for it.
 */
#include "budget.h"

#define WAKE_DELAY_MS 0

/* Each who wakes takes what it needs, and waits again at the end of the queue if that was not enough. */
static void wake_first(void *ctx)
{
	struct budget *budget = ctx;
	struct budget_waiter *first = TAILQ_FIRST(&budget->waiters);

	if (first == NULL || budget->used >= budget->limit)
		return;
	budget_unwait(budget, first);
	first->freed(first->ctx);
	if (!TAILQ_EMPTY(&budget->waiters) && !first->waiting)
		timer_arm(budget->wake, WAKE_DELAY_MS);
}

void budget_init(struct budget *budget, struct loop *loop, uint64_t limit)
{
	*budget = (struct budget){ .limit = limit };
	TAILQ_INIT(&budget->waiters);
	budget->wake = timer_new(loop, wake_first, budget);
}

void budget_deinit(struct budget *budget)
{
	timer_free(&budget->wake);
}

bool budget_reserve(struct budget *budget, size_t bytes)
{
	if (budget->used > 0 && (budget->used >= budget->limit || bytes > budget->limit - budget->used))
		return false;
	budget->used += bytes;
	return true;
}

void budget_force(struct budget *budget, size_t bytes)
{
	budget->used += bytes;
}

void budget_release(struct budget *budget, size_t bytes)
{
	budget->used -= bytes;
	if (bytes > 0 && !TAILQ_EMPTY(&budget->waiters))
		timer_arm(budget->wake, WAKE_DELAY_MS);
}

void budget_wait(struct budget *budget, struct budget_waiter *waiter)
{
	if (waiter->waiting)
		return;
	waiter->waiting = true;
	TAILQ_INSERT_TAIL(&budget->waiters, waiter, link);
}

void budget_unwait(struct budget *budget, struct budget_waiter *waiter)
{
	if (!waiter->waiting)
		return;
	waiter->waiting = false;
	TAILQ_REMOVE(&budget->waiters, waiter, link);
}
