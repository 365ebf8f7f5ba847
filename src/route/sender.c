/* SPDX-License-Identifier: ISC
 *
 * The envelope sender. What is not clearly one address gives the null sender:
 * a bounce that is not sent is better than one to a stranger.
 */
#include "sender.h"

#include <stdlib.h>
#include <string.h>

#include "multidropd/mem.h"
#include "source.h"

ssize_t sender_return_path(const struct header *header)
{
	ssize_t at = header_find(header, "Return-Path", 0);

	return at >= 0 && (size_t)at < header->first_received ? at : -1;
}

static char *from_text(struct span text)
{
	struct address address;
	char *sender;

	if (address_parse_sender(&address, text) < 0)
		return mem_strdup("");
	sender = address_format(&address);
	address_free(&address);
	return sender;
}

static char *from_field(const struct header *header, ssize_t index)
{
	if (index < 0 || header->fields[index].oversize)
		return mem_strdup("");
	return from_text(header->fields[index].value);
}

static char *from_named_field(const struct route_rules *rules, const struct header *header)
{
	char *name = mem_strndup(rules->sender, strlen(rules->sender) - 1);
	char *sender = from_field(header, source_find_stamp(rules, header, name));

	free(name);
	return sender;
}

char *sender_find(const struct route_rules *rules, const struct header *header, const struct env *env)
{
	size_t len = rules->sender != NULL ? strlen(rules->sender) : 0;

	if (len == 0 || span_is(span_of(rules->sender), "return-path"))
		return env != NULL ? from_text(env->sender) : from_field(header, sender_return_path(header));
	if (rules->sender[len - 1] == ':')
		return from_named_field(rules, header);
	return span_dup(env_address(span_of(rules->sender)));
}
