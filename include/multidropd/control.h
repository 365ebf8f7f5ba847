/* SPDX-License-Identifier: ISC
 *
 * What multidropctl and multidropd say to each other over the control socket
 * (unix, stream). One request a connection.
 *
 * The request is the words of the command, each ended by a NUL, and ends where
 * the client shuts down its side. The reply is the exit status for the client
 * in decimal digits, LF, and text up to the end of the stream: with status 0
 * what was asked for, else one line that says what is wrong and what to do.
 *
 *   status [ACCOUNT]            JSON as in the contract
 *   poll [--wait] [ACCOUNT...]  none: all. Text: a line an account, its outcome
 *   pause ACCOUNT...            resume ACCOUNT...
 *   messages ACCOUNT            JSON as in the contract, one message a line
 *   mark ACCOUNT fetch|delete|skip|clear UID...
 *   reset ACCOUNT               who asks first is the client
 *   metrics                     Prometheus text
 *   reload
 *   log error|warning|notice|info|debug
 */
#ifndef MULTIDROPD_CONTROL_H
#define MULTIDROPD_CONTROL_H

/* Bytes of a request; more is refused with 64. */
#define CONTROL_REQUEST_MAX (1024u * 1024u)
#define CONTROL_DEFAULT_SOCKET "/run/multidropd/control.sock"

#endif
