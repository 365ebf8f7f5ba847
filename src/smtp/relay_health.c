/* SPDX-License-Identifier: ISC
 *
 * Whether the relay can be reached: up, down, the pauses in between, and those
 * who ask before they retrieve mail.
 */
#include "session.h"

#include <stdlib.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

#define BACKOFF_DOUBLINGS_MAX 20u

struct relay_census relay_census(const struct relay *relay)
{
	const struct session *session;
	struct relay_census census = { 0 };

	for (session = TAILQ_FIRST(&relay->sessions); session != NULL; session = TAILQ_NEXT(session, link)) {
		if (session_established(session))
			census.established++;
		else if (session->phase < SESSION_IDLE)
			census.opening++;
	}
	return census;
}

bool relay_pausing(const struct relay *relay)
{
	return clock_mono_ms() < relay->retry_at_ms;
}

bool relay_out_of_reach(const struct relay *relay)
{
	struct relay_census census = relay_census(relay);

	return relay->state == RELAY_DOWN && census.established == 0 && census.opening == 0 && relay_pausing(relay);
}

enum relay_state relay_state(const struct relay *relay)
{
	return relay->state;
}

unsigned relay_connections(const struct relay *relay)
{
	return relay_census(relay).established;
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

/* Connections that fail side by side are one failure. */
static void begin_pause(struct relay *relay, enum session_fate fate)
{
	if (!relay_pausing(relay))
		relay->failures++;
	relay->retry_at_ms = clock_mono_ms() + backoff_ms(relay, fate);
}

static void go_down(struct relay *relay, enum session_fate fate, const char *text)
{
	bool was_down = relay->state == RELAY_DOWN;

	/* What came before was about further connections only. */
	if (!was_down) {
		relay->failures = 0;
		relay->retry_at_ms = 0;
	}
	begin_pause(relay, fate);
	free(relay->error);
	relay->error = mem_strdup(text);
	relay->state = RELAY_DOWN;
	log_state(relay, was_down ? LOG_AT_INFO : LOG_AT_WARNING);
}

/* While others work, only the next attempt waits: many relays limit connections. */
static void attempt_failed(struct relay *relay, enum session_fate fate, const char *text)
{
	if (relay_census(relay).established == 0) {
		go_down(relay, fate, text);
		return;
	}
	begin_pause(relay, fate);
	log_info("relay=%s: no further connection: %s", relay->params.name, text);
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

void relay_answer_checks(struct relay *relay)
{
	bool up = relay_census(relay).established > 0;
	struct relay_check *check;
	size_t count = 0;

	if (!up && !relay_out_of_reach(relay))
		return;
	for (check = TAILQ_FIRST(&relay->checks); check != NULL; check = TAILQ_NEXT(check, link))
		count++;
	for (; count > 0 && (check = TAILQ_FIRST(&relay->checks)) != NULL; count--) {
		TAILQ_REMOVE(&relay->checks, check, link);
		check->waiting = false;
		/* The check may be gone after this. */
		check->checked(check->ctx, up, up ? NULL : relay->error);
	}
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
	if (cancelled->waiting)
		TAILQ_REMOVE(&cancelled->relay->checks, cancelled, link);
	free(cancelled);
}
