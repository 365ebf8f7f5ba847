/* SPDX-License-Identifier: ISC
 *
 * Where a relay listens.
 */
#ifndef MULTIDROPD_CONFIG_ENDPOINT_H
#define MULTIDROPD_CONFIG_ENDPOINT_H

#include "option.h"
#include "multidropd/config.h"

/* A relay's `address`. A port that is not written stays 0 until the protocol is known. */
option_set_fn endpoint_set_addresses;
const char *endpoint_check(const char *value); /* one of them */
void endpoint_default_ports(struct config_relay *relay);
void endpoints_clear(struct config_relay *relay);

#endif
