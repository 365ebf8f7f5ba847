/* SPDX-License-Identifier: ISC
 *
 * The two robots: their connections, and what goes wrong.
 */
#include "robots.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "robots_private.h"

/* --- what both know --- */

void robots_break(struct robots *robots, const char *format, ...)
{
	struct strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	strbuf_vaddf(&text, format, args);
	va_end(args);
	if (robots->broken == NULL)
		robots->broken = strbuf_take(&text);
	strbuf_free(&text);
}

size_t robots_message_lines(const struct robots *robots, size_t message)
{
	size_t lines = robots->messages[robots->messages[message].same_as].body_lines;

	return lines > 0 ? lines : robots->body_lines;
}

void robots_body_line(struct strbuf *out, size_t message, size_t at)
{
	strbuf_addf(out, "%sline %zu of message %zu, long enough to be one of a large one's", at % 7 == 3 ? "." : "",
	            at, message);
}

bool robots_may_have_refused(const struct robots *robots, const char *recipient)
{
	return strncmp(recipient, "never", 5) == 0 || strncmp(recipient, "full", 4) == 0 || robots->refusals > 0 ||
	       robots->gives_up;
}

size_t robots_message_id(const struct robots *robots, size_t message)
{
	size_t same_id = robots->messages[message].same_id;

	return same_id > 0 ? same_id - 1 : robots->messages[message].same_as;
}

size_t robots_find_message(const struct robots *robots, const char *text)
{
	for (size_t i = 0; i < robots->message_count; i++) {
		char id[48];

		snprintf(id, sizeof(id), "<%zu@far.example>", i);
		if (strstr(text, id) != NULL)
			return i;
	}
	return robots->message_count;
}

/* --- faults --- */

static void obey(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (robot->relay)
		robot_relay_obey(robots, robot, line, out);
	else
		robot_pop3_obey(robots, robot, line, out);
}

static void refuse(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	static const unsigned codes[FAULT_COUNT] = {
		[FAULT_REFUSE] = 451, [FAULT_REFUSE_FOR_GOOD] = 554, [FAULT_TOO_MANY] = 452, [FAULT_FAREWELL] = 421,
		[FAULT_DENY] = 451,   [FAULT_REFUSE_AS_TOLD] = 450
	};
	bool told = robots->fault == FAULT_REFUSE_AS_TOLD && robots->code > 0;

	if (robot->relay)
		robot_relay_refuse(robots, robot, told ? robots->code : codes[robots->fault], out);
	else
		robot_pop3_refuse(robots, robot, line, out);
}

static void hang_up(struct robot *robot)
{
	robot->silent = true;
	fake_peer_close(robot->peer, STREAM_CLOSE_CUT, "connection reset");
}

static void cut(const struct robots *robots, struct robot *robot, struct strbuf *out)
{
	size_t len = out->len / 2;

	if (robots->fault == FAULT_CUT_AFTER)
		len = 0;
	else if (robots->cut_at > 0)
		len = robots->cut_at % (out->len + 1);
	out->len = len;
	hang_up(robot);
}

static void say_garbage(struct strbuf *out)
{
	strbuf_clear(out);
	strbuf_add_str(out, "what?\r\n");
}

/*
 * Only where it can be seen. A server that answers RETR with two replies
 * cannot be told from one that gave a message, nor a relay that answers DATA
 * with two from one that took the message at once.
 */
static void say_one_more(struct robots *robots, const struct robot *robot, const char *line, struct strbuf *out)
{
	bool hidden = robot->relay ? strcmp(line, "DATA") == 0 : robot->logged_in && strcmp(line, "QUIT") != 0;

	if (hidden)
		return;
	/* From now on each of its replies is taken for the next command's. */
	robots->refusals += robot->relay;
	strbuf_add_str(out, robot->relay ? "250 and more\r\n" : "+OK\r\n");
}

static void fail(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	switch (robots->fault) {
	case FAULT_CUT_AFTER:
	case FAULT_CUT_WITHIN:
		obey(robots, robot, line, out);
		cut(robots, robot, out);
		break;
	case FAULT_CUT_BEFORE:
		hang_up(robot);
		break;
	case FAULT_REFUSE:
	case FAULT_REFUSE_FOR_GOOD:
	case FAULT_REFUSE_AS_TOLD:
	case FAULT_TOO_MANY:
		refuse(robots, robot, line, out);
		break;
	case FAULT_FAREWELL:
		refuse(robots, robot, line, out);
		hang_up(robot);
		break;
	case FAULT_DEAF:
		robot->peer->stalled = true;
		robot->silent = true;
		break;
	case FAULT_SILENCE:
		robot->silent = true;
		break;
	case FAULT_DENY:
		if (strncmp(line, "DELE", 4) == 0 || (!robot->relay && strcmp(line, "QUIT") == 0))
			obey(robots, robot, line, out);
		strbuf_clear(out);
		refuse(robots, robot, line, out);
		break;
	case FAULT_UNDO:
	case FAULT_EMPTY:
		robot->undoes = robot->undoes || robots->fault == FAULT_UNDO;
		robot->empty = robot->empty || robots->fault == FAULT_EMPTY;
		obey(robots, robot, line, out);
		break;
	case FAULT_GARBAGE:
		obey(robots, robot, line, out);
		say_garbage(out);
		break;
	case FAULT_ONE_MORE:
		obey(robots, robot, line, out);
		say_one_more(robots, robot, line, out);
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

/* In the middle of the content nothing is answered: the connection breaks, or what the fault tells comes. */
static void fail_in_content(struct robots *robots, struct robot *robot, const char *line, struct strbuf *out)
{
	if (robots->fault == FAULT_TELL_BEFORE || robots->fault == FAULT_TELL_AFTER || robots->fault == FAULT_SILENCE ||
	    robots->fault == FAULT_DEAF)
		fail(robots, robot, line, out);
	else
		hang_up(robot);
}

static bool is_time(struct robots *robots, const struct robot *robot, const char *line, bool is_step)
{
	const struct robots_cue *cue = robots->cue;

	if (cue != NULL)
		return robots->fault != FAULT_NONE && robot->relay == cue->relay &&
		       strncmp(line, cue->begin, strlen(cue->begin)) == 0;
	return is_step && robots->step == robots->fault_at;
}

/* Lines of content are no steps, but for the last. */
static void handle(struct robots *robots, struct robot *robot, const char *line)
{
	bool in_content = robot->in_data && strcmp(line, ".") != 0;
	bool is_step = !in_content || robots->counts_content;
	bool fails = is_time(robots, robot, line, is_step);
	struct strbuf out = { 0 };

	robots->step += is_step;
	robots->faults += fails;
	if (fails && in_content)
		fail_in_content(robots, robot, line, &out);
	else if (fails)
		fail(robots, robot, line, &out);
	else
		obey(robots, robot, line, &out);
	evbuffer_add(robot->peer->to_client, strbuf_str(&out), out.len);
	strbuf_free(&out);
	if (fails && robots->cue != NULL)
		robots->fault = FAULT_NONE;
	if (fails && robots->fired != NULL)
		robots->fired(robots->ctx);
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
		robot_relay_forget(robot);
		free(robot->user);
		free(robot);
	}
	free(robots->broken);
	*robots = (struct robots){ 0 };
}
