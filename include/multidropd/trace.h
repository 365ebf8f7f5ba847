/* SPDX-License-Identifier: ISC
 *
 * The trace field that we add (RFC 5321 4.4).
 */
#ifndef MULTIDROPD_TRACE_H
#define MULTIDROPD_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "multidropd/str.h"

struct trace {
	const char *from_host;      /* the POP3 server as configured */
	const char *by_host;        /* our hostname */
	bool tls;                   /* POP3S instead of POP3 */
	const char *id;             /* account and message for humans; NULL: left out */
	const char *recipient;      /* only for a single recipient; NULL: no `for` */
	int64_t wall_s;
};

/* One Received field, folded, with its last CRLF. Whatever is in the texts, no line but ours comes out. */
void trace_format(const struct trace *trace, struct strbuf *out);

/* The value of a Received field: one that trace_format wrote for this host, however it was folded since. */
bool trace_is_ours(struct span value, const char *by_host);

#endif
