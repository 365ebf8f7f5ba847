/* SPDX-License-Identifier: ISC
 *
 * A POP3 session as the scripts drive it: what it reports becomes journal
 * entries, what they CALL is asked of it.
 *
 *   CALL list | retr N | top N | env N | dele N | quit | pause | unpause
 *   CALL free       the session is freed
 *   CALL open       a further session of the same account, after the last one ended
 *   CALL secret     the secret that was fetched with `secret_later` comes now
 *   CALL facts      journals what `ready` showed, as it is now
 *   CALL held       journals whether more than 64 KiB of a message came since the last unpause
 *   CALL state      journals what is remembered of the server, and the commands in flight
 */
#ifndef TESTS_POP3_CLIENT_H
#define TESTS_POP3_CLIENT_H

#include "multidropd/pop3.h"

#define POP3_CLIENT_AUTH_MAX 4

struct pop3_client_options {
	enum pop3_tls tls;
	const char *user;   /* NULL: "ann" */
	const char *secret; /* NULL: "geheim" */
	const char *secret_error;
	bool secret_later;
	bool token;
	bool one_by_one;
	enum sasl_mechanism auth[POP3_CLIENT_AUTH_MAX];
	size_t auth_count;    /* 0: auto */
	const char *free_in;  /* the callback that frees the session */
	const char *pause_in; /* the callback that pauses it */
	struct strbuf *log;   /* takes all log lines */
	bool sizes_only;      /* bodies are journalled by their length */
};

/* Plays the script at every size of read with a client of these options. */
void pop3_client_play(const struct pop3_client_options *options, const char *text);
/* Only with reads of all there is: for what a server sends in one packet and must not. */
void pop3_client_play_whole(const struct pop3_client_options *options, const char *text);

#endif
