/* SPDX-License-Identifier: ISC
 *
 * Conversations: a script plays the server's part against the real client
 * code, with simulated time and connections (fake_net.h). Each script runs
 * with reads of all there is, of 1, 2 and 4 bytes.
 *
 * One directive a line; empty lines, leading blanks and lines that begin with
 * '#' do not count. Between a directive's word and its text stands one blank.
 * TEXT may hold \r \n \0 \t \\ and \xHH.
 *
 * The server sends (nothing is delivered before the next directive of another
 * kind, so that lines in a row arrive in one read):
 *   S: TEXT        a line, CRLF is added
 *   S- TEXT        these bytes
 *   S* N TEXT      N lines; %d in TEXT is 1, 2, 3 …
 *   CLOSE          ends the connection (over TLS with close_notify), after what was sent
 *   CUT            resets it, after what was sent
 *
 * The client must have sent (all that it sends must be expected, in order):
 *   C: TEXT        a line, exactly
 *   C~ TEXT        a line that begins so
 *   C> TEXT        lines, whatever they say, up to one that begins so
 *   C- TEXT        these bytes
 *   C* N TEXT      N lines, as S*
 *   CNONE          nothing more so far
 *   CLOSED         it has freed its stream
 *
 * Connections:
 *   @2             what follows is about the second connection (made at connecting, in the order of opening; those
 *                  that were refused do not count); the first is where a script begins
 *   CONNECT        a further connection, not seen so far (the first counts as seen), must be there; it becomes
 *                  the current one
 *   REFUSE TEXT    the next stream that connects is refused. This and the two below may stand at the top
 *   HANG           the next one gets no answer until its connect_timeout_ms is over
 *   REFUSETLS TEXT the next one, of implicit TLS, fails in the handshake
 *   TLS            a client on a clear-text stream must have begun TLS: it succeeds. With implicit TLS: it is on
 *   TLSFAIL TEXT   as TLS, and it fails
 *   STALL, FLOW    the server stops reading; reads on
 *
 * The rest:
 *   ADVANCE 30s    time passes (also 500ms); timers and deadlines due by then happen in order
 *   CALL NAME ARG  runs a function of the test; ARG is the rest of the line, "" if there is none
 *   EXPECT TEXT    the next entry of the journal, exactly
 *   EXPECT~ TEXT   one that begins so
 *   ENONE          the journal has no entry left so far
 *   LOG TEXT       the next log line of warning or error begins so
 *
 * At the end nothing may be left: bytes of the client, entries, warnings,
 * connections never looked at, answers never used; and after teardown no
 * stream, timer or watch.
 *
 * Entries must not depend on how bytes were cut into reads: collect what
 * comes in pieces and write one entry when it is complete.
 */
#ifndef TESTS_SCRIPT_H
#define TESTS_SCRIPT_H

#include <stddef.h>

#include "multidropd/loop.h"
#include "multidropd/str.h"

struct script_call {
	const char *name;
	void (*run)(void *ctx, const char *argument);
};

struct script_test {
	const char *text;
	/* Makes the client on this loop; its streams connect when the loop is first reached. */
	void *(*setup)(struct loop *loop, const void *argument);
	void (*teardown)(void *ctx);
	const void *argument; /* for setup: what distinguishes one script's client from another's */
	const struct script_call *calls;
	size_t call_count;
};

/* Plays it at each size of read; a failure fails the running cmocka test with line, wanted and got. */
void script_play(const struct script_test *test);

/* Plays it once; NULL, or what went wrong (the caller frees). `chunk` 0: whole. */
char *script_run(const struct script_test *test, size_t chunk);

/* Control characters and backslashes of an entry come out as escapes. */
void journal_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
void journal_span(const char *prefix, struct span bytes);

#endif
