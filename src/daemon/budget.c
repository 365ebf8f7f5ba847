/* SPDX-License-Identifier: ISC
 *
 * memory_limit as a counter and a queue of those who wait for it.
 */
#include "budget.h"

static void wake_soon(struct budget *budget)
{
	if (!TAILQ_EMPTY(&budget->waiters))
		timer_arm(budget->wake, 0);
}

/* Whoever wants much is not passed by those who want little. */
static void serve_first(void *ctx)
{
	struct budget *budget = ctx;
	struct budget_waiter *first = TAILQ_FIRST(&budget->waiters);

	if (first == NULL || !budget_reserve(budget, first->bytes))
		return;
	budget_unwait(budget, first);
	first->reserved(first->ctx);
}

void budget_init(struct budget *budget, struct loop *loop, uint64_t limit)
{
	*budget = (struct budget){ .limit = limit };
	TAILQ_INIT(&budget->waiters);
	budget->wake = timer_new(loop, serve_first, budget);
}

void budget_deinit(struct budget *budget)
{
	timer_free(&budget->wake);
}

void budget_set_limit(struct budget *budget, uint64_t limit)
{
	budget->limit = limit;
	wake_soon(budget);
}

bool budget_request(struct budget *budget, struct budget_waiter *waiter, size_t bytes)
{
	if (TAILQ_EMPTY(&budget->waiters) && budget_reserve(budget, bytes))
		return true;
	waiter->bytes = bytes;
	waiter->waiting = true;
	TAILQ_INSERT_TAIL(&budget->waiters, waiter, link);
	return false;
}

void budget_unwait(struct budget *budget, struct budget_waiter *waiter)
{
	if (!waiter->waiting)
		return;
	waiter->waiting = false;
	TAILQ_REMOVE(&budget->waiters, waiter, link);
	wake_soon(budget);
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
	if (bytes > 0)
		wake_soon(budget);
}
