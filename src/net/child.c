/* SPDX-License-Identifier: ISC
 *
 * Runs a command and collects what it says. The end is seen through a pidfd,
 * so that nobody else's children are touched and no SIGCHLD is needed.
 */
#include "multidropd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_private.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"

#define CHILD_LINE_MAX 512u /* of standard error: longer ones are logged in pieces */
#define CHILD_LINES_MAX 32u /* further ones are read and dropped */

/* A process that was killed and is only waited for; the loop's guest, because its owner does not wait. */
struct corpse {
	struct loop_guest guest;
	pid_t pid;
	int pidfd;
	struct watch *watch;
};

struct child {
	struct loop *loop;
	char *label;
	char *command; /* argv[0], for the texts */
	child_done_fn *done;
	void *ctx;
	int64_t deadline_ms;
	struct timer *deadline; /* or, if it could not start, the moment to say so */
	char *start_error;

	pid_t pid; /* 0: none, or reaped */
	int pidfd;
	struct watch *exit_watch;

	int out_fd;
	struct watch *out_watch;
	char *output; /* of full size from the start: growing would leave copies behind */
	size_t output_len;

	int err_fd;
	struct watch *err_watch;
	char line[CHILD_LINE_MAX];
	size_t line_len;
	unsigned lines;
};

static void corpse_bury(struct corpse *corpse)
{
	waitpid(corpse->pid, NULL, WNOHANG);
	watch_free(&corpse->watch);
	close(corpse->pidfd);
	free(corpse);
}

static void corpse_release(struct loop_guest *guest)
{
	corpse_bury((struct corpse *)guest);
}

static void on_corpse(void *ctx)
{
	struct corpse *corpse = ctx;

	loop_guest_remove(&corpse->guest);
	corpse_bury(corpse);
}

/* The group, not only the command: a shell's children hold our pipes and perhaps a secret. */
static void kill_group(struct child *child)
{
	struct corpse *corpse;

	if (child->pid == 0)
		return;
	kill(-child->pid, SIGKILL);
	corpse = mem_alloc(sizeof(*corpse));
	corpse->pid = child->pid;
	corpse->pidfd = child->pidfd;
	corpse->watch = loop_watch_read(child->loop, corpse->pidfd, on_corpse, corpse);
	loop_guest_add(child->loop, &corpse->guest, corpse_release);
	child->pid = 0;
	child->pidfd = -1;
}

static void close_fd(struct watch **watch, int *fd)
{
	watch_free(watch);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void free_output(char *output)
{
	if (output != NULL)
		mem_wipe(output, CHILD_OUTPUT_MAX);
	free(output);
}

static void child_dispose(struct child *child)
{
	kill_group(child);
	close_fd(&child->exit_watch, &child->pidfd);
	close_fd(&child->out_watch, &child->out_fd);
	close_fd(&child->err_watch, &child->err_fd);
	timer_free(&child->deadline);
	free_output(child->output);
	free(child->start_error);
	free(child->command);
	free(child->label);
	free(child);
}

/* `take_error` NULL: all is well. Output and error outlive the child by one call. */
static void child_finish(struct child *child, char *take_error)
{
	child_done_fn *done = child->done;
	void *ctx = child->ctx;
	char *output = child->output;
	size_t len = take_error == NULL ? child->output_len : 0;

	child->output = NULL;
	child_dispose(child);
	done(ctx, span_make(output, len), take_error);
	free_output(output);
	free(take_error);
}

static void log_line_of(struct child *child)
{
	struct span line = span_trim(span_make(child->line, child->line_len));

	child->line_len = 0;
	if (line.len == 0 || child->lines > CHILD_LINES_MAX)
		return;
	if (child->lines++ == CHILD_LINES_MAX)
		log_warning("%s: %s writes more to standard error than is logged", child->label, child->command);
	else
		log_warning("%s: %s: %.*s", child->label, child->command, (int)line.len, line.data);
}

static void take_error_bytes(struct child *child, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n')
			child->line[child->line_len++] = bytes[i] != '\0' ? bytes[i] : ' ';
		if (bytes[i] == '\n' || child->line_len == sizeof(child->line))
			log_line_of(child);
	}
}

/* One read, so that a child that never stops talking does not stop the loop. */
static void on_stderr(void *ctx)
{
	struct child *child = ctx;
	char bytes[4096];
	ssize_t got = read(child->err_fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		take_error_bytes(child, bytes, (size_t)got);
		return;
	}
	log_line_of(child);
	close_fd(&child->err_watch, &child->err_fd);
}

/* false: more than fits, the child is finished and gone. */
static bool read_output(struct child *child)
{
	char beyond;
	size_t room = CHILD_OUTPUT_MAX - child->output_len;
	ssize_t got = read(child->out_fd, room > 0 ? child->output + child->output_len : &beyond, room > 0 ? room : 1);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0) {
		close_fd(&child->out_watch, &child->out_fd);
		return true;
	}
	if (room > 0) {
		child->output_len += (size_t)got;
		return true;
	}
	mem_wipe(&beyond, 1);
	child_finish(child, str_format("%s: more than %u bytes of output", child->command, CHILD_OUTPUT_MAX));
	return false;
}

static void on_stdout(void *ctx)
{
	read_output(ctx);
}

static char *exit_error(const struct child *child, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return NULL;
	if (WIFEXITED(status))
		return str_format("%s ended with status %d", child->command, WEXITSTATUS(status));
	return str_format("%s was killed by signal %d (%s)", child->command, WTERMSIG(status),
	                  strsignal(WTERMSIG(status)));
}

/* What the pipe held when the command ended is taken; whoever else still has its other end is not waited for. */
static bool drain_pipes(struct child *child)
{
	size_t before;

	do {
		before = child->output_len;
		if (child->out_fd >= 0 && !read_output(child))
			return false;
	} while (child->out_fd >= 0 && child->output_len > before);
	for (unsigned reads = 0; child->err_fd >= 0 && reads < CHILD_LINES_MAX; reads++)
		on_stderr(child);
	log_line_of(child);
	return true;
}

static void on_ended(void *ctx)
{
	struct child *child = ctx;
	int status;
	pid_t reaped = waitpid(child->pid, &status, WNOHANG);

	if (reaped == 0)
		return;
	if (reaped < 0) {
		child->pid = 0;
		child_finish(child, str_format("%s: its end could not be seen: %s", child->command, strerror(errno)));
		return;
	}
	child->pid = 0;
	if (drain_pipes(child))
		child_finish(child, exit_error(child, status));
}

static void on_deadline(void *ctx)
{
	struct child *child = ctx;
	char *error = child->start_error;

	child->start_error = NULL;
	if (error == NULL)
		error = str_format("%s did not end within %lld ms", child->command, (long long)child->deadline_ms);
	child_finish(child, error);
}

/* Signals as a fresh process expects them: we ignore SIGPIPE, and an ignored signal is inherited. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t signals;
	int failed;

	sigfillset(&signals);
	failed = posix_spawnattr_setsigdefault(attributes, &signals);
	sigemptyset(&signals);
	if (failed == 0)
		failed = posix_spawnattr_setsigmask(attributes, &signals);
	if (failed == 0)
		failed = posix_spawnattr_setpgroup(attributes, 0);
	if (failed == 0)
		failed = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
		                                                      POSIX_SPAWN_SETPGROUP);
	return failed;
}

static int set_files(posix_spawn_file_actions_t *files, int out, int err)
{
	int failed = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (failed == 0)
		failed = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
	if (failed == 0)
		failed = posix_spawn_file_actions_adddup2(files, err, STDERR_FILENO);
	if (failed == 0)
		failed = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return failed;
}

/* 0 or an errno. */
static int spawn(struct child *child, char *const argv[], int out, int err)
{
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t files;
	int failed;

	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&files);
	failed = set_attributes(&attributes);
	if (failed == 0)
		failed = set_files(&files, out, err);
	if (failed == 0)
		failed = posix_spawnp(&child->pid, argv[0], &files, &attributes, argv, environ);
	if (failed != 0)
		child->pid = 0;
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return failed;
}

/*
 * Only our ends are non-blocking: the child may not expect that of its own.
 * Above standard error, or the dup2 of the one would overwrite the other.
 */
static int open_pipe(int *ours, int *theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	*ours = fcntl(ends[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	*theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(ends[0]);
	close(ends[1]);
	if (*ours < 0 || *theirs < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
		return errno;
	return 0;
}

static int child_start(struct child *child, char *const argv[])
{
	int out = -1;
	int err = -1;
	int failed = open_pipe(&child->out_fd, &out);

	if (failed == 0)
		failed = open_pipe(&child->err_fd, &err);
	if (failed == 0)
		failed = spawn(child, argv, out, err);
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	if (failed != 0)
		return failed;
	child->pidfd = pidfd_open(child->pid, 0);
	if (child->pidfd >= 0)
		return 0;
	failed = errno;
	kill(-child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	child->pid = 0;
	return failed;
}

struct child *child_run(struct loop *loop, char *const argv[], int64_t deadline_ms, const char *label,
                        child_done_fn *done, void *ctx)
{
	struct child *child = mem_alloc(sizeof(*child));
	int failed;

	child->loop = loop;
	child->label = mem_strdup(label);
	child->command = mem_strdup(argv[0]);
	child->done = done;
	child->ctx = ctx;
	child->deadline_ms = deadline_ms;
	child->deadline = timer_new(loop, on_deadline, child);
	child->output = mem_alloc(CHILD_OUTPUT_MAX);
	child->pidfd = child->out_fd = child->err_fd = -1;
	failed = child_start(child, argv);
	if (failed != 0) {
		child->start_error = str_format("%s cannot be run: %s", child->command, strerror(failed));
		timer_arm(child->deadline, 0);
		return child;
	}
	child->exit_watch = loop_watch_read(loop, child->pidfd, on_ended, child);
	child->out_watch = loop_watch_read(loop, child->out_fd, on_stdout, child);
	child->err_watch = loop_watch_read(loop, child->err_fd, on_stderr, child);
	timer_arm(child->deadline, deadline_ms);
	return child;
}

void child_cancel(struct child **child)
{
	if (*child != NULL)
		child_dispose(*child);
	*child = NULL;
}
