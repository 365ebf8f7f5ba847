/* SPDX-License-Identifier: ISC
 *
 * The mechanisms and their names.
 */
#include "multidropd/sasl.h"

static const struct {
	const char *config;
	const char *wire;
	bool clear;
} mechanisms[] = {
	[SASL_SCRAM_SHA_256_PLUS] = { "scram-sha-256-plus", "SCRAM-SHA-256-PLUS", false },
	[SASL_SCRAM_SHA_256] = { "scram-sha-256", "SCRAM-SHA-256", false },
	[SASL_SCRAM_SHA_1] = { "scram-sha-1", "SCRAM-SHA-1", false },
	[SASL_CRAM_MD5] = { "cram-md5", "CRAM-MD5", false },
	[SASL_APOP] = { "apop", NULL, false },
	[SASL_PLAIN] = { "plain", "PLAIN", true },
	[SASL_LOGIN] = { "login", "LOGIN", true },
	[SASL_USER] = { "user", NULL, true },
	[SASL_OAUTHBEARER] = { "oauthbearer", "OAUTHBEARER", true },
	[SASL_XOAUTH2] = { "xoauth2", "XOAUTH2", true },
	[SASL_EXTERNAL] = { "external", "EXTERNAL", false },
	[SASL_NTLM] = { "ntlm", "NTLM", false },
	[SASL_MSN] = { "msn", "MSN", false },
};
_Static_assert(sizeof(mechanisms) / sizeof(mechanisms[0]) == SASL_MECHANISM_COUNT, "names for each mechanism");

const char *sasl_config_name(enum sasl_mechanism mechanism)
{
	return mechanisms[mechanism].config;
}

const char *sasl_wire_name(enum sasl_mechanism mechanism)
{
	return mechanisms[mechanism].wire;
}

enum sasl_mechanism sasl_by_config_name(const char *name)
{
	for (enum sasl_mechanism at = 0; at < SASL_MECHANISM_COUNT; at++) {
		if (span_equal(span_of(name), span_of(mechanisms[at].config)))
			return at;
	}
	return SASL_NONE;
}

enum sasl_mechanism sasl_by_wire_name(struct span name)
{
	for (enum sasl_mechanism at = 0; at < SASL_MECHANISM_COUNT; at++) {
		if (mechanisms[at].wire != NULL && span_is(name, mechanisms[at].wire))
			return at;
	}
	return SASL_NONE;
}

bool sasl_is_clear(enum sasl_mechanism mechanism)
{
	return mechanisms[mechanism].clear;
}
