/* SPDX-License-Identifier: ISC
 *
 * A transaction: the envelope as one flight where the relay takes that, and
 * what its replies mean for each recipient. SMTP and LMTP differ only in how
 * many replies follow the message.
 */
#include "session.h"

#include <event2/buffer.h>

#include "dsn.h"

static struct verdict verdict_from(const struct session *session, enum verdict_kind kind, enum verdict_stage stage,
                                   const struct smtp_reply *reply)
{
	return (struct verdict){ .kind = kind,
		                 .stage = stage,
		                 .code = reply->code,
		                 .reply = strbuf_span(&reply->text),
		                 .peer = session->peer };
}

/* Refused without asking, in our own words. */
static struct verdict own_refusal(const struct session *session, enum verdict_stage stage, const char *text)
{
	return (struct verdict){
		.kind = VERDICT_REFUSED, .stage = stage, .reply = span_of(text), .peer = session->peer
	};
}

/* NULL, or why this address is not sent: CR and LF would be commands of whoever wrote it. */
static const char *address_fault(const struct session *session, const char *address)
{
	for (; *address != '\0'; address++) {
		unsigned char byte = (unsigned char)*address;

		if (byte < 0x20 || byte == 0x7f)
			return "control characters in the address";
		if (byte > 0x7f && !session->extensions.smtputf8)
			return "the relay does not offer SMTPUTF8, which this address needs";
	}
	return NULL;
}

static void refuse_sender(struct session *session, struct delivery *delivery)
{
	const char *fault = address_fault(session, delivery->params.sender);
	struct verdict verdict = own_refusal(session, STAGE_MAIL, fault);

	if (fault != NULL)
		delivery_tell_all(delivery, &verdict);
}

static void refuse_recipients(struct session *session, struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->params.recipient_count && !delivery->ended; i++) {
		const char *fault = address_fault(session, delivery->params.recipients[i]);
		struct verdict verdict = own_refusal(session, STAGE_RCPT, fault);

		if (fault != NULL)
			delivery_tell(delivery, i, &verdict);
	}
}

static void refuse_size(struct session *session, struct delivery *delivery)
{
	uint64_t size = delivery->params.size;
	uint64_t max = session->extensions.size_max;
	struct strbuf text = { 0 };
	struct verdict verdict;

	if (max == 0 || size <= max)
		return;
	strbuf_addf(&text, "the message has %llu bytes, the relay takes %llu", (unsigned long long)size,
	            (unsigned long long)max);
	verdict = own_refusal(session, STAGE_MAIL, strbuf_str(&text));
	delivery_tell_all(delivery, &verdict);
	strbuf_free(&text);
}

/* Whether it is over before it began. */
static bool refuse_early(struct session *session, struct delivery *delivery)
{
	refuse_sender(session, delivery);
	if (!delivery->ended)
		refuse_size(session, delivery);
	if (!delivery->ended)
		refuse_recipients(session, delivery);
	return delivery->ended;
}

static bool uses_smtputf8(const struct session *session)
{
	return session->extensions.smtputf8 && session->delivery->params.need_smtputf8;
}

static bool uses_dsn(const struct session *session)
{
	return session->extensions.dsn && session->relay->params.dsn;
}

/* 8BITMIME keeps a relay without SMTPUTF8 from stripping the header, too (sendmail). */
static void send_mail(struct session *session)
{
	const struct smtp_extensions *extensions = &session->extensions;
	const struct delivery_params *params = &session->delivery->params;
	bool smtputf8 = uses_smtputf8(session);
	struct strbuf line = { 0 };

	strbuf_addf(&line, "MAIL FROM:<%s>", params->sender);
	if (extensions->eightbit && (params->body_8bit || smtputf8))
		strbuf_add_str(&line, " BODY=8BITMIME");
	if (extensions->size && params->size > 0)
		strbuf_addf(&line, " SIZE=%llu", (unsigned long long)params->size);
	if (smtputf8)
		strbuf_add_str(&line, " SMTPUTF8");
	if (uses_dsn(session))
		smtp_dsn_add_mail(&line, params->envid);
	session_send(session, SMTP_MAIL, FLIGHT_ALL, "%s", strbuf_str(&line));
	strbuf_free(&line);
}

static void send_rcpt(struct session *session, size_t recipient)
{
	const struct delivery_params *params = &session->delivery->params;
	const char *original = params->originals != NULL ? params->originals[recipient] : NULL;
	struct strbuf line = { 0 };

	strbuf_addf(&line, "RCPT TO:<%s>", params->recipients[recipient]);
	if (uses_dsn(session))
		smtp_dsn_add_rcpt(&line, params->notify, original, uses_smtputf8(session));
	session_send(session, SMTP_RCPT, recipient, "%s", strbuf_str(&line));
	strbuf_free(&line);
}

static void skip_told(struct session *session)
{
	const struct delivery *delivery = session->delivery;

	while (session->next >= 1 && session->next <= delivery->params.recipient_count &&
	       delivery->recipients[session->next - 1] != RECIPIENT_OPEN)
		session->next++;
}

/* Sends what comes next and may go now. False: nothing. */
static bool send_next(struct session *session)
{
	const struct delivery *delivery = session->delivery;
	size_t count = delivery->params.recipient_count;
	enum smtp_verb verb;

	skip_told(session);
	verb = session->next == 0 ? SMTP_MAIL : session->next <= count ? SMTP_RCPT : SMTP_DATA;
	if (session->next > count + 1 || !smtp_queue_takes(&session->flight, verb, session->pipelining))
		return false;
	if (verb == SMTP_MAIL)
		send_mail(session);
	else if (verb == SMTP_RCPT)
		send_rcpt(session, session->next - 1);
	else
		session_send(session, SMTP_DATA, FLIGHT_ALL, "DATA");
	session->next++;
	return true;
}

static void transaction_done(struct session *session)
{
	session->transactions++;
	session_idle(session);
}

/*
 * After each reply to the envelope. Nobody left and nothing in flight: the
 * transaction is undone, as nine of eleven servers refuse the next MAIL
 * otherwise.
 */
static void envelope_go_on(struct session *session)
{
	if (session->phase != SESSION_ENVELOPE)
		return;
	while (session->delivery != NULL && send_next(session))
		;
	if (session->flight.count == 0) {
		session_set_phase(session, SESSION_RESET);
		session_send(session, SMTP_RSET, FLIGHT_ALL, "RSET");
	}
}

void transaction_begin(struct session *session, struct delivery *delivery)
{
	if (refuse_early(session, delivery))
		return;
	if (delivery->events.begun != NULL)
		delivery->events.begun(delivery->ctx);
	if (delivery->ended)
		return;
	for (size_t i = 0; i < delivery->params.recipient_count; i++) {
		if (delivery->recipients[i] == RECIPIENT_TAKEN)
			delivery->recipients[i] = RECIPIENT_OPEN;
	}
	delivery->taken = 0;
	delivery->drawn = 0;
	delivery->attempts++;
	delivery->progress = false;
	delivery->session = session;
	session->delivery = delivery;
	session->next = 0;
	session_set_phase(session, SESSION_ENVELOPE);
	envelope_go_on(session);
}

enum verdict_stage transaction_stage(const struct session *session)
{
	const struct smtp_flight *head = smtp_queue_head(&session->flight);
	enum smtp_verb verb = session->answering == SMTP_VERB_COUNT && head != NULL ? head->verb : session->answering;

	switch (session->phase) {
	case SESSION_ENVELOPE:
		if (verb == SMTP_MAIL)
			return STAGE_MAIL;
		return verb == SMTP_RCPT ? STAGE_RCPT : STAGE_DATA;
	case SESSION_CONTENT:
		return STAGE_DATA;
	case SESSION_DOT:
		return STAGE_DOT;
	default:
		return STAGE_CONNECT;
	}
}

/*
 * A connection that has done its work before was ended for its own reasons;
 * one on which some recipients were refused, perhaps because of these
 * (Courier: two). The next will do better, if the source can start again.
 * All that are open may have come to their end at the same time (a relay that
 * takes so many mails a session), so that one more than there can be is fresh.
 */
static bool may_retry(const struct session *session, const struct delivery *delivery, enum session_fate fate)
{
	const struct delivery_source *source = &delivery->params.source;
	bool again = delivery->progress ||
	             (session->transactions > 0 && delivery->attempts <= session->relay->params.max_connections);

	return fate == FATE_LOST && again && (delivery->drawn == 0 || source->rewind(source->ctx));
}

void transaction_lost(struct session *session, enum session_fate fate, const struct verdict *verdict)
{
	struct delivery *delivery = session->delivery;

	session->delivery = NULL;
	delivery->session = NULL;
	if (verdict->stage != STAGE_DOT && may_retry(session, delivery, fate)) {
		if (delivery->progress)
			delivery->attempts = 0;
		relay_requeue(delivery);
	} else {
		delivery_tell_all(delivery, verdict);
	}
}

static void out_of_step(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	session_end(session, FATE_BROKEN, reply->code, "%s (a wrong reply to %s)", strbuf_str(&reply->text),
	            smtp_command(flight->verb)->name);
}

void smtp_mail_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	int class = reply->code / 100;
	struct verdict verdict =
		verdict_from(session, class == 5 ? VERDICT_REFUSED : VERDICT_DEFERRED, STAGE_MAIL, reply);

	if (class == 3)
		out_of_step(session, flight, reply);
	else if (reply->code == 452 && session->transactions > 0) /* OpenSMTPD after its 100 mails */
		session_end(session, FATE_LOST, reply->code, "%s", strbuf_str(&reply->text));
	else if (class != 2)
		delivery_tell_all(session->delivery, &verdict);
	envelope_go_on(session);
}

/* RFC 5321 4.5.3.1.10: 552 is what 452 should have been. */
static enum verdict_kind judge_recipient(const struct delivery *delivery, int code)
{
	if (code == 452 || code == 552)
		return delivery->taken > 0 ? VERDICT_TOO_MANY : VERDICT_DEFERRED;
	return code / 100 == 5 ? VERDICT_REFUSED : VERDICT_DEFERRED;
}

void smtp_rcpt_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	struct delivery *delivery = session->delivery;
	struct verdict verdict;

	if (reply->code / 100 == 3) {
		out_of_step(session, flight, reply);
	} else if (delivery != NULL && reply->code / 100 == 2) {
		delivery->recipients[flight->recipient] = RECIPIENT_TAKEN;
		delivery->taken++;
	} else if (delivery != NULL) {
		verdict = verdict_from(session, judge_recipient(delivery, reply->code), STAGE_RCPT, reply);
		delivery->progress = true;
		delivery_tell(delivery, flight->recipient, &verdict);
	}
	envelope_go_on(session);
}

/* 354 with nobody accepted: an empty message would go to nobody knows whom, so the connection ends. */
void smtp_data_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	int class = reply->code / 100;
	struct verdict verdict =
		verdict_from(session, class == 5 ? VERDICT_REFUSED : VERDICT_DEFERRED, STAGE_DATA, reply);

	if (reply->code == 354 && session->delivery != NULL)
		content_begin(session);
	else if (reply->code == 354)
		session_end(session, FATE_DONE, 354, "it wants a message for no recipient");
	else if (class == 2 || class == 3)
		out_of_step(session, flight, reply);
	else if (session->delivery != NULL)
		delivery_tell_all(session->delivery, &verdict);
	envelope_go_on(session);
}

static enum verdict_kind judge_message(int code)
{
	if (code == 421)
		return VERDICT_UNDECIDED;
	if (code / 100 == 2)
		return VERDICT_ACCEPTED;
	return code / 100 == 5 ? VERDICT_REFUSED : VERDICT_DEFERRED;
}

void smtp_dot_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	struct verdict verdict = verdict_from(session, judge_message(reply->code), STAGE_DOT, reply);

	/* What comes while the dot still waits in our own queue is no answer to it. */
	if (reply->code / 100 == 3 || evbuffer_get_length(stream_output(session->stream)) > 0) {
		out_of_step(session, flight, reply);
		return;
	}
	if (flight->recipient == FLIGHT_ALL)
		delivery_tell_all(session->delivery, &verdict);
	else
		delivery_tell(session->delivery, flight->recipient, &verdict);
	if (session->phase == SESSION_CLOSED)
		return;
	if (reply->code == 421)
		session_end(session, FATE_LOST, 421, "%s", strbuf_str(&reply->text));
	else if (session->flight.count == 0)
		transaction_done(session);
}

void smtp_rset_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply)
{
	(void)flight;
	if (reply->code / 100 == 2)
		transaction_done(session);
	else
		session_end(session, FATE_DONE, reply->code, "RSET: %s", strbuf_str(&reply->text));
}
