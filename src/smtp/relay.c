/* SPDX-License-Identifier: ISC
 *
 * The pool: which delivery runs on which connection, and when another
 * connection is opened.
 */
#include "session.h"

#include <stdlib.h>

#include "multidropd/mem.h"

void relay_enter(struct relay *relay)
{
	relay->depth++;
}

static void sweep_sessions(struct relay *relay)
{
	struct session *session, *next;

	for (session = TAILQ_FIRST(&relay->sessions); session != NULL; session = next) {
		next = TAILQ_NEXT(session, link);
		if (session->phase == SESSION_CLOSED) {
			TAILQ_REMOVE(&relay->sessions, session, link);
			session_free(&session);
		}
	}
}

static void sweep(struct relay *relay)
{
	struct delivery *delivery;

	sweep_sessions(relay);
	while ((delivery = TAILQ_FIRST(&relay->ended)) != NULL) {
		TAILQ_REMOVE(&relay->ended, delivery, link);
		delivery_free(&delivery);
	}
	if (relay->freed) {
		timer_free(&relay->work);
		free(relay->error);
		free(relay);
	}
}

static struct session *find_idle(const struct relay *relay)
{
	struct session *session;

	for (session = TAILQ_FIRST(&relay->sessions); session != NULL; session = TAILQ_NEXT(session, link)) {
		if (session->phase == SESSION_IDLE)
			return session;
	}
	return NULL;
}

static void run_queue(struct relay *relay)
{
	struct delivery *delivery;
	struct session *session;

	while ((delivery = TAILQ_FIRST(&relay->queue)) != NULL && (session = find_idle(relay)) != NULL) {
		TAILQ_REMOVE(&relay->queue, delivery, link);
		delivery->queued = false;
		transaction_begin(session, delivery);
	}
}

/* Only those that wait now: what the callbacks start has its own turn. */
static void fail_queue(struct relay *relay)
{
	struct verdict verdict = { .kind = VERDICT_UNDECIDED, .stage = STAGE_CONNECT, .reply = span_of(relay->error) };
	struct delivery *delivery;
	size_t count = 0;

	for (delivery = TAILQ_FIRST(&relay->queue); delivery != NULL; delivery = TAILQ_NEXT(delivery, link))
		count++;
	for (; count > 0 && (delivery = TAILQ_FIRST(&relay->queue)) != NULL; count--)
		delivery_tell_all(delivery, &verdict);
}

/* Connections that have work waiting, as far as it matters. */
static unsigned count_wanted(const struct relay *relay)
{
	const struct delivery *delivery;
	unsigned wanted = TAILQ_EMPTY(&relay->checks) ? 0 : 1;
	unsigned waiting = 0;

	for (delivery = TAILQ_FIRST(&relay->queue); delivery != NULL; delivery = TAILQ_NEXT(delivery, link)) {
		if (++waiting >= relay->params.max_connections)
			break;
	}
	return waiting > wanted ? waiting : wanted;
}

/* One at a time until the relay has shown that it works; a refused further one is not asked for again in the pause. */
static void open_sessions(struct relay *relay)
{
	struct relay_census census = relay_census(relay);
	unsigned wanted = count_wanted(relay);
	unsigned at_once = relay->state == RELAY_UP ? relay->params.max_connections : 1;

	if (relay_pausing(relay) && (relay->state == RELAY_DOWN || census.established > 0))
		return;
	while (census.opening < wanted && census.opening < at_once &&
	       census.opening + census.established < relay->params.max_connections) {
		if (census.opening + census.established == 0)
			sasl_poll_begin(&relay->sasl);
		session_new(relay, 0);
		census.opening++;
	}
}

static void go_on(struct relay *relay)
{
	relay_answer_checks(relay);
	if (!relay->freed)
		run_queue(relay);
	if (!relay->freed && relay_out_of_reach(relay))
		fail_queue(relay);
	if (!relay->freed)
		open_sessions(relay);
}

void relay_leave(struct relay *relay)
{
	if (relay->depth == 1 && !relay->freed)
		go_on(relay);
	if (--relay->depth == 0)
		sweep(relay);
}

static void on_work(void *ctx)
{
	relay_enter(ctx);
	relay_leave(ctx);
}

void relay_work(struct relay *relay)
{
	if (!relay->freed)
		timer_arm(relay->work, 0);
}

/* Idle connections that have waited as long as the failed one are likely to be as dead. */
void relay_requeue(struct delivery *delivery)
{
	struct relay *relay = delivery->relay;
	struct session *session;

	for (session = TAILQ_FIRST(&relay->sessions); session != NULL; session = TAILQ_NEXT(session, link)) {
		if (session->phase == SESSION_IDLE)
			session_quit(session);
	}
	delivery->queued = true;
	TAILQ_INSERT_HEAD(&relay->queue, delivery, link);
}

struct relay *relay_new(struct loop *loop, const struct relay_params *params)
{
	struct relay *relay = mem_alloc(sizeof(*relay));

	relay->loop = loop;
	relay->params = *params;
	relay->work = timer_new(loop, on_work, relay);
	TAILQ_INIT(&relay->sessions);
	TAILQ_INIT(&relay->queue);
	TAILQ_INIT(&relay->ended);
	TAILQ_INIT(&relay->checks);
	return relay;
}

void relay_free(struct relay **relay)
{
	struct relay *dead = *relay;
	struct relay_check *check;
	struct session *session;

	*relay = NULL;
	if (dead == NULL)
		return;
	dead->freed = true;
	while (!TAILQ_EMPTY(&dead->queue))
		delivery_retire(TAILQ_FIRST(&dead->queue));
	for (session = TAILQ_FIRST(&dead->sessions); session != NULL; session = TAILQ_NEXT(session, link)) {
		if (session->delivery != NULL)
			delivery_retire(session->delivery);
		session_end(session, FATE_DONE, 0, "the relay is no longer used");
	}
	while ((check = TAILQ_FIRST(&dead->checks)) != NULL) {
		TAILQ_REMOVE(&dead->checks, check, link);
		check->waiting = false;
	}
	if (dead->depth == 0)
		sweep(dead);
}

void relay_quit(struct relay *relay)
{
	struct session *session;

	for (session = TAILQ_FIRST(&relay->sessions); session != NULL; session = TAILQ_NEXT(session, link)) {
		if (session->phase == SESSION_IDLE)
			session_quit(session);
	}
}
