/* SPDX-License-Identifier: ISC
 *
 * Text to values.
 */
#include "option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "multidropd/mem.h"
#include "multidropd/units.h"

const char *const option_tls_choices[] = { "none", "starttls", "implicit", NULL };
const char *const option_auto_choices[] = { "off", "auto", NULL };

const struct option *table_find(const struct table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->options[i].name, name) == 0)
			return &table->options[i];
	}
	return NULL;
}

const struct table *table_block(const struct table *table, const char *name)
{
	for (const struct table *const *block = table->blocks; block != NULL && *block != NULL; block++) {
		if (strcmp((*block)->name, name) == 0)
			return *block;
	}
	return NULL;
}

static void *member(void *base, const struct option *option)
{
	return (char *)base + option->offset;
}

static const char *value_of(const struct given *given)
{
	return given->values->items[0];
}

/* "may be left empty": the option that is empty by default. */
static bool may_be_empty(const struct option *option)
{
	return option->fallback != NULL && option->fallback[0] == '\0';
}

static const char *complaint_about(const struct option *option, const char *value)
{
	if (option->check != NULL && (value[0] != '\0' || option->required || option->group != 0))
		return option->check(value);
	return value[0] == '\0' && !may_be_empty(option) ? "must not be empty: write a value, or leave the option out"
	                                                 : NULL;
}

static char *complain(const struct option *option, const char *value, const char *complaint)
{
	if (option->secret)
		return str_format("%s %s", option->name, complaint);
	return str_format("%s = \"%s\" %s", option->name, value, complaint);
}

static char *formed(const struct option *option, const char *value)
{
	return option->form != NULL && value[0] != '\0' ? option->form(value) : mem_strdup(value);
}

static void replace(char **text, char *with)
{
	mem_free_secret(text);
	*text = with;
}

char *option_set_text(void *base, const struct option *option, const struct given *given)
{
	const char *complaint = complaint_about(option, value_of(given));

	if (complaint != NULL)
		return complain(option, value_of(given), complaint);
	replace(member(base, option), formed(option, value_of(given)));
	return NULL;
}

void option_set_fallback(void *base, const struct option *option)
{
	struct strlist values = { .items = (char *[]){ (char *)option->fallback }, .count = 1 };
	struct given given = { .values = &values, .folder = "" };

	if (option->fallback == NULL)
		return;
	/* Checks are for people: what they refuse to take empty is empty unless given. */
	if (may_be_empty(option) && (option->set == option_set_text || option->set == option_set_path))
		replace(member(base, option), mem_strdup(""));
	else
		free(option->set(base, option, &given));
}

char *option_set_path(void *base, const struct option *option, const struct given *given)
{
	const char *value = value_of(given);
	const char *complaint = complaint_about(option, value);

	if (complaint != NULL)
		return complain(option, value, complaint);
	if (value[0] == '/' || value[0] == '\0')
		replace(member(base, option), mem_strdup(value));
	else
		replace(member(base, option), str_format("%s/%s", given->folder, value));
	return NULL;
}

/* libconfuse's own words. */
static bool parse_bool(const char *value, bool *flag)
{
	static const char *const words[][2] = { { "true", "false" }, { "yes", "no" }, { "on", "off" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (size_t j = 0; j < 2; j++) {
			if (strcasecmp(value, words[i][j]) == 0) {
				*flag = j == 0;
				return true;
			}
		}
	}
	return false;
}

char *option_set_bool(void *base, const struct option *option, const struct given *given)
{
	if (!parse_bool(value_of(given), member(base, option)))
		return complain(option, value_of(given), "is neither true nor false: write one of these");
	return NULL;
}

static char *parse_number(const struct option *option, const struct given *given, int64_t *number)
{
	const char *value = value_of(given);
	char *end;
	long long parsed;

	errno = 0;
	parsed = strtoll(value, &end, 10);
	if (value[strspn(value, "+-0123456789")] != '\0' || end == value || *end != '\0' || errno != 0)
		return complain(option, value, "is not a whole number");
	if (parsed < option->min || parsed > option->max)
		return str_format("%s = \"%s\" is out of range: write a number from %lld to %lld", option->name, value,
		                  (long long)option->min, (long long)option->max);
	*number = parsed;
	return NULL;
}

char *option_set_unsigned(void *base, const struct option *option, const struct given *given)
{
	unsigned *field = member(base, option);
	int64_t number = 0;
	char *complaint = parse_number(option, given, &number);

	if (complaint == NULL)
		*field = (unsigned)number;
	return complaint;
}

char *option_set_int(void *base, const struct option *option, const struct given *given)
{
	int *field = member(base, option);
	int64_t number = 0;
	char *complaint = parse_number(option, given, &number);

	if (complaint == NULL)
		*field = (int)number;
	return complaint;
}

char *option_set_duration(void *base, const struct option *option, const struct given *given)
{
	int64_t *field = member(base, option);
	int64_t seconds;

	if (units_parse_duration(value_of(given), &seconds) != 0)
		return complain(option, value_of(given),
		                "is not a duration: write 90s, 5m, 2h, 30d or a bare number of seconds");
	if (seconds < option->min)
		return str_format("%s = \"%s\" is too short: write at least %llds", option->name, value_of(given),
		                  (long long)option->min);
	*field = seconds;
	return NULL;
}

char *option_set_size(void *base, const struct option *option, const struct given *given)
{
	uint64_t *field = member(base, option);
	uint64_t bytes;

	if (units_parse_size(value_of(given), &bytes) != 0)
		return complain(option, value_of(given), "is not a size: write 64K, 10M, 1G or a bare number of bytes");
	if (bytes < (uint64_t)option->min)
		return str_format("%s = \"%s\" is too small: write at least %lld", option->name, value_of(given),
		                  (long long)option->min);
	*field = bytes;
	return NULL;
}

/* -1: none of them. */
static int find_choice(const struct option *option, const char *value)
{
	for (int i = 0; option->choices[i] != NULL; i++) {
		if (strcmp(option->choices[i], value) == 0)
			return i;
	}
	return -1;
}

static char *complain_choice(const struct option *option, const char *value)
{
	struct strbuf text = { 0 };

	strbuf_addf(&text, "%s = \"%s\" is not known: write ", option->name, value);
	for (size_t i = 0; option->choices[i] != NULL; i++) {
		if (i > 0)
			strbuf_add_str(&text, option->choices[i + 1] != NULL ? ", " : " or ");
		strbuf_add_str(&text, option->choices[i]);
	}
	return strbuf_take(&text);
}

char *option_set_choice(void *base, const struct option *option, const struct given *given)
{
	int choice = find_choice(option, value_of(given));
	unsigned number = (unsigned)choice;

	if (choice < 0)
		return complain_choice(option, value_of(given));
	/* All enums of the configuration have no negative constant, and then gcc's and clang's are unsigned. */
	memcpy(member(base, option), &number, sizeof(number));
	return NULL;
}

char *option_set_switch(void *base, const struct option *option, const struct given *given)
{
	bool *field = member(base, option);
	int choice = find_choice(option, value_of(given));

	if (choice < 0)
		return complain_choice(option, value_of(given));
	*field = choice == 1;
	return NULL;
}

/* One empty value is how a list is written that shall be empty. */
static bool is_no_value(const struct option *option, const struct strlist *values)
{
	return values->count == 1 && values->items[0][0] == '\0' && !option->required;
}

char *option_check_value(const struct option *option, const struct strlist *values, size_t index)
{
	const char *complaint = NULL;

	if ((option->set == option_set_list || option->list) && option->check != NULL && !is_no_value(option, values))
		complaint = option->check(values->items[index]);
	return complaint != NULL ? complain(option, values->items[index], complaint) : NULL;
}

char *option_set_list(void *base, const struct option *option, const struct given *given)
{
	struct strlist *field = member(base, option);
	struct strlist fresh = { 0 };

	for (size_t i = 0; i < given->values->count && !is_no_value(option, given->values); i++)
		strlist_take(&fresh, formed(option, given->values->items[i]));
	strlist_free(field);
	*field = fresh;
	return NULL;
}

char *option_set_later(void *base, const struct option *option, const struct given *given)
{
	(void)base;
	(void)option;
	(void)given;
	return NULL;
}

char *option_set_unsupported(void *base, const struct option *option, const struct given *given)
{
	(void)base;
	if (option->choices == NULL)
		return str_format("%s is not supported yet: leave it out", option->name);
	if (given->values->count != 1 || find_choice(option, value_of(given)) != 0)
		return str_format("%s = \"%s\" is not supported yet: %s is what happens in this version", option->name,
		                  given->values->count > 0 ? value_of(given) : "", option->choices[0]);
	return NULL;
}
