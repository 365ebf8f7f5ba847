/* SPDX-License-Identifier: ISC
 *
 * net/: names, with a getaddrinfo of our own that answers when it is told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <netdb.h>

#include "../../src/net/resolver.h"
#include "net_peer.h"

#define SHORT_MS 50

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open; /* names that begin with "slow" are answered */
	unsigned calls;
	unsigned inside;
	unsigned most;
} dns = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* One block for each answer, so that free is all that freeaddrinfo needs. */
struct answer {
	struct addrinfo info;
	struct sockaddr_in address;
};

static int make_answer(const char *name, struct addrinfo **found)
{
	struct answer *answer = calloc(1, sizeof(*answer));

	answer->address = (struct sockaddr_in){ .sin_family = AF_INET };
	if (inet_pton(AF_INET, name, &answer->address.sin_addr) != 1)
		answer->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	answer->info = (struct addrinfo){ .ai_family = AF_INET,
		                          .ai_addr = (struct sockaddr *)&answer->address,
		                          .ai_addrlen = sizeof(answer->address) };
	*found = &answer->info;
	return 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
	struct in_addr address;

	(void)service;
	if (hints->ai_flags & AI_NUMERICHOST)
		return inet_pton(AF_INET, name, &address) == 1 ? make_answer(name, found) : EAI_NONAME;
	pthread_mutex_lock(&dns.lock);
	dns.calls++;
	dns.inside++;
	if (dns.inside > dns.most)
		dns.most = dns.inside;
	pthread_cond_broadcast(&dns.changed);
	while (strncmp(name, "slow", 4) == 0 && !dns.open)
		pthread_cond_wait(&dns.changed, &dns.lock);
	dns.inside--;
	pthread_cond_broadcast(&dns.changed);
	pthread_mutex_unlock(&dns.lock);
	if (strcmp(name, "missing") == 0)
		return EAI_NONAME;
	errno = EMFILE;
	return strcmp(name, "broken") == 0 ? EAI_SYSTEM : make_answer(name, found);
}

void freeaddrinfo(struct addrinfo *info)
{
	free(info);
}

static void dns_reset(void)
{
	pthread_mutex_lock(&dns.lock);
	dns.open = false;
	dns.calls = 0;
	dns.most = 0;
	pthread_mutex_unlock(&dns.lock);
}

static void dns_open(void)
{
	pthread_mutex_lock(&dns.lock);
	dns.open = true;
	pthread_cond_broadcast(&dns.changed);
	pthread_mutex_unlock(&dns.lock);
}

static void dns_wait_inside(unsigned count)
{
	pthread_mutex_lock(&dns.lock);
	while (dns.inside != count)
		pthread_cond_wait(&dns.changed, &dns.lock);
	pthread_mutex_unlock(&dns.lock);
}

struct asker {
	struct loop *loop;
	struct lookup *lookup;
	struct asker *cancels; /* another one, when the answer comes */
	unsigned *left;
	bool answered;
	bool found;
	char *error;
};

static void take_answer(void *ctx, const struct addrinfo *addresses, const char *error)
{
	struct asker *asker = ctx;

	asker->lookup = NULL;
	asker->answered = true;
	asker->found = addresses != NULL;
	asker->error = error != NULL ? mem_strdup(error) : NULL;
	assert_true((addresses == NULL) != (error == NULL));
	if (asker->cancels != NULL && asker->cancels->lookup != NULL) {
		lookup_cancel(&asker->cancels->lookup);
		--*asker->left;
	}
	if (--*asker->left == 0)
		loop_stop(asker->loop);
}

static void ask(struct asker *asker, struct loop *loop, const char *name, unsigned *left)
{
	*asker = (struct asker){ .loop = loop, .left = left };
	asker->lookup = lookup_start(loop, name, take_answer, asker);
	assert_non_null(asker->lookup);
	assert_false(asker->answered);
	++*left;
}

static void those_who_ask_the_same_share_a_query(void **state)
{
	struct loop *loop = loop_new();
	struct asker askers[10];
	unsigned left = 0;

	(void)state;
	dns_reset();
	for (size_t i = 0; i < 10; i++)
		ask(&askers[i], loop, "slow.example", &left);
	dns_wait_inside(1);
	dns_open();
	loop_run(loop);
	for (size_t i = 0; i < 10; i++)
		assert_true(askers[i].found);
	assert_int_equal(dns.calls, 1);
	loop_free(&loop);
}

static void errors_have_a_text(void **state)
{
	struct loop *loop = loop_new();
	struct asker missing, broken;
	unsigned left = 0;

	(void)state;
	dns_reset();
	ask(&missing, loop, "missing", &left);
	ask(&broken, loop, "broken", &left);
	loop_run(loop);
	assert_string_equal(missing.error, "Name or service not known");
	assert_string_equal(broken.error, "Too many open files");
	free(missing.error);
	free(broken.error);
	loop_free(&loop);
}

static void at_most_four_at_a_time(void **state)
{
	struct loop *loop = loop_new();
	struct asker askers[12];
	unsigned left = 0;

	(void)state;
	dns_reset();
	for (size_t i = 0; i < 12; i++) {
		char name[32];

		snprintf(name, sizeof(name), "slow%zu.example", i);
		ask(&askers[i], loop, name, &left);
	}
	dns_wait_inside(RESOLVER_THREADS_MAX);
	lookup_cancel(&askers[11].lookup); /* never begun, never asked */
	left--;
	dns_open();
	loop_run(loop);
	for (size_t i = 0; i < 11; i++)
		assert_true(askers[i].found);
	assert_int_equal(dns.most, RESOLVER_THREADS_MAX);
	assert_int_equal(dns.calls, 11);
	loop_free(&loop);
}

/* The first answer cancels one that waits for the same, which is then not called. */
static void cancelled_by_another(void **state)
{
	struct loop *loop = loop_new();
	struct asker askers[2];
	unsigned left = 0;

	(void)state;
	dns_reset();
	ask(&askers[0], loop, "slow.example", &left);
	ask(&askers[1], loop, "slow.example", &left);
	askers[0].cancels = &askers[1];
	askers[1].cancels = &askers[0];
	dns_open();
	loop_run(loop);
	assert_true(askers[0].answered != askers[1].answered);
	loop_free(&loop);
}

/* A thread that is stuck is left alone, its answer is dropped when it comes. */
static void the_loop_ends_before_the_query(void **state)
{
	struct loop *loop = loop_new();
	struct asker asker;
	unsigned left = 0;

	(void)state;
	dns_reset();
	ask(&asker, loop, "slow.example", &left);
	dns_wait_inside(1);
	lookup_cancel(&asker.lookup);
	loop_free(&loop);
	dns_open();
	dns_wait_inside(0);
	assert_false(asker.answered);
}

static void greet(int fd, void *arg)
{
	(void)arg;
	peer_say(fd, "+OK\r\n");
}

/* The stream's own deadline: the next endpoint does not wait for a name server that does not answer. */
static void resolving_has_a_deadline(void **state)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_endpoint endpoints[2] = { { .host = "slow.example", .port = 1 }, { .host = "quick.example" } };
	struct stream_params params = { .endpoints = endpoints, .endpoint_count = 1, .connect_timeout_ms = SHORT_MS };

	(void)state;
	dns_reset();
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_int_equal(client.why, STREAM_CLOSE_CONNECT);
	assert_string_equal(client.text, "cannot resolve the name of slow.example:1 within 50 ms");
	client_end(&client);

	peer_start(&peer, greet, NULL);
	endpoints[1].port = peer.port;
	params.endpoint_count = 2;
	params.connect_timeout_ms = (int64_t)10 * SHORT_MS;
	client = (struct client){ 0 };
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "+OK\r\n");
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
	dns_open();
	dns_wait_inside(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_who_ask_the_same_share_a_query),
		cmocka_unit_test(errors_have_a_text),
		cmocka_unit_test(at_most_four_at_a_time),
		cmocka_unit_test(cancelled_by_another),
		cmocka_unit_test(the_loop_ends_before_the_query),
		cmocka_unit_test(resolving_has_a_deadline),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/resolver", tests, NULL, NULL);
}
