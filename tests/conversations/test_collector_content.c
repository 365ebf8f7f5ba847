/* SPDX-License-Identifier: ISC
 *
 * Messages that are not as most are: many recipients, no header, nothing but
 * a header, and little memory for them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scene.h"

#define NULL_MAIL "C: MAIL FROM:<>\n"
#define ONE_CONNECTION .relay = "max_connections = 1"
#define LINE "a line of a large message that is longer than others %d"
#define BODY_IN "S* 20000 " LINE "\n"
#define BODY_OUT "C* 20000 " LINE "\n"

static void takes_odd_messages(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "no header: to the postmaster", { 0 },
		  BEGUN "S: +OK\nS: \nS: text\nS: .\n@2\n" NULL_MAIL RCPT("post") DATA OK OK GO "C: \nC: text\nC: .\n"
		  TAKEN("post") DELETED("a", "post") },
		{ "no header and no blank line", { 0 },
		  BEGUN "S: +OK\nS: text\nS: .\n@2\n" NULL_MAIL RCPT("post") DATA OK OK GO "C: text\nC: \nC: .\n"
		  TAKEN("post") DELETED("a", "post") },
		{ "nothing but a header", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS: Subject: hi\nS: .\n@2\n" NULL_MAIL RCPT("bob") DATA
		  OK OK GO "C: Subject: hi\nC: \nC: .\n" TAKEN("bob") DELETED("a", "bob") },
		{ "a header without its last line end", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS- Subject: hi\\r\\n.\\r\\n\n@2\n" NULL_MAIL RCPT("bob")
		  DATA OK OK GO "C: Subject: hi\nC: \nC: .\n" TAKEN("bob") DELETED("a", "bob") },
		{ "nothing at all", { 0 },
		  BEGUN "S: +OK\nS: .\n@2\n" NULL_MAIL RCPT("post") DATA OK OK GO "C: \nC: .\n" TAKEN("post")
		  DELETED("a", "post") },
		{ "nothing but the stamp", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS: .\n@2\n" NULL_MAIL RCPT("bob") DATA OK OK GO
		  "C: \nC: .\n" TAKEN("bob") DELETED("a", "bob") },
		{ "what identifies it is the same in TOP, however the server ends it", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS: Status: O\nS: .\n@2\n" NULL_MAIL RCPT("bob") DATA OK OK
		  GO "C: Status: O\nC: \nC: .\n" TAKEN("bob") "@1\nC: DELE 1\nS: -ERR\n" WORLD_QUIT "EXPECT~ poll ok\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n"
		  "S: +OK\nS: X-Envelope-To: bob@office.example\nS: X-UID: 3\nS: \nS: \nS: .\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

static void reads_no_more_than_a_mebibyte_of_header(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "what was read decides", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS* 30000 X-Fill: " LINE "\n@2\n" NULL_MAIL RCPT("bob") DATA
		  OK OK GO "C* 30000 X-Fill: " LINE "\n@1\nS: \nS: text\nS: .\n@2\nC: \nC: text\nC: .\n" TAKEN("bob")
		  DELETED("a", "bob") },
		{ "the same header by TOP", { 0 },
		  BEGUN "S: +OK\nS: X-Envelope-To: bob@office.example\nS* 30000 X-Fill: " LINE "\nS: \nS: .\n@2\n" NULL_MAIL
		  RCPT("bob") DATA OK OK GO "C* 30000 X-Fill: " LINE "\nC: \nC: .\n" TAKEN("bob")
		  "@1\nC: DELE 1\nS: -ERR\n" WORLD_QUIT "EXPECT~ poll ok\n"
		  "CALL poll\n@3\n" WORLD_LOGIN LISTED("a") "C: TOP 1 0\n"
		  "S: +OK\nS: X-Envelope-To: bob@office.example\nS* 30000 X-Fill: " LINE "\nS: \nS: .\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=1 fetched=0 deleted=1\n" },
		/* clang-format on */
	};

	(void)state;
	world_play_large(scenes, sizeof(scenes) / sizeof(scenes[0]));
}

/* --- many recipients --- */

#define CROWD 250u

/* "r1@office.example, …" as the stamp, folded as servers do. */
static void add_stamp(struct strbuf *text)
{
	strbuf_add_str(text, "S: +OK\nS: X-Envelope-To: r1@office.example");
	for (unsigned i = 2; i <= CROWD; i++)
		strbuf_addf(text, ",\nS: \tr%u@office.example", i);
	strbuf_add_str(text, "\nS: Subject: hi\nS: \n");
}

static void add_transaction(struct strbuf *text, unsigned from, unsigned to)
{
	strbuf_add_str(text, NULL_MAIL);
	for (unsigned i = from; i <= to; i++)
		strbuf_addf(text, "C: RCPT TO:<r%u@office.example>\n", i);
	strbuf_addf(text, DATA OK "S* %u 250 ok\n" GO, to - from + 1);
}

static void splits_many_recipients(void **state)
{
	struct world_scene scene = { "held whole", { ONE_CONNECTION }, NULL };
	struct strbuf text = { 0 };

	(void)state;
	strbuf_add_str(&text, BEGUN);
	add_stamp(&text);
	strbuf_add_str(&text, "S: text\nS: .\n@2\n");
	for (unsigned from = 1; from <= CROWD; from += 100) {
		unsigned to = from + 99 < CROWD ? from + 99 : CROWD;

		add_transaction(&text, from, to);
		strbuf_add_str(&text, CONTENT);
		strbuf_addf(&text, "S: 250 queued\nEXPECT~ delivered r%u@office.example,\n", from);
	}
	strbuf_add_str(&text, "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=1 deleted=1\n");
	scene.text = strbuf_str(&text);
	world_play(&scene, 1);
	strbuf_free(&text);
}

static void splits_many_recipients_of_a_large_message(void **state)
{
	struct world_scene scene = { "streamed: a RETR for each transaction", { ONE_CONNECTION }, NULL };
	struct strbuf text = { 0 };

	(void)state;
	strbuf_add_str(&text, BEGUN);
	for (unsigned from = 1; from <= CROWD; from += 100) {
		unsigned to = from + 99 < CROWD ? from + 99 : CROWD;

		if (from > 1)
			strbuf_add_str(&text, "@1\nC: RETR 1\n");
		add_stamp(&text);
		strbuf_add_str(&text, BODY_IN "S: .\n@2\n");
		add_transaction(&text, from, to);
		strbuf_add_str(&text, "C: Subject: hi\nC: \n" BODY_OUT "C: .\n");
		strbuf_addf(&text, "S: 250 queued\nEXPECT~ delivered r%u@office.example,\n", from);
	}
	strbuf_add_str(&text, "@1\nC: DELE 1\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=1 fetched=3 deleted=1\n");
	scene.text = strbuf_str(&text);
	world_play_large(&scene, 1);
	strbuf_free(&text);
}

/* --- memory --- */

/* Some 32,000 bytes. */
#define LARGE_IN(to) MESSAGE_BEGINS(to "@office.example") "S* 560 " LINE "\nS: .\n"
#define LARGE_CONTENT "C: Subject: hi\nC: \nC: text\nC* 560 " LINE "\nC: .\n"
#define LARGE_OUT(to) "@2\n" MAIL RCPT(to) DATA OK OK GO LARGE_CONTENT TAKEN(to)

static void shares_little_memory(void **state)
{
	static const struct world_scene scenes[] = {
		/* clang-format off */
		{ "RETR waits for memory", { ONE_CONNECTION, .global = "memory_limit = 64K" },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: 2 b\nS: 3 c\nS: .\nS: +OK\nS: 1 30000\nS: 2 30000\nS: 3 30000\nS: .\nCONNECT\n"
		  WORLD_RELAY "@1\nC: RETR 1\nCNONE\n" LARGE_IN("bob") "CNONE\n" LARGE_OUT("bob")
		  "@1\nC: RETR 2\nC: DELE 1\nCNONE\n" LARGE_IN("carl") OK_POP LARGE_OUT("carl")
		  "@1\nC: RETR 3\nC: DELE 2\n" LARGE_IN("dan") OK_POP LARGE_OUT("dan")
		  "@1\nC: DELE 3\n" OK_POP WORLD_QUIT "EXPECT poll ok listed=3 fetched=3 deleted=3\n" },
		{ "what LIST said too much is given back", { ONE_CONNECTION, .global = "memory_limit = 64K" },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: 2 b\nS: .\nS: +OK\nS: 1 60000\nS: 2 60000\nS: .\nCONNECT\n"
		  WORLD_RELAY "@1\nC: RETR 1\nCNONE\n" MESSAGE("bob") "C: RETR 2\n" MESSAGE("carl") DELIVERED("bob")
		  DELIVERED("carl") "@1\nC: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT
		  "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		{ "LIST lies: what there is no memory for is streamed", { ONE_CONNECTION, .global = "memory_limit = 64K" },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: 2 b\nS: .\nS: +OK\nS: 1 1\nS: 2 1\nS: .\nCONNECT\n" WORLD_RELAY
		  "@1\nC: RETR 1\nC: RETR 2\n" MESSAGE_BEGINS("bob@office.example") "S* 3000 " LINE "\n"
		  "@2\n" MAIL RCPT("bob") DATA OK OK GO "C: Subject: hi\nC: \nC: text\nC* 3000 " LINE "\n@1\n"
		  "S: .\n" MESSAGE("carl") "@2\nC: .\n" TAKEN("bob") DELIVERED("carl")
		  "@1\nC: DELE 1\nC: DELE 2\n" OK_POP OK_POP WORLD_QUIT "EXPECT poll ok listed=2 fetched=2 deleted=2\n" },
		{ "LIST lies the other way", { 0 },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: .\nS: +OK\nS: 1 18446744073709551615\nS: .\nCONNECT\n" WORLD_RELAY
		  "@1\nC: RETR 1\n" MESSAGE("bob") DELIVERED("bob") DELETED("a", "bob") },
		{ "stopped while it waits for memory", { .global = "memory_limit = 64K" },
		  WORLD_LOGIN "S: +OK\nS: 1 a\nS: 2 b\nS: .\nS: +OK\nS: 1 50000\nS: 2 50000\nS: .\nCONNECT\n" WORLD_RELAY
		  "@1\nC: RETR 1\n" LARGE_IN("bob") "@2\n" MAIL RCPT("bob") DATA OK OK GO LARGE_CONTENT "CALL stop\n"
		  TAKEN("bob") "@1\nC: DELE 1\n" OK_POP WORLD_QUIT
		  "EXPECT poll stopped listed=2 fetched=1 deleted=1: stopped\n" },
		/* clang-format on */
	};

	(void)state;
	WORLD_PLAY(scenes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_odd_messages),     cmocka_unit_test(reads_no_more_than_a_mebibyte_of_header),
		cmocka_unit_test(splits_many_recipients), cmocka_unit_test(splits_many_recipients_of_a_large_message),
		cmocka_unit_test(shares_little_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("collector_content", tests, NULL, NULL);
}
