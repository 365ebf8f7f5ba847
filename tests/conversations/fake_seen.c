/* SPDX-License-Identifier: ISC
 *
 * Nothing is dropped but at the end: scripts are short.
 */
#include "fake_seen.h"

#include <stdlib.h>

#include "multidropd/mem.h"

#define MESSAGE_ID_MAX 998

struct fake_pair {
	int64_t mailbox;
	struct strbuf message_id;
	char *recipient;
	int64_t until_s;
};

void fake_seen_add(struct fake_seen *seen, int64_t mailbox, struct span message_id, const char *recipient,
                   int64_t until_s)
{
	struct fake_pair *pair;

	if (message_id.len == 0 || message_id.len > MESSAGE_ID_MAX)
		return;
	seen->pairs = mem_grow(seen->pairs, &seen->capacity, seen->count + 1, sizeof(*seen->pairs));
	pair = &seen->pairs[seen->count++];
	*pair = (struct fake_pair){ .mailbox = mailbox, .recipient = mem_strdup(recipient), .until_s = until_s };
	strbuf_add_span(&pair->message_id, message_id);
}

bool fake_seen_has(const struct fake_seen *seen, int64_t mailbox, struct span message_id, const char *recipient,
                   int64_t now_s)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct fake_pair *pair = &seen->pairs[i];

		if (pair->mailbox == mailbox && pair->until_s > now_s &&
		    span_equal(strbuf_span(&pair->message_id), message_id) &&
		    span_equal_case(span_of(pair->recipient), span_of(recipient)))
			return true;
	}
	return false;
}

void fake_seen_free(struct fake_seen *seen)
{
	for (size_t i = 0; i < seen->count; i++) {
		strbuf_free(&seen->pairs[i].message_id);
		free(seen->pairs[i].recipient);
	}
	free(seen->pairs);
	*seen = (struct fake_seen){ 0 };
}
