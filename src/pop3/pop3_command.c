/* SPDX-License-Identifier: ISC
 *
 * The table of commands, and what it drives: sending as far ahead as the
 * server can take it, and giving each reply to the command that it belongs to.
 * One that belongs to none ends the session.
 */
#include "session.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"

#define IN_FLIGHT_MAX 1000u /* commands sent and not answered: at most 20 KiB of output */
#define PROOF_FLIGHT 3u     /* CAPA, UIDL and LIST: what proves pipelining where it is not announced */
#define BODY_PIECE 16384u   /* so far a message runs on after pop3_pause */
#define LOGGED_LINES 100u   /* of one answer: a listing may have a million */
#define STRAY_SHOWN 100u    /* bytes of a reply that nobody asked for */
#define CHALLENGE_LINE_MAX (SASL_CHALLENGE_MAX + 2) /* "+ " */

static void write_plain(struct pop3_session *session, const struct pop3_command *command);
static void write_number(struct pop3_session *session, const struct pop3_command *command);
static void write_top(struct pop3_session *session, const struct pop3_command *command);

enum timeout { TIMEOUT_CONNECT, TIMEOUT_SESSION };

static const struct kind {
	const char *name;
	const char *waiting_for;
	enum timeout timeout;
	bool alone;           /* nothing is sent before or behind it until its answer is there */
	bool body;            /* its lines are a message */
	size_t body_max;      /* bytes of it; 0: any number */
	pop3_write_fn *write; /* NULL: nothing is sent */
	pop3_reply_fn *reply;
	pop3_line_fn *line;
	pop3_end_fn *end; /* at the final dot; not NULL: +OK begins a multi-line answer */
} kinds[] = {
	[POP3_GREETING] = { "", "the greeting", TIMEOUT_CONNECT, .alone = true, .reply = pop3_on_greeting },
	[POP3_CAPA] = { "CAPA", "the answer to CAPA", TIMEOUT_SESSION, .write = write_plain, .reply = pop3_on_capa,
	                .line = pop3_on_capa_line, .end = pop3_on_capa_end },
	[POP3_STLS] = { "STLS", "the answer to STLS", TIMEOUT_SESSION, .alone = true, .write = write_plain,
	                .reply = pop3_on_stls },
	[POP3_UTF8] = { "UTF8", "the answer to UTF8", TIMEOUT_SESSION, .alone = true, .write = write_plain,
	                .reply = pop3_on_utf8 },
	[POP3_APOP] = { "APOP", "the answer to APOP", TIMEOUT_SESSION, .alone = true, .write = pop3_write_apop,
	                .reply = pop3_on_apop },
	[POP3_USER] = { "USER", "the answer to USER", TIMEOUT_SESSION, .alone = true, .write = pop3_write_user,
	                .reply = pop3_on_user },
	[POP3_PASS] = { "PASS", "the answer to PASS", TIMEOUT_SESSION, .alone = true, .write = pop3_write_pass,
	                .reply = pop3_on_pass },
	[POP3_AUTH] = { "AUTH", "the answer to AUTH", TIMEOUT_SESSION, .alone = true, .write = pop3_write_auth,
	                .reply = pop3_on_auth },
	[POP3_UIDL] = { "UIDL", "the answer to UIDL", TIMEOUT_SESSION, .write = write_plain, .reply = pop3_on_uidl,
	                .line = pop3_on_uidl_line, .end = pop3_on_uidl_end },
	[POP3_LIST] = { "LIST", "the answer to LIST", TIMEOUT_SESSION, .write = write_plain, .reply = pop3_on_list,
	                .line = pop3_on_list_line, .end = pop3_on_list_end },
	[POP3_RETR] = { "RETR", "a message", TIMEOUT_SESSION, .body = true, .write = write_number,
	                .reply = pop3_on_message, .end = pop3_on_message_end },
	[POP3_TOP] = { "TOP", "a message's header", TIMEOUT_SESSION, .body = true, .write = write_top,
	               .reply = pop3_on_message, .end = pop3_on_message_end },
	[POP3_ENV] = { "*ENV", "a message's envelope", TIMEOUT_SESSION, .body = true, .body_max = POP3_ENV_MAX,
	               .write = write_number, .reply = pop3_on_message, .end = pop3_on_message_end },
	[POP3_DELE] = { "DELE", "the answer to DELE", TIMEOUT_SESSION, .write = write_number, .reply = pop3_on_dele },
	[POP3_QUIT] = { "QUIT", "the answer to QUIT", TIMEOUT_SESSION, .alone = true, .write = pop3_write_quit,
	                .reply = pop3_on_quit },
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == POP3_COMMAND_COUNT, "a row for each command");

bool pop3_brings_message(enum pop3_command_id id)
{
	return kinds[id].body;
}

/* ---- sending ---- */

enum mode { MODE_ONE_BY_ONE, MODE_PROVING, MODE_PIPELINED };

/*
 * Before the login nothing is pipelined: several servers drop what stands in
 * PASS's packet. After it all that were tried can do it, announced or not, and
 * a small first flight proves it where nothing is announced.
 */
static enum mode sending_mode(const struct pop3_session *session)
{
	const struct pop3_memory *memory = session->params.memory;

	if (session->phase < POP3_PHASE_LISTING || !session->params.pipelining || memory->pipelining_fails)
		return MODE_ONE_BY_ONE;
	return session->login.capa.pipelining || memory->pipelining_works ? MODE_PIPELINED : MODE_PROVING;
}

static bool may_send_next(struct pop3_session *session)
{
	struct pop3_queue *queue = &session->queue;

	if (queue->sent == 0)
		return true;
	if (kinds[pop3_queue_at(queue, queue->sent)->id].alone ||
	    kinds[pop3_queue_at(queue, queue->sent - 1)->id].alone)
		return false;
	switch (sending_mode(session)) {
	case MODE_PIPELINED:
		return queue->sent < IN_FLIGHT_MAX;
	case MODE_PROVING:
		/* Until the first answer; then the flight must be answered to the end. */
		return queue->sent == session->flight && session->flight < PROOF_FLIGHT;
	case MODE_ONE_BY_ONE:
		break;
	}
	return false;
}

/* A time limit runs for the answer that is due, anew for each, and none when nothing is. */
static void expect_answer(struct pop3_session *session)
{
	uint64_t expecting = session->queue.sent > 0 ? session->answered + 1 : 0;
	const struct kind *kind;

	if (expecting == session->expecting)
		return;
	session->expecting = expecting;
	if (expecting == 0) {
		stream_expect(session->stream, 0, "nothing");
		return;
	}
	kind = &kinds[pop3_queue_at(&session->queue, 0)->id];
	stream_expect(session->stream,
	              kind->timeout == TIMEOUT_CONNECT ? session->params.connect_timeout_ms
	                                               : session->params.timeout_ms,
	              kind->waiting_for);
}

/* Input with nothing in flight: whoever sent it wants it taken for the answer to our next command. */
static void refuse_stray(struct pop3_session *session)
{
	struct evbuffer *input = stream_input(session->stream);
	char shown[STRAY_SHOWN];
	ev_ssize_t len = evbuffer_copyout(input, shown, sizeof(shown));
	struct span text = span_trim(span_make(shown, len > 0 ? (size_t)len : 0));

	if (text.len > 0 && text.data[0] == '-')
		pop3_fail(session, POP3_TROUBLE_LOST, "%s: the server gave up the session: %.*s",
		          stream_peer(session->stream), (int)text.len, text.data);
	else
		pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: the server sent a reply to no command: %.*s",
		          stream_peer(session->stream), (int)text.len, text.data);
}

void pop3_send(struct pop3_session *session)
{
	struct pop3_queue *queue = &session->queue;

	if (session->phase == POP3_PHASE_CONNECT || session->phase == POP3_PHASE_TLS || session->connection_over)
		return;
	while (pop3_alive(session) && queue->sent < queue->count && may_send_next(session)) {
		const struct pop3_command *next = pop3_queue_at(queue, queue->sent);

		if (queue->sent == 0) {
			if (kinds[next->id].write != NULL && evbuffer_get_length(stream_input(session->stream)) > 0) {
				refuse_stray(session);
				return;
			}
			session->flight = 0;
			session->flight_refused = false;
		}
		queue->sent++;
		session->flight++;
		if (kinds[next->id].write != NULL)
			kinds[next->id].write(session, next);
	}
	if (pop3_alive(session))
		expect_answer(session);
}

bool pop3_flight_failed(struct pop3_session *session)
{
	if (sending_mode(session) != MODE_PROVING || session->flight < 2)
		return false;
	session->params.memory->pipelining_fails = true;
	return true;
}

static void log_line(const struct pop3_session *session, char side, struct span line, const char *masked)
{
	if (log_enabled(LOG_AT_DEBUG))
		log_debug("account=%s %c: %.*s%s", session->params.label, side, (int)line.len, line.data, masked);
}

void pop3_write(struct pop3_session *session, const char *format, ...)
{
	struct strbuf line = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&line, format, args);
	va_end(args);
	log_line(session, 'C', strbuf_span(&line), "");
	strbuf_add_str(&line, "\r\n");
	evbuffer_add(stream_output(session->stream), line.data, line.len);
	strbuf_free(&line);
}

static void wipe_line(const void *data, size_t len, void *extra)
{
	(void)data;
	mem_wipe(extra, len);
	free(extra);
}

/* The queue of bytes borrows the line and wipes it when it is sent. */
void pop3_write_secret(struct pop3_session *session, const char *prefix, struct span secret)
{
	size_t prefix_len = strlen(prefix);
	size_t len = prefix_len + secret.len + 2;
	char *line = mem_alloc(len);

	memcpy(line, prefix, prefix_len);
	if (secret.len > 0)
		memcpy(line + prefix_len, secret.data, secret.len);
	memcpy(line + prefix_len + secret.len, "\r\n", 2);
	log_line(session, 'C', span_of(prefix), "***");
	if (evbuffer_add_reference(stream_output(session->stream), line, len, wipe_line, line) != 0)
		wipe_line(line, len, line);
}

void pop3_write_response(struct pop3_session *session, struct span response)
{
	if (evbuffer_get_length(stream_input(session->stream)) > 0)
		refuse_stray(session);
	else
		pop3_write_secret(session, "", response);
}

static void write_plain(struct pop3_session *session, const struct pop3_command *command)
{
	pop3_write(session, "%s", kinds[command->id].name);
}

static void write_number(struct pop3_session *session, const struct pop3_command *command)
{
	pop3_write(session, "%s %u", kinds[command->id].name, command->number);
}

static void write_top(struct pop3_session *session, const struct pop3_command *command)
{
	pop3_write(session, "TOP %u 0", command->number);
}

/* ---- receiving ---- */

static void command_answered(struct pop3_session *session)
{
	session->answered++;
	if (session->queue.sent > 0)
		return;
	if (sending_mode(session) == MODE_PROVING && session->flight >= 2 && !session->flight_refused)
		session->params.memory->pipelining_works = true;
	session->flight = 0;
}

static enum pop3_step first_line(struct pop3_session *session, struct pop3_command *command, struct span line)
{
	const struct kind *kind = &kinds[command->id];
	struct pop3_reply reply = pop3_reply_parse(line);
	enum pop3_step step;

	if (reply.status == POP3_GARBAGE || (reply.status == POP3_CHALLENGE && command->id != POP3_AUTH))
		return pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: what came instead of %s is not POP3: %.*s",
		                 stream_peer(session->stream), kind->waiting_for, (int)line.len, line.data);
	session->flight_refused |= reply.status == POP3_ERR;
	step = kind->reply(session, command, &reply);
	if (step == POP3_GO_ON && reply.status == POP3_OK && kind->end != NULL) {
		command->multi_line = true;
		return POP3_WAIT;
	}
	return step;
}

static enum pop3_step further_line(struct pop3_session *session, struct pop3_command *command, struct span line)
{
	const struct kind *kind = &kinds[command->id];

	if (span_equal(line, SPAN(".")))
		return kind->end(session, command);
	if (line.len > 0 && line.data[0] == '.')
		line = span_from(line, 1);
	return kind->line(session, command, line);
}

/* The command is off the queue while its handler runs, so that whoever is called counts what is left. */
static void handle_line(struct pop3_session *session, struct span line)
{
	struct pop3_command command;
	enum pop3_step step;

	if (!pop3_queue_take(&session->queue, &command))
		return;
	if (command.lines++ < LOGGED_LINES)
		log_line(session, 'S', line, "");
	step = command.multi_line ? further_line(session, &command, line) : first_line(session, &command, line);
	if (step == POP3_GO_ON)
		command_answered(session);
	else
		pop3_queue_put_back(&session->queue, &command);
}

/* The line leaves the input before it is handled: a handler may send, start TLS or end the session. */
static bool receive_line(struct pop3_session *session)
{
	const struct kind *kind = &kinds[pop3_queue_at(&session->queue, 0)->id];
	size_t max = kind->reply == pop3_on_auth ? CHALLENGE_LINE_MAX : POP3_LINE_MAX;
	struct evbuffer *input = stream_input(session->stream);
	struct span line;

	switch (line_next(&session->reader, input, max, &line)) {
	case LINE_MORE:
		return false;
	case LINE_TOO_LONG:
		pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: %s has a line of more than %zu bytes",
		          stream_peer(session->stream), kind->waiting_for, max);
		return false;
	case LINE_COMPLETE:
		break;
	}
	strbuf_clear(&session->line);
	strbuf_add_span(&session->line, line);
	line_done(&session->reader, input, line);
	handle_line(session, strbuf_span(&session->line));
	return true;
}

/* How much of the input is looked at in one go; 0: there is none, or none may come any more. */
static size_t body_piece(struct pop3_session *session, const struct kind *kind)
{
	struct evbuffer *input = stream_input(session->stream);
	size_t len = evbuffer_get_contiguous_space(input);
	size_t max = BODY_PIECE;

	if (len == 0)
		len = evbuffer_get_length(input);
	if (kind->body_max > 0 && max > kind->body_max - session->body_bytes)
		max = kind->body_max - session->body_bytes;
	if (len > 0 && max == 0)
		pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: %s has more than %zu bytes",
		          stream_peer(session->stream), kind->waiting_for, kind->body_max);
	return len < max ? len : max;
}

static bool receive_body(struct pop3_session *session)
{
	struct pop3_command command = *pop3_queue_at(&session->queue, 0);
	struct evbuffer *input = stream_input(session->stream);
	size_t len = body_piece(session, &kinds[command.id]);
	size_t used;
	bool ended;

	if (len == 0)
		return false;
	ended = pop3_on_body(session, &command, span_make(evbuffer_pullup(input, (ev_ssize_t)len), len), &used);
	evbuffer_drain(input, used);
	if (!ended)
		return true;
	pop3_queue_take(&session->queue, &command);
	command_answered(session);
	kinds[command.id].end(session, &command);
	return true;
}

void pop3_receive(struct pop3_session *session)
{
	bool more = true;

	while (more && pop3_alive(session) && !session->paused) {
		const struct pop3_command *head;

		if (session->queue.sent == 0) {
			if (evbuffer_get_length(stream_input(session->stream)) > 0)
				refuse_stray(session);
			return;
		}
		head = pop3_queue_at(&session->queue, 0);
		more = head->multi_line && kinds[head->id].body ? receive_body(session) : receive_line(session);
	}
}
