/* SPDX-License-Identifier: ISC
 *
 * memory_limit as a counter, divided into shares, and a queue of those who
 * wait.
 */
#include "budget.h"

static void wake_soon(struct budget *budget)
{
	if (!TAILQ_EMPTY(&budget->wanting))
		timer_arm(budget->wake, 0);
}

static bool fits(uint64_t limit, uint64_t used, size_t bytes)
{
	return used == 0 || (used < limit && bytes <= limit - used);
}

static bool fits_share(const struct budget_share *share, size_t bytes)
{
	return fits(share->limit, share->used, bytes);
}

/* Whoever wants much is not passed by those who want little; a share that is used up holds up no other. */
static struct budget_waiter *find_first(const struct budget *budget)
{
	struct budget_waiter *first = NULL;
	const struct budget_share *share;

	for (share = TAILQ_FIRST(&budget->wanting); share != NULL; share = TAILQ_NEXT(share, link)) {
		struct budget_waiter *waiter = TAILQ_FIRST(&share->waiters);

		if (fits_share(share, waiter->bytes) && (first == NULL || waiter->turn < first->turn))
			first = waiter;
	}
	return first;
}

static void serve_first(void *ctx)
{
	struct budget *budget = ctx;
	struct budget_waiter *first = find_first(budget);

	if (first == NULL || !budget_reserve(first->share, first->bytes))
		return;
	budget_unwait(first);
	first->reserved(first->ctx);
}

void budget_init(struct budget *budget, struct loop *loop, uint64_t limit)
{
	*budget = (struct budget){ .limit = limit };
	TAILQ_INIT(&budget->wanting);
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

void budget_share_init(struct budget_share *share, struct budget *budget, size_t shares)
{
	*share = (struct budget_share){ .budget = budget, .limit = shares > 1 ? budget->limit / 2 : UINT64_MAX };
	TAILQ_INIT(&share->waiters);
}

static void enqueue(struct budget_share *share, struct budget_waiter *waiter)
{
	if (TAILQ_EMPTY(&share->waiters))
		TAILQ_INSERT_TAIL(&share->budget->wanting, share, link);
	TAILQ_INSERT_TAIL(&share->waiters, waiter, link);
	waiter->waiting = true;
	waiter->turn = share->budget->turns++;
}

bool budget_request(struct budget_share *share, struct budget_waiter *waiter, size_t bytes)
{
	bool first = TAILQ_EMPTY(&share->waiters) && find_first(share->budget) == NULL;

	if (first && budget_reserve(share, bytes))
		return true;
	waiter->bytes = bytes;
	waiter->share = share;
	enqueue(share, waiter);
	return false;
}

void budget_unwait(struct budget_waiter *waiter)
{
	struct budget_share *share = waiter->share;

	if (!waiter->waiting)
		return;
	waiter->waiting = false;
	TAILQ_REMOVE(&share->waiters, waiter, link);
	if (TAILQ_EMPTY(&share->waiters))
		TAILQ_REMOVE(&share->budget->wanting, share, link);
	wake_soon(share->budget);
}

bool budget_reserve(struct budget_share *share, size_t bytes)
{
	if (!fits_share(share, bytes) || !fits(share->budget->limit, share->budget->used, bytes))
		return false;
	budget_force(share, bytes);
	return true;
}

void budget_force(struct budget_share *share, size_t bytes)
{
	share->used += bytes;
	share->budget->used += bytes;
}

void budget_release(struct budget_share *share, size_t bytes)
{
	share->used -= bytes;
	share->budget->used -= bytes;
	if (bytes > 0)
		wake_soon(share->budget);
}
