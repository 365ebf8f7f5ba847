/* SPDX-License-Identifier: ISC
 *
 * config: sources, maps of addresses, refusals, headers: what is stored, what
 * is refused, what is warned of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "multidropd/config.h"

#define MANY_LINES 100000
#define MANY_ACCOUNTS 10000

static char folder[] = "/tmp/multidropd-config-XXXXXX";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

/* Without the folder that the test runs in, which has another name each time. */
static char *join(const struct strlist *list)
{
	struct strbuf all = { 0 };

	for (size_t i = 0; i < list->count; i++) {
		const char *rest = list->items[i];
		const char *found;

		while ((found = strstr(rest, folder)) != NULL) {
			strbuf_add(&all, rest, (size_t)(found - rest));
			rest = found + strlen(folder) + 1;
		}
		strbuf_addf(&all, "%s\n", rest);
	}
	return strbuf_take(&all);
}

/* Loads `text` as the file "c"; NULL after comparing what is wrong with it, else what is warned of is compared. */
static struct config *load(const char *text, const char *want, const char *want_warnings)
{
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	struct config *config;
	char *said;

	write_file("c", text);
	config = config_load("c", &problems, &file_problems);
	said = join(&problems);
	if (strcmp(said, want) != 0)
		print_error("for:\n%s", text);
	assert_string_equal(said, want);
	assert_int_equal(file_problems.count, 0);
	assert_int_equal(config != NULL, want[0] == '\0');
	free(said);
	if (config != NULL) {
		said = join(&config->warnings);
		assert_string_equal(said, want_warnings);
		free(said);
	}
	strlist_free(&problems);
	strlist_free(&file_problems);
	return config;
}

struct snippet {
	const char *text;
	const char *problems;
	const char *warnings;
};

static void check_all(const struct snippet *snippets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *warnings = snippets[i].warnings != NULL ? snippets[i].warnings : "";
		struct config *config = load(snippets[i].text, snippets[i].problems, warnings);

		config_free(&config);
	}
}

#define CHECK_ALL(snippets) check_all(snippets, sizeof(snippets) / sizeof(snippets[0]))

/* Fine but for what is added in front, in one line so that line numbers are easy. */
#define LOGIN " server = s user = u password = p "
#define ACCOUNT(added) "account \"a\" { " added LOGIN "recipient = r }\n"
#define BLOCK(added) "account \"a\" {" LOGIN "multidrop { " added " } }\n"
#define STAMPED "envelope = X-To domains = d.example "
#define MULTIDROP(added) BLOCK(added " " STAMPED)
/* The first line of what is added is the second of the file. */
#define MAP(lines) MULTIDROP("virtual = {\n" lines "}")

static void check_list(const struct strlist *list, const char *want)
{
	char *said = join(list);

	assert_string_equal(said, want);
	free(said);
}

/* Of one account's map. */
static void check_targets(const struct config_account *account, const char *address, const char *want)
{
	const struct strlist *targets;

	assert_non_null(account->multidrop.virtual_map);
	targets = virtual_map_find(account->multidrop.virtual_map, address);
	assert_non_null(targets);
	check_list(targets, want);
}

static void defaults(void **state)
{
	struct config *config = load(MULTIDROP(""), "", "");
	const struct config_account *account = &config->accounts[0];

	(void)state;
	assert_int_equal(account->rejected, CONFIG_REJECTED_POSTMASTER);
	assert_int_equal(account->give_up_s, 5 * 86400);
	assert_int_equal(account->duplicates_s, 0);
	assert_int_equal(account->guessed_duplicates_s, 0);
	assert_int_equal(account->strip_headers.count, 0);
	assert_int_equal(account->add_headers.count, 0);
	assert_false(account->fix_message_id);
	assert_int_equal(account->multidrop.received_by.count, 0);
	assert_int_equal(account->multidrop.received_depth, 3);
	assert_int_equal(account->multidrop.fallback, CONFIG_FALLBACK_POSTMASTER);
	assert_null(account->multidrop.virtual_map);
	assert_string_equal(account->multidrop.rewrite_domain, "");
	assert_true(config->relays[0].dsn);
	config_free(&config);
}

static void written(void **state)
{
	struct config *config = load(
		"relay \"r\" { protocol = lmtp } relay \"s\" { dsn = off }\n"
		"account \"a\" {" LOGIN "relay = r rejected = bounce bounce_relay = s give_up = 2d duplicates = 1h\n"
		"strip_headers = { X-Spam, received-spf } add_headers = { 'X-Via: pop', \"X-Two:no blank\" }\n"
		"fix_message_id = true multidrop { envelope = { RECEIVED, \"*env\", X-To }\n"
		"received_by = { .ISP.example, mx.example, \"[192.0.2.1]\" } received_depth = 100\n"
		"domains = D.example fallback = keep rewrite_domain = New.Example } }\n"
		"account \"b\" {" LOGIN "relay = s rejected = discard duplicates = 0 recipient = r }\n"
		"account \"c\" {" LOGIN "relay = r recipient = r }\n",
		"", "");
	const struct config_account *account = &config->accounts[0];

	(void)state;
	assert_int_equal(account->rejected, CONFIG_REJECTED_BOUNCE);
	assert_ptr_equal(account->bounce_relay, &config->relays[1]);
	assert_false(config->relays[1].dsn);
	assert_int_equal(account->give_up_s, 2 * 86400);
	assert_int_equal(account->duplicates_s, 3600);
	assert_int_equal(account->guessed_duplicates_s, 3600);
	check_list(&account->strip_headers, "X-Spam\nreceived-spf\n");
	check_list(&account->add_headers, "X-Via: pop\nX-Two:no blank\n");
	assert_true(account->fix_message_id);
	check_list(&account->multidrop.envelope, "Received\n*ENV\nX-To\n");
	check_list(&account->multidrop.received_by, ".isp.example\nmx.example\n[192.0.2.1]\n");
	assert_int_equal(account->multidrop.received_depth, 100);
	check_list(&account->multidrop.domains, "d.example\n");
	assert_int_equal(account->multidrop.fallback, CONFIG_FALLBACK_KEEP);
	assert_string_equal(account->multidrop.rewrite_domain, "new.example");
	account = &config->accounts[1];
	assert_int_equal(account->rejected, CONFIG_REJECTED_DISCARD);
	/* Given is given, though it is the default. */
	assert_int_equal(account->guessed_duplicates_s, 0);
	assert_ptr_equal(account->bounce_relay, &config->relays[1]);
	/* Never one that cannot take a bounce. */
	assert_null(config->accounts[2].bounce_relay);
	config_free(&config);
}

/* A guess is made only where it is asked for, and three days are only what is meant where nothing is said. */
static void duplicates_of_guesses(void **state)
{
#define GUESSING "account \"a\" {" LOGIN "multidrop { " STAMPED "} }\n"
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ MULTIDROP("fallback = headers"), 3 * 86400 },
		{ "defaults { multidrop { fallback = headers } }\n" GUESSING, 3 * 86400 },
		{ "defaults { multidrop { fallback = headers } }\n" MULTIDROP("fallback = keep"), 0 },
		/* One person's mailbox: nobody is guessed. */
		{ "defaults { multidrop { fallback = headers } }\n" ACCOUNT(""), 0 },
		{ "defaults { duplicates = 2h multidrop { fallback = headers } }\n" GUESSING, 7200 },
		{ "account \"a\" {" LOGIN "duplicates = 0 multidrop { fallback = headers " STAMPED "} }\n", 0 },
		{ "account \"a\" {" LOGIN "duplicates = 1h multidrop { fallback = keep " STAMPED "} }\n", 3600 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strlist problems = { 0 };
		struct config *config;

		write_file("c", cases[i].text);
		config = config_load("c", &problems, &problems);
		assert_non_null(config);
		assert_int_equal(config->accounts[0].guessed_duplicates_s, cases[i].want);
		config_free(&config);
	}
}

/* Both forms of an internationalised name are one. */
static void international_names(void **state)
{
	static const char *const forms[] = { "bücher.example", "BÜCHER.Example", "bu\u0308cher.example",
		                             "xn--bcher-kva.example", "XN--BCHER-KVA.example" };

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *text = str_format("postmaster = 'p@%s'\naccount \"a\" {" LOGIN "sender = 's@%s' multidrop {\n"
		                        "envelope = Received received_by = '.%s' rewrite_domain = '%s'\n"
		                        "domains = { '%s', '.%s' } virtual = { 'a@%s b@%s', '@%s @sub.%s' } } }\n"
		                        "account \"b\" {" LOGIN "postmaster = 'q@%s' recipient = 'r@%s' }\n",
		                        forms[i], forms[i], forms[i], forms[i], forms[i], forms[i], forms[i], forms[i],
		                        forms[i], forms[i], forms[i], forms[i]);
		struct config *config = load(text, "", "");
		const struct config_account *account = &config->accounts[0];

		check_list(&account->multidrop.domains, "xn--bcher-kva.example\n.xn--bcher-kva.example\n");
		check_list(&account->multidrop.received_by, ".xn--bcher-kva.example\n");
		assert_string_equal(account->multidrop.rewrite_domain, "xn--bcher-kva.example");
		check_targets(account, "a@xn--bcher-kva.example", "b@xn--bcher-kva.example\n");
		check_targets(account, "@xn--bcher-kva.example", "@sub.xn--bcher-kva.example\n");
		/* What is ASCII stays as it was written there. */
		assert_non_null(strcasestr(account->sender, "s@xn--bcher-kva.example"));
		assert_non_null(strcasestr(config->postmaster, "p@xn--bcher-kva.example"));
		assert_non_null(strcasestr(config->accounts[1].postmaster, "q@xn--bcher-kva.example"));
		assert_non_null(strcasestr(config->accounts[1].recipient.items[0], "r@xn--bcher-kva.example"));
		config_free(&config);
		free(text);
	}
}

static void domains(void **state)
{
#define NO_DOMAIN                                                                                                      \
	" is no domain: letters, digits, '-' and dots, other scripts in UTF-8 or as xn--; a dot in front takes in "    \
	"all below it\n"
	static const struct snippet snippets[] = {
		{ BLOCK("envelope = X-To domains = 'straße.example'"), "", NULL },
		{ BLOCK("envelope = X-To domains = '例え.テスト'"), "", NULL },
		{ BLOCK("envelope = X-To domains = a_b.example"), "", NULL },
		/* IDNA2003 allowed it; such names are in use. */
		{ BLOCK("envelope = X-To domains = xn--i-7iq.example"), "", NULL },
		{ BLOCK("envelope = X-To\ndomains = { a.example,\n'b\xfc.example' }"),
		  "c:3: domains = \"b\\xfc.example\"" NO_DOMAIN, NULL },
		{ BLOCK("envelope = X-To domains = '☃.example'"), "c:1: domains = \"☃.example\"" NO_DOMAIN, NULL },
		{ BLOCK("envelope = X-To domains = 'b ü.example'"), "c:1: domains = \"b ü.example\"" NO_DOMAIN, NULL },
		{ BLOCK("envelope = X-To domains = 'bü..example'"), "c:1: domains = \"bü..example\"" NO_DOMAIN, NULL },
		{ BLOCK("envelope = X-To domains = 'bü.example.'"),
		  "c:1: domains = \"bü.example.\" ends with a dot: leave it out\n", NULL },
		{ MULTIDROP("rewrite_domain = .new.example"),
		  "c:1: rewrite_domain = \".new.example\" is no domain: leave out the dot in front\n", NULL },
		{ MULTIDROP("rewrite_domain = ''"), "", NULL },
		{ BLOCK("envelope = Received domains = d.example received_by = 'a b'"),
		  "c:1: received_by = \"a b\"" NO_DOMAIN, NULL },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void numbers_and_choices(void **state)
{
	static const struct snippet snippets[] = {
		{ MULTIDROP("received_depth = 0"),
		  "c:1: received_depth = \"0\" is out of range: write a number from 1 to 100\n", NULL },
		{ MULTIDROP("received_depth = 101"),
		  "c:1: received_depth = \"101\" is out of range: write a number from 1 to 100\n", NULL },
		{ MULTIDROP("fallback = bounce"),
		  "c:1: fallback = \"bounce\" is not known: write postmaster, keep or headers\n", NULL },
		{ ACCOUNT("rejected = drop"),
		  "c:1: rejected = \"drop\" is not known: write postmaster, bounce, keep or discard\n", NULL },
		{ ACCOUNT("give_up = 0"), "c:1: give_up = \"0\" is too short: write at least 1s\n", NULL },
		{ ACCOUNT("give_up = never"),
		  "c:1: give_up = \"never\" is not a duration: write 90s, 5m, 2h, 30d or a bare number of seconds\n",
		  NULL },
		{ ACCOUNT("duplicates = -1"),
		  "c:1: duplicates = \"-1\" is not a duration: write 90s, 5m, 2h, 30d or a bare number of seconds\n",
		  NULL },
		{ ACCOUNT("fix_message_id = maybe"),
		  "c:1: fix_message_id = \"maybe\" is neither true nor false: write one of these\n", NULL },
		{ "relay \"r\" { dsn = on }", "c:1: dsn = \"on\" is not known: write off or auto\n", NULL },
		{ "relay \"r\" { chunking = auto }",
		  "c:1: chunking = \"auto\" is not supported yet: off is what happens in this version\n", NULL },
		{ BLOCK("domains = d.example envelope = { '*Env',\n'*EMV' }"),
		  "c:2: envelope = \"*EMV\" is not known: write *ENV, or a field's name\n", NULL },
		{ BLOCK("domains = d.example envelope = 'Received:'"),
		  "c:1: envelope = \"Received:\" is no field name: write it without the colon\n", NULL },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void bounces(void **state)
{
#define RELAYS "relay \"l\" { protocol = lmtp }\nrelay \"s\" { }\n"
	static const struct snippet snippets[] = {
		{ ACCOUNT("rejected = bounce"), "", NULL },
		{ RELAYS ACCOUNT("relay = s rejected = bounce"), "", NULL },
		{ RELAYS ACCOUNT("relay = l rejected = bounce bounce_relay = s"), "", NULL },
		{ RELAYS ACCOUNT("relay = l bounce_relay = s"), "", NULL },
		{ RELAYS ACCOUNT("relay = l\nrejected = bounce"),
		  "c:4: rejected = bounce, but relay \"l\" of account \"a\" has protocol = lmtp and cannot take a "
		  "bounce "
		  "to a stranger: add bounce_relay = \"NAME\" with an smtp relay\n",
		  NULL },
		{ RELAYS "defaults { rejected = bounce }\n" ACCOUNT("relay = s") "account \"b\" { relay = l" LOGIN
		                                                                 "recipient = r }\n",
		  "c:3: rejected = bounce, but relay \"l\" of account \"b\" has protocol = lmtp and cannot take a "
		  "bounce "
		  "to a stranger: add bounce_relay = \"NAME\" with an smtp relay\n",
		  NULL },
		{ RELAYS ACCOUNT("relay = s rejected = bounce\nbounce_relay = l"),
		  "c:4: bounce_relay = \"l\": that relay has protocol = lmtp, which cannot take a bounce to a "
		  "stranger: name one with protocol = smtp\n",
		  NULL },
		{ RELAYS ACCOUNT("relay = s\nbounce_relay = nobody"),
		  "c:4: bounce_relay = \"nobody\": there is no relay of that name: add the block, or correct the "
		  "name\n",
		  NULL },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void header_fields(void **state)
{
	static const struct snippet snippets[] = {
		{ ACCOUNT("add_headers = {} strip_headers = ''"), "", NULL },
		{ ACCOUNT("add_headers = 'X-Via: a:b'"), "", NULL },
		{ ACCOUNT("add_headers = 'Reply-To: a@b.example' strip_headers = reply-to"), "", NULL },
		{ ACCOUNT("add_headers = { 'X-A: b',\n'no colon' }"),
		  "c:2: add_headers = \"no colon\" is no header field: write \"Name: value\"\n", NULL },
		{ ACCOUNT("add_headers = ': b'"),
		  "c:1: add_headers = \": b\" is no header field: write \"Name: value\"\n", NULL },
		{ ACCOUNT("add_headers = 'X A: b'"),
		  "c:1: add_headers = \"X A: b\" is no header field: write \"Name: value\"\n", NULL },
		{ ACCOUNT("add_headers = 'X-A : b'"),
		  "c:1: add_headers = \"X-A : b\" is no header field: write \"Name: value\"\n", NULL },
		{ ACCOUNT("add_headers = 'X-A: '"),
		  "c:1: add_headers = \"X-A: \" has no value: write one behind the colon\n", NULL },
		{ ACCOUNT("add_headers = 'X-A: ü'"),
		  "c:1: add_headers = \"X-A: ü\" holds characters beyond ASCII: write them as an encoded word, "
		  "=?UTF-8?Q?...?=\n",
		  NULL },
		{ ACCOUNT("add_headers = { 'X-A: b',\n\"X-A: b\\r\\nX-B: c\" }"),
		  "c:2: add_headers holds a control character: take it out (double quotes make one of a backslash and "
		  "a letter, single quotes do not)\n",
		  NULL },
		{ ACCOUNT("add_headers = 'received: from x'"),
		  "c:1: add_headers = \"received: from x\" is a trace field, which only a server on the way may "
		  "write: leave it out\n",
		  NULL },
		{ ACCOUNT("add_headers = 'Return-Path: <a@b.example>'"),
		  "c:1: add_headers = \"Return-Path: <a@b.example>\" is a trace field, which only a server on the "
		  "way may write: leave it out\n",
		  NULL },
		{ ACCOUNT("add_headers = { 'X-A: b',\n'subject: c' }"),
		  "c:2: add_headers = \"subject: c\": a message has only one subject: name that in strip_headers, "
		  "too, or choose another name\n",
		  NULL },
		{ ACCOUNT("strip_headers = 'X-A:'"),
		  "c:1: strip_headers = \"X-A:\" is no field name: write it without the colon\n", NULL },
		{ ACCOUNT("strip_headers = { X-A,\n'X B' }"),
		  "c:2: strip_headers = \"X B\" is no field name: write one as it stands in the header, "
		  "\"X-Envelope-To\" for example\n",
		  NULL },
		{ ACCOUNT("oversize = delete"), "",
		  "c:1: warning: oversize without max_size: nothing is ever too large\n" },
		{ ACCOUNT("oversize = delete max_size = 1"), "", NULL },
		{ "defaults { oversize = keep }\n" ACCOUNT(""), "", NULL },
		{ ACCOUNT("oversize = bounce"),
		  "c:1: oversize = \"bounce\" is not known: write keep, notify, headers or delete\n", NULL },
		{ ACCOUNT("max_size = big"),
		  "c:1: max_size = \"big\" is not a size: write 64K, 10M, 1G or a bare number of bytes\n", NULL },
		{ ACCOUNT("strip_headers = received"), "",
		  "c:1: warning: strip_headers takes out Received: mail that goes in a circle is no longer noticed by "
		  "it\n" },
	};
	char *longest = str_format(ACCOUNT("add_headers = 'X-A: %0993d'"), 1);
	char *longer = str_format(ACCOUNT("add_headers = 'X-A: %0994d'"), 1);
	char *refusal = str_format(
		"c:1: add_headers = \"X-A: %0994d\" is too long: a line of a message has at most 998 bytes\n", 1);
	struct config *config;

	(void)state;
	CHECK_ALL(snippets);
	config = load(longest, "", "");
	config_free(&config);
	assert_null(load(longer, refusal, ""));
	free(longest);
	free(longer);
	free(refusal);
}

static void map_is_stored(void **state)
{
	struct config *config = load(MAP("'Alice@D.Example bob@x.example, carol'\n,"
	                                 "'\"bob\"@d.example \"a\\\\\"b c\"@d.example,, \"x,y\"@d.example'\n,"
	                                 "'info@ Postmaster', 'a..b@d.example x@y.example'\n,"
	                                 "'@d.example DISCARD:'\n,'\"old folks\"@ @new.example'\n,"
	                                 "'jürgen@d.example j@[192.0.2.1]'\n"),
	                             "", "");
	const struct config_account *account = &config->accounts[0];

	(void)state;
	check_targets(account, "alice@d.example", "bob@x.example\ncarol\n");
	/* The local part is quoted only where it must be. */
	check_targets(account, "bob@d.example", "\"a\\\"b c\"@d.example\n\"x,y\"@d.example\n");
	check_targets(account, "\"a..b\"@d.example", "x@y.example\n");
	check_targets(account, "info@", "postmaster\n");
	check_targets(account, "@d.example", "discard:\n");
	check_targets(account, "\"old folks\"@", "@new.example\n");
	check_targets(account, "jürgen@d.example", "j@[192.0.2.1]\n");
	assert_int_equal(account->multidrop.virtual_map->count, 7);
	config_free(&config);
}

static void map_lines(void **state)
{
	static const struct snippet snippets[] = {
		{ MULTIDROP("virtual = ''"), "", NULL },
		{ MULTIDROP("virtual = {} virtual_file = ''"), "", NULL },
		{ MAP("'a@d.example b',\n'bad b',\n'b@d.example'\n"),
		  "c:3: virtual: \"bad\" is no address: write local@domain, local@ or @domain, and its targets "
		  "behind it\n"
		  "c:4: virtual: b@d.example has no target: write an address, postmaster or discard: behind it\n",
		  NULL },
		{ MAP("'@ x', 'a@-b x',\n'a b@c@d', '<a>@d.example x',\n'@.d.example x', '\"a@d.example x'\n"),
		  "c:2: virtual: \"@\" is no address: write local@domain, local@ or @domain, and its targets behind "
		  "it\n"
		  "c:2: virtual: \"a@-b\" is no mail address: what stands behind the @ is no domain\n"
		  "c:3: virtual: \"a\" is no address: write local@domain, local@ or @domain, and its targets behind "
		  "it\n"
		  "c:3: virtual: \"<a>@d.example\" is no mail address: write local@domain, without a name, angle "
		  "brackets or a list\n"
		  "c:4: virtual: \"@.d.example\" is no domain: leave out the dot in front\n"
		  "c:4: virtual: \"\"a@d.example x\" is no mail address: write local@domain, without a name, angle "
		  "brackets or a list\n",
		  NULL },
		{ MAP("'a@d.example b@c@d',\n'b@d.example discard:x',\n'c@d.example \"x@y\"',\n'd@d.example @.e'\n"),
		  "c:2: virtual: \"b@c@d\" is no mail address: write local@domain, without a name, angle brackets "
		  "or a list\n"
		  "c:3: virtual: \"discard:x\" is no mail address: write local@domain, without a name, angle "
		  "brackets or a list\n"
		  "c:4: virtual: \"\"x@y\"\" is no mail address: add its domain\n"
		  "c:5: virtual: \"@.e\" is no domain: leave out the dot in front\n",
		  NULL },
		{ MAP("'a@d.example b',\n'A@d.example c',\n'\"a\"@D.example d'\n"),
		  "c:3: A@d.example is given twice, first at c:2: keep one, with all the targets\n"
		  "c:4: a@d.example is given twice, first at c:2: keep one, with all the targets\n",
		  NULL },
		{ MAP("'a@d.example b',\n\"c@d.example\\nd\"\n"),
		  "c:3: virtual holds a control character: take it out (double quotes make one of a backslash and a "
		  "letter, single quotes do not)\n",
		  NULL },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void circles(void **state)
{
#define CIRCLE(line, address, way)                                                                                     \
	"c:" #line ": " address " leads in a circle, where nobody is reached (" way "): take one of them out\n"
	static const struct snippet snippets[] = {
		/* Itself, and what leads to one that means itself. */
		{ MAP("'a@d.example A@d.example, b@d.example', 'b@d.example a@d.example'"), "", NULL },
		{ MAP("'@d.example x@d.example, y@d.example'"), "", NULL },
		{ MAP("'a@d.example a+inbox@d.example'"), "", NULL },
		{ MAP("'a@d.example a'"), "", NULL },
		{ MAP("'@d.example @d.example'"), "", NULL },
		{ MAP("'a@d.example b@x.example', '@x.example c@y.example', 'c@y.example discard:'"), "", NULL },
		/* The person keeps the name, and that name is one of its own there. */
		{ MAP("'a@d.example @x.example', 'a@x.example b@y.example', '@x.example a@d.example'"), "",
		  "c:2: warning: virtual: @x.example is outside of domains, so that no recipient is looked up there: "
		  "correct one of the two\n" },
		{ MAP("'a@d.example b@d.example',\n'b@d.example a@d.example'\n"),
		  CIRCLE(2, "a@d.example", "a@d.example -> b@d.example -> a@d.example"), NULL },
		{ MAP("'a@d.example b+x@D.example',\n'B@d.example x@y.example, a+y@d.example'\n"),
		  CIRCLE(2, "a@d.example", "a@d.example -> B@d.example -> a@d.example"), NULL },
		{ MAP("'@d.example a@x.example',\n'@x.example b@d.example'\n"),
		  CIRCLE(2, "@d.example", "@d.example -> @x.example -> @d.example"), NULL },
		{ MAP("'@d.example @x.example',\n'@x.example @d.example'\n"),
		  CIRCLE(2, "@d.example", "@d.example -> @x.example -> @d.example"), NULL },
		/* Into one's own catch-all. */
		{ MAP("'a@d.example b@d.example',\n'@d.example a@d.example'\n"),
		  CIRCLE(3, "@d.example", "@d.example -> a@d.example -> @d.example"), NULL },
		/* A bare one is of the first domain, and local@ holds there. */
		{ MAP("'a@ b',\n'b@ a@d.example'\n"), CIRCLE(2, "a@", "a@ -> b@ -> a@"), NULL },
		{ MAP("'a@ b@x.example',\n'b@ a@x.example'\n"), "", NULL },
		{ MAP("'1@d.example 2','2@d.example 3','3@d.example 4','4@d.example 5','5@d.example 6','6@d.example "
		      "1'"),
		  CIRCLE(2, "1@d.example",
		         "1@d.example -> 2@d.example -> 3@d.example -> 4@d.example -> 5@d.example -> ... -> "
		         "1@d.example"),
		  NULL },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void map_file(void **state)
{
	struct config *config;

	(void)state;
	write_file(
		"v",
		"\xef\xbb\xbf# people\r\nalice@d.example bob@x.example,\r\n\tcarol@x.example\r\n  # not yet: dave\r\n"
		"\r\n   erin\r\ninfo@ postmaster");
	config = load(MULTIDROP("virtual = 'frank@d.example x' virtual_file = v"), "", "");
	check_targets(&config->accounts[0], "alice@d.example", "bob@x.example\ncarol@x.example\nerin\n");
	check_targets(&config->accounts[0], "info@", "postmaster\n");
	check_targets(&config->accounts[0], "frank@d.example", "x\n");
	config_free(&config);
	/* From the folder of the file that names it. */
	assert_int_equal(mkdir("sub", 0700), 0);
	write_file("sub/i", MULTIDROP("virtual_file = w"));
	write_file("sub/w", "a@d.example b\n");
	config = load("include(sub/i)\n", "", "");
	check_targets(&config->accounts[0], "a@d.example", "b\n");
	config_free(&config);
	unlink("sub/i");
	unlink("sub/w");
	rmdir("sub");
	unlink("v");
}

static void map_file_problems(void **state)
{
	static const struct snippet snippets[] = {
		{ MULTIDROP("\nvirtual_file = nowhere"),
		  "c:2: virtual_file: nowhere cannot be read: No such file or directory\n", NULL },
		{ MULTIDROP("\nvirtual_file = sub"), "c:2: virtual_file: sub is not a regular file\n", NULL },
		{ MULTIDROP("\nvirtual_file = pipe"), "c:2: virtual_file: pipe is not a regular file\n", NULL },
		{ MULTIDROP("virtual_file = { v, v }"), "c:1: virtual_file takes one value, not a list: keep one\n",
		  NULL },
		{ MULTIDROP("virtual = 'a@d.example x' virtual_file = v"),
		  "v:1: begins with a blank, and there is no line above to go on with: begin it with the address\n"
		  "v:3: \"bad\" is no address: write local@domain, local@ or @domain, and its targets behind it\n"
		  "v:5: a@d.example is given twice, first at c:1: keep one, with all the targets\n"
		  "v:6: b@d.example leads in a circle, where nobody is reached (b@d.example -> c@d.example -> "
		  "b@d.example): take one of them out\n"
		  "v:8: holds a control character: take it out\n"
		  "v:9: e@d.example has no target: write an address, postmaster or discard: behind it\n",
		  NULL },
		/* Told once, however many read it. */
		{ "defaults { multidrop { virtual_file = w } }\n" MULTIDROP(
			  "") "account \"b\" {" LOGIN "multidrop { " STAMPED "virtual = 'x@d.example y' } }\n"
		              "account \"c\" {" LOGIN "multidrop { " STAMPED "virtual_file = w } }\n",
		  "w:1: \"bad\" is no address: write local@domain, local@ or @domain, and its targets behind it\n",
		  NULL },
	};

	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	write_file("v", " x\n# fine\nbad\n y\na@d.example b\nb@d.example c\nc@d.example b@d.example\nd@d.example \x01\n"
	                "e@d.example\n");
	write_file("w", "bad\n");
	CHECK_ALL(snippets);
	unlink("v");
	unlink("w");
	unlink("pipe");
	rmdir("sub");
}

static void map_is_inherited(void **state)
{
	struct config *config;

	(void)state;
	write_file("v", "a@d.example b\n");
	config = load("defaults { multidrop { virtual_file = v virtual = 'c@d.example d' envelope = X-To } }\n"
	              "account \"a\" {" LOGIN "multidrop { domains = d.example } }\n"
	              "account \"b\" {" LOGIN "multidrop { domains = e.example virtual = 'c@e.example f' } }\n"
	              "account \"c\" {" LOGIN "multidrop { domains = e.example virtual = '' virtual_file = '' } }\n"
	              "account \"d\" {" LOGIN "multidrop { domains = f.example } }\n"
	              "account \"e\" {" LOGIN "recipient = r }\n",
	              "", "");
	check_targets(&config->accounts[0], "a@d.example", "b\n");
	check_targets(&config->accounts[0], "c@d.example", "d\n");
	/* Each of the two for itself, like any other option. */
	check_targets(&config->accounts[1], "a@d.example", "b\n");
	check_targets(&config->accounts[1], "c@e.example", "f\n");
	assert_null(virtual_map_find(config->accounts[1].multidrop.virtual_map, "c@d.example"));
	assert_null(config->accounts[2].multidrop.virtual_map);
	assert_ptr_equal(config->accounts[3].multidrop.virtual_map, config->accounts[0].multidrop.virtual_map);
	assert_null(config->accounts[4].multidrop.virtual_map);
	config_free(&config);
	unlink("v");
}

/* Copies, or circles sought by rescanning, would not end within the patience of anybody. */
static void many(void **state)
{
	struct strbuf file = { 0 };
	struct strbuf text = { 0 };
	struct config *config;

	(void)state;
	for (int i = 0; i < MANY_LINES; i++)
		strbuf_addf(&file, "user%d@d.example user%d@d.example, box%d@x.example\n", i, i + 1, i);
	write_file("v", strbuf_str(&file));
	strbuf_add_str(&text, "defaults { multidrop { envelope = X-To virtual_file = v } }\n");
	for (int i = 0; i < MANY_ACCOUNTS; i++)
		strbuf_addf(&text, "account \"a%d\" {" LOGIN "multidrop { domains = d%d.example } }\n", i, i);
	config = load(strbuf_str(&text), "", "");
	assert_int_equal(config->virtual_map_count, 1);
	assert_int_equal(config->virtual_maps[0]->count, MANY_LINES);
	check_targets(&config->accounts[MANY_ACCOUNTS - 1], "user7@d.example", "user8@d.example\nbox7@x.example\n");
	config_free(&config);
	strbuf_free(&file);
	strbuf_free(&text);
	unlink("v");
}

/* One file that thousands of accounts add to, each for itself, would take all memory. */
static void maps_have_a_limit(void **state)
{
	struct strbuf file = { 0 };
	struct strbuf text = { 0 };

	(void)state;
	for (int i = 0; i < MANY_LINES; i++)
		strbuf_addf(&file, "%d@d.example discard:\n", i);
	write_file("v", strbuf_str(&file));
	strbuf_add_str(&text, "defaults { multidrop { envelope = X-To\nvirtual_file = v } }\n");
	for (int i = 0; i < 12; i++)
		strbuf_addf(&text,
		            "account \"a%d\" {" LOGIN "multidrop { domains = d.example virtual = 'x@d.example y' } }\n",
		            i);
	assert_null(load(strbuf_str(&text),
	                 "c:2: the accounts' virtual and virtual_file have more than 1000000 addresses together: let "
	                 "accounts that share a virtual_file inherit both from defaults { multidrop { } }\n",
	                 ""));
	strbuf_free(&file);
	strbuf_free(&text);
	unlink("v");
}

static void targets_have_a_limit(void **state)
{
	struct strbuf text = { 0 };
	struct config *config;

	(void)state;
	strbuf_add_str(&text, "account \"a\" {" LOGIN "multidrop { " STAMPED "virtual = 'a@d.example");
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&text, " %d@x.example", i);
	strbuf_add_str(&text, "' } }\n");
	config = load(strbuf_str(&text), "", "");
	assert_int_equal(virtual_map_find(config->accounts[0].multidrop.virtual_map, "a@d.example")->count, 1000);
	config_free(&config);
	text.len -= strlen("' } }\n");
	strbuf_add_str(&text, " more@x.example' } }\n");
	assert_null(load(
		strbuf_str(&text),
		"c:1: virtual: a@d.example has more than 1000 targets: a list of so many belongs on the relay\n", ""));
	strbuf_free(&text);
}

static void warnings(void **state)
{
#define NOT_CUT(option)                                                                                                \
	"c:2: warning: " option " holds an @ or a double quote: it is cut from the local part alone, without its "     \
	"domain and its quotes, and matches next to nothing so\n"
#define SENDER_WRITES(line, field)                                                                                     \
	"c:" #line ": warning: envelope names " field ", which the sender writes: anybody can forge it, and it is "    \
	"believed as a stamp; name what the provider stamps, or guess with fallback = headers\n"
#define STRANGER(line, address)                                                                                        \
	"c:" #line ": warning: virtual: " address " is outside of domains, so that no recipient is looked up there: "  \
	"correct one of the two\n"
#define USELESS(place, address)                                                                                        \
	place address " has discard: beside other targets, which get the mail all the same: leave it out\n"
#define HEADERS                                                                                                        \
	"warning: fallback = headers guesses: mail of lists and blind copies does not name its recipients in To and "  \
	"Cc, so that they miss it, and those who are named there may get it twice or without being meant, whatever a " \
	"sender writes; a field that the provider stamps is the better source\n"
	static const struct snippet snippets[] = {
		{ MULTIDROP("\nfallback = headers"), "", "c:2: " HEADERS },
		/* Once, where it is written, though two accounts inherit it. */
		{ "defaults { multidrop {\nfallback = headers } }\n" MULTIDROP("") "account \"b\" {" LOGIN
		                                                                   "multidrop { " STAMPED "} }\n",
		  "", "c:2: " HEADERS },
		{ MULTIDROP("\nposition = any"), "",
		  "c:2: warning: position = any with which = first: where the provider appends its field, a "
		  "sender's own stands above it and is believed; say which = last there\n" },
		{ MULTIDROP("position = any which = last"), "", NULL },
		{ BLOCK("domains = d.example\nenvelope = received"), "",
		  "c:2: warning: envelope names Received, and received_by is empty: the field of any host is "
		  "believed, and sources behind it are hardly ever asked; name your provider's hosts in "
		  "received_by\n" },
		{ BLOCK("domains = d.example envelope = { Received, X-To } received_by = mx.example"), "", NULL },
		{ BLOCK("domains = d.example envelope = { X-To, Y-To, x-to }"), "",
		  "c:1: warning: envelope names a source twice: the second is never asked, take it out\n" },
		{ MULTIDROP("\nreceived_by = mx.example"), "",
		  "c:2: warning: received_by has no effect: envelope does not name Received\n" },
		{ MAP("'a@d.example b@x.example', 'b@x.example c',\n'a@exmaple.com b'\n"), "",
		  "c:3: warning: virtual: a@exmaple.com is outside of domains, so that no recipient is looked up "
		  "there: correct one of the two\n" },
		{ BLOCK("envelope = X-To domains = .d.example virtual = { '@a.D.example b', '@d.example c', 'd@ e' }"),
		  "", NULL },
		/* An account's own addresses are meant for it, wherever its domains stand. */
		{ "defaults { multidrop { " STAMPED "} }\naccount \"a\" {" LOGIN "multidrop {\n"
		  "virtual = { 'a@exmaple.com b', 'c@d.example d' } } }\n",
		  "", STRANGER(3, "a@exmaple.com") },
		{ "defaults { multidrop { envelope = X-To virtual = 'a@e.example b' domains = d.example } }\n"
		  "account \"a\" {" LOGIN "multidrop { domains = e.example } }\n"
		  "account \"b\" {" LOGIN "multidrop { domains = f.example virtual_file = '' } }\n",
		  "", NULL },
		{ MULTIDROP("\nstrip_prefix = 'alice@d.example'"), "", NOT_CUT("strip_prefix") },
		{ MULTIDROP("\nstrip_prefix = '\"mbox-'"), "", NOT_CUT("strip_prefix") },
		{ MULTIDROP("\nstrip_suffix = '@d.example'"), "", NOT_CUT("strip_suffix") },
		{ "defaults { multidrop {\nstrip_suffix = '-b\"' } }\n" MULTIDROP("") "account \"b\" {" LOGIN
		                                                                      "multidrop { " STAMPED "} }\n",
		  "", NOT_CUT("strip_suffix") },
		{ MULTIDROP("strip_prefix = mbox-d.example- strip_suffix = '+x'"), "", NULL },
		{ BLOCK("domains = d.example envelope = { to,\nX-To, Delivered-To,\nRESENT-cc }"), "",
		  SENDER_WRITES(1, "to") SENDER_WRITES(3, "RESENT-cc") },
		{ BLOCK("domains = d.example\nenvelope = { Cc, Bcc, From, Sender, Reply-To, Subject, Resent-To }"), "",
		  SENDER_WRITES(2, "Cc") SENDER_WRITES(2, "Bcc") SENDER_WRITES(2, "From") SENDER_WRITES(2, "Sender")
		          SENDER_WRITES(2, "Reply-To") SENDER_WRITES(2, "Subject") SENDER_WRITES(2, "Resent-To") },
		{ BLOCK("domains = d.example envelope = { Envelope-To, To-X, X-Resent-To, Apparently-To }"), "", NULL },
		/* Each of its own. */
		{ BLOCK("domains = d.example envelope = { To,\nReceived,\nto }"), "",
		  SENDER_WRITES(
			  1,
			  "To") "c:2: warning: envelope names Received, and received_by is empty: the field of any "
		                "host is "
		                "believed, and sources behind it are hardly ever asked; name your provider's hosts in "
		                "received_by\n"
		                "c:3: warning: envelope names a source twice: the second is never asked, take it "
		                "out\n" },
		{ MAP("'a@d.example discard:', 'b@d.example x@y.example',\n'c@d.example Discard:, x@y.example'\n"), "",
		  USELESS("c:3: warning: virtual: ", "c@d.example") },
		{ MULTIDROP("virtual_file = v"), "", USELESS("v:2: warning: ", "b@") },
		/* Told once, however many read them. */
		{ "defaults { multidrop { virtual = { 'a@d.example b, discard:', 'b@d.example c, discard:' } } "
		  "}\n" MULTIDROP("virtual_file = v") "account \"b\" {" LOGIN "multidrop { virtual_file = v " STAMPED
		                                      "} }\n",
		  "",
		  USELESS("c:1: warning: virtual: ", "a@d.example") USELESS("c:1: warning: virtual: ", "b@d.example")
		          USELESS("v:2: warning: ", "b@") },
	};

	(void)state;
	write_file("v", "a@ discard:\nb@ b@x.example, discard:, postmaster\n");
	CHECK_ALL(snippets);
	unlink("v");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(written),
		cmocka_unit_test(duplicates_of_guesses),
		cmocka_unit_test(international_names),
		cmocka_unit_test(domains),
		cmocka_unit_test(numbers_and_choices),
		cmocka_unit_test(bounces),
		cmocka_unit_test(header_fields),
		cmocka_unit_test(map_is_stored),
		cmocka_unit_test(map_lines),
		cmocka_unit_test(circles),
		cmocka_unit_test(map_file),
		cmocka_unit_test(map_file_problems),
		cmocka_unit_test(map_is_inherited),
		cmocka_unit_test(many),
		cmocka_unit_test(maps_have_a_limit),
		cmocka_unit_test(targets_have_a_limit),
		cmocka_unit_test(warnings),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 1;
	failed = cmocka_run_group_tests_name("config_routing", tests, NULL, NULL);
	unlink("c");
	rmdir(folder);
	return failed;
}
