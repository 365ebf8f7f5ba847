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

/*
 * The accounts that are configured, from now on; before the first comparison
 * and after each reload. A mailbox that no account has, but one that is not
 * among these had with the same server and user, is that one: the account was
 * renamed.
 */
void ledger_set_accounts(struct ledger *ledger, const char *const *names, size_t count);

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
	/* Known under another UID, or under this one where the account's server or user was another: only the hash says
	 * that it is this message, and ledger_move must say so before anything else is written about it. */
	bool elsewhere;
	struct ledger_owed *owed; /* while OWED: those who have it or were refused for good are not among them */
	size_t owed_count;
};

/* What the administrator wants of a message, whatever is known of it. */
enum ledger_mark {
	LEDGER_MARK_NONE,
	LEDGER_MARK_FETCH,      /* fetched again, once */
	LEDGER_MARK_DELETE,     /* deleted from the server */
	LEDGER_MARK_SKIP,       /* left alone */
};

struct ledger_entry {
	uint32_t number;        /* the caller's: the message number */
	struct span uid;        /* points into the listing's bytes */
	uint64_t size;
	struct ledger_record *records; /* with this UID in this mailbox; mostly none or one */
	size_t record_count;
	bool shared;            /* another entry of this listing has the same UID */
	enum ledger_mark mark;
};

struct ledger_listing {
	struct ledger_entry *entries;
	size_t count, capacity;
	char *bytes;            /* owns the UIDs */
	size_t bytes_len, bytes_capacity;
	bool complete;          /* what it lacks is gone from the server */
	bool by_hash;           /* the server has no UIDL: each UID is LEDGER_HASH_UID_LEN digits, see ledger_hash_uid */
	size_t guard;           /* `uidl_guard`; 0: off */
	/* Filled by the comparison. */
	int64_t mailbox;        /* the mailbox's row */
	bool renumbered;        /* found just now: at least `guard` messages known, at least as many listed, none the same */
	/*
	 * Records that may be any entry's of which nothing is known by its UID, in
	 * the order of their hashes: while a renumbering is not worked off, and
	 * for messages that were named by their hash before. Mostly none.
	 */
	struct ledger_record *lost;
	size_t lost_count;
};

/* Builds a listing; UIDs are copied. The spans are valid from the comparison on. */
struct ledger_listing *ledger_listing_new(void);
void ledger_listing_add(struct ledger_listing *listing, uint32_t number, struct span uid, uint64_t size);
void ledger_listing_free(struct ledger_listing **listing);

/* The UID of a message on a server that has no UIDL: its header hash in lower-case hexadecimal digits, without a NUL. */
#define LEDGER_HASH_UID_LEN ((size_t)2 * LEDGER_HASH_LEN)
void ledger_hash_uid(const uint8_t hash[LEDGER_HASH_LEN], char uid[LEDGER_HASH_UID_LEN]);

/*
 * After the comparison: the record of this entry that has this hash, its own
 * first (what is owed before what is settled), else one that was lost, which
 * becomes the entry's and nobody else's. NULL: none. The entry's `records` may move.
 */
struct ledger_record *ledger_listing_match(struct ledger_listing *listing, struct ledger_entry *entry,
                                           const uint8_t hash[LEDGER_HASH_LEN]);

/*
 * Compares a listing with what is known: fills records, notes what is gone
 * when the listing is complete, drops what has been gone long enough. Takes
 * the listing and gives it back to `compared`, which owns it then. What is gone
 * is dropped 30 days after the first complete listing without it, 3 days after
 * a confirmed deletion, and only when a complete listing lacks it then too.
 *
 * A record is an entry's by its UID; of a listing `by_hash` also by its hash,
 * whatever its UID. An entry without any gets those of the same UID and a hash
 * that the account has at another server or user, as `elsewhere`.
 */
typedef void ledger_compared_fn(void *ctx, struct ledger_listing *listing);
void ledger_compare(struct ledger *ledger, const struct ledger_mailbox *mailbox, struct ledger_listing *take_listing,
                    ledger_compared_fn *compared, void *ctx);

/* A record that was `elsewhere` has this UID in this mailbox from now on, and is there. All is copied; not waited for. */
void ledger_move(struct ledger *ledger, int64_t id, int64_t mailbox, struct span uid);

/* Requests of one owner (its ctx) that were not answered yet: the work is done all the same, the callback is not called. */
void ledger_forget_callbacks(struct ledger *ledger, void *ctx);

typedef void ledger_begun_fn(void *ctx, int64_t id);

struct ledger_begin {
	int64_t id;             /* of a record that is tried again; 0: a new message */
	/* Of a known record: it is as if new. What is known of its recipients is forgotten, UID, hash and size are set. */
	bool anew;
	bool takes_mark;        /* the message was marked FETCH, and this is it: the mark goes with the same commit */
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

/* QUIT confirmed the DELE of these; one that is owed is left as it is. Their marks go. Not waited for. */
void ledger_deleted(struct ledger *ledger, const int64_t *ids, size_t count, int64_t now_s);

/* ------------------------------------------------------- for the administrator */

/*
 * From the next comparison on. A mark may precede its message. It goes when
 * what it says is done, and 30 days after a complete listing first lacked its
 * UID. NONE takes a mark away.
 */
struct ledger_marking {
	struct ledger_mailbox mailbox;
	enum ledger_mark mark;
	const struct span *uids;
	size_t uid_count;
	/* After the commit; by UID: a message with it is known. */
	void (*marked)(void *ctx, const bool *known, size_t count);
	void *ctx;
};
/* All is copied. */
void ledger_set_mark(struct ledger *ledger, const struct ledger_marking *marking);

/*
 * All that is known of the account's messages is forgotten, at each server and
 * user it had, and what `duplicates` remembers; its marks stay. Not while a
 * collector of the account runs. `count`: so many messages were known.
 */
typedef void ledger_reset_fn(void *ctx, size_t count);
void ledger_reset(struct ledger *ledger, const char *account, ledger_reset_fn *done, void *ctx);

/* Survives a restart. `done`, after the commit; NULL: nobody waits. */
void ledger_set_paused(struct ledger *ledger, const char *account, bool paused, void (*done)(void *ctx), void *ctx);
/* As of the last ledger_set_paused, else of ledger_start. */
bool ledger_is_paused(const struct ledger *ledger, const char *account);

/* A message that is on the server, as far as the last listing told. */
struct ledger_item {
	int64_t id;
	struct span uid;
	uint64_t size;
	enum ledger_state state;
	enum ledger_mark mark;
	int64_t first_seen_s;
	int64_t settled_s;      /* 0: somebody is owed it */
	bool under_way;
	const struct ledger_owed *owed; /* those who are */
	size_t owed_count;
};

/* In the order of their UIDs' bytes; all gone after the call. Fewer than `most`: there are no more. */
typedef void ledger_items_fn(void *ctx, const struct ledger_item *items, size_t count);

struct ledger_browse {
	struct ledger_mailbox mailbox;
	/* Goes on behind this item; an empty UID and id 0: from the first. */
	struct span after_uid;
	int64_t after_id;
	size_t most;
	ledger_items_fn *found;
	void *ctx;
};
/* All is copied. */
void ledger_browse(struct ledger *ledger, const struct ledger_browse *browse);

/* Messages whose transaction a crash or a stop left open, as of ledger_start; also those of accounts that are gone. */
size_t ledger_left_under_way(const struct ledger *ledger);

#endif
