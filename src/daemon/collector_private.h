/* SPDX-License-Identifier: ISC */
#ifndef MULTIDROPD_DAEMON_COLLECTOR_PRIVATE_H
#define MULTIDROPD_DAEMON_COLLECTOR_PRIVATE_H

#include "collector.h"
#include "message.h"

enum request_kind {
	REQUEST_TOP,                    /* to identify what was settled before */
	REQUEST_ENV,                    /* the envelope, where the server knows it */
	REQUEST_HEADER,                 /* TOP: the message stays on the server */
	REQUEST_RETR,
};

/* What a command in flight is for; answers come in the order of the commands. */
struct request {
	TAILQ_ENTRY(request) link;
	enum request_kind kind;
	struct ledger_entry *entry;
	struct message *message;        /* NULL: TOP */
	size_t bytes;                   /* expected */
};

TAILQ_HEAD(requests, request);
TAILQ_HEAD(messages, message);

/* How much of a message is fetched. */
enum fetch_way {
	FETCH_WHOLE,                    /* RETR */
	FETCH_HEADER,                   /* TOP */
	FETCH_NOTHING,
};

struct wanted {
	struct ledger_entry *entry;
	enum fetch_way way;
};

/* Entries waiting for their turn. */
struct entry_queue {
	struct wanted *items;
	size_t count, capacity, next;
};

enum collector_phase {
	COLLECTOR_LOGIN,
	COLLECTOR_LISTING,
	COLLECTOR_COMPARING,
	COLLECTOR_WORKING,
	COLLECTOR_QUITTING,
	COLLECTOR_CLOSED,               /* the session is over; deliveries may still be under way */
};

struct collector {
	struct collector_params params;
	struct pop3_params pop3;
	struct message_env env;
	struct pop3_session *session;
	enum collector_phase phase;
	bool stopping;
	struct timer *turn;             /* goes on from the loop, not from inside a callback */
	struct poll_result result;
	char *text;                     /* owns result.text */

	/* what the server says of itself */
	const struct pop3_facts *facts; /* the session's; not to be used once that is closed */
	bool has_top, expire_zero;
	bool env_works;                 /* *ENV was answered; until then one at a time */
	unsigned env_refusals;

	/* what is there and what is to be done with it */
	struct ledger_listing *listing;
	bool relay_asked;
	struct relay_check *relay_check; /* not answered yet */
	bool fetch_allowed;             /* the relay takes mail */
	struct entry_queue fetch, identify;
	struct entry_queue leave;       /* too large, settled without the relay */

	/* what is under way */
	struct requests requests;
	void *twins;                    /* tsearch(3) */
	size_t requested_count, requested_bytes;
	struct messages messages;       /* from RETR to the commit */
	size_t message_count;
	struct messages again;          /* those of them that want another RETR, before anything new */
	bool leaves_something;          /* what was retrieved is not all to be deleted */
	struct budget_waiter waiter;
	struct header_scan top_scan;    /* of the TOP that arrives now */
	struct strbuf top_header;
	bool top_done, top_capped;
	size_t top_reserved;

	/* DELE, in order; the first `answered` are */
	int64_t *deletions;             /* ledger ids */
	size_t deletion_count, deletion_capacity, answered;
	int64_t *deleted;               /* accepted: durable on the server once QUIT is */
	size_t deleted_count, deleted_capacity;
};

/* collector.c */
/* Notes the first trouble of this poll; later ones follow from it. */
void collector_trouble(struct collector *collector, enum poll_outcome outcome, const char *text);
/* From the loop: sends what can be sent, and ends the poll when nothing is left to do. */
void collector_go_on(struct collector *collector);

/* collector_plan.c */
/* What the ledger's comparison means for each entry of the listing. */
void collector_plan(struct collector *collector);
/* TOP gave the header of a message whose UID alone did not decide. */
void collector_identified(struct collector *collector, struct ledger_entry *entry,
                          const uint8_t hash[LEDGER_HASH_LEN]);
/* TOP was refused: RETR will tell. */
void collector_unidentified(struct collector *collector, struct ledger_entry *entry);
/* A message ended: delete it, or note what is still owed. */
void collector_settle(struct collector *collector, struct message *message);

/* collector_twins.c */
/* Only for messages whose UID is shared: false for the first with this header; others get the fate of the first. */
bool collector_join_twin(struct collector *collector, struct message *message);
/* The first of them has ended. */
void collector_note_twin(struct collector *collector, struct message *message);
void collector_free_twins(struct collector *collector);

/* collector_transfer.c */
void collector_transfer_init(struct collector *collector);
void collector_transfer_deinit(struct collector *collector);
void collector_pump(struct collector *collector);
bool collector_is_idle(const struct collector *collector);      /* nothing under way, nothing left to send */
/* The session is over: what wanted another RETR waits for the next poll. */
void collector_end_again(struct collector *collector);
/* Gives up messages; with `wait_for_answers` those stay whose final dot is out or whose commit is under way. */
void collector_abandon(struct collector *collector, bool wait_for_answers);

/* collector_top.c */
void collector_top_begun(struct collector *collector);
void collector_top_bytes(struct collector *collector, struct span bytes);
void collector_top_ended(struct collector *collector, struct ledger_entry *entry, enum pop3_message_end how);
void collector_top_free(struct collector *collector);

/* pop3_events, collector_transfer.c */
void collector_message_begun(void *ctx, uint32_t number);
void collector_message_bytes(void *ctx, uint32_t number, const char *data, size_t len);
void collector_message_ended(void *ctx, uint32_t number, enum pop3_message_end how, uint64_t bytes, const char *text);
void collector_deleted(void *ctx, uint32_t number, bool ok, const char *text);

#endif
