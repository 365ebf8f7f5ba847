/* SPDX-License-Identifier: ISC
 *
 * The state of one run of a script, and what its directives have in common.
 */
#ifndef TESTS_PLAYER_H
#define TESTS_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include "fake_net.h"
#include "journal.h"
#include "script.h"

struct player {
	const struct script_test *test;
	struct loop *loop;
	void *ctx;
	unsigned line;
	struct span directive; /* the whole line, for the error */
	struct span raw;       /* its text as written */
	struct strbuf text;    /* its text without escapes */
	unsigned current;      /* number of the connection */
	char *error;
};

struct directive {
	const char *word;
	bool (*run)(struct player *player);
	bool settle; /* the loop comes to rest first */
};

/* Tables, ended by a NULL word. */
extern const struct directive server_directives[];
extern const struct directive client_directives[];

/* Keeps the first error; always false. */
bool player_wrong(struct player *player, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The loop comes to rest, or that it does not is the error. */
bool player_settle(struct player *player);
/* The current connection; NULL with the error set where there is none, or for open_ where the client has closed it. */
struct fake_peer *player_peer(struct player *player);
struct fake_peer *player_open_peer(struct player *player);

/* "N TEXT" of S* and C*: TEXT is then player->text; line 1, 2 … of it with CRLF, which the caller frees. */
bool player_repeat_count(struct player *player, uint64_t *count);
char *player_repeated_line(const struct player *player, uint64_t number);

/* CNONE, also used at the end. */
bool client_sent_nothing(struct player *player);

#endif
