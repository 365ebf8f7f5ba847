/* SPDX-License-Identifier: ISC
 *
 * config_load: read, judge, report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "judge.h"
#include "reader.h"
#include "syntax.h"
#include "multidropd/mem.h"

static size_t count_blocks(const struct document *document, const struct table *table)
{
	size_t count = 0;

	for (size_t i = 0; i < document->block_count; i++)
		count += document->blocks[i]->table == table;
	return count;
}

static int compare_blocks(const void *a, const void *b)
{
	const struct block *const *left = a;
	const struct block *const *right = b;
	int order = strcmp((*left)->title, (*right)->title);

	if (order != 0)
		return order;
	if ((*left)->place.file != (*right)->place.file)
		return (*left)->place.file < (*right)->place.file ? -1 : 1;
	return (*left)->place.line - (*right)->place.line;
}

static void check_name(struct judge *judge, const struct block *block)
{
	const char *kind = block->table->name;

	if (block->title[0] == '\0')
		problem_add(&judge->problems, block->place, "%s has no name: write %s \"NAME\" { }", kind, kind);
	else if (syntax_has_control(block->title))
		problem_add(&judge->problems, block->place,
		            "the name of this %s holds a control character: take it out", kind);
}

/* Sorted by name, so that equals are neighbours. */
static void check_names(struct judge *judge, const struct table *table)
{
	const struct document *document = judge->document;
	struct block **sorted = mem_array(document->block_count, sizeof(struct block *));
	size_t count = 0;

	for (size_t i = 0; i < document->block_count; i++) {
		if (document->blocks[i]->table == table)
			sorted[count++] = document->blocks[i];
	}
	qsort(sorted, count, sizeof(struct block *), compare_blocks);
	for (size_t i = 0, first = 0; i < count; i++) {
		const struct block *block = sorted[i];

		check_name(judge, block);
		if (i > 0 && strcmp(block->title, sorted[first]->title) == 0)
			problem_add(&judge->problems, block->place,
			            "%s \"%s\" is given twice, first at %s:%d: rename or remove one", table->name,
			            block->title, document_path(document, sorted[first]->place),
			            sorted[first]->place.line);
		else
			first = i;
	}
	free(sorted);
}

static void find_defaults(struct judge *judge)
{
	for (size_t i = 0; i < judge->document->block_count; i++) {
		struct block *block = judge->document->blocks[i];

		if (block->table != &table_defaults)
			continue;
		if (judge->defaults != NULL)
			problem_add(
				&judge->problems, block->place, "defaults { } is given twice, first at %s:%d: keep one",
				document_path(judge->document, judge->defaults->place), judge->defaults->place.line);
		else
			judge->defaults = block;
	}
	if (judge->defaults != NULL)
		judge_defaults(judge);
}

static int compare_relays(const void *a, const void *b)
{
	const struct config_relay *const *left = a;
	const struct config_relay *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static void judge_relays(struct judge *judge)
{
	struct config *config = judge->config;
	size_t written = count_blocks(judge->document, &table_relay);

	check_names(judge, &table_relay);
	config->relay_count = written > 0 ? written : 1;
	config->relays = mem_array(config->relay_count, sizeof(*config->relays));
	judge->relays = mem_array(config->relay_count, sizeof(struct config_relay *));
	if (written == 0)
		judge_relay(judge, NULL, &config->relays[0]);
	for (size_t i = 0, next = 0; i < judge->document->block_count; i++) {
		if (judge->document->blocks[i]->table == &table_relay)
			judge_relay(judge, judge->document->blocks[i], &config->relays[next++]);
	}
	for (size_t i = 0; i < config->relay_count; i++)
		judge->relays[i] = &config->relays[i];
	qsort(judge->relays, config->relay_count, sizeof(struct config_relay *), compare_relays);
}

const struct config_relay *judge_find_relay(const struct judge *judge, const char *name)
{
	struct config_relay wanted = { .name = (char *)name };
	const struct config_relay *key = &wanted;
	const struct config_relay **found =
		bsearch(&key, judge->relays, judge->config->relay_count, sizeof(struct config_relay *), compare_relays);

	return found != NULL ? *found : NULL;
}

static int compare_accounts(const void *a, const void *b)
{
	const struct config_account *const *left = a;
	const struct config_account *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static void judge_accounts(struct judge *judge)
{
	struct config *config = judge->config;

	check_names(judge, &table_account);
	config->account_count = count_blocks(judge->document, &table_account);
	config->accounts = mem_array(config->account_count, sizeof(*config->accounts));
	config->accounts_by_name = mem_array(config->account_count, sizeof(struct config_account *));
	for (size_t i = 0, next = 0; i < judge->document->block_count; i++) {
		if (judge->document->blocks[i]->table == &table_account)
			judge_account(judge, judge->document->blocks[i], &config->accounts[next++]);
	}
	for (size_t i = 0; i < config->account_count; i++)
		config->accounts_by_name[i] = &config->accounts[i];
	qsort(config->accounts_by_name, config->account_count, sizeof(struct config_account *), compare_accounts);
}

const struct config_account *config_find_account(const struct config *config, const char *name)
{
	struct config_account wanted = { .name = (char *)name };
	const struct config_account *key = &wanted;
	const struct config_account **found = bsearch(&key, config->accounts_by_name, config->account_count,
	                                              sizeof(struct config_account *), compare_accounts);

	return found != NULL ? *found : NULL;
}

static const struct entry *find_password(const struct block *block)
{
	for (size_t i = 0; i < block->count; i++) {
		if (block->entries[i].option->secret)
			return &block->entries[i];
	}
	return NULL;
}

/* A file with a password in it is a secret file itself; told at the first password of each. */
static void check_open_files(struct judge *judge)
{
	const struct document *document = judge->document;
	bool *told = mem_array(document->file_count, sizeof(bool));

	for (size_t i = 0; i < document->block_count; i++) {
		const struct entry *entry = find_password(document->blocks[i]);
		const struct file *file = entry != NULL ? &document->files[entry->place.file] : NULL;
		char *complaint;

		if (entry == NULL || told[entry->place.file])
			continue;
		told[entry->place.file] = true;
		complaint = files_check_private(file->path, &file->status, &judge->identity);
		if (complaint != NULL)
			problem_add(&judge->problems, entry->place, "%s", complaint);
		free(complaint);
	}
	free(told);
}

static void report(struct judge *judge, struct strlist *problems, struct strlist *file_problems)
{
	const struct document *document = judge->document;
	const char **paths = mem_array(document->file_count, sizeof(char *));

	for (size_t i = 0; i < document->file_count; i++)
		paths[i] = document->files[i].path;
	problems_report(&judge->problems, paths, problems);
	problems_report(&judge->warnings, paths, &judge->config->warnings);
	problems_report(&judge->file_problems, paths, file_problems);
	free(paths);
}

struct config *config_load(const char *path, struct strlist *problems, struct strlist *file_problems)
{
	struct document document = { 0 };
	struct judge judge = { .document = &document, .config = mem_alloc(sizeof(struct config)) };
	bool sound;

	judge.config->path = mem_strdup(path);
	reader_read(path, &document, &judge.problems);
	judge_global(&judge);
	judge_relays(&judge);
	find_defaults(&judge);
	judge_accounts(&judge);
	check_open_files(&judge);
	sound = judge.problems.count == 0;
	report(&judge, problems, file_problems);
	if (!sound)
		config_free(&judge.config);
	free(judge.relays);
	document_clear(&document);
	return judge.config;
}

void config_free(struct config **config)
{
	struct config *old = *config;

	if (old == NULL)
		return;
	for (size_t i = 0; i < old->account_count; i++)
		account_clear(&old->accounts[i]);
	for (size_t i = 0; i < old->relay_count; i++)
		relay_clear(&old->relays[i]);
	for (size_t i = 0; i < old->virtual_map_count; i++) {
		virtual_map_free(old->virtual_maps[i]);
		free(old->virtual_maps[i]);
	}
	strlist_free(&old->warnings);
	free(old->virtual_maps);
	free(old->accounts);
	free(old->accounts_by_name);
	free(old->relays);
	free(old->path);
	free(old->hostname);
	free(old->postmaster);
	free(old->state_file);
	free(old->state_file_place.file);
	free(old->user);
	free(old->group);
	free(old);
	*config = NULL;
}

void config_check_state(const struct config *config, struct strlist *problems)
{
	const char *slash = strrchr(config->state_file, '/');
	/* The root folder's own slash stays. */
	char *folder =
		mem_strndup(config->state_file, slash > config->state_file ? (size_t)(slash - config->state_file) : 1);
	struct reader_identity identity;
	char *complaint;
	char *text;

	if (files_identify(&identity, config->user) != 0)
		identity.known = false;
	complaint = files_check_writable(folder, &identity);
	if (complaint != NULL) {
		text = str_format("state_file = \"%s\": %s", config->state_file, complaint);
		strlist_take(problems,
		             problem_format(config->state_file_place.file, config->state_file_place.line, text));
		free(text);
	}
	free(complaint);
	free(folder);
}
