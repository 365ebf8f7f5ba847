/* SPDX-License-Identifier: ISC
 *
 * An address that was taken out of anything is clean, and written and read
 * again it is the same one and the only one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidropd/address.h"
#include "multidropd/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
	if (!truth)
		abort();
}

static void check_clean(const char *text)
{
	for (; *text != '\0'; text++)
		require((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_list_of_one(const char *text, const struct address *want)
{
	struct address_list list = { 0 };

	address_list_parse(&list, span_of(text));
	require(list.count == 1 && list.broken == 0 && !list.null);
	require(strcmp(list.items[0].local, want->local) == 0 && strcmp(list.items[0].domain, want->domain) == 0);
	address_list_free(&list);
}

static void check_address(const struct address *address)
{
	char *text = address_format(address);
	struct address again;

	require(address->local[0] != '\0');
	require(strlen(address->local) + strlen(address->domain) <= ADDRESS_LENGTH_MAX);
	require(strpbrk(address->local, "%!") == NULL);
	check_clean(text);
	check_list_of_one(text, address);
	require(address_parse(&again, span_of(text)) == 0);
	require(address_equal(&again, address));
	address_free(&again);
	free(text);
}

static void check_sender(struct span value)
{
	struct address address;
	struct address again;
	char *text;

	if (address_parse_sender(&address, value) < 0)
		return;
	text = address_format(&address);
	check_clean(text);
	require(address_parse_sender(&again, span_of(text)) == 0);
	require(strcmp(again.local, address.local) == 0 && strcmp(again.domain, address.domain) == 0);
	address_free(&again);
	address_free(&address);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_make(data, size);
	struct address_list list = { 0 };

	address_list_parse(&list, value);
	require(list.count + list.broken <= size);
	for (size_t i = 0; i < list.count; i++)
		check_address(&list.items[i]);
	address_list_free(&list);
	check_sender(value);
	return 0;
}
