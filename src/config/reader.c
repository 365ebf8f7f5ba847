/* SPDX-License-Identifier: ISC
 *
 * libconfuse does the syntax. Each option is a list of strings to it, whose
 * callback notes down file, line and value; a block is taken over and dropped
 * from it when it closes, so that 10,000 of them cost little.
 *
 * Its messages are told apart by their formats, which are translated only
 * where a program calls setlocale; this one never does.
 */
#include "reader.h"

#include <confuse.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include.h"
#include "option.h"
#include "text.h"
#include "unknown.h"
#include "multidropd/mem.h"

/* Unknown blocks are passed over so deep; each level multiplies libconfuse's tables. */
#define UNKNOWN_DEPTH_MAX 2u
/* The global one, two unknown ones, a multidrop { } in them: the tables take nothing deeper. */
#define BLOCK_DEPTH_MAX 4u

/* An option in every block, whose default value libconfuse sets at the opening brace; no bare word has this name. */
#define OPENED " opened"

#define NOT_READ "; the rest of this file was not read"

struct reader {
	struct document *document;
	struct problems *problems;
	struct unknowns unknowns;
	struct block *open[BLOCK_DEPTH_MAX];   /* the innermost last; the first is the global one */
	const cfg_t *section[BLOCK_DEPTH_MAX]; /* the library's view of each */
	size_t depth;
	size_t file; /* being read */
	unsigned include_depth;
	bool again; /* a name was learned: this parse is void */
};

/* libconfuse's callbacks carry no pointer of ours, and its lexer is not re-entrant anyway. */
static struct reader *reader;

static struct place place_at(const cfg_t *cfg)
{
	return (struct place){ reader->file, cfg->line };
}

static struct block *innermost(void)
{
	return reader->open[reader->depth - 1];
}

static void tell_unknown(struct place place, const struct table *table, const char *name)
{
	char *text = unknown_describe(table, name);

	/* Inside an unknown block nothing is known. */
	if (table != &table_unknown)
		problem_add(reader->problems, place, "%s", text);
	free(text);
}

static void take_value(cfg_t *cfg, const cfg_opt_t *opt, const char *value)
{
	struct block *block = innermost();
	const struct option *option = table_find(block->table, opt->name);
	/* `=` clears the list before its first value is stored, `+=` does not. */
	bool first = opt->nvalues == 1;
	struct entry *entry;

	if (option == NULL) {
		if (first)
			tell_unknown(place_at(cfg), block->table, opt->name);
		return;
	}
	if (first || block->count == 0)
		entry = block_add(block, option, place_at(cfg));
	else
		entry = &block->entries[block->count - 1];
	/* An empty `+=` list and the like: the value goes where it was announced. */
	if (entry->option != option)
		entry = block_add(block, option, place_at(cfg));
	strlist_add(&entry->values, value);
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	/* What libconfuse keeps is not needed, and might be a password. */
	*(const char **)result = "";
	take_value(cfg, opt, value);
	return 0;
}

static const struct table *table_by_name(const char *name)
{
	static const struct table *const tables[] = { &table_relay, &table_account, &table_defaults, &table_multidrop };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (strcmp(tables[i]->name, name) == 0)
			return tables[i];
	}
	return &table_unknown;
}

/* libconfuse aborts where a default value is not taken, so this one always is. */
static int on_opened(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct table *table = table_by_name(value);

	*(const char **)result = "";
	/* Somebody wrote the hidden option's name, in quotes. */
	if (reader->section[reader->depth - 1] == cfg) {
		take_value(cfg, opt, value);
		return 0;
	}
	if (table == &table_unknown)
		tell_unknown(place_at(cfg), innermost()->table, cfg->name);
	reader->section[reader->depth] = cfg;
	reader->open[reader->depth++] = block_new(table, cfg->title, place_at(cfg));
	return 0;
}

static void file_child(struct block *block)
{
	struct block *parent = innermost();

	if (parent->child == NULL) {
		parent->child = block;
		return;
	}
	problem_add(reader->problems, block->place, "%s { } is given twice, first at %s:%d: keep one",
	            block->table->name, document_path(reader->document, parent->child->place),
	            parent->child->place.line);
	block_free(&block);
}

static void close_block(int line)
{
	struct block *block = reader->open[--reader->depth];
	int cut_line = reader->document->files[block->place.file].cut_line;

	/* libconfuse closes what the end of a file leaves open. */
	block->cut = cut_line != 0 && line >= cut_line;
	if (block->table == &table_unknown)
		block_free(&block);
	else if (block->table == &table_multidrop && innermost()->table != &table_global)
		file_child(block);
	else
		document_add_block(reader->document, block);
}

/* `OPTION = { }` calls nobody. It has no line either; that of its block is the nearest. */
static void take_empty_lists(const cfg_t *cfg)
{
	struct block *block = innermost();

	if (reader->document->files[block->place.file].cut_line != 0)
		return;
	for (const cfg_opt_t *opt = cfg->opts; opt->name != NULL; opt++) {
		const struct option *option = table_find(block->table, opt->name);

		if (opt->type != CFGT_STR || (opt->flags & CFGF_MODIFIED) == 0 || opt->nvalues > 0)
			continue;
		if (option != NULL)
			block_add(block, option, block->place);
		else if (strcmp(opt->name, OPENED) != 0)
			tell_unknown(block->place, block->table, opt->name);
	}
}

static int on_closed(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned last = cfg_opt_size(opt) - 1;

	take_empty_lists(cfg_opt_getnsec(opt, last));
	close_block(cfg->line);
	return cfg_opt_rmnsec(opt, last);
}

/* The name in a message that may be about an unknown one, else NULL. */
static const char *message_name(const char *format, va_list args)
{
	static const char *const formats[] = {
		"no such option '%s'",
		"missing equal sign after option '%s'",
		"missing title for section '%s'",
		"missing opening brace for section '%s'",
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(format, formats[i]) == 0)
			return va_arg(args, const char *);
	}
	return NULL;
}

static void tell_syntax(struct place place, const char *format, va_list args)
{
	struct strbuf text = { 0 };

	strbuf_vaddf(&text, format, args);
	problem_add(reader->problems, place, "syntax error: %s" NOT_READ, strbuf_str(&text));
	strbuf_free(&text);
}

/* A word where no option begins. Behind a value it may be a part of it, and that a password: it is not shown. */
static void tell_garbage(struct place place, const char *word)
{
	const struct block *block = innermost();
	const struct entry *last = block->count > 0 ? &block->entries[block->count - 1] : NULL;

	if (last != NULL && last->place.file == place.file && last->place.line == place.line)
		problem_add(reader->problems, place,
		            "syntax error behind the value of %s: put a value with blanks or special characters into "
		            "single quotes" NOT_READ,
		            last->option->name);
	else
		problem_add(reader->problems, place, "syntax error: %s is not understood here" NOT_READ, word);
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	const struct table *table = innermost()->table;
	struct file *file = &reader->document->files[reader->file];
	va_list copy;
	const char *name;

	if (reader->again)
		return;
	va_copy(copy, args);
	name = message_name(format, copy);
	va_end(copy);
	if (name != NULL && table_find(table, name) == NULL && table_block(table, name) == NULL) {
		reader->again = unknowns_learn(&reader->unknowns, table, name);
		if (reader->again)
			return;
		tell_garbage(place_at(cfg), name);
	} else if (file->cut_line == 0) {
		tell_syntax(place_at(cfg), format, args);
	}
	if (file->cut_line == 0)
		file->cut_line = cfg->line;
}

static char *folder_of(const char *path)
{
	char *copy = mem_strdup(path);
	char *folder = realpath(dirname(copy), NULL);

	free(copy);
	/* The file could be opened, so its folder is there; it may be hidden from us all the same. */
	return folder != NULL ? folder : mem_strdup("/");
}

/* What was open when a file ended too early is kept as far as it goes. */
static void close_cut_blocks(size_t depth)
{
	while (reader->depth > depth) {
		close_block(INT_MAX);
	}
}

static void parse_text(cfg_t *cfg, struct text *text)
{
	size_t depth = reader->depth;
	int line;
	char *complaint = text_clean(text, &line);
	FILE *stream;

	if (complaint != NULL) {
		problem_add(reader->problems, (struct place){ reader->file, line }, "%s", complaint);
		reader->document->files[reader->file].cut_line = line;
		free(complaint);
	}
	/* Not every libc's fmemopen takes an empty buffer. */
	stream = text->len > 0 ? fmemopen(text->data, text->len, "r") : NULL;
	if (stream != NULL) {
		cfg_parse_fp(cfg, stream);
		fclose(stream);
	}
	close_cut_blocks(depth);
	reader->document->cut |= reader->document->files[reader->file].cut_line != 0;
}

static void read_text(cfg_t *cfg, const char *path, struct text *text)
{
	struct document *document = reader->document;
	size_t outer = reader->file;
	int outer_line = cfg->line;

	reader->file = document_add_file(document, mem_strdup(path), folder_of(path), &text->status);
	document->files[reader->file].reading = true;
	parse_text(cfg, text);
	document->files[reader->file].reading = false;
	reader->file = outer;
	cfg->line = outer_line;
}

static void read_included(cfg_t *cfg, const char *path, struct place from)
{
	const struct document *document = reader->document;
	struct text text;
	size_t before;

	if (text_read(&text, path) != 0) {
		problem_add(reader->problems, from, "cannot read %s: %s", path, strerror(errno));
		reader->document->cut = true;
		return;
	}
	before = include_find(document, &text.status);
	if (before == document->file_count)
		read_text(cfg, path, &text);
	else if (document->files[before].reading)
		problem_add(reader->problems, from, "%s is being read already: a file cannot include itself", path);
	else
		problem_add(reader->problems, from, "%s was included before: include it once", path);
	text_free(&text);
}

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	struct place from = place_at(cfg);
	const char *path = document_path(reader->document, from);
	struct strlist paths = { 0 };
	char *complaint = NULL;

	(void)opt;
	if (argc != 1 || argv[0][0] == '\0')
		complaint = mem_strdup("include of nothing: name a file or a pattern");
	else if (reader->include_depth == READER_INCLUDE_DEPTH_MAX)
		complaint = str_format("includes are nested more than %u deep", READER_INCLUDE_DEPTH_MAX);
	else
		complaint = include_expand(path, argv[0], &paths);
	if (complaint != NULL)
		problem_add(reader->problems, from, "%s", complaint);
	free(complaint);
	reader->include_depth++;
	for (size_t i = 0; i < paths.count && !reader->again; i++)
		read_included(cfg, paths.items[i], from);
	reader->include_depth--;
	strlist_free(&paths);
	return reader->again ? -1 : 0;
}

static cfg_opt_t list_of(const char *name, cfg_callback_t callback, const char *fallback)
{
	/* The library's own initializers take literals, and its struct a text that it copies and never writes to. */
	return (cfg_opt_t){ .name = name,
		            .type = CFGT_STR,
		            .flags = CFGF_LIST,
		            .def = { .parsed = (char *)fallback },
		            .parsecb = callback };
}

static cfg_opt_t *tell_library(const struct table *table, unsigned depth);

static cfg_opt_t block_of(const char *name, bool titled, const struct table *table, unsigned depth)
{
	return (cfg_opt_t){ .name = name,
		            .type = CFGT_SEC,
		            .flags = CFGF_MULTI | (titled ? CFGF_TITLE : 0),
		            .subopts = tell_library(table, depth + 1),
		            .validcb = on_closed };
}

static void free_options(cfg_opt_t *options)
{
	for (cfg_opt_t *option = options; option->name != NULL; option++) {
		if (option->subopts != NULL)
			free_options(option->subopts);
	}
	free(options);
}

struct options {
	cfg_opt_t *items;
	size_t count;
	size_t capacity;
};

static void options_add(struct options *options, cfg_opt_t option)
{
	options->items = mem_grow(options->items, &options->capacity, options->count + 1, sizeof(*options->items));
	/* The tables of an unknown block overlap, and libconfuse takes no name twice. */
	for (size_t i = 0; i < options->count; i++) {
		if (option.name != NULL && strcmp(options->items[i].name, option.name) == 0) {
			if (option.subopts != NULL)
				free_options(option.subopts);
			return;
		}
	}
	options->items[options->count++] = option;
}

static void options_add_table(struct options *options, const struct table *table, unsigned depth)
{
	for (size_t i = 0; i < table->count; i++)
		options_add(options, list_of(table->options[i].name, on_value, NULL));
	for (const struct table *const *block = table->blocks; block != NULL && *block != NULL; block++)
		options_add(options, block_of((*block)->name, (*block)->titled, *block, depth));
}

/* In an unknown block all names are passed over that would be right in one of ours. */
static void options_add_all(struct options *options, unsigned depth)
{
	options_add_table(options, &table_account, depth);
	options_add_table(options, &table_relay, depth);
	options_add_table(options, &table_multidrop, depth);
}

static void options_add_unknown(struct options *options, const struct table *table, unsigned depth)
{
	for (size_t i = 0; i < reader->unknowns.count; i++) {
		const struct unknown *unknown = &reader->unknowns.items[i];

		if (unknown->table != table || unknown->guess == UNKNOWN_GARBAGE)
			continue;
		if (unknown->guess != UNKNOWN_OPTION && depth >= UNKNOWN_DEPTH_MAX)
			continue;
		if (unknown->guess == UNKNOWN_OPTION)
			options_add(options, list_of(unknown->name, on_value, NULL));
		else
			options_add(options, block_of(unknown->name, unknown->guess == UNKNOWN_TITLED_BLOCK,
			                              &table_unknown, depth));
	}
}

/* A table in libconfuse's words, with the names that were learned. */
static cfg_opt_t *tell_library(const struct table *table, unsigned depth)
{
	struct options options = { 0 };

	if (table == &table_unknown)
		options_add_all(&options, depth);
	else
		options_add_table(&options, table, depth);
	options_add_unknown(&options, table, depth);
	if (table == &table_global)
		options_add(&options, (cfg_opt_t){ .name = "include", .type = CFGT_FUNC, .func = on_include });
	else
		options_add(&options, list_of(OPENED, on_opened, table->name));
	options_add(&options, (cfg_opt_t){ .name = NULL });
	return options.items;
}

static void parse_once(const char *path, struct text *text)
{
	cfg_opt_t *options = tell_library(&table_global, 0);
	cfg_t *cfg = cfg_init(options, CFGF_NONE);

	cfg_set_error_function(cfg, on_error);
	reader->open[0] = block_new(&table_global, NULL, (struct place){ 0, 1 });
	reader->section[0] = cfg;
	reader->depth = 1;
	read_text(cfg, path, text);
	if (!reader->again)
		take_empty_lists(cfg);
	reader->document->global = reader->open[0];
	reader->document->global->cut = reader->document->cut;
	cfg_free(cfg);
	free_options(options);
}

static void read_main(const char *path)
{
	struct text text;

	if (text_read(&text, path) != 0) {
		struct stat nothing = { 0 };
		int reason = errno;

		document_add_file(reader->document, mem_strdup(path), mem_strdup("/"), &nothing);
		reader->document->global = block_new(&table_global, NULL, (struct place){ 0, 1 });
		reader->document->cut = true;
		problem_add(reader->problems, (struct place){ 0, 1 }, "cannot be read: %s", strerror(reason));
		return;
	}
	parse_once(path, &text);
	text_free(&text);
}

void reader_read(const char *path, struct document *document, struct problems *problems)
{
	struct reader here = { .document = document, .problems = problems };

	reader = &here;
	for (;;) {
		here.again = false;
		read_main(path);
		/* Each round learns a name or gives up a guess, so that they end. */
		if (!here.again)
			break;
		document_clear(document);
		problems_free(problems);
	}
	unknowns_free(&here.unknowns);
	reader = NULL;
}
