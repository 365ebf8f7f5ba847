/* SPDX-License-Identifier: ISC
 *
 * The running daemon: loop, signals, reload, service manager.
 */
#ifndef MULTIDROPD_SERVICE_H
#define MULTIDROPD_SERVICE_H

#include <stdbool.h>

#include "multidropd/config.h"
#include "multidropd/ledger.h"

struct service_params {
	struct config *take_config;
	struct ledger *take_ledger;     /* locked, not started */
	bool once;
	const struct strlist *only;     /* accounts; empty: all */
	int verbose;                    /* -v given so often */
};

/* Runs until a signal ends it, or with `once` until all polls have. The exit status (sysexits). */
int service_run(const struct service_params *params);

/*
 * -t: appends what only shows when certificates are loaded and the state
 * file's folder is looked at. Takes the configuration.
 */
void service_check(struct config *take_config, struct strlist *problems);

/* The level that -v asks for, never below what is configured. */
enum log_level service_log_level(const struct config *config, int verbose);

#endif
