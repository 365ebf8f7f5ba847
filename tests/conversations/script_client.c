/* SPDX-License-Identifier: ISC
 *
 * What a script expects of the client's bytes.
 */
#include "player.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

static bool wrong_bytes(struct player *player, struct span want, struct span got)
{
	struct strbuf wanted = { 0 };
	struct strbuf came = { 0 };

	script_escape(&wanted, want);
	script_escape(&came, got.len > 1000 ? span_make(got.data, 1000) : got);
	if (got.len == 0)
		player_wrong(player, "wanted «%s», the client sent nothing", strbuf_str(&wanted));
	else
		player_wrong(player, "wanted «%s», the client sent «%s»", strbuf_str(&wanted), strbuf_str(&came));
	strbuf_free(&wanted);
	strbuf_free(&came);
	return false;
}

/* The client's next line with its CRLF, or all there is if none is complete. */
static struct span client_line(struct fake_peer *peer)
{
	struct evbuffer_ptr end = evbuffer_search(peer->from_client, "\r\n", 2, NULL);
	size_t len = end.pos < 0 ? evbuffer_get_length(peer->from_client) : (size_t)end.pos + 2;

	return span_make(evbuffer_pullup(peer->from_client, (ev_ssize_t)len), len);
}

static bool expect_bytes(struct player *player, struct span want)
{
	struct fake_peer *peer = player_peer(player);
	size_t len;
	const void *got;

	if (peer == NULL)
		return false;
	len = evbuffer_get_length(peer->from_client);
	got = evbuffer_pullup(peer->from_client, (ev_ssize_t)(len < want.len ? len : want.len));
	if (len < want.len || (want.len > 0 && memcmp(got, want.data, want.len) != 0))
		return wrong_bytes(player, want, client_line(peer));
	evbuffer_drain(peer->from_client, want.len);
	return true;
}

static bool client_bytes(struct player *player)
{
	return expect_bytes(player, strbuf_span(&player->text));
}

static bool client_exactly(struct player *player)
{
	strbuf_add_str(&player->text, "\r\n");
	return expect_bytes(player, strbuf_span(&player->text));
}

static bool client_prefix(struct player *player)
{
	struct fake_peer *peer = player_peer(player);
	struct span want = strbuf_span(&player->text);
	struct span got;

	if (peer == NULL)
		return false;
	got = client_line(peer);
	if (got.len < want.len || got.len < 2 || got.data[got.len - 1] != '\n' ||
	    (want.len > 0 && memcmp(got.data, want.data, want.len) != 0))
		return wrong_bytes(player, want, got);
	evbuffer_drain(peer->from_client, got.len);
	return true;
}

/* Lines of no account up to one that begins so. */
static bool client_up_to(struct player *player)
{
	struct fake_peer *peer = player_peer(player);
	struct span want = strbuf_span(&player->text);
	struct span got = { 0 };

	if (peer == NULL)
		return false;
	do {
		evbuffer_drain(peer->from_client, got.len);
		got = client_line(peer);
		if (got.len < 2 || got.data[got.len - 1] != '\n')
			return wrong_bytes(player, want, got);
	} while (got.len < want.len || memcmp(got.data, want.data, want.len) != 0);
	evbuffer_drain(peer->from_client, got.len);
	return true;
}

static bool client_repeated(struct player *player)
{
	uint64_t count;
	bool good = player_repeat_count(player, &count);

	for (uint64_t i = 1; good && i <= count; i++) {
		char *line = player_repeated_line(player, i);

		good = expect_bytes(player, span_of(line));
		free(line);
	}
	return good;
}

bool client_sent_nothing(struct player *player)
{
	struct fake_peer *peer = player_peer(player);

	if (peer == NULL)
		return false;
	return evbuffer_get_length(peer->from_client) == 0 || wrong_bytes(player, SPAN(""), client_line(peer));
}

static bool client_closed(struct player *player)
{
	struct fake_peer *peer = player_peer(player);

	if (peer == NULL)
		return false;
	return peer->stream == NULL || player_wrong(player, "the client has not closed it");
}

const struct directive client_directives[] = {
	{ "C:", client_exactly, true },    { "C~", client_prefix, true },   { "C-", client_bytes, true },
	{ "C>", client_up_to, true },      { "C*", client_repeated, true }, { "CNONE", client_sent_nothing, true },
	{ "CLOSED", client_closed, true }, { NULL, NULL, false },
};
