/* SPDX-License-Identifier: ISC
 *
 * Keeps what was read until it is judged.
 */
#include "document.h"

#include <stdlib.h>

#include "multidropd/mem.h"

struct block *block_new(const struct table *table, const char *title, struct place place)
{
	struct block *block = mem_alloc(sizeof(*block));

	block->table = table;
	block->title = mem_strdup(title != NULL ? title : "");
	block->place = place;
	return block;
}

static void entry_clear(struct entry *entry)
{
	for (size_t i = 0; i < entry->values.count; i++)
		mem_free_secret(&entry->values.items[i]);
	free(entry->values.items);
	free(entry->standings);
}

void block_free(struct block **block)
{
	if (*block == NULL)
		return;
	for (size_t i = 0; i < (*block)->count; i++)
		entry_clear(&(*block)->entries[i]);
	block_free(&(*block)->child);
	free((*block)->entries);
	free((*block)->title);
	free(*block);
	*block = NULL;
}

struct entry *block_add(struct block *block, const struct option *option, struct place place)
{
	struct entry *entry;

	block->entries = mem_grow(block->entries, &block->capacity, block->count + 1, sizeof(*block->entries));
	entry = &block->entries[block->count++];
	*entry = (struct entry){ .option = option, .place = place };
	return entry;
}

size_t document_add_file(struct document *document, const struct file *file)
{
	document->files =
		mem_grow(document->files, &document->file_capacity, document->file_count + 1, sizeof(*document->files));
	document->files[document->file_count] = *file;
	return document->file_count++;
}

void document_add_block(struct document *document, struct block *block)
{
	document->blocks = mem_grow(document->blocks, &document->block_capacity, document->block_count + 1,
	                            sizeof(struct block *));
	document->blocks[document->block_count++] = block;
}

const char *document_path(const struct document *document, struct place place)
{
	return document->files[place.file].path;
}

void document_clear(struct document *document)
{
	for (size_t i = 0; i < document->file_count; i++) {
		free(document->files[i].path);
		free(document->files[i].folder);
	}
	for (size_t i = 0; i < document->block_count; i++)
		block_free(&document->blocks[i]);
	block_free(&document->global);
	free(document->files);
	free(document->blocks);
	*document = (struct document){ 0 };
}

void entry_add_value(struct entry *entry, const char *value, int line)
{
	strlist_add(&entry->values, value);
	entry->standings =
		mem_grow(entry->standings, &entry->standing_capacity, entry->values.count, sizeof(*entry->standings));
	entry->standings[entry->values.count - 1] = (struct standing){ .line = line };
}

struct place entry_value_place(const struct entry *entry, size_t index)
{
	struct place place = entry->place;

	if (index < entry->values.count)
		place.line = entry->standings[index].line;
	return place;
}

static void tell(struct problems *problems, struct place place, const char *word, const char *format, va_list args)
{
	struct strbuf text = { 0 };

	strbuf_vaddf(&text, format, args);
	problem_add(problems, place, "%s%s", word, strbuf_str(&text));
	strbuf_free(&text);
}

void entry_blame(struct entry *entry, struct problems *problems, const char *format, ...)
{
	va_list args;

	if (entry->blamed)
		return;
	entry->blamed = true;
	va_start(args, format);
	tell(problems, entry->place, "", format, args);
	va_end(args);
}

void entry_blame_value(struct entry *entry, size_t index, struct problems *problems, const char *format, ...)
{
	struct standing *standing = &entry->standings[index];
	va_list args;

	if (standing->blamed)
		return;
	standing->blamed = entry->blamed = true;
	va_start(args, format);
	tell(problems, entry_value_place(entry, index), "", format, args);
	va_end(args);
}

void entry_warn(struct entry *entry, struct problems *warnings, const char *text)
{
	if (entry == NULL || entry->blamed || entry->warned)
		return;
	entry->warned = true;
	problem_add(warnings, entry->place, "warning: %s", text);
}

void entry_warn_value(struct entry *entry, size_t index, struct problems *warnings, const char *format, ...)
{
	struct standing *standing;
	va_list args;

	if (entry == NULL || entry->blamed || entry->standings[index].warned)
		return;
	standing = &entry->standings[index];
	standing->warned = true;
	va_start(args, format);
	tell(warnings, entry_value_place(entry, index), "warning: ", format, args);
	va_end(args);
}
