/* SPDX-License-Identifier: ISC
 *
 * Inside the robots: a connection, and what each of the two does with a line.
 */
#ifndef TESTS_ROBOTS_PRIVATE_H
#define TESTS_ROBOTS_PRIVATE_H

#include "multidropd/str.h"
#include "robots.h"

#define ROBOTS_DOMAIN "@office.example"
#define ROBOTS_POSTMASTER "post"
#define ROBOTS_SENDER "ann"

/* One connection. */
struct robot {
	struct fake_peer *peer;
	struct robot *next;
	bool relay;
	bool silent;
	/* POP3: what a number means here, and what QUIT will delete */
	char *user;
	size_t numbers[ROBOTS_MESSAGES_MAX];
	bool marked[ROBOTS_MESSAGES_MAX], retrieved[ROBOTS_MESSAGES_MAX];
	size_t count;
	bool logged_in, undoes, empty;
	bool expires; /* what was retrieved goes with QUIT, as CAPA said (RFC 2449 6.7) */
	/* relay */
	char *to[ROBOTS_RECIPIENTS_MAX];
	size_t to_count;
	bool in_data, in_body;
	size_t message; /* that arrives: its index + 1 */
	size_t headers; /* that have ended */
	size_t lines;   /* of its body */
	bool altered;   /* its body is not what the server gave */
	/* one that the daemon wrote */
	bool ours, attached;
	bool and_more; /* it does not name all whom it is about */
	char *about[ROBOTS_RECIPIENTS_MAX];
	size_t about_count;
};

/* Line `at` of the body of `message`, as the server has it; some begin with dots. */
void robots_body_line(struct strbuf *out, size_t message, size_t at);

/* robot_pop3.c */
void robot_pop3_obey(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out);

void robot_pop3_refuse(const struct robots *robots, struct robot *robot, const char *line, struct strbuf *out);

/* robot_relay.c */
void robot_relay_obey(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out);
void robot_relay_refuse(struct robots *robots, struct robot *robot, unsigned code, struct strbuf *out);
void robot_relay_forget(struct robot *robot);

#endif
