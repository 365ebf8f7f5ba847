/* SPDX-License-Identifier: ISC
 *
 * What a session does once it is logged in: the listing, messages, DELE, QUIT.
 */
#include "session.h"

#include <stdlib.h>

static bool accepts(const struct pop3_session *session)
{
	return pop3_alive(session) && session->phase >= POP3_PHASE_LISTING;
}

static void ask(struct pop3_session *session, enum pop3_command_id id, uint32_t number)
{
	if (!accepts(session))
		return;
	pop3_push(session, id, number);
	if (session->depth == 0)
		pop3_wake(session);
}

/* Perdition shows the true server's capabilities only after the login; what the listing says counts more than either.
 */
void pop3_facts_update(struct pop3_session *session)
{
	const struct pop3_login *login = &session->login;

	session->facts.has_uidl = login->capa.uidl || !login->capa_known;
	session->facts.has_top = login->capa.top || !login->capa_known;
	session->facts.login_delay_s = login->capa.login_delay_s;
	session->facts.expire_zero = login->capa.expire_zero;
}

/* ---- the listing ---- */

void pop3_list(struct pop3_session *session)
{
	if (!accepts(session) || session->lister != NULL)
		return;
	session->lister = pop3_lister_new();
	pop3_set_phase(session, POP3_PHASE_LISTING);
	if (session->login.capa_known && !session->login.capa_complete)
		ask(session, POP3_CAPA, 0);
	session->login.capa_complete = true;
	ask(session, POP3_UIDL, 0);
	ask(session, POP3_LIST, 0);
}

static void finish_listing(struct pop3_session *session)
{
	struct pop3_lister *lister = session->lister;
	struct pop3_listing listing;

	session->lister = NULL;
	pop3_lister_finish(lister, session->has_uids, &listing);
	if (session->phase == POP3_PHASE_LISTING)
		pop3_set_phase(session, POP3_PHASE_TRANSFER);
	session->events.listed(session->ctx, &listing);
	pop3_lister_free(&lister);
}

static enum pop3_step listing_refused(struct pop3_session *session, const char *what, const struct pop3_reply *reply)
{
	return pop3_fail(session, pop3_trouble_of(reply->code, POP3_TROUBLE_TEMPORARY),
	                 "%s: the server refuses %s: %.*s", stream_peer(session->stream), what, (int)reply->text.len,
	                 reply->text.data);
}

static enum pop3_step listing_endless(struct pop3_session *session)
{
	return pop3_fail(session, POP3_TROUBLE_PROTOCOL, "%s: the listing does not end", stream_peer(session->stream));
}

/*
 * A server without UIDL is one thing; one that announces it and does not give
 * it today would make all that is kept look new.
 */
enum pop3_step pop3_on_uidl(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	bool for_now = reply->code != POP3_CODE_NONE && reply->code != POP3_CODE_OTHER;

	(void)command;
	session->has_uids = session->facts.has_uidl = reply->status == POP3_OK;
	if (session->has_uids)
		return POP3_GO_ON;
	if (for_now || session->login.capa.uidl)
		return listing_refused(session, "UIDL", reply);
	return POP3_GO_ON;
}

enum pop3_step pop3_on_uidl_line(struct pop3_session *session, const struct pop3_command *command, struct span line)
{
	(void)command;
	return pop3_lister_add_uid(session->lister, line) == 0 ? POP3_WAIT : listing_endless(session);
}

enum pop3_step pop3_on_uidl_end(struct pop3_session *session, const struct pop3_command *command)
{
	(void)session;
	(void)command;
	return POP3_GO_ON;
}

/* LIST always works: where it is refused in the flight that was to prove pipelining, that is the reason. */
enum pop3_step pop3_on_list(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	if (reply->status == POP3_OK)
		return POP3_GO_ON;
	pop3_flight_failed(session);
	if (!session->has_uids)
		return listing_refused(session, "LIST", reply);
	finish_listing(session);
	return POP3_GO_ON;
}

enum pop3_step pop3_on_list_line(struct pop3_session *session, const struct pop3_command *command, struct span line)
{
	(void)command;
	return pop3_lister_add_size(session->lister, line) == 0 ? POP3_WAIT : listing_endless(session);
}

enum pop3_step pop3_on_list_end(struct pop3_session *session, const struct pop3_command *command)
{
	(void)command;
	finish_listing(session);
	return POP3_GO_ON;
}

/* ---- messages ---- */

void pop3_retr(struct pop3_session *session, uint32_t number)
{
	ask(session, POP3_RETR, number);
}

void pop3_top(struct pop3_session *session, uint32_t number)
{
	ask(session, POP3_TOP, number);
}

void pop3_env(struct pop3_session *session, uint32_t number)
{
	ask(session, POP3_ENV, number);
}

/* What a refusal of one message means for the others, the connection shows. */
enum pop3_step pop3_on_message(struct pop3_session *session, const struct pop3_command *command,
                               const struct pop3_reply *reply)
{
	char *text;

	if (reply->status == POP3_OK) {
		session->canon = (struct canon){ 0 };
		session->body_bytes = 0;
		session->events.message_begun(session->ctx, command->number);
		return POP3_GO_ON;
	}
	text = span_dup(reply->text);
	session->events.message_ended(session->ctx, command->number, POP3_MESSAGE_REFUSED, 0, text);
	free(text);
	return POP3_GO_ON;
}

struct body {
	struct pop3_session *session;
	uint32_t number;
};

static void give_bytes(void *ctx, const char *data, size_t len)
{
	const struct body *body = ctx;

	if (pop3_alive(body->session))
		body->session->events.message_bytes(body->session->ctx, body->number, data, len);
}

bool pop3_on_body(struct pop3_session *session, const struct pop3_command *command, struct span data, size_t *used)
{
	struct body body = { session, command->number };
	bool ended = false;

	*used = canon_decode(&session->canon, data.data, data.len, give_bytes, &body, &ended);
	session->body_bytes += *used;
	return ended;
}

enum pop3_step pop3_on_message_end(struct pop3_session *session, const struct pop3_command *command)
{
	if (pop3_alive(session))
		session->events.message_ended(session->ctx, command->number, POP3_MESSAGE_COMPLETE, session->body_bytes,
		                              "");
	return POP3_GO_ON;
}

/* ---- DELE, QUIT ---- */

void pop3_dele(struct pop3_session *session, uint32_t number)
{
	ask(session, POP3_DELE, number);
}

enum pop3_step pop3_on_dele(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	char *text = span_dup(reply->text);

	session->events.deleted(session->ctx, command->number, reply->status == POP3_OK, text);
	free(text);
	return POP3_GO_ON;
}

void pop3_quit(struct pop3_session *session)
{
	ask(session, POP3_QUIT, 0);
}

void pop3_write_quit(struct pop3_session *session, const struct pop3_command *command)
{
	(void)command;
	pop3_write(session, "QUIT");
	pop3_set_phase(session, POP3_PHASE_CLOSING);
}

enum pop3_step pop3_on_quit(struct pop3_session *session, const struct pop3_command *command,
                            const struct pop3_reply *reply)
{
	(void)command;
	session->quit_confirmed = reply->status == POP3_OK;
	if (session->quit_confirmed)
		return pop3_fail(session, POP3_TROUBLE_NONE, "%.*s", (int)reply->text.len, reply->text.data);
	return pop3_fail(session, pop3_trouble_of(reply->code, POP3_TROUBLE_TEMPORARY),
	                 "%s: the server did not end the session well, what was deleted may still be there: %.*s",
	                 stream_peer(session->stream), (int)reply->text.len, reply->text.data);
}
