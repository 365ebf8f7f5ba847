/* SPDX-License-Identifier: ISC
 *
 * Allocation that does not fail: it ends the process instead.
 */
#include "multidropd/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* No log, no atexit: both might allocate. */
static void out_of_memory(void)
{
	static const char text[] = "multidropd: out of memory, ending; nothing is lost, the mail stays on the server\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)written;
	_exit(EX_OSERR);
}

void *mem_alloc(size_t len)
{
	void *block = calloc(1, len > 0 ? len : 1);

	if (block == NULL)
		out_of_memory();
	return block;
}

void *mem_realloc(void *block, size_t len)
{
	void *moved = realloc(block, len > 0 ? len : 1);

	if (moved == NULL)
		out_of_memory();
	return moved;
}

void *mem_array(size_t count, size_t size)
{
	void *block = calloc(count > 0 ? count : 1, size);

	if (block == NULL)
		out_of_memory();
	return block;
}

/* New elements are not zeroed: whoever appends fills them. */
void *mem_grow(void *array, size_t *capacity, size_t needed, size_t size)
{
	size_t wanted = *capacity > 0 ? *capacity : 8;

	if (array != NULL && needed <= *capacity)
		return array;
	while (wanted < needed) {
		if (wanted > SIZE_MAX / 2)
			out_of_memory();
		wanted *= 2;
	}
	if (wanted > SIZE_MAX / size)
		out_of_memory();
	*capacity = wanted;
	return mem_realloc(array, wanted * size);
}

char *mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

void mem_wipe(void *block, size_t len)
{
	explicit_bzero(block, len);
}

void mem_free_secret(char **secret)
{
	if (*secret != NULL)
		mem_wipe(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}
