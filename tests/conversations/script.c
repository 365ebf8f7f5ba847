/* SPDX-License-Identifier: ISC
 *
 * The player. A directive that looks at the client first lets the loop come to
 * rest; those that only add to what the server sends do not, so that it
 * arrives together. The journal has its entries with their escapes, and so are
 * they compared.
 */
#include "script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/units.h"
#include "player.h"

#define REPEAT_MAX 10000000u

bool player_wrong(struct player *player, const char *format, ...)
{
	struct strbuf error = { 0 };
	va_list args;

	if (player->error != NULL)
		return false;
	if (player->line > 0)
		strbuf_addf(&error, "line %u: ", player->line);
	strbuf_addf(&error, "%.*s: ", (int)player->directive.len, player->directive.data);
	va_start(args, format);
	strbuf_vaddf(&error, format, args);
	va_end(args);
	player->error = strbuf_take(&error);
	return false;
}

struct fake_peer *player_peer(struct player *player)
{
	struct fake_peer *peer = fake_net_peer(player->current);

	if (peer == NULL)
		player_wrong(player, "there is no connection %u", player->current);
	else
		peer->seen = true;
	return peer;
}

/* The current connection, if the client still has it. */
struct fake_peer *player_open_peer(struct player *player)
{
	struct fake_peer *peer = player_peer(player);

	if (peer != NULL && peer->stream == NULL) {
		player_wrong(player, "the client has closed connection %u", player->current);
		return NULL;
	}
	return peer;
}

bool player_settle(struct player *player)
{
	return fake_net_settle(player->loop) || player_wrong(player, "the client never comes to rest");
}

/* "N TEXT" → the count, and TEXT without escapes. */
bool player_repeat_count(struct player *player, uint64_t *count)
{
	struct span rest = player->raw;
	struct span word = span_token(&rest);

	strbuf_clear(&player->text);
	if (!span_number(word, count) || *count > REPEAT_MAX || script_unescape(&player->text, span_from(rest, 1)) < 0)
		return player_wrong(player, "wants a number and a text");
	return true;
}

char *player_repeated_line(const struct player *player, uint64_t number)
{
	struct span text = strbuf_span(&player->text);
	struct strbuf line = { 0 };

	for (size_t i = 0; i < text.len; i++) {
		if (i + 1 < text.len && text.data[i] == '%' && text.data[i + 1] == 'd') {
			strbuf_addf(&line, "%llu", (unsigned long long)number);
			i++;
		} else {
			strbuf_add_byte(&line, text.data[i]);
		}
	}
	strbuf_add_str(&line, "\r\n");
	return strbuf_take(&line);
}

static bool advance(struct player *player)
{
	char *word = span_dup(player->raw);
	size_t len = strlen(word);
	int64_t seconds;
	uint64_t ms;
	bool good;

	if (len > 2 && strcmp(word + len - 2, "ms") == 0) {
		good = span_number(span_make(word, len - 2), &ms);
	} else {
		good = units_parse_duration(word, &seconds) == 0;
		ms = good ? (uint64_t)seconds * 1000 : 0;
	}
	free(word);
	if (!good)
		return player_wrong(player, "wants a duration");
	return fake_net_advance(player->loop, (int64_t)ms) || player_wrong(player, "the client never comes to rest");
}

static bool call(struct player *player)
{
	struct span rest = player->raw;
	struct span name = span_token(&rest);
	const struct script_test *test = player->test;

	for (size_t i = 0; i < test->call_count; i++) {
		char *argument;

		if (!span_equal(span_of(test->calls[i].name), name))
			continue;
		argument = span_dup(span_from(rest, 1));
		test->calls[i].run(player->ctx, argument);
		free(argument);
		return true;
	}
	return player_wrong(player, "the test has no such function");
}

static bool take_entry(struct player *player, struct queue *queue, struct span want, bool whole)
{
	const char *entry = queue_peek(queue);

	if (entry == NULL)
		return player_wrong(player, "nothing came");
	if (strncmp(entry, want.len > 0 ? want.data : "", want.len) != 0 || (whole && strlen(entry) != want.len))
		return player_wrong(player, "came «%s»", entry);
	queue->next++;
	return true;
}

static bool entry_exactly(struct player *player)
{
	return take_entry(player, &journal, player->raw, true);
}

static bool entry_prefix(struct player *player)
{
	return take_entry(player, &journal, player->raw, false);
}

static bool entry_none(struct player *player)
{
	const char *entry = queue_peek(&journal);

	return entry == NULL || player_wrong(player, "came «%s»", entry);
}

static bool log_prefix(struct player *player)
{
	return take_entry(player, &warnings, player->raw, false);
}

static const struct directive other_directives[] = {
	{ "ADVANCE", advance, true },
	{ "CALL", call, true },
	{ "EXPECT", entry_exactly, true },
	{ "EXPECT~", entry_prefix, true },
	{ "ENONE", entry_none, true },
	{ "LOG", log_prefix, true },
	{ NULL, NULL, false },
};

static bool switch_connection(struct player *player, struct span number)
{
	uint64_t value;

	if (!span_number(number, &value) || value == 0 || value > UINT32_MAX)
		return player_wrong(player, "wants a number");
	player->current = (unsigned)value;
	return player_settle(player) && player_peer(player) != NULL;
}

static const struct directive *find_directive(struct span word)
{
	static const struct directive *const tables[] = { server_directives, client_directives, other_directives };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct directive *at = tables[i]; at->word != NULL; at++) {
			if (span_equal(word, span_of(at->word)))
				return at;
		}
	}
	return NULL;
}

static bool run_directive(struct player *player, struct span line)
{
	const struct directive *directive;
	struct span word;

	player->directive = line;
	player->raw = line;
	word = span_token(&player->raw);
	if (word.len == 0 || word.data[0] == '#')
		return true;
	if (word.data[0] == '@')
		return switch_connection(player, span_from(word, 1));
	player->raw = span_from(player->raw, 1);
	strbuf_clear(&player->text);
	directive = find_directive(word);
	if (directive == NULL)
		return player_wrong(player, "no such directive");
	if (script_unescape(&player->text, player->raw) < 0)
		return player_wrong(player, "an escape that is none");
	return (!directive->settle || player_settle(player)) && directive->run(player);
}

static bool play_lines(struct player *player)
{
	struct span rest = span_of(player->test->text);

	while (rest.len > 0) {
		ssize_t end = span_find(rest, '\n');
		struct span line = span_make(rest.data, end < 0 ? rest.len : (size_t)end);

		while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
			line = span_from(line, 1);
		player->line++;
		if (!run_directive(player, line))
			return false;
		rest = span_from(rest, end < 0 ? rest.len : (size_t)end + 1);
	}
	player->line = 0;
	return player_settle(player);
}

static bool nothing_left(struct player *player)
{
	player->directive = SPAN("at the end");
	if (queue_peek(&journal) != NULL)
		return player_wrong(player, "the script does not expect «%s»", queue_peek(&journal));
	if (queue_peek(&warnings) != NULL)
		return player_wrong(player, "the script does not expect the warning «%s»", queue_peek(&warnings));
	if (fake_net_answers_left() > 0)
		return player_wrong(player, "%zu REFUSE, HANG or REFUSETLS were never used", fake_net_answers_left());
	for (struct fake_peer *peer = fake_net_peers(); peer != NULL; peer = peer->next) {
		if (peer->number == 0)
			continue;
		if (peer->number > 1 && !peer->seen)
			return player_wrong(player, "the script does not know of connection %u", peer->number);
		player->current = peer->number;
		if (!client_sent_nothing(player))
			return false;
	}
	return true;
}

static bool nothing_leaked(struct player *player)
{
	player->directive = SPAN("after teardown");
	for (struct fake_peer *peer = fake_net_peers(); peer != NULL; peer = peer->next) {
		if (peer->stream != NULL)
			return player_wrong(player, "the stream of connection %u was not freed", peer->number);
	}
	if (fake_loop_objects(player->loop) > 0)
		return player_wrong(player, "%zu timers or watches were not freed", fake_loop_objects(player->loop));
	return true;
}

/* What a human wants to know besides: the client often has said why. */
static void add_context(struct player *player)
{
	const struct {
		const char *label;
		const struct queue *queue;
	} queues[] = { { "journal", &journal }, { "log", &warnings } };
	struct strbuf text = { 0 };

	strbuf_add_str(&text, player->error);
	for (size_t i = 0; i < 2; i++) {
		for (size_t at = queues[i].queue->next; at < queues[i].queue->entries.count; at++)
			strbuf_addf(&text, "\n\t%s: %s", queues[i].label, queues[i].queue->entries.items[at]);
	}
	free(player->error);
	player->error = strbuf_take(&text);
}

char *script_run(const struct script_test *test, size_t chunk)
{
	struct player player = { .test = test, .current = 1 };

	fake_net_reset(chunk);
	journal_begin();
	player.loop = loop_new();
	player.ctx = test->setup(player.loop, test->argument);
	if (!play_lines(&player) || !nothing_left(&player))
		add_context(&player);
	test->teardown(player.ctx);
	/* After an error what is left says nothing new. */
	if (player.error == NULL)
		nothing_leaked(&player);
	loop_free(&player.loop);
	journal_end();
	fake_net_reset(0);
	strbuf_free(&player.text);
	return player.error;
}

void script_play(const struct script_test *test)
{
	static const size_t chunks[] = { 0, 1, 2, 4 };

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		char *error = script_run(test, chunks[i]);

		if (error != NULL && chunks[i] == 0)
			fail_msg("%s (reads of any size)", error);
		else if (error != NULL)
			fail_msg("%s (reads of %zu bytes)", error, chunks[i]);
	}
}
