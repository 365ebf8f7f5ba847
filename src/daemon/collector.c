/* SPDX-License-Identifier: ISC
 *
 * One poll of one account, from login to QUIT.
 */
#include "collector_private.h"

#include <stdlib.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

static void enter(struct collector *collector, enum collector_phase phase)
{
	static const char *const names[] = {
		[COLLECTOR_LOGIN] = "login",     [COLLECTOR_LISTING] = "listing",   [COLLECTOR_COMPARING] = "comparing",
		[COLLECTOR_WORKING] = "working", [COLLECTOR_QUITTING] = "quitting", [COLLECTOR_CLOSED] = "closed",
	};

	collector->phase = phase;
	log_debug("account=%s: %s", collector->params.account->config->name, names[phase]);
}

void collector_trouble(struct collector *collector, enum poll_outcome outcome, const char *text)
{
	if (collector->result.outcome != POLL_OK)
		return;
	collector->result.outcome = outcome;
	free(collector->text);
	collector->text = mem_strdup(text);
	collector->result.text = collector->text;
}

void collector_go_on(struct collector *collector)
{
	timer_arm(collector->turn, 0);
}

static void quit(struct collector *collector)
{
	enter(collector, COLLECTOR_QUITTING);
	/* EXPIRE 0: with QUIT the server deletes whatever was retrieved (RFC 2449 6.7). */
	if (collector->expire_zero && collector->leaves_something) {
		pop3_free(&collector->session);
		enter(collector, COLLECTOR_CLOSED);
		collector_go_on(collector);
		return;
	}
	pop3_quit(collector->session);
}

static void relay_checked(void *ctx, bool up, const char *text)
{
	struct collector *collector = ctx;

	relay_check_cancel(&collector->relay_check);
	collector->fetch_allowed = up;
	if (!up) {
		collector_trouble(collector, POLL_RELAY_TROUBLE, text);
		collector->result.owed = true;
	}
	collector_go_on(collector);
}

/* Only when there is mail for it: what is settled is deleted without. */
static void ask_relay(struct collector *collector)
{
	if (collector->relay_asked || collector->stopping || collector->fetch.count == 0)
		return;
	collector->relay_asked = true;
	collector->relay_check = relay_check(collector->params.account->relay->relay, relay_checked, collector);
}

static void turn(void *ctx)
{
	struct collector *collector = ctx;

	if (collector->phase == COLLECTOR_WORKING) {
		ask_relay(collector);
		collector_pump(collector);
		if (collector_is_idle(collector))
			quit(collector);
	} else if (collector->phase == COLLECTOR_CLOSED && collector->message_count == 0) {
		collector->params.done(collector->params.ctx, &collector->result);
	}
}

/* --- the session --- */

static void ready(void *ctx, const struct pop3_facts *facts)
{
	struct collector *collector = ctx;

	collector->facts = facts;
	collector->result.reached = true;
	log_info("account=%s: logged in with %s%s%s", collector->params.account->config->name, facts->auth,
	         facts->tls_version != NULL ? " over " : ", not encrypted",
	         facts->tls_version != NULL ? facts->tls_version : "");
	enter(collector, COLLECTOR_LISTING);
	pop3_list(collector->session);
}

static void compared(void *ctx, struct ledger_listing *listing)
{
	struct collector *collector = ctx;

	collector->listing = listing;
	collector->env.mailbox = listing->mailbox;
	/* The session may have ended while the ledger worked. */
	if (collector->phase != COLLECTOR_COMPARING)
		return;
	collector_plan(collector);
	enter(collector, COLLECTOR_WORKING);
	collector_go_on(collector);
}

static void listed(void *ctx, const struct pop3_listing *from)
{
	struct collector *collector = ctx;
	const struct config_account *account = collector->params.account->config;
	struct ledger_mailbox mailbox = { .account = account->name,
		                          .server = account->server_text,
		                          .user = account->user };
	struct ledger_listing *listing;

	/* A proxy shows only after the login what the true server can do. */
	collector->has_top = collector->facts->has_top;
	collector->expire_zero = collector->facts->expire_zero;
	collector->result.login_delay_s = collector->facts->login_delay_s;
	collector->result.listed = from->count;
	if (from->broken > 0)
		log_warning("account=%s: %zu lines of the listing make no sense and are ignored", account->name,
		            from->broken);
	if (from->truncated)
		log_warning("account=%s: the listing is too long; the first %zu messages are looked at", account->name,
		            from->count);
	if (!from->has_uids && from->count > 0) {
		collector_trouble(collector, POLL_HOPELESS,
		                  "the server has no UIDL, and mailboxes without it are not supported yet");
		quit(collector);
		return;
	}
	listing = ledger_listing_new();
	for (size_t i = 0; i < from->count; i++)
		ledger_listing_add(listing, from->entries[i].number, from->entries[i].uid, from->entries[i].size);
	listing->complete = !from->truncated && from->broken == 0;
	enter(collector, COLLECTOR_COMPARING);
	ledger_compare(collector->params.ledger, &mailbox, listing, compared, collector);
}

static enum poll_outcome outcome_of(const struct pop3_end *end)
{
	switch (end->trouble) {
	case POP3_TROUBLE_NONE:
		return POLL_OK;
	case POP3_TROUBLE_CONNECT:
		return POLL_HOST_TROUBLE;
	case POP3_TROUBLE_BUSY:
		return POLL_HOST_BUSY;
	case POP3_TROUBLE_AUTH:
	case POP3_TROUBLE_PERMANENT:
		return POLL_HOPELESS;
	case POP3_TROUBLE_TLS:
	case POP3_TROUBLE_SECRET:
	case POP3_TROUBLE_TEMPORARY:
	case POP3_TROUBLE_IN_USE:
	case POP3_TROUBLE_LOGIN_DELAY:
	case POP3_TROUBLE_PROTOCOL:
	case POP3_TROUBLE_LOST:
		break;
	}
	return POLL_ACCOUNT_TROUBLE;
}

static void closed(void *ctx, const struct pop3_end *end)
{
	struct collector *collector = ctx;
	bool comparing = collector->phase == COLLECTOR_COMPARING;

	collector->result.reached = collector->result.reached || end->reached;
	if (end->quit_confirmed && collector->deleted_count > 0) {
		ledger_deleted(collector->params.ledger, collector->deleted, collector->deleted_count, clock_wall_s());
		collector->result.deleted = collector->deleted_count;
	}
	if (end->trouble != POP3_TROUBLE_NONE)
		collector_trouble(collector, outcome_of(end), end->text);
	pop3_free(&collector->session);
	relay_check_cancel(&collector->relay_check);
	budget_unwait(&collector->waiter);
	enter(collector, COLLECTOR_CLOSED);
	collector_end_again(collector);
	if (comparing)
		ledger_forget_callbacks(collector->params.ledger, collector);
	collector_go_on(collector);
}

/* --- life --- */

struct collector *collector_start(const struct collector_params *params)
{
	static const struct pop3_events events = {
		.ready = ready,
		.listed = listed,
		.message_begun = collector_message_begun,
		.message_bytes = collector_message_bytes,
		.message_ended = collector_message_ended,
		.deleted = collector_deleted,
		.closed = closed,
	};
	struct collector *collector = mem_alloc(sizeof(*collector));

	collector->params = *params;
	setup_ref(params->setup);
	collector->result = (struct poll_result){ .text = "", .due_s = INT64_MAX };
	collector->turn = timer_new(params->loop, turn, collector);
	collector_transfer_init(collector);
	collector->pop3 = params->account->pop3;
	collector->pop3.memory = params->memory;
	collector->session = pop3_open(params->loop, &collector->pop3, &events, collector);
	return collector;
}

void collector_stop(struct collector *collector)
{
	if (collector->stopping)
		return;
	collector->stopping = true;
	collector_trouble(collector, POLL_STOPPED, "stopped");
	relay_check_cancel(&collector->relay_check);
	budget_unwait(&collector->waiter);
	ledger_forget_callbacks(collector->params.ledger, collector);
	/* With message bytes in the line QUIT would have to wait for them. */
	if (collector->session != NULL && (collector->phase < COLLECTOR_WORKING || !TAILQ_EMPTY(&collector->requests)))
		pop3_free(&collector->session);
	if (collector->session == NULL)
		enter(collector, COLLECTOR_CLOSED);
	collector_abandon(collector, true);
	collector_go_on(collector);
}

void collector_free(struct collector **pointer)
{
	struct collector *collector = *pointer;

	if (collector == NULL)
		return;
	*pointer = NULL;
	pop3_free(&collector->session);
	relay_check_cancel(&collector->relay_check);
	ledger_forget_callbacks(collector->params.ledger, collector);
	collector_transfer_deinit(collector);
	ledger_listing_free(&collector->listing);
	timer_free(&collector->turn);
	setup_unref(&collector->params.setup);
	free(collector->text);
	free(collector);
}
