/* SPDX-License-Identifier: ISC
 *
 * A delivery: each of its recipients is told one verdict, then it ends.
 */
#include "session.h"

#include <assert.h>
#include <stdlib.h>

#include "multidropd/mem.h"

struct delivery *delivery_start(struct relay *relay, const struct delivery_params *params,
                                const struct delivery_events *events, void *ctx)
{
	struct delivery *delivery = mem_alloc(sizeof(*delivery));

	assert(params->recipient_count >= 1 && params->recipient_count <= RELAY_RECIPIENTS_MAX);
	delivery->relay = relay;
	delivery->params = *params;
	delivery->events = *events;
	delivery->ctx = ctx;
	delivery->recipients = mem_array(params->recipient_count, sizeof(*delivery->recipients));
	delivery->untold = params->recipient_count;
	delivery->queued = true;
	TAILQ_INSERT_TAIL(&relay->queue, delivery, link);
	relay_work(relay);
	return delivery;
}

void delivery_free(struct delivery **delivery)
{
	free((*delivery)->recipients);
	free(*delivery);
	*delivery = NULL;
}

void delivery_retire(struct delivery *delivery)
{
	if (delivery->queued)
		TAILQ_REMOVE(&delivery->relay->queue, delivery, link);
	if (delivery->session != NULL)
		delivery->session->delivery = NULL;
	delivery->session = NULL;
	delivery->queued = false;
	delivery->ended = true;
	TAILQ_INSERT_TAIL(&delivery->relay->ended, delivery, link);
}

void delivery_tell(struct delivery *delivery, size_t recipient, const struct verdict *verdict)
{
	if (delivery->ended || delivery->recipients[recipient] == RECIPIENT_TOLD)
		return;
	delivery->recipients[recipient] = RECIPIENT_TOLD;
	delivery->untold--;
	delivery->events.verdict(delivery->ctx, recipient, verdict);
	if (delivery->ended || delivery->untold > 0)
		return;
	delivery_retire(delivery);
	delivery->events.ended(delivery->ctx);
}

void delivery_tell_all(struct delivery *delivery, const struct verdict *verdict)
{
	for (size_t i = 0; i < delivery->params.recipient_count && !delivery->ended; i++)
		delivery_tell(delivery, i, verdict);
}

void delivery_resume(struct delivery *delivery)
{
	struct session *session = delivery->session;

	/* Not for each piece of a source that gives bytes one by one. */
	if (session == NULL || session->phase != SESSION_CONTENT || !session->hungry)
		return;
	session->hungry = false;
	timer_arm(session->timer, 0);
}

bool delivery_dot_sent(const struct delivery *delivery)
{
	return delivery->session != NULL && delivery->session->phase == SESSION_DOT;
}

void delivery_cancel(struct delivery **delivery)
{
	struct delivery *cancelled = *delivery;
	struct session *session;
	struct relay *relay;

	*delivery = NULL;
	if (cancelled == NULL || cancelled->ended)
		return;
	session = cancelled->session;
	relay = cancelled->relay;
	delivery_retire(cancelled);
	if (session != NULL)
		session_end(session, FATE_DONE, 0, "the delivery was cancelled");
	relay_work(relay);
}
