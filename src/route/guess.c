/* SPDX-License-Identifier: ISC
 *
 * fallback = headers. Whoever is resent a message is not in its To, so a block
 * of Resent- fields takes the place of To, Cc and Bcc, and each resender puts
 * one of his own on top.
 */
#include "guess.h"

#include <stdlib.h>

#include "multidropd/mem.h"
#include "recipients.h"

enum { NAMES = 3 };

static const char *const plain_names[NAMES] = { "To", "Cc", "Bcc" };
static const char *const resent_names[NAMES] = { "Resent-To", "Resent-Cc", "Resent-Bcc" };

/* NAMES: none of them. */
static size_t which_name(const struct header_field *field, const char *const names[NAMES])
{
	size_t i = 0;

	while (i < NAMES && (field->broken || !span_is(field->name, names[i])))
		i++;
	return i;
}

static void find_plain(struct guess *guess, const struct header *header)
{
	for (size_t i = 0; i < header->routing_count; i++) {
		if (which_name(&header->fields[i], plain_names) < NAMES)
			guess->fields[guess->count++] = i;
	}
}

/* RFC 5322 3.6.6, 3.6.7: a block has each name once, and trace fields stand between two blocks. */
static bool ends_block(const struct header_field *field)
{
	return !field->broken && (span_is(field->name, "Received") || span_is(field->name, "Return-Path"));
}

static void find_resent(struct guess *guess, const struct header *header)
{
	bool seen[NAMES] = { false };

	for (size_t i = 0; i < header->routing_count; i++) {
		const struct header_field *field = &header->fields[i];
		size_t name = which_name(field, resent_names);

		if (guess->count > 0 && ends_block(field))
			return;
		if (name == NAMES)
			continue;
		if (seen[name])
			return;
		seen[name] = true;
		guess->fields[guess->count++] = i;
	}
}

static const char *read_fields(struct guess *guess, const struct route_rules *rules, const struct header *header)
{
	struct recipients recipients = { 0 };
	/* Nobody stamped these fields, so there is nothing to strip. */
	struct route_rules unstripped = *rules;
	bool oversize = false;

	unstripped.strip_prefix = unstripped.strip_suffix = NULL;
	for (size_t i = 0; i < guess->count && !recipients.too_many; i++) {
		const struct header_field *field = &header->fields[guess->fields[i]];

		oversize |= field->oversize;
		if (!field->oversize)
			recipients_add(&recipients, &unstripped, field->value);
	}
	expand_add_list(&guess->expansion, rules, &recipients.ours.list);
	guess->expansion.too_many |= recipients.too_many;
	recipients_free(&recipients);
	return oversize ? "a field is too large to be read" : NULL;
}

const char *guess_make(struct guess *guess, const struct route_rules *rules, const struct header *header)
{
	const char *wrong;

	*guess = (struct guess){ .fields = mem_array(header->count, sizeof(*guess->fields)) };
	if (header->capped)
		return "the header is too large to be read to its end";
	find_resent(guess, header);
	if (guess->count == 0)
		find_plain(guess, header);
	wrong = read_fields(guess, rules, header);
	if (wrong != NULL)
		return wrong;
	if (guess->expansion.too_many)
		return "too many recipients";
	if (guess->expansion.recipients.list.count == 0 && guess->expansion.discarded.count == 0)
		return "nobody within domains";
	return NULL;
}

void guess_free(struct guess *guess)
{
	free(guess->fields);
	expand_free(&guess->expansion);
	*guess = (struct guess){ 0 };
}
