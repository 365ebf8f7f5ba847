/* SPDX-License-Identifier: ISC
 *
 * A ledger in memory, with commits that the script lets happen.
 */
#ifndef TESTS_FAKE_LEDGER_H
#define TESTS_FAKE_LEDGER_H

#include <stdbool.h>

#include "multidropd/ledger.h"
#include "multidropd/loop.h"

struct ledger *fake_ledger_new(struct loop *loop);
void fake_ledger_free(struct ledger **ledger);

/* Held: writes stay uncommitted and no answer to one comes. Comparisons are answered all the same. */
void fake_ledger_hold(struct ledger *ledger, bool held);
/* Comparisons are not answered either. */
void fake_ledger_hold_all(struct ledger *ledger);
/* Held, but for the first `count` writes that wait. */
void fake_ledger_commit(struct ledger *ledger, size_t count);
/* As kill -9 does: what is not committed is gone, what was under way is left so. It may be another one then. */
void fake_ledger_crash(struct ledger **ledger);
/* The real one (ledger_on_disk.c) works by itself: waits for it unless it is held. False: nothing came. */
bool fake_ledger_wait(struct ledger *ledger);
/*
 * One journal entry a message: "UID STATE has: … owed: … [under way]". Among
 * those that have it stand "~one" who was settled by a policy and "!one" who
 * was refused; "one(bounce)", (copy) or (notice) is or was owed that.
 */
void fake_ledger_describe(const struct ledger *ledger);

#endif
