/* SPDX-License-Identifier: ISC
 *
 * Secrets out of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "syntax.h"
#include "multidropd/config.h"
#include "multidropd/mem.h"

/* A token of an identity provider takes a few KiB. */
#define SECRET_MAX 65536u

/* The bytes, one over SECRET_MAX when there are more; -1 with errno set. */
static ssize_t read_bytes(int fd, char *secret)
{
	size_t len = 0;

	while (len <= SECRET_MAX) {
		ssize_t got = read(fd, secret + len, SECRET_MAX + 1 - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static size_t without_line_end(const char *secret, size_t len)
{
	if (len > 0 && secret[len - 1] == '\n')
		len--;
	if (len > 0 && secret[len - 1] == '\r')
		len--;
	return len;
}

static char *check_bytes(const char *path, const char *secret, ssize_t len)
{
	if (len < 0)
		return str_format("%s cannot be read: %s", path, strerror(errno));
	if (len > (ssize_t)SECRET_MAX)
		return str_format("%s is too long for a secret: at most %u bytes", path, SECRET_MAX);
	if (secret[0] == '\0')
		return str_format("%s is empty: write the secret into it", path);
	if (strlen(secret) != (size_t)len || syntax_has_control(secret))
		return str_format("%s holds control characters or more than one line: write the secret alone into it",
		                  path);
	return NULL;
}

static char *read_secret(const char *path, int fd, char **error)
{
	char *secret = mem_alloc(SECRET_MAX + 2);
	ssize_t got = read_bytes(fd, secret);
	size_t len = got > 0 ? without_line_end(secret, (size_t)got) : 0;
	char *copy = NULL;

	if (got >= 0 && got <= (ssize_t)SECRET_MAX) {
		secret[len] = '\0';
		got = (ssize_t)len;
	}
	*error = check_bytes(path, secret, got);
	if (*error == NULL)
		copy = mem_strndup(secret, len);
	mem_wipe(secret, SECRET_MAX + 2);
	free(secret);
	return copy;
}

static char *check_private(const char *path, const struct stat *status, const char *daemon_user)
{
	struct reader_identity identity;

	/* Who the user is may be asked over the network: not where it makes no difference. */
	if ((status->st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return NULL;
	/* A user that is gone shares no file with anybody. */
	if (files_identify(&identity, daemon_user) != 0)
		identity.has_own_group = false;
	return files_check_private(path, status, &identity);
}

char *config_read_secret(const char *path, const char *daemon_user, char **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	char *secret = NULL;

	if (fd < 0) {
		*error = str_format("%s cannot be read: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &status) != 0)
		*error = str_format("%s cannot be read: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		*error = str_format("%s is not a regular file", path);
	else
		*error = check_private(path, &status, daemon_user);
	if (*error == NULL)
		secret = read_secret(path, fd, error);
	close(fd);
	return secret;
}
