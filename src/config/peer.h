/* SPDX-License-Identifier: ISC
 *
 * What relays and accounts have in common: TLS and a login.
 */
#ifndef MULTIDROPD_CONFIG_PEER_H
#define MULTIDROPD_CONFIG_PEER_H

#include "judge.h"

/* Views into a relay or an account. */
struct peer {
	const struct settings *settings;
	enum config_tls tls;
	const struct config_tls_options *tls_options;
	const char *user;
	const struct config_secret *secret;
	struct strlist *auth; /* `auto` becomes the empty list */
	bool login_needed;
	struct problems *file_problems; /* where a file that cannot be used is told */
	char **broken;                  /* set to the first such problem; NULL: nobody wants it */
};

void peer_check(struct judge *judge, const struct peer *peer);

void tls_options_clear(struct config_tls_options *options);
void secret_clear(struct config_secret *secret);

#endif
