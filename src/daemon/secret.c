/* SPDX-License-Identifier: ISC
 *
 * Passwords and tokens: from the configuration, a file or a command.
 */
#include "secret.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "multidropd/child.h"
#include "multidropd/mem.h"

#define SECRET_COMMAND_DEADLINE_MS 30000

/* A login that waits for a command; a relay may open several connections at once. */
struct secret_fetch {
	struct secret *secret;
	struct child *child;
	secret_done_fn *done;
	void *ctx;
	LIST_ENTRY(secret_fetch) link;
};

struct secret {
	struct loop *loop;
	const struct config_secret *config;
	const char *daemon_user;
	const char *label;
	LIST_HEAD(secret_fetches, secret_fetch) running;
};

struct secret *secret_new(struct loop *loop, const struct config_secret *config, const char *daemon_user,
                          const char *label)
{
	struct secret *secret = mem_alloc(sizeof(*secret));

	secret->loop = loop;
	secret->config = config;
	secret->daemon_user = daemon_user;
	secret->label = label;
	LIST_INIT(&secret->running);
	return secret;
}

static void end_fetch(struct secret_fetch *fetch)
{
	LIST_REMOVE(fetch, link);
	child_cancel(&fetch->child);
	free(fetch);
}

void secret_free(struct secret **secret)
{
	if (*secret == NULL)
		return;
	while (!LIST_EMPTY(&(*secret)->running))
		end_fetch(LIST_FIRST(&(*secret)->running));
	free(*secret);
	*secret = NULL;
}

static void cancel(void *source, void *ctx)
{
	struct secret *secret = source;
	struct secret_fetch *fetch, *next;

	for (fetch = LIST_FIRST(&secret->running); fetch != NULL; fetch = next) {
		next = LIST_NEXT(fetch, link);
		if (fetch->ctx == ctx)
			end_fetch(fetch);
	}
}

/* The first line is the secret: `pass show` and the like print more below it. */
static struct span first_line(struct span output)
{
	ssize_t end = span_find(output, '\n');

	if (end >= 0)
		output.len = (size_t)end;
	if (output.len > 0 && output.data[output.len - 1] == '\r')
		output.len--;
	return output;
}

static void command_done(void *ctx, struct span output, const char *error)
{
	struct secret_fetch *fetch = ctx;
	secret_done_fn *done = fetch->done;
	void *done_ctx = fetch->ctx;
	struct span secret = first_line(output);

	fetch->child = NULL;
	end_fetch(fetch);
	if (error == NULL && secret.len == 0)
		error = "the command printed nothing";
	done(done_ctx, secret, error);
}

static void run_command(struct secret *secret, const char *command, secret_done_fn *done, void *ctx)
{
	struct strlist words = { 0 };
	struct secret_fetch *fetch;

	if (child_split_command(command, &words) != 0) {
		done(ctx, (struct span){ 0 }, "the command has an open quote or no word");
		strlist_free(&words);
		return;
	}
	strlist_take(&words, NULL);
	fetch = mem_alloc(sizeof(*fetch));
	*fetch = (struct secret_fetch){ .secret = secret, .done = done, .ctx = ctx };
	LIST_INSERT_HEAD(&secret->running, fetch, link);
	fetch->child =
		child_run(secret->loop, words.items, SECRET_COMMAND_DEADLINE_MS, secret->label, command_done, fetch);
	strlist_free(&words);
}

static void read_file(struct secret *secret, secret_done_fn *done, void *ctx)
{
	char *error = NULL;
	char *text = config_read_secret(secret->config->password_file, secret->daemon_user, &error);

	if (text == NULL)
		done(ctx, (struct span){ 0 }, error);
	else
		done(ctx, span_of(text), NULL);
	mem_free_secret(&text);
	free(error);
}

static bool is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void fetch(void *source, secret_done_fn *done, void *ctx)
{
	struct secret *secret = source;
	const struct config_secret *config = secret->config;

	if (is_set(config->password_file))
		read_file(secret, done, ctx);
	else if (is_set(config->password_command))
		run_command(secret, config->password_command, done, ctx);
	else if (is_set(config->oauth_token_command))
		run_command(secret, config->oauth_token_command, done, ctx);
	else
		done(ctx, span_of(config->password), NULL);
}

struct secret_source secret_source(struct secret *secret)
{
	return (struct secret_source){ .fetch = fetch, .cancel = cancel, .source = secret };
}
