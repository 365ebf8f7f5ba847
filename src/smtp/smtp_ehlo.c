/* SPDX-License-Identifier: ISC
 *
 * The extensions in the answer to EHLO and LHLO. Not each line is one: Cyrus
 * ends with "250 Ok SESSIONID=…", others say HELP or greet on the last line.
 */
#include "reply.h"

static void read_size(struct smtp_extensions *extensions, struct span rest)
{
	uint64_t max;

	extensions->size = true;
	if (span_number(span_token(&rest), &max))
		extensions->size_max = max;
}

static void read_auth(struct smtp_extensions *extensions, struct span rest)
{
	struct span name;

	while ((name = span_token(&rest)).len > 0) {
		enum sasl_mechanism mechanism = sasl_by_wire_name(name);

		if (mechanism != SASL_NONE)
			extensions->auth |= SASL_BIT(mechanism);
	}
}

void smtp_extensions_add(struct smtp_extensions *extensions, struct span text)
{
	static const char old_auth[] = "AUTH="; /* before RFC 2554; some servers still announce only this */
	struct span rest = text;
	struct span keyword = span_token(&rest);

	if (span_is(keyword, "PIPELINING"))
		extensions->pipelining = true;
	else if (span_is(keyword, "8BITMIME"))
		extensions->eightbit = true;
	else if (span_is(keyword, "SMTPUTF8"))
		extensions->smtputf8 = true;
	else if (span_is(keyword, "STARTTLS"))
		extensions->starttls = true;
	else if (span_is(keyword, "DSN"))
		extensions->dsn = true;
	else if (span_is(keyword, "SIZE"))
		read_size(extensions, rest);
	else if (span_is(keyword, "AUTH"))
		read_auth(extensions, rest);
	else if (span_starts_case(keyword, old_auth))
		read_auth(extensions, span_from(span_trim(text), sizeof(old_auth) - 1));
}
