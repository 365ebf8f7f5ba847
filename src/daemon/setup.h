/* SPDX-License-Identifier: ISC
 *
 * A configuration made ready to run: what the clients and the route want to
 * know, TLS contexts, relays. A reload makes a new one; polls under way keep
 * theirs until they end.
 */
#ifndef MULTIDROPD_DAEMON_SETUP_H
#define MULTIDROPD_DAEMON_SETUP_H

#include "budget.h"
#include "multidropd/config.h"
#include "multidropd/loop.h"
#include "multidropd/pop3.h"
#include "multidropd/relay.h"
#include "multidropd/route.h"
#include "secret.h"

struct setup_relay {
	const struct config_relay *config;
	struct relay_params params;
	struct stream_endpoint *endpoints;
	enum sasl_mechanism *auth;
	struct secret *secret;
	struct relay *relay;
	struct budget_share share;      /* of memory: setup_share_memory */
};

struct setup_account {
	const struct config_account *config;
	struct pop3_params pop3;        /* `memory` is the poller's to fill */
	struct route_rules rules;
	struct tls_client *tls;
	enum sasl_mechanism *auth;
	struct secret *secret;
	struct setup_relay *relay;
	struct setup_relay *bounce_relay; /* NULL: nothing is bounced */
	bool asks_envelope;             /* *ENV is among the sources */
	char *broken;                   /* NULL, or why it cannot be polled */
};

struct setup {
	unsigned refs;
	struct config *config;
	struct tls_pool *tls;
	struct setup_relay *relays;     /* by index as in config */
	struct setup_account *accounts;
};

/*
 * Takes the configuration, also when it fails. NULL with `problems` when a
 * relay's certificates do not load; an account's only set that account aside.
 */
struct setup *setup_new(struct loop *loop, struct config **take_config, struct strlist *problems);
/* For -t and --once: appends what is wrong with accounts that setup_new set aside. */
void setup_problems(const struct setup *setup, struct strlist *problems);
/* Gives each relay its share, before the first poll. */
void setup_share_memory(struct setup *setup, struct budget *budget);
struct setup *setup_ref(struct setup *setup);
/* The last one ends the relays' connections. Clears the caller's pointer. */
void setup_unref(struct setup **setup);

#endif
