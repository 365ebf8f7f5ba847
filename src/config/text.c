/* SPDX-License-Identifier: ISC
 *
 * Walks over a file's tokens once, without looking at their meaning.
 */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "multidropd/mem.h"
#include "multidropd/str.h"

#define READ_STEP 65536u
#define BRACES_MAX 16 /* deeper than this is no configuration of ours, and libconfuse says so */

struct walk {
	char *data;
	size_t len;
	size_t at;
	int line;
	int braces[BRACES_MAX]; /* the lines of the open ones */
	size_t depth;
	size_t cut; /* where the token at fault begins */
	int fault_line;
	char *fault;
};

static int read_all(struct text *text, int fd)
{
	size_t capacity = 0;

	for (;;) {
		ssize_t got;

		text->data = mem_grow(text->data, &capacity, text->len + READ_STEP, 1);
		got = read(fd, text->data + text->len, READ_STEP);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 ? 0 : -1;
		text->len += (size_t)got;
		if (text->len > TEXT_FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
}

int text_read(struct text *text, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int status;
	int reason;

	*text = (struct text){ 0 };
	if (fd < 0)
		return -1;
	status = fstat(fd, &text->status);
	if (status == 0)
		status = read_all(text, fd);
	reason = errno;
	close(fd);
	if (status != 0)
		text_free(text);
	errno = reason;
	return status;
}

void text_free(struct text *text)
{
	if (text->data != NULL)
		mem_wipe(text->data, text->len);
	free(text->data);
	text->data = NULL;
	text->len = 0;
}

static char peek(const struct walk *walk, size_t ahead)
{
	return walk->at + ahead < walk->len ? walk->data[walk->at + ahead] : '\0';
}

static void fault(struct walk *walk, const char *what)
{
	walk->fault = mem_strdup(what);
	walk->fault_line = walk->line;
}

static void blank_line(struct walk *walk)
{
	while (walk->at < walk->len && walk->data[walk->at] != '\n')
		walk->data[walk->at++] = ' ';
}

static void blank_comment(struct walk *walk)
{
	int opened = walk->line;

	for (; walk->at < walk->len; walk->at++) {
		if (peek(walk, 0) == '*' && peek(walk, 1) == '/') {
			walk->data[walk->at++] = ' ';
			walk->data[walk->at++] = ' ';
			return;
		}
		if (walk->data[walk->at] == '\n')
			walk->line++;
		else
			walk->data[walk->at] = ' ';
	}
	walk->line = opened;
	fault(walk, "the comment that opens here is not closed: end it with */");
}

/* At "${": libconfuse puts the variable in, or nothing where there is none, which makes a wrong password. */
static void walk_variable(struct walk *walk)
{
	size_t start = walk->at + 2;
	size_t end = start;
	char *name;
	char *colon;

	while (end < walk->len && strchr("}\"\n", walk->data[end]) == NULL)
		end++;
	if (end == walk->len || walk->data[end] != '}') {
		fault(walk, "\"${\" without its \"}\": write a value that holds it in single quotes");
		return;
	}
	name = mem_strndup(walk->data + start, end - start);
	colon = strchr(name, ':');
	if ((colon == NULL || colon[1] != '-') && getenv(name) == NULL) {
		walk->fault = str_format("${%s} is not set in the environment: set it, or write the value in single "
		                         "quotes if no variable is meant",
		                         name);
		walk->fault_line = walk->line;
	}
	free(name);
	walk->at = end + 1;
}

static bool is_octal(const char *digits, size_t len)
{
	unsigned value = 0;

	for (size_t i = 0; i < len; i++) {
		if (digits[i] > '7')
			return false;
		value = value * 8 + (unsigned)(digits[i] - '0');
	}
	return len <= 3 && value > 0 && value <= 0xff;
}

/* "\\x0" or "\\x00", `digits` at the x. */
static bool is_hex_nul(const char *digits, size_t len)
{
	if (len < 2 || digits[0] != 'x' || digits[1] != '0')
		return false;
	return len == 2 || digits[2] == '0' || !isxdigit((unsigned char)digits[2]);
}

/* At a backslash in double quotes. */
static void walk_escape(struct walk *walk)
{
	const char *digits = walk->data + walk->at + 1;
	size_t room = walk->len - walk->at - 1;
	size_t len = 0;

	while (len < room && digits[len] >= '0' && digits[len] <= '9')
		len++;
	if (len > 0 && !is_octal(digits, len))
		fault(walk,
		      "a backslash with a number that is no byte: write a value with backslashes in single quotes");
	if (is_hex_nul(digits, room))
		fault(walk, "a NUL byte in a value: nothing can take it, leave it out");
	if (peek(walk, 1) == '\n')
		walk->line++;
	walk->at += 2 + (len > 1 ? len - 1 : 0);
}

static void walk_quoted(struct walk *walk)
{
	char quote = walk->data[walk->at++];

	while (walk->at < walk->len && walk->fault == NULL) {
		char byte = walk->data[walk->at];

		if (byte == quote) {
			walk->at++;
			return;
		}
		if (byte == '\n')
			break;
		if (quote == '"' && byte == '\\') {
			walk_escape(walk);
		} else if (byte == '\\') {
			walk->line += peek(walk, 1) == '\n';
			walk->at += 2;
		} else if (quote == '"' && byte == '$' && peek(walk, 1) == '{') {
			walk_variable(walk);
		} else {
			walk->at++;
		}
	}
	if (walk->fault == NULL)
		fault(walk, "the string that opens here is not closed on its line: end it with the same quote");
}

static void walk_word(struct walk *walk)
{
	if (walk->data[walk->at] == '$' && peek(walk, 1) == '{') {
		walk_variable(walk);
		return;
	}
	while (walk->at < walk->len && strchr(" #\"'\t\n\r={}()+,*", walk->data[walk->at]) == NULL)
		walk->at++;
	if (peek(walk, 0) == '#')
		fault(walk, "a # behind a word: put the value in single quotes, or a blank before the comment");
}

static void walk_brace(struct walk *walk)
{
	if (walk->data[walk->at++] == '{') {
		if (walk->depth < BRACES_MAX)
			walk->braces[walk->depth] = walk->line;
		walk->depth++;
	} else if (walk->depth > 0) {
		walk->depth--;
	}
}

static void skip_blanks(struct walk *walk)
{
	while (peek(walk, 0) == ' ' || peek(walk, 0) == '\t')
		walk->at++;
}

/* At the parenthesis of an include, the only one there is. libconfuse loses the memory of one that it does not get to
 * the end of. */
static void walk_call(struct walk *walk)
{
	walk->at++;
	skip_blanks(walk);
	if (peek(walk, 0) == '"' || peek(walk, 0) == '\'')
		walk_quoted(walk);
	else if (walk->at < walk->len)
		walk_word(walk);
	skip_blanks(walk);
	if (walk->fault == NULL && peek(walk, 0) != ')')
		fault(walk, "an include takes one file or pattern, in quotes: write include(\"conf.d/*.conf\")");
	walk->at++;
}

static void walk_token(struct walk *walk)
{
	char byte = walk->data[walk->at];

	if (byte == '#' || (byte == '/' && peek(walk, 1) == '/'))
		blank_line(walk);
	else if (byte == '/' && peek(walk, 1) == '*')
		blank_comment(walk);
	else if (byte == '"' || byte == '\'')
		walk_quoted(walk);
	else if (byte == '{' || byte == '}')
		walk_brace(walk);
	else if (byte == '*' || (byte == '+' && peek(walk, 1) != '='))
		fault(walk, "a value with * or + in it needs quotes");
	else if (byte == '(')
		walk_call(walk);
	else if (strchr(" \t\n\r=),+", byte) == NULL)
		walk_word(walk);
	else
		walk->at++;
	if (byte == '\n')
		walk->line++;
}

/* Before anything else, because a NUL hides what follows it from strchr and from libconfuse alike. */
static void cut_at_nul(struct walk *walk)
{
	const char *nul = memchr(walk->data, '\0', walk->len);

	if (nul == NULL)
		return;
	walk->len = (size_t)(nul - walk->data);
	for (size_t i = 0; i < walk->len; i++)
		walk->line += walk->data[i] == '\n';
	fault(walk, "a NUL byte: this is no text file from here on");
	walk->line = 1;
}

char *text_clean(struct text *text, int *line)
{
	struct walk walk = { .data = text->data, .len = text->len, .line = 1 };
	char *nul;

	if (text->len == 0)
		return NULL;
	cut_at_nul(&walk);
	nul = walk.fault;
	*line = walk.fault_line;
	walk.fault = NULL;
	if (walk.len >= 3 && memcmp(walk.data, "\xef\xbb\xbf", 3) == 0)
		memset(walk.data, ' ', 3);
	while (walk.at < walk.len && walk.fault == NULL) {
		walk.cut = walk.at;
		walk_token(&walk);
	}
	text->len = walk.fault != NULL ? walk.cut : walk.len;
	if (walk.fault == NULL && nul == NULL && walk.depth > 0) {
		fault(&walk, "the block or list that opens here is not closed: end it with }");
		walk.fault_line = walk.braces[walk.depth < BRACES_MAX ? walk.depth - 1 : BRACES_MAX - 1];
	}
	if (walk.fault == NULL)
		return nul;
	free(nul);
	*line = walk.fault_line;
	return walk.fault;
}
