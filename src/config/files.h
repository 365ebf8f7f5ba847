/* SPDX-License-Identifier: ISC
 *
 * Files that the configuration names: are they there, may the daemon read
 * them, may others?
 */
#ifndef MULTIDROPD_CONFIG_FILES_H
#define MULTIDROPD_CONFIG_FILES_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILES_GROUPS_MAX 256

/* The user that reads secrets at each login, which may not be the one that checks. */
struct reader_identity {
	bool known; /* false: ourselves, the kernel answers */
	uid_t uid;
	gid_t gid;
	gid_t groups[FILES_GROUPS_MAX];
	int group_count;
	bool has_own_group; /* `gid` is the group of an unprivileged daemon */
};

/* `user`: a name, or "" for the effective user. -1: there is no such user. */
int files_identify(struct reader_identity *identity, const char *user) __attribute__((warn_unused_result));

/* In $CREDENTIALS_DIRECTORY, where systemd answers for who may read. */
bool files_is_credential(const char *path);

/* Each returns NULL, or "PATH …: what to do" (the caller frees). */
char *files_check_readable(const char *path, const struct reader_identity *identity);
char *files_check_folder(const char *path, const struct reader_identity *identity);
char *files_check_writable(const char *folder, const struct reader_identity *identity);
char *files_check_private(const char *path, const struct stat *status, const struct reader_identity *identity);
/* readable and private */
char *files_check_secret(const char *path, const struct reader_identity *identity);
/* The program of a command line, where it is given as a path. */
char *files_check_command(const char *command);

#endif
