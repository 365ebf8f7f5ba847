/* SPDX-License-Identifier: ISC
 *
 * What the ledger in memory remembers of Message-IDs: pairs of one and a
 * recipient, each for a while.
 */
#ifndef TESTS_FAKE_SEEN_H
#define TESTS_FAKE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

struct fake_pair;

struct fake_seen {
	struct fake_pair *pairs;
	size_t count, capacity;
};

void fake_seen_add(struct fake_seen *seen, int64_t mailbox, struct span message_id, const char *recipient,
                   int64_t until_s);
bool fake_seen_has(const struct fake_seen *seen, int64_t mailbox, struct span message_id, const char *recipient,
                   int64_t now_s);
void fake_seen_free(struct fake_seen *seen);

#endif
