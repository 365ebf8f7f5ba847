/* SPDX-License-Identifier: ISC
 *
 * The option tables in libconfuse's words.
 */
#ifndef MULTIDROPD_CONFIG_GRAMMAR_H
#define MULTIDROPD_CONFIG_GRAMMAR_H

#include <confuse.h>

#include "unknown.h"

/* The global block, two unknown ones in each other, a multidrop { } in them: nothing stands deeper. */
#define GRAMMAR_DEPTH_MAX 4u

/* An option in every block, whose default value libconfuse sets at the opening brace; no bare word has this name. */
#define GRAMMAR_OPENED " opened"

struct grammar {
	const struct unknowns *unknowns; /* names that were learned */
	cfg_callback_t value;            /* of every option, for each of its values */
	cfg_callback_t opened;           /* of GRAMMAR_OPENED; the value is the table's name */
	cfg_validate_callback_t closed;  /* of every block */
	cfg_func_t include;
};

/* For cfg_init, which copies it all. */
cfg_opt_t *grammar_build(const struct grammar *grammar);
void grammar_free(cfg_opt_t *options);

#endif
