/* SPDX-License-Identifier: ISC
 *
 * The two strings that carry an OAuth token; libgsasl has neither.
 */
#ifndef MULTIDROPD_SASL_OAUTH_H
#define MULTIDROPD_SASL_OAUTH_H

#include "multidropd/sasl.h"

bool oauth_token_valid(struct span token);

/* Into an empty buffer: the client's message (RFC 7628 3.1, or Google's XOAUTH2), not yet base64. */
void oauth_message(const struct sasl_params *params, struct strbuf *out);

/* What must be said to the server's error before it gives its verdict (RFC 7628 3.2.3). */
struct span oauth_error_answer(enum sasl_mechanism mechanism);

#endif
