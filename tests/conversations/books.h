/* SPDX-License-Identifier: ISC
 *
 * What the daemon's log says goes into the robots' books, and in the end the
 * books are judged: everybody has what is theirs, once, or the log says why
 * not.
 */
#ifndef TESTS_BOOKS_H
#define TESTS_BOOKS_H

#include "robots.h"

/* A line of the log, as it is written. */
void books_read(struct robots *robots, const char *line);
/* After all is over; robots->broken says what is wrong. */
void books_judge(struct robots *robots);
/* Nothing is left to do: all is gone or stays for a reason. */
bool books_are_closed(const struct robots *robots);

#endif
