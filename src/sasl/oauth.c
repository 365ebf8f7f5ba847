/* SPDX-License-Identifier: ISC
 *
 * OAUTHBEARER (RFC 7628) and XOAUTH2, its elder that Google and Microsoft ask
 * for.
 */
#include "oauth.h"

/* RFC 6750 2.1: printable ASCII without blanks; a \x01 would end the field. */
bool oauth_token_valid(struct span token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.data[i] <= ' ' || token.data[i] > '~')
			return false;
	}
	return token.len > 0;
}

/* RFC 5801 4: a saslname has neither comma nor equals sign. */
static void add_saslname(struct strbuf *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',')
			strbuf_add_str(out, "=2C");
		else if (*name == '=')
			strbuf_add_str(out, "=3D");
		else
			strbuf_add_byte(out, *name);
	}
}

/* The token is written once, into a buffer of the right size: one that grew would leave a copy behind. */
void oauth_message(const struct sasl_params *params, struct strbuf *out)
{
	struct strbuf name = { 0 };
	int len = (int)params->secret.len;
	const char *token = params->secret.data;

	if (params->mechanism == SASL_XOAUTH2) {
		strbuf_addf(out, "user=%s\001auth=Bearer %.*s\001\001", params->user, len, token);
		return;
	}
	add_saslname(&name, params->user);
	strbuf_addf(out, "n,a=%s,\001host=%s\001auth=Bearer %.*s\001\001", strbuf_str(&name), params->host, len, token);
	strbuf_free(&name);
}

struct span oauth_error_answer(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_OAUTHBEARER ? SPAN("\001") : SPAN("");
}
