/* SPDX-License-Identifier: ISC
 *
 * Is a text what it has to be? Each check answers NULL, or a static text that
 * goes behind `OPTION = "VALUE"` and says what is wrong and what to write.
 */
#ifndef MULTIDROPD_CONFIG_SYNTAX_H
#define MULTIDROPD_CONFIG_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

const char *syntax_check_any(const char *value);         /* nothing is wrong */
const char *syntax_check_given(const char *value);       /* not empty */
const char *syntax_check_host(const char *value);        /* DNS name or address literal, without a port */
const char *syntax_check_hostname(const char *value);    /* for EHLO: a host, or a literal in brackets */
const char *syntax_check_domain(const char *value);      /* "a.example", or ".a.example": it and all below */
const char *syntax_check_one_domain(const char *value);  /* "a.example" */
const char *syntax_check_by(const char *value);          /* as a domain, or a literal in brackets */
const char *syntax_check_literal(const char *value);     /* IPv4 or IPv6 */
const char *syntax_check_address(const char *value);     /* local@domain, or a bare local part */
const char *syntax_check_local(const char *value);       /* the part before the @, quoted where it must be */
const char *syntax_check_sender(const char *value);      /* return-path, an address, "<>" or "Name:" */
const char *syntax_check_envelope(const char *value);    /* a field's name, Received or *ENV */
const char *syntax_check_field(const char *value);       /* a field's name */
const char *syntax_check_line(const char *value);        /* "Name: value", a field to add to messages */
const char *syntax_check_fingerprint(const char *value); /* sha256:HEX */
const char *syntax_check_tls_version(const char *value);
const char *syntax_check_auth(const char *value); /* a mechanism, or auto */

/* What passed its check, in the form in which it is stored. The caller frees. */
char *syntax_form_domain(const char *value);   /* domain_ascii */
char *syntax_form_address(const char *value);  /* with an internationalised domain in A-labels */
char *syntax_form_sender(const char *value);   /* the same where it is an address */
char *syntax_form_envelope(const char *value); /* Received and *ENV in this case */

/* The @ that ends the local part, which may be quoted; NULL: a bare local part. */
const char *syntax_find_at(const char *address);

/* A byte below 0x20, or 0x7f. */
bool syntax_has_control(const char *value);

/*
 * "HOST", "HOST:PORT", "[IPV6]:PORT", "[IPV6]" or a bare IPv6 address. NULL
 * with *host (the caller frees, brackets off) and *port (0: none given).
 */
const char *syntax_split_host(const char *value, char **host, uint16_t *port);

#endif
