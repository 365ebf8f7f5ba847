/* SPDX-License-Identifier: ISC
 *
 * One message under way, from the first byte of RETR to the commit that holds
 * its recipients' verdicts. message.c takes the bytes in; owed.c finds
 * who is owed what; duplicates.c holds back what somebody has already;
 * delivery.c hands it out, form.c writes what each transaction carries, and
 * policy.c says what a verdict means; oversize.c is about those that stay on
 * the server for their size.
 */
#ifndef MULTIDROPD_DAEMON_MESSAGE_H
#define MULTIDROPD_DAEMON_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "budget.h"
#include "content.h"
#include "multidropd/header.h"
#include "multidropd/ledger.h"
#include "multidropd/pop3.h"
#include "multidropd/relay.h"
#include "multidropd/route.h"
#include "setup.h"

/* A larger one is streamed; of a streamed one so much is in memory at most. */
#define MESSAGE_WHOLE_MAX (1024u * 1024u)
/* RETRs of one message in a session: the first, and those for recipients that a streamed one left open. */
#define MESSAGE_RETR_MAX 12u

#define ENVID_LEN 32u

struct message;
struct twin;

/* What a message's poll gives it. Callbacks are the message's last act in whatever called them. */
struct message_env {
	const struct setup_account *account;
	struct ledger *ledger;
	struct budget_share *share;     /* of memory: the relay's */
	int64_t mailbox;                /* ledger row */
	bool all_due;                   /* --once: pauses of owed recipients do not hold it up */
	const char *hostname;
	int64_t retry_min_s, retry_max_s;
	/* Reading from the server should stop, or may go on. */
	void (*flow)(void *ctx, struct message *message, bool paused);
	/* Recipients are left that want the bytes from the start: RETR once more. */
	void (*again)(void *ctx, struct message *message);
	/* Another message of this poll has the same UID and header, so this one needs no delivery of its own. Gives it the
	 * other's fate; where that is still open, this one is left for the next poll. */
	bool (*join_twin)(void *ctx, struct message *message);
	/* Another message of this poll that is being delivered has the same Message-ID and one of the recipients still to
	 * be served: this one waits for message_ask_duplicates after that one has ended. */
	bool (*overlaps)(void *ctx, const struct message *message);
	/* It is over for this poll; `fate` says how. The owner frees it. */
	void (*done)(void *ctx, struct message *message);
	void *ctx;
};

enum message_fate {
	MESSAGE_UNDECIDED,      /* under way */
	MESSAGE_SETTLED,        /* durable: nobody is owed it, it may be deleted */
	MESSAGE_OWED,           /* durable: somebody still is, at due_s */
	MESSAGE_KEPT,           /* refused for good, stays on the server */
	MESSAGE_DROPPED,        /* it did not come whole, nothing is known of it, or all is as it was */
};

enum recipient_state {
	RECIPIENT_PENDING,      /* to be offered to the relay */
	RECIPIENT_OFFERED,      /* part of the transaction under way */
	RECIPIENT_OVER,         /* decided, for this poll at least */
};

struct recipient {
	char *address;          /* as the ledger knows it; LEDGER_NOBODY: the message is kept, and the postmaster told */
	char *wire;             /* as RCPT gets it: the same, or once in lower case */
	char *original;         /* as it was stamped; NULL: by us, or not known */
	enum ledger_owes owes;
	char *refusal;          /* why it is no longer the message */
	enum recipient_state state;
	unsigned attempts;
	int64_t first_deferred_s;
	struct {                /* of the last transaction, for the log */
		enum verdict_kind kind;
		enum ledger_owes owes;  /* what it was about */
		char *reply;    /* NULL: nothing to log */
		const char *note;
		bool given_up;
		bool duplicate; /* it was not offered: somebody has had it */
	} last;
};

struct message {
	const struct message_env *env;
	TAILQ_ENTRY(message) link;      /* the collector's, as the next two */
	TAILQ_ENTRY(message) again_link;
	bool waits_again;               /* for memory, to be retrieved once more */
	uint32_t number;
	char *uid;                      /* uid_len bytes */
	size_t uid_len;
	uint64_t size;                  /* LIST's hint, then what came */
	struct ledger_entry *entry;     /* what the ledger said of this UID */
	struct twin *twin;              /* the collector's */
	enum message_fate fate;
	int64_t begun_mono_ms;
	unsigned retrs;
	size_t reserved;                /* of the share */
	bool paused;

	/* in */
	struct header_scan scan;
	struct strbuf envelope_lines;   /* what *ENV gave */
	bool refused_envelope;
	struct strbuf header_bytes;
	struct header header;
	bool header_kept;               /* and what it points into */
	bool header_done, capped;
	bool received;                  /* the last RETR has ended */
	bool discard;                   /* nobody wants the rest of this RETR */
	bool skip_body;                 /* only the header is wanted */
	bool header_only;               /* nothing else comes: TOP in place of RETR */
	bool over;                      /* no transaction any more in this poll */
	uint8_t hash[LEDGER_HASH_LEN];
	char *message_id;
	bool identified;                /* the hash is known */
	struct route route;
	bool may_bounce;                /* the sender may be told of a refusal */

	/* out */
	const struct ledger_record *record; /* known before; NULL: new */
	int64_t settled_s;              /* MESSAGE_SETTLED: since when */
	int64_t replaces;               /* what was too large, and is fetched now: the id of that record, for a new one; 0: none */
	int64_t ledger_id;              /* 0: the ledger does not know it yet */
	bool begun;                     /* that it is under way is durable */
	bool committing;                /* all is said, the commit is under way */
	struct content content;
	bool dressed;                   /* as the message itself */
	struct recipient *recipients;
	size_t recipient_count;
	enum { DUPLICATES_UNASKED, DUPLICATES_ASKED, DUPLICATES_HELD, DUPLICATES_KNOWN } duplicates;
	struct delivery *delivery;
	enum ledger_owes offering;      /* what the transaction under way is about */
	size_t *offered;                /* indices into recipients: whom it is about */
	size_t offered_count;
	const char *wire[RELAY_RECIPIENTS_MAX]; /* who gets it: those, or one */
	const char *originals[RELAY_RECIPIENTS_MAX];
	size_t wire_count;
	char envid[ENVID_LEN + 1];
	int64_t due_s;                  /* when the first owed recipient is due again; INT64_MAX: nobody */
};

/* `entry` is borrowed and outlives the message; `reserved` bytes of the budget are the message's from now on. */
struct message *message_new(const struct message_env *env, struct ledger_entry *entry, size_t reserved);
/* Cancels what is under way; an open answer to a final dot is logged and stays "under way" in the ledger. */
void message_free(struct message **message);

/* Bytes a RETR (or TOP) of this message may need in memory. */
size_t message_wants(const struct ledger_entry *entry, bool header_only);

/* *ENV, before its RETR. Refused: nothing will come of the message in this poll. */
void message_envelope_begun(struct message *message);
void message_envelope_feed(struct message *message, struct span bytes);
void message_envelope_refused(struct message *message);

void message_begun(struct message *message);
void message_feed(struct message *message, struct span bytes);
void message_ended(struct message *message, enum pop3_message_end how, const char *text);

/* Identity: SHA-256 over header_identity. */
void message_hash(const struct header *header, uint8_t out[LEDGER_HASH_LEN]);
/* The record of `entry` with this hash; NULL: none. */
const struct ledger_record *message_record(const struct ledger_entry *entry, const uint8_t hash[LEDGER_HASH_LEN]);

/* What is held is accounted for, over the limit if need be: it is there already. At most some HEADER_MAX at a time. */
void message_account(struct message *message);
/* Nobody needs the body of this RETR any more; the header stays. */
void message_skip_body(struct message *message);
/* Bytes of the message, as far as is known: while it arrives LIST's figure says more than what has come. */
uint64_t message_size(const struct message *message);
/* Lets go of the bytes held; what still arrives of this RETR is thrown away. */
void message_discard(struct message *message);

/* oversize.c */
/* LIST says that it is over the limit. */
bool oversize_applies(const struct config_account *account, const struct ledger_entry *entry);
/* It was found too large when this was written: nobody was delivered it. */
bool oversize_was(const struct ledger_record *record);
/* The record without a hash that this UID has, not settled; NULL: none. */
const struct ledger_record *oversize_unread_record(const struct ledger_entry *entry);
/* What a new recipient of it is owed. */
enum ledger_owes oversize_owes(const struct message *message);
/* Recipients or the postmaster are to be told; else it is settled without the relay. */
bool oversize_tells(const struct config_account *account);
/* TOP was refused, for what nobody is owed yet. */
bool oversize_is_unreadable(const struct message *message);
/* In place of RETR or TOP: `oversize` is applied without its header. */
void message_leave(struct message *message);

/* owed.c: who is owed what of this message, and due. False: nobody. */
bool owed_find(struct message *message);
/* As a new message's only recipient: LEDGER_NOBODY. */
struct recipient *owed_add_nobody(struct message *message, enum ledger_owes owes);
/* The next ones to be served together go into `offered`, and what they are owed into `offering`. False: nobody is left. */
bool owed_offer(struct message *message);
/* Somebody waits for something that has the body in it. */
bool owed_wants_body(const struct message *message);
void owed_free(struct message *message);

/* duplicates.c: before the first transaction of each message where `duplicates` applies. */
void message_ask_duplicates(struct message *message);
/* It is to get the message itself; what we write about it has no doubles. */
bool message_is_open(const struct recipient *recipient);
/* Nothing may be delivered before the answer. */
bool message_awaits_duplicates(const struct message *message);
/* How long what is delivered of it is remembered; 0: not. */
int64_t message_remember_s(const struct message *message);

/* form.c: what the transaction about `offered` carries. */
/* What this recipient is owed goes to him, not to the sender or the postmaster. */
bool form_is_direct(const struct recipient *recipient, enum ledger_owes owes);
bool form_is_bodiless(enum ledger_owes owes);
/* False: it needs another RETR. */
bool form_can_be_written(const struct message *message);
/* Fills `wire`, dresses the content. */
void form_write(struct message *message);
const char *form_sender(const struct message *message);
struct setup_relay *form_relay(const struct message *message);
enum delivery_notify form_notify(const struct message *message);

/* policy.c: what becomes of a recipient. */
struct policy {
	enum ledger_outcome outcome;
	enum ledger_owes owes;  /* LEDGER_CHANGED */
	const char *note;       /* for the log; NULL: nothing to add */
	bool given_up;          /* give_up, not a refusal */
};
struct policy policy_accepted(const struct recipient *recipient);
struct policy policy_refused(const struct message *message, const struct recipient *recipient);
/* For the time being; or for too long. */
struct policy policy_deferred(const struct message *message, const struct recipient *recipient);
struct policy policy_unknown(const struct message *message, const struct recipient *recipient);

/* delivery.c: all that are owed it, in the ledger before anything can be delivered. */
void message_begin(struct message *message);
/* Starts the next transaction; asks for another RETR where the bytes are gone; ends the message when nothing is left to do. */
void message_deliver(struct message *message);
/* Somebody is settled by a policy, without a transaction. `reply` is for the log. */
void message_settle_recipient(struct message *message, struct recipient *recipient, const char *reply);
/* Somebody gets nothing, by a policy, and the message stays on the server. */
void message_refuse_recipient(struct message *message, struct recipient *recipient);
/* Cancels what is under way, for good. */
void message_break(struct message *message);
/* The final dot is out, or all verdicts are and the commit is under way. */
bool message_is_nearly_done(const struct message *message);

/* report.c */
void message_report(struct message *message);
/* One line of log about this message beside the verdicts: what happened and what happens now. */
void message_log(const struct message *message, enum log_level level, const char *status, const char *text);

#endif
