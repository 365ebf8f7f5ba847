/* SPDX-License-Identifier: ISC
 *
 * The answer to CAPA, a table of the capabilities that matter here.
 */
#include "reply.h"

/* Longer than any server asks, and far from an overflow when made milliseconds. */
#define LOGIN_DELAY_MAX_S 604800u /* a week */

static void take_top(struct pop3_capa *capa, struct span arguments)
{
	(void)arguments;
	capa->top = true;
}

static void take_uidl(struct pop3_capa *capa, struct span arguments)
{
	(void)arguments;
	capa->uidl = true;
}

static void take_user(struct pop3_capa *capa, struct span arguments)
{
	(void)arguments;
	capa->user = true;
}

static void take_stls(struct pop3_capa *capa, struct span arguments)
{
	(void)arguments;
	capa->stls = true;
}

static void take_pipelining(struct pop3_capa *capa, struct span arguments)
{
	(void)arguments;
	capa->pipelining = true;
}

static void take_utf8(struct pop3_capa *capa, struct span arguments)
{
	(void)arguments;
	capa->utf8 = true;
}

static void take_sasl(struct pop3_capa *capa, struct span arguments)
{
	while (arguments.len > 0) {
		enum sasl_mechanism mechanism = sasl_by_wire_name(span_token(&arguments));

		if (mechanism != SASL_NONE)
			capa->sasl |= SASL_BIT(mechanism);
	}
}

/* "EXPIRE 0 USER" before login: some user's mail goes at once, perhaps ours. */
static void take_expire(struct pop3_capa *capa, struct span arguments)
{
	uint64_t days;

	if (span_number(span_token(&arguments), &days) && days == 0)
		capa->expire_zero = true;
}

static void take_login_delay(struct pop3_capa *capa, struct span arguments)
{
	uint64_t seconds;

	if (span_number(span_token(&arguments), &seconds))
		capa->login_delay_s = (int64_t)(seconds < LOGIN_DELAY_MAX_S ? seconds : LOGIN_DELAY_MAX_S);
}

static const struct {
	const char *name;
	void (*take)(struct pop3_capa *capa, struct span arguments);
} capabilities[] = {
	{ "TOP", take_top },
	{ "UIDL", take_uidl },
	{ "USER", take_user },
	{ "STLS", take_stls },
	{ "PIPELINING", take_pipelining },
	{ "UTF8", take_utf8 },
	{ "SASL", take_sasl },
	{ "EXPIRE", take_expire },
	{ "LOGIN-DELAY", take_login_delay },
};

void pop3_capa_line(struct pop3_capa *capa, struct span line)
{
	struct span name = span_token(&line);

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (span_is(name, capabilities[i].name)) {
			capabilities[i].take(capa, line);
			return;
		}
	}
}
