/* SPDX-License-Identifier: ISC
 *
 * A virtual_file, in the form of Postfix's tables: a line each, one that begins
 * with blanks goes on with what is above, empty ones and those that begin with
 * # are passed over, between the two as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include.h"
#include "mapping.h"
#include "text.h"
#include "multidropd/mem.h"

struct lines {
	struct mappings *mappings;
	struct judge *judge;
	size_t file;
	int line; /* the one being read */
	struct strbuf logical;
	int logical_line; /* where it begins; 0: there is none */
};

static void tell(struct lines *lines, int line, const char *complaint)
{
	problem_add(&lines->judge->problems, (struct place){ lines->file, line }, "%s", complaint);
}

/* Of the line that was added. */
static void warn(struct lines *lines, struct place place)
{
	char *doubt = mapping_doubt(&lines->mappings->items[lines->mappings->count - 1]);

	if (doubt != NULL)
		problem_add(&lines->judge->warnings, place, "warning: %s", doubt);
	free(doubt);
}

static void end_logical(struct lines *lines)
{
	struct place place = { lines->file, lines->logical_line };
	char *complaint;

	if (lines->logical_line == 0)
		return;
	complaint = mappings_add(lines->mappings, span_trim(strbuf_span(&lines->logical)), place);
	if (complaint != NULL)
		tell(lines, place.line, complaint);
	else
		warn(lines, place);
	free(complaint);
	strbuf_clear(&lines->logical);
	lines->logical_line = 0;
}

static bool has_control(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.data[i];

		if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
			return true;
	}
	return false;
}

static void take_line(struct lines *lines, struct span line)
{
	struct span text = span_trim(line);
	bool more = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

	if (text.len == 0 || text.data[0] == '#')
		return;
	if (has_control(text)) {
		tell(lines, lines->line, "holds a control character: take it out");
		return;
	}
	if (more && lines->logical_line == 0) {
		tell(lines, lines->line,
		     "begins with a blank, and there is no line above to go on with: begin it with the "
		     "address");
		return;
	}
	if (!more) {
		end_logical(lines);
		lines->logical_line = lines->line;
	}
	strbuf_add_span(&lines->logical, text);
	strbuf_add_byte(&lines->logical, ' ');
}

static void take_lines(struct lines *lines, struct span text)
{
	if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		text = span_from(text, 3);
	while (text.len > 0) {
		ssize_t end = span_find(text, '\n');
		size_t len = end < 0 ? text.len : (size_t)end;

		lines->line++;
		take_line(lines, span_make(text.data, len));
		text = span_from(text, end < 0 ? len : len + 1);
	}
	end_logical(lines);
}

/* It gets a name in the document, so that problems can be told at its lines. */
static size_t file_index(struct document *document, const char *path, const struct text *text)
{
	size_t index = include_find(document, &text->status);

	if (index < document->file_count)
		return index;
	return document_add_file(
		document,
		&(struct file){ .path = mem_strdup(path), .folder = mem_strdup("/"), .status = text->status });
}

void mappings_read(struct mappings *mappings, struct judge *judge, struct entry *entry)
{
	const char *folder = judge->document->files[entry->place.file].folder;
	const char *value = entry->values.items[0];
	char *path = value[0] == '/' ? mem_strdup(value) : str_format("%s/%s", folder, value);
	/* A reload reads it as the daemon's user, and a FIFO is never waited for. */
	char *complaint = files_check_readable(path, &judge->identity);
	struct text text = { 0 };

	if (complaint == NULL && text_read(&text, path) != 0)
		complaint = str_format("%s cannot be read: %s", path, strerror(errno));
	if (complaint != NULL) {
		entry_blame(entry, &judge->problems, "%s: %s", entry->option->name, complaint);
	} else {
		struct lines lines = { .mappings = mappings, .judge = judge };

		lines.file = file_index(judge->document, path, &text);
		take_lines(&lines, span_make(text.data, text.len));
		strbuf_free(&lines.logical);
	}
	free(complaint);
	text_free(&text);
	free(path);
}
