/* SPDX-License-Identifier: ISC
 *
 * Giving up what is not needed, before threads and before the first byte from
 * outside.
 */
#ifndef MULTIDROPD_PRIVILEGE_H
#define MULTIDROPD_PRIVILEGE_H

/* Becomes user and group for good, when started as root and a user is given. -1 with *error (the caller frees). */
int privilege_drop(const char *user, const char *group, char **error) __attribute__((warn_unused_result));

/* Private files, no core files, not to be traced, no new privileges, no signal for a broken pipe or a full disk. */
void privilege_harden(void);

#endif
