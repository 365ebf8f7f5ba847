/* SPDX-License-Identifier: ISC
 *
 * From blocks to struct config: each kind of block has its file with its table
 * and what has to hold beyond a single option.
 */
#ifndef MULTIDROPD_CONFIG_JUDGE_H
#define MULTIDROPD_CONFIG_JUDGE_H

#include "document.h"
#include "files.h"
#include "problem.h"
#include "settings.h"
#include "multidropd/config.h"

struct judge {
	struct document *document;
	struct config *config;
	struct reader_identity identity; /* who will read the files */
	struct problems problems;
	struct problems file_problems;
	struct problems warnings;
	const struct config_relay **relays;      /* sorted by name */
	struct block *defaults;                  /* or NULL */
	const struct virtual_map *inherited_map; /* `virtual` and `virtual_file` of its multidrop { }; NULL: none */
	size_t mapped;                           /* addresses in all maps */
};

void judge_global(struct judge *judge);
/* One relay, or with a NULL block the one that is there when none is written. */
void judge_relay(struct judge *judge, const struct block *block, struct config_relay *relay);
void judge_defaults(struct judge *judge);
void judge_account(struct judge *judge, const struct block *block, struct config_account *account);
/* `own` over `inherited`; each may be NULL, and with both of them only the defaults are stored. */
void judge_multidrop(struct judge *judge, struct block *own, struct block *inherited,
                     struct config_multidrop *multidrop);
/* The values alone: what is missing in `defaults` may stand in the accounts. */
void judge_multidrop_defaults(struct judge *judge, struct block *block);
/* `virtual` and `virtual_file` of a multidrop { }, either may be NULL. The map belongs to the configuration; NULL: it
 * is empty. `shared`: the block is that of `defaults`, and each account may have other domains. */
const struct virtual_map *judge_virtual(struct judge *judge, const struct settings *settings,
                                        const struct strlist *domains, bool shared);

/* What becomes of refused mail, of duplicates and of the header, once relay and recipients are known. */
void judge_policies(struct judge *judge, const struct settings *settings, struct config_account *account);

const struct config_relay *judge_find_relay(const struct judge *judge, const char *name);

void relay_clear(struct config_relay *relay);
void account_clear(struct config_account *account);
void multidrop_clear(struct config_multidrop *multidrop);

#endif
