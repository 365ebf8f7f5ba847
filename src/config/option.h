/* SPDX-License-Identifier: ISC
 *
 * The option tables: what may be written, what it means when it is not, and
 * how its text becomes a member of a struct of multidropd/config.h.
 */
#ifndef MULTIDROPD_CONFIG_OPTION_H
#define MULTIDROPD_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidropd/str.h"

#define TABLE_OPTIONS_MAX 64

/* A value on its way into a struct. */
struct given {
	const struct strlist *values; /* without control characters; at least one, but for lists, whose are checked */
	const char *folder;           /* what a relative path starts from */
};

struct option;

/* Stores into `base`. NULL, or what is wrong and what to do (the caller frees). */
typedef char *option_set_fn(void *base, const struct option *option, const struct given *given);

struct option {
	const char *name;
	option_set_fn *set;
	size_t offset;        /* of the member in `base` */
	const char *fallback; /* the default as it would be written; NULL: none, the member stays zero */
	const char *(*check)(const char *value); /* for texts and lists: NULL, or what is wrong (static) */
	char *(*form)(
		const char *value); /* of what passed the check: as it is stored (the caller frees); NULL: as written */
	const char *const *choices; /* NULL-terminated, in the order of the enum, or false before true */
	int64_t min, max;           /* inclusive, for numbers, durations (seconds) and sizes (bytes) */
	bool secret;                /* its value is never shown */
	bool list;                  /* takes several values, though its setter is its own */
	bool required;
	int group; /* not 0: a default out of `defaults` gives way where any of the group is given */
};

/* Groups. */
#define OPTION_GROUP_SECRET 1

/* A kind of block. */
struct table {
	const char *name; /* as written; "" outside of blocks */
	const struct option *options;
	size_t count;
	bool titled;
	const struct table *const *blocks; /* that may stand in it, NULL-terminated; or NULL */
};

extern const struct table table_global, table_relay, table_account, table_defaults, table_multidrop;

const struct option *table_find(const struct table *table, const char *name); /* NULL: no such option */
const struct table *table_block(const struct table *table, const char *name); /* NULL: no such block in it */

/* Of a list each value, before it is set. NULL, or what is wrong and what to do (the caller frees). */
char *option_check_value(const struct option *option, const struct strlist *values, size_t index);

/* Stores the default, if there is one. */
void option_set_fallback(void *base, const struct option *option);

/* The setters. */
option_set_fn option_set_text; /* char *, checked */
option_set_fn option_set_path; /* char *, made absolute */
option_set_fn option_set_bool;
option_set_fn option_set_unsigned;
option_set_fn option_set_int;
option_set_fn option_set_duration;    /* int64_t seconds */
option_set_fn option_set_size;        /* uint64_t bytes */
option_set_fn option_set_choice;      /* an enum */
option_set_fn option_set_switch;      /* a bool with two choices */
option_set_fn option_set_list;        /* struct strlist */
option_set_fn option_set_later;       /* not stored: looked up by name where it is judged */
option_set_fn option_set_unsupported; /* only choices[0], if any, which is what happens anyway */

/* Rows that relays and accounts share. */
#define OPTIONS_TLS(type)                                                                                              \
	{ .name = "tls_verify",                                                                                        \
	  .set = option_set_bool,                                                                                      \
	  .offset = offsetof(type, tls_options.verify),                                                                \
	  .fallback = "true" },                                                                                        \
		{ .name = "tls_ca_file",                                                                               \
		  .set = option_set_path,                                                                              \
		  .offset = offsetof(type, tls_options.ca_file),                                                       \
		  .fallback = "" },                                                                                    \
		{ .name = "tls_ca_path",                                                                               \
		  .set = option_set_path,                                                                              \
		  .offset = offsetof(type, tls_options.ca_path),                                                       \
		  .fallback = "" },                                                                                    \
		{ .name = "tls_name",                                                                                  \
		  .set = option_set_text,                                                                              \
		  .offset = offsetof(type, tls_options.name),                                                          \
		  .fallback = "",                                                                                      \
		  .check = syntax_check_host },                                                                        \
		{ .name = "tls_min_version",                                                                           \
		  .set = option_set_text,                                                                              \
		  .offset = offsetof(type, tls_options.min_version),                                                   \
		  .fallback = "1.2",                                                                                   \
		  .check = syntax_check_tls_version },                                                                 \
		{ .name = "tls_cert_file",                                                                             \
		  .set = option_set_path,                                                                              \
		  .offset = offsetof(type, tls_options.cert_file),                                                     \
		  .fallback = "" },                                                                                    \
		{ .name = "tls_key_file",                                                                              \
		  .set = option_set_path,                                                                              \
		  .offset = offsetof(type, tls_options.key_file),                                                      \
		  .fallback = "" },                                                                                    \
	{                                                                                                              \
		.name = "tls_fingerprint", .set = option_set_list, .offset = offsetof(type, tls_options.fingerprints), \
		.fallback = "", .check = syntax_check_fingerprint                                                      \
	}

#define OPTIONS_SECRET(type)                                                                                           \
	{ .name = "password",                                                                                          \
	  .set = option_set_text,                                                                                      \
	  .offset = offsetof(type, secret.password),                                                                   \
	  .fallback = "",                                                                                              \
	  .check = syntax_check_given,                                                                                 \
	  .secret = true,                                                                                              \
	  .group = OPTION_GROUP_SECRET },                                                                              \
		{ .name = "password_file",                                                                             \
		  .set = option_set_path,                                                                              \
		  .offset = offsetof(type, secret.password_file),                                                      \
		  .fallback = "",                                                                                      \
		  .check = syntax_check_given,                                                                         \
		  .group = OPTION_GROUP_SECRET },                                                                      \
	{                                                                                                              \
		.name = "password_command", .set = option_set_text, .offset = offsetof(type, secret.password_command), \
		.fallback = "", .check = syntax_check_given, .group = OPTION_GROUP_SECRET                              \
	}

extern const char *const option_tls_choices[];  /* of enum config_tls */
extern const char *const option_auto_choices[]; /* off, auto */

#endif
