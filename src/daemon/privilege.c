/* SPDX-License-Identifier: ISC
 *
 * user, group, and what the kernel lets us renounce.
 */
#include "multidropd/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "multidropd/log.h"
#include "multidropd/str.h"

static int become(const struct passwd *passwd, gid_t gid)
{
	if (initgroups(passwd->pw_name, gid) != 0 || setgid(gid) != 0 || setuid(passwd->pw_uid) != 0)
		return -1;
	/* For good: with a saved root id this would succeed. */
	if (passwd->pw_uid != 0 && setuid(0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int privilege_drop(const char *user, const char *group, char **error)
{
	const struct passwd *passwd;
	const struct group *entry = NULL;

	if (user[0] == '\0') {
		if (geteuid() == 0)
			log_warning("running as root; set `user` to run as an unprivileged user");
		return 0;
	}
	passwd = getpwnam(user);
	if (passwd != NULL && geteuid() == passwd->pw_uid)
		return 0;
	if (group[0] != '\0')
		entry = getgrnam(group);
	if (passwd == NULL || (group[0] != '\0' && entry == NULL)) {
		*error = str_format("%s \"%s\" does not exist", passwd == NULL ? "user" : "group",
		                    passwd == NULL ? user : group);
		return -1;
	}
	if (become(passwd, entry != NULL ? entry->gr_gid : passwd->pw_gid) != 0) {
		*error = str_format("cannot become user \"%s\": %s", user, strerror(errno));
		return -1;
	}
	return 0;
}

void privilege_harden(void)
{
	const struct rlimit no_core = { 0, 0 };

	umask(077);
	setrlimit(RLIMIT_CORE, &no_core);
#ifndef __SANITIZE_ADDRESS__
	/* The leak checker traces its own process. */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	/* A file over the limit is an error of write(2), which the ledger handles. */
	signal(SIGXFSZ, SIG_IGN);
}
