/* SPDX-License-Identifier: ISC
 *
 * A relay and deliveries from memory, for scripts (script.h) that play the
 * relay's part. What a script can call:
 *
 *   send NAME SENDER RCPT[,RCPT…] [WORD…]
 *       starts a delivery of a small message; SENDER "<>" is the null sender. Words:
 *       stream            its bytes come by `feed`, its end by `end` or `break`
 *       bytes=N           a message of N bytes, N a multiple of 10: lines of eight digits
 *       size=N            announced as N bytes, whatever it has
 *       8bit, utf8
 *       fixed             the source cannot be rewound
 *       failure, never    what is said as NOTIFY
 *       originals=ORCPT[,ORCPT…]   one for each recipient, "-" for none, '_' for a blank
 *       envid=TEXT        '_' for a blank
 *       cancel, free, cancel-other=NAME   what its verdict callback does
 *       again=NAME        its end starts another delivery of that name to x@office
 *   crowd NAME            as send, to r1@office … r100@office
 *   feed NAME TEXT        \r \n as usual
 *   end NAME, break NAME, cancel NAME
 *   dot NAME              is its final dot open?
 *   check [twice], uncheck; twice: checks again in the callback
 *   state, quit, free
 *
 * Journal: "NAME RCPT KIND STAGE CODE PEER: REPLY", "NAME ended", "check up", "check down: TEXT".
 */
#ifndef TESTS_OFFICE_H
#define TESTS_OFFICE_H

#include "multidropd/relay.h"
#include "script.h"

/* What distinguishes one script's relay from another's; all zero is an smtp relay with everything at its default. */
struct office_options {
	bool lmtp;
	enum relay_tls tls;
	const char *path; /* UNIX socket */
	bool second_endpoint;
	const char *user;
	const char *token;        /* OAuth; else the secret is "secret" */
	const char *secret_error; /* the secret cannot be had */
	bool secret_later;        /* it comes from the loop */
	unsigned max_connections; /* 0: 1 */
	bool no_pipelining;
	bool dsn;
};

struct office_scene {
	const char *name;
	struct office_options options;
	const char *text;
};

/* Plays each scene at each size of read. */
void office_play(const struct office_scene *scenes, size_t count);

#define OFFICE_PLAY(scenes) office_play(scenes, sizeof(scenes) / sizeof((scenes)[0]))

#endif
