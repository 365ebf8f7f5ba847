/* SPDX-License-Identifier: ISC
 *
 * AUTH (RFC 4954): the mechanisms in turn, on this connection as long as the
 * server stays, else on the next.
 */
#include "session.h"

#include "multidropd/log.h"
#include "multidropd/mem.h"

#define BINDING_MAX 256

static enum sasl_mechanism choose(const struct session *session, const char **why)
{
	const struct relay_params *params = &session->relay->params;
	uint8_t binding[BINDING_MAX];
	const char *type;
	enum sasl_mechanism mechanism;
	struct sasl_choice choice = { .offered = session->extensions.auth,
		                      .allowed = params->auth,
		                      .allowed_count = params->auth_count,
		                      .encrypted = session->encrypted,
		                      .token = params->token };

	if (session->stream != NULL)
		choice.binding = stream_channel_binding(session->stream, binding, sizeof(binding), &type) > 0;
	mechanism = sasl_choose(&choice, &session->relay->sasl, why);
	if (mechanism == SASL_NONE || sasl_wire_name(mechanism) != NULL)
		return mechanism;
	*why = "auth names a mechanism that only POP3 has";
	return SASL_NONE;
}

bool session_login_has_next(const struct session *session)
{
	const char *why;

	return choose(session, &why) != SASL_NONE;
}

void session_login_wipe(struct session *session)
{
	const struct secret_source *source = &session->relay->params.secret;

	if (session->fetching)
		source->cancel(source->source, session);
	session->fetching = false;
	session->have_secret = false;
	sasl_free(&session->sasl);
	strbuf_wipe(&session->secret);
	strbuf_wipe(&session->initial);
}

static void failed(struct session *session, const char *why)
{
	const char *refusal = strbuf_str(&session->auth_refused);

	session_end(session, FATE_LOGIN, 0, "%s: login as %s: %s%s%s%s", session->peer, session->relay->params.user,
	            why, refusal[0] != '\0' ? " (" : "", refusal, refusal[0] != '\0' ? ")" : "");
}

static void start_sasl(struct session *session)
{
	const struct relay_params *params = &session->relay->params;
	const struct stream_endpoint *endpoint = &params->endpoints[session->endpoint];
	uint8_t binding[BINDING_MAX];
	struct sasl_params sasl = { .mechanism = session->mechanism,
		                    .service = "smtp",
		                    .host = endpoint->host != NULL ? endpoint->host : "localhost",
		                    .user = params->user,
		                    .secret = strbuf_span(&session->secret),
		                    .binding = binding };

	sasl.binding_len = stream_channel_binding(session->stream, binding, sizeof(binding), &sasl.binding_type);
	sasl_free(&session->sasl);
	session->sasl = sasl_new(&sasl);
	session->auth_steps = 0;
	mem_wipe(binding, sizeof(binding));
}

/* An initial response that makes the line too long waits for the server's empty challenge. */
static void send_auth(struct session *session, struct strbuf *response, bool initial)
{
	const char *name = sasl_wire_name(session->mechanism);
	struct strbuf line = { 0 };
	struct strbuf shown = { 0 };

	strbuf_addf(&line, "AUTH %s", name);
	strbuf_addf(&shown, "AUTH %s%s", name, initial ? " ***" : "");
	if (initial && line.len + 1 + response->len + 2 > SMTP_AUTH_LINE_MAX)
		strbuf_add_span(&session->initial, strbuf_span(response));
	else if (initial)
		strbuf_addf(&line, " %s", response->len > 0 ? strbuf_str(response) : "=");
	session_send_masked(session, SMTP_AUTH, strbuf_span(&line), strbuf_str(&shown));
	strbuf_free(&shown);
	strbuf_wipe(&line);
}

static void try_mechanism(struct session *session)
{
	struct strbuf response = { 0 };
	bool initial;

	start_sasl(session);
	initial = sasl_client_first(session->sasl);
	if (initial && sasl_step(session->sasl, SPAN(""), &response) == SASL_FAILED)
		failed(session, sasl_error(session->sasl));
	else
		send_auth(session, &response, initial);
	strbuf_wipe(&response);
}

static void secret_done(void *ctx, struct span secret, const char *error)
{
	struct session *session = ctx;
	struct relay *relay = session->relay;

	relay_enter(relay);
	session->fetching = false;
	if (error != NULL) {
		session_end(session, FATE_LOST, 0, "login as %s: %s", relay->params.user, error);
	} else {
		strbuf_add_span(&session->secret, secret);
		session->have_secret = true;
		try_mechanism(session);
	}
	relay_leave(relay);
}

void session_login(struct session *session)
{
	const struct relay_params *params = &session->relay->params;
	const char *why = NULL;

	if (params->user == NULL || params->user[0] == '\0') {
		relay_session_up(session);
		return;
	}
	session_set_phase(session, SESSION_LOGIN);
	session->mechanism = choose(session, &why);
	if (session->mechanism == SASL_NONE) {
		failed(session, why);
	} else if (session->have_secret) {
		try_mechanism(session);
	} else {
		session->fetching = true;
		params->secret.fetch(params->secret.source, secret_done, session);
	}
}

static void answer_challenge(struct session *session, const struct smtp_reply *reply)
{
	struct strbuf response = { 0 };

	if (++session->auth_steps > SMTP_AUTH_STEPS_MAX || reply->lines > 1)
		failed(session, "endless or broken challenge");
	else if (session->initial.len > 0)
		session_send_masked(session, SMTP_AUTH, strbuf_span(&session->initial), "***");
	else if (sasl_step(session->sasl, smtp_reply_challenge(reply), &response) == SASL_FAILED)
		failed(session, sasl_error(session->sasl));
	else
		session_send_masked(session, SMTP_AUTH, strbuf_span(&response), "***");
	strbuf_wipe(&session->initial);
	strbuf_wipe(&response);
}

static void logged_in(struct session *session)
{
	if (sasl_verify_end(session->sasl) != 0) {
		failed(session, sasl_error(session->sasl));
		return;
	}
	sasl_succeeded(&session->relay->sasl, session->mechanism);
	session_login_wipe(session);
	relay_session_up(session);
}

static void mechanism_refused(struct session *session, const struct smtp_reply *reply)
{
	struct strbuf *text = &session->auth_refused;

	strbuf_clear(text);
	strbuf_addf(text, "%s: %s", sasl_wire_name(session->mechanism), strbuf_str(&reply->text));
	log_info("relay=%s: login with %s", session->relay->params.name, strbuf_str(text));
	sasl_refused(&session->relay->sasl, session->mechanism);
	session_login(session);
}

void smtp_auth_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	if (reply->code == 334) {
		answer_challenge(session, reply);
	} else if (reply->code / 100 == 2) {
		logged_in(session);
	} else if (reply->code / 100 == 5) {
		mechanism_refused(session, reply);
	} else {
		session_end(session, FATE_LOST, reply->code, "%s: login as %s put off: %s", session->peer,
		            session->relay->params.user, strbuf_str(&reply->text));
	}
}
