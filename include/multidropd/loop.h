/* SPDX-License-Identifier: ISC
 *
 * The event loop: timers, descriptors, signals. One thread. Callbacks run from
 * loop_run only, never from inside the call that arms them.
 */
#ifndef MULTIDROPD_LOOP_H
#define MULTIDROPD_LOOP_H

#include <stdint.h>

struct loop;
struct timer;
struct watch;

/* NULL: no descriptors left, which is logged. Makes the process ignore SIGPIPE. */
struct loop *loop_new(void);
void loop_free(struct loop **loop);                  /* everything made on it is freed first by its owner */
void loop_run(struct loop *loop);                    /* until loop_stop, also one that came before */
void loop_stop(struct loop *loop);

/* One-shot. Arming an armed timer moves it. 0 ms: as soon as the loop is reached again. */
struct timer *timer_new(struct loop *loop, void (*fire)(void *ctx), void *ctx);
void timer_arm(struct timer *timer, int64_t delay_ms);
void timer_cancel(struct timer *timer);
int64_t timer_remaining_ms(const struct timer *timer); /* -1 when not armed */
void timer_free(struct timer **timer);               /* NULL inside is fine; allowed from its own callback */

/* Calls `readable` whenever fd can be read, until freed. The fd stays the caller's. NULL: the system refuses, which is
 * logged. */
struct watch *loop_watch_read(struct loop *loop, int fd, void (*readable)(void *ctx), void *ctx);
/* Calls `caught` from the loop, not from the signal handler. */
struct watch *loop_watch_signal(struct loop *loop, int signo, void (*caught)(void *ctx), void *ctx);
void watch_free(struct watch **watch);

#endif
