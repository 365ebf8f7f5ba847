/* SPDX-License-Identifier: ISC
 *
 * Modes and owners.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidropd/mem.h"
#include "multidropd/str.h"

int files_identify(struct reader_identity *identity, const char *user)
{
	struct passwd *entry = user[0] != '\0' ? getpwnam(user) : getpwuid(geteuid());

	*identity = (struct reader_identity){ .gid = getegid(), .has_own_group = geteuid() != 0 };
	if (entry == NULL)
		return user[0] != '\0' ? -1 : 0;
	identity->gid = entry->pw_gid;
	identity->has_own_group = entry->pw_uid != 0;
	/* Only root will become somebody else. */
	if (geteuid() != 0 || entry->pw_uid == 0)
		return 0;
	identity->known = true;
	identity->uid = entry->pw_uid;
	identity->group_count = FILES_GROUPS_MAX;
	if (getgrouplist(entry->pw_name, entry->pw_gid, identity->groups, &identity->group_count) < 0)
		identity->group_count = FILES_GROUPS_MAX;
	return 0;
}

bool files_is_credential(const char *path)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	size_t len = folder != NULL ? strlen(folder) : 0;

	return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/' && strstr(path, "/../") == NULL;
}

static bool in_group(const struct reader_identity *identity, gid_t gid)
{
	for (int i = 0; i < identity->group_count; i++) {
		if (identity->groups[i] == gid)
			return true;
	}
	return gid == identity->gid;
}

/* What the kernel will say to the other user about the file itself; folders above it are not looked at. `bits` as for
 * the others: 4 to read, 2 to write, 1 to search. */
static bool other_may(const struct stat *status, const struct reader_identity *identity, mode_t bits)
{
	mode_t wanted = bits;

	if (status->st_uid == identity->uid)
		wanted = bits << 6;
	else if (in_group(identity, status->st_gid))
		wanted = bits << 3;
	return (status->st_mode & wanted) == wanted;
}

static char *check_access(const char *path, const struct reader_identity *identity, bool folder)
{
	/* Opened and not only asked about, because ACLs and mounts have their say; never waiting for a FIFO's writer.
	 */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (folder ? O_DIRECTORY : 0));
	struct stat status;
	char *complaint = NULL;

	if (fd < 0)
		return str_format("%s cannot be read: %s", path, strerror(errno));
	if (fstat(fd, &status) != 0)
		complaint = str_format("%s cannot be read: %s", path, strerror(errno));
	else if (!folder && !S_ISREG(status.st_mode))
		complaint = str_format("%s is not a regular file", path);
	else if (identity->known && !files_is_credential(path) && !other_may(&status, identity, 4))
		complaint =
			str_format("%s cannot be read by the daemon's user: make that user its owner (chown)", path);
	close(fd);
	return complaint;
}

char *files_check_readable(const char *path, const struct reader_identity *identity)
{
	return check_access(path, identity, false);
}

char *files_check_folder(const char *path, const struct reader_identity *identity)
{
	return check_access(path, identity, true);
}

char *files_check_writable(const char *folder, const struct reader_identity *identity)
{
	struct stat status;

	if (stat(folder, &status) != 0)
		return str_format("%s cannot be used: %s: create it for the daemon's user, mode 0700", folder,
		                  strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return str_format("%s is not a folder", folder);
	if (identity->known ? !other_may(&status, identity, 3) : access(folder, W_OK | X_OK) != 0)
		return str_format("%s cannot be written to by the daemon's user: make that user its owner (chown)",
		                  folder);
	return NULL;
}

char *files_check_private(const char *path, const struct stat *status, const struct reader_identity *identity)
{
	if ((status->st_mode & (S_IRWXG | S_IRWXO)) == 0 || files_is_credential(path))
		return NULL;
	if (status->st_uid == 0 && identity->has_own_group && status->st_gid == identity->gid &&
	    (status->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0)
		return NULL;
	return str_format("%s holds a secret and is open to others: run chmod 600 %s", path, path);
}

char *files_check_secret(const char *path, const struct reader_identity *identity)
{
	char *complaint = check_access(path, identity, false);
	struct stat status;

	if (complaint != NULL)
		return complaint;
	if (stat(path, &status) != 0)
		return str_format("%s cannot be read: %s", path, strerror(errno));
	return files_check_private(path, &status, identity);
}

char *files_check_command(const char *command)
{
	size_t len = strcspn(command, " \t\"'\\");
	char *program;
	char *complaint = NULL;

	/* Quoted or found in $PATH: whoever runs it says whether it is there. */
	if (command[0] != '/' || (command[len] != '\0' && command[len] != ' ' && command[len] != '\t'))
		return NULL;
	program = mem_strndup(command, len);
	if (access(program, X_OK) != 0)
		complaint = str_format("%s cannot be run: %s", program, strerror(errno));
	free(program);
	return complaint;
}
