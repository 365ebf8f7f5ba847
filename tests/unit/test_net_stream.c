/* SPDX-License-Identifier: ISC
 *
 * net/: a stream in clear text against a real socket: endpoints in turn, the
 * ends, deadlines, back-pressure, freeing at any moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/un.h>

#include "net_peer.h"

#define SHORT_MS 50
#define LONG_MS 20000

static struct stream_params params_for(const struct stream_endpoint *endpoints, size_t count)
{
	return (struct stream_params){
		.endpoints = endpoints,
		.endpoint_count = count,
		.connect_timeout_ms = LONG_MS,
	};
}

static void greet(int fd, void *arg)
{
	(void)arg;
	peer_say(fd, "+OK\r\n");
}

/* A port that nobody listens on. */
static uint16_t closed_port(void)
{
	uint16_t port;

	close(peer_listen(&port, -1));
	return port;
}

static void the_next_endpoint_is_tried(void **state)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_params params;
	struct stream_endpoint endpoints[2] = { { .host = "127.0.0.1" }, { .host = "127.0.0.1" } };
	char *want;

	(void)state;
	peer_start(&peer, greet, NULL);
	endpoints[0].port = closed_port();
	endpoints[1].port = peer.port;
	params = params_for(endpoints, 2);
	client_open(&client, loop, &params);
	assert_string_equal(strbuf_str(&client.events), "");
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.events), "connected readable closed");
	assert_string_equal(strbuf_str(&client.data), "+OK\r\n");
	assert_int_equal(client.why, STREAM_CLOSE_EOF);
	want = str_format("127.0.0.1:%u", peer.port);
	assert_string_equal(stream_peer(client.stream), want);
	assert_null(stream_tls_version(client.stream));
	free(want);
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
}

static void all_refused(void **state)
{
	struct loop *loop = loop_new();
	struct client client = { 0 };
	char long_path[200] = "/";
	struct stream_endpoint endpoints[] = { { .host = "127.0.0.1", .port = closed_port() },
		                               { .path = "/nonexistent/socket" },
		                               { .path = long_path } };
	struct stream_params params = params_for(endpoints, 3);
	char *want = str_format("cannot connect to 127.0.0.1:%u: Connection refused; "
	                        "cannot connect to unix:/nonexistent/socket: No such file or directory",
	                        endpoints[0].port);

	(void)state;
	memset(long_path, '/', sizeof(long_path) - 1);
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.events), "closed");
	assert_int_equal(client.why, STREAM_CLOSE_CONNECT);
	assert_memory_equal(client.text, want, strlen(want));
	assert_non_null(strstr(client.text + strlen(want), "the path is too long for a socket"));
	free(want);
	client_end(&client);
	loop_free(&loop);
}

/* "localhost" may be ::1 first, where nobody listens: all addresses of a name are tried. */
static void a_name_is_resolved(void **state)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_endpoint endpoint = { .host = "localhost" };
	struct stream_params params = params_for(&endpoint, 1);
	char *want;

	(void)state;
	peer_start(&peer, greet, NULL);
	endpoint.port = peer.port;
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "+OK\r\n");
	want = str_format("localhost[127.0.0.1]:%u", peer.port);
	assert_string_equal(stream_peer(client.stream), want);
	free(want);
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
}

/* A full queue of connections drops what comes, so that connecting hangs. */
static void connecting_has_a_deadline(void **state)
{
	struct peer peer;
	uint16_t port;
	int full = peer_listen(&port, 0);
	int fillers[4];
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_endpoint endpoints[2] = { { .host = "127.0.0.1", .port = port }, { .host = "127.0.0.1" } };
	struct stream_params params = params_for(endpoints, 2);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
	}
	peer_start(&peer, greet, NULL);
	endpoints[1].port = peer.port;
	params.connect_timeout_ms = SHORT_MS;
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "+OK\r\n");
	client_end(&client);
	params.endpoint_count = 1;
	client = (struct client){ 0 };
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_int_equal(client.why, STREAM_CLOSE_CONNECT);
	assert_non_null(strstr(client.text, "no connection to 127.0.0.1:"));
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
	for (size_t i = 0; i < 4; i++)
		close(fillers[i]);
	close(full);
}

static void unix_socket(void **state)
{
	char folder[] = "/tmp/multidropd-test-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct peer peer;
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_endpoint endpoint = { .path = address.sun_path };
	struct stream_params params = params_for(&endpoint, 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *want;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	peer_start_on(&peer, fd, greet, NULL);
	params.refuse_self = true;
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "+OK\r\n");
	want = str_format("unix:%s", address.sun_path);
	assert_string_equal(stream_peer(client.stream), want);
	free(want);
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
	unlink(address.sun_path);
	rmdir(folder);
}

static void addresses_that_are_not_tried(void **state)
{
	static const struct {
		const char *host;
		const char *source;
		bool refuse_self;
		const char *want;
	} cases[] = {
		{ "127.0.0.1", NULL, true, "this is an address of this machine" },
		{ "::1", NULL, true, "this is an address of this machine" },
		{ "127.0.0.1", "::1", false, "source_address ::1 is of the other family" },
		{ "::1", "127.0.0.1", false, "cannot connect to [::1]:" },
		{ "::1", "127.0.0.1", false, "source_address 127.0.0.1 is of the other family" },
		{ "127.0.0.1", "here", false, "source_address here is not an address" },
		{ "127.0.0.1", "192.0.2.77", false, "source_address 192.0.2.77: Cannot assign requested address" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct loop *loop = loop_new();
		struct client client = { 0 };
		struct stream_endpoint endpoint = { .host = cases[i].host, .port = closed_port() };
		struct stream_params params = params_for(&endpoint, 1);

		params.source_address = cases[i].source;
		params.refuse_self = cases[i].refuse_self;
		client_open(&client, loop, &params);
		loop_run(loop);
		assert_int_equal(client.why, STREAM_CLOSE_CONNECT);
		if (strstr(client.text, cases[i].want) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", client.text, cases[i].want);
		client_end(&client);
		loop_free(&loop);
	}
}

static void tell_address(int fd, void *arg)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	(void)arg;
	getpeername(fd, (struct sockaddr *)&address, &len);
	peer_say(fd, inet_ntoa(address.sin_addr));
}

static void the_source_address_is_used(void **state)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_endpoint endpoint = { .host = "127.0.0.1" };
	struct stream_params params = params_for(&endpoint, 1);

	(void)state;
	peer_start(&peer, tell_address, NULL);
	endpoint.port = peer.port;
	params.source_address = "127.0.0.2";
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "127.0.0.2");
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
}

/* Closing with unread bytes, or without lingering, is a reset. */
static void refuse_and_reset(int fd, void *arg)
{
	char line[64];

	(void)arg;
	peer_say(fd, "-ERR go away\r\n");
	recv(fd, line, 1, MSG_PEEK);
}

static void hang_up_hard(int fd, void *arg)
{
	static const struct linger none = { .l_onoff = 1, .l_linger = 0 };
	char line[64];

	(void)arg;
	peer_hear(fd, line, sizeof(line));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void say_hello(struct client *client)
{
	evbuffer_add(stream_output(client->stream), "HELLO\r\n", 7);
}

static void run_to_the_end(struct client *client, void (*script)(int fd, void *arg), void *arg)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct stream_endpoint endpoint = { .host = "127.0.0.1" };
	struct stream_params params = params_for(&endpoint, 1);

	peer_start(&peer, script, arg);
	endpoint.port = peer.port;
	client_open(client, loop, &params);
	loop_run(loop);
	client_leave(client);
	loop_free(&loop);
	peer_stop(&peer);
}

static void a_reset_is_a_cut(void **state)
{
	struct client client = { .on_connected = say_hello };

	(void)state;
	run_to_the_end(&client, hang_up_hard, NULL);
	assert_int_equal(client.why, STREAM_CLOSE_CUT);
	assert_non_null(strstr(client.text, "Connection reset by peer"));
	client_end(&client);
}

static void say_much(struct client *client)
{
	static const char block[65536];

	for (size_t i = 0; i < 128; i++)
		evbuffer_add(stream_output(client->stream), block, sizeof(block));
}

/* A server that refuses and hangs up while we are still talking: its words are heard. */
static void last_words_are_heard(void **state)
{
	(void)state;
	for (int much = 0; much < 2; much++) {
		struct client client = { .on_connected = much ? say_much : say_hello };

		run_to_the_end(&client, refuse_and_reset, NULL);
		assert_string_equal(strbuf_str(&client.data), "-ERR go away\r\n");
		assert_int_equal(client.why, STREAM_CLOSE_CUT);
		client_end(&client);
	}
}

static void echo_line(int fd, void *arg)
{
	char line[64];

	(void)arg;
	peer_hear(fd, line, sizeof(line));
	peer_say(fd, line);
}

/* Output that is added before there is a connection waits for it. */
static void early_output_is_kept(void **state)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct stream_endpoint endpoint = { .host = "127.0.0.1" };
	struct stream_params params = params_for(&endpoint, 1);

	(void)state;
	peer_start(&peer, echo_line, NULL);
	endpoint.port = peer.port;
	client_open(&client, loop, &params);
	assert_int_equal(evbuffer_get_length(stream_input(client.stream)), 0);
	say_hello(&client);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "HELLO\r\n");
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
}

static void wait_for_end(int fd, void *arg)
{
	char byte;

	(void)arg;
	while (read(fd, &byte, 1) > 0)
		continue;
}

static void expect_greeting(struct client *client)
{
	stream_expect(client->stream, SHORT_MS, "the greeting");
}

static void silence_times_out(void **state)
{
	struct client client = { .on_connected = expect_greeting };

	(void)state;
	run_to_the_end(&client, wait_for_end, NULL);
	assert_int_equal(client.why, STREAM_CLOSE_TIMEOUT);
	assert_non_null(strstr(client.text, "no progress while waiting for the greeting from 127.0.0.1:"));
	client_end(&client);
}

static void unpause(void *ctx)
{
	struct client *client = ctx;

	client_note(client, "unpaused");
	stream_pause(client->stream, false);
}

static void pause_and_expect(struct client *client)
{
	stream_pause(client->stream, true);
	stream_expect(client->stream, SHORT_MS, "something");
	client_later(client, (int64_t)4 * SHORT_MS, unpause);
}

static void no_limit_runs_while_paused(void **state)
{
	struct client client = { .on_connected = pause_and_expect };

	(void)state;
	run_to_the_end(&client, wait_for_end, NULL);
	assert_string_equal(strbuf_str(&client.events), "connected unpaused closed");
	assert_int_equal(client.why, STREAM_CLOSE_TIMEOUT);
	client_end(&client);
}

static void speak_late(void *ctx)
{
	say_hello(ctx);
}

static void expect_then_nothing(struct client *client)
{
	stream_expect(client->stream, SHORT_MS, "something");
	stream_expect(client->stream, 0, NULL);
	client_later(client, (int64_t)4 * SHORT_MS, speak_late);
}

static void an_expectation_can_be_taken_back(void **state)
{
	struct client client = { .on_connected = expect_then_nothing };

	(void)state;
	run_to_the_end(&client, echo_line, NULL);
	assert_int_equal(client.why, STREAM_CLOSE_EOF);
	client_end(&client);
}

#define BULK (4u * 1024u * 1024u)

/* Counts what comes, and answers with the count. */
static void count_bytes(int fd, void *arg)
{
	static char block[65536];
	size_t total = 0;
	char text[32];

	(void)arg;
	while (total < BULK) {
		ssize_t got = read(fd, block, sizeof(block));

		if (got <= 0)
			break;
		for (ssize_t i = 0; i < got; i++, total++) {
			if (block[i] != (char)(total * 7 >> 3))
				return;
		}
	}
	snprintf(text, sizeof(text), "%zu", total);
	peer_say(fd, text);
}

struct bulk {
	size_t written;
	size_t most;
	bool above_low; /* drained came while more than STREAM_OUTPUT_LOW waited */
};

static void write_politely(struct client *client)
{
	struct bulk *bulk = client->arg;
	struct evbuffer *output = stream_output(client->stream);

	if (evbuffer_get_length(output) > STREAM_OUTPUT_LOW)
		bulk->above_low = true;
	while (bulk->written < BULK && evbuffer_get_length(output) < STREAM_OUTPUT_HIGH) {
		char byte[1024];

		for (size_t i = 0; i < sizeof(byte); i++)
			byte[i] = (char)((bulk->written + i) * 7 >> 3);
		evbuffer_add(output, byte, sizeof(byte));
		bulk->written += sizeof(byte);
	}
	if (evbuffer_get_length(output) > bulk->most)
		bulk->most = evbuffer_get_length(output);
}

static void drained_lets_a_polite_writer_go_on(void **state)
{
	struct bulk bulk = { 0 };
	struct client client = { .on_connected = write_politely, .on_drained = write_politely, .arg = &bulk };

	(void)state;
	run_to_the_end(&client, count_bytes, NULL);
	assert_string_equal(strbuf_str(&client.data), "4194304");
	assert_false(bulk.above_low);
	assert_in_range(bulk.most, STREAM_OUTPUT_HIGH, STREAM_OUTPUT_HIGH + 1024);
	client_end(&client);
}

static void send_lines(int fd, void *arg)
{
	char line[64];

	(void)arg;
	peer_say(fd, "one\r\ntwo\r\n");
	peer_hear(fd, line, sizeof(line));
}

/* Takes one line, pauses, and goes on later: the second line is in the input and nothing follows it. */
static void take_one_line(struct client *client)
{
	char line[5];

	assert_int_equal(evbuffer_remove(stream_input(client->stream), line, 5), 5);
	strbuf_add(&client->data, line, 5);
	if (client->data.len == 10) {
		evbuffer_add(stream_output(client->stream), "bye\n", 4);
		return;
	}
	stream_pause(client->stream, true);
	client_later(client, 0, unpause);
}

static void what_waits_is_announced_after_a_pause(void **state)
{
	struct client client = { .on_data = take_one_line };

	(void)state;
	run_to_the_end(&client, send_lines, NULL);
	assert_string_equal(strbuf_str(&client.data), "one\r\ntwo\r\n");
	client_end(&client);
}

static void freed_in_every_callback(void **state)
{
	static const char *const events[] = { "connected", "readable", "drained", "closed" };

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct client client = { .free_in = events[i], .on_connected = say_hello };

		run_to_the_end(&client, echo_line, NULL);
		assert_true(client_saw(&client, events[i]));
		assert_null(client.stream);
		client_end(&client);
	}
}

/* From any moment before the connection is there, too. */
static void freed_while_connecting(void **state)
{
	struct stream_endpoint endpoints[] = { { .host = "127.0.0.1", .port = closed_port() },
		                               { .host = "localhost", .port = closed_port() } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct loop *loop = loop_new();
		struct client client = { 0 };
		struct stream_params params = params_for(&endpoints[i], 1);

		client_open(&client, loop, &params);
		assert_non_null(stream_peer(client.stream));
		stream_free(&client.stream);
		stream_free(&client.stream);
		loop_stop(loop);
		loop_run(loop);
		assert_string_equal(strbuf_str(&client.events), "");
		client_end(&client);
		loop_free(&loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_endpoint_is_tried),
		cmocka_unit_test(all_refused),
		cmocka_unit_test(a_name_is_resolved),
		cmocka_unit_test(connecting_has_a_deadline),
		cmocka_unit_test(unix_socket),
		cmocka_unit_test(addresses_that_are_not_tried),
		cmocka_unit_test(the_source_address_is_used),
		cmocka_unit_test(a_reset_is_a_cut),
		cmocka_unit_test(last_words_are_heard),
		cmocka_unit_test(early_output_is_kept),
		cmocka_unit_test(silence_times_out),
		cmocka_unit_test(no_limit_runs_while_paused),
		cmocka_unit_test(an_expectation_can_be_taken_back),
		cmocka_unit_test(drained_lets_a_polite_writer_go_on),
		cmocka_unit_test(what_waits_is_announced_after_a_pause),
		cmocka_unit_test(freed_in_every_callback),
		cmocka_unit_test(freed_while_connecting),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/stream", tests, NULL, NULL);
}
