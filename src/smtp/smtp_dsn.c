/* SPDX-License-Identifier: ISC
 *
 * The DSN parameters, and the two encodings of their values.
 */
#include "dsn.h"

/* What a notice can hold again (RFC 3461 4.2, 4.4): nothing empty, no control characters. */
static bool is_printable(const char *text, bool take_8bit)
{
	if (text[0] == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !take_8bit))
			return false;
	}
	return true;
}

/* xtext: RFC 3461 4. */
static void add_xtext(struct strbuf *value, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == ' ' || *text == '+' || *text == '=')
			strbuf_addf(value, "+%02X", (unsigned char)*text);
		else
			strbuf_add_byte(value, *text);
	}
}

/* utf-8-addr-unitext: RFC 6533 3. */
static void add_unitext(struct strbuf *value, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == ' ' || *text == '+' || *text == '=' || *text == '\\')
			strbuf_addf(value, "\\x{%02X}", (unsigned char)*text);
		else
			strbuf_add_byte(value, *text);
	}
}

void smtp_dsn_add_mail(struct strbuf *line, const char *envid)
{
	struct strbuf value = { 0 };

	if (envid == NULL)
		return;
	strbuf_add_str(line, " RET=HDRS");
	if (is_printable(envid, false))
		add_xtext(&value, envid);
	if (value.len > 0 && value.len <= SMTP_ENVID_MAX)
		strbuf_addf(line, " ENVID=%s", strbuf_str(&value));
	strbuf_free(&value);
}

static void add_original(struct strbuf *parameters, const char *original)
{
	if (span_is_8bit(span_of(original))) {
		strbuf_add_str(parameters, " ORCPT=utf-8;");
		add_unitext(parameters, original);
	} else {
		strbuf_add_str(parameters, " ORCPT=rfc822;");
		add_xtext(parameters, original);
	}
}

void smtp_dsn_add_rcpt(struct strbuf *line, enum delivery_notify notify, const char *original, bool smtputf8)
{
	static const char failure[] = " NOTIFY=FAILURE";
	struct strbuf parameter = { 0 };

	if (notify == DELIVERY_NOTIFY_NEVER)
		strbuf_add_str(line, " NOTIFY=NEVER");
	if (notify != DELIVERY_NOTIFY_FAILURE)
		return;
	strbuf_add_str(line, failure);
	if (original != NULL && is_printable(original, smtputf8))
		add_original(&parameter, original);
	if (parameter.len + sizeof(failure) - 1 <= SMTP_DSN_RCPT_MAX)
		strbuf_add_span(line, strbuf_span(&parameter));
	strbuf_free(&parameter);
}
