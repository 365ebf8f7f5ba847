/* SPDX-License-Identifier: ISC
 *
 * The robot that is a POP3 server. Whenever it deletes a message it looks
 * whether everybody has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "robots_private.h"

static void add_stamp(struct strbuf *out, const struct robots_message *message)
{
	if (message->unstamped)
		return;
	strbuf_add_str(out, "X-Envelope-To: ");
	for (size_t i = 0; i < message->recipient_count; i++)
		strbuf_addf(out, "%s%s" ROBOTS_DOMAIN, i > 0 ? ", " : "", message->recipients[i]);
	strbuf_add_str(out, "\r\n");
}

/* Its Subject says which it is, its Message-ID for which it is taken. */
static void answer_message(const struct robots *robots, const struct robot *robot, struct strbuf *out, size_t number,
                           bool all)
{
	size_t index = robot->numbers[number - 1];
	const struct robots_message *message = &robots->messages[index];

	strbuf_add_str(out, "+OK\r\nReturn-Path: <" ROBOTS_SENDER "@far.example>\r\n");
	add_stamp(out, message);
	strbuf_addf(out, "Subject: %zu\r\nMessage-ID: <%zu@far.example>\r\n\r\n", message->same_as,
	            robots_message_id(robots, index));
	for (size_t i = 0; all && i < robots_message_lines(robots, index); i++) {
		struct strbuf line = { 0 };

		robots_body_line(&line, message->same_as, i);
		strbuf_addf(out, "%s%s\r\n", strbuf_str(&line)[0] == '.' ? "." : "", strbuf_str(&line));
		strbuf_free(&line);
	}
	strbuf_add_str(out, ".\r\n");
}

static void answer_list(const struct robots *robots, const struct robot *robot, struct strbuf *out, bool uids)
{
	strbuf_add_str(out, "+OK\r\n");
	for (size_t i = 0; i < robot->count && !robot->empty; i++) {
		size_t index = robot->numbers[i];
		size_t size = robots->lying_sizes ? 1 : 200 + 64 * robots_message_lines(robots, index);

		if (uids)
			strbuf_addf(out, "%zu %s\r\n", i + 1, robots->messages[index].uid);
		else
			strbuf_addf(out, "%zu %zu\r\n", i + 1, size);
	}
	strbuf_add_str(out, ".\r\n");
}

/* By a policy, as the log says, or could not say any more. */
static bool is_excused(const struct robots *robots, const struct robots_message *message, size_t recipient)
{
	return message->excused[recipient] ||
	       (robots->died && robots->discards && robots_may_have_refused(robots, message->recipients[recipient]));
}

static void delete_message(struct robots *robots, size_t index)
{
	struct robots_message *message = &robots->messages[index];
	const struct robots_message *same = &robots->messages[message->same_as];

	if (message->gone)
		return;
	message->gone = true;
	if (robots->keeps || message->stays)
		robots_break(robots, "message %zu is deleted although it is to stay", index);
	for (size_t i = 0; i < same->recipient_count; i++) {
		if (same->copies[i] == 0 && same->told[i] == 0 && !is_excused(robots, same, i))
			robots_break(robots, "message %zu is deleted while %s lacks it", index, same->recipients[i]);
	}
}

static void quit(struct robots *robots, const struct robot *robot)
{
	for (size_t i = 0; i < robot->count && !robot->undoes; i++) {
		if (robot->marked[i] || (robot->expires && robot->retrieved[i]))
			delete_message(robots, robot->numbers[i]);
	}
}

static void open_mailbox(struct robots *robots, struct robot *robot)
{
	robot->logged_in = true;
	robots->sessions++;
	for (size_t i = 0; i < robots->message_count; i++) {
		const struct robots_message *message = &robots->messages[i];

		if (!message->gone && message->since <= robots->sessions &&
		    (message->user == NULL || strcmp(message->user, robot->user) == 0))
			robot->numbers[robot->count++] = i;
	}
}

static void serve_login(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	bool user = strncmp(line, "USER ", 5) == 0;
	bool pass = strncmp(line, "PASS ", 5) == 0 && robot->user != NULL;
	bool good = user || (pass && !robots->refuses_logins);

	if (user) {
		free(robot->user);
		robot->user = mem_strdup(line + 5);
	}
	if (pass && good)
		open_mailbox(robots, robot);
	strbuf_add_str(out, good ? "+OK\r\n" : "-ERR [AUTH]\r\n");
}

static void serve_capa(const struct robots *robots, struct robot *robot, struct strbuf *out)
{
	robot->expires = strcmp(robots->capa, "EXPIRE 0") == 0;
	strbuf_addf(out, "+OK\r\nUSER\r\nUIDL\r\nTOP\r\n%s\r\n.\r\n", robots->capa);
}

/* About one message. False: there is none of this number, or it went away meanwhile. */
static bool serve_message(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	size_t number = strlen(line) > 4 ? strtoul(line + 4, NULL, 10) : 0;

	if (number < 1 || number > robot->count || robot->empty || robot->marked[number - 1] ||
	    robots->messages[robot->numbers[number - 1]].gone)
		return false;
	if (strncmp(line, "DELE ", 5) == 0) {
		robot->marked[number - 1] = true;
		strbuf_add_str(out, "+OK\r\n");
		return true;
	}
	robot->retrieved[number - 1] |= line[0] == 'R';
	answer_message(robots, robot, out, number, line[0] == 'R');
	return true;
}

void robot_pop3_obey(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	bool about_one =
		strncmp(line, "RETR ", 5) == 0 || strncmp(line, "TOP ", 4) == 0 || strncmp(line, "DELE ", 5) == 0;

	if (strcmp(line, "UIDL") == 0 || strcmp(line, "LIST") == 0) {
		answer_list(robots, robot, out, line[0] == 'U');
	} else if (about_one) {
		if (!serve_message(robots, robot, line, out))
			strbuf_add_str(out, "-ERR no such message\r\n");
	} else if (strcmp(line, "QUIT") == 0) {
		quit(robots, robot);
		strbuf_add_str(out, "+OK\r\n");
	} else if (strcmp(line, "CAPA") == 0 && robots->capa != NULL) {
		serve_capa(robots, robot, out);
	} else {
		serve_login(robots, robot, line, out);
	}
}

/* A server that will not say what it can do does nothing that has to be said. */
void robot_pop3_refuse(const struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (strcmp(line, "CAPA") == 0)
		robot->expires = false;
	strbuf_addf(out, "-ERR %s\r\n", robots->words != NULL ? robots->words : "refused");
}
