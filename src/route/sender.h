/* SPDX-License-Identifier: ISC
 *
 * The envelope sender.
 */
#ifndef MULTIDROPD_ROUTE_SENDER_H
#define MULTIDROPD_ROUTE_SENDER_H

#include "env.h"
#include "multidropd/route.h"

/* `env` is the server's answer where that decides, else NULL. As for MAIL, "" is the null sender. The caller frees. */
char *sender_find(const struct route_rules *rules, const struct header *header, const struct env *env);

/* Index of the Return-Path that the delivering server wrote; -1: none. */
ssize_t sender_return_path(const struct header *header);

#endif
