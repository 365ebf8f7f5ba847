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

#include "grammar.h"
#include "include.h"
#include "option.h"
#include "text.h"
#include "unknown.h"
#include "multidropd/mem.h"

#define NOT_READ "; the rest of this file was not read"

struct reader {
	struct document *document;
	struct problems *problems;
	struct unknowns unknowns;
	struct block *open[GRAMMAR_DEPTH_MAX];   /* the innermost last; the first is the global one */
	const cfg_t *section[GRAMMAR_DEPTH_MAX]; /* the library's view of each */
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

/* The option whose value ends on this line, and may well go on where it should not; or NULL. */
static const struct option *option_before(struct place place)
{
	const struct block *block = innermost();
	const struct entry *last = block->count > 0 ? &block->entries[block->count - 1] : NULL;

	if (last == NULL || last->place.file != place.file || last->place.line != place.line)
		return NULL;
	return last->option;
}

static void tell_unknown(struct place place, const char *name)
{
	const struct table *table = innermost()->table;
	const struct option *before = option_before(place);
	char *text;

	/* Inside an unknown block nothing is known. */
	if (table == &table_unknown)
		return;
	if (before != NULL && before->secret) {
		problem_add(reader->problems, place,
		            "what stands behind the value of %s is no option: put a value "
		            "with blanks or special characters into single quotes",
		            before->name);
		return;
	}
	text = unknown_describe(table, name);
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
			tell_unknown(place_at(cfg), opt->name);
		return;
	}
	if (first || block->count == 0)
		entry = block_add(block, option, place_at(cfg));
	else
		entry = &block->entries[block->count - 1];
	/* An empty `+=` list and the like: the value goes where it was announced. */
	if (entry->option != option)
		entry = block_add(block, option, place_at(cfg));
	entry_add_value(entry, value, cfg->line);
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
		tell_unknown(place_at(cfg), cfg->name);
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

/* libconfuse closes what the end of a file leaves open. */
static bool is_cut(const struct block *block, int line)
{
	int cut_line = reader->document->files[block->place.file].cut_line;

	return cut_line != 0 && line >= cut_line;
}

static void close_block(int line)
{
	struct block *block = reader->open[--reader->depth];

	block->cut = is_cut(block, line);
	if (block->table == &table_unknown)
		block_free(&block);
	else if (block->table == &table_multidrop && innermost()->table != &table_global)
		file_child(block);
	else
		document_add_block(reader->document, block);
}

/* `OPTION = { }` calls nobody. It has no line either; that of its block is the nearest. */
static void take_empty_lists(const cfg_t *cfg, int line)
{
	struct block *block = innermost();

	if (is_cut(block, line))
		return;
	for (const cfg_opt_t *opt = cfg->opts; opt->name != NULL; opt++) {
		const struct option *option = table_find(block->table, opt->name);

		if (opt->type != CFGT_STR || (opt->flags & CFGF_MODIFIED) == 0 || opt->nvalues > 0)
			continue;
		if (option != NULL)
			block_add(block, option, block->place);
		else if (strcmp(opt->name, GRAMMAR_OPENED) != 0)
			tell_unknown(block->place, opt->name);
	}
}

static int on_closed(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned last = cfg_opt_size(opt) - 1;

	take_empty_lists(cfg_opt_getnsec(opt, last), cfg->line);
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

/* A token that is a word may belong to a password that lacks its quotes: it is not shown. */
static void tell_syntax(struct place place, const char *format, va_list args)
{
	struct strbuf text = { 0 };

	strbuf_vaddf(&text, format, args);
	if (strcmp(format, "unexpected token '%s'") == 0 && text.len > strlen("unexpected token '='")) {
		strbuf_clear(&text);
		strbuf_add_str(&text, "unexpected word, a comma or quotes are missing");
	}
	problem_add(reader->problems, place, "syntax error: %s" NOT_READ, strbuf_str(&text));
	strbuf_free(&text);
}

/* A word where no option begins. */
static void tell_garbage(struct place place, const char *word)
{
	const struct option *before = option_before(place);

	if (before != NULL)
		problem_add(reader->problems, place,
		            "syntax error behind the value of %s: put a value with blanks or special characters into "
		            "single quotes" NOT_READ,
		            before->name);
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
		if (unknowns_find(&reader->unknowns, table, name) != NULL)
			tell_garbage(place_at(cfg), name);
		else
			problem_add(reader->problems, place_at(cfg), "more than %u unknown names" NOT_READ,
			            UNKNOWN_MAX);
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
	while (reader->depth > depth)
		close_block(INT_MAX);
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

	reader->file = document_add_file(document, &(struct file){ .path = mem_strdup(path),
	                                                           .folder = folder_of(path),
	                                                           .status = text->status,
	                                                           .reading = true });
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

static void parse_once(const char *path, struct text *text)
{
	const struct grammar grammar = { .unknowns = &reader->unknowns,
		                         .value = on_value,
		                         .opened = on_opened,
		                         .closed = on_closed,
		                         .include = on_include };
	cfg_opt_t *options = grammar_build(&grammar);
	cfg_t *cfg = cfg_init(options, CFGF_NONE);

	cfg_set_error_function(cfg, on_error);
	reader->open[0] = block_new(&table_global, NULL, (struct place){ 0, 1 });
	reader->section[0] = cfg;
	reader->depth = 1;
	read_text(cfg, path, text);
	if (!reader->again)
		take_empty_lists(cfg, INT_MAX);
	reader->document->global = reader->open[0];
	reader->document->global->cut = reader->document->cut;
	cfg_free(cfg);
	grammar_free(options);
}

static void read_main(const char *path)
{
	struct text text;

	if (text_read(&text, path) != 0) {
		problem_add(reader->problems, (struct place){ 0, 1 }, "cannot be read: %s", strerror(errno));
		document_add_file(reader->document,
		                  &(struct file){ .path = mem_strdup(path), .folder = mem_strdup("/") });
		reader->document->global = block_new(&table_global, NULL, (struct place){ 0, 1 });
		reader->document->cut = true;
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
