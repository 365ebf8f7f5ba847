/* SPDX-License-Identifier: ISC
 *
 * Which mechanism comes next. Pure: what the server offers, what the
 * administrator allows and what was refused go in, a mechanism comes out.
 */
#include "multidropd/sasl.h"

/* Prove the password without showing it. EXTERNAL is not among them: it proves a certificate. */
#define STRONG                                                                                                         \
	(SASL_BIT(SASL_SCRAM_SHA_256_PLUS) | SASL_BIT(SASL_SCRAM_SHA_256) | SASL_BIT(SASL_SCRAM_SHA_1) |               \
	 SASL_BIT(SASL_CRAM_MD5) | SASL_BIT(SASL_APOP) | SASL_BIT(SASL_NTLM) | SASL_BIT(SASL_MSN))

static const enum sasl_mechanism auto_password[] = {
	SASL_SCRAM_SHA_256_PLUS,
	SASL_SCRAM_SHA_256,
	SASL_SCRAM_SHA_1,
	SASL_CRAM_MD5,
	SASL_APOP,
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_USER,
};
static const enum sasl_mechanism auto_token[] = { SASL_OAUTHBEARER, SASL_XOAUTH2 };

void sasl_poll_begin(struct sasl_memory *memory)
{
	memory->refused = 0;
	memory->tries = 0;
}

void sasl_refused(struct sasl_memory *memory, enum sasl_mechanism mechanism)
{
	memory->refused |= SASL_BIT(mechanism);
	memory->tries++;
}

void sasl_succeeded(struct sasl_memory *memory, enum sasl_mechanism mechanism)
{
	memory->refused &= ~SASL_BIT(mechanism);
	memory->skipped |= memory->refused;
}

/* A server without any list may still know the two ways that need no announcement. */
static bool offers(const struct sasl_choice *choice, enum sasl_mechanism mechanism)
{
	bool no_list = (choice->offered & ~SASL_BIT(SASL_APOP)) == 0;

	if (mechanism == SASL_SCRAM_SHA_256_PLUS && !choice->binding)
		return false;
	if (choice->offered & SASL_BIT(mechanism))
		return true;
	return choice->allowed != NULL && no_list && (mechanism == SASL_USER || mechanism == SASL_PLAIN);
}

/* A man in the middle who refuses what is strong must not be given the password for it. */
static bool clear_forbidden(const struct sasl_choice *choice, const struct sasl_memory *memory)
{
	return choice->allowed == NULL && !choice->encrypted &&
	       ((choice->offered | memory->refused | memory->skipped) & STRONG);
}

/* Nothing is left; the first reason that holds is the one to act upon. */
static const char *explain(const struct sasl_choice *choice, const struct sasl_memory *memory, sasl_set left)
{
	sasl_set tried = memory->refused | memory->skipped;

	if (left != 0 && (tried & STRONG))
		return "the server refused what protects the password, and without TLS it is not sent in clear text";
	if (left != 0)
		return "without TLS the secret is not sent in clear text to a server that offers stronger mechanisms: "
		       "use TLS, or name one in auth";
	if (choice->allowed != NULL && tried != 0)
		return "the server refused the mechanisms that auth names";
	if (choice->allowed != NULL)
		return "the server offers none of the mechanisms that auth names";
	if (tried != 0)
		return "the server refused every mechanism that it offers";
	if (choice->token)
		return "the server offers neither OAUTHBEARER nor XOAUTH2";
	return "the server offers no mechanism that auth = auto uses";
}

enum sasl_mechanism sasl_choose(const struct sasl_choice *choice, const struct sasl_memory *memory, const char **why)
{
	const enum sasl_mechanism *order = choice->allowed;
	size_t count = choice->allowed_count;
	bool no_clear = clear_forbidden(choice, memory);
	sasl_set left = 0;

	if (memory->tries >= SASL_TRIES_MAX) {
		*why = "the server refused the login three times, which is enough for one poll";
		return SASL_NONE;
	}
	if (order == NULL) {
		order = choice->token ? auto_token : auto_password;
		count = choice->token ? sizeof(auto_token) / sizeof(auto_token[0])
		                      : sizeof(auto_password) / sizeof(auto_password[0]);
	}
	for (size_t i = 0; i < count; i++) {
		if (!offers(choice, order[i]) || (memory->refused | memory->skipped) & SASL_BIT(order[i]))
			continue;
		if (!no_clear || !sasl_is_clear(order[i]))
			return order[i];
		left |= SASL_BIT(order[i]);
	}
	*why = explain(choice, memory, left);
	return SASL_NONE;
}
