/* SPDX-License-Identifier: ISC
 *
 * The pool: which delivery runs on which connection, when another connection
 * is opened, and whether the relay can be reached at all.
 */
#include "session.h"

#include <stdlib.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

#define BACKOFF_DOUBLINGS_MAX 20u

void relay_enter(struct relay *relay)
{
	relay->depth++;
}

static void sweep_sessions(struct relay *relay)
{
	struct session *session, *next;

	for (session = TAILQ_FIRST(&relay->sessions); session != NULL; session = next) {
		next = TAILQ_NEXT(session, link);
		if (session->phase == SESSION_CLOSED) {
			TAILQ_REMOVE(&relay->sessions, session, link);
			session_free(&session);
		}
	}
}

static void sweep_checks(struct relay *relay)
{
	struct relay_check *check, *next;

	for (check = TAILQ_FIRST(&relay->checks); check != NULL; check = next) {
		next = TAILQ_NEXT(check, link);
		if (check->cancelled) {
			TAILQ_REMOVE(&relay->checks, check, link);
			free(check);
		}
	}
}

static void sweep(struct relay *relay)
{
	struct delivery *delivery;

	sweep_sessions(relay);
	sweep_checks(relay);
	while ((delivery = TAILQ_FIRST(&relay->ended)) != NULL) {
		TAILQ_REMOVE(&relay->ended, delivery, link);
		delivery_free(&delivery);
	}
	if (relay->freed) {
		timer_free(&relay->work);
		free(relay->error);
		free(relay);
	}
}

struct census {
	unsigned opening, established;
};

static struct census take_census(const struct relay *relay)
{
	const struct session *session;
	struct census census = { 0 };

	TAILQ_FOREACH(session, &relay->sessions, link)
	{
		if (session_established(session))
			census.established++;
		else if (session->phase < SESSION_IDLE)
			census.opening++;
	}
	return census;
}

static bool pausing(const struct relay *relay)
{
	return clock_mono_ms() < relay->retry_at_ms;
}

/* Nothing is to be hoped for before the pause is over. */
static bool out_of_reach(const struct relay *relay)
{
	struct census census = take_census(relay);

	return relay->state == RELAY_DOWN && census.established == 0 && census.opening == 0 && pausing(relay);
}

static struct session *find_idle(const struct relay *relay)
{
	struct session *session;

	TAILQ_FOREACH(session, &relay->sessions, link)
	{
		if (session->phase == SESSION_IDLE)
			return session;
	}
	return NULL;
}

static void run_queue(struct relay *relay)
{
	struct delivery *delivery;
	struct session *session;

	while ((delivery = TAILQ_FIRST(&relay->queue)) != NULL && (session = find_idle(relay)) != NULL) {
		TAILQ_REMOVE(&relay->queue, delivery, link);
		delivery->queued = false;
		transaction_begin(session, delivery);
	}
}

/* Only those that wait now: what the callbacks start has its own turn. */
static void fail_queue(struct relay *relay)
{
	struct verdict verdict = { .kind = VERDICT_UNDECIDED, .stage = STAGE_CONNECT, .reply = span_of(relay->error) };
	struct delivery *delivery, *last = TAILQ_LAST(&relay->queue, delivery_list);
	bool more = last != NULL;

	while (more && (delivery = TAILQ_FIRST(&relay->queue)) != NULL) {
		more = delivery != last;
		delivery_tell_all(delivery, &verdict);
	}
}

static void answer(struct relay_check *check, bool up)
{
	check->waiting = false;
	check->checked(check->ctx, up, up ? NULL : relay_last_error(check->relay));
}

/* A check that a callback adds stands at the end and may be answered in the same walk. */
static void answer_checks(struct relay *relay)
{
	struct relay_check *check;
	bool up;

	TAILQ_FOREACH(check, &relay->checks, link)
	{
		up = take_census(relay).established > 0;
		if (check->waiting && !check->cancelled && !relay->freed && (up || out_of_reach(relay)))
			answer(check, up);
	}
}

static unsigned count_wanted(const struct relay *relay)
{
	const struct delivery *delivery;
	const struct relay_check *check;
	unsigned wanted = 0;

	TAILQ_FOREACH(delivery, &relay->queue, link)
	wanted++;
	TAILQ_FOREACH(check, &relay->checks, link)
	{
		if (check->waiting && !check->cancelled)
			return wanted > 0 ? wanted : 1;
	}
	return wanted;
}

/* One at a time until the relay has shown that it works; a refused further one is not asked for again in the pause. */
static void open_sessions(struct relay *relay)
{
	struct census census = take_census(relay);
	unsigned wanted = count_wanted(relay);
	unsigned at_once = relay->state == RELAY_UP ? relay->params.max_connections : 1;

	if (pausing(relay) && (relay->state == RELAY_DOWN || census.established > 0))
		return;
	while (census.opening < wanted && census.opening < at_once &&
	       census.opening + census.established < relay->params.max_connections) {
		if (census.opening + census.established == 0)
			sasl_poll_begin(&relay->sasl);
		session_new(relay, 0);
		census.opening++;
	}
}

static void go_on(struct relay *relay)
{
	answer_checks(relay);
	if (!relay->freed)
		run_queue(relay);
	if (!relay->freed && out_of_reach(relay))
		fail_queue(relay);
	if (!relay->freed)
		open_sessions(relay);
}

void relay_leave(struct relay *relay)
{
	if (relay->depth == 1 && !relay->freed)
		go_on(relay);
	if (--relay->depth == 0)
		sweep(relay);
}

static void on_work(void *ctx)
{
	relay_enter(ctx);
	relay_leave(ctx);
}

void relay_work(struct relay *relay)
{
	if (!relay->freed)
		timer_arm(relay->work, 0);
}

static void log_state(const struct relay *relay, enum log_level level)
{
	struct log_line line;

	log_line_begin(&line, level);
	log_line_str(&line, "relay", relay->params.name);
	log_line_str(&line, "state", relay->state == RELAY_UP ? "up" : "down");
	if (relay->state == RELAY_DOWN) {
		log_line_str(&line, "error", relay->error);
		log_line_num(&line, "retry_in", (relay_retry_ms(relay) + 999) / 1000);
	}
	log_line_end(&line);
}

void relay_session_up(struct session *session)
{
	struct relay *relay = session->relay;
	bool was_down = relay->state == RELAY_DOWN;

	relay->state = RELAY_UP;
	relay->failures = 0;
	relay->retry_at_ms = 0;
	free(relay->error);
	relay->error = NULL;
	if (was_down)
		log_state(relay, LOG_AT_NOTICE);
	session_idle(session);
}

/* Doubles from retry_min to retry_max, less up to a tenth, so that many relays do not come back in step. */
static int64_t backoff_ms(const struct relay *relay, enum session_fate fate)
{
	int64_t pause_ms = relay->params.retry_min_ms;

	for (unsigned i = 1; i < relay->failures && i < BACKOFF_DOUBLINGS_MAX && pause_ms < relay->params.retry_max_ms;
	     i++)
		pause_ms *= 2;
	if (fate == FATE_LOGIN || pause_ms > relay->params.retry_max_ms)
		pause_ms = relay->params.retry_max_ms;
	return pause_ms - (pause_ms >= 10 ? arc4random_uniform((uint32_t)(pause_ms / 10)) : 0);
}

/* While others work, only the next attempt waits: many relays limit connections. */
static void attempt_failed(struct relay *relay, enum session_fate fate, const char *text)
{
	bool was_down = relay->state == RELAY_DOWN;

	relay->failures++;
	relay->retry_at_ms = clock_mono_ms() + backoff_ms(relay, fate);
	if (take_census(relay).established > 0) {
		log_info("relay=%s: no further connection: %s", relay->params.name, text);
		return;
	}
	free(relay->error);
	relay->error = mem_strdup(text);
	relay->state = RELAY_DOWN;
	log_state(relay, was_down ? LOG_AT_INFO : LOG_AT_WARNING);
}

static void add_trouble(struct session *session, const char *text)
{
	if (session->trouble.len > 0)
		strbuf_add_str(&session->trouble, "; ");
	strbuf_add_str(&session->trouble, text);
}

/* The next mechanism on the same endpoint, where the server hung up on the last; else the next endpoint. */
void relay_session_failed(struct session *session, enum session_fate fate, const char *text)
{
	struct relay *relay = session->relay;
	bool same = fate == FATE_LOST && session->auth_refused.len > 0 && session_login_has_next(session);
	size_t endpoint = session->endpoint + (same ? 0 : 1);
	struct session *next;

	if (relay->freed)
		return;
	if (!same)
		add_trouble(session, text);
	if (endpoint == relay->params.endpoint_count) {
		attempt_failed(relay, fate, strbuf_str(&session->trouble));
		return;
	}
	next = session_new(relay, endpoint);
	strbuf_add_span(&next->trouble, strbuf_span(&session->trouble));
}

/* Idle connections that have waited as long as the failed one are likely to be as dead. */
void relay_requeue(struct delivery *delivery)
{
	struct relay *relay = delivery->relay;
	struct session *session;

	TAILQ_FOREACH(session, &relay->sessions, link)
	{
		if (session->phase == SESSION_IDLE)
			session_quit(session);
	}
	delivery->queued = true;
	TAILQ_INSERT_HEAD(&relay->queue, delivery, link);
}

struct relay *relay_new(struct loop *loop, const struct relay_params *params)
{
	struct relay *relay = mem_alloc(sizeof(*relay));

	relay->loop = loop;
	relay->params = *params;
	relay->work = timer_new(loop, on_work, relay);
	TAILQ_INIT(&relay->sessions);
	TAILQ_INIT(&relay->queue);
	TAILQ_INIT(&relay->ended);
	TAILQ_INIT(&relay->checks);
	return relay;
}

void relay_free(struct relay **relay)
{
	struct relay *dead = *relay;
	struct relay_check *check;
	struct session *session;

	*relay = NULL;
	if (dead == NULL)
		return;
	dead->freed = true;
	while (!TAILQ_EMPTY(&dead->queue))
		delivery_retire(TAILQ_FIRST(&dead->queue));
	TAILQ_FOREACH(session, &dead->sessions, link)
	{
		if (session->delivery != NULL)
			delivery_retire(session->delivery);
		session_end(session, FATE_DONE, 0, "the relay is no longer used");
	}
	TAILQ_FOREACH(check, &dead->checks, link)
	check->cancelled = true;
	if (dead->depth == 0)
		sweep(dead);
}

void relay_quit(struct relay *relay)
{
	struct session *session;

	TAILQ_FOREACH(session, &relay->sessions, link)
	{
		if (session->phase == SESSION_IDLE)
			session_quit(session);
	}
}

enum relay_state relay_state(const struct relay *relay)
{
	return relay->state;
}

unsigned relay_connections(const struct relay *relay)
{
	return take_census(relay).established;
}

const char *relay_last_error(const struct relay *relay)
{
	return relay->error;
}

int64_t relay_retry_ms(const struct relay *relay)
{
	int64_t wait_ms = relay->retry_at_ms - clock_mono_ms();

	return wait_ms > 0 ? wait_ms : 0;
}

struct relay_check *relay_check(struct relay *relay, void (*checked)(void *ctx, bool up, const char *text), void *ctx)
{
	struct relay_check *check = mem_alloc(sizeof(*check));

	check->relay = relay;
	check->checked = checked;
	check->ctx = ctx;
	check->waiting = true;
	TAILQ_INSERT_TAIL(&relay->checks, check, link);
	relay_work(relay);
	return check;
}

void relay_check_cancel(struct relay_check **check)
{
	struct relay_check *cancelled = *check;

	*check = NULL;
	if (cancelled == NULL)
		return;
	cancelled->cancelled = true;
	relay_work(cancelled->relay);
}
