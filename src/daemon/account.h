/* SPDX-License-Identifier: ISC
 *
 * One account of the timetable: when it is due, its poll, and what the outcome
 * means for the next one.
 */
#ifndef MULTIDROPD_DAEMON_ACCOUNT_H
#define MULTIDROPD_DAEMON_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "collector.h"
#include "host.h"
#include "multidropd/ledger.h"
#include "multidropd/loop.h"
#include "multidropd/pop3.h"
#include "multidropd/str.h"
#include "setup.h"

struct account;

/* What all accounts have in common; belongs to the scheduler. */
struct account_common {
	struct loop *loop;
	struct ledger *ledger;
	bool once;
	const struct strlist *only;
	struct setup *setup; /* applied last */
	struct hosts hosts;
	bool stopping; /* nobody falls due any more */
	/* The account may be freed. `well`: polled to its end, and nothing is owed. */
	void (*poll_ended)(void *ctx, struct account *account, bool well);
	void *ctx;
};

struct account {
	struct host_waiter waiter; /* first: the host hands it back */
	struct account_common *common;
	const struct setup_account *setup; /* of common.setup; NULL: not configured any more */
	char *name;
	char *mailbox; /* server and user of its last poll; NULL: there was none */
	struct pop3_memory memory;
	struct host *host;
	struct timer *due;
	struct collector *collector; /* while polling */
	struct host *polled;         /* while polling: the host of that session, whatever a reload said since */
	unsigned failures;           /* in a row */
	int64_t login_delay_s;       /* as the server announced it last */
	char *last_error;            /* NULL: the last poll went well */
	LIST_ENTRY(account) gone;    /* the scheduler's: not configured any more, but polling */
};

/* To be followed by account_apply. */
struct account *account_new(struct account_common *common, const char *name);
void account_free(struct account *account);

/* Goes over to this configuration of common.setup; a poll under way ends with what it began with. */
void account_apply(struct account *account, const struct setup_account *setup);
/* It is not configured any more: never due again. A poll under way goes on. */
void account_drop(struct account *account);

/* Due now, unless it is polling, disabled or set aside. */
void account_fall_due(struct account *account);
/* Waits at its host. */
bool account_is_queued(const struct account *account);
/* After hosts_next gave it; `poll_ended` follows, not from within. */
void account_poll(struct account *account);
/* Ends the poll under way, if any, as collector_stop does. */
void account_stop(struct account *account);

#endif
