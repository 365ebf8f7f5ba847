/* SPDX-License-Identifier: ISC
 *
 * Preloaded into the daemon under test: counts the calls of one class and makes
 * one of them fail. What it reads from the environment:
 *
 *   FAILING_CLASS    the class, as the wrappers below name it
 *   FAILING_NUMBER   which call fails, from 1
 *   FAILING_CODE     with which errno, or SQLite result
 *   FAILING_LOCKED   set: only calls after the first flock(2) count, which takes the state file's lock
 *   FAILING_LATE     set: the call is done, and only its answer is the failure
 *   FAILING_REPORT   file that gets the failed call's name and who called it
 *
 * Calls within libc are not seen, so that the log can always be written.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *class; /* NULL: nothing fails */
static long number;
static int code;
static bool late;
static atomic_bool waiting; /* for the lock */
static int report = -1;
static atomic_long count;

/* Neither stdio nor malloc: it may be one of them that fails. */
static void tell(const char *what, const void *caller)
{
	char text[512];
	Dl_info who = { 0 };
	int len;

	if (report < 0)
		return;
	dladdr(caller, &who);
	len = snprintf(text, sizeof(text), "%s of %s in %s+0x%lx\n", what, who.dli_sname ? who.dli_sname : "?",
	               who.dli_fname ? who.dli_fname : "?",
	               (unsigned long)((const char *)caller - (const char *)who.dli_fbase));
	syscall(SYS_write, report, text, (size_t)len);
}

/* sqlite3_exec leaves it to finalize to say that a step failed, which knows nothing of a step that was not made. */
static bool is_sqlite_itself(const char *kind, const void *caller)
{
	Dl_info who;

	return strcmp(kind, "sqlite") == 0 && dladdr(caller, &who) != 0 && strstr(who.dli_fname, "libsqlite3") != NULL;
}

static bool fails(const char *kind, const char *what, const void *caller)
{
	if (strcmp(what, "flock") == 0)
		waiting = false;
	if (class == NULL || waiting || strcmp(class, kind) != 0 || is_sqlite_itself(kind, caller) ||
	    atomic_fetch_add(&count, 1) + 1 != number)
		return false;
	tell(what, caller);
	errno = code;
	return true;
}

__attribute__((constructor)) static void begin(void)
{
	const char *file = getenv("FAILING_REPORT");
	const char *kind = getenv("FAILING_CLASS");

	/* What the daemon starts is left alone. */
	unsetenv("LD_PRELOAD");
	if (file == NULL || kind == NULL)
		return;
	number = atol(getenv("FAILING_NUMBER"));
	code = atoi(getenv("FAILING_CODE"));
	late = getenv("FAILING_LATE") != NULL;
	waiting = getenv("FAILING_LOCKED") != NULL;
	report = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	class = kind;
}

/* A function of this class that returns `failure` when it is its turn. */
#define FAILS(kind, type, failure, name, parameters, arguments)                                                        \
	type name parameters                                                                                           \
	{                                                                                                              \
		static type(*real) parameters;                                                                         \
		bool failed;                                                                                           \
		type result;                                                                                           \
                                                                                                                       \
		if (real == NULL)                                                                                      \
			real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                                            \
		failed = fails(kind, #name, __builtin_return_address(0));                                              \
		if (failed && !late)                                                                                   \
			return failure;                                                                                \
		result = real arguments;                                                                               \
		if (!failed)                                                                                           \
			return result;                                                                                 \
		errno = code;                                                                                          \
		return failure;                                                                                        \
	}

/* --- memory --- */

/* dlsym may want memory before it has found us any. */
static char early[4096];
static size_t early_len;
static bool searching;

static void *early_alloc(size_t len)
{
	void *block = early + early_len;

	early_len += (len + 15) / 16 * 16;
	return early_len <= sizeof(early) ? block : NULL;
}

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

static bool find_memory(void)
{
	if (searching)
		return false;
	searching = true;
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	searching = false;
	return true;
}

void *malloc(size_t len)
{
	if (real_free == NULL && !find_memory())
		return early_alloc(len);
	return fails("memory", "malloc", __builtin_return_address(0)) ? NULL : real_malloc(len);
}

void *calloc(size_t n, size_t len)
{
	if (real_free == NULL && !find_memory())
		return early_alloc(n * len);
	return fails("memory", "calloc", __builtin_return_address(0)) ? NULL : real_calloc(n, len);
}

void *realloc(void *block, size_t len)
{
	if (real_free == NULL && !find_memory())
		return NULL;
	return fails("memory", "realloc", __builtin_return_address(0)) ? NULL : real_realloc(block, len);
}

void free(void *block)
{
	if (real_free == NULL || ((char *)block >= early && (char *)block < early + sizeof(early)))
		return;
	real_free(block);
}

/* It fails only for want of memory. */
FAILS("memory", FILE *, NULL, fmemopen, (void *room, size_t len, const char *how), (room, len, how))

/* --- files --- */

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define FAILS_OPEN(name)                                                                                               \
	int name(const char *path, int flags, ...)                                                                     \
	{                                                                                                              \
		int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);        \
		va_list args;                                                                                          \
		mode_t mode;                                                                                           \
                                                                                                                       \
		va_start(args, flags);                                                                                 \
		mode = mode_of(flags, args);                                                                           \
		va_end(args);                                                                                          \
		return fails("open", #name, __builtin_return_address(0)) ? -1 : real(path, flags, mode);               \
	}

FAILS_OPEN(open)
FAILS_OPEN(open64)

int __open_2(const char *path, int flags);

FAILS("open", int, -1, __open_2, (const char *path, int flags), (path, flags))
FAILS("open", FILE *, NULL, fopen, (const char *path, const char *how), (path, how))
FAILS("open", FILE *, NULL, fopen64, (const char *path, const char *how), (path, how))
FAILS("file", int, -1, access, (const char *path, int how), (path, how))
FAILS("file", int, -1, stat, (const char *path, struct stat *found), (path, found))
FAILS("file", int, -1, stat64, (const char *path, struct stat64 *found), (path, found))
FAILS("file", int, -1, lstat64, (const char *path, struct stat64 *found), (path, found))
FAILS("file", int, -1, fstat, (int fd, struct stat *found), (fd, found))
FAILS("file", int, -1, fstat64, (int fd, struct stat64 *found), (fd, found))
FAILS("file", ssize_t, -1, readlink, (const char *path, char *room, size_t len), (path, room, len))
FAILS("file", char *, NULL, realpath, (const char *path, char *room), (path, room))
FAILS("file", int, -1, ftruncate, (int fd, off_t len), (fd, len))
FAILS("file", int, -1, ftruncate64, (int fd, off64_t len), (fd, len))
FAILS("file", int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
FAILS("file", int, -1, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
FAILS("file", int, -1, unlink, (const char *path), (path))
FAILS("file", int, -1, flock, (int fd, int how), (fd, how))
FAILS("file", void *, MAP_FAILED, mmap, (void *at, size_t len, int prot, int flags, int fd, off_t offset),
      (at, len, prot, flags, fd, offset))
FAILS("file", void *, MAP_FAILED, mmap64, (void *at, size_t len, int prot, int flags, int fd, off64_t offset),
      (at, len, prot, flags, fd, offset))

/* All the commands in use take an int, a pointer or nothing. */
#define FAILS_FCNTL(name)                                                                                              \
	int name(int fd, int command, ...)                                                                             \
	{                                                                                                              \
		int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, #name);                          \
		va_list args;                                                                                          \
		void *argument;                                                                                        \
                                                                                                                       \
		va_start(args, command);                                                                               \
		argument = va_arg(args, void *);                                                                       \
		va_end(args);                                                                                          \
		return fails("file", #name, __builtin_return_address(0)) ? -1 : real(fd, command, argument);           \
	}

FAILS_FCNTL(fcntl)
FAILS_FCNTL(fcntl64)

FAILS("sync", int, -1, fsync, (int fd), (fd))
FAILS("sync", int, -1, fdatasync, (int fd), (fd))

FAILS("read", ssize_t, -1, read, (int fd, void *room, size_t len), (fd, room, len))
FAILS("read", ssize_t, -1, pread, (int fd, void *room, size_t len, off_t offset), (fd, room, len, offset))
FAILS("read", ssize_t, -1, pread64, (int fd, void *room, size_t len, off64_t offset), (fd, room, len, offset))
FAILS("read", ssize_t, -1, readv, (int fd, const struct iovec *parts, int parts_len), (fd, parts, parts_len))
FAILS("read", ssize_t, -1, recv, (int fd, void *room, size_t len, int flags), (fd, room, len, flags))

/* An eventfd, or a pipe to oneself, has nothing to refuse with. */
static bool can_refuse(int fd)
{
	struct stat found;

	return syscall(SYS_fstat, fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISSOCK(found.st_mode));
}

ssize_t write(int fd, const void *data, size_t len)
{
	static ssize_t (*real)(int, const void *, size_t);
	bool failed = can_refuse(fd) && fails("write", "write", __builtin_return_address(0));

	if (real == NULL)
		real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (!failed || late)
		len = (size_t)real(fd, data, len);
	errno = failed ? code : errno;
	return failed ? -1 : (ssize_t)len;
}

FAILS("write", ssize_t, -1, pwrite, (int fd, const void *data, size_t len, off_t offset), (fd, data, len, offset))
FAILS("write", ssize_t, -1, pwrite64, (int fd, const void *data, size_t len, off64_t offset), (fd, data, len, offset))
FAILS("write", ssize_t, -1, writev, (int fd, const struct iovec *parts, int parts_len), (fd, parts, parts_len))
FAILS("write", ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))

/* --- sockets, events, threads, children, names, randomness --- */

FAILS("socket", int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAILS("socket", int, -1, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t len), (fd, address, len))
FAILS("socket", int, -1, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t len), (fd, address, len))
FAILS("socket", int, -1, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
      (fd, level, name, value, len))
FAILS("socket", int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
      (fd, level, name, value, len))
FAILS("socket", int, -1, shutdown, (int fd, int how), (fd, how))

FAILS("event", int, -1, epoll_create, (int size), (size))
FAILS("event", int, -1, epoll_create1, (int flags), (flags))
FAILS("event", int, -1, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event), (epoll, what, fd, event))
FAILS("event", int, -1, epoll_wait, (int epoll, struct epoll_event *events, int len, int timeout),
      (epoll, events, len, timeout))
FAILS("event", int, -1, eventfd, (unsigned int value, int flags), (value, flags))
FAILS("event", int, -1, socketpair, (int domain, int type, int protocol, int pair[2]), (domain, type, protocol, pair))
FAILS("event", int, -1, pipe, (int pair[2]), (pair))
FAILS("event", int, -1, pipe2, (int pair[2], int flags), (pair, flags))
FAILS("event", int, -1, sigaction, (int signo, const struct sigaction *to, struct sigaction *from), (signo, to, from))

FAILS("process", int, code, pthread_create,
      (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg),
      (thread, attributes, run, arg))
FAILS("process", int, code, posix_spawn_file_actions_adddup2, (posix_spawn_file_actions_t * actions, int fd, int to),
      (actions, fd, to))
FAILS("process", int, code, posix_spawn_file_actions_addopen,
      (posix_spawn_file_actions_t * actions, int fd, const char *path, int flags, mode_t mode),
      (actions, fd, path, flags, mode))
FAILS("process", int, code, posix_spawnp,
      (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
       char *const argv[], char *const environment[]),
      (pid, file, actions, attributes, argv, environment))
FAILS("process", pid_t, -1, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
FAILS("process", int, -1, pidfd_open, (pid_t pid, unsigned int flags), (pid, flags))
FAILS("process", int, -1, setrlimit, (__rlimit_resource_t what, const struct rlimit *limits), (what, limits))
FAILS("process", int, -1, gethostname, (char *room, size_t len), (room, len))

FAILS("name", int, EAI_SYSTEM, getaddrinfo,
      (const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found),
      (host, service, hints, found))
FAILS("name", int, EAI_SYSTEM, getnameinfo,
      (const struct sockaddr *address, socklen_t len, char *host, socklen_t host_len, char *service,
       socklen_t service_len, int flags),
      (address, len, host, host_len, service, service_len, flags))
FAILS("name", int, GLOB_ABORTED, glob,
      (const char *pattern, int flags, int (*failed_at)(const char *, int), glob_t *found),
      (pattern, flags, failed_at, found))

FAILS("random", ssize_t, -1, getrandom, (void *room, size_t len, unsigned int flags), (room, len, flags))
FAILS("random", int, -1, getentropy, (void *room, size_t len), (room, len))

/* --- SQLite --- */

FAILS("sqlite", int, code, sqlite3_step, (sqlite3_stmt * statement), (statement))
FAILS("sqlite", int, code, sqlite3_exec,
      (sqlite3 * db, const char *sql, int (*row)(void *, int, char **, char **), void *arg, char **error),
      (db, sql, row, arg, error))
FAILS("sqlite", int, code, sqlite3_prepare_v2,
      (sqlite3 * db, const char *sql, int len, sqlite3_stmt **statement, const char **rest),
      (db, sql, len, statement, rest))
FAILS("sqlite", int, code, sqlite3_prepare_v3,
      (sqlite3 * db, const char *sql, int len, unsigned int flags, sqlite3_stmt **statement, const char **rest),
      (db, sql, len, flags, statement, rest))
FAILS("sqlite", int, code, sqlite3_bind_blob64,
      (sqlite3_stmt * statement, int index, const void *data, sqlite3_uint64 len, void (*release)(void *)),
      (statement, index, data, len, release))
FAILS("sqlite", int, code, sqlite3_bind_int64, (sqlite3_stmt * statement, int index, sqlite3_int64 value),
      (statement, index, value))
FAILS("sqlite", int, code, sqlite3_bind_text,
      (sqlite3_stmt * statement, int index, const char *text, int len, void (*release)(void *)),
      (statement, index, text, len, release))
FAILS("sqlite", int, code, sqlite3_open_v2, (const char *path, sqlite3 **db, int flags, const char *vfs),
      (path, db, flags, vfs))
FAILS("sqlite", int, code, sqlite3_file_control, (sqlite3 * db, const char *name, int what, void *arg),
      (db, name, what, arg))
FAILS("sqlite", int, code, sqlite3_wal_checkpoint_v2,
      (sqlite3 * db, const char *name, int mode, int *log_len, int *done), (db, name, mode, log_len, done))

/* --- OpenSSL --- */

FAILS("tls-setup", SSL_CTX *, NULL, SSL_CTX_new, (const SSL_METHOD *method), (method))
FAILS("tls-setup", long, 0, SSL_CTX_ctrl, (SSL_CTX * context, int command, long value, void *arg),
      (context, command, value, arg))
FAILS("tls-setup", SSL *, NULL, SSL_new, (SSL_CTX * context), (context))
FAILS("tls-setup", int, 0, SSL_set1_host, (SSL * ssl, const char *name), (ssl, name))
FAILS("tls-setup", int, 0, SSL_set_ex_data, (SSL * ssl, int index, void *value), (ssl, index, value))
FAILS("tls-setup", long, 0, SSL_ctrl, (SSL * ssl, int command, long value, void *arg), (ssl, command, value, arg))
FAILS("tls", int, -1, SSL_do_handshake, (SSL * ssl), (ssl))
FAILS("tls", int, -1, SSL_connect, (SSL * ssl), (ssl))
FAILS("tls", int, -1, SSL_read, (SSL * ssl, void *room, int len), (ssl, room, len))
FAILS("tls", int, -1, SSL_write, (SSL * ssl, const void *data, int len), (ssl, data, len))
FAILS("tls", int, -1, SSL_shutdown, (SSL * ssl), (ssl))
