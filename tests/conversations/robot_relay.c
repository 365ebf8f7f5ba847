/* SPDX-License-Identifier: ISC
 *
 * The robot that is a relay, SMTP or LMTP. It knows what each message is and
 * for whom, looks whether that is what came, and counts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "robots_private.h"

#define LATER_TIMES 2
#define OURS "From: Mail Delivery System"

void robot_relay_forget(struct robot *robot)
{
	while (robot->to_count > 0)
		free(robot->to[--robot->to_count]);
	while (robot->about_count > 0)
		free(robot->about[--robot->about_count]);
	robot->in_data = robot->in_body = robot->and_more = robot->ours = robot->attached = robot->altered = false;
	robot->message = robot->lines = robot->headers = 0;
}

/* --- the envelope --- */

static bool begins(const char *name, const char *what)
{
	return strncmp(name, what, strlen(what)) == 0;
}

static char *local_part(const char *rcpt)
{
	const char *name = rcpt + strlen("RCPT TO:<");

	return mem_strndup(name, strcspn(name, "@"));
}

/* So many refusals for now it had; NULL: nobody's mail is for it. */
static unsigned *refusals_of(struct robots *robots, const char *name)
{
	unsigned *refusals = NULL;

	for (size_t i = 0; i < robots->message_count; i++) {
		for (size_t at = 0; at < robots->messages[i].recipient_count; at++) {
			if (strcmp(robots->messages[i].recipients[at], name) == 0)
				refusals = &robots->messages[i].refusals[at];
		}
	}
	return refusals;
}

static bool is_refused_for_now(struct robots *robots, const char *name, const char *kind)
{
	unsigned *refusals = refusals_of(robots, name);

	return begins(name, kind) && refusals != NULL && (*refusals)++ < LATER_TIMES;
}

static void answer_rcpt(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	char *name = local_part(line);
	size_t most = robots->takes > 0 ? robots->takes : ROBOTS_RECIPIENTS_MAX;

	if (begins(name, "never")) {
		strbuf_add_str(out, "550 never\r\n");
	} else if (is_refused_for_now(robots, name, "later")) {
		strbuf_add_str(out, "450 later\r\n");
	} else if (robot->to_count >= most) {
		strbuf_add_str(out, "452 too many\r\n");
	} else {
		robot->to[robot->to_count++] = name;
		strbuf_add_str(out, "250 ok\r\n");
		return;
	}
	free(name);
}

/* --- the books --- */

static void check_count(struct robots *robots, const char *what, unsigned count, unsigned possible, size_t message,
                        const char *recipient)
{
	if (robots->strict && count > 1 + possible)
		robots_break(robots, "message %zu: %s %s %u times, %u of them possible as the log said", message,
		             recipient, what, count, possible);
}

/*
 * Of all messages with this Message-ID: where `duplicates` is set the second
 * of them is one. But who had the first is not remembered by whoever was
 * killed before it was written.
 */
static void check_copies(struct robots *robots, size_t index, const char *to)
{
	unsigned copies = 0, possible = 0;

	for (size_t i = 0; i < robots->message_count; i++) {
		const struct robots_message *other = &robots->messages[i];
		bool same_id = !robots->died && robots_message_id(robots, i) == robots_message_id(robots, index);
		bool same = i == index || (other->same_as == i && same_id);

		for (size_t at = 0; same && at < other->recipient_count; at++) {
			if (strcmp(other->recipients[at], to) != 0)
				continue;
			copies += other->copies[at];
			possible += other->possible[at];
		}
	}
	check_count(robots, "has it", copies, possible, index, to);
}

static void deliver(struct robots *robots, const struct robot *robot, const char *to)
{
	size_t index = robot->message - 1;
	struct robots_message *message = &robots->messages[index];
	size_t at = 0;

	while (at < message->recipient_count && strcmp(message->recipients[at], to) != 0)
		at++;
	if (at == message->recipient_count) {
		robots_break(robots, "message %zu goes to %s, for whom it is not", index, to);
		return;
	}
	message->copies[at]++;
	check_copies(robots, index, to);
}

static bool names(const struct robot *robot, const char *recipient)
{
	for (size_t i = 0; i < robot->about_count; i++) {
		if (strcmp(recipient, robot->about[i]) == 0)
			return true;
	}
	return false;
}

static void tell(struct robots *robots, const struct robot *robot)
{
	size_t index = robot->message - 1;
	struct robots_message *message = &robots->messages[index];

	if (robot->about_count == 0)
		check_count(robots, "is told", ++message->noticed, message->possible_notice, index, "the postmaster");
	for (size_t i = 0; i < message->recipient_count; i++) {
		const char *recipient = message->recipients[i];

		if (names(robot, recipient))
			check_count(robots, "is told of", ++message->told[i], message->possible[i], index, recipient);
		else if (robot->and_more && message->copies[i] == 0 && message->told[i] == 0)
			message->told[i] = 1;
	}
}

/* --- the content --- */

/* Whom a mail of the daemon's own is about stands behind two blanks, before the message. */
static void read_ours(const struct robots *robots, struct robot *robot, const char *line)
{
	size_t len = strcspn(line, "@");
	bool named = begins(line, "  ") && line[2] != ' ' && strcmp(line + len, ROBOTS_DOMAIN) == 0;
	size_t message = robots_find_message(robots, line);

	if (named && robot->message == 0 && robot->about_count < ROBOTS_RECIPIENTS_MAX)
		robot->about[robot->about_count++] = mem_strndup(line + 2, len - 2);
	if (message < robots->message_count && robot->message == 0)
		robot->message = message + 1;
	robot->and_more = robot->and_more || (begins(line, "  and ") && strstr(line, " more") != NULL);
	robot->attached = robot->attached || strcmp(line, "Content-Type: message/rfc822") == 0;
}

/* In a mail of ours the message's own Subject says which it is, among those with the same Message-ID. */
static void read_subject(struct robots *robots, struct robot *robot, const char *line)
{
	line += robot->ours ? strspn(line, " ") : 0;
	if (!begins(line, "Subject:"))
		return;
	line += strlen("Subject:");
	line += strspn(line, " ");
	if (*line < '0' || *line > '9')
		return;
	robot->message = strtoul(line, NULL, 10) + 1;
	if (robot->message > robots->message_count)
		robots_break(robots, "a message that nobody has sent");
}

static void read_body(struct robots *robots, struct robot *robot, const char *line)
{
	size_t index = robot->message - 1;
	struct strbuf expected = { 0 };

	if (robot->lines == robots_message_lines(robots, index) && robot->ours)
		return; /* the end of the attachment */
	robots_body_line(&expected, index, robot->lines++);
	robot->altered = robot->altered || strcmp(strbuf_str(&expected), line[0] == '.' ? line + 1 : line) != 0;
	strbuf_free(&expected);
}

static void check_whole(struct robots *robots, const struct robot *robot)
{
	bool bodiless = robot->ours && !robot->attached;
	bool whole = robot->message > 0 && robot->lines == robots_message_lines(robots, robot->message - 1);

	if (!bodiless && (!whole || robot->altered))
		robots_break(robots, "%zu lines%s were taken as the whole message", robot->lines,
		             robot->altered ? ", not those of the server," : "");
	if (robot->ours && robot->message == 0)
		robots_break(robots, "a mail about no message");
}

/* LMTP's word about one recipient, after the message. */
static const char *answer_dot(struct robots *robots, const char *to)
{
	if (robots->lmtp && begins(to, "full"))
		return "552 full\r\n";
	return robots->lmtp && is_refused_for_now(robots, to, "slow") ? "450 slow\r\n" : "250 queued\r\n";
}

static void take_ours(struct robots *robots, struct robot *robot)
{
	bool known = strcmp(robot->to[0], ROBOTS_POSTMASTER) == 0 ||
	             (!robot->attached && strcmp(robot->to[0], ROBOTS_SENDER) == 0);

	if (!known || robot->to_count != 1)
		robots_break(robots, "a mail of ours goes to %s", robot->to[0]);
	if (robot->message > 0)
		tell(robots, robot);
}

static void take_message(struct robots *robots, struct robot *robot, struct strbuf *out)
{
	check_whole(robots, robot);
	if (robot->ours)
		take_ours(robots, robot);
	for (size_t i = 0; i < robot->to_count; i++) {
		const char *answer = answer_dot(robots, robot->to[i]);

		if (!robot->ours && robot->message > 0 && answer[0] == '2')
			deliver(robots, robot, robot->to[i]);
		if (robots->lmtp || i == 0)
			strbuf_add_str(out, answer);
	}
	robot_relay_forget(robot);
}

/* The blank line behind the message's own header; in a copy the part's stands before it. */
static bool ends_header(struct robot *robot, const char *line)
{
	bool counts = line[0] == '\0' && robot->message > 0 && robot->ours == robot->attached;

	return counts && robot->headers++ == robot->attached;
}

static void take_content(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (strcmp(line, ".") == 0) {
		take_message(robots, robot, out);
		return;
	}
	if (robot->in_body) {
		read_body(robots, robot, line);
		return;
	}
	robot->ours = robot->ours || begins(line, OURS);
	if (robot->ours)
		read_ours(robots, robot, line);
	read_subject(robots, robot, line);
	robot->in_body = ends_header(robot, line);
}

/* --- commands --- */

void robot_relay_obey(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (robot->in_data) {
		take_content(robots, robot, line, out);
	} else if (begins(line, "RCPT")) {
		answer_rcpt(robots, robot, line, out);
	} else if (strcmp(line, "DATA") == 0) {
		robot->in_data = robot->to_count > 0;
		strbuf_add_str(out, robot->in_data ? "354 go\r\n" : "503 nobody\r\n");
	} else if (strcmp(line, "QUIT") == 0) {
		strbuf_add_str(out, "221 bye\r\n");
	} else {
		if (strcmp(line, "RSET") == 0)
			robot_relay_forget(robot);
		strbuf_add_str(out, line[1] == 'H' ? "250-hi\r\n250 PIPELINING\r\n" : "250 ok\r\n");
	}
}

void robot_relay_refuse(struct robots *robots, struct robot *robot, unsigned code, struct strbuf *out)
{
	size_t replies = robot->in_data && robots->lmtp ? robot->to_count : 1;

	robots->refusals += code / 100 == 5;
	for (size_t i = 0; i < replies; i++)
		strbuf_addf(out, "%u refused\r\n", code);
	if (robot->in_data)
		robot_relay_forget(robot);
}
