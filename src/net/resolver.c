/* SPDX-License-Identifier: ISC
 *
 * The loop's side and the threads' side share one desk. getaddrinfo cannot be
 * interrupted, so nobody ever waits for a thread: the desk is freed by the
 * last one who leaves it, and a query that nobody waits for any more is
 * dropped when its answer comes.
 */
#include "resolver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "loop_private.h"
#include "multidropd/mem.h"

struct lookup {
	SLIST_ENTRY(lookup) link;
	struct query *query;
	lookup_done_fn *done;
	void *ctx;
};

/* `name` does not change; the answer is the thread's until the query is finished. All else is the loop's. */
struct query {
	LIST_ENTRY(query) link;   /* all that are open */
	STAILQ_ENTRY(query) turn; /* waiting for a thread, or finished */
	struct desk *desk;
	char *name;
	SLIST_HEAD(lookup_list, lookup) waiting;
	struct addrinfo *addresses;
	int status; /* as getaddrinfo returns it */
	int error;  /* errno with EAI_SYSTEM */
	bool taken; /* by a thread; under the desk's lock */
};

STAILQ_HEAD(query_queue, query);

/* Everything in it is under the lock. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t asked;
	struct query_queue todo;
	struct query_queue finished;
	unsigned threads;
	unsigned idle;
	unsigned queued; /* length of todo */
	unsigned users;  /* the threads and the loop */
	bool closing;
	int bell; /* eventfd: something is finished */
};

struct resolver {
	struct loop_guest guest;
	struct loop *loop;
	struct desk *desk;
	struct watch *bell;
	LIST_HEAD(query_list, query) open;
};

static void query_free(struct query *query)
{
	if (query->addresses != NULL)
		freeaddrinfo(query->addresses);
	free(query->name);
	free(query);
}

/* Called with the lock, which is gone after it. */
static void desk_leave(struct desk *desk)
{
	bool last = --desk->users == 0;
	struct query *query;

	pthread_mutex_unlock(&desk->lock);
	if (!last)
		return;
	while ((query = STAILQ_FIRST(&desk->finished)) != NULL) {
		STAILQ_REMOVE_HEAD(&desk->finished, turn);
		query_free(query);
	}
	close(desk->bell);
	pthread_cond_destroy(&desk->asked);
	pthread_mutex_destroy(&desk->lock);
	free(desk);
}

/* An eventfd refuses only at 2^64 - 1, and then it is ringing already. */
static void ring(struct desk *desk)
{
	static const uint64_t one = 1;
	ssize_t written = write(desk->bell, &one, sizeof(one));

	(void)written;
}

static void answer(struct query *query)
{
	/* Without AI_ADDRCONFIG: it needs AF_NETLINK, and an address that cannot be reached fails at once anyway. */
	static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	query->status = getaddrinfo(query->name, NULL, &hints, &query->addresses);
	query->error = errno;
	if (query->status != 0)
		query->addresses = NULL;
}

static void *thread_run(void *arg)
{
	struct desk *desk = arg;
	struct query *query;

	pthread_mutex_lock(&desk->lock);
	while (!desk->closing) {
		query = STAILQ_FIRST(&desk->todo);
		if (query == NULL) {
			desk->idle++;
			pthread_cond_wait(&desk->asked, &desk->lock);
			desk->idle--;
			continue;
		}
		STAILQ_REMOVE_HEAD(&desk->todo, turn);
		desk->queued--;
		query->taken = true;
		pthread_mutex_unlock(&desk->lock);
		answer(query);
		pthread_mutex_lock(&desk->lock);
		STAILQ_INSERT_TAIL(&desk->finished, query, turn);
		ring(desk);
	}
	desk_leave(desk);
	return NULL;
}

/* With all signals blocked, so that they reach the loop's thread. Called with the lock. */
static void start_thread(struct desk *desk)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, thread_run, desk) == 0) {
		desk->threads++;
		desk->users++;
	}
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Without any thread the query is finished as failed; with one, it waits its turn. Called with the lock. */
static void query_finish_unasked(struct desk *desk, struct query *query)
{
	query->taken = true;
	query->status = EAI_AGAIN;
	STAILQ_INSERT_TAIL(&desk->finished, query, turn);
	ring(desk);
}

static void query_post(struct desk *desk, struct query *query)
{
	pthread_mutex_lock(&desk->lock);
	if (desk->idle <= desk->queued && desk->threads < RESOLVER_THREADS_MAX)
		start_thread(desk);
	if (desk->threads == 0) {
		query_finish_unasked(desk, query);
	} else {
		STAILQ_INSERT_TAIL(&desk->todo, query, turn);
		desk->queued++;
		pthread_cond_signal(&desk->asked);
	}
	pthread_mutex_unlock(&desk->lock);
}

/* A waiter may cancel the others, start new lookups, even for the same name. */
static void query_deliver(struct query *query)
{
	const char *error = query->status == EAI_SYSTEM ? strerror(query->error) : gai_strerror(query->status);
	struct lookup *lookup;

	LIST_REMOVE(query, link);
	while ((lookup = SLIST_FIRST(&query->waiting)) != NULL) {
		struct lookup gone = *lookup;

		SLIST_REMOVE_HEAD(&query->waiting, link);
		free(lookup);
		gone.done(gone.ctx, query->addresses, query->addresses != NULL ? NULL : error);
	}
	query_free(query);
}

static struct query *next_finished(struct desk *desk)
{
	struct query *query;

	pthread_mutex_lock(&desk->lock);
	query = STAILQ_FIRST(&desk->finished);
	if (query != NULL)
		STAILQ_REMOVE_HEAD(&desk->finished, turn);
	pthread_mutex_unlock(&desk->lock);
	return query;
}

static void on_bell(void *ctx)
{
	struct resolver *resolver = ctx;
	struct query *query;
	uint64_t rings;

	if (read(resolver->desk->bell, &rings, sizeof(rings)) < 0)
		return;
	while ((query = next_finished(resolver->desk)) != NULL)
		query_deliver(query);
}

/* What a thread is busy with stays the thread's and goes with the desk. */
static void resolver_release(struct loop_guest *guest)
{
	struct resolver *resolver = (struct resolver *)guest;
	struct desk *desk = resolver->desk;
	struct query *query;

	watch_free(&resolver->bell);
	pthread_mutex_lock(&desk->lock);
	desk->closing = true;
	while ((query = STAILQ_FIRST(&desk->todo)) != NULL) {
		STAILQ_REMOVE_HEAD(&desk->todo, turn);
		query_free(query);
	}
	pthread_cond_broadcast(&desk->asked);
	desk_leave(desk);
	free(resolver);
}

static struct desk *desk_new(void)
{
	int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct desk *desk;

	if (bell < 0)
		return NULL;
	desk = mem_alloc(sizeof(*desk));
	desk->bell = bell;
	desk->users = 1;
	pthread_mutex_init(&desk->lock, NULL);
	pthread_cond_init(&desk->asked, NULL);
	STAILQ_INIT(&desk->todo);
	STAILQ_INIT(&desk->finished);
	return desk;
}

static struct resolver *resolver_of(struct loop *loop)
{
	struct desk *desk;
	struct resolver *resolver;

	if (loop->resolver != NULL)
		return loop->resolver;
	desk = desk_new();
	if (desk == NULL)
		return NULL;
	resolver = mem_alloc(sizeof(*resolver));
	resolver->loop = loop;
	resolver->desk = desk;
	resolver->bell = loop_watch_read(loop, desk->bell, on_bell, resolver);
	if (resolver->bell == NULL) {
		pthread_mutex_lock(&desk->lock);
		desk_leave(desk);
		free(resolver);
		return NULL;
	}
	LIST_INIT(&resolver->open);
	loop_guest_add(loop, &resolver->guest, resolver_release);
	loop->resolver = resolver;
	return resolver;
}

static struct query *query_of(struct resolver *resolver, const char *host)
{
	struct query *query;

	for (query = LIST_FIRST(&resolver->open); query != NULL; query = LIST_NEXT(query, link)) {
		if (strcmp(query->name, host) == 0)
			return query;
	}
	query = mem_alloc(sizeof(*query));
	query->name = mem_strdup(host);
	query->desk = resolver->desk;
	SLIST_INIT(&query->waiting);
	LIST_INSERT_HEAD(&resolver->open, query, link);
	query_post(resolver->desk, query);
	return query;
}

struct lookup *lookup_start(struct loop *loop, const char *host, lookup_done_fn *done, void *ctx)
{
	struct resolver *resolver = resolver_of(loop);
	struct lookup *lookup;

	if (resolver == NULL)
		return NULL;
	lookup = mem_alloc(sizeof(*lookup));
	lookup->query = query_of(resolver, host);
	lookup->done = done;
	lookup->ctx = ctx;
	SLIST_INSERT_HEAD(&lookup->query->waiting, lookup, link);
	return lookup;
}

/* A query that has its thread goes on: the next who asks for the name may have the answer. */
static void query_withdraw(struct desk *desk, struct query *query)
{
	bool taken;

	pthread_mutex_lock(&desk->lock);
	taken = query->taken;
	if (!taken) {
		STAILQ_REMOVE(&desk->todo, query, query, turn);
		desk->queued--;
	}
	pthread_mutex_unlock(&desk->lock);
	if (taken)
		return;
	LIST_REMOVE(query, link);
	query_free(query);
}

void lookup_cancel(struct lookup **lookup)
{
	struct query *query;

	if (*lookup == NULL)
		return;
	query = (*lookup)->query;
	SLIST_REMOVE(&query->waiting, *lookup, lookup, link);
	free(*lookup);
	*lookup = NULL;
	if (SLIST_EMPTY(&query->waiting))
		query_withdraw(query->desk, query);
}
