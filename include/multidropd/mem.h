/* SPDX-License-Identifier: ISC
 *
 * Memory. A failed allocation ends the process with 71: nothing is lost by
 * that, the POP3 server is the queue. A size that a peer chose is capped by
 * the caller before it gets here.
 */
#ifndef MULTIDROPD_MEM_H
#define MULTIDROPD_MEM_H

#include <stddef.h>

void *mem_alloc(size_t len) __attribute__((malloc, returns_nonnull));                /* zeroed */
void *mem_realloc(void *block, size_t len) __attribute__((returns_nonnull));
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed, overflow checked */
void *mem_grow(void *array, size_t *capacity, size_t needed, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((returns_nonnull));
char *mem_strndup(const char *text, size_t len) __attribute__((returns_nonnull));

/* Overwrites `len` bytes in a way that the compiler does not remove. */
void mem_wipe(void *block, size_t len);

/* Wipes and frees a NUL-terminated secret and clears the caller's pointer. NULL is fine. */
void mem_free_secret(char **secret);

#endif
