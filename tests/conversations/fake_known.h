/* SPDX-License-Identifier: ISC
 *
 * A message as the ledger in memory knows it, and what begins, verdicts and
 * ends make of it.
 */
#ifndef TESTS_FAKE_KNOWN_H
#define TESTS_FAKE_KNOWN_H

#include <stdbool.h>
#include <sys/queue.h>

#include "fake_seen.h"
#include "multidropd/ledger.h"

struct known_recipient;

struct known {
	int64_t id;
	int64_t mailbox;
	struct strbuf message_id; /* of the last transaction */
	int64_t remember_s;
	char *uid;
	size_t uid_len;
	bool has_hash, anew;
	uint8_t hash[LEDGER_HASH_LEN];
	enum ledger_state state;
	bool under_way;
	bool listed, missing; /* by the last comparison, and by one before it */
	int64_t settled_s;
	struct known_recipient *recipients;
	size_t recipient_count, recipient_capacity;
	TAILQ_ENTRY(known) link;
};

struct known *known_new(const struct ledger_begin *begin, int64_t id);
void known_free(struct known *known);
/* The transaction that `begun` was made of, on a message that is known. */
void known_begin(struct known *known, const struct known *begun);
void known_verdict(struct known *known, const struct ledger_verdict *verdict, struct fake_seen *seen);
enum ledger_state known_end(struct known *known, int64_t now_s);
void known_add_record(const struct known *known, struct ledger_entry *entry);
void known_describe(const struct known *known);

#endif
