/* SPDX-License-Identifier: ISC
 *
 * Is the peer still getting on? The limits of stream_expect as arithmetic on
 * times that are given, so that minutes can be tested in microseconds.
 */
#ifndef MULTIDROPD_NET_PACE_H
#define MULTIDROPD_NET_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	int64_t timeout_ms;    /* 0: nothing is expected */
	int64_t progress_ms;   /* when it last got on */
	int64_t window_ms;     /* the current window's start */
	uint64_t window_bytes; /* moved in the current window */
	uint64_t last_bytes;   /* moved in the window before */
	bool first_window;     /* in which any byte is progress */
	bool trickled;         /* bytes came that were too few to be progress */
	bool paused;
	int64_t paused_ms; /* since when */
};

/* Starts anew; a pause goes on. */
void pace_expect(struct pace *pace, int64_t now_ms, int64_t timeout_ms);
void pace_moved(struct pace *pace, int64_t now_ms, uint64_t bytes);
/* The time between the two calls counts for nothing. */
void pace_pause(struct pace *pace, int64_t now_ms, bool paused);
/* Milliseconds until the limit would be reached if nothing moved; 0: it is; -1: there is none now. */
int64_t pace_left_ms(const struct pace *pace, int64_t now_ms);

#endif
