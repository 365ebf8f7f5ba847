/* SPDX-License-Identifier: ISC
 *
 * The header as it is delivered: what the administrator wants added, renamed
 * or left out. Pure.
 */
#ifndef MULTIDROPD_EDIT_H
#define MULTIDROPD_EDIT_H

#include <stdbool.h>

#include "multidropd/header.h"
#include "multidropd/str.h"

/* Borrowed; a list may be NULL. */
struct header_edits {
	const struct strlist *strip;            /* names: exact, any case, wherever they stand */
	const struct strlist *add;              /* lines "Name: value", checked with the configuration */
	bool fix_message_id;                    /* an invalid Message-ID becomes X-Invalid-Message-ID */
	bool other_body;                        /* another body follows: see below */
};

/*
 * Appends `trace` (whole fields, may be empty), the lines of `add`, the
 * message's fields and header->rest. Left out are the fields for which
 * `remove` (by index; NULL: none) is true, those of `strip` and the mbox line.
 * Every other field goes out byte for byte. With `other_body` MIME-Version, all
 * fields Content-…, broken ones, which would end the header for some, and
 * header->rest with the blank line are left out, too.
 */
void header_edit(const struct header *header, const struct header_edits *edits, const bool *remove, struct span trace,
                 struct strbuf *out);

/*
 * The value of a Message-ID field holds one msg-id, folding and comments
 * around it apart (RFC 5322 3.6.4). Of the obsolete forms (4.5.4) quoted
 * strings and atoms beside them pass; blanks or comments between the brackets
 * do not, nor 8-bit text: other readers take those for something else.
 */
bool header_message_id_is_valid(struct span value);

#endif
