/* SPDX-License-Identifier: ISC
 *
 * What the rest of net/ knows of the loop.
 */
#ifndef MULTIDROPD_NET_LOOP_PRIVATE_H
#define MULTIDROPD_NET_LOOP_PRIVATE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "multidropd/loop.h"

struct event_base;
struct resolver;

/* Something that lives as long as the loop, or shorter: `release` is called by loop_free unless it was taken out. */
struct loop_guest {
	LIST_ENTRY(loop_guest) link;
	void (*release)(struct loop_guest *guest);
};

struct loop {
	struct event_base *base;
	bool stopped;
	struct resolver *resolver; /* NULL until the first name is asked for; a guest */
	LIST_HEAD(loop_guests, loop_guest) guests;
};

void loop_guest_add(struct loop *loop, struct loop_guest *guest, void (*release)(struct loop_guest *guest));
void loop_guest_remove(struct loop_guest *guest);

#endif
