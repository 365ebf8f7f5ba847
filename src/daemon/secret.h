/* SPDX-License-Identifier: ISC
 *
 * Where a configured secret comes from: read or run again at each login, since
 * files are rotated and tokens expire.
 */
#ifndef MULTIDROPD_DAEMON_SECRET_H
#define MULTIDROPD_DAEMON_SECRET_H

#include "multidropd/config.h"
#include "multidropd/loop.h"
#include "multidropd/sasl.h"

struct secret;

/* `config`, `daemon_user` and `label` are borrowed for the secret's life. */
struct secret *secret_new(struct loop *loop, const struct config_secret *config, const char *daemon_user,
                          const char *label);
void secret_free(struct secret **secret);
struct secret_source secret_source(struct secret *secret);

#endif
