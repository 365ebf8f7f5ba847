/* SPDX-License-Identifier: ISC
 *
 * The configuration, read whole and checked whole. Constant once loaded; a
 * reload loads another one. Times are seconds, sizes bytes, "" an unset text.
 */
#ifndef MULTIDROPD_CONFIG_H
#define MULTIDROPD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/log.h"
#include "multidropd/str.h"
#include "multidropd/virtual.h"

#define CONFIG_DEFAULT_PATH "/etc/multidropd/multidropd.conf"

enum config_tls { CONFIG_TLS_NONE, CONFIG_TLS_STARTTLS, CONFIG_TLS_IMPLICIT };
enum config_order { CONFIG_ORDER_SMALLEST, CONFIG_ORDER_SERVER };
enum config_oversize { CONFIG_OVERSIZE_KEEP, CONFIG_OVERSIZE_NOTIFY, CONFIG_OVERSIZE_HEADERS, CONFIG_OVERSIZE_DELETE };
enum config_fallback { CONFIG_FALLBACK_POSTMASTER, CONFIG_FALLBACK_KEEP, CONFIG_FALLBACK_HEADERS };
enum config_rejected {
	CONFIG_REJECTED_POSTMASTER,
	CONFIG_REJECTED_BOUNCE,
	CONFIG_REJECTED_KEEP,
	CONFIG_REJECTED_DISCARD
};
enum config_which { CONFIG_WHICH_FIRST, CONFIG_WHICH_LAST, CONFIG_WHICH_ALL };

struct config_tls_options {
	bool verify;
	char *ca_file, *ca_path, *name, *min_version, *cert_file, *key_file;
	struct strlist fingerprints;
};

/* Exactly one is set for an account (none is fine where auth is external alone), at most one for a relay; the others
 * are "". A relay has no token. */
struct config_secret {
	char *password, *password_file, *password_command, *oauth_token_command;
};

/* Where something is written: of a block its opening brace. */
struct config_place {
	char *file;
	int line;
};

struct config_endpoint {
	char *host;             /* without brackets; NULL for a UNIX socket */
	uint16_t port;
	char *path;             /* NULL for a host */
};

struct config_relay {
	char *name;
	struct config_place place;
	bool lmtp;
	struct config_endpoint *endpoints;
	size_t endpoint_count;
	enum config_tls tls;
	struct config_tls_options tls_options;
	char *user;
	struct config_secret secret;
	struct strlist auth;    /* empty: auto; else names of sasl.h */
	unsigned max_connections;
	int64_t idle_timeout_s, timeout_s;
	bool pipelining;
	bool dsn;
};

struct config_multidrop {
	struct strlist envelope;
	bool position_any;
	unsigned skip;
	enum config_which which;
	char *strip_prefix, *strip_suffix;
	struct strlist received_by;
	unsigned received_depth;
	struct strlist domains;         /* ASCII: internationalised names as A-labels, here and in the next three */
	enum config_fallback fallback;
	/* `virtual` and `virtual_file`, sorted; NULL: none. The configuration's, and one for all accounts that inherit it. */
	const struct virtual_map *virtual_map;
	char *rewrite_domain;           /* "": none */
	bool remove_header;
};

struct config_account {
	char *name;
	struct config_place place;
	bool enabled;
	char *postmaster;       /* its own, else the global one */
	char *server_text;      /* `server` as written: its host part, without case and port, is the host of limits and back-off */
	char *host;
	uint16_t port;
	enum config_tls tls;
	struct config_tls_options tls_options;
	char *source_address;
	char *user;
	struct config_secret secret;
	struct strlist auth;
	int64_t interval_s;
	int priority;
	bool keep;
	int64_t delete_after_s;         /* with `keep`: so long after it was settled; 0: never */
	uint64_t max_size;              /* bytes; what LIST says is larger falls under `oversize`; 0: no limit */
	enum config_oversize oversize;
	enum config_order order;
	unsigned max_messages;          /* fetched in a poll; 0: no limit */
	int64_t connect_timeout_s, timeout_s;
	bool pipelining;
	const struct config_relay *relay;
	struct strlist recipient;       /* not empty: one-person mailbox */
	struct config_multidrop multidrop;      /* without one: envelope and domains empty, the rest its defaults */
	char *sender;
	enum config_rejected rejected;
	const struct config_relay *bounce_relay; /* an smtp relay; not NULL where rejected is BOUNCE */
	int64_t give_up_s;
	int64_t duplicates_s;           /* 0: off */
	/* For mail that fallback = headers routes: 3 days there unless `duplicates` is given; else as duplicates_s. */
	int64_t guessed_duplicates_s;
	bool add_received;
	struct strlist strip_headers;   /* names */
	struct strlist add_headers;     /* whole lines: "Name: value" */
	bool fix_message_id;
	char *broken;           /* NULL, or why its own files make it unusable: it is set aside, the others run */
};

struct config {
	char *path;
	char *hostname;
	char *postmaster;
	char *state_file;
	struct config_place state_file_place;
	enum log_target log_target;
	enum log_level log_level;
	char *user, *group;
	unsigned max_sessions, max_sessions_per_host;
	uint64_t memory_limit;
	int64_t retry_min_s, retry_max_s;
	bool allow_self_poll;
	struct config_relay *relays;
	size_t relay_count;
	struct config_account *accounts;
	size_t account_count;
	const struct config_account **accounts_by_name; /* for config_find_account */
	struct virtual_map **virtual_maps;
	size_t virtual_map_count, virtual_map_capacity;
	struct strlist warnings;        /* "FILE:LINE: warning: message": allowed, and likely to go wrong */
};

/*
 * Reads `path` and all that it includes. Every problem is appended to
 * `problems` as "FILE:LINE: message", in the order of the files' lines. What
 * is wrong with an account's own files (secret, certificate, CA) goes to
 * `file_problems` instead and sets the account's `broken`: the daemon sets
 * such an account aside, -t and --once refuse. NULL when there are problems
 * of the first kind.
 */
struct config *config_load(const char *path, struct strlist *problems, struct strlist *file_problems) __attribute__((warn_unused_result));
void config_free(struct config **config);

/* NULL: none. */
const struct config_account *config_find_account(const struct config *config, const char *name);

/*
 * For -t: can the state file be created and written where it is to be? Apart
 * from config_load, because a daemon meets that itself and ends with 73 then,
 * not 78. Appends at most one problem.
 */
void config_check_state(const struct config *config, struct strlist *problems);

/*
 * Reads a secret file: private, or in $CREDENTIALS_DIRECTORY; one last line
 * end is not part of it. NULL with *error (both the caller's to free or wipe).
 * `daemon_user` is the unprivileged user that may share its group with the
 * file (0640, owner root); "" for the effective user.
 */
char *config_read_secret(const char *path, const char *daemon_user, char **error) __attribute__((warn_unused_result));

#endif
