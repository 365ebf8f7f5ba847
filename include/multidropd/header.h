/* SPDX-License-Identifier: ISC
 *
 * The header of a message in canonical lines (RFC 5322 2.2, 3.6).
 */
#ifndef MULTIDROPD_HEADER_H
#define MULTIDROPD_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

#define HEADER_MAX (1024u * 1024u)          /* what is read for routing */
#define HEADER_FIELD_MAX (256u * 1024u)     /* a longer field is not parsed: `oversize` */
#define HEADER_FIELDS_MAX 10000u            /* more: what follows is `rest`, as if the block were too large */
#define HEADER_RECEIVED_MAX 100u            /* more: a loop */

/* Finds the blank line in a stream of canonical bytes. Zeroed before the first byte. */
struct header_scan {
	uint8_t state;
	size_t seen;
};

/*
 * Returns how many of `len` bytes belong to the header, the blank line
 * included; *ended is set when that was reached, or when HEADER_MAX was (then
 * *capped, too). What is left is body.
 */
size_t header_scan_feed(struct header_scan *scan, const char *data, size_t len, bool *ended, bool *capped);

struct header_field {
	struct span raw;        /* all of it, folding and last CRLF included */
	struct span name;       /* as written, without the colon */
	struct span value;      /* behind the colon, folding still inside, last CRLF off */
	bool broken;            /* no colon, blanks in or behind the name, or not a name: for routing no field at all */
	bool oversize;          /* over HEADER_FIELD_MAX */
	bool mbox_line;         /* "From …" or ">From …" of the mbox format on top: broken, and no part of the message */
};

/* Spans point into the bytes that were parsed. */
struct header {
	struct header_field *fields;
	size_t count;
	size_t routing_count;   /* fields before the first line without a colon: only these count for routing */
	size_t first_received;  /* index, or routing_count when there is none */
	size_t received_count;  /* within routing_count */
	struct span rest;       /* the blank line, or what a limit cut off, from the field at the cut on */
	bool capped;            /* by HEADER_MAX or HEADER_FIELDS_MAX */
};

void header_parse(struct header *header, struct span bytes, bool capped);
void header_free(struct header *header);

/* The next field of exactly this name, any case, from index `start` within routing_count; -1: none. */
ssize_t header_find(const struct header *header, const char *name, size_t start);

/* Appends the value unfolded: each CRLF before a blank or tab goes, the blank stays. */
void header_unfold(struct span value, struct strbuf *out);

/*
 * Hands the fields that identify a message to `sink`, in order: all but those
 * that mailbox servers change (Status, X-Status, X-Keywords, X-UID, X-UIDL,
 * X-IMAP, Content-Length, Lines). The same bytes whether they came by RETR or
 * TOP. Meant for a digest.
 */
void header_identity(const struct header *header, void (*sink)(void *ctx, struct span bytes), void *ctx);

#endif
