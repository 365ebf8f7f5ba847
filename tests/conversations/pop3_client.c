/* SPDX-License-Identifier: ISC
 *
 * The owner of a POP3 session, for scripts.
 */
#include "pop3_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/log.h"
#include "multidropd/mem.h"
#include "script.h"

#define CONNECT_TIMEOUT_MS 30000
#define TIMEOUT_MS 120000
#define SHOWN_ENTRIES 6

static const char *const troubles[] = {
	[POP3_TROUBLE_NONE] = "none",           [POP3_TROUBLE_CONNECT] = "connect",
	[POP3_TROUBLE_BUSY] = "busy",           [POP3_TROUBLE_TLS] = "tls",
	[POP3_TROUBLE_AUTH] = "auth",           [POP3_TROUBLE_SECRET] = "secret",
	[POP3_TROUBLE_TEMPORARY] = "temporary", [POP3_TROUBLE_IN_USE] = "in-use",
	[POP3_TROUBLE_LOGIN_DELAY] = "delay",   [POP3_TROUBLE_PERMANENT] = "permanent",
	[POP3_TROUBLE_PROTOCOL] = "protocol",   [POP3_TROUBLE_LOST] = "lost",
};

struct client {
	struct loop *loop;
	const struct pop3_client_options *options;
	struct pop3_memory memory;
	struct pop3_session *session;
	const struct pop3_facts *facts; /* from ready to closed */
	secret_done_fn *secret_done;
	void *secret_ctx;
	struct strbuf body;
	bool begun;
};

static void happened(struct client *client, const char *name)
{
	if (client->options->pause_in != NULL && strcmp(client->options->pause_in, name) == 0 &&
	    client->session != NULL)
		pop3_pause(client->session, true);
	if (client->options->free_in != NULL && strcmp(client->options->free_in, name) == 0)
		pop3_free(&client->session);
}

static void show_facts(const char *word, const struct pop3_facts *facts)
{
	journal_add("%s %s %s%s%s%s%s delay=%d", word, facts->auth, facts->tls_version != NULL ? "tls" : "clear",
	            facts->has_uidl ? " uidl" : "", facts->has_top ? " top" : "", facts->utf8 ? " utf8" : "",
	            facts->expire_zero ? " expire0" : "", (int)facts->login_delay_s);
}

static void on_ready(void *ctx, const struct pop3_facts *facts)
{
	struct client *client = ctx;

	client->facts = facts;
	show_facts("ready", facts);
	happened(client, "ready");
}

static void on_listed(void *ctx, const struct pop3_listing *listing)
{
	struct client *client = ctx;
	struct strbuf line = { 0 };

	strbuf_addf(&line, "listed %zu%s%s broken=%zu", listing->count, listing->has_uids ? " uids" : "",
	            listing->truncated ? " truncated" : "", listing->broken);
	for (size_t i = 0; i < listing->count && i < SHOWN_ENTRIES; i++) {
		strbuf_addf(&line, " %u:", listing->entries[i].number);
		strbuf_add_span(&line, listing->entries[i].uid);
		strbuf_addf(&line, ":%llu", (unsigned long long)listing->entries[i].size);
	}
	journal_span("", strbuf_span(&line));
	strbuf_free(&line);
	happened(client, "listed");
}

static void on_begun(void *ctx, uint32_t number)
{
	struct client *client = ctx;

	(void)number;
	client->begun = true;
	strbuf_clear(&client->body);
	happened(client, "begun");
}

static void on_bytes(void *ctx, uint32_t number, const char *data, size_t len)
{
	struct client *client = ctx;

	if (!client->begun)
		journal_add("bytes of %u without a beginning", number);
	strbuf_add(&client->body, data, len);
	happened(client, "bytes");
}

static void on_ended(void *ctx, uint32_t number, enum pop3_message_end how, uint64_t bytes, const char *text)
{
	static const char *const names[] = {
		[POP3_MESSAGE_COMPLETE] = "complete", [POP3_MESSAGE_REFUSED] = "refused", [POP3_MESSAGE_CUT] = "cut"
	};
	struct client *client = ctx;
	struct strbuf entry = { 0 };

	strbuf_addf(&entry, "message %u %s", number, names[how]);
	if (how == POP3_MESSAGE_REFUSED)
		strbuf_addf(&entry, " %s", text);
	else if (client->options->sizes_only)
		strbuf_addf(&entry, " wire=%llu len=%zu", (unsigned long long)bytes, client->body.len);
	else
		strbuf_addf(&entry, " wire=%llu ", (unsigned long long)bytes);
	if (how != POP3_MESSAGE_REFUSED && !client->options->sizes_only && client->begun)
		strbuf_add_span(&entry, strbuf_span(&client->body));
	client->begun = false;
	journal_span("", strbuf_span(&entry));
	strbuf_free(&entry);
	happened(client, "ended");
}

static void on_deleted(void *ctx, uint32_t number, bool ok, const char *text)
{
	journal_add("deleted %u %s %s", number, ok ? "ok" : "refused", text);
	happened(ctx, "deleted");
}

static void on_closed(void *ctx, const struct pop3_end *end)
{
	struct client *client = ctx;

	journal_add("closed %s%s%s %s", troubles[end->trouble], end->quit_confirmed ? " quit" : "",
	            end->reached ? " reached" : "", end->text);
	pop3_free(&client->session);
}

static const struct pop3_events events = {
	.ready = on_ready,
	.listed = on_listed,
	.message_begun = on_begun,
	.message_bytes = on_bytes,
	.message_ended = on_ended,
	.deleted = on_deleted,
	.closed = on_closed,
};

static void give_secret(struct client *client)
{
	secret_done_fn *done = client->secret_done;
	const char *secret = client->options->secret != NULL ? client->options->secret : "geheim";

	client->secret_done = NULL;
	if (done != NULL)
		done(client->secret_ctx, span_of(secret), client->options->secret_error);
}

static void fetch_secret(void *source, secret_done_fn *done, void *ctx)
{
	struct client *client = source;

	client->secret_done = done;
	client->secret_ctx = ctx;
	if (!client->options->secret_later)
		give_secret(client);
}

static void cancel_secret(void *source, void *ctx)
{
	struct client *client = source;

	journal_add("secret cancelled%s", client->secret_done != NULL && ctx == client->secret_ctx ? "" : " wrongly");
	client->secret_done = NULL;
}

static void open_session(struct client *client)
{
	const struct pop3_client_options *options = client->options;
	struct pop3_params params = {
		.host = "pop.example",
		.port = 110,
		.tls = options->tls,
		.user = options->user != NULL ? options->user : "ann",
		.secret = { fetch_secret, cancel_secret, client },
		.token = options->token,
		.auth = options->auth_count > 0 ? options->auth : NULL,
		.auth_count = options->auth_count,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.timeout_ms = TIMEOUT_MS,
		.pipelining = !options->one_by_one,
		.label = "office",
		.memory = &client->memory,
	};

	client->session = pop3_open(client->loop, &params, &events, client);
}

static struct strbuf *log_text;

static void keep_line(enum log_level level, const char *line)
{
	strbuf_addf(log_text, "%s: %s\n", log_level_name(level), line);
}

static void *setup(struct loop *loop, const void *argument)
{
	struct client *client = mem_alloc(sizeof(*client));

	client->loop = loop;
	client->options = argument;
	log_text = client->options->log;
	if (log_text != NULL) {
		log_capture(keep_line);
		log_set_level(LOG_AT_DEBUG);
	}
	open_session(client);
	return client;
}

static void teardown(void *ctx)
{
	struct client *client = ctx;

	pop3_free(&client->session);
	log_set_level(LOG_AT_NOTICE);
	strbuf_free(&client->body);
	free(client);
}

/* ---- calls ---- */

static void call_list(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	pop3_list(client->session);
}

/* "N" or "FIRST-LAST". */
static void each_number(struct client *client, const char *argument, void (*call)(struct pop3_session *, uint32_t))
{
	char *end;
	unsigned long first = strtoul(argument, &end, 10);
	unsigned long last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;

	for (unsigned long number = first; number <= last; number++)
		call(client->session, (uint32_t)number);
}

static void call_retr(void *ctx, const char *argument)
{
	each_number(ctx, argument, pop3_retr);
}

static void call_top(void *ctx, const char *argument)
{
	each_number(ctx, argument, pop3_top);
}

static void call_env(void *ctx, const char *argument)
{
	each_number(ctx, argument, pop3_env);
}

static void call_dele(void *ctx, const char *argument)
{
	each_number(ctx, argument, pop3_dele);
}

static void call_quit(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	pop3_quit(client->session);
}

static void call_pause(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	pop3_pause(client->session, true);
}

static void call_unpause(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	strbuf_clear(&client->body);
	pop3_pause(client->session, false);
}

static void call_free(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	pop3_free(&client->session);
}

static void call_open(void *ctx, const char *argument)
{
	(void)argument;
	open_session(ctx);
}

static void call_secret(void *ctx, const char *argument)
{
	(void)argument;
	give_secret(ctx);
}

static void call_state(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	journal_add("state%s%s in_flight=%zu", client->memory.pipelining_works ? " works" : "",
	            client->memory.pipelining_fails ? " fails" : "",
	            client->session != NULL ? pop3_in_flight(client->session) : 0);
}

static void call_facts(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	show_facts("facts", client->facts);
}

/* Since the last unpause: message bytes that a pause let through. */
static void call_held(void *ctx, const char *argument)
{
	struct client *client = ctx;

	(void)argument;
	journal_add("held %s 64 KiB", client->body.len > 65536 ? "more than" : "at most");
}

static const struct script_call calls[] = {
	{ "held", call_held },       { "facts", call_facts }, { "list", call_list }, { "retr", call_retr },
	{ "top", call_top },         { "dele", call_dele },   { "quit", call_quit }, { "pause", call_pause },
	{ "unpause", call_unpause }, { "free", call_free },   { "open", call_open }, { "secret", call_secret },
	{ "state", call_state },     { "env", call_env },
};

static struct script_test test_of(const struct pop3_client_options *options, const char *text)
{
	return (struct script_test){
		.text = text,
		.setup = setup,
		.teardown = teardown,
		.argument = options,
		.calls = calls,
		.call_count = sizeof(calls) / sizeof(calls[0]),
	};
}

void pop3_client_play(const struct pop3_client_options *options, const char *text)
{
	struct script_test test = test_of(options, text);

	script_play(&test);
}

void pop3_client_play_whole(const struct pop3_client_options *options, const char *text)
{
	struct script_test test = test_of(options, text);
	char *error = script_run(&test, 0);

	if (error != NULL)
		fail_msg("%s", error);
}
