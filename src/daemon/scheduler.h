/* SPDX-License-Identifier: ISC
 *
 * Which account is polled when. One timer an account; due accounts wait at
 * their host for a free session.
 */
#ifndef MULTIDROPD_DAEMON_SCHEDULER_H
#define MULTIDROPD_DAEMON_SCHEDULER_H

#include <stdbool.h>

#include "budget.h"
#include "multidropd/ledger.h"
#include "multidropd/loop.h"
#include "multidropd/str.h"
#include "setup.h"

struct scheduler;

struct scheduler_params {
	struct loop *loop;
	struct ledger *ledger;
	struct budget *budget;
	/* --once: each account once; pauses do not hold it up. */
	bool once;
	/* These and no others, also when disabled; empty: all that are enabled. */
	const struct strlist *only;
	/* All has ended: with `once` after the polls, else after scheduler_stop. */
	void (*idle)(void *ctx);
	void *ctx;
};

struct scheduler *scheduler_new(const struct scheduler_params *params);
void scheduler_free(struct scheduler **scheduler);

/* Starts with, or goes over to, this configuration. Sessions under way end with what they began with. */
void scheduler_apply(struct scheduler *scheduler, struct setup *setup);
/* USR1: all accounts are due now. */
void scheduler_poll_all(struct scheduler *scheduler);
/* While the ledger cannot write: polls under way end as with scheduler_stop, none starts. */
void scheduler_hold(struct scheduler *scheduler, bool hold);
/* Ends all sessions, then `idle`. */
void scheduler_stop(struct scheduler *scheduler);

/* Idle connections to the relays QUIT; a moment before scheduler_free. */
void scheduler_quit_relays(struct scheduler *scheduler);

/* With `once`: something failed, is owed, or was not polled to its end. */
bool scheduler_failed(const struct scheduler *scheduler);
/* For the status line. */
unsigned scheduler_sessions(const struct scheduler *scheduler);
size_t scheduler_accounts(const struct scheduler *scheduler);

#endif
