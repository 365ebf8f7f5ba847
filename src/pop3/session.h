/* SPDX-License-Identifier: ISC
 *
 * The session's inside, shared by the files of this folder.
 *
 *   pop3_session.c   life: opening, phases, the stream's events, ends
 *   pop3_command.c   the table of commands: sending, and whom a reply belongs to
 *   pop3_queue.c     the queue of commands in flight and to be sent
 *   pop3_login.c     greeting, CAPA, STLS, UTF8: what comes before a login
 *   pop3_auth.c      the login itself, mechanism after mechanism
 *   pop3_transfer.c  UIDL, LIST, RETR, TOP, *ENV, DELE, QUIT
 *
 * Everything that comes from the loop stands between pop3_enter and
 * pop3_leave. Whatever ends or frees the session in between only marks it; the
 * outermost pop3_leave reports and frees. So no function here has to fear that
 * its session is gone, only that it is over: pop3_alive.
 */
#ifndef MULTIDROPD_POP3_SESSION_H
#define MULTIDROPD_POP3_SESSION_H

#include "lister.h"
#include "multidropd/canon.h"
#include "multidropd/lines.h"
#include "multidropd/pop3.h"
#include "reply.h"

enum pop3_phase {
	POP3_PHASE_CONNECT,
	POP3_PHASE_GREETING,
	POP3_PHASE_TLS,
	POP3_PHASE_LOGIN,
	POP3_PHASE_LISTING,
	POP3_PHASE_TRANSFER,
	POP3_PHASE_CLOSING,
	POP3_PHASE_ENDED,
	POP3_PHASE_COUNT,
};

enum pop3_command_id {
	POP3_GREETING, /* nothing is sent: the first reply belongs to it */
	POP3_CAPA,
	POP3_STLS,
	POP3_UTF8,
	POP3_APOP,
	POP3_USER,
	POP3_PASS,
	POP3_AUTH,
	POP3_UIDL,
	POP3_LIST,
	POP3_RETR,
	POP3_TOP,
	POP3_ENV,
	POP3_DELE,
	POP3_QUIT,
	POP3_COMMAND_COUNT,
};

struct pop3_command {
	enum pop3_command_id id;
	uint32_t number; /* of the message */
	uint32_t lines;  /* that came for it so far */
	bool multi_line; /* +OK came, what follows belongs to it up to the dot */
};

/* What a handler answers. */
enum pop3_step {
	POP3_GO_ON, /* the command is answered */
	POP3_WAIT,  /* more of its answer is to come */
	POP3_FAIL,  /* the session ends, as told to pop3_fail */
};

/* First the commands in flight, then those that wait to be sent: a ring. */
struct pop3_queue {
	struct pop3_command *ring;
	size_t capacity, first, count;
	size_t sent;
};

#define POP3_BINDING_MAX 64u /* channel binding data: 12 or 32 bytes */

struct pop3_login {
	struct pop3_capa capa;
	struct pop3_capa incoming; /* being read */
	bool capa_asked;           /* on this connection, and again after STLS */
	bool capa_known;           /* it was answered */
	bool capa_refused;         /* once in this session: not asked again, on another connection neither */
	bool capa_complete;        /* asked after the login too */
	bool utf8_asked;
	bool tls_started;
	char *banner; /* for APOP; NULL: none */
	enum sasl_mechanism mechanism;
	char *secret;
	size_t secret_len;
	bool secret_known, secret_pending;
	struct sasl *sasl;
	uint8_t binding[POP3_BINDING_MAX];
	struct strbuf response; /* what sasl_step gave last; wiped */
	bool initial_waits;     /* `response` is the initial one, to be sent at the first challenge */
	unsigned challenges;
	char *cancelled;   /* we sent "*", and why */
	char *refusal;     /* the server's last word on a login */
	bool refused_here; /* on this connection, and nothing was answered since */
};

struct pop3_session {
	struct loop *loop;
	struct pop3_params params;
	struct pop3_events events;
	void *ctx;
	struct stream *stream;
	struct line_reader reader;
	struct strbuf line;     /* the line being handled, taken off the input before */
	struct timer *deadline; /* of the phase */
	struct timer *work;     /* brings us into the loop for what the owner asked */
	enum pop3_phase phase;
	unsigned depth; /* of pop3_enter */
	bool freed, ended, reported, paused;
	bool connection_over; /* the stream is dead; while paused there may be input left */
	enum stream_close why;
	char *close_text;
	enum pop3_trouble trouble;
	char *text;
	bool quit_confirmed, reached;
	struct pop3_queue queue;
	uint64_t answered;  /* commands so far */
	uint64_t expecting; /* 0: no time limit runs; else it runs for the answer of this number */
	size_t flight;      /* commands of the flight that is to prove pipelining */
	bool flight_refused;
	struct pop3_login login;
	struct pop3_facts facts;
	struct pop3_lister *lister;
	bool has_uids;
	struct canon canon;
	uint64_t body_bytes;
};

/* ---- pop3_session.c ---- */

void pop3_enter(struct pop3_session *session);
void pop3_leave(struct pop3_session *session);
bool pop3_alive(const struct pop3_session *session); /* neither over nor freed */
void pop3_set_phase(struct pop3_session *session, enum pop3_phase phase);
void pop3_connect(struct pop3_session *session);
void pop3_wake(struct pop3_session *session); /* look at queue and input from the loop */

/* Ends the session. Text as the user is to read it; only the first end counts. Returns POP3_FAIL. */
enum pop3_step pop3_fail(struct pop3_session *session, enum pop3_trouble trouble, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The trouble that a response code stands for, else `otherwise`. */
enum pop3_trouble pop3_trouble_of(enum pop3_code code, enum pop3_trouble otherwise);

/* ---- pop3_queue.c ---- */

void pop3_push(struct pop3_session *session, enum pop3_command_id id, uint32_t number);
struct pop3_command *pop3_queue_at(struct pop3_queue *queue, size_t index);
/* Takes the first command off, sent or not; false: there is none. */
bool pop3_queue_take(struct pop3_queue *queue, struct pop3_command *command);
/* The command that was just taken is in flight still. */
void pop3_queue_put_back(struct pop3_queue *queue, const struct pop3_command *command);
void pop3_queue_reset(struct pop3_queue *queue);

/* ---- pop3_command.c ---- */

void pop3_send(struct pop3_session *session);    /* what may be sent now */
void pop3_receive(struct pop3_session *session); /* what has come */
/* The connection was lost, or LIST refused: true if that was in the flight that was to prove pipelining, which failed
 * then. */
bool pop3_flight_failed(struct pop3_session *session);
bool pop3_brings_message(enum pop3_command_id id); /* message_ended is due for it */

/* Lines out, with CRLF added. The second is masked in the log and leaves no copy of the secret. */
void pop3_write(struct pop3_session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pop3_write_secret(struct pop3_session *session, const char *prefix, struct span secret);
/* A further line of a command in flight. Fails the session when there is input that was not asked for. */
void pop3_write_response(struct pop3_session *session, struct span response);

/* ---- pop3_login.c, pop3_auth.c, pop3_transfer.c ---- */

typedef enum pop3_step pop3_reply_fn(struct pop3_session *session, const struct pop3_command *command,
                                     const struct pop3_reply *reply);
typedef enum pop3_step pop3_line_fn(struct pop3_session *session, const struct pop3_command *command, struct span line);
typedef enum pop3_step pop3_end_fn(struct pop3_session *session, const struct pop3_command *command);
typedef void pop3_write_fn(struct pop3_session *session, const struct pop3_command *command);

pop3_reply_fn pop3_on_greeting, pop3_on_capa, pop3_on_stls, pop3_on_utf8;
pop3_line_fn pop3_on_capa_line;
pop3_end_fn pop3_on_capa_end;
void pop3_on_tls(struct pop3_session *session);
void pop3_login_reset(struct pop3_session *session); /* a new connection: forgets what the last one said */
void pop3_login_free(struct pop3_session *session);

pop3_write_fn pop3_write_apop, pop3_write_user, pop3_write_pass, pop3_write_auth, pop3_write_quit;
pop3_reply_fn pop3_on_apop, pop3_on_user, pop3_on_pass, pop3_on_auth;
void pop3_authenticate(struct pop3_session *session); /* the next mechanism, or the end */
void pop3_secret_drop(struct pop3_session *session);  /* cancels its fetch, wipes it */

pop3_reply_fn pop3_on_uidl, pop3_on_list, pop3_on_message, pop3_on_dele, pop3_on_quit;
pop3_line_fn pop3_on_uidl_line, pop3_on_list_line;
pop3_end_fn pop3_on_uidl_end, pop3_on_list_end;
/* Body bytes of the command in flight. *used of `data`; true at the end of the message. */
bool pop3_on_body(struct pop3_session *session, const struct pop3_command *command, struct span data, size_t *used);
pop3_end_fn pop3_on_message_end;
void pop3_facts_update(struct pop3_session *session);

#endif
