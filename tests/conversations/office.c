/* SPDX-License-Identifier: ISC
 *
 * The relay's owner in conversations.
 */
#include "office.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multidropd/mem.h"

#define LETTERS_MAX 64
#define TO_MAX 128

struct letter {
	struct office *office;
	struct delivery *delivery;
	char *name;
	char *words;
	char *sender;
	struct strlist to;
	struct strlist originals;
	const char *orcpt[RELAY_RECIPIENTS_MAX];
	char *envid;
	struct strbuf bytes;
	size_t taken;
	enum source_state rest; /* behind the last byte */
	bool fixed;
};

struct office {
	const struct office_options *options;
	struct loop *loop;
	struct relay *relay;
	struct relay_check *check;
	bool recheck;
	struct stream_endpoint endpoints[2];
	struct timer *soon;
	secret_done_fn *secret_done;
	void *secret_ctx;
	struct letter letters[LETTERS_MAX];
	size_t letter_count;
};

static const char *const kinds[] = {
	[VERDICT_ACCEPTED] = "accepted", [VERDICT_DEFERRED] = "deferred",   [VERDICT_REFUSED] = "refused",
	[VERDICT_TOO_MANY] = "too-many", [VERDICT_UNDECIDED] = "undecided", [VERDICT_UNKNOWN] = "unknown",
};
static const char *const stages[] = {
	[STAGE_CONNECT] = "connect", [STAGE_MAIL] = "mail", [STAGE_RCPT] = "rcpt",
	[STAGE_DATA] = "data",       [STAGE_DOT] = "dot",
};
static const char *const states[] = { [RELAY_UNKNOWN] = "unknown", [RELAY_UP] = "up", [RELAY_DOWN] = "down" };

/* The rest of `key` in the words of a letter, NULL if it is not there. The caller frees. */
static char *word_value(const struct letter *letter, const char *key)
{
	struct span rest = span_of(letter->words);
	struct span word;

	while ((word = span_token(&rest)).len > 0) {
		if (span_starts_case(word, key))
			return span_dup(span_from(word, strlen(key)));
	}
	return NULL;
}

static bool has_word(const struct letter *letter, const char *key)
{
	char *value = word_value(letter, key);
	bool has = value != NULL && value[0] == '\0';

	free(value);
	return has;
}

static uint64_t word_number(const struct letter *letter, const char *key)
{
	char *value = word_value(letter, key);
	uint64_t number = 0;

	if (value != NULL)
		assert_true(span_number(span_of(value), &number));
	free(value);
	return number;
}

static struct letter *find_letter(struct office *office, const char *name)
{
	for (size_t i = 0; i < office->letter_count; i++) {
		if (strcmp(office->letters[i].name, name) == 0)
			return &office->letters[i];
	}
	fail_msg("no delivery %s", name);
	return NULL;
}

static enum source_state letter_peek(void *ctx, struct span *bytes)
{
	struct letter *letter = ctx;

	*bytes = span_from(strbuf_span(&letter->bytes), letter->taken);
	return bytes->len > 0 ? SOURCE_BYTES : letter->rest;
}

static void letter_take(void *ctx, size_t len)
{
	struct letter *letter = ctx;

	letter->taken += len;
	assert_true(letter->taken <= letter->bytes.len);
}

static bool letter_rewind(void *ctx)
{
	struct letter *letter = ctx;

	if (letter->fixed)
		return false;
	letter->taken = 0;
	return true;
}

static void call_cancel(void *ctx, const char *argument)
{
	struct letter *letter = find_letter(ctx, argument);

	delivery_cancel(&letter->delivery);
	assert_null(letter->delivery);
}

static void cancel_all(struct office *office)
{
	for (size_t i = 0; i < office->letter_count; i++)
		delivery_cancel(&office->letters[i].delivery);
	relay_check_cancel(&office->check);
}

static void call_free(void *ctx, const char *argument)
{
	struct office *office = ctx;

	(void)argument;
	cancel_all(office);
	relay_free(&office->relay);
	assert_null(office->relay);
}

static void letter_verdict(void *ctx, size_t recipient, const struct verdict *verdict)
{
	struct letter *letter = ctx;
	char *other = word_value(letter, "cancel-other=");

	assert_non_null(letter->delivery);
	assert_true(recipient < letter->to.count);
	journal_add("%s %s %s %s %d %s: %.*s", letter->name, letter->to.items[recipient], kinds[verdict->kind],
	            stages[verdict->stage], verdict->code, verdict->peer != NULL ? verdict->peer : "-",
	            (int)verdict->reply.len, verdict->reply.data);
	if (has_word(letter, "cancel"))
		call_cancel(letter->office, letter->name);
	if (has_word(letter, "free"))
		call_free(letter->office, "");
	if (other != NULL)
		call_cancel(letter->office, other);
	free(other);
}

static void call_send(void *ctx, const char *argument);

static void letter_ended(void *ctx)
{
	struct letter *letter = ctx;
	char *again = word_value(letter, "again=");
	char *argument;

	assert_non_null(letter->delivery);
	letter->delivery = NULL;
	journal_add("%s ended", letter->name);
	if (again != NULL) {
		argument = str_format("%s a@b x@office", again);
		call_send(letter->office, argument);
		free(argument);
	}
	if (has_word(letter, "free-at-end"))
		call_free(letter->office, "");
	free(again);
}

static void fill(struct letter *letter)
{
	uint64_t len = word_number(letter, "bytes=");

	letter->rest = has_word(letter, "stream") ? SOURCE_WAIT : SOURCE_END;
	if (len == 0 && letter->rest == SOURCE_END)
		strbuf_add_str(&letter->bytes, "Subject: hi\r\n\r\n.dot\r\n");
	while (letter->bytes.len < len)
		strbuf_add_str(&letter->bytes, "12345678\r\n");
}

static void split(struct strlist *list, struct span items)
{
	ssize_t comma;

	while ((comma = span_find(items, ',')) >= 0) {
		strlist_take(list, span_dup(span_make(items.data, (size_t)comma)));
		items = span_from(items, (size_t)comma + 1);
	}
	strlist_take(list, span_dup(items));
}

static void set_blanks(char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		*text = *text == '_' ? ' ' : *text;
}

static void ask_for_notices(struct letter *letter)
{
	char *originals = word_value(letter, "originals=");

	set_blanks(originals);
	if (originals != NULL)
		split(&letter->originals, span_of(originals));
	for (size_t i = 0; i < letter->originals.count; i++)
		letter->orcpt[i] = strcmp(letter->originals.items[i], "-") == 0 ? NULL : letter->originals.items[i];
	letter->envid = word_value(letter, "envid=");
	set_blanks(letter->envid);
	free(originals);
}

static struct letter *write_letter(struct office *office, const char *argument)
{
	struct letter *letter = &office->letters[office->letter_count++];
	struct span rest = span_of(argument);
	struct span sender;

	assert_true(office->letter_count <= LETTERS_MAX);
	letter->office = office;
	letter->name = span_dup(span_token(&rest));
	sender = span_token(&rest);
	letter->sender = span_equal(sender, SPAN("<>")) ? mem_strdup("") : span_dup(sender);
	split(&letter->to, span_token(&rest));
	letter->words = span_dup(rest);
	ask_for_notices(letter);
	letter->fixed = has_word(letter, "fixed");
	fill(letter);
	return letter;
}

/* NAME SENDER RCPT[,RCPT…] [WORD…] */
static void call_send(void *ctx, const char *argument)
{
	static const struct delivery_events events = { .verdict = letter_verdict, .ended = letter_ended };
	struct office *office = ctx;
	struct letter *letter = write_letter(office, argument);
	struct delivery_params params = {
		.sender = letter->sender,
		.recipients = (const char *const *)letter->to.items,
		.recipient_count = letter->to.count,
		.size = word_number(letter, "size="),
		.body_8bit = has_word(letter, "8bit"),
		.need_smtputf8 = has_word(letter, "utf8"),
		.notify = has_word(letter, "failure") ? DELIVERY_NOTIFY_FAILURE
		          : has_word(letter, "never") ? DELIVERY_NOTIFY_NEVER
		                                      : DELIVERY_NOTIFY_DEFAULT,
		.originals = letter->originals.count > 0 ? letter->orcpt : NULL,
		.envid = letter->envid,
		.source = { letter_peek, letter_take, letter_rewind, letter },
	};

	letter->delivery = delivery_start(office->relay, &params, &events, letter);
}

/* As send, for recipients 1 to 100 of "rN@office". */
static void call_crowd(void *ctx, const char *argument)
{
	struct strbuf line = { 0 };

	strbuf_addf(&line, "%s a@b ", argument);
	for (unsigned i = 1; i <= RELAY_RECIPIENTS_MAX; i++)
		strbuf_addf(&line, "%sr%u@office", i > 1 ? "," : "", i);
	call_send(ctx, strbuf_str(&line));
	strbuf_free(&line);
}

static void call_feed(void *ctx, const char *argument)
{
	struct span rest = span_of(argument);
	char *name = span_dup(span_token(&rest));
	struct letter *letter = find_letter(ctx, name);

	strbuf_add_span(&letter->bytes, span_from(rest, 1));
	strbuf_add_str(&letter->bytes, "\r\n");
	delivery_resume(letter->delivery);
	free(name);
}

static void finish(void *ctx, const char *name, enum source_state state)
{
	struct letter *letter = find_letter(ctx, name);

	letter->rest = state;
	delivery_resume(letter->delivery);
}

static void call_end(void *ctx, const char *argument)
{
	finish(ctx, argument, SOURCE_END);
}

static void call_break(void *ctx, const char *argument)
{
	finish(ctx, argument, SOURCE_BROKEN);
}

static void call_dot(void *ctx, const char *argument)
{
	journal_add("dot %s", delivery_dot_sent(find_letter(ctx, argument)->delivery) ? "open" : "not sent");
}

static void start_check(struct office *office);

static void checked(void *ctx, bool up, const char *text)
{
	struct office *office = ctx;

	journal_add("check %s%s%s", up ? "up" : "down", text != NULL ? ": " : "", text != NULL ? text : "");
	if (!office->recheck)
		return;
	office->recheck = false;
	relay_check_cancel(&office->check);
	start_check(office);
}

static void start_check(struct office *office)
{
	office->check = relay_check(office->relay, checked, office);
}

static void call_check(void *ctx, const char *argument)
{
	struct office *office = ctx;

	office->recheck = strcmp(argument, "twice") == 0;
	relay_check_cancel(&office->check);
	start_check(office);
}

static void call_uncheck(void *ctx, const char *argument)
{
	struct office *office = ctx;

	(void)argument;
	relay_check_cancel(&office->check);
}

/* The pause has a random part of at most a tenth: its longest is shown, in steps of two. */
static void call_state(void *ctx, const char *argument)
{
	struct office *office = ctx;
	const char *error = relay_last_error(office->relay);
	int64_t retry_ms = relay_retry_ms(office->relay);
	int64_t longest_ms = retry_ms > 0 ? 1000 : 0;

	(void)argument;
	while (longest_ms > 0 && longest_ms < retry_ms)
		longest_ms *= 2;
	journal_add("%s %u %s %lld", states[relay_state(office->relay)], relay_connections(office->relay),
	            error != NULL ? error : "-", (long long)longest_ms / 1000);
}

static void call_quit(void *ctx, const char *argument)
{
	struct office *office = ctx;

	(void)argument;
	relay_quit(office->relay);
}

static void secret_comes(void *ctx)
{
	struct office *office = ctx;
	const char *error = office->options->secret_error;
	const char *token = office->options->token;
	secret_done_fn *done = office->secret_done;
	struct span secret = error != NULL ? SPAN("") : token != NULL ? span_of(token) : SPAN("secret");

	office->secret_done = NULL;
	done(office->secret_ctx, secret, error);
}

static void secret_fetch(void *source, secret_done_fn *done, void *ctx)
{
	struct office *office = source;

	assert_null(office->secret_done);
	office->secret_done = done;
	office->secret_ctx = ctx;
	if (office->options->secret_later)
		timer_arm(office->soon, 1000);
	else
		secret_comes(office);
}

static void secret_cancel(void *source, void *ctx)
{
	struct office *office = source;

	assert_ptr_equal(ctx, office->secret_ctx);
	office->secret_done = NULL;
	timer_cancel(office->soon);
}

static void *office_setup(struct loop *loop, const void *argument)
{
	const struct office_options *options = argument;
	struct office *office = mem_alloc(sizeof(*office));
	struct relay_params params = {
		.name = "office",
		.lmtp = options->lmtp,
		.endpoints = office->endpoints,
		.endpoint_count = options->second_endpoint ? 2 : 1,
		.tls = options->tls,
		.hostname = "me.example",
		.user = options->user,
		.token = options->token != NULL,
		.secret = { secret_fetch, secret_cancel, office },
		.max_connections = options->max_connections > 0 ? options->max_connections : 1,
		.idle_timeout_ms = 30000,
		.timeout_ms = 300000,
		.pipelining = !options->no_pipelining,
		.dsn = options->dsn,
		.retry_min_ms = 1000,
		.retry_max_ms = 8000,
	};

	office->options = options;
	office->loop = loop;
	office->soon = timer_new(loop, secret_comes, office);
	office->endpoints[0] = (struct stream_endpoint){ .host = "mx.example", .port = 25 };
	office->endpoints[1] = (struct stream_endpoint){ .host = "mx2.example", .port = 25 };
	if (options->path != NULL)
		office->endpoints[0] = (struct stream_endpoint){ .path = options->path };
	office->relay = relay_new(loop, &params);
	return office;
}

static void office_teardown(void *ctx)
{
	struct office *office = ctx;

	call_free(office, "");
	timer_free(&office->soon);
	for (size_t i = 0; i < office->letter_count; i++) {
		struct letter *letter = &office->letters[i];

		free(letter->name);
		free(letter->words);
		free(letter->sender);
		free(letter->envid);
		strlist_free(&letter->to);
		strlist_free(&letter->originals);
		strbuf_free(&letter->bytes);
	}
	free(office);
}

void office_play(const struct office_scene *scenes, size_t count)
{
	static const struct script_call calls[] = {
		{ "send", call_send },     { "crowd", call_crowd }, { "feed", call_feed },
		{ "end", call_end },       { "break", call_break }, { "dot", call_dot },
		{ "cancel", call_cancel }, { "check", call_check }, { "uncheck", call_uncheck },
		{ "state", call_state },   { "quit", call_quit },   { "free", call_free },
	};
	struct script_test test = { .setup = office_setup,
		                    .teardown = office_teardown,
		                    .calls = calls,
		                    .call_count = sizeof(calls) / sizeof(calls[0]) };

	for (size_t i = 0; i < count; i++) {
		print_message("# %s\n", scenes[i].name);
		test.text = scenes[i].text;
		test.argument = &scenes[i].options;
		script_play(&test);
	}
}
