/* SPDX-License-Identifier: ISC
 *
 * The message: drawn from its source as fast as the relay takes it, dots
 * stuffed, and completed only when the source says that it is whole.
 */
#include "session.h"

#include <event2/buffer.h>

static void to_output(void *ctx, const char *data, size_t len)
{
	evbuffer_add(ctx, data, len);
}

/* RFC 1870 5 counts the bytes before dots are stuffed. */
static void over_size(struct session *session)
{
	struct strbuf text = { 0 };
	struct verdict verdict = { .kind = VERDICT_REFUSED, .stage = STAGE_DATA, .peer = session->peer };

	strbuf_addf(&text, "the message has more than the %llu bytes that the relay takes",
	            (unsigned long long)session->extensions.size_max);
	verdict.reply = strbuf_span(&text);
	delivery_tell_all(session->delivery, &verdict);
	session_end(session, FATE_DONE, 0, "%s", strbuf_str(&text));
	strbuf_free(&text);
}

static void send_bytes(struct session *session, struct span bytes, size_t room)
{
	struct delivery *delivery = session->delivery;
	uint64_t max = session->extensions.size_max;

	if (bytes.len > room)
		bytes.len = room;
	if (max > 0 && bytes.len > max - delivery->drawn) {
		over_size(session);
		return;
	}
	stuff_encode(&session->stuff, bytes.data, bytes.len, to_output, stream_output(session->stream));
	delivery->drawn += bytes.len;
	delivery->params.source.take(delivery->params.source.ctx, bytes.len);
}

/* LMTP answers for each recipient that it accepted (RFC 2033 4.2), SMTP once for all. */
static void send_dot(struct session *session)
{
	const struct delivery *delivery = session->delivery;

	stuff_finish(&session->stuff, to_output, stream_output(session->stream));
	session_set_phase(session, SESSION_DOT);
	if (!session->relay->params.lmtp)
		smtp_queue_push(&session->flight, SMTP_DOT, FLIGHT_ALL);
	for (size_t i = 0; session->relay->params.lmtp && i < delivery->params.recipient_count; i++) {
		if (delivery->recipients[i] == RECIPIENT_TAKEN)
			smtp_queue_push(&session->flight, SMTP_DOT, i);
	}
	session_expect(session);
}

static void set_resting(struct session *session, bool resting)
{
	if (session->resting == resting)
		return;
	session->resting = resting;
	session_expect(session);
}

/*
 * The source has nothing to give. Once our own queue is empty, too, the relay
 * is not late with anything; nobody says when that is, so it is looked at.
 */
static void wait_for_source(struct session *session)
{
	bool sending = evbuffer_get_length(stream_output(session->stream)) > 0;

	session->hungry = true;
	set_resting(session, !sending);
	if (sending)
		timer_arm(session->timer, CONTENT_LOOK_MS);
}

void content_begin(struct session *session)
{
	session->stuff = (struct stuff){ 0 };
	session->resting = session->hungry = false;
	session_set_phase(session, SESSION_CONTENT);
	content_pump(session);
}

static size_t output_room(const struct session *session)
{
	size_t held = evbuffer_get_length(stream_output(session->stream));
	size_t high = (size_t)STREAM_OUTPUT_HIGH;

	return held < high ? high - held : 0;
}

/* False: nothing more can be done for now. */
static bool pump_once(struct session *session, size_t room)
{
	const struct delivery_source *source = &session->delivery->params.source;
	struct span bytes = { 0 };
	enum source_state state = source->peek(source->ctx, &bytes);

	if (session->phase != SESSION_CONTENT)
		return false;
	if (state == SOURCE_WAIT) {
		wait_for_source(session);
		return false;
	}
	set_resting(session, false);
	if (state == SOURCE_BYTES)
		send_bytes(session, bytes, room);
	else if (state == SOURCE_END)
		send_dot(session);
	else
		session_end(session, FATE_BROKEN, 0, "the rest of the message did not come, so it was not completed");
	return session->phase == SESSION_CONTENT;
}

/* Peeking and taking call out: the session may be closed after either. */
void content_pump(struct session *session)
{
	size_t room;

	do {
		room = output_room(session);
	} while (room > 0 && pump_once(session, room));
}
