/* SPDX-License-Identifier: ISC
 *
 * One connection: its stream, the replies that come from it, its phases, and
 * its end.
 */
#include "session.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

static const char *const phase_names[] = {
	[SESSION_CONNECTING] = "connecting", [SESSION_HELLO] = "hello",   [SESSION_TLS] = "tls",
	[SESSION_LOGIN] = "login",           [SESSION_IDLE] = "idle",     [SESSION_ENVELOPE] = "envelope",
	[SESSION_CONTENT] = "content",       [SESSION_DOT] = "dot",       [SESSION_RESET] = "reset",
	[SESSION_QUITTING] = "quitting",     [SESSION_CLOSED] = "closed",
};
_Static_assert(sizeof(phase_names) / sizeof(phase_names[0]) == SESSION_CLOSED + 1, "a name for each phase");

void session_set_phase(struct session *session, enum session_phase phase)
{
	if (session->phase == phase)
		return;
	log_debug("relay=%s peer=%s phase=%s", session->relay->params.name, session->peer != NULL ? session->peer : "-",
	          phase_names[phase]);
	session->phase = phase;
	timer_cancel(session->timer);
}

bool session_established(const struct session *session)
{
	return session->phase >= SESSION_IDLE && session->phase < SESSION_QUITTING;
}

/* The peer's time to answer what heads the queue; RFC 5321 4.5.3.2.6 for the message. */
void session_expect(struct session *session)
{
	const struct smtp_flight *head = smtp_queue_head(&session->flight);
	int64_t timeout_ms = session->relay->params.timeout_ms;

	if (session->phase == SESSION_CLOSED)
		return;
	if (session->phase == SESSION_QUITTING)
		timeout_ms = RELAY_QUIT_TIMEOUT_MS;
	else if (session->phase == SESSION_DOT && timeout_ms < RELAY_DOT_TIMEOUT_MIN_MS)
		timeout_ms = RELAY_DOT_TIMEOUT_MIN_MS;
	if (head != NULL)
		stream_expect(session->stream, timeout_ms, smtp_command(head->verb)->waiting_for);
	else if (session->phase == SESSION_TLS)
		stream_expect(session->stream, timeout_ms, "the TLS handshake");
	else if (session->phase == SESSION_CONTENT && !session->resting)
		stream_expect(session->stream, timeout_ms, "the relay to take the message");
	else
		stream_expect(session->stream, 0, NULL);
}

static void dialogue(const struct session *session, const char *side, struct span line)
{
	log_debug("relay=%s %s: %.*s", session->relay->params.name, side, (int)line.len, line.data);
}

static void send_line(struct session *session, enum smtp_verb verb, size_t recipient, struct span line)
{
	struct evbuffer *output = stream_output(session->stream);

	evbuffer_add(output, line.data, line.len);
	evbuffer_add(output, "\r\n", 2);
	smtp_queue_push(&session->flight, verb, recipient);
	session_expect(session);
}

void session_send(struct session *session, enum smtp_verb verb, size_t recipient, const char *line, ...)
{
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, line);
	strbuf_vaddf(&text, line, args);
	va_end(args);
	dialogue(session, "C", strbuf_span(&text));
	send_line(session, verb, recipient, strbuf_span(&text));
	strbuf_free(&text);
}

void session_send_masked(struct session *session, enum smtp_verb verb, struct span line, const char *shown)
{
	dialogue(session, "C", span_of(shown));
	send_line(session, verb, FLIGHT_ALL, line);
}

/* Ended by what the peer says. A verdict names the peer by itself, the relay's last error does not. */
static void end_by_reply(struct session *session, enum session_fate fate, const char *remark)
{
	const struct smtp_reply *reply = &session->reply;
	bool named = session_established(session);

	session_end(session, fate, reply->code, "%s%s%s%s", named ? "" : session->peer, named ? "" : ": ",
	            strbuf_str(&reply->text), remark);
}

/* A reply that nobody asked for. An idle connection may be closed at any time; all else is out of step. */
static void reply_unexpected(struct session *session)
{
	if (session->phase == SESSION_IDLE)
		end_by_reply(session, FATE_DONE, " (while idle)");
	else if (session->reply.code == 421)
		end_by_reply(session, FATE_LOST, "");
	else if (session->phase == SESSION_CONTENT)
		end_by_reply(session, FATE_BROKEN, " (said before the message was complete)");
	else
		end_by_reply(session, FATE_BROKEN, " (said without being asked)");
}

/* 421 is about the connection, whatever was asked; behind a message it is an answer, too. */
static bool is_farewell(const struct session *session)
{
	const struct smtp_flight *head = smtp_queue_head(&session->flight);

	return session->reply.code == 421 && head != NULL && head->verb != SMTP_DOT && head->verb != SMTP_QUIT;
}

/*
 * Whoever gets 421 to a recipient on a fresh connection would get it on the
 * next, too: it counts for that recipient, so that the others go on without.
 */
static void take_farewell(struct session *session)
{
	const struct smtp_flight *head = smtp_queue_head(&session->flight);
	struct verdict verdict = { .kind = VERDICT_DEFERRED,
		                   .stage = STAGE_RCPT,
		                   .code = session->reply.code,
		                   .reply = strbuf_span(&session->reply.text),
		                   .peer = session->peer };

	if (head->verb == SMTP_RCPT && session->delivery != NULL && session->transactions == 0) {
		session->delivery->progress = true;
		delivery_tell(session->delivery, head->recipient, &verdict);
	}
	end_by_reply(session, FATE_LOST, "");
}

static void take_reply(struct session *session)
{
	struct smtp_flight flight;

	if (is_farewell(session)) {
		take_farewell(session);
	} else if (smtp_queue_pop(&session->flight, &flight)) {
		session->answering = flight.verb;
		smtp_command(flight.verb)->replied(session, &flight, &session->reply);
		session->answering = SMTP_VERB_COUNT;
		session_expect(session);
	} else {
		reply_unexpected(session);
	}
}

static void take_line(struct session *session, struct span line)
{
	const struct smtp_flight *head = smtp_queue_head(&session->flight);
	enum smtp_reply_state state;
	struct span text;

	dialogue(session, "S", span_starts_case(line, "334 ") ? SPAN("334 ***") : line);
	state = smtp_reply_add(&session->reply, line, &text);
	if (head != NULL && head->verb == SMTP_EHLO && session->reply.code / 100 == 2 && session->reply.lines > 1)
		smtp_extensions_add(&session->extensions, text);
	line_done(&session->reader, stream_input(session->stream), line);
	if (state == SMTP_REPLY_BROKEN) {
		session_end(session, FATE_BROKEN, 0, "%s: what it says is not SMTP", session->peer);
	} else if (state == SMTP_REPLY_COMPLETE) {
		take_reply(session);
		smtp_reply_clear(&session->reply);
	}
}

static size_t line_max(const struct session *session)
{
	const struct smtp_flight *head = smtp_queue_head(&session->flight);

	return head != NULL && head->verb == SMTP_AUTH ? SASL_CHALLENGE_MAX : RELAY_REPLY_LINE_MAX;
}

static void on_readable(void *ctx)
{
	struct session *session = ctx;
	struct relay *relay = session->relay;
	enum line_result result = LINE_COMPLETE;
	struct span line;

	relay_enter(relay);
	while (session->phase != SESSION_CLOSED && result == LINE_COMPLETE) {
		result = line_next(&session->reader, stream_input(session->stream), line_max(session), &line);
		if (result == LINE_COMPLETE)
			take_line(session, line);
		else if (result == LINE_TOO_LONG)
			session_end(session, FATE_BROKEN, 0, "%s: a reply line of more than %zu bytes", session->peer,
			            line_max(session));
	}
	relay_leave(relay);
}

static void on_connected(void *ctx)
{
	struct session *session = ctx;

	relay_enter(session->relay);
	session->peer = mem_strdup(stream_peer(session->stream));
	session->encrypted = stream_tls_version(session->stream) != NULL;
	session_set_phase(session, SESSION_HELLO);
	smtp_queue_push(&session->flight, SMTP_GREETING, FLIGHT_ALL);
	session_expect(session);
	relay_leave(session->relay);
}

static void on_tls_started(void *ctx)
{
	struct session *session = ctx;

	relay_enter(session->relay);
	session->encrypted = true;
	session_hello(session);
	relay_leave(session->relay);
}

static void on_drained(void *ctx)
{
	struct session *session = ctx;

	relay_enter(session->relay);
	if (session->phase == SESSION_CONTENT)
		content_pump(session);
	relay_leave(session->relay);
}

static void on_closed(void *ctx, enum stream_close why, const char *text)
{
	struct session *session = ctx;
	bool resting = session->phase == SESSION_IDLE || session->phase == SESSION_QUITTING;

	(void)why;
	relay_enter(session->relay);
	session_end(session, resting ? FATE_DONE : FATE_LOST, 0, "%s", text);
	relay_leave(session->relay);
}

static void on_timer(void *ctx)
{
	struct session *session = ctx;

	relay_enter(session->relay);
	if (session->phase == SESSION_IDLE)
		session_quit(session);
	else if (session->phase == SESSION_CONTENT)
		content_pump(session);
	relay_leave(session->relay);
}

struct session *session_new(struct relay *relay, size_t endpoint)
{
	static const struct stream_events events = { .connected = on_connected,
		                                     .tls_started = on_tls_started,
		                                     .readable = on_readable,
		                                     .drained = on_drained,
		                                     .closed = on_closed };
	struct stream_params params = { .endpoints = &relay->params.endpoints[endpoint],
		                        .endpoint_count = 1,
		                        .implicit_tls = relay->params.tls == RELAY_TLS_IMPLICIT,
		                        .connect_timeout_ms = RELAY_CONNECT_TIMEOUT_MS };
	struct session *session = mem_alloc(sizeof(*session));

	session->relay = relay;
	session->endpoint = endpoint;
	session->mechanism = SASL_NONE;
	session->answering = SMTP_VERB_COUNT;
	session->timer = timer_new(relay->loop, on_timer, session);
	session->stream = stream_open(relay->loop, &params, &events, session);
	TAILQ_INSERT_TAIL(&relay->sessions, session, link);
	return session;
}

void session_free(struct session **session)
{
	struct session *dead = *session;

	*session = NULL;
	session_login_wipe(dead);
	stream_free(&dead->stream);
	timer_free(&dead->timer);
	strbuf_free(&dead->reply.text);
	strbuf_free(&dead->trouble);
	strbuf_free(&dead->auth_refused);
	free(dead->peer);
	free(dead);
}

/*
 * A dot that is still in our own queue was never seen by the relay, so that
 * the message was not completed.
 */
static bool dot_has_left(const struct session *session)
{
	return session->phase == SESSION_DOT && evbuffer_get_length(stream_output(session->stream)) == 0;
}

void session_end(struct session *session, enum session_fate fate, int code, const char *format, ...)
{
	bool established = session_established(session) || session->phase == SESSION_QUITTING;
	struct verdict verdict = { .stage = transaction_stage(session), .code = code, .peer = session->peer };
	struct strbuf text = { 0 };
	va_list args;

	if (session->phase == SESSION_CLOSED)
		return;
	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	verdict.reply = strbuf_span(&text);
	verdict.kind = dot_has_left(session) ? VERDICT_UNKNOWN : VERDICT_UNDECIDED;
	if (session->delivery != NULL || (established && fate == FATE_BROKEN))
		log_info("relay=%s: connection ends: %s", session->relay->params.name, strbuf_str(&text));
	else
		log_debug("relay=%s: connection ends: %s", session->relay->params.name, strbuf_str(&text));
	session_set_phase(session, SESSION_CLOSED);
	stream_free(&session->stream);
	session_login_wipe(session);
	if (session->delivery != NULL)
		transaction_lost(session, fate, &verdict);
	if (!established && fate != FATE_DONE)
		relay_session_failed(session, fate, strbuf_str(&text));
	strbuf_free(&text);
}

void session_idle(struct session *session)
{
	if (session->transactions >= RELAY_MAILS_PER_CONNECTION) {
		session_quit(session);
		return;
	}
	session_set_phase(session, SESSION_IDLE);
	timer_arm(session->timer, session->relay->params.idle_timeout_ms);
}

void session_quit(struct session *session)
{
	session_set_phase(session, SESSION_QUITTING);
	session_send(session, SMTP_QUIT, FLIGHT_ALL, "QUIT");
}

void smtp_quit_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	session_end(session, FATE_DONE, reply->code, "%s", strbuf_str(&reply->text));
}
