/* SPDX-License-Identifier: ISC
 *
 * One daemon a state file. The lock lies on a file beside it, because locks
 * on the database itself would shut out sqlite3, and it is never removed: a
 * second daemon could then lock a file that nobody else sees.
 */
#include "ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "multidropd/mem.h"

#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 60000
#define CLOSE_GRACE_MS 500

/* The number in the lock file, 0 where there is none. It is said to a human, nothing hangs on it. */
static uint64_t holder_pid(int fd)
{
	char text[32];
	ssize_t len = pread(fd, text, sizeof(text), 0);
	uint64_t pid;

	if (len <= 0 || !span_number(span_trim(span_make(text, (size_t)len)), &pid))
		return 0;
	return pid;
}

static enum ledger_result explain_busy(const char *path, int fd, char **error)
{
	uint64_t pid = holder_pid(fd);

	if (pid > 0)
		*error = str_format("%s: in use by another multidropd (pid %llu)", path, (unsigned long long)pid);
	else
		*error = str_format("%s: in use by another multidropd", path);
	return LEDGER_BUSY;
}

static enum ledger_result explain_unusable(const char *lock_path, char **error)
{
	*error = str_format("%s: cannot be opened and locked: %s; the state file's folder must exist and be writable",
	                    lock_path, strerror(errno));
	return LEDGER_UNUSABLE;
}

static void write_pid(int fd)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	/* The lock holds without it. */
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

static enum ledger_result take_lock(const char *path, int *fd, char **error)
{
	char *lock_path = str_format("%s.lock", path);
	enum ledger_result result = LEDGER_OK;

	*fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (*fd < 0)
		result = explain_unusable(lock_path, error);
	else if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
		result = errno == EWOULDBLOCK ? explain_busy(path, *fd, error) : explain_unusable(lock_path, error);
	else
		write_pid(*fd);
	if (result != LEDGER_OK && *fd >= 0)
		close(*fd);
	free(lock_path);
	return result;
}

enum ledger_result ledger_lock(const char *path, struct ledger **ledger, char **error)
{
	struct ledger *made;
	int fd;
	enum ledger_result result = take_lock(path, &fd, error);

	*ledger = NULL;
	if (result != LEDGER_OK)
		return result;
	made = mem_alloc(sizeof(*made));
	made->path = mem_strdup(path);
	made->lock_fd = fd;
	made->event_fd = -1;
	made->retry_first_ms = RETRY_FIRST_MS;
	made->retry_max_ms = RETRY_MAX_MS;
	made->close_grace_ms = CLOSE_GRACE_MS;
	TAILQ_INIT(&made->waiting);
	STAILQ_INIT(&made->queue);
	STAILQ_INIT(&made->results);
	STAILQ_INIT(&made->batch);
	STAILQ_INIT(&made->messages.dirty);
	*ledger = made;
	return LEDGER_OK;
}
