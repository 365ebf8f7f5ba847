/* SPDX-License-Identifier: ISC
 *
 * The sentences that the collector's scripts are made of. The POP3 server is
 * connection 1 and the relay connection 2, unless a script says otherwise;
 * the server has no CAPA and takes commands in flight.
 */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "world.h"

#define LISTED_NONE "S: +OK\nS: .\nS: +OK\nS: .\n"
#define LISTED(uid) "S: +OK\nS: 1 " uid "\nS: .\nS: +OK\nS: 1 100\nS: .\n"
#define LISTED_TWO(one, other) "S: +OK\nS: 1 " one "\nS: 2 " other "\nS: .\nS: +OK\nS: 1 100\nS: 2 100\nS: .\n"

/* A message by its stamp; what the relay gets of it is CONTENT. */
#define HEADER_STAMPED(to)                                                                                             \
	"S: +OK\nS: Return-Path: <ann@far.example>\nS: X-Envelope-To: " to "\nS: Subject: hi\nS: \nS: .\n"
#define HEADER(to) HEADER_STAMPED(to "@office.example")
#define MESSAGE_BEGINS(to)                                                                                             \
	"S: +OK\nS: Return-Path: <ann@far.example>\nS: X-Envelope-To: " to "\nS: Subject: hi\nS: \nS: text\n"
#define MESSAGE_STAMPED(to) MESSAGE_BEGINS(to) "S: .\n"
#define MESSAGE(to) MESSAGE_STAMPED(to "@office.example")
#define CONTENT "C: Subject: hi\nC: \nC: text\nC: .\n"

#define MAIL "C: MAIL FROM:<ann@far.example>\n"
#define RCPT(to) "C: RCPT TO:<" to "@office.example>\n"
#define DATA "C: DATA\n"
#define OK "S: 250 ok\n"
#define OK_POP "S: +OK\n"
#define GO "S: 354 go\n"
#define TAKEN(to) "S: 250 queued\nEXPECT delivered " to "@office.example: 250 queued\n"

/* The first poll up to the message "a" for one recipient, its delivery, and the end that it should have. */
#define BEGUN WORLD_LOGIN LISTED("a") "CONNECT\n" WORLD_RELAY "@1\nC: RETR 1\n"
#define FETCHED(to) BEGUN MESSAGE(to)
#define DELIVERED(to)                                                                                                  \
	"@2\n" MAIL RCPT(to)                                                                                           \
	DATA OK OK GO CONTENT TAKEN(to)
#define DELETED(uid, to)                                                                                               \
	"@1\nC: DELE 1\nS: +OK\n" WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n"                           \
	"CALL describe\nEXPECT " uid " deleted has: " to "@office.example owed:\n"

#endif
