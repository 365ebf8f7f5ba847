/* SPDX-License-Identifier: ISC
 *
 * The life of a session: connections, phases, the stream's events, how it ends.
 */
#include "session.h"

#include <stdarg.h>
#include <stdlib.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

/*
 * Whole phases, so that a server that answers a little all the time does not
 * hold a session for ever. Generous: three refused logins at a slow server, a
 * full listing over a slow line.
 */
#define LOGIN_DEADLINE_MS INT64_C(600000)
#define LISTING_DEADLINE_MS INT64_C(1800000)

enum deadline { DEADLINE_NONE, DEADLINE_CONNECT, DEADLINE_LOGIN, DEADLINE_LISTING };

static const struct {
	const char *name;
	enum deadline deadline;
} phases[] = {
	[POP3_PHASE_CONNECT] = { "connect", DEADLINE_NONE }, /* the stream's own */
	[POP3_PHASE_GREETING] = { "greeting", DEADLINE_CONNECT },
	[POP3_PHASE_TLS] = { "tls", DEADLINE_CONNECT },
	[POP3_PHASE_LOGIN] = { "login", DEADLINE_LOGIN },
	[POP3_PHASE_LISTING] = { "listing", DEADLINE_LISTING },
	[POP3_PHASE_TRANSFER] = { "transfer", DEADLINE_NONE },
	[POP3_PHASE_CLOSING] = { "closing", DEADLINE_NONE },
	[POP3_PHASE_ENDED] = { "ended", DEADLINE_NONE },
};
_Static_assert(sizeof(phases) / sizeof(phases[0]) == POP3_PHASE_COUNT, "a row for each phase");

static int64_t phase_deadline_ms(const struct pop3_session *session)
{
	switch (phases[session->phase].deadline) {
	case DEADLINE_CONNECT:
		return session->params.connect_timeout_ms;
	case DEADLINE_LOGIN:
		return LOGIN_DEADLINE_MS;
	case DEADLINE_LISTING:
		return LISTING_DEADLINE_MS;
	case DEADLINE_NONE:
		break;
	}
	return 0;
}

void pop3_set_phase(struct pop3_session *session, enum pop3_phase phase)
{
	int64_t deadline_ms;

	if (session->phase == phase)
		return;
	log_debug("account=%s phase=%s", session->params.label, phases[phase].name);
	session->phase = phase;
	deadline_ms = phase_deadline_ms(session);
	if (deadline_ms > 0)
		timer_arm(session->deadline, deadline_ms);
	else
		timer_cancel(session->deadline);
}

/* ---- ends ---- */

bool pop3_alive(const struct pop3_session *session)
{
	return !session->ended && !session->freed;
}

enum pop3_step pop3_fail(struct pop3_session *session, enum pop3_trouble trouble, const char *format, ...)
{
	struct strbuf text = { 0 };
	va_list args;

	if (session->ended)
		return POP3_FAIL;
	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	session->text = strbuf_take(&text);
	session->trouble = trouble;
	session->ended = true;
	return POP3_FAIL;
}

enum pop3_trouble pop3_trouble_of(enum pop3_code code, enum pop3_trouble otherwise)
{
	switch (code) {
	case POP3_CODE_IN_USE:
		return POP3_TROUBLE_IN_USE;
	case POP3_CODE_LOGIN_DELAY:
		return POP3_TROUBLE_LOGIN_DELAY;
	case POP3_CODE_SYS_TEMP:
		return POP3_TROUBLE_TEMPORARY;
	case POP3_CODE_SYS_PERM:
		return POP3_TROUBLE_PERMANENT;
	case POP3_CODE_AUTH:
		return POP3_TROUBLE_AUTH;
	case POP3_CODE_NONE:
	case POP3_CODE_OTHER:
		break;
	}
	return otherwise;
}

static void destroy(struct pop3_session *session)
{
	pop3_login_free(session);
	pop3_lister_free(&session->lister);
	pop3_queue_reset(&session->queue);
	stream_free(&session->stream);
	timer_free(&session->deadline);
	timer_free(&session->work);
	strbuf_free(&session->line);
	free(session->close_text);
	free(session->text);
	free(session);
}

/* Each message that was asked for and did not come is told first. */
static void report_end(struct pop3_session *session)
{
	struct pop3_end end = {
		.trouble = session->trouble,
		.text = session->text,
		.quit_confirmed = session->quit_confirmed,
		.reached = session->reached,
	};
	struct pop3_command command;

	session->reported = true;
	pop3_set_phase(session, POP3_PHASE_ENDED);
	timer_cancel(session->work);
	pop3_secret_drop(session);
	while (!session->freed && pop3_queue_take(&session->queue, &command)) {
		if (pop3_brings_message(command.id))
			session->events.message_ended(session->ctx, command.number, POP3_MESSAGE_CUT,
			                              command.multi_line ? session->body_bytes : 0, end.text);
	}
	if (!session->freed)
		session->events.closed(session->ctx, &end);
	/* Not before: the facts point into it. */
	stream_free(&session->stream);
}

void pop3_enter(struct pop3_session *session)
{
	session->depth++;
}

void pop3_leave(struct pop3_session *session)
{
	if (session->depth == 1) {
		if (pop3_alive(session))
			pop3_send(session);
		if (session->ended && !session->freed && !session->reported)
			report_end(session);
	}
	session->depth--;
	if (session->depth == 0 && session->freed)
		destroy(session);
}

void pop3_free(struct pop3_session **session)
{
	struct pop3_session *old = *session;

	if (old == NULL)
		return;
	*session = NULL;
	old->freed = true;
	if (old->depth == 0)
		destroy(old);
}

/* ---- a connection ends ---- */

static enum pop3_trouble close_trouble(enum pop3_phase phase, enum stream_close why)
{
	switch (phase) {
	case POP3_PHASE_CONNECT:
		return why == STREAM_CLOSE_TLS ? POP3_TROUBLE_TLS : POP3_TROUBLE_CONNECT;
	case POP3_PHASE_GREETING:
		if (why == STREAM_CLOSE_TLS)
			return POP3_TROUBLE_TLS;
		return why == STREAM_CLOSE_TIMEOUT ? POP3_TROUBLE_CONNECT : POP3_TROUBLE_BUSY;
	case POP3_PHASE_TLS:
		return POP3_TROUBLE_TLS;
	default:
		return POP3_TROUBLE_LOST;
	}
}

static const char *close_hint(struct pop3_session *session, enum pop3_trouble trouble)
{
	if (trouble == POP3_TROUBLE_BUSY)
		return " without a greeting: too many sessions from here, most likely; lower max_sessions_per_host";
	if (session->phase >= POP3_PHASE_LISTING && session->why != STREAM_CLOSE_TLS && pop3_flight_failed(session))
		return "; perhaps it cannot take several commands at once: the next session sends them one by one";
	return "";
}

/*
 * Some servers hang up after a refused login. What they refused is remembered,
 * so the next connection goes on with the next mechanism, and as each
 * connection needs a refusal of its own, SASL_TRIES_MAX bounds them.
 */
static bool may_reconnect(const struct pop3_session *session)
{
	return session->phase == POP3_PHASE_LOGIN && session->login.refused_here &&
	       (session->why == STREAM_CLOSE_EOF || session->why == STREAM_CLOSE_CUT);
}

static void connection_lost(struct pop3_session *session)
{
	enum pop3_trouble trouble = close_trouble(session->phase, session->why);

	if (may_reconnect(session)) {
		log_info("account=%s: the server hung up after the refused login, connecting again",
		         session->params.label);
		pop3_connect(session);
		return;
	}
	pop3_fail(session, trouble, "%s%s", session->close_text, close_hint(session, trouble));
}

/* What came before the end counts, and while paused it waits. */
static void take_up(struct pop3_session *session)
{
	if (session->paused || !pop3_alive(session))
		return;
	pop3_receive(session);
	if (session->connection_over && pop3_alive(session) && !session->paused)
		connection_lost(session);
}

static void on_closed(void *ctx, enum stream_close why, const char *text)
{
	struct pop3_session *session = ctx;

	pop3_enter(session);
	session->connection_over = true;
	session->why = why;
	free(session->close_text);
	session->close_text = mem_strdup(text);
	take_up(session);
	pop3_leave(session);
}

/* ---- the stream's other events, timers ---- */

static void on_connected(void *ctx)
{
	struct pop3_session *session = ctx;

	pop3_enter(session);
	pop3_set_phase(session, POP3_PHASE_GREETING);
	pop3_push(session, POP3_GREETING, 0);
	/* At once, before anything can have come: the greeting is awaited, not a stray reply. */
	pop3_send(session);
	pop3_leave(session);
}

static void on_tls_started(void *ctx)
{
	struct pop3_session *session = ctx;

	pop3_enter(session);
	if (pop3_alive(session))
		pop3_on_tls(session);
	pop3_leave(session);
}

static void on_readable(void *ctx)
{
	struct pop3_session *session = ctx;

	pop3_enter(session);
	take_up(session);
	pop3_leave(session);
}

/* Commands are short and their number is bounded: there is nothing to hold back. */
static void on_drained(void *ctx)
{
	(void)ctx;
}

static void on_deadline(void *ctx)
{
	struct pop3_session *session = ctx;

	pop3_enter(session);
	pop3_fail(session, close_trouble(session->phase, STREAM_CLOSE_TIMEOUT),
	          "%s: timed out: %s took more than %lld s", stream_peer(session->stream), phases[session->phase].name,
	          (long long)(phase_deadline_ms(session) / 1000));
	pop3_leave(session);
}

static void on_work(void *ctx)
{
	struct pop3_session *session = ctx;

	pop3_enter(session);
	take_up(session);
	pop3_leave(session);
}

void pop3_wake(struct pop3_session *session)
{
	timer_arm(session->work, 0);
}

/* ---- opening ---- */

static const struct stream_events stream_events = {
	.connected = on_connected,
	.tls_started = on_tls_started,
	.readable = on_readable,
	.drained = on_drained,
	.closed = on_closed,
};

void pop3_connect(struct pop3_session *session)
{
	const struct pop3_params *params = &session->params;
	struct stream_endpoint endpoint = { .host = params->host, .port = params->port, .tls = params->tls_client };
	struct stream_params to = {
		.endpoints = &endpoint,
		.endpoint_count = 1,
		.implicit_tls = params->tls == POP3_TLS_IMPLICIT,
		.source_address = params->source_address,
		.refuse_self = params->refuse_self,
		.connect_timeout_ms = params->connect_timeout_ms,
	};

	stream_free(&session->stream);
	session->reader = (struct line_reader){ 0 };
	session->connection_over = false;
	session->expecting = 0;
	pop3_queue_reset(&session->queue);
	session->flight = 0;
	pop3_login_reset(session);
	pop3_set_phase(session, POP3_PHASE_CONNECT);
	session->stream = stream_open(session->loop, &to, &stream_events, session);
}

static bool user_is_safe(const char *user)
{
	struct span text = span_of(user);

	return text.len > 0 && span_find(text, '\r') < 0 && span_find(text, '\n') < 0;
}

struct pop3_session *pop3_open(struct loop *loop, const struct pop3_params *params, const struct pop3_events *events,
                               void *ctx)
{
	struct pop3_session *session = mem_alloc(sizeof(*session));

	*session = (struct pop3_session){ .loop = loop, .params = *params, .events = *events, .ctx = ctx };
	session->deadline = timer_new(loop, on_deadline, session);
	session->work = timer_new(loop, on_work, session);
	sasl_poll_begin(&params->memory->sasl);
	if (user_is_safe(params->user)) {
		pop3_connect(session);
	} else {
		pop3_fail(session, POP3_TROUBLE_AUTH, "the user name is empty or holds a line end: not sent");
		pop3_wake(session);
	}
	return session;
}

void pop3_pause(struct pop3_session *session, bool paused)
{
	if (!pop3_alive(session) || session->phase < POP3_PHASE_LISTING || session->paused == paused)
		return;
	session->paused = paused;
	if (!session->connection_over)
		stream_pause(session->stream, paused);
	if (!paused)
		pop3_wake(session);
}
