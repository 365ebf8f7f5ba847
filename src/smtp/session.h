/* SPDX-License-Identifier: ISC
 *
 * Inside the SMTP and LMTP client: the relay with its queue, its connections
 * (sessions), and the deliveries that run on them.
 *
 * Callbacks to the owner may cancel any delivery and free the relay. So nothing
 * is freed while the loop is inside this module: what ended is marked, and
 * swept when the outermost relay_leave is reached. After each step that may
 * have called out, the phase of the session says whether it is still there.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <sys/queue.h>

#include "multidropd/canon.h"
#include "multidropd/lines.h"
#include "multidropd/relay.h"
#include "multidropd/sasl.h"
#include "multidropd/stream.h"
#include "reply.h"

#define RELAY_CONNECT_TIMEOUT_MS 30000
#define RELAY_QUIT_TIMEOUT_MS 10000
#define CONTENT_LOOK_MS 1000     /* how often an idle source's output is looked at */
#define SMTP_FLIGHT_MAX 128u     /* MAIL, RELAY_RECIPIENTS_MAX RCPT and DATA */
#define SMTP_AUTH_STEPS_MAX 16u
#define SMTP_AUTH_LINE_MAX 512u /* RFC 4954 4: a longer initial response waits for its challenge */

enum smtp_verb {
	SMTP_GREETING, /* nothing is sent, a reply is awaited */
	SMTP_EHLO,
	SMTP_HELO,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_DOT,
	SMTP_RSET,
	SMTP_QUIT,
	SMTP_VERB_COUNT,
};

#define FLIGHT_ALL SIZE_MAX /* the reply is about all recipients */

/* A command whose reply is awaited. */
struct smtp_flight {
	enum smtp_verb verb;
	size_t recipient; /* index, or FLIGHT_ALL */
};

struct smtp_queue {
	struct smtp_flight items[SMTP_FLIGHT_MAX];
	unsigned head, count;
};

enum session_phase {
	SESSION_CONNECTING,
	SESSION_HELLO, /* greeting and EHLO */
	SESSION_TLS,
	SESSION_LOGIN,
	SESSION_IDLE, /* from here on established */
	SESSION_ENVELOPE,
	SESSION_CONTENT,
	SESSION_DOT,
	SESSION_RESET,
	SESSION_QUITTING,
	SESSION_CLOSED,
};

/* Why a connection ends. */
enum session_fate {
	FATE_LOST,   /* closed, cut, timed out, 421: another connection may do better at once */
	FATE_BROKEN, /* no SMTP, or the message cannot be completed: no other connection is tried */
	FATE_LOGIN,  /* every login that may be tried was refused */
	FATE_DONE,   /* on purpose */
};

struct session {
	TAILQ_ENTRY(session) link;
	struct relay *relay;
	struct stream *stream;
	struct timer *timer; /* SESSION_IDLE: time to QUIT; SESSION_CONTENT: the source has more */
	enum session_phase phase;
	size_t endpoint;       /* index of the one that is tried */
	struct strbuf trouble; /* what went wrong with those before it */
	char *peer;            /* NULL until connected */

	struct line_reader reader;
	struct smtp_reply reply;
	struct smtp_queue flight;
	struct smtp_extensions extensions;
	bool encrypted;
	bool pipelining;

	struct sasl *sasl;
	enum sasl_mechanism mechanism;
	struct strbuf secret; /* while logging in */
	bool have_secret, fetching;
	struct strbuf initial; /* an initial response too long for the AUTH line */
	unsigned auth_steps;
	struct strbuf auth_refused; /* the last refusal of a mechanism on this connection */

	unsigned transactions;     /* that came to their end here */
	struct delivery *delivery; /* NULL in a transaction: all is decided, but replies are still due */
	size_t next;               /* what the envelope sends next: 0 MAIL, then the recipients, then DATA */
	struct stuff stuff;
	bool hungry;              /* in the content: the source had nothing, delivery_resume brings us back */
	bool resting;             /* in the content: nothing to send, nothing to wait for */
	enum smtp_verb answering; /* whose reply is being handled; SMTP_VERB_COUNT: none */
};

enum recipient_state { RECIPIENT_OPEN, RECIPIENT_TAKEN, RECIPIENT_TOLD };

struct delivery {
	TAILQ_ENTRY(delivery) link; /* of the queue, or of the swept */
	struct relay *relay;
	struct session *session; /* NULL: queued, or ended */
	struct delivery_params params;
	struct delivery_events events;
	void *ctx;
	uint8_t *recipients; /* enum recipient_state of each */
	size_t untold;
	size_t taken;      /* accepted by RCPT, in this attempt */
	unsigned attempts; /* without progress */
	bool progress;     /* something was decided in this attempt */
	uint64_t drawn;    /* bytes taken from the source */
	bool queued, ended;
};

struct relay_check {
	TAILQ_ENTRY(relay_check) link;
	struct relay *relay;
	void (*checked)(void *ctx, bool up, const char *text);
	void *ctx;
	bool waiting; /* in the relay's list: not answered yet */
};

TAILQ_HEAD(session_list, session);
TAILQ_HEAD(delivery_list, delivery);
TAILQ_HEAD(check_list, relay_check);

struct relay {
	struct loop *loop;
	struct relay_params params;
	struct timer *work; /* the queue or the checks want a look, from the loop */
	enum relay_state state;
	char *error;
	unsigned failures; /* attempts in a row that reached no working connection */
	int64_t retry_at_ms;
	struct sasl_memory sasl;
	struct session_list sessions;
	struct delivery_list queue, ended;
	struct check_list checks;
	unsigned depth; /* of relay_enter */
	bool freed;
};

/* relay.c */
void relay_enter(struct relay *relay);
void relay_leave(struct relay *relay); /* looks at the queue, sweeps; the relay may be gone */
void relay_requeue(struct delivery *delivery);
void relay_work(struct relay *relay); /* have a look when the loop is reached */

/* relay_health.c */
struct relay_census {
	unsigned opening, established; /* connections */
};

struct relay_census relay_census(const struct relay *relay);
bool relay_pausing(const struct relay *relay);
/* Nothing is to be hoped for before the pause is over. */
bool relay_out_of_reach(const struct relay *relay);
void relay_answer_checks(struct relay *relay);
void relay_session_up(struct session *session);
/* Before it was established: another mechanism, another endpoint, or the attempt has failed. */
void relay_session_failed(struct session *session, enum session_fate fate, const char *text);

/* smtp_command.c */
struct smtp_command {
	const char *name;
	const char *waiting_for; /* named when the reply does not come */
	bool behind_others;      /* may be sent while replies are due (RFC 2920 3.1) */
	bool last;               /* nothing may be sent behind it before its reply */
	void (*replied)(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
};

const struct smtp_command *smtp_command(enum smtp_verb verb);
void smtp_queue_push(struct smtp_queue *queue, enum smtp_verb verb, size_t recipient);
bool smtp_queue_pop(struct smtp_queue *queue, struct smtp_flight *flight);
const struct smtp_flight *smtp_queue_head(const struct smtp_queue *queue); /* NULL: nothing in flight */
bool smtp_queue_takes(const struct smtp_queue *queue, enum smtp_verb verb, bool pipelining);

/* smtp_session.c */
struct session *session_new(struct relay *relay, size_t endpoint);
void session_free(struct session **session);
bool session_established(const struct session *session);
void session_set_phase(struct session *session, enum session_phase phase);
void session_send(struct session *session, enum smtp_verb verb, size_t recipient, const char *line, ...)
	__attribute__((format(printf, 4, 5)));
/* As session_send, the log shows `shown` in the line's place. */
void session_send_masked(struct session *session, enum smtp_verb verb, struct span line, const char *shown);
void session_expect(struct session *session);
/* Ends the connection and tells the delivery on it and the relay. `code` is that of the reply that is the reason, or 0.
 */
void session_end(struct session *session, enum session_fate fate, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void session_idle(struct session *session);
void session_quit(struct session *session);
void smtp_quit_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);

/* smtp_hello.c: greeting, EHLO, STARTTLS */
void session_hello(struct session *session);
void smtp_greeting_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_ehlo_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_helo_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_starttls_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);

/* smtp_login.c */
void session_login(struct session *session);
bool session_login_has_next(const struct session *session); /* a mechanism that was not refused is left */
void session_login_wipe(struct session *session);
void smtp_auth_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);

/* smtp_transaction.c */
void transaction_begin(struct session *session, struct delivery *delivery);
/* The connection is gone: the delivery goes on elsewhere, or `verdict` is for whoever was not told. */
void transaction_lost(struct session *session, enum session_fate fate, const struct verdict *verdict);
enum verdict_stage transaction_stage(const struct session *session);
void smtp_mail_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_rcpt_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_data_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_dot_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);
void smtp_rset_replied(struct session *session, const struct smtp_flight *flight, const struct smtp_reply *reply);

/* smtp_content.c */
void content_begin(struct session *session);
void content_pump(struct session *session);

/* delivery.c */
void delivery_tell(struct delivery *delivery, size_t recipient, const struct verdict *verdict);
void delivery_tell_all(struct delivery *delivery, const struct verdict *verdict); /* whoever was not told */
/* From here on nobody calls out for it; its memory goes with the next sweep. */
void delivery_retire(struct delivery *delivery);
void delivery_free(struct delivery **delivery);

#endif
