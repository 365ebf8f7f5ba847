/* SPDX-License-Identifier: ISC
 *
 * The log's part of the books, and the judge.
 */
#include "books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/str.h"

/* --- the log --- */

enum remark { REMARK_NONE, REMARK_POSSIBLE, REMARK_STAYS, REMARK_SETTLED };

static enum remark remark_of(const char *line)
{
	if (strstr(line, "possible duplicate") != NULL)
		return REMARK_POSSIBLE;
	if (strstr(line, "stays on the server") != NULL)
		return strstr(line, "goes to") == NULL ? REMARK_STAYS : REMARK_NONE;
	return strstr(line, "(rejected = discard)") != NULL || strstr(line, "status=duplicate") != NULL ? REMARK_SETTLED
	                                                                                                : REMARK_NONE;
}

/* Where another message has the same UID, the Message-ID tells them apart. */
static bool is_about_message(const struct robots *robots, size_t index, const char *line)
{
	char uid[64], id[64];

	snprintf(uid, sizeof(uid), " uid=%s ", robots->messages[index].uid);
	snprintf(id, sizeof(id), " msgid=<%zu@far.example>", robots_message_id(robots, index));
	return strstr(line, uid) != NULL && (strstr(line, " msgid=") == NULL || strstr(line, id) != NULL);
}

/* A line that names nobody is about all, and one that was cut may be; of a mail of ours it names whom that is about. */
static bool is_about_recipient(const char *line, const char *recipient)
{
	const char *list = strstr(line, " about=");
	char name[ROBOTS_NAME_MAX + 1];
	size_t len;

	if (list == NULL)
		list = strstr(line, " to=");
	if (list == NULL)
		return true;
	list += strcspn(list, "=") + 1;
	len = strcspn(list, " ");
	snprintf(name, sizeof(name), "%s@", recipient);
	for (const char *at = strstr(list, name); at != NULL && at < list + len; at = strstr(at + 1, name)) {
		if (at[-1] == '=' || at[-1] == ',' || at[-1] == '"')
			return true;
	}
	return len > 0 && memmem(list, len, "\u2026", strlen("\u2026")) != NULL;
}

/* Only what a relay has refused may be discarded, and only what somebody has is a duplicate. */
static void excuse(struct robots *robots, size_t index, size_t recipient)
{
	struct robots_message *message = &robots->messages[index];
	const char *name = message->recipients[recipient];
	bool had = false;

	message->excused[recipient] = true;
	for (size_t i = 0; i < robots->message_count; i++) {
		const struct robots_message *other = &robots->messages[i];
		bool same = robots_message_id(robots, i) == robots_message_id(robots, index);

		for (size_t at = 0; same && at < other->recipient_count; at++)
			had = had || (strcmp(other->recipients[at], name) == 0 && other->copies[at] > 0);
	}
	if (!had && !robots_may_have_refused(robots, name))
		robots_break(robots, "%s: settled without a copy, and no relay has refused it", name);
}

static void note(struct robots *robots, size_t index, enum remark remark, const char *line)
{
	struct robots_message *message = &robots->messages[index];
	bool names = strstr(line, " to=") != NULL;

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (!is_about_recipient(line, message->recipients[i]))
			continue;
		message->possible[i] += remark == REMARK_POSSIBLE;
		message->kept[i] = message->kept[i] || remark == REMARK_STAYS;
		if (remark == REMARK_SETTLED)
			excuse(robots, index, i);
	}
	message->possible_notice += remark == REMARK_POSSIBLE && (!names || message->recipient_count == 0);
	message->kept_notice = message->kept_notice || remark == REMARK_STAYS;
}

void books_read(struct robots *robots, const char *line)
{
	enum remark remark = remark_of(line);

	for (size_t i = 0; remark != REMARK_NONE && i < robots->message_count; i++) {
		if (robots->messages[i].same_as == i && is_about_message(robots, i, line))
			note(robots, i, remark, line);
	}
}

/* --- the judge --- */

/* Because of this recipient. */
static bool is_kept_for(const struct robots *robots, const struct robots_message *message, size_t recipient)
{
	bool unsaid = robots->died && robots_may_have_refused(robots, message->recipients[recipient]);

	return !message->gone && (message->kept[recipient] || unsaid);
}

static bool is_kept(const struct robots *robots, const struct robots_message *message)
{
	bool kept = message->kept_notice || (message->stays && message->noticed > 0);

	for (size_t i = 0; i < message->recipient_count; i++)
		kept = kept || is_kept_for(robots, message, i);
	return kept;
}

/* Its recipient has it, or was refused and somebody told, or it is still there for a reason that the log gave. */
static bool is_settled(const struct robots *robots, const struct robots_message *message, size_t recipient)
{
	return message->copies[recipient] > 0 || message->told[recipient] > 0 || message->excused[recipient] ||
	       (robots->died && robots->discards && robots_may_have_refused(robots, message->recipients[recipient])) ||
	       is_kept_for(robots, message, recipient);
}

static void judge_message(struct robots *robots, size_t index)
{
	const struct robots_message *message = &robots->messages[index];

	for (size_t i = 0; i < message->recipient_count; i++) {
		if (!is_settled(robots, message, i))
			robots_break(robots, "message %zu: %s never got it", index, message->recipients[i]);
	}
	if (message->stays && message->noticed == 0 && !message->kept_notice)
		robots_break(robots, "message %zu stays, and nobody was told", index);
}

/*
 * Whoever deletes a message with a webmail takes it from all of its twins.
 * Where mail is kept another one under its UID is then taken for it, too:
 * known mail is told by its UID alone.
 */
static bool is_lost_to_others(const struct robots *robots, size_t index)
{
	for (size_t i = 0; i < robots->message_count; i++) {
		const struct robots_message *other = &robots->messages[i];

		if (other->vanished &&
		    (other->same_as == index || strcmp(other->uid, robots->messages[index].uid) == 0))
			return true;
	}
	return false;
}

static bool is_closed(const struct robots *robots, size_t index)
{
	const struct robots_message *message = &robots->messages[index];
	const struct robots_message *same = &robots->messages[message->same_as];

	return message->gone || is_kept(robots, same) || (robots->keeps && !message->stays);
}

void books_judge(struct robots *robots)
{
	for (size_t i = 0; i < robots->message_count; i++) {
		if (robots->messages[i].same_as == i && !is_lost_to_others(robots, i))
			judge_message(robots, i);
		if (!is_closed(robots, i))
			robots_break(robots, "message %zu stays on the server, and nothing says why", i);
	}
}

bool books_are_closed(const struct robots *robots)
{
	for (size_t i = 0; i < robots->message_count; i++) {
		if (!robots->messages[i].gone)
			return false;
	}
	return true;
}
