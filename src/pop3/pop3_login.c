/* SPDX-License-Identifier: ISC
 *
 * From the greeting to where a mechanism can be chosen: CAPA, STLS, CAPA
 * again, UTF8. Which of them comes next follows from what is known, in one
 * place.
 */
#include "session.h"

#include <stdlib.h>

void pop3_login_reset(struct pop3_session *session)
{
	struct pop3_login *login = &session->login;

	login->capa = (struct pop3_capa){ 0 };
	login->capa_asked = login->capa_known = login->utf8_asked = login->tls_started = false;
	login->refused_here = false;
	/* Else the secret would come while the new connection is not ready for it. */
	if (login->secret_pending)
		pop3_secret_drop(session);
	free(login->banner);
	login->banner = NULL;
	sasl_free(&login->sasl);
	strbuf_wipe(&login->response);
	session->facts.utf8 = false;
}

void pop3_login_free(struct pop3_session *session)
{
	pop3_login_reset(session);
	pop3_secret_drop(session);
	free(session->login.cancelled);
	free(session->login.refusal);
}

static void ask_capa(struct pop3_session *session)
{
	session->login.capa_asked = true;
	pop3_push(session, POP3_CAPA, 0);
}

/* Where CAPA is refused STLS may still be known; a server that refuses that too gets no user name. */
static void ask_stls(struct pop3_session *session)
{
	if (session->login.capa_known && !session->login.capa.stls)
		pop3_fail(session, POP3_TROUBLE_TLS,
		          "%s: the server does not offer STLS, so nothing was sent; implicit TLS on port 995 may work",
		          stream_peer(session->stream));
	else
		pop3_push(session, POP3_STLS, 0);
}

static enum pop3_step next_step(struct pop3_session *session)
{
	struct pop3_login *login = &session->login;

	if (!login->capa_asked && !login->capa_refused)
		ask_capa(session);
	else if (session->params.tls == POP3_TLS_STARTTLS && !login->tls_started)
		ask_stls(session);
	else if (login->capa.utf8 && !login->utf8_asked)
		pop3_push(session, POP3_UTF8, 0);
	else
		pop3_authenticate(session);
	return pop3_alive(session) ? POP3_GO_ON : POP3_FAIL;
}

enum pop3_step pop3_on_greeting(struct pop3_session *session, const struct pop3_command *command,
                                const struct pop3_reply *reply)
{
	struct span banner;

	(void)command;
	if (reply->status != POP3_OK)
		return pop3_fail(session, pop3_trouble_of(reply->code, POP3_TROUBLE_TEMPORARY),
		                 "%s: the server greets with a refusal: %.*s", stream_peer(session->stream),
		                 (int)reply->text.len, reply->text.data);
	session->reached = true;
	banner = sasl_apop_banner(reply->text);
	if (banner.len > 0)
		session->login.banner = span_dup(banner);
	pop3_set_phase(session, POP3_PHASE_LOGIN);
	return next_step(session);
}

/* After the login CAPA rides along with the listing, and a refusal of it means nothing. */
enum pop3_step pop3_on_capa(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	session->login.incoming = (struct pop3_capa){ 0 };
	if (reply->status == POP3_OK || session->phase != POP3_PHASE_LOGIN)
		return POP3_GO_ON;
	session->login.capa_refused = true;
	return next_step(session);
}

enum pop3_step pop3_on_capa_line(struct pop3_session *session, const struct pop3_command *command, struct span line)
{
	if (command->lines > 1 + POP3_MULTILINE_MAX)
		return pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: the answer to CAPA has more than %u lines",
		                 stream_peer(session->stream), POP3_MULTILINE_MAX);
	pop3_capa_line(&session->login.incoming, line);
	return POP3_WAIT;
}

enum pop3_step pop3_on_capa_end(struct pop3_session *session, const struct pop3_command *command)
{
	(void)command;
	session->login.capa = session->login.incoming;
	session->login.capa_known = true;
	if (session->phase == POP3_PHASE_LOGIN)
		return next_step(session);
	pop3_facts_update(session);
	return POP3_GO_ON;
}

/* Nothing may have come behind the answer: it would be taken for something said under TLS (CVE-2021-22947). */
enum pop3_step pop3_on_stls(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	if (reply->status != POP3_OK)
		return pop3_fail(session, POP3_TROUBLE_TLS, "%s: the server refuses STLS, so nothing was sent: %.*s",
		                 stream_peer(session->stream), (int)reply->text.len, reply->text.data);
	if (session->connection_over)
		return POP3_GO_ON;
	if (stream_start_tls(session->stream) != 0)
		return pop3_fail(session, POP3_TROUBLE_TLS,
		                 "%s: bytes came behind the answer to STLS and before TLS: somebody may be in between",
		                 stream_peer(session->stream));
	pop3_set_phase(session, POP3_PHASE_TLS);
	session->expecting = 0;
	stream_expect(session->stream, session->params.connect_timeout_ms, "the TLS handshake");
	return POP3_GO_ON;
}

/* What was said in clear text is forgotten (RFC 2595 4). */
void pop3_on_tls(struct pop3_session *session)
{
	session->login.tls_started = true;
	session->login.capa = (struct pop3_capa){ 0 };
	session->login.capa_asked = session->login.capa_known = false;
	stream_expect(session->stream, 0, "nothing");
	pop3_set_phase(session, POP3_PHASE_LOGIN);
	next_step(session);
}

/* Only before the login, and not before STLS (RFC 6856 2). */
enum pop3_step pop3_on_utf8(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	session->login.utf8_asked = true;
	session->facts.utf8 = reply->status == POP3_OK;
	return next_step(session);
}
