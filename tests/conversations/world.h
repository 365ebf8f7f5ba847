/* SPDX-License-Identifier: ISC
 *
 * A real collector between a POP3 server and a relay that the script plays,
 * and a ledger whose commits the script lets happen (fake_ledger.h). What a
 * script can call:
 *
 *   poll [once]     starts a poll (of --once); refused while one runs
 *   stop            collector_stop
 *   free            collector_free
 *   hold [all]      no commit any more; all: comparisons wait, too
 *   commit [N]      commits what waits, and from now on; N: no more than so many writes
 *   crash           kill -9: the poll is gone, and so is what was not committed
 *   keep            a reload with keep = true, between two polls; the account has no other lines of its own
 *   reload [LINE]   a reload with this line in the account instead of those it had, between two polls
 *   describe        journals what the ledger knows
 *
 * The POP3 server is pop.example, the relay relay.example, the account "dom"
 * with X-Envelope-To and the domain office.example.
 *
 * Journal: "poll OUTCOME listed=N fetched=N deleted=N[ owed][ due=SECONDS][: TEXT]", and of each notice about a
 * message "STATUS TO: REPLY or NOTE".
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "../../src/daemon/budget.h"
#include "../../src/daemon/collector.h"
#include "fake_ledger.h"
#include "script.h"

struct world_options {
	bool lmtp;
	bool trace;           /* our own Received field; left out else, so that scripts show the rest exactly */
	bool rejects;         /* `rejected` is its default, or in `account`; keep else */
	const char *envelope; /* NULL: X-Envelope-To */
	const char *global, *relay, *account, *multidrop; /* lines of configuration; NULL: none */
};

struct world_scene {
	const char *name;
	struct world_options options;
	const char *text;
};

struct world {
	struct loop *loop;
	struct ledger *ledger;
	struct budget budget;
	struct world_options options;
	char *config_text;
	struct setup *setup;
	struct pop3_memory memory;
	struct collector *collector;
};

/* A configuration that must be good, from its text. */
struct config *world_config(const char *text);
char *world_config_text(const struct world_options *options);

struct world *world_new(struct loop *loop, const struct world_options *options);
/* Fails the test where memory of the budget was not given back. */
void world_free(struct world *world);
void world_poll(struct world *world, bool all_due);
void world_crash(struct world *world);
/* Between two polls; the text that options point to is borrowed until the next reload. */
void world_reload(struct world *world, const struct world_options *options);

/* Plays each scene at each size of read; `large` with reads of all there is and of 1,000 bytes, for megabytes. */
void world_play(const struct world_scene *scenes, size_t count);
void world_play_large(const struct world_scene *scenes, size_t count);

#define WORLD_PLAY(scenes) world_play(scenes, sizeof(scenes) / sizeof((scenes)[0]))

/* What the scripts begin with. The greeting and the login of a server that has no CAPA and takes commands in flight. */
#define WORLD_LOGIN "S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\nC: UIDL\nC: LIST\n"
/* With `pipelining = off`. */
#define WORLD_LOGIN_ONE_BY_ONE(uids, sizes)                                                                            \
	"S: +OK\nC: CAPA\nS: -ERR\nC: USER ann\nS: +OK\nC: PASS geheim\nS: +OK\nC: UIDL\n" uids "C: LIST\n" sizes
#define WORLD_RELAY "S: 220 hi\nC: EHLO me.example\nS: 250-hi\nS: 250 PIPELINING\n"
#define WORLD_LMTP "S: 220 hi\nC: LHLO me.example\nS: 250-hi\nS: 250 PIPELINING\n"
#define WORLD_QUIT "C: QUIT\nS: +OK\nCLOSED\n"

#endif
