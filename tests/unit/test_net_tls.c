/* SPDX-License-Identifier: ISC
 *
 * net/: TLS against OpenSSL as a server: what is refused and in which words,
 * STARTTLS, resumption, channel binding, bulk with pauses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <time.h>

#include "net_certs.h"
#include "net_peer.h"

#define SHORT_MS 50
#define LONG_MS 20000

/* Time as OpenSSL sees it, so that a certificate can expire without waiting for it. */
static long time_shift;

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += time_shift;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

static struct world {
	char folder[64];
	char *ca_file;
	char *client_file;
	struct cert ca, good;
	struct tls_pool *pool;
} world;

static int build_world(void **state)
{
	struct cert client;

	(void)state;
	snprintf(world.folder, sizeof(world.folder), "/tmp/multidropd-test-XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	world.ca_file = str_format("%s/ca.pem", world.folder);
	world.client_file = str_format("%s/client.pem", world.folder);
	world.ca = cert_make((struct cert_wish){ .name = "Test CA", .ca = true });
	world.good = cert_make((struct cert_wish){
		.name = "good", .san = "DNS:localhost,DNS:pop.isp.example,IP:127.0.0.1", .issuer = &world.ca });
	client = cert_make((struct cert_wish){ .name = "client", .issuer = &world.ca });
	cert_write(world.ca_file, world.ca.x509, NULL);
	cert_write(world.client_file, client.x509, client.key);
	cert_free(&client);
	world.pool = tls_pool_new();
	return 0;
}

static int raze_world(void **state)
{
	(void)state;
	tls_pool_free(&world.pool);
	cert_free(&world.ca);
	cert_free(&world.good);
	unlink(world.ca_file);
	unlink(world.client_file);
	rmdir(world.folder);
	free(world.ca_file);
	free(world.client_file);
	return 0;
}

/* What the server does with each connection, and what it saw of the last. */
struct server {
	SSL_CTX *context;
	bool starttls; /* says "+OK" first, and again to a line */
	void (*talk)(SSL *ssl, struct server *server);
	bool reused;
	uint8_t binding[64];
	size_t binding_len;
	bool intact;
};

static void serve(int fd, void *arg)
{
	struct server *server = arg;
	SSL *ssl = SSL_new(server->context);
	char line[64];

	if (server->starttls) {
		peer_say(fd, "+OK\n");
		peer_hear(fd, line, sizeof(line));
		peer_say(fd, "+OK\n");
	}
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		server->reused = SSL_session_reused(ssl);
		server->talk(ssl, server);
	}
	SSL_free(ssl);
	ERR_clear_error();
}

static void talk_politely(SSL *ssl, struct server *server)
{
	(void)server;
	SSL_write(ssl, "hello", 5);
	SSL_shutdown(ssl);
}

static void talk_and_cut(SSL *ssl, struct server *server)
{
	(void)server;
	SSL_write(ssl, "hello", 5);
}

static struct tls_settings settings_of(const char *ca_file)
{
	return (struct tls_settings){ .verify = true, .ca_file = ca_file };
}

static struct tls_client *client_of(const struct tls_settings *settings, const char *host)
{
	char *error = NULL;
	struct tls_client *client = tls_client_new(world.pool, settings, host, &error);

	if (client == NULL)
		fail_msg("%s", error);
	return client;
}

/* One connection with implicit TLS from opening to its end. */
static void run_client(struct client *client, struct tls_client *tls, void (*script)(int fd, void *arg), void *arg)
{
	struct peer peer;
	struct loop *loop = loop_new();
	struct stream_endpoint endpoint = { .host = "127.0.0.1", .tls = tls };
	struct stream_params params = { .endpoints = &endpoint, .endpoint_count = 1, .connect_timeout_ms = LONG_MS };
	struct server *server = arg;

	params.implicit_tls = script != serve || !server->starttls;
	peer_start(&peer, script, arg);
	endpoint.port = peer.port;
	client_open(client, loop, &params);
	loop_run(loop);
	client_leave(client);
	loop_free(&loop);
	peer_stop(&peer);
}

static void assert_text(const struct client *client, const char *want)
{
	if (client->text == NULL || strstr(client->text, want) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", client->text != NULL ? client->text : "(nothing)", want);
}

static void a_good_certificate(void **state)
{
	struct tls_settings settings = settings_of(world.ca_file);
	static const char *const hosts[] = { "localhost", "pop.isp.example", "pop.isp.example.", "127.0.0.1" };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct server server = { .context = server_context(&world.good), .talk = talk_politely };
		struct tls_client *tls = client_of(&settings, hosts[i]);
		struct client client = { 0 };

		run_client(&client, tls, serve, &server);
		assert_string_equal(strbuf_str(&client.events), "connected readable closed");
		assert_string_equal(strbuf_str(&client.data), "hello");
		assert_int_equal(client.why, STREAM_CLOSE_EOF);
		client_end(&client);
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
}

static void an_end_without_close_notify_is_a_cut(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_and_cut };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	struct client client = { 0 };

	(void)state;
	run_client(&client, tls, serve, &server);
	assert_string_equal(strbuf_str(&client.data), "hello");
	assert_int_equal(client.why, STREAM_CLOSE_CUT);
	assert_text(&client, "TLS ended without close_notify");
	client_end(&client);
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

static void talk_and_reset(SSL *ssl, struct server *server)
{
	static const struct linger none = { .l_onoff = 1, .l_linger = 0 };
	char byte;

	(void)server;
	SSL_read(ssl, &byte, 1);
	setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void say_hello(struct client *client)
{
	evbuffer_add(stream_output(client->stream), "HELLO\r\n", 7);
}

static void a_reset_is_a_cut(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_and_reset };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	struct client client = { .on_connected = say_hello };

	(void)state;
	run_client(&client, tls, serve, &server);
	assert_int_equal(client.why, STREAM_CLOSE_CUT);
	assert_text(&client, "Connection reset by peer");
	client_end(&client);
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

static void talk_after_a_line(SSL *ssl, struct server *server)
{
	char line[16];

	SSL_read(ssl, line, sizeof(line));
	talk_politely(ssl, server);
}

static void freed_in_every_callback(void **state)
{
	static const char *const events[] = { "connected", "readable", "drained", "closed" };
	struct server server = { .context = server_context(&world.good), .talk = talk_after_a_line };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct client client = { .free_in = events[i], .on_connected = say_hello };

		run_client(&client, tls, serve, &server);
		assert_true(client_saw(&client, events[i]));
		assert_null(client.stream);
		client_end(&client);
	}
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

/* Hangs up with our bytes unread, which is a reset. */
/* Without TCP_NODELAY the words might wait behind the session tickets, and be dropped when the socket is closed. */
static void talk_and_refuse(SSL *ssl, struct server *server)
{
	int yes = 1;
	char byte;

	(void)server;
	setsockopt(SSL_get_fd(ssl), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	recv(SSL_get_fd(ssl), &byte, 1, MSG_PEEK);
	SSL_write(ssl, "-ERR go away\r\n", 14);
}

static void say_much(struct client *client)
{
	static const char block[65536];

	for (size_t i = 0; i < 128; i++)
		evbuffer_add(stream_output(client->stream), block, sizeof(block));
}

static void last_words_are_heard(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_and_refuse };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	struct client client = { .on_connected = say_much };

	(void)state;
	run_client(&client, tls, serve, &server);
	assert_string_equal(strbuf_str(&client.data), "-ERR go away\r\n");
	assert_int_equal(client.why, STREAM_CLOSE_CUT);
	client_end(&client);
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

/* The certificate's pin stands in each text that it could help. */
static void check_refusal(struct cert_wish wish, const char *host, const char *want)
{
	struct cert cert = cert_make(wish);
	struct server server = { .context = server_context(&cert), .talk = talk_politely };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, host);
	struct client client = { 0 };
	char *pin = cert_pin(&cert);
	char *advice = str_format("set tls_fingerprint = \"%s\"", pin);

	run_client(&client, tls, serve, &server);
	assert_string_equal(strbuf_str(&client.events), "closed");
	assert_int_equal(client.why, STREAM_CLOSE_TLS);
	assert_text(&client, "certificate of 127.0.0.1:");
	assert_text(&client, want);
	assert_text(&client, advice);
	free(advice);
	free(pin);
	client_end(&client);
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
	cert_free(&cert);
}

static void bad_certificates(void **state)
{
	struct cert stranger = cert_make((struct cert_wish){ .name = "Strange CA", .ca = true });
	const struct {
		struct cert_wish wish;
		const char *host;
		const char *want;
	} cases[] = {
		{ { .name = "x", .san = "DNS:localhost", .issuer = &world.ca, .from_s = -3 * DAY, .until_s = -2 * DAY },
		  "localhost",
		  " expired on " },
		{ { .name = "x", .san = "DNS:localhost", .issuer = &world.ca, .from_s = 2 * DAY, .until_s = 3 * DAY },
		  "localhost",
		  " is not valid before " },
		{ { .name = "x", .san = "DNS:a.example,DNS:*.b.example,IP:192.0.2.1", .issuer = &world.ca },
		  "localhost",
		  " is for a.example, *.b.example, 192.0.2.1, not for localhost" },
		{ { .name = "x", .san = "DNS:w*.b.example", .issuer = &world.ca },
		  "www.b.example",
		  "not for www.b.example" },
		{ { .name = "localhost", .issuer = &world.ca }, "localhost", "a common name does not count" },
		{ { .name = "localhost", .san = "email:a@b.example", .issuer = &world.ca },
		  "localhost",
		  "a common name does not count" },
		{ { .name = "x", .san = "DNS:127.0.0.1", .issuer = &world.ca }, "127.0.0.1", "not for 127.0.0.1" },
		{ { .name = "x", .san = "IP:127.0.0.2", .issuer = &world.ca },
		  "127.0.0.1",
		  "is for 127.0.0.2, not for" },
		{ { .name = "x", .san = "DNS:localhost" }, "localhost", " is self-signed" },
		{ { .name = "x", .san = "DNS:localhost", .issuer = &stranger },
		  "localhost",
		  " is issued by /CN=Strange CA, which is not trusted here; set tls_ca_file" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_refusal(cases[i].wish, cases[i].host, cases[i].want);
	cert_free(&stranger);
}

/* The name that tls_name gives, and no verification at all, let the wrong one pass. */
static void settings_that_accept(void **state)
{
	struct cert other =
		cert_make((struct cert_wish){ .name = "x", .san = "DNS:other.example", .issuer = &world.ca });
	struct cert own = cert_make((struct cert_wish){ .name = "x", .from_s = -3 * DAY, .until_s = -2 * DAY });
	char *pin = cert_pin(&own);
	struct strlist pins = { 0 };
	const struct {
		const struct cert *cert;
		struct tls_settings settings;
	} cases[] = {
		{ &other, { .verify = true, .ca_file = world.ca_file, .name = "other.example" } },
		{ &own, { .verify = false } },
		{ &own, { .verify = true, .fingerprints = &pins } },
		{ &own, { .verify = false, .fingerprints = &pins } },
	};

	(void)state;
	strlist_add(&pins, "SHA256:00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:"
	                   "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F");
	strlist_add(&pins, pin);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server server = { .context = server_context(cases[i].cert), .talk = talk_politely };
		struct tls_client *tls = client_of(&cases[i].settings, "localhost");
		struct client client = { 0 };

		run_client(&client, tls, serve, &server);
		assert_string_equal(strbuf_str(&client.data), "hello");
		client_end(&client);
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
	strlist_free(&pins);
	free(pin);
	cert_free(&own);
	cert_free(&other);
}

/* A good chain does not help a certificate that is not pinned, verification switched off does not either. */
static void a_pin_that_does_not_match(void **state)
{
	struct strlist pins = { 0 };
	char *pin = cert_pin(&world.ca);
	char *presented = cert_pin(&world.good);

	(void)state;
	strlist_add(&pins, pin);
	for (int verify = 0; verify < 2; verify++) {
		struct server server = { .context = server_context(&world.good), .talk = talk_politely };
		struct tls_settings settings = { .verify = verify, .ca_file = world.ca_file, .fingerprints = &pins };
		struct tls_client *tls = client_of(&settings, "localhost");
		struct client client = { 0 };

		run_client(&client, tls, serve, &server);
		assert_int_equal(client.why, STREAM_CLOSE_TLS);
		assert_text(&client, "is none of those in tls_fingerprint");
		assert_text(&client, presented);
		client_end(&client);
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
	strlist_free(&pins);
	free(pin);
	free(presented);
}

static void speak_clear(int fd, void *arg)
{
	char line[512];

	peer_say(fd, arg);
	peer_hear(fd, line, sizeof(line));
}

static void hang_up(int fd, void *arg)
{
	char byte;

	(void)arg;
	recv(fd, &byte, 1, 0);
	shutdown(fd, SHUT_WR);
	while (recv(fd, &byte, 1, 0) > 0)
		continue;
}

static void handshakes_that_fail(void **state)
{
	struct server old = { .context = server_context(&world.good), .talk = talk_politely };
	static char banner[] = "+OK POP3 ready\r\n";
	const struct {
		void (*script)(int fd, void *arg);
		void *arg;
		const char *want;
	} cases[] = {
		{ speak_clear, banner, "is not TLS; check the port and whether tls should be \"starttls\"" },
		{ hang_up, NULL, "closed the connection during the TLS handshake" },
		{ serve, &old, "offers no TLS version from 1.3 on" },
	};

	(void)state;
	SSL_CTX_set_max_proto_version(old.context, TLS1_2_VERSION);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_settings settings = { .verify = true, .ca_file = world.ca_file, .min_version = "1.3" };
		struct tls_client *tls = client_of(&settings, "localhost");
		struct client client = { 0 };

		run_client(&client, tls, cases[i].script, cases[i].arg);
		assert_string_equal(strbuf_str(&client.events), "closed");
		assert_int_equal(client.why, STREAM_CLOSE_TLS);
		assert_text(&client, cases[i].want);
		client_end(&client);
		tls_client_free(&tls);
	}
	SSL_CTX_free(old.context);
}

/* A server that takes the connection and says nothing: the handshake has a deadline, the next endpoint its turn. */
static void a_handshake_that_hangs(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_politely };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	uint16_t silent_port;
	int silent = peer_listen(&silent_port, 4);
	struct peer peer;
	struct loop *loop = loop_new();
	struct stream_endpoint endpoints[] = { { .host = "127.0.0.1", .port = silent_port, .tls = tls },
		                               { .host = "127.0.0.1", .tls = tls } };
	struct stream_params params = {
		.endpoints = endpoints, .endpoint_count = 1, .implicit_tls = true, .connect_timeout_ms = SHORT_MS
	};
	struct client client = { 0 };

	(void)state;
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_int_equal(client.why, STREAM_CLOSE_TLS);
	assert_text(&client, "no end of the TLS handshake with 127.0.0.1:");
	client_end(&client);

	peer_start(&peer, serve, &server);
	endpoints[1].port = peer.port;
	params.endpoint_count = 2;
	params.connect_timeout_ms = (int64_t)40 * SHORT_MS;
	client = (struct client){ 0 };
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "hello");
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
	close(silent);
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

/* TLS 1.3 refuses a missing client certificate only after the client's handshake is done. */
static void client_certificates(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct server server = { .context = server_context(&world.good), .talk = talk_politely };
		struct tls_settings settings = settings_of(world.ca_file);
		struct client client = { 0 };
		struct tls_client *tls;

		SSL_CTX_set_max_proto_version(server.context, versions[i / 2]);
		SSL_CTX_load_verify_file(server.context, world.ca_file);
		SSL_CTX_set_verify(server.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		settings.cert_file = i % 2 == 1 ? world.client_file : "";
		tls = client_of(&settings, "localhost");
		run_client(&client, tls, serve, &server);
		if (i % 2 == 1)
			assert_string_equal(strbuf_str(&client.data), "hello");
		else
			assert_int_equal(client.why, STREAM_CLOSE_TLS);
		client_end(&client);
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
}

static void sessions_are_resumed(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct server server = { .context = server_context(&world.good), .talk = talk_politely };
		struct tls_settings settings = settings_of(world.ca_file);
		struct tls_client *tls = client_of(&settings, "localhost");

		SSL_CTX_set_max_proto_version(server.context, versions[i]);
		for (unsigned round = 0; round < 4; round++) {
			struct client client = { .free_in = round == 1 ? "readable" : NULL };

			run_client(&client, tls, serve, &server);
			assert_int_equal(server.reused, round > 0);
			client_end(&client);
		}
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
}

/* The certificate expires between two connections; a session must not carry it over. */
static void an_expired_certificate_is_not_resumed(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cert cert = cert_make((struct cert_wish){
			.name = "x", .san = "DNS:localhost", .issuer = &world.ca, .from_s = -DAY, .until_s = 600 });
		struct server server = { .context = server_context(&cert), .talk = talk_politely };
		struct tls_settings settings = settings_of(world.ca_file);
		struct tls_client *tls = client_of(&settings, "localhost");
		struct client first = { 0 };
		struct client second = { 0 };
		struct client third = { 0 };

		SSL_CTX_set_max_proto_version(server.context, versions[i]);
		run_client(&first, tls, serve, &server);
		assert_string_equal(strbuf_str(&first.data), "hello");
		time_shift = 900;
		run_client(&second, tls, serve, &server);
		assert_true(server.reused);
		assert_string_equal(strbuf_str(&second.events), "closed");
		assert_text(&second, " expired on ");
		run_client(&third, tls, serve, &server);
		assert_text(&third, " expired on ");
		time_shift = 0;
		client_end(&first);
		client_end(&second);
		client_end(&third);
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
		cert_free(&cert);
	}
}

static void talk_binding(SSL *ssl, struct server *server)
{
	if (SSL_version(ssl) >= TLS1_3_VERSION) {
		server->binding_len = 32;
		SSL_export_keying_material(ssl, server->binding, 32, "EXPORTER-Channel-Binding", 24, NULL, 0, 0);
	} else if (SSL_session_reused(ssl)) {
		server->binding_len = SSL_get_finished(ssl, server->binding, sizeof(server->binding));
	} else {
		server->binding_len = SSL_get_peer_finished(ssl, server->binding, sizeof(server->binding));
	}
	talk_politely(ssl, server);
}

struct binding {
	uint8_t bytes[64];
	size_t len;
	const char *type;
	char version[16];
};

static void note_binding(struct client *client)
{
	struct binding *binding = client->arg;
	uint8_t tiny[4];
	const char *type;

	assert_int_equal(stream_channel_binding(client->stream, tiny, sizeof(tiny), &type), 0);
	binding->len = stream_channel_binding(client->stream, binding->bytes, sizeof(binding->bytes), &binding->type);
	snprintf(binding->version, sizeof(binding->version), "%s", stream_tls_version(client->stream));
	assert_non_null(stream_tls_cipher(client->stream));
}

static void both_sides_bind_to_the_same(void **state)
{
	static const struct {
		int version;
		const char *name;
		const char *type;
	} cases[] = {
		{ TLS1_2_VERSION, "TLSv1.2", "tls-unique" },
		{ TLS1_3_VERSION, "TLSv1.3", "tls-exporter" },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct server server = { .context = server_context(&world.good), .talk = talk_binding };
		struct tls_settings settings = settings_of(world.ca_file);
		struct tls_client *tls = client_of(&settings, "localhost");

		SSL_CTX_set_max_proto_version(server.context, cases[i / 2].version);
		for (unsigned round = 0; round <= i % 2; round++) {
			struct binding binding = { 0 };
			struct client client = { .on_connected = note_binding, .arg = &binding };

			run_client(&client, tls, serve, &server);
			assert_int_equal(server.reused, round == 1);
			assert_string_equal(binding.version, cases[i / 2].name);
			assert_string_equal(binding.type, cases[i / 2].type);
			assert_true(binding.len > 0);
			assert_int_equal(binding.len, server.binding_len);
			assert_memory_equal(binding.bytes, server.binding, binding.len);
			client_end(&client);
		}
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
}

static void ask_for_tls(struct client *client)
{
	client_take(client);
	if (strcmp(strbuf_str(&client->data), "+OK\n") == 0)
		evbuffer_add(stream_output(client->stream), "STLS\n", 5);
	else if (strcmp(strbuf_str(&client->data), "+OK\n+OK\n") == 0)
		assert_int_equal(stream_start_tls(client->stream), 0);
}

static void starttls(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_politely, .starttls = true };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	static const char *const frees[] = { NULL, "tls", "readable", "closed" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct client client = { .on_data = ask_for_tls, .free_in = frees[i] };

		run_client(&client, tls, serve, &server);
		if (i == 0) {
			assert_string_equal(strbuf_str(&client.data), "+OK\n+OK\nhello");
			assert_string_equal(strbuf_str(&client.events),
			                    "connected readable drained readable tls readable closed");
			assert_int_equal(client.why, STREAM_CLOSE_EOF);
		} else {
			assert_true(client_saw(&client, frees[i]));
		}
		client_end(&client);
	}
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

/* Says +OK to STLS, and nothing more. */
static void agree_and_hang(int fd, void *arg)
{
	char line[64];
	char byte;

	(void)arg;
	peer_say(fd, "+OK\n");
	peer_hear(fd, line, sizeof(line));
	peer_say(fd, "+OK\n");
	while (read(fd, &byte, 1) > 0)
		continue;
}

static void starttls_has_a_deadline(void **state)
{
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	struct stream_endpoint endpoint = { .host = "127.0.0.1", .tls = tls };
	struct stream_params params = { .endpoints = &endpoint,
		                        .endpoint_count = 1,
		                        .connect_timeout_ms = (int64_t)4 * SHORT_MS };
	struct loop *loop = loop_new();
	struct client client = { .on_data = ask_for_tls };
	struct peer peer;

	(void)state;
	peer_start(&peer, agree_and_hang, NULL);
	endpoint.port = peer.port;
	client_open(&client, loop, &params);
	loop_run(loop);
	assert_int_equal(client.why, STREAM_CLOSE_TLS);
	assert_text(&client, "no end of the TLS handshake with 127.0.0.1:");
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
	tls_client_free(&tls);
}

/* A connection that cannot have TLS, or has it already. */
static void refuse_to_start(struct client *client)
{
	client_take(client);
	assert_int_equal(stream_start_tls(client->stream), -1);
	loop_stop(client->loop);
}

static void tls_cannot_begin_everywhere(void **state)
{
	struct server clear = { .context = server_context(&world.good), .talk = talk_politely, .starttls = true };
	struct server secure = { .context = server_context(&world.good), .talk = talk_politely };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");
	struct client without = { .on_data = refuse_to_start };
	struct client twice = { .on_data = refuse_to_start };
	struct client nothing = { 0 };

	(void)state;
	run_client(&without, NULL, serve, &clear);
	assert_true(client_saw(&without, "readable"));
	run_client(&twice, tls, serve, &secure);
	assert_true(client_saw(&twice, "readable"));
	run_client(&nothing, NULL, serve, &secure);
	assert_int_equal(nothing.why, STREAM_CLOSE_TLS);
	assert_text(&nothing, "TLS is required, but there are no settings for it");
	client_end(&without);
	client_end(&twice);
	client_end(&nothing);
	tls_client_free(&tls);
	SSL_CTX_free(clear.context);
	SSL_CTX_free(secure.context);
}

static void starttls_refuses_the_certificate(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_politely, .starttls = true };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "elsewhere.example");
	static const char *const frees[] = { NULL, "closed" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client client = { .on_data = ask_for_tls, .free_in = frees[i] };

		run_client(&client, tls, serve, &server);
		assert_int_equal(client.why, STREAM_CLOSE_TLS);
		assert_text(&client, "not for elsewhere.example");
		assert_false(client_saw(&client, "tls"));
		client_end(&client);
	}
	tls_client_free(&tls);
	SSL_CTX_free(server.context);
}

/* Says its +OK with more behind it, at once or when told to through a socket pair. */
struct injector {
	bool later;
	int pair[2];
	size_t heard; /* bytes after the STLS line */
};

static void inject(int fd, void *arg)
{
	struct injector *injector = arg;
	char line[64];
	char byte;

	peer_hear(fd, line, sizeof(line));
	peer_say(fd, injector->later ? "+OK\n" : "+OK\n-ERR injected\n");
	if (injector->later && read(injector->pair[1], &byte, 1) == 1) {
		peer_say(fd, "-ERR injected\n");
		peer_say(injector->pair[1], "x");
	}
	while (read(fd, &byte, 1) > 0)
		injector->heard++;
}

static void send_stls(struct client *client)
{
	evbuffer_add(stream_output(client->stream), "STLS\n", 5);
}

static void take_ok_and_start(struct client *client)
{
	struct injector *injector = client->arg;
	char line[4];
	char byte;

	assert_int_equal(evbuffer_remove(stream_input(client->stream), line, 4), 4);
	assert_memory_equal(line, "+OK\n", 4);
	if (injector->later) {
		peer_say(injector->pair[0], "x");
		assert_int_equal(read(injector->pair[0], &byte, 1), 1);
	}
	assert_int_equal(stream_start_tls(client->stream), -1);
	stream_free(&client->stream);
	loop_stop(client->loop);
}

static void injected_bytes_are_refused(void **state)
{
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_client *tls = client_of(&settings, "localhost");

	(void)state;
	for (int later = 0; later < 2; later++) {
		struct injector injector = { .later = later };
		struct client client = { .on_connected = send_stls, .on_data = take_ok_and_start, .arg = &injector };
		struct stream_endpoint endpoint = { .host = "127.0.0.1", .tls = tls };
		struct stream_params params = { .endpoints = &endpoint,
			                        .endpoint_count = 1,
			                        .connect_timeout_ms = LONG_MS };
		struct loop *loop = loop_new();
		struct peer peer;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, injector.pair), 0);
		peer_start(&peer, inject, &injector);
		endpoint.port = peer.port;
		client_open(&client, loop, &params);
		loop_run(loop);
		client_end(&client);
		loop_free(&loop);
		peer_stop(&peer);
		assert_int_equal(injector.heard, 0);
		close(injector.pair[0]);
		close(injector.pair[1]);
	}
	tls_client_free(&tls);
}

#define BULK (6u * 1024u * 1024u)

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 2654435761u >> 13);
}

/* Receives and sends the pattern at once, in records of all sizes. */
static void talk_bulk(SSL *ssl, struct server *server)
{
	static uint8_t block[16384];
	size_t sent = 0;
	size_t got = 0;

	server->intact = true;
	while (sent < BULK || got < BULK) {
		size_t len = 1 + sent * 7 % sizeof(block);
		int more;

		for (size_t i = 0; i < len; i++)
			block[i] = pattern(sent + i);
		if (len > BULK - sent)
			len = BULK - sent;
		if (len > 0 && SSL_write(ssl, block, (int)len) <= 0)
			break;
		sent += len;
		more = got < BULK ? SSL_read(ssl, block, (int)(len > 0 ? len : 1)) : 0;
		for (int i = 0; i < more; i++, got++)
			server->intact = server->intact && block[i] == pattern(got);
		if (more <= 0 && got < BULK)
			break;
	}
	server->intact = server->intact && sent == BULK && got == BULK;
	SSL_shutdown(ssl);
}

struct flow {
	size_t sent, got;
	bool intact;
};

static void flow_send(struct client *client)
{
	struct flow *flow = client->arg;
	struct evbuffer *output = stream_output(client->stream);

	while (flow->sent < BULK && evbuffer_get_length(output) < STREAM_OUTPUT_HIGH) {
		uint8_t block[1000];
		size_t len = sizeof(block) < BULK - flow->sent ? sizeof(block) : BULK - flow->sent;

		for (size_t i = 0; i < len; i++)
			block[i] = pattern(flow->sent + i);
		evbuffer_add(output, block, len);
		flow->sent += len;
	}
}

static void go_on(void *ctx)
{
	struct client *client = ctx;

	if (client->stream != NULL)
		stream_pause(client->stream, false);
}

/* Pauses after each piece, sometimes with bytes left in the input. */
static void flow_take(struct client *client)
{
	struct flow *flow = client->arg;
	struct evbuffer *input = stream_input(client->stream);
	size_t len = evbuffer_get_length(input);
	const uint8_t *bytes = evbuffer_pullup(input, -1);

	if (flow->got % 3 == 0 && len > 100)
		len /= 2;
	for (size_t i = 0; i < len; i++, flow->got++)
		flow->intact = flow->intact && bytes[i] == pattern(flow->got);
	evbuffer_drain(input, len);
	stream_pause(client->stream, true);
	client_later(client, 0, go_on);
}

static void bulk_both_ways_with_pauses(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct server server = { .context = server_context(&world.good), .talk = talk_bulk };
		struct tls_settings settings = settings_of(world.ca_file);
		struct tls_client *tls = client_of(&settings, "localhost");
		struct flow flow = { .intact = true };
		struct client client = {
			.on_connected = flow_send, .on_drained = flow_send, .on_data = flow_take, .arg = &flow
		};

		SSL_CTX_set_max_proto_version(server.context, versions[i]);
		run_client(&client, tls, serve, &server);
		assert_true(server.intact);
		assert_true(flow.intact);
		assert_int_equal(flow.got, BULK);
		assert_int_equal(client.why, STREAM_CLOSE_EOF);
		client_end(&client);
		tls_client_free(&tls);
		SSL_CTX_free(server.context);
	}
}

/* Whoever wants the same gets the same; what still streams needs neither client nor pool from its owner. */
static void clients_are_shared_and_outlive_their_owner(void **state)
{
	struct server server = { .context = server_context(&world.good), .talk = talk_politely };
	struct tls_settings settings = settings_of(world.ca_file);
	struct tls_pool *pool = tls_pool_new();
	char *error = NULL;
	struct tls_client *first = tls_client_new(pool, &settings, "localhost", &error);
	struct tls_client *twin = tls_client_new(pool, &settings, "localhost", &error);
	struct tls_client *other = tls_client_new(pool, &settings, "elsewhere.example", &error);
	struct stream_endpoint endpoint = { .host = "127.0.0.1", .tls = first };
	struct stream_params params = {
		.endpoints = &endpoint, .endpoint_count = 1, .implicit_tls = true, .connect_timeout_ms = LONG_MS
	};
	struct loop *loop = loop_new();
	struct client client = { 0 };
	struct peer peer;

	(void)state;
	assert_ptr_equal(first, twin);
	assert_ptr_not_equal(first, other);
	peer_start(&peer, serve, &server);
	endpoint.port = peer.port;
	client_open(&client, loop, &params);
	tls_client_free(&first);
	tls_client_free(&twin);
	tls_client_free(&other);
	tls_pool_free(&pool);
	loop_run(loop);
	assert_string_equal(strbuf_str(&client.data), "hello");
	client_end(&client);
	loop_free(&loop);
	peer_stop(&peer);
	SSL_CTX_free(server.context);
}

static void bad_settings(void **state)
{
	char *no_cert = str_format("%s/no-cert.pem", world.folder);
	char *key_only = str_format("%s/key.pem", world.folder);
	struct strlist pins = { 0 };
	char long_name[300] = { 0 };
	const struct {
		struct tls_settings settings;
		const char *want;
	} cases[] = {
		{ { .ca_file = "/nonexistent/ca.pem" }, "/nonexistent/ca.pem: No such file or directory" },
		{ { .ca_path = "/nonexistent" }, "/nonexistent: No such file or directory" },
		{ { .ca_file = no_cert }, no_cert },
		{ { .cert_file = "/nonexistent/cert.pem" }, "/nonexistent/cert.pem: No such file or directory" },
		{ { .cert_file = no_cert }, no_cert },
		{ { .cert_file = world.client_file, .key_file = no_cert }, no_cert },
		{ { .cert_file = world.client_file, .key_file = key_only }, key_only },
		{ { .cert_file = world.ca_file }, world.ca_file },
		{ { .min_version = "1.4" }, "TLS version \"1.4\" is not known here" },
		{ { .name = long_name }, "is no name that a certificate could be for" },
		{ { .fingerprints = &pins }, "tls_fingerprint \"sha256:12\": it has fewer than 64" },
	};

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	cert_write(no_cert, NULL, NULL);
	cert_write(key_only, NULL, world.good.key);
	strlist_add(&pins, "sha256:12");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *error = NULL;

		assert_null(tls_client_new(world.pool, &cases[i].settings, "localhost", &error));
		if (strstr(error, cases[i].want) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", error, cases[i].want);
		free(error);
	}
	strlist_free(&pins);
	unlink(no_cert);
	unlink(key_only);
	free(no_cert);
	free(key_only);
}

static void fingerprints(void **state)
{
#define HEX62 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEE"
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "sha256:" HEX62 "ff", true },
		{ "SHA256:" HEX62 "FF", true },
		{ "sha256:" HEX62 "f", false },
		{ "sha256:" HEX62 "ff0", false },
		{ "sha256:" HEX62 ":ff", true },
		{ "sha256:" HEX62 "f:f", false },
		{ "sha256:" HEX62 "fg", false },
		{ HEX62 "ff", false },
		{ "sha1:" HEX62 "ff", false },
		{ "", false },
		{ "sha256:", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(tls_fingerprint_check(cases[i].text) == NULL, cases[i].good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_certificate),
		cmocka_unit_test(an_end_without_close_notify_is_a_cut),
		cmocka_unit_test(a_reset_is_a_cut),
		cmocka_unit_test(freed_in_every_callback),
		cmocka_unit_test(last_words_are_heard),
		cmocka_unit_test(bad_certificates),
		cmocka_unit_test(settings_that_accept),
		cmocka_unit_test(a_pin_that_does_not_match),
		cmocka_unit_test(handshakes_that_fail),
		cmocka_unit_test(a_handshake_that_hangs),
		cmocka_unit_test(client_certificates),
		cmocka_unit_test(sessions_are_resumed),
		cmocka_unit_test(an_expired_certificate_is_not_resumed),
		cmocka_unit_test(both_sides_bind_to_the_same),
		cmocka_unit_test(starttls),
		cmocka_unit_test(starttls_has_a_deadline),
		cmocka_unit_test(tls_cannot_begin_everywhere),
		cmocka_unit_test(starttls_refuses_the_certificate),
		cmocka_unit_test(injected_bytes_are_refused),
		cmocka_unit_test(bulk_both_ways_with_pauses),
		cmocka_unit_test(clients_are_shared_and_outlive_their_owner),
		cmocka_unit_test(bad_settings),
		cmocka_unit_test(fingerprints),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/tls", tests, build_world, raze_world);
}
