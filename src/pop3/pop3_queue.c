/* SPDX-License-Identifier: ISC
 *
 * The queue of commands: first those in flight, then those that wait to be
 * sent. A ring, whose capacity is a power of two.
 */
#include "session.h"

#include <stdlib.h>

#include "multidropd/mem.h"

#define FIRST_CAPACITY 16u

struct pop3_command *pop3_queue_at(struct pop3_queue *queue, size_t index)
{
	return &queue->ring[(queue->first + index) & (queue->capacity - 1)];
}

static void grow(struct pop3_queue *queue)
{
	size_t capacity = queue->capacity > 0 ? 2 * queue->capacity : FIRST_CAPACITY;
	struct pop3_command *ring;

	if (queue->count < queue->capacity)
		return;
	ring = mem_array(capacity, sizeof(*ring));
	for (size_t i = 0; i < queue->count; i++)
		ring[i] = *pop3_queue_at(queue, i);
	free(queue->ring);
	queue->ring = ring;
	queue->capacity = capacity;
	queue->first = 0;
}

void pop3_push(struct pop3_session *session, enum pop3_command_id id, uint32_t number)
{
	struct pop3_queue *queue = &session->queue;

	grow(queue);
	queue->count++;
	*pop3_queue_at(queue, queue->count - 1) = (struct pop3_command){ .id = id, .number = number };
}

bool pop3_queue_take(struct pop3_queue *queue, struct pop3_command *command)
{
	if (queue->count == 0)
		return false;
	*command = *pop3_queue_at(queue, 0);
	queue->first = (queue->first + 1) & (queue->capacity - 1);
	queue->count--;
	if (queue->sent > 0)
		queue->sent--;
	return true;
}

void pop3_queue_put_back(struct pop3_queue *queue, const struct pop3_command *command)
{
	grow(queue);
	queue->first = (queue->first - 1) & (queue->capacity - 1);
	queue->count++;
	queue->sent++;
	*pop3_queue_at(queue, 0) = *command;
}

void pop3_queue_reset(struct pop3_queue *queue)
{
	free(queue->ring);
	*queue = (struct pop3_queue){ 0 };
}

size_t pop3_in_flight(const struct pop3_session *session)
{
	return session->queue.count;
}
