/* SPDX-License-Identifier: ISC
 *
 * The ledger: the state file (SQLite) and the thread that does all its work.
 * It knows, by mailbox, which messages were seen, and by message, who has it
 * and who is owed it.
 *
 * Requests go to the thread, results come back in order: watch ledger_fd for
 * reading and call ledger_dispatch, which runs the callbacks. All that is
 * waiting goes into one durable commit.
 *
 * When the disk refuses, what is waiting is kept and tried again; until then
 * no callback of a write comes, so nothing is deleted on the server.
 */
#ifndef MULTIDROPD_LEDGER_H
#define MULTIDROPD_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

#define LEDGER_HASH_LEN 32

struct ledger;

enum ledger_result {
	LEDGER_OK,
	LEDGER_BUSY,            /* another daemon holds it (exit 75) */
	LEDGER_UNUSABLE,        /* its folder or file cannot be made, read or written (73) */
	LEDGER_DAMAGED,         /* not a state file, damaged, or from a newer version (74) */
};

/* Takes the lock on PATH.lock, 0600. Before root is dropped and before threads. *error: what to do, the caller frees;
 * set only where the result is not LEDGER_OK. */
enum ledger_result ledger_lock(const char *path, struct ledger **ledger, char **error) __attribute__((warn_unused_result));

struct ledger_events {
	void (*trouble)(void *ctx, const char *text);   /* a write failed; it is tried again, with pauses */
	void (*recovered)(void *ctx);
};

/* Opens or creates the database, checks it, migrates it, starts the thread. After a failure the lock is still held:
 * ledger_close. A damaged file is left as it is. */
enum ledger_result ledger_start(struct ledger *ledger, const struct ledger_events *events, void *ctx,
                                char **error) __attribute__((warn_unused_result));
/*
 * Commits what is waiting (giving up after about a second where the disk
 * refuses), ends the thread, unlocks. Callbacks not yet run are dropped. Not
 * from within a callback.
 */
void ledger_close(struct ledger **ledger);

int ledger_fd(const struct ledger *ledger);
void ledger_dispatch(struct ledger *ledger);

/* A mailbox is all three. `server` is host and port as configured. */
struct ledger_mailbox {
	const char *account;
	const char *server;
	const char *user;
};

enum ledger_state {
	LEDGER_STATE_OWED,      /* some recipient still is to get it */
	LEDGER_STATE_SETTLED,   /* everybody has it, or a policy settled it */
	LEDGER_STATE_DELETED,   /* as SETTLED, and a QUIT confirmed our DELE */
	LEDGER_STATE_REFUSED,   /* a recipient was refused for good and the message stays on the server; nobody is owed */
	LEDGER_STATE_OVERSIZE,  /* it stays on the server for its size: whoever was to be told is; nobody is owed */
};

/*
 * What a recipient is owed. It changes in this order only, as policies settle
 * what the relay refused. The last two do not change: whoever had them is
 * REFUSED, which makes the message's state OVERSIZE.
 */
enum ledger_owes {
	LEDGER_OWES_MESSAGE,
	LEDGER_OWES_BOUNCE,     /* refused for good: the sender is to get a delivery status notification */
	LEDGER_OWES_COPY,       /* refused for good: the postmaster is to get the message and the refusal */
	LEDGER_OWES_NOTICE,     /* stays on the server: the postmaster is to be told, once */
	LEDGER_OWES_SIZE,       /* stays on the server for its size: the recipient is to be told; of NOBODY the postmaster */
	LEDGER_OWES_HEADER,     /* stays on the server for its size: the recipient is to get its header */
};

/* The recipient of a message that is kept though no recipient was refused: LEDGER_OWES_NOTICE; or that is too large
 * and of which nobody knows whom it is for: LEDGER_OWES_SIZE. */
#define LEDGER_NOBODY ""

struct ledger_owed {
	char *recipient;
	enum ledger_owes owes;
	char *refusal;          /* why it is no longer the message; NULL while it is */
	int64_t due_s;          /* wall clock; not tried before. 0: at once */
	int64_t first_deferred_s; /* 0: never refused yet */
	unsigned attempts;
};

/* What is known of one message. Owned by the listing. */
struct ledger_record {
	int64_t id;
	bool has_hash;
	uint8_t hash[LEDGER_HASH_LEN];
	enum ledger_state state;
	int64_t settled_s;      /* when the last recipient was settled; 0: somebody is owed it */
	bool returned;          /* a complete listing has lacked it before this one: the UID may be another's now */
	bool under_way;         /* a crash or a stop left its transaction open: the next one may double it */
	struct ledger_owed *owed; /* while OWED: those who have it or were refused for good are not among them */
	size_t owed_count;
};

struct ledger_entry {
	uint32_t number;        /* the caller's: the message number */
	struct span uid;        /* points into the listing's bytes */
	uint64_t size;
	struct ledger_record *records; /* with this UID in this mailbox; mostly none or one */
	size_t record_count;
	bool shared;            /* another entry of this listing has the same UID */
};

struct ledger_listing {
	struct ledger_entry *entries;
	size_t count, capacity;
	char *bytes;            /* owns the UIDs */
	size_t bytes_len, bytes_capacity;
	bool complete;          /* what it lacks is gone from the server */
	int64_t mailbox;        /* filled by the comparison: the mailbox's row */
};

/* Builds a listing; UIDs are copied. The spans are valid from the comparison on. */
struct ledger_listing *ledger_listing_new(void);
void ledger_listing_add(struct ledger_listing *listing, uint32_t number, struct span uid, uint64_t size);
void ledger_listing_free(struct ledger_listing **listing);

/*
 * Compares a listing with what is known: fills records, notes what is gone
 * when the listing is complete, drops what has been gone long enough. Takes
 * the listing and gives it back to `compared`, which owns it then. What is gone
 * is dropped 30 days after the first complete listing without it, 3 days after
 * a confirmed deletion, and only when a complete listing lacks it then too.
 */
typedef void ledger_compared_fn(void *ctx, struct ledger_listing *listing);
void ledger_compare(struct ledger *ledger, const struct ledger_mailbox *mailbox, struct ledger_listing *take_listing,
                    ledger_compared_fn *compared, void *ctx);

/* Requests of one owner (its ctx) that were not answered yet: the work is done all the same, the callback is not called. */
void ledger_forget_callbacks(struct ledger *ledger, void *ctx);

typedef void ledger_begun_fn(void *ctx, int64_t id);

struct ledger_begin {
	int64_t id;             /* of a record that is tried again; 0: a new message */
	/* Of a known record: it is as if new. What is known of its recipients is forgotten, UID, hash and size are set. */
	bool anew;
	int64_t mailbox;
	struct span uid;
	const uint8_t *hash;    /* LEDGER_HASH_LEN; NULL: not known */
	uint64_t size;
	const char *const *recipients;  /* all who are owed it (for a known record: now) */
	const enum ledger_owes *owes;   /* by recipient; NULL: the message. A known recipient is owed what it was */
	size_t recipient_count;
	/* For `duplicates`: each recipient that is DELIVERED the message is remembered with this Message-ID for so long,
	 * 400 days at most. 0: not; nor is one without a Message-ID, or with one of more than 998 bytes. Of this
	 * transaction: given anew with each, also for a known record. */
	struct span message_id;
	int64_t remember_s;
	int64_t now_s;
	/* After the commit: now a crash leaves a trace, and the relay may be given the final dot. NULL: nobody waits. */
	ledger_begun_fn *begun;
	void *ctx;
};

/*
 * A transaction begins: the message is known from the next commit on, and under
 * way. All is copied. Returns its id at once. For a known
 * record, unless `anew`, the named are owed it now, what is known of others
 * stays, and mailbox, uid, hash and size stay as they were. UID and hash are not looked up: whoever
 * begins the same message twice with id 0 has two records.
 */
int64_t ledger_begin(struct ledger *ledger, const struct ledger_begin *begin);

enum ledger_outcome {
	LEDGER_DELIVERED,       /* what was owed */
	LEDGER_SETTLED,         /* by a policy: discarded, a duplicate that was suppressed */
	LEDGER_DEFERRED,        /* owed, due again at due_s */
	LEDGER_CHANGED,         /* `owes` now, at once, because of `reply`; attempts begin anew */
	LEDGER_REFUSED,         /* for good: the message stays on the server */
	LEDGER_POSSIBLE,        /* may have been delivered; still owed, due at due_s */
};

struct ledger_verdict {
	const char *recipient;  /* as in ledger_begin */
	enum ledger_outcome outcome;
	enum ledger_owes owes;  /* CHANGED */
	int64_t due_s;
	const char *reply;      /* NULL: none; what is over 512 bytes is cut */
	int64_t now_s;
};
/* Of a message that nobody knows: ignored. Of a recipient that was not named: added. */
void ledger_record_verdict(struct ledger *ledger, int64_t id, const struct ledger_verdict *verdict);

typedef void ledger_done_fn(void *ctx, int64_t id, enum ledger_state state);

/*
 * The transactions of this message are over for now. Its state follows from
 * the verdicts: owed, refused or oversize, or settled. `done` comes after the commit that
 * holds it and all before it, with that state: only then may SETTLED be
 * deleted from the server. NULL: nobody waits. A message that nobody knows is
 * OWED.
 */
void ledger_end(struct ledger *ledger, int64_t id, int64_t now_s, ledger_done_fn *done, void *ctx);

/*
 * Which of these recipients were delivered a message with this Message-ID in
 * this mailbox, as far as it is remembered: by verdicts given before, and
 * perhaps by some given since the question. Recipients are compared without
 * case (of ASCII letters). `found` gets an item for each.
 */
typedef void ledger_duplicates_fn(void *ctx, const bool *duplicate, size_t count);

struct ledger_duplicates {
	int64_t mailbox;
	struct span message_id;
	const char *const *recipients;
	size_t recipient_count;
	int64_t now_s;
	ledger_duplicates_fn *found;
	void *ctx;
};
/* All is copied. */
void ledger_find_duplicates(struct ledger *ledger, const struct ledger_duplicates *wanted);

/* QUIT confirmed the DELE of these; one that is owed is left as it is. Not waited for. */
void ledger_deleted(struct ledger *ledger, const int64_t *ids, size_t count, int64_t now_s);

/* Messages whose transaction a crash or a stop left open, as of ledger_start; also those of accounts that are gone. */
size_t ledger_left_under_way(const struct ledger *ledger);

#endif
