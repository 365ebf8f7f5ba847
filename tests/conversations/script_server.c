/* SPDX-License-Identifier: ISC
 *
 * The server's part of a script: what it sends, how it answers connections.
 */
#include "player.h"

#include <event2/buffer.h>
#include <stdlib.h>

static bool queue_bytes(struct player *player, struct span bytes)
{
	struct fake_peer *peer;

	/* The very first line comes before the loop was ever reached. */
	if (fake_net_peer(player->current) == NULL && !player_settle(player))
		return false;
	peer = player_open_peer(player);
	if (peer == NULL)
		return false;
	if (peer->handshake)
		return player_wrong(player, "the client waits for a TLS handshake: TLS or TLSFAIL first");
	evbuffer_add(peer->to_client, bytes.data, bytes.len);
	return true;
}

static bool send_bytes(struct player *player)
{
	return queue_bytes(player, strbuf_span(&player->text));
}

static bool send_line(struct player *player)
{
	strbuf_add_str(&player->text, "\r\n");
	return queue_bytes(player, strbuf_span(&player->text));
}

static bool send_repeated(struct player *player)
{
	uint64_t count;
	bool good = player_repeat_count(player, &count);

	for (uint64_t i = 1; good && i <= count; i++) {
		char *line = player_repeated_line(player, i);

		good = queue_bytes(player, span_of(line));
		free(line);
	}
	return good;
}

static bool close_with(struct player *player, enum stream_close why, const char *text)
{
	struct fake_peer *peer;

	if (fake_net_peer(player->current) == NULL && !player_settle(player))
		return false;
	peer = player_open_peer(player);
	if (peer != NULL)
		fake_peer_close(peer, why, text);
	return peer != NULL;
}

static bool send_eof(struct player *player)
{
	return close_with(player, STREAM_CLOSE_EOF, "closed by the server");
}

static bool send_reset(struct player *player)
{
	return close_with(player, STREAM_CLOSE_CUT, "connection reset");
}

static bool next_connection(struct player *player)
{
	unsigned number = 2;

	while (fake_net_peer(number) != NULL && fake_net_peer(number)->seen)
		number++;
	player->current = number;
	return player_peer(player) != NULL;
}

static bool answer_refused(struct player *player)
{
	fake_net_answer(FAKE_REFUSE, strbuf_str(&player->text));
	return true;
}

static bool answer_hang(struct player *player)
{
	(void)player;
	fake_net_answer(FAKE_HANG, "");
	return true;
}

static bool answer_tls_failed(struct player *player)
{
	fake_net_answer(FAKE_TLS_FAIL, strbuf_str(&player->text));
	return true;
}

static bool tls_good(struct player *player)
{
	struct fake_peer *peer = player_open_peer(player);

	if (peer == NULL)
		return false;
	if (peer->handshake)
		fake_peer_handshake(peer, NULL);
	else if (!peer->tls)
		return player_wrong(player, "the client has not begun TLS");
	return true;
}

static bool tls_failed(struct player *player)
{
	struct fake_peer *peer = player_open_peer(player);

	if (peer == NULL)
		return false;
	if (!peer->handshake)
		return player_wrong(player, "the client has not begun TLS");
	fake_peer_handshake(peer, strbuf_str(&player->text));
	return true;
}

static bool set_stalled(struct player *player, bool stalled)
{
	struct fake_peer *peer = player_peer(player);

	if (peer != NULL)
		peer->stalled = stalled;
	return peer != NULL;
}

static bool stall(struct player *player)
{
	return set_stalled(player, true);
}

static bool flow(struct player *player)
{
	return set_stalled(player, false);
}

const struct directive server_directives[] = {
	{ "S:", send_line, false },
	{ "S-", send_bytes, false },
	{ "S*", send_repeated, false },
	{ "CLOSE", send_eof, false },
	{ "CUT", send_reset, false },
	{ "CONNECT", next_connection, true },
	{ "REFUSE", answer_refused, false },
	{ "HANG", answer_hang, false },
	{ "REFUSETLS", answer_tls_failed, false },
	{ "TLS", tls_good, true },
	{ "TLSFAIL", tls_failed, true },
	{ "STALL", stall, true },
	{ "FLOW", flow, true },
	{ NULL, NULL, false },
};
