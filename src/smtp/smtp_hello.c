/* SPDX-License-Identifier: ISC
 *
 * From the greeting to the login: EHLO or LHLO, HELO for servers that know
 * nothing else, STARTTLS. Where TLS was asked for there is no way around it.
 */
#include "session.h"

#include <string.h>

static void refused(struct session *session, const char *what, const struct smtp_reply *reply)
{
	session_end(session, FATE_LOST, reply->code, "%s: %s refused: %s", session->peer, what,
	            strbuf_str(&reply->text));
}

/* What was said before TLS is forgotten (RFC 3207 4.2). */
void session_hello(struct session *session)
{
	const struct relay_params *params = &session->relay->params;

	memset(&session->extensions, 0, sizeof(session->extensions));
	session_set_phase(session, SESSION_HELLO);
	session_send(session, SMTP_EHLO, FLIGHT_ALL, "%s %s", params->lmtp ? "LHLO" : "EHLO", params->hostname);
}

void smtp_greeting_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	if (reply->code == 220)
		session_hello(session);
	else
		refused(session, "connection", reply);
}

static void hello_done(struct session *session)
{
	const struct relay_params *params = &session->relay->params;

	if (params->tls != RELAY_TLS_STARTTLS || session->encrypted) {
		session->pipelining = session->extensions.pipelining && params->pipelining;
		session_login(session);
	} else if (!session->extensions.starttls) {
		session_end(session, FATE_LOST, 0, "%s: STARTTLS is required and not offered", session->peer);
	} else {
		session_send(session, SMTP_STARTTLS, FLIGHT_ALL, "STARTTLS");
	}
}

/* HELO has no extensions, so it will not do where TLS or a login is asked for. */
static bool helo_will_do(const struct session *session)
{
	const struct relay_params *params = &session->relay->params;

	return !params->lmtp && params->tls != RELAY_TLS_STARTTLS && (params->user == NULL || params->user[0] == '\0');
}

void smtp_ehlo_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	if (reply->code / 100 == 2)
		hello_done(session);
	else if (reply->code / 100 == 5 && helo_will_do(session))
		session_send(session, SMTP_HELO, FLIGHT_ALL, "HELO %s", session->relay->params.hostname);
	else
		refused(session, session->relay->params.lmtp ? "LHLO" : "EHLO", reply);
}

void smtp_helo_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	if (reply->code / 100 == 2)
		hello_done(session);
	else
		refused(session, "HELO", reply);
}

/* Bytes that came with the 220 were sent by whoever could write into the clear connection (CVE-2021-38371 and others).
 */
void smtp_starttls_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	if (reply->code != 220)
		refused(session, "STARTTLS", reply);
	else if (stream_start_tls(session->stream) != 0)
		session_end(session, FATE_LOST, 0, "%s: bytes came in clear text behind the reply to STARTTLS",
		            session->peer);
	else
		session_set_phase(session, SESSION_TLS);
}
