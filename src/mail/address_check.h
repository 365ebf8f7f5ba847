/* SPDX-License-Identifier: ISC
 *
 * Which bytes may stand in the parts of an address.
 */
#ifndef MULTIDROPD_MAIL_ADDRESS_CHECK_H
#define MULTIDROPD_MAIL_ADDRESS_CHECK_H

#include <stdbool.h>

#include "multidropd/str.h"

/* RFC 5322 3.2.3; bytes above 0x7f count as such (RFC 6532). */
bool address_is_atext(char byte);

/*
 * An unquoted local part that may go into a command: not empty, no control
 * characters, UTF-8 where it is 8-bit, no RFC 2047 word. With `routed`, also
 * nothing that a relay may take for a route of its own: % and !.
 */
bool address_check_local(struct span local, bool routed);

/* Labels of ASCII letters, digits, - and _ between dots (RFC 5321 4.1.2, RFC 1035 2.3.4). */
bool address_check_domain(struct span domain);

#endif
