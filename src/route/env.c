/* SPDX-License-Identifier: ISC
 *
 * The answer to *ENV. Two lines tell of other things (the host that brought the
 * message and the like), then come the sender and the recipients. Descriptions
 * of the extension differ by one line in front; a sender can be told from a
 * fact, though not from nothing.
 */
#include "env.h"

struct span env_next_line(struct span *lines)
{
	ssize_t lf = span_find(*lines, '\n');
	size_t len = lf < 0 ? lines->len : (size_t)lf + 1;
	struct span line = span_make(lines->data, len);

	*lines = span_from(*lines, len);
	return span_trim(line);
}

static bool may_be_sender(struct span line)
{
	return line.len == 0 || span_is(line, "<>") || span_find(line, '@') >= 0;
}

struct span env_address(struct span line)
{
	bool brackets = line.len >= 2 && line.data[0] == '<' && line.data[line.len - 1] == '>';

	return brackets ? span_make(line.data + 1, line.len - 2) : line;
}

int env_read(struct env *env, struct span lines)
{
	struct span line[ENV_LINES_MIN];
	struct span behind_third;

	for (size_t i = 0; i < ENV_LINES_MIN; i++) {
		if (i == 3)
			behind_third = lines;
		if (lines.len == 0)
			return -1;
		line[i] = env_next_line(&lines);
	}
	if (lines.len > 0 && !may_be_sender(line[2]))
		*env = (struct env){ .sender = line[3], .recipients = lines, .by_looks = true, .fourth = true };
	else
		*env = (struct env){ .sender = line[2], .recipients = behind_third, .by_looks = lines.len > 0 };
	return 0;
}
