/* SPDX-License-Identifier: ISC
 *
 * One poll of one account: log in, list, compare with the ledger, fetch what
 * is owed, delete what is settled. The only place that knows both protocols,
 * and the only one that decides whether a message may be deleted.
 */
#ifndef MULTIDROPD_DAEMON_COLLECTOR_H
#define MULTIDROPD_DAEMON_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "multidropd/ledger.h"
#include "multidropd/loop.h"
#include "multidropd/pop3.h"
#include "setup.h"

enum poll_outcome {
	POLL_OK,
	POLL_HOST_TROUBLE,      /* the server could not be reached */
	POLL_HOST_BUSY,         /* it takes no further session from us */
	POLL_ACCOUNT_TROUBLE,   /* this session went wrong; back-off */
	POLL_HOPELESS,          /* login refused for good: wait for as long as it gets */
	POLL_RELAY_TROUBLE,     /* the relay takes no mail, or did not answer */
	POLL_STOPPED,           /* by us */
};

struct poll_result {
	enum poll_outcome outcome;
	const char *text;       /* what went wrong; "" for OK; gone after the call */
	bool reached;           /* the server greeted */
	bool owed;              /* somebody is owed something that is on the server */
	int64_t due_s;          /* when the first of them is due; INT64_MAX: nobody */
	int64_t login_delay_s;
	size_t listed, fetched, deleted;
};

struct collector_params {
	struct loop *loop;
	struct setup *setup;    /* the collector holds on to it */
	const struct setup_account *account;
	struct ledger *ledger;
	struct pop3_memory *memory;
	bool all_due;
	/* Last callback; the owner then frees the collector. */
	void (*done)(void *ctx, const struct poll_result *result);
	void *ctx;
};

struct collector;

struct collector *collector_start(const struct collector_params *params);
/* No new messages; what waits for the answer to a final dot is waited for, all else is given up. Then `done`. */
void collector_stop(struct collector *collector);
/* At once, from anywhere; no callback. */
void collector_free(struct collector **collector);

#endif
