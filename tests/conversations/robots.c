/* SPDX-License-Identifier: ISC
 *
 * The two robots.
 */
#include "robots.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "multidropd/str.h"

#define LATER_TIMES 2
#define TEXT_LINE "a line of the text, long enough to be one of a large message's"
#define CONTENT_LINES 3u /* Subject, the blank line, the dot */

/* One connection. */
struct robot {
	struct fake_peer *peer;
	struct robot *next;
	bool relay;
	bool silent;
	/* POP3: what a number means here, and what QUIT will delete */
	char *user;
	size_t numbers[ROBOTS_MESSAGES_MAX];
	bool marked[ROBOTS_MESSAGES_MAX];
	size_t count;
	/* relay */
	char *to[ROBOTS_RECIPIENTS_MAX];
	size_t to_count;
	bool in_data;
	size_t message; /* that arrives: its index + 1 */
	size_t lines;
	/* one that the daemon wrote */
	bool ours, attached;
	size_t text_lines;
	char *about[ROBOTS_RECIPIENTS_MAX];
	size_t about_count;
};

/* --- POP3 --- */

static void answer_message(struct robots *robots, const struct robot *robot, struct strbuf *out, size_t number,
                           bool all)
{
	size_t index = robot->numbers[number - 1];
	const struct robots_message *message = &robots->messages[index];

	strbuf_add_str(out, "+OK\r\nReturn-Path: <ann@far.example>\r\nX-Envelope-To: ");
	for (size_t i = 0; i < message->recipient_count; i++)
		strbuf_addf(out, "%s%s@office.example", i > 0 ? ", " : "", message->recipients[i]);
	strbuf_addf(out, "\r\nSubject: %zu\r\n\r\n", message->same_as);
	for (size_t i = 0; all && i < robots->body_lines; i++)
		strbuf_add_str(out, TEXT_LINE "\r\n");
	strbuf_add_str(out, ".\r\n");
}

static void answer_list(const struct robots *robots, const struct robot *robot, struct strbuf *out, bool uids)
{
	strbuf_add_str(out, "+OK\r\n");
	for (size_t i = 0; i < robot->count; i++) {
		const struct robots_message *message = &robots->messages[robot->numbers[i]];

		if (uids)
			strbuf_addf(out, "%zu %s\r\n", i + 1, message->uid);
		else
			strbuf_addf(out, "%zu %zu\r\n", i + 1, robots->lying_sizes ? 1 : 200 + 64 * robots->body_lines);
	}
	strbuf_add_str(out, ".\r\n");
}

static void break_promise(struct robots *robots, const char *what, size_t message, const char *recipient)
{
	if (robots->broken == NULL)
		robots->broken = str_format("message %zu is deleted while %s %s it", message, recipient, what);
}

static void delete_message(struct robots *robots, size_t index)
{
	struct robots_message *message = &robots->messages[index];
	const struct robots_message *same = &robots->messages[message->same_as];

	message->gone = true;
	for (size_t i = 0; i < same->recipient_count; i++) {
		if (same->copies[i] == 0 && same->told[i] == 0)
			break_promise(robots, "lacks", index, same->recipients[i]);
	}
}

static void quit_pop3(struct robots *robots, const struct robot *robot)
{
	for (size_t i = 0; i < robot->count; i++) {
		if (robot->marked[i])
			delete_message(robots, robot->numbers[i]);
	}
}

static void open_mailbox(const struct robots *robots, struct robot *robot)
{
	for (size_t i = 0; i < robots->message_count; i++) {
		const struct robots_message *message = &robots->messages[i];

		if (!message->gone && (message->user == NULL || strcmp(message->user, robot->user) == 0))
			robot->numbers[robot->count++] = i;
	}
}

static void serve_login(const struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
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
	if (strcmp(line, "CAPA") == 0 && robots->capa != NULL)
		strbuf_addf(out, "+OK\r\nUSER\r\nUIDL\r\nTOP\r\n%s\r\n.\r\n", robots->capa);
	else
		strbuf_add_str(out, good ? "+OK\r\n" : "-ERR [AUTH]\r\n");
}

static void serve_pop3(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	size_t number = strlen(line) > 4 ? strtoul(line + 4, NULL, 10) : 0;
	bool known = number >= 1 && number <= robot->count && !robot->marked[number - 1];

	if (strcmp(line, "UIDL") == 0 || strcmp(line, "LIST") == 0) {
		answer_list(robots, robot, out, line[0] == 'U');
	} else if (strncmp(line, "RETR ", 5) == 0 && known) {
		answer_message(robots, robot, out, number, true);
	} else if (strncmp(line, "TOP ", 4) == 0 && known) {
		answer_message(robots, robot, out, number, false);
	} else if (strncmp(line, "DELE ", 5) == 0 && known) {
		robot->marked[number - 1] = true;
		strbuf_add_str(out, "+OK\r\n");
	} else if (strcmp(line, "QUIT") == 0) {
		quit_pop3(robots, robot);
		strbuf_add_str(out, "+OK\r\n");
	} else {
		serve_login(robots, robot, line, out);
	}
}

/* --- relay --- */

static void forget_envelope(struct robot *robot)
{
	while (robot->to_count > 0)
		free(robot->to[--robot->to_count]);
	while (robot->about_count > 0)
		free(robot->about[--robot->about_count]);
	robot->in_data = robot->ours = robot->attached = false;
	robot->text_lines = 0;
	robot->message = 0;
	robot->lines = 0;
}

/* The recipient's local part, and which refusal it is due. */
static void answer_rcpt(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	char *name = mem_strndup(line + strlen("RCPT TO:<"), strcspn(line + strlen("RCPT TO:<"), "@"));
	unsigned *refusals = NULL;

	for (size_t i = 0; i < robots->message_count; i++) {
		for (size_t at = 0; at < robots->messages[i].recipient_count; at++) {
			if (strcmp(robots->messages[i].recipients[at], name) == 0)
				refusals = &robots->messages[i].refusals[at];
		}
	}
	if (strncmp(name, "never", 5) == 0) {
		strbuf_add_str(out, "550 never\r\n");
	} else if (strncmp(name, "later", 5) == 0 && refusals != NULL && (*refusals)++ < LATER_TIMES) {
		strbuf_add_str(out, "450 later\r\n");
	} else {
		robot->to[robot->to_count++] = name;
		strbuf_add_str(out, "250 ok\r\n");
		return;
	}
	free(name);
}

static void deliver(struct robots *robots, const struct robot *robot, const char *to)
{
	struct robots_message *message = &robots->messages[robot->message - 1];

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (strcmp(message->recipients[i], to) == 0)
			message->copies[i]++;
	}
}

/* Whom a mail of the daemon's own is about stands behind two blanks, before the message. */
static void read_ours(struct robot *robot, const char *line)
{
	size_t len = strcspn(line, "@");
	bool names = strncmp(line, "  ", 2) == 0 && line[2] != ' ' && strcmp(line + len, "@office.example") == 0;

	if (names && robot->message == 0 && robot->about_count < ROBOTS_RECIPIENTS_MAX)
		robot->about[robot->about_count++] = mem_strndup(line + 2, len - 2);
	robot->attached = robot->attached || strcmp(line, "Content-Type: message/rfc822") == 0;
}

static void tell(struct robots *robots, const struct robot *robot)
{
	struct robots_message *message = &robots->messages[robot->message - 1];

	for (size_t i = 0; i < message->recipient_count; i++) {
		for (size_t at = 0; at < robot->about_count; at++)
			message->told[i] += strcmp(message->recipients[i], robot->about[at]) == 0;
	}
}

static void check_whole(struct robots *robots, const struct robot *robot)
{
	bool all_there = robot->ours ? !robot->attached || robot->text_lines == robots->body_lines
	                             : robot->lines == CONTENT_LINES + robots->body_lines;

	if (!all_there && robots->broken == NULL)
		robots->broken = str_format("%zu lines were delivered as the whole message", robot->lines);
}

static void take_content(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (robot->lines == 0)
		robot->ours = strncmp(line, "From: Mail Delivery System", 26) == 0;
	if (strncmp(line, "Subject: ", 9) == 0 && line[9] >= '0' && line[9] <= '9')
		robot->message = strtoul(line + 9, NULL, 10) + 1;
	if (robot->ours)
		read_ours(robot, line);
	robot->text_lines += strcmp(line, TEXT_LINE) == 0;
	robot->lines++;
	if (strcmp(line, ".") != 0)
		return;
	check_whole(robots, robot);
	if (robot->ours && robot->message > 0)
		tell(robots, robot);
	if (robot->ours) {
		strbuf_add_str(out, "250 queued\r\n");
		forget_envelope(robot);
		return;
	}
	for (size_t i = 0; robot->message > 0 && i < robot->to_count; i++) {
		deliver(robots, robot, robot->to[i]);
		if (robots->lmtp || i == 0)
			strbuf_add_str(out, "250 queued\r\n");
	}
	forget_envelope(robot);
}

static void serve_relay(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (robot->in_data) {
		take_content(robots, robot, line, out);
	} else if (strncmp(line, "RCPT", 4) == 0) {
		answer_rcpt(robots, robot, line, out);
	} else if (strcmp(line, "DATA") == 0) {
		robot->in_data = robot->to_count > 0;
		strbuf_add_str(out, robot->in_data ? "354 go\r\n" : "503 nobody\r\n");
	} else if (strcmp(line, "QUIT") == 0) {
		strbuf_add_str(out, "221 bye\r\n");
	} else {
		if (strcmp(line, "RSET") == 0)
			forget_envelope(robot);
		strbuf_add_str(out, line[1] == 'H' ? "250-hi\r\n250 PIPELINING\r\n" : "250 ok\r\n");
	}
}

/* --- faults --- */

static void obey(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (robot->relay)
		serve_relay(robots, robot, line, out);
	else
		serve_pop3(robots, robot, line, out);
}

static void refuse(struct robots *robots, struct robot *robot, const char *reply, struct strbuf *out)
{
	size_t replies = robot->in_data && robots->lmtp ? robot->to_count : 1;

	if (!robot->relay) {
		strbuf_add_str(out, "-ERR refused\r\n");
		return;
	}
	for (size_t i = 0; i < replies; i++)
		strbuf_addf(out, "%s refused\r\n", reply);
	if (robot->in_data)
		forget_envelope(robot);
}

static void hang_up(struct robot *robot)
{
	robot->silent = true;
	fake_peer_close(robot->peer, STREAM_CLOSE_CUT, "connection reset");
}

static void fail(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	switch (robots->fault) {
	case FAULT_CUT_AFTER:
	case FAULT_CUT_WITHIN:
		obey(robots, robot, line, out);
		out->len = robots->fault == FAULT_CUT_WITHIN ? out->len / 2 : 0;
		hang_up(robot);
		break;
	case FAULT_CUT_BEFORE:
		hang_up(robot);
		break;
	case FAULT_REFUSE:
		refuse(robots, robot, "451", out);
		break;
	case FAULT_REFUSE_FOR_GOOD:
		refuse(robots, robot, "554", out);
		break;
	case FAULT_TOO_MANY:
		refuse(robots, robot, "452", out);
		break;
	case FAULT_FAREWELL:
		refuse(robots, robot, "421", out);
		hang_up(robot);
		break;
	case FAULT_SILENCE:
		robot->silent = true;
		break;
	case FAULT_TELL_BEFORE:
		robots->told(robots->ctx);
		if (robot->peer->stream != NULL)
			obey(robots, robot, line, out);
		break;
	case FAULT_TELL_AFTER:
		obey(robots, robot, line, out);
		robots->told(robots->ctx);
		break;
	case FAULT_NONE:
	case FAULT_COUNT:
		obey(robots, robot, line, out);
		break;
	}
}

/* Lines of content are no steps, but for the last. */
static void handle(struct robots *robots, struct robot *robot, const char *line)
{
	bool is_step = !robot->in_data || strcmp(line, ".") == 0;
	struct strbuf out = { 0 };

	if (is_step && robots->step++ == robots->fault_at)
		fail(robots, robot, line, &out);
	else
		obey(robots, robot, line, &out);
	evbuffer_add(robot->peer->to_client, strbuf_str(&out), out.len);
	strbuf_free(&out);
}

/* --- connections --- */

static struct robot *robot_of(struct robots *robots, struct fake_peer *peer)
{
	struct robot *robot = robots->list;

	while (robot != NULL && robot->peer != peer)
		robot = robot->next;
	if (robot != NULL)
		return robot;
	robot = mem_alloc(sizeof(*robot));
	*robot = (struct robot){ .peer = peer, .next = robots->list };
	robot->relay = strncmp(stream_peer(peer->stream), "relay", 5) == 0;
	robots->list = robot;
	evbuffer_add_printf(peer->to_client, robot->relay ? "220 hi\r\n" : "+OK\r\n");
	return robot;
}

static bool turn(struct robots *robots, struct fake_peer *peer)
{
	const struct robot *newest = robots->list;
	struct robot *robot = robot_of(robots, peer);
	bool greeted = robots->list != newest;
	char *line = NULL;

	if (!robot->silent)
		line = evbuffer_readln(peer->from_client, NULL, EVBUFFER_EOL_CRLF_STRICT);
	if (line != NULL)
		handle(robots, robot, line);
	free(line);
	return greeted || line != NULL;
}

bool robots_turn(struct robots *robots)
{
	for (struct fake_peer *peer = fake_net_peers(); peer != NULL; peer = peer->next) {
		if (peer->number > 0 && peer->stream != NULL && turn(robots, peer))
			return true;
	}
	return false;
}

void robots_reset(struct robots *robots)
{
	while (robots->list != NULL) {
		struct robot *robot = robots->list;

		robots->list = robot->next;
		forget_envelope(robot);
		free(robot->user);
		free(robot);
	}
	free(robots->broken);
	*robots = (struct robots){ 0 };
}
