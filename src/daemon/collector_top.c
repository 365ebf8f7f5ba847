/* SPDX-License-Identifier: ISC
 *
 * TOP: the header of a message whose UID alone does not say which it is.
 */
#include "collector_private.h"

void collector_top_free(struct collector *collector)
{
	strbuf_free(&collector->top_header);
	budget_release(collector->env.share, collector->top_reserved);
	collector->top_reserved = 0;
}

void collector_top_begun(struct collector *collector)
{
	collector->top_scan = (struct header_scan){ 0 };
	collector->top_done = false;
	collector_top_free(collector);
}

void collector_top_bytes(struct collector *collector, struct span bytes)
{
	bool ended = false, capped = false;

	if (collector->top_done)
		return;
	bytes.len = header_scan_feed(&collector->top_scan, bytes.data, bytes.len, &ended, &capped);
	strbuf_add_span(&collector->top_header, bytes);
	budget_force(collector->env.share, bytes.len);
	collector->top_reserved += bytes.len;
	collector->top_done = ended;
	collector->top_capped = capped;
}

static void identify(struct collector *collector, struct ledger_entry *entry)
{
	uint8_t hash[LEDGER_HASH_LEN];
	struct header header;

	header_parse(&header, strbuf_span(&collector->top_header), collector->top_capped);
	message_hash(&header, hash);
	header_free(&header);
	collector_identified(collector, entry, hash);
}

/* Where TOP is refused, RETR will tell. */
void collector_top_ended(struct collector *collector, struct ledger_entry *entry, enum pop3_message_end how)
{
	if (how == POP3_MESSAGE_COMPLETE)
		identify(collector, entry);
	else if (how == POP3_MESSAGE_REFUSED)
		collector_unidentified(collector, entry);
	collector_top_free(collector);
}
