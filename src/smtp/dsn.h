/* SPDX-License-Identifier: ISC
 *
 * What a relay that offers DSN is told about later failures (RFC 3461, 6533):
 * parameters of MAIL and RCPT, each with its blank before it. Pure.
 *
 * They ask for something, no delivery depends on them: one that cannot be
 * written is left out.
 */
#ifndef SMTP_DSN_H
#define SMTP_DSN_H

#include <stdbool.h>

#include "multidropd/relay.h"
#include "multidropd/str.h"

#define SMTP_ENVID_MAX 100u    /* characters of ENVID's value, encoded; RFC 3461 4.4 */
#define SMTP_DSN_RCPT_MAX 500u /* characters that RCPT grows by */

/* Nothing where `envid` is NULL. */
void smtp_dsn_add_mail(struct strbuf *line, const char *envid);
/*
 * ORCPT only beside NOTIFY=FAILURE: who wants no notice needs no name in it.
 * `original` may be NULL; one that is 8-bit is named only where `smtputf8` is
 * in use in this transaction.
 */
void smtp_dsn_add_rcpt(struct strbuf *line, enum delivery_notify notify, const char *original, bool smtputf8);

#endif
