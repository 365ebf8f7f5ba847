/* SPDX-License-Identifier: ISC
 *
 * No progress, or so little that it is none: under STREAM_MIN_RATE_BYTES a
 * second, averaged over the last window, except in the first one. Waiting in
 * silence is for the time limit alone: ten minutes for the answer to a
 * message are no slow transfer.
 */
#include "pace.h"

#include "multidropd/stream.h"

#define WINDOW_BYTES ((uint64_t)STREAM_MIN_RATE_BYTES * STREAM_MIN_RATE_WINDOW_MS / 1000)

void pace_expect(struct pace *pace, int64_t now_ms, int64_t timeout_ms)
{
	*pace = (struct pace){
		.timeout_ms = timeout_ms,
		.progress_ms = now_ms,
		.window_ms = now_ms,
		.first_window = true,
		.paused = pace->paused,
		.paused_ms = now_ms,
	};
}

static void turn_window(struct pace *pace, int64_t now_ms)
{
	int64_t passed = (now_ms - pace->window_ms) / STREAM_MIN_RATE_WINDOW_MS;

	if (passed <= 0)
		return;
	pace->last_bytes = passed == 1 ? pace->window_bytes : 0;
	pace->window_bytes = 0;
	pace->window_ms += passed * STREAM_MIN_RATE_WINDOW_MS;
	pace->first_window = false;
}

/* The last window counts for as much of it as still lies within a window's length before now. */
static uint64_t recent_bytes(const struct pace *pace, int64_t now_ms)
{
	uint64_t rest = (uint64_t)(STREAM_MIN_RATE_WINDOW_MS - (now_ms - pace->window_ms));

	return pace->window_bytes + pace->last_bytes / STREAM_MIN_RATE_WINDOW_MS * rest +
	       pace->last_bytes % STREAM_MIN_RATE_WINDOW_MS * rest / STREAM_MIN_RATE_WINDOW_MS;
}

void pace_moved(struct pace *pace, int64_t now_ms, uint64_t bytes)
{
	if (pace->timeout_ms <= 0 || bytes == 0)
		return;
	if (pace->paused)
		now_ms = pace->paused_ms;
	turn_window(pace, now_ms);
	pace->window_bytes += bytes;
	if (pace->first_window || recent_bytes(pace, now_ms) >= WINDOW_BYTES) {
		pace->progress_ms = now_ms;
		pace->trickled = false;
	} else {
		pace->trickled = true;
	}
}

void pace_pause(struct pace *pace, int64_t now_ms, bool paused)
{
	if (paused && !pace->paused)
		pace->paused_ms = now_ms;
	if (!paused && pace->paused) {
		pace->progress_ms += now_ms - pace->paused_ms;
		pace->window_ms += now_ms - pace->paused_ms;
	}
	pace->paused = paused;
}

int64_t pace_left_ms(const struct pace *pace, int64_t now_ms)
{
	int64_t left = pace->progress_ms + pace->timeout_ms - now_ms;

	if (pace->timeout_ms <= 0 || pace->paused)
		return -1;
	return left > 0 ? left : 0;
}
