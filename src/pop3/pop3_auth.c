/* SPDX-License-Identifier: ISC
 *
 * The login: one mechanism after the other until one is accepted, the server
 * says that it is no matter of the password, or all that may be tried were
 * refused. SASL as RFC 5034 has it, APOP, USER and PASS.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

#define AUTH_LINE_MAX 255u /* RFC 5034 4, with CRLF; longer initial responses wait for a challenge */

/* ---- the secret ---- */

void pop3_secret_drop(struct pop3_session *session)
{
	struct pop3_login *login = &session->login;

	if (login->secret_pending)
		session->params.secret.cancel(session->params.secret.source, session);
	login->secret_pending = login->secret_known = false;
	sasl_free(&login->sasl);
	strbuf_wipe(&login->response);
	if (login->secret != NULL)
		mem_wipe(login->secret, login->secret_len);
	free(login->secret);
	login->secret = NULL;
	login->secret_len = 0;
}

static bool secret_is_safe(struct span secret)
{
	return span_find(secret, '\r') < 0 && span_find(secret, '\n') < 0 && span_find(secret, '\0') < 0;
}

static void on_secret(void *ctx, struct span secret, const char *error)
{
	struct pop3_session *session = ctx;
	struct pop3_login *login = &session->login;

	pop3_enter(session);
	login->secret_pending = false;
	if (error != NULL) {
		pop3_fail(session, POP3_TROUBLE_SECRET, "%s", error);
	} else if (secret.len == 0 || !secret_is_safe(secret)) {
		pop3_fail(session, POP3_TROUBLE_SECRET, "the secret is empty, or holds a line end or a NUL: not sent");
	} else if (pop3_alive(session)) {
		login->secret = mem_strndup(secret.data, secret.len);
		login->secret_len = secret.len;
		login->secret_known = true;
		pop3_authenticate(session);
	}
	pop3_leave(session);
}

static struct span secret_of(const struct pop3_session *session)
{
	return span_make(session->login.secret, session->login.secret_len);
}

/* ---- which mechanism ---- */

/* APOP's user name ends at the first blank. */
static bool may_apop(const struct pop3_session *session)
{
	return session->login.banner != NULL && span_find(span_of(session->params.user), ' ') < 0;
}

/*
 * Where CAPA is refused, or names no way to log in and the server does not
 * wait for STLS, USER is all that `auto` can count on. A list of the
 * administrator's is tried as it stands then, so nothing is made up for it.
 */
static sasl_set offered_mechanisms(const struct pop3_session *session)
{
	const struct pop3_login *login = &session->login;
	sasl_set offered = login->capa.sasl;
	bool unknown;

	if (login->capa.user)
		offered |= SASL_BIT(SASL_USER);
	unknown = !login->capa_known || (offered == 0 && !login->capa.stls);
	if (unknown && session->params.auth == NULL)
		offered |= SASL_BIT(SASL_USER);
	if (may_apop(session))
		offered |= SASL_BIT(SASL_APOP);
	return offered;
}

static enum sasl_mechanism choose(struct pop3_session *session, const char **why)
{
	const char *type;
	struct sasl_choice choice = {
		.offered = offered_mechanisms(session),
		.allowed = session->params.auth,
		.allowed_count = session->params.auth_count,
		.encrypted = stream_tls_version(session->stream) != NULL,
		.token = session->params.token,
	};

	choice.binding = stream_channel_binding(session->stream, session->login.binding, POP3_BINDING_MAX, &type) > 0;
	return sasl_choose(&choice, &session->params.memory->sasl, why);
}

static void fail_login(struct pop3_session *session, const char *why)
{
	if (session->login.refusal != NULL)
		pop3_fail(session, POP3_TROUBLE_AUTH,
		          "%s: the server refuses the login of %s: %s (%s); check user and password",
		          stream_peer(session->stream), session->params.user, session->login.refusal, why);
	else
		pop3_fail(session, POP3_TROUBLE_AUTH, "%s: cannot log in as %s: %s", stream_peer(session->stream),
		          session->params.user, why);
}

/* -1: the mechanism cannot work here, nothing was sent. */
static int begin_sasl(struct pop3_session *session)
{
	struct pop3_login *login = &session->login;
	struct sasl_params params = {
		.mechanism = login->mechanism,
		.service = "pop",
		.host = session->params.host,
		.user = session->params.user,
		.secret = secret_of(session),
	};

	if (login->mechanism == SASL_SCRAM_SHA_256_PLUS) {
		params.binding = login->binding;
		params.binding_len =
			stream_channel_binding(session->stream, login->binding, POP3_BINDING_MAX, &params.binding_type);
	}
	sasl_free(&login->sasl);
	login->sasl = sasl_new(&params);
	login->challenges = 0;
	login->initial_waits = sasl_client_first(login->sasl);
	if (login->initial_waits && sasl_step(login->sasl, SPAN(""), &login->response) == SASL_FAILED) {
		log_info("account=%s auth=%s: not possible: %s", session->params.label,
		         sasl_config_name(login->mechanism), sasl_error(login->sasl));
		return -1;
	}
	pop3_push(session, POP3_AUTH, 0);
	return 0;
}

static int begin_mechanism(struct pop3_session *session)
{
	switch (session->login.mechanism) {
	case SASL_APOP:
		pop3_push(session, POP3_APOP, 0);
		return 0;
	case SASL_USER:
		pop3_push(session, POP3_USER, 0);
		return 0;
	default:
		return begin_sasl(session);
	}
}

/* Each turn that sends nothing uses up one of SASL_TRIES_MAX. */
void pop3_authenticate(struct pop3_session *session)
{
	struct pop3_login *login = &session->login;
	const char *why = "";

	for (;;) {
		login->mechanism = choose(session, &why);
		if (login->mechanism == SASL_NONE) {
			fail_login(session, why);
			return;
		}
		if (!login->secret_known && login->mechanism != SASL_EXTERNAL) {
			login->secret_pending = true;
			session->params.secret.fetch(session->params.secret.source, on_secret, session);
			return;
		}
		if (begin_mechanism(session) == 0)
			return;
		sasl_refused(&session->params.memory->sasl, login->mechanism);
	}
}

/* ---- verdicts ---- */

static enum pop3_step login_refused(struct pop3_session *session, const struct pop3_reply *reply)
{
	struct pop3_login *login = &session->login;
	enum pop3_trouble trouble = pop3_trouble_of(reply->code, POP3_TROUBLE_AUTH);

	if (trouble != POP3_TROUBLE_AUTH)
		return pop3_fail(session, trouble, "%s: no login now: %.*s", stream_peer(session->stream),
		                 (int)reply->text.len, reply->text.data);
	log_info("account=%s auth=%s refused: %.*s", session->params.label, sasl_config_name(login->mechanism),
	         (int)reply->text.len, reply->text.data);
	sasl_refused(&session->params.memory->sasl, login->mechanism);
	sasl_free(&login->sasl);
	strbuf_wipe(&login->response);
	free(login->refusal);
	login->refusal = span_dup(reply->text);
	login->refused_here = true;
	pop3_authenticate(session);
	return pop3_alive(session) ? POP3_GO_ON : POP3_FAIL;
}

static enum pop3_step login_succeeded(struct pop3_session *session)
{
	sasl_succeeded(&session->params.memory->sasl, session->login.mechanism);
	pop3_secret_drop(session);
	session->facts.auth = sasl_config_name(session->login.mechanism);
	session->facts.tls_version = stream_tls_version(session->stream);
	pop3_facts_update(session);
	pop3_set_phase(session, POP3_PHASE_TRANSFER);
	session->events.ready(session->ctx, &session->facts);
	return POP3_GO_ON;
}

static enum pop3_step login_verdict(struct pop3_session *session, const struct pop3_reply *reply)
{
	return reply->status == POP3_OK ? login_succeeded(session) : login_refused(session, reply);
}

/* ---- APOP, USER, PASS ---- */

void pop3_write_apop(struct pop3_session *session, const struct pop3_command *command)
{
	char digest[33];
	char *prefix = str_format("APOP %s ", session->params.user);

	(void)command;
	sasl_apop_digest(span_of(session->login.banner), secret_of(session), digest);
	pop3_write_secret(session, prefix, span_of(digest));
	mem_wipe(digest, sizeof(digest));
	free(prefix);
}

enum pop3_step pop3_on_apop(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	return login_verdict(session, reply);
}

void pop3_write_user(struct pop3_session *session, const struct pop3_command *command)
{
	(void)command;
	pop3_write(session, "USER %s", session->params.user);
}

enum pop3_step pop3_on_user(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	if (reply->status != POP3_OK)
		return login_refused(session, reply);
	session->login.refused_here = false;
	pop3_push(session, POP3_PASS, 0);
	return POP3_GO_ON;
}

void pop3_write_pass(struct pop3_session *session, const struct pop3_command *command)
{
	(void)command;
	pop3_write_secret(session, "PASS ", secret_of(session));
}

enum pop3_step pop3_on_pass(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	return login_verdict(session, reply);
}

/* ---- SASL ---- */

void pop3_write_auth(struct pop3_session *session, const struct pop3_command *command)
{
	struct pop3_login *login = &session->login;
	const char *name = sasl_wire_name(login->mechanism);
	struct span initial = login->response.len > 0 ? strbuf_span(&login->response) : SPAN("=");
	char *prefix = str_format("AUTH %s ", name);

	(void)command;
	if (login->initial_waits && strlen(prefix) + initial.len + 2 <= AUTH_LINE_MAX) {
		pop3_write_secret(session, prefix, initial);
		login->initial_waits = false;
		strbuf_wipe(&login->response);
	} else {
		pop3_write(session, "AUTH %s", name);
	}
	free(prefix);
}

static enum pop3_step answer_challenge(struct pop3_session *session, struct span challenge)
{
	struct pop3_login *login = &session->login;

	if (login->cancelled != NULL || ++login->challenges > POP3_MULTILINE_MAX)
		return pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: the server does not end its challenges",
		                 stream_peer(session->stream));
	login->refused_here = false;
	if (login->initial_waits) {
		login->initial_waits = false;
	} else if (sasl_step(login->sasl, challenge, &login->response) == SASL_FAILED) {
		login->cancelled = mem_strdup(sasl_error(login->sasl));
		strbuf_clear(&login->response);
		strbuf_add_str(&login->response, "*");
	}
	pop3_write_response(session, strbuf_span(&login->response));
	strbuf_wipe(&login->response);
	return pop3_alive(session) ? POP3_WAIT : POP3_FAIL;
}

/*
 * A server that breaks the exchange, or does not prove that it knows the
 * password, gets no second mechanism: the next one might be handing it over.
 */
enum pop3_step pop3_on_auth(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	struct pop3_login *login = &session->login;

	(void)command;
	if (reply->status == POP3_CHALLENGE)
		return answer_challenge(session, reply->text);
	if (login->cancelled != NULL)
		return pop3_fail(session, POP3_TROUBLE_AUTH, "%s: login with %s given up: %s",
		                 stream_peer(session->stream), sasl_config_name(login->mechanism), login->cancelled);
	if (reply->status == POP3_OK && sasl_verify_end(login->sasl) != 0)
		return pop3_fail(session, POP3_TROUBLE_AUTH,
		                 "%s: the server did not prove that it knows the password: %s",
		                 stream_peer(session->stream), sasl_error(login->sasl));
	return login_verdict(session, reply);
}
