/* SPDX-License-Identifier: ISC
 *
 * Addresses of header fields (RFC 5322 3.4, obsolete forms included), read
 * without recursion. RFC 2047 words are never decoded: they are no addresses.
 */
#ifndef MULTIDROPD_ADDRESS_H
#define MULTIDROPD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "multidropd/str.h"

#define ADDRESS_COMMENT_DEPTH_MAX 16
#define ADDRESS_LENGTH_MAX 1000             /* of one address; RFC 5321 4.5.3.1 asks for 320 */

/*
 * An address. `local` is unquoted: without its outer quotes and backslashes.
 * `domain` may be empty (a bare local part) and has no trailing dot.
 * Both are NUL-terminated, hold no control characters, and are owned.
 */
struct address {
	char *local;
	char *domain;
};

struct address_list {
	struct address *items;
	size_t count;
	size_t capacity;
	/* Members that are no usable address: routes, a@b@c, %, !, trailing dots, control characters, 8-bit domains, domain
	 * literals, local parts that are RFC 2047 words or not UTF-8, whatever is unterminated. */
	size_t broken;
	bool null;              /* "<>" stood there */
};

/*
 * Reads a field's value (folding inside is fine) and appends what it holds:
 * mailboxes with or without phrase, groups, comments, bare local parts. One
 * broken member does not hide the others.
 */
void address_list_parse(struct address_list *list, struct span value);
void address_list_free(struct address_list *list);

/* One addr-spec, from configuration or a path without its brackets; a bare local part is fine. -1: not one. */
int address_parse(struct address *address, struct span text) __attribute__((warn_unused_result));
/*
 * The sender in a Return-Path or the like: "<addr-spec>" or addr-spec. What is
 * refused in a recipient for its meaning to a relay (%, !) or its form (dots
 * at an end or two together) passes: nobody is routed by it, it is given back
 * as it came. -1: none, which is "<>", nothing, several, no domain, or broken.
 */
int address_parse_sender(struct address *address, struct span value) __attribute__((warn_unused_result));
void address_free(struct address *address);
void address_copy(struct address *to, const struct address *from);

/* "local@domain" or "local", the local part quoted where RFC 5321 4.1.2 wants it. The caller frees. */
char *address_format(const struct address *address);
/* Both parts without case: two recipients that differ only in case are one. */
bool address_equal(const struct address *a, const struct address *b);
bool address_is_8bit(const struct address *address);
/* The domain is `pattern` or, where that begins with a dot, what follows the dot or below it. Without case. */
bool address_domain_matches(const char *domain, const char *pattern);

#endif
