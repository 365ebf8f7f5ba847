/* SPDX-License-Identifier: ISC
 *
 * Patterns, and files that would be read twice.
 */
#include "include.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* glob gives no pointer to its callback. One thread reads configurations. */
static int folder_error;

/* A folder that is not there has no matches; one that cannot be read may hide accounts. */
static int on_folder_error(const char *path, int reason)
{
	(void)path;
	if (reason == ENOENT || reason == ENOTDIR)
		return 0;
	folder_error = reason;
	return 1;
}

static char *beside(const char *from, const char *name)
{
	const char *slash = strrchr(from, '/');

	if (name[0] == '/' || slash == NULL)
		return str_format("%s", name);
	return str_format("%.*s/%s", (int)(slash - from), from, name);
}

char *include_expand(const char *from, const char *pattern, struct strlist *paths)
{
	char *whole = beside(from, pattern);
	char *complaint = NULL;
	glob_t found = { 0 };
	int status;

	if (pattern[strcspn(pattern, "*?[")] == '\0') {
		strlist_take(paths, whole);
		return NULL;
	}
	folder_error = 0;
	status = glob(whole, 0, on_folder_error, &found);
	if (status == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			strlist_add(paths, found.gl_pathv[i]);
	} else if (status != GLOB_NOMATCH) {
		complaint = str_format("include of \"%s\" failed: %s", whole,
		                       strerror(folder_error != 0 ? folder_error : ENOMEM));
	}
	globfree(&found);
	free(whole);
	return complaint;
}

size_t include_find(const struct document *document, const struct stat *status)
{
	size_t i = 0;

	while (i < document->file_count && (document->files[i].status.st_ino != status->st_ino ||
	                                    document->files[i].status.st_dev != status->st_dev))
		i++;
	return i;
}
