/* SPDX-License-Identifier: ISC
 *
 * A command line into words, without a shell.
 */
#include "multidropd/child.h"

#include <stdbool.h>

struct splitter {
	struct strlist *words;
	struct strbuf word;
	bool in_word; /* also for '' */
	char quote;   /* the open one, or NUL */
};

static void end_word(struct splitter *splitter)
{
	if (splitter->in_word)
		strlist_take(splitter->words, strbuf_take(&splitter->word));
	splitter->in_word = false;
}

/* Takes one byte, or with a backslash two; returns how many, 0 when a backslash has nothing behind it. */
static size_t take(struct splitter *splitter, const char *at)
{
	bool blank = *at == ' ' || *at == '\t' || *at == '\n';

	if (*at == '\\' && splitter->quote != '\'') {
		if (at[1] == '\0')
			return 0;
		splitter->in_word = true;
		strbuf_add_byte(&splitter->word, at[1]);
		return 2;
	}
	if (splitter->quote != '\0' ? *at == splitter->quote : *at == '\'' || *at == '"') {
		splitter->in_word = true;
		splitter->quote = splitter->quote != '\0' ? '\0' : *at;
	} else if (blank && splitter->quote == '\0') {
		end_word(splitter);
	} else {
		splitter->in_word = true;
		strbuf_add_byte(&splitter->word, *at);
	}
	return 1;
}

int child_split_command(const char *command, struct strlist *words)
{
	struct splitter splitter = { .words = words };
	size_t taken = 1;

	for (const char *at = command; *at != '\0' && taken > 0; at += taken)
		taken = take(&splitter, at);
	if (splitter.quote == '\0' && taken > 0)
		end_word(&splitter);
	strbuf_free(&splitter.word);
	if (splitter.quote == '\0' && taken > 0 && words->count > 0)
		return 0;
	strlist_free(words);
	return -1;
}
