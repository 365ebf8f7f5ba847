/* SPDX-License-Identifier: ISC
 *
 * Preloaded into a Dovecot that was unpacked and not installed: its TLS module
 * and doveconf are compiled in as absolute paths. Those paths, and no others,
 * are looked for below $UNPACKED_ROOT.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *moved(const char *path, char *room, size_t len)
{
	static const char *const prefixes[] = { "/usr/lib/dovecot/", "/usr/bin/doveconf" };
	const char *root = getenv("UNPACKED_ROOT");

	for (size_t i = 0; path != NULL && root != NULL && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0 &&
		    (size_t)snprintf(room, len, "%s%s", root, path) < len)
			return room;
	}
	return path;
}

DIR *opendir(const char *path)
{
	DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
	char room[PATH_MAX];

	return real(moved(path, room, sizeof(room)));
}

void *dlopen(const char *path, int flags)
{
	void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	char room[PATH_MAX];

	return real(moved(path, room, sizeof(room)), flags);
}

int execv(const char *path, char *const argv[])
{
	int (*real)(const char *, char *const[]) = (int (*)(const char *, char *const[]))dlsym(RTLD_NEXT, "execv");
	char room[PATH_MAX];

	return real(moved(path, room, sizeof(room)), argv);
}
