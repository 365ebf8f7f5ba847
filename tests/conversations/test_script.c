/* SPDX-License-Identifier: ISC
 *
 * The script player itself: what it must accept, and above all what it must
 * not. The client is a toy with every habit that a script can ask about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "multidropd/clock.h"
#include "multidropd/log.h"
#include "multidropd/mem.h"
#include "multidropd/stream.h"
#include "script.h"

/* Answers "ping" with "pong", does what other lines say, reports lines and events. */
struct toy {
	struct loop *loop;
	struct stream *stream;
	struct stream *second;
	struct timer *timer;
	struct timer *spinner;
	bool halted;
	int64_t began_ms;
	bool implicit;
	bool leaky;
};

static void toy_open(struct toy *toy, struct stream **stream);

static void toy_line(struct toy *toy, const char *line)
{
	if (strcmp(line, "ping") == 0)
		evbuffer_add(stream_output(toy->stream), "pong\r\n", 6);
	else if (strcmp(line, "tls") == 0)
		journal_add("tls %d", stream_start_tls(toy->stream));
	else if (strcmp(line, "warn") == 0)
		log_warning("you said so");
	else if (strcmp(line, "expect") == 0)
		stream_expect(toy->stream, 30000, "an answer");
	else if (strcmp(line, "halt") == 0)
		stream_pause(toy->stream, toy->halted = true);
	else if (strcmp(line, "bye") == 0)
		stream_free(&toy->stream);
	else if (strcmp(line, "second") == 0)
		toy_open(toy, &toy->second);
	else
		journal_add("line %s", line);
}

static void toy_readable(void *ctx)
{
	struct toy *toy = ctx;

	while (toy->stream != NULL && !toy->halted) {
		char *line = evbuffer_readln(stream_input(toy->stream), NULL, EVBUFFER_EOL_CRLF_STRICT);

		if (line == NULL)
			return;
		toy_line(toy, line);
		free(line);
	}
}

static void toy_connected(void *ctx)
{
	struct toy *toy = ctx;

	journal_add("connected %s", toy->implicit ? stream_tls_version(toy->stream) : stream_peer(toy->stream));
}

static void toy_tls_started(void *ctx)
{
	struct toy *toy = ctx;

	journal_add("started %s", stream_tls_version(toy->stream));
}

static void toy_drained(void *ctx)
{
	(void)ctx;
	journal_add("drained");
}

static void toy_closed(void *ctx, enum stream_close why, const char *text)
{
	struct toy *toy = ctx;

	journal_add("closed %d %s", (int)why, text);
	stream_free(&toy->stream);
}

static void toy_open(struct toy *toy, struct stream **stream)
{
	static const struct stream_events events = { toy_connected, toy_tls_started, toy_readable, toy_drained,
		                                     toy_closed };
	const struct stream_endpoint endpoint = { .host = "toy.example", .port = 110 };
	const struct stream_params params = {
		.endpoints = &endpoint, .endpoint_count = 1, .implicit_tls = toy->implicit, .connect_timeout_ms = 10000
	};

	*stream = stream_open(toy->loop, &params, &events, toy);
}

static void toy_fired(void *ctx)
{
	struct toy *toy = ctx;

	journal_add("fired %lld", (long long)(clock_mono_ms() - toy->began_ms));
}

static void toy_spin(void *ctx)
{
	struct toy *toy = ctx;

	timer_arm(toy->spinner, 0);
}

static void *toy_setup(struct loop *loop, const void *argument)
{
	struct toy *toy = mem_alloc(sizeof(*toy));

	toy->loop = loop;
	toy->implicit = argument != NULL && strcmp(argument, "implicit") == 0;
	toy->leaky = argument != NULL && strcmp(argument, "leaky") == 0;
	toy->began_ms = clock_mono_ms();
	toy->timer = timer_new(loop, toy_fired, toy);
	toy->spinner = timer_new(loop, toy_spin, toy);
	toy_open(toy, &toy->stream);
	return toy;
}

static struct timer *leaked;

static void toy_teardown(void *ctx)
{
	struct toy *toy = ctx;

	if (toy->leaky)
		leaked = toy->timer;
	else
		timer_free(&toy->timer);
	timer_free(&toy->spinner);
	stream_free(&toy->stream);
	stream_free(&toy->second);
	free(toy);
}

static void call_say(void *ctx, const char *argument)
{
	struct toy *toy = ctx;

	evbuffer_add_printf(stream_output(toy->stream), "%s\r\n", argument);
}

static void call_flood(void *ctx, const char *argument)
{
	struct toy *toy = ctx;

	for (int i = atoi(argument); i > 0; i--)
		evbuffer_add_printf(stream_output(toy->stream), "0123456789\r\n");
}

static void call_arm(void *ctx, const char *argument)
{
	struct toy *toy = ctx;

	timer_arm(toy->timer, atoi(argument));
}

static void call_spin(void *ctx, const char *argument)
{
	(void)argument;
	toy_spin(ctx);
}

static void call_pause(void *ctx, const char *argument)
{
	struct toy *toy = ctx;

	toy->halted = strcmp(argument, "on") == 0;
	stream_pause(toy->stream, toy->halted);
}

static void call_reopen(void *ctx, const char *argument)
{
	struct toy *toy = ctx;

	(void)argument;
	toy_open(toy, &toy->stream);
}

static const struct script_call calls[] = {
	{ "say", call_say },   { "flood", call_flood }, { "arm", call_arm },
	{ "spin", call_spin }, { "pause", call_pause }, { "reopen", call_reopen },
};

static struct script_test toy_test(const char *text, const char *argument)
{
	return (struct script_test){ .text = text,
		                     .setup = toy_setup,
		                     .teardown = toy_teardown,
		                     .argument = argument,
		                     .calls = calls,
		                     .call_count = sizeof(calls) / sizeof(calls[0]) };
}

#define HELLO "EXPECT connected toy.example[192.0.2.1]:110\n"
#define NO_ANSWER "closed 4 toy.example[192.0.2.1]:110: timed out waiting for an answer"

static const struct {
	const char *argument;
	const char *text;
} good[] = {
	{ NULL, "# nothing but this\n\n" HELLO },
	{ NULL, HELLO "S: ping\nC: pong\nCNONE\nENONE" },
	{ NULL, HELLO "S: ping\nS: ping\nC: pong\nC~ po" },
	{ NULL, HELLO "S- pi\nS- ng\\r\\n\nC- po\nC- ng\\r\\n" },
	{ NULL, HELLO "S: a\\\\b\\x01\\t\nEXPECT line a\\\\b\\x01\\t" },
	{ NULL, HELLO "S* 3 n%d\nEXPECT line n1\nEXPECT line n2\nEXPECT~ line\n" },
	{ NULL, HELLO "CALL flood 5000\nC* 5000 0123456789\nEXPECT drained" },
	{ NULL, HELLO "STALL\nCALL flood 5000\nCNONE\nENONE\nFLOW\nC* 5000 0123456789\nEXPECT drained" },
	{ NULL, HELLO "CALL flood 5\nC* 5 0123456789\nENONE" },
	{ NULL, HELLO "S: x\nCLOSE\nEXPECT line x\nEXPECT closed 2 closed by the server\nCLOSED" },
	{ NULL, HELLO "CUT\nEXPECT closed 3 connection reset\nCLOSED" },
	{ NULL, HELLO "S: bye\nCLOSED" },
	{ NULL, HELLO "S: warn\nLOG you said" },
	{ NULL, HELLO "S: tls\nEXPECT tls 0\nTLS\nEXPECT started TLSv1.3\nS: ping\nC: pong" },
	{ NULL, HELLO "S: tls\nTLSFAIL bad name\nEXPECT tls 0\nEXPECT closed 1 bad name\nCLOSED" },
	{ NULL, HELLO "S: tls\nS: forged\nEXPECT tls -1\nEXPECT line forged" },
	{ "implicit", "TLS\nEXPECT connected TLSv1.3" },
	{ "implicit", "REFUSETLS expired\nEXPECT closed 1 expired" },
	{ NULL, "REFUSE no route\nEXPECT closed 0 no route\nCALL reopen\n" HELLO },
	{ NULL, "HANG\nADVANCE 9999ms\nENONE\nADVANCE 1ms\n"
	        "EXPECT closed 0 toy.example[192.0.2.1]:110: connecting timed out" },
	{ NULL, HELLO "S: second\n" HELLO "CONNECT\nCNONE\n@1\nS: ping\nC: pong" },
	{ NULL, HELLO "CALL arm 1500\nADVANCE 1s\nENONE\nADVANCE 1m\nEXPECT fired 1500" },
	{ NULL, HELLO "S: expect\nADVANCE 29s\nS: ping\nC: pong\nADVANCE 29999ms\nENONE\nADVANCE 1ms\n"
	              "EXPECT " NO_ANSWER },
	{ NULL, HELLO "S: expect\nSTALL\nCALL say x\nADVANCE 30s\nEXPECT " NO_ANSWER },
	{ NULL, HELLO "S: expect\nADVANCE 10s\nCALL pause on\nADVANCE 1h\nCALL pause off\nADVANCE 19999ms\nENONE\n"
	              "ADVANCE 1ms\nEXPECT " NO_ANSWER },
	{ NULL, HELLO "S: halt\nS: ping\nCNONE\nADVANCE 1h\nCALL pause off\nC: pong" },
	{ NULL, HELLO "S: tls\nEXPECT tls 0\nCALL say x\nCNONE\nTLS\nEXPECT started TLSv1.3\nC: x\nS: tls\n"
	              "EXPECT tls -1" },
	{ NULL, HELLO "S: tls\nEXPECT tls 0\nADVANCE 10s\n"
	              "EXPECT closed 1 toy.example[192.0.2.1]:110: the TLS handshake timed out" },
	{ NULL, HELLO "S: expect\nCALL pause on\nS: ping\nCLOSE\nADVANCE 1h\nCNONE\nENONE\nCALL pause off\nC: pong\n"
	              "EXPECT~ closed 2" },
};

static void accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct script_test test = toy_test(good[i].text, good[i].argument);

		script_play(&test);
	}
}

static const struct {
	const char *text;
	const char *error; /* what it begins with */
} bad[] = {
	{ "", "at the end: the script does not expect «connected" },
	{ HELLO "WHAT", "line 2: WHAT: no such directive" },
	{ HELLO "S: \\q", "line 2: S: \\q: an escape" },
	{ HELLO "C: pong", "line 2: C: pong: wanted «pong\\r\\n», the client sent nothing" },
	{ HELLO "S: ping\nC: pon", "line 3: C: pon: wanted «pon\\r\\n», the client sent «pong\\r\\n»" },
	{ HELLO "S: ping\nC: ponger", "line 3: C: ponger: wanted" },
	{ HELLO "S: ping\nC~ x", "line 3: C~ x: wanted" },
	{ HELLO "S: ping\nC- x", "line 3: C- x: wanted" },
	{ HELLO "S: ping\nC* 2 pong", "line 3: C* 2 pong: wanted «pong\\r\\n», the client sent nothing" },
	{ HELLO "S* x y", "line 2: S* x y: wants a number" },
	{ HELLO "S: ping\nCNONE", "line 3: CNONE: wanted «», the client sent «pong\\r\\n»" },
	{ HELLO "S: ping", "at the end: wanted «», the client sent «pong\\r\\n»" },
	{ HELLO "CLOSED", "line 2: CLOSED: the client has not closed it" },
	{ HELLO "S: bye\nCLOSED\nS: x", "line 4: S: x: the client has closed connection 1" },
	{ HELLO "TLS", "line 2: TLS: the client has not begun TLS" },
	{ HELLO "TLSFAIL x", "line 2: TLSFAIL x: the client has not begun TLS" },
	{ HELLO "S: tls\nEXPECT tls 0\nS: x", "line 4: S: x: the client waits for a TLS handshake" },
	{ HELLO "REFUSE x", "at the end: 1 REFUSE" },
	{ HELLO "CONNECT", "line 2: CONNECT: there is no connection 2" },
	{ HELLO "@2", "line 2: @2: there is no connection 2" },
	{ HELLO "@0", "line 2: @0: wants a number" },
	{ HELLO "S: second\n" HELLO, "at the end: the script does not know of connection 2" },
	{ HELLO "S: x\nEXPECT line y", "line 3: EXPECT line y: came «line x»" },
	{ HELLO "S: x\nEXPECT line", "line 3: EXPECT line: came «line x»" },
	{ HELLO "S: x\nEXPECT~ liney", "line 3: EXPECT~ liney: came «line x»" },
	{ HELLO "EXPECT x", "line 2: EXPECT x: nothing came" },
	{ HELLO "S: x\nENONE", "line 3: ENONE: came «line x»" },
	{ HELLO "S: x", "at the end: the script does not expect «line x»" },
	{ HELLO "S: warn", "at the end: the script does not expect the warning «you said so»" },
	{ HELLO "LOG you", "line 2: LOG you: nothing came" },
	{ HELLO "S: warn\nLOG they", "line 3: LOG they: came «you said so»" },
	{ HELLO "ADVANCE soon", "line 2: ADVANCE soon: wants a duration" },
	{ HELLO "CALL nobody", "line 2: CALL nobody: the test has no such" },
	{ HELLO "CALL spin\nCNONE", "line 3: CNONE: the client never comes to rest" },
};

static void rejects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct script_test test = toy_test(bad[i].text, NULL);
		char *error = script_run(&test, i % 2);

		if (error == NULL || strncmp(error, bad[i].error, strlen(bad[i].error)) != 0)
			fail_msg("case %zu: wanted «%s», came «%s»", i, bad[i].error,
			         error != NULL ? error : "no error");
		free(error);
	}
}

static void rejects_leaks(void **state)
{
	struct script_test test = toy_test(HELLO, "leaky");
	char *error = script_run(&test, 0);

	(void)state;
	assert_non_null(error);
	assert_string_equal(error, "after teardown: 1 timers or watches were not freed");
	free(error);
	free(leaked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(rejects),
		cmocka_unit_test(rejects_leaks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
