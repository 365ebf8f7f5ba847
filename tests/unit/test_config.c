/* SPDX-License-Identifier: ISC
 *
 * config: what is refused, word for word, and where.
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

static char folder[] = "/tmp/multidropd-config-XXXXXX";

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static char *join(const struct strlist *list)
{
	struct strbuf all = { 0 };

	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(&all, "%s\n", list->items[i]);
	return strbuf_take(&all);
}

/* Loads `text` as the file "c" and compares all that is said about it. */
static void check(const char *text, const char *want, const char *want_files)
{
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	struct config *config;
	char *said;
	char *said_files;

	write_file("c", text);
	config = config_load("c", &problems, &file_problems);
	said = join(&problems);
	said_files = join(&file_problems);
	if (strcmp(said, want) != 0)
		print_error("for:\n%s", text);
	assert_string_equal(said, want);
	assert_string_equal(said_files, want_files);
	assert_int_equal(config != NULL, want[0] == '\0');
	config_free(&config);
	assert_null(config);
	free(said);
	free(said_files);
	strlist_free(&problems);
	strlist_free(&file_problems);
}

struct snippet {
	const char *text;
	const char *problems;
};

static void check_all(const struct snippet *snippets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(snippets[i].text, snippets[i].problems, "");
}

#define CHECK_ALL(snippets) check_all(snippets, sizeof(snippets) / sizeof(snippets[0]))

/* An account that is fine but for what is added in front, in one line so that line numbers are easy. */
#define ACCOUNT(added) "account \"a\" { " added " server = s user = u password = p recipient = r }\n"
/* The same without what a case wants to say itself. */
#define MULTIDROP(added) "account \"a\" { server = s user = u password = p multidrop { " added " } }\n"
#define STAMPED "envelope = X-To domains = d.example "

static void accepted(void **state)
{
	static const struct snippet snippets[] = {
		{ "", "" },
		{ "# nothing but a comment", "" },
		{ "\xef\xbb\xbfhostname = h\r\npostmaster = p\r\n", "" },
		{ ACCOUNT(""), "" },
		{ MULTIDROP(STAMPED), "" },
		{ ACCOUNT("rejected = keep"), "" },
		{ MULTIDROP(STAMPED "fallback = postmaster"), "" },
		{ "relay \"r\" { chunking = off dsn = off }", "" },
		{ "relay \"r\" { address = { \"[::1]:25\", mx.example, \"mx.example:26\", \"unix:/x\" } }", "" },
		{ "account \"a\" { server = s auth = external recipient = r }\n", "" },
		{ "account \"a\" { server = s user = u oauth_token_command = t auth = { xoauth2, oauthbearer } "
		  "recipient = r }\n",
		  "" },
		{ ACCOUNT("tls = none"), "" },
		{ ACCOUNT("tls = none tls_verify = false"), "" },
		{ ACCOUNT("sender = \"<>\""), "" },
		{ ACCOUNT("sender = \"X-MailFrom:\""), "" },
		{ ACCOUNT("sender = \"a@b.example\""), "" },
		{ ACCOUNT("source_address = \"::1\""), "" },
		{ ACCOUNT("source_address = \"\""), "" },
		{ MULTIDROP("domains = { a.example, \".b.example\" } envelope += X-To envelope += X-Other"), "" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void syntax(void **state)
{
	static const struct snippet snippets[] = {
		{ "hostname = h\npostmaster = = p\nuser = u\n",
		  "c:2: syntax error: unexpected token '='; the rest of this file was not read\n" },
		{ "max_sessions = 0\npostmaster\n\"p\"\n",
		  "c:1: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n"
		  "c:3: syntax error: missing equal sign after option 'postmaster'; the rest of this file was not "
		  "read\n" },
		{ "hostname = h }\n",
		  "c:1: syntax error: unexpected closing brace; the rest of this file was not read\n" },
		{ "\nrelay { }\n",
		  "c:2: syntax error: missing title for section 'relay'; the rest of this file was not read\n" },
		/* libconfuse takes the end of the file for the brace. */
		{ "\nrelay \"r\" {\nmax_connections = 0\n",
		  "c:2: the block or list that opens here is not closed: end it with }\n"
		  "c:3: max_connections = \"0\" is out of range: write a number from 1 to 1000\n" },
		{ "account \"a\" {\n server = s\naccount \"b\" {\n server = s:0\n}\n",
		  "c:1: the block or list that opens here is not closed: end it with }\n"
		  "c:3: account stands outside of blocks, not in an account or defaults { }: is a } missing above?\n" },
		{ "postmaster = \"p\nhostname = \"h\"\n",
		  "c:1: the string that opens here is not closed on its line: end it with the same quote\n" },
		{ "max_sessions = 0\npostmaster = 'p\n",
		  "c:1: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n"
		  "c:2: the string that opens here is not closed on its line: end it with the same quote\n" },
		{ "\n/* no end", "c:2: the comment that opens here is not closed: end it with */\n" },
		{ "/* two\nlines */ # and\n// more\nmax_sessions = 0\n",
		  "c:4: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n" },
		{ "include(conf.d/*.conf)\n",
		  "c:1: an include takes one file or pattern, in quotes: write include(\"conf.d/*.conf\")\n" },
		{ "include(\"a\", \"b\")\n",
		  "c:1: an include takes one file or pattern, in quotes: write include(\"conf.d/*.conf\")\n" },
		{ "include()\n", "c:1: include of nothing: name a file or a pattern\n" },
		{ "include(\"\")\n", "c:1: include of nothing: name a file or a pattern\n" },
		{ "include\n", "c:2: syntax error: premature end of file; the rest of this file was not read\n" },
		{ "postmaster = p*\n", "c:1: a value with * or + in it needs quotes\n" },
		{ "postmaster = p#q\n",
		  "c:1: a # behind a word: put the value in single quotes, or a blank before the comment\n" },
		{ "hostname = \"\\400\"\n", "c:1: a backslash with a number that is no byte: write a value with "
		                            "backslashes in single quotes\n" },
		{ "hostname = \"\\0\"\n", "c:1: a backslash with a number that is no byte: write a value with "
		                          "backslashes in single quotes\n" },
		{ "hostname = \"\\x0\"\n", "c:1: a NUL byte in a value: nothing can take it, leave it out\n" },
		/* The word behind a password may be half of it. */
		{ ACCOUNT("password = two words"), "c:1: syntax error behind the value of password: put a value with "
		                                   "blanks or special characters into single quotes; the rest of this "
		                                   "file was not read\n" },
		{ ACCOUNT("password = two words = x"), "c:1: what stands behind the value of password is no option: "
		                                       "put a value with blanks or special characters "
		                                       "into single quotes\n"
		                                       "c:1: password is given twice, first at c:1: keep one\n" },
		{ ACCOUNT("password = { two words }"),
		  "c:1: syntax error: unexpected word, a comma or quotes are missing; the "
		  "rest of this file was not read\n" },
		{ "what is this\n",
		  "c:1: syntax error: what is not understood here; the rest of this file was not read\n" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void unknown_names(void **state)
{
	static const struct snippet snippets[] = {
		{ "intervall = 5\nmaxsessions = 3\n\nnonsense = { 1, 2 }\nnonsense = 3\nempty = { }\nmax_sessions = "
		  "0\n",
		  "c:1: unknown option intervall: did you mean interval, which belongs in an account or defaults { }?\n"
		  "c:1: unknown option empty: multidropd.conf(5) lists what may stand outside of blocks\n"
		  "c:2: unknown option maxsessions: did you mean max_sessions?\n"
		  "c:4: unknown option nonsense: multidropd.conf(5) lists what may stand outside of blocks\n"
		  "c:5: unknown option nonsense: multidropd.conf(5) lists what may stand outside of blocks\n"
		  "c:7: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n" },
		{ "realy \"r\" {\n adress = x\n sub \"t\" { a = b }\n multidrop { }\n}\nmax_sessions = 0\n",
		  "c:1: unknown option realy: did you mean relay?\n"
		  "c:6: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n" },
		{ "options { }\n",
		  "c:1: unknown option options: multidropd.conf(5) lists what may stand outside of blocks\n" },
		{ ACCOUNT("Interval = 5 domains = d max_sessions = 1"),
		  "c:1: unknown option Interval: did you mean interval?\n"
		  "c:1: domains belongs in multidrop { }, not in an account or defaults { }\n"
		  "c:1: max_sessions belongs outside of blocks, not in an account or defaults { }\n" },
		{ "relay \"r\" { oauth_token_command = x }\n",
		  "c:1: oauth_token_command belongs in an account or defaults { }, not in a relay\n" },
		{ "account \"a\" { \" opened\" = x server = s user = u password = p recipient = r }\n",
		  "c:1: unknown option  opened: multidropd.conf(5) lists what may stand in an account or defaults { "
		  "}\n" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

/* Each unknown name costs a parse, so there is an end to it. */
static void too_many_unknown_names(void **state)
{
	struct strbuf text = { 0 };
	struct strbuf want = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 60; i++) {
		strbuf_addf(&text, "qqqqqqq%u = x\n", i);
		if (i <= 50)
			strbuf_addf(&want,
			            "c:%u: unknown option qqqqqqq%u: multidropd.conf(5) lists what may stand outside "
			            "of blocks\n",
			            i, i);
	}
	strbuf_add_str(&want, "c:51: more than 50 unknown names; the rest of this file was not read\n");
	check(strbuf_str(&text), strbuf_str(&want), "");
	strbuf_free(&text);
	strbuf_free(&want);
}

#define CONTROL                                                                                                        \
	" holds a control character: take it out (double quotes make one of a backslash and a letter, single quotes "  \
	"do not)\n"
#define NO_FIELD " is no field name: write one as it stands in the header, \"X-Envelope-To\" for example\n"
#define NO_DOMAIN                                                                                                      \
	" is no domain: letters, digits, '-' and dots, other scripts in UTF-8 or as xn--; a dot in front takes in "    \
	"all below it\n"
#define NO_MECHANISM                                                                                                   \
	" is no mechanism: write auto, or a list of scram-sha-256-plus, scram-sha-256, scram-sha-1, cram-md5, apop, "  \
	"plain, login, user, xoauth2, oauthbearer, ntlm, msn, external\n"
#define NO_FINGERPRINT " is no fingerprint: write sha256: and 64 hexadecimal digits, colons between bytes allowed\n"
#define NO_HOST " is neither a host name (letters, digits, '-', '.'; others as xn--) nor an address\n"
#define NO_ADDRESS " is no mail address: write local@domain, without a name, angle brackets or a list\n"

static void values(void **state)
{
#define NO_SENDER                                                                                                      \
	" has no domain: write a field with its colon, as \"X-MailFrom:\", an address with its domain, return-path "   \
	"or "                                                                                                          \
	"\"<>\"\n"
	static const struct snippet snippets[] = {
		{ "hostname = \"a b\"\npostmaster = \"A <a@b>\"\nlog_target = file\nlog_level = loud\n"
		  "max_sessions = 1.5\nmax_sessions_per_host = -1\nmemory_limit = 64k\nretry_min = 1w\nretry_max = 0\n"
		  "allow_self_poll = maybe\nstate_file = \"\"\n",
		  "c:1: hostname = \"a b\" is no host name: write one, or an address in brackets, as [192.0.2.1]\n"
		  "c:2: postmaster = \"A <a@b>\" is no mail address: write local@domain, without a name, angle "
		  "brackets or "
		  "a list\n"
		  "c:3: log_target = \"file\" is not known: write auto, stderr, journal or syslog\n"
		  "c:4: log_level = \"loud\" is not known: write error, warning, notice, info or debug\n"
		  "c:5: max_sessions = \"1.5\" is not a whole number\n"
		  "c:6: max_sessions_per_host = \"-1\" is out of range: write a number from 1 to 100000\n"
		  "c:7: memory_limit = \"64k\" is not a size: write 64K, 10M, 1G or a bare number of bytes\n"
		  "c:8: retry_min = \"1w\" is not a duration: write 90s, 5m, 2h, 30d or a bare number of seconds\n"
		  "c:9: retry_max = \"0\" is too short: write at least 1s\n"
		  "c:10: allow_self_poll = \"maybe\" is neither true nor false: write one of these\n"
		  "c:11: state_file = \"\" must not be empty: write a value, or leave the option out\n" },
		{ "memory_limit = 1K\n", "c:1: memory_limit = \"1K\" is too small: write at least 65536\n" },
		{ "hostname = { a, b }\n", "c:1: hostname takes one value, not a list: keep one\n" },
		{ "hostname = \"a\\nb\"\n",
		  "c:1: hostname holds a control character: take it out (double quotes make one of a backslash and a "
		  "letter, single quotes do not)\n" },
		{ "hostname = 'a\x1b'\n",
		  "c:1: hostname holds a control character: take it out (double quotes make one of a backslash and a "
		  "letter, single quotes do not)\n" },
		{ ACCOUNT("server = \"unix:/x\""), "c:1: server is given twice, first at c:1: keep one\n"
		                                   "c:1: server = \"unix:/x\" has no valid port: write HOST:PORT with "
		                                   "a port from 1 to 65535, and IPv6 as "
		                                   "[IPV6]:PORT\n" },
		{ "relay \"r\" {\naddress = { mx, \"[::1\" }\n}\nrelay \"s\" {\naddress = \"unix:x\"\n}\n"
		  "relay \"t\" {\naddress = \"[mx]\"\n}\nrelay \"u\" {\naddress = \"mx:\"\n}\n"
		  "relay \"v\" {\naddress = \"m x\"\n}\nrelay \"w\" {\naddress = { }\n}\n",
		  "c:2: address = \"[::1\" is no address: write [IPV6] or [IPV6]:PORT\n"
		  "c:5: address = \"unix:x\" is no address: write unix: and the socket's whole path, "
		  "unix:/run/dovecot/lmtp for "
		  "example\n"
		  "c:8: address = \"[mx]\" is no address: only an address belongs into the brackets\n"
		  "c:11: address = \"mx:\" has no valid port: write HOST:PORT with a port from 1 to 65535, and IPv6 as "
		  "[IPV6]:PORT\n"
		  "c:14: address = \"m x\" is neither a host name (letters, digits, '-', '.'; others as xn--) nor an "
		  "address\n"
		  "c:16: address has no value: write one\n" },
		{ ACCOUNT("source_address = localhost"), "c:1: source_address = \"localhost\" is no address: write an "
		                                         "IPv4 or IPv6 address of this machine, no name\n" },
		{ ACCOUNT("tls_min_version = 1.1 "),
		  "c:1: tls_min_version = \"1.1\" is not known: write 1.2 or 1.3\n" },
		{ ACCOUNT("tls_fingerprint = \"sha256:00:11\""),
		  "c:1: tls_fingerprint = \"sha256:00:11\" is no fingerprint: write sha256: and 64 hexadecimal digits, "
		  "colons "
		  "between bytes allowed\n" },
		{ ACCOUNT("auth = { plain, digest-md5 }"),
		  "c:1: auth = \"digest-md5\" is no mechanism: write auto, or a list of scram-sha-256-plus, "
		  "scram-sha-256, "
		  "scram-sha-1, cram-md5, apop, plain, login, user, xoauth2, oauthbearer, ntlm, msn, external\n" },
		{ ACCOUNT("sender = nobody@"),
		  "c:1: sender = \"nobody@\" is no sender: write return-path, an address, \"<>\" for "
		  "none, or a field with its colon\n" },
		/* What is meant is another thing than it says: a local part. */
		{ ACCOUNT("sender = X-MailFrom"), "c:1: sender = \"X-MailFrom\"" NO_SENDER },
		{ ACCOUNT("sender = return_path"), "c:1: sender = \"return_path\"" NO_SENDER },
		{ ACCOUNT("sender = '\"a@b\"'"), "c:1: sender = \"\"a@b\"\"" NO_SENDER },
		{ ACCOUNT("sender = ':'"),
		  "c:1: sender = \":\" is no sender: write return-path, an address, \"<>\" for "
		  "none, or a field with its colon\n" },
		{ "account \"a\" { server = s user = u password = p recipient = { r, \"r,s\" } }\n",
		  "c:1: recipient = \"r,s\" is no mail address: write local@domain, without a name, angle brackets or "
		  "a list\n" },
		{ "account \"a\" { server = s user = u password = p recipient = { } }\n",
		  "c:1: recipient is an empty list: name at least one\n" },
		{ "account \"a\" { server = s user = '' password = '' recipient = r }\n",
		  "c:1: user = \"\" must not be empty\nc:1: password must not be empty\n" },
		{ "account \"a\" { server = s user = u password = \"secret\\r\\n\" recipient = r }\n",
		  "c:1: password holds a control character: take it out (double quotes make one of a backslash and a "
		  "letter, single quotes do not)\n" },
		{ MULTIDROP("domains = { \"office.example.\", \"b\xc3\xbc.example\" } envelope = X"),
		  "c:1: domains = \"office.example.\" ends with a dot: leave it out\n" },
		{ MULTIDROP("domains = { \"b..example\" } envelope = \"X-To:\" skip = -1 which = any position = "
		            "bottom"),
		  "c:1: envelope = \"X-To:\" is no field name: write it without the colon\n"
		  "c:1: position = \"bottom\" is not known: write top or any\n"
		  "c:1: skip = \"-1\" is out of range: write a number from 0 to 1000\n"
		  "c:1: which = \"any\" is not known: write first, last or all\n"
		  "c:1: domains = \"b..example\" is no domain: letters, digits, '-' and dots, other scripts in UTF-8 "
		  "or "
		  "as xn--; a dot in front takes in all below it\n" },
		{ MULTIDROP("domains = d envelope = \"X To\""), "c:1: envelope = \"X To\" is no field name: write one "
		                                                "as it stands in the header, \"X-Envelope-To\" for "
		                                                "example\n" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

/* What is wrong with one value does not hide the next. */
static void every_value_of_a_list(void **state)
{
	static const struct snippet snippets[] = {
		{ ACCOUNT("add_headers = {\n'Subject: hi',\n'Received: x',\n'X-Fine: y',\n'X-Foo',\n\"X-B: \\r\" }"),
		  "c:2: add_headers = \"Subject: hi\": a message has only one Subject: name that in strip_headers, "
		  "too, or "
		  "choose another name\n"
		  "c:3: add_headers = \"Received: x\" is a trace field, which only a server on the way may write: "
		  "leave it "
		  "out\n"
		  "c:5: add_headers = \"X-Foo\" is no header field: write \"Name: value\"\n"
		  "c:6: add_headers" CONTROL },
		/* What the wrong list may have taken out is not complained about. */
		{ ACCOUNT("add_headers = 'Subject: hi' strip_headers = { Subject, 'a b',\n'To:' }"),
		  "c:1: strip_headers = \"a b\" is no field name: write one as it stands in the header, "
		  "\"X-Envelope-To\" "
		  "for example\n"
		  "c:2: strip_headers = \"To:\" is no field name: write it without the colon\n" },
		{ "defaults { multidrop {\nenvelope = { 'X To', '*EMV',\n'' }\ndomains = { 'a b', d.example,\n'.' } } "
		  "}\n"
		  "account \"a\" { server = s user = u password = p }\n"
		  "account \"b\" { server = s user = u password = p multidrop { received_by = { 'x y',\nz., '' } } }\n",
		  "c:2: envelope = \"X To\"" NO_FIELD "c:2: envelope = \"*EMV\" is not known: write *ENV, or a field's "
		  "name\n"
		  "c:3: envelope = \"\"" NO_FIELD "c:4: domains = \"a b\"" NO_DOMAIN "c:5: domains = \".\"" NO_DOMAIN
		  "c:7: received_by = \"x y\"" NO_DOMAIN "c:8: received_by = \"z.\" ends with a dot: leave it out\n"
		  "c:8: received_by = \"\"" NO_DOMAIN },
		{ "account \"a\" { server = s user = u password = p recipient = { 'a,b',\nc, '<d>' }\n"
		  "auth = { plain, x,\ny } tls_fingerprint = { a,\nb } }\n",
		  "c:1: recipient = \"a,b\"" NO_ADDRESS "c:2: recipient = \"<d>\"" NO_ADDRESS
		  "c:3: auth = \"x\"" NO_MECHANISM "c:4: tls_fingerprint = \"a\"" NO_FINGERPRINT
		  "c:4: auth = \"y\"" NO_MECHANISM "c:5: tls_fingerprint = \"b\"" NO_FINGERPRINT },
		{ "relay \"r\" { address = { 'a b',\n'[::1',\nc,\n'' } user = u password = p auth = { apop,\nuser } "
		  "}\n",
		  "c:1: address = \"a b\"" NO_HOST
		  "c:2: address = \"[::1\" is no address: write [IPV6] or [IPV6]:PORT\n"
		  "c:4: address = \"\"" NO_HOST "c:4: auth = \"apop\" is for POP3 only: name another for a relay\n"
		  "c:5: auth = \"user\" is for POP3 only: name another for a relay\n" },
		{ "relay \"r\" { tls = implicit address = { 'unix:/a', b,\n'unix:/c' } }\n",
		  "c:1: address = \"unix:/a\" cannot be had with TLS: set tls = none, or name a host\n"
		  "c:2: address = \"unix:/c\" cannot be had with TLS: set tls = none, or name a host\n" },
		{ MULTIDROP(STAMPED "virtual = { \"a@d.example\\nb\",\n'bad',\n\"c@d.example\\nd\" }"),
		  "c:1: virtual" CONTROL "c:2: virtual: \"bad\" is no address: write local@domain, local@ or @domain, "
		  "and its targets behind it\n"
		  "c:3: virtual" CONTROL },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void twice(void **state)
{
	static const struct snippet snippets[] = {
		{ "hostname = a\npostmaster = p\nhostname = b\n",
		  "c:3: hostname is given twice, first at c:1: keep one\n" },
		{ "account \"a\" {\n server = s\n user = u\n password = p\n recipient = r\n}\n"
		  "account \"b\" { server = s user = u password = p recipient = r }\n"
		  "account \"a\" { server = s user = u password = p recipient = r }\n"
		  "account \"a\" { server = s user = u password = p recipient = r }\n",
		  "c:8: account \"a\" is given twice, first at c:1: rename or remove one\n"
		  "c:9: account \"a\" is given twice, first at c:1: rename or remove one\n" },
		{ "relay \"r\" { }\nrelay \"r\" { }\n",
		  "c:2: relay \"r\" is given twice, first at c:1: rename or remove one\n" },
		{ "defaults { keep = true }\ndefaults { keep = maybe }\n",
		  "c:2: defaults { } is given twice, first at c:1: keep one\n" },
		{ "account \"a\" { server = s user = u password = p\nmultidrop { " STAMPED "}\nmultidrop { }\n}\n",
		  "c:3: multidrop { } is given twice, first at c:2: keep one\n" },
		{ "defaults {\nkeep = true\nkeep = true\n}\n" ACCOUNT("") ACCOUNT(""),
		  "c:3: keep is given twice, first at c:2: keep one\n"
		  "c:6: account \"a\" is given twice, first at c:5: rename or remove one\n" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

static void missing_and_contradicting(void **state)
{
	static const struct snippet snippets[] = {
		{ "\naccount \"a\"\n{\n}\n",
		  "c:3: account \"a\" has no server: add server = \"HOST\"\n"
		  "c:3: account \"a\" has no user: add user = \"NAME\"\n"
		  "c:3: account \"a\" has no secret: add password_file = \"PATH\", or one of password, "
		  "password_command, "
		  "oauth_token_command\n"
		  "c:3: account \"a\" has neither recipient nor multidrop { }: add one of them\n" },
		{ "account \"\" { server = s user = u password = p recipient = r }\n",
		  "c:1: account has no name: write account \"NAME\" { }\n" },
		{ "relay \"a\\n\" { }\n", "c:1: the name of this relay holds a control character: take it out\n" },
		{ "account \"a\" { server = s user = u\npassword = p\npassword_command = x\npassword_file = "
		  "'/dev/null'\n"
		  "recipient = r }\n",
		  "c:3: password_command besides password at c:2: keep one of the two\n"
		  "c:4: password_file besides password at c:2: keep one of the two\n" },
		{ MULTIDROP(""),
		  "c:1: multidrop { } has no envelope: add envelope = \"X-Envelope-To\", or what else your provider "
		  "stamps\n"
		  "c:1: multidrop { } has no domains: add domains = { \"office.example\" }, all that are yours\n" },
		{ ACCOUNT("\nmultidrop { " STAMPED "} "),
		  "c:2: recipient besides multidrop { } at c:2: keep one of the two\n" },
		{ "relay \"a\" { }\nrelay \"b\" { }\n" ACCOUNT(""),
		  "c:3: account \"a\" has no relay, and there are 2: add relay = \"NAME\"\n" },
		{ ACCOUNT("relay = office"),
		  "c:1: relay = \"office\": there is no relay of that name: add the block, or correct the name\n" },
		{ "relay \"b\" { }\nrelay \"a\" { }\n" ACCOUNT("relay = a"), "" },
		{ "relay \"r\" { user = u }\n",
		  "c:1: relay \"r\" has a user but no secret: add password_file = \"PATH\", or one of password, "
		  "password_command\n" },
		{ "relay \"r\" { auth = plain }\n", "c:1: auth without user: name the user, too\n" },
		{ "relay \"r\" { auth = { auto } }\n", "" },
		{ "relay \"r\" { password = p }\n", "c:1: password without user: name the user, too\n" },
		{ "relay \"r\" { user = u password = p auth = apop }\n",
		  "c:1: auth = \"apop\" is for POP3 only: name another for a relay\n" },
		{ "relay \"r\" { user = u password = p auth = { plain, user } }\n",
		  "c:1: auth = \"user\" is for POP3 only: name another for a relay\n" },
		{ ACCOUNT("auth = { auto, plain }"), "c:1: auth = \"auto\" besides others: keep auto or the list\n" },
		{ ACCOUNT("auth = { xoauth2, oauthbearer }"),
		  "c:1: auth names nothing that works with the secret: xoauth2 and oauthbearer go with "
		  "oauth_token_command, all "
		  "else with a password\n" },
		{ ACCOUNT("auth = { xoauth2, plain }"), "" },
		{ "relay \"r\" { tls = starttls address = { mx, \"unix:/s\" } }\n",
		  "c:1: address = \"unix:/s\" cannot be had with TLS: set tls = none, or name a host\n" },
		{ "relay \"r\" { tls_name = mx }\n",
		  "c:1: tls_name has no effect with tls = none: set tls to implicit or starttls, or leave it out\n" },
		{ "defaults { tls_name = mx }\n" ACCOUNT("tls = none"), "" },
		{ "retry_max = 10s\nretry_min = 20s\n",
		  "c:1: retry_max (10s) is shorter than retry_min (20s): make it the longer one\n" },
		{ "user = no-such-user-here\ngroup = no-such-group-here\n",
		  "c:1: user = \"no-such-user-here\": there is no such user: create it (adduser --system --group)\n"
		  "c:2: group = \"no-such-group-here\": there is no such group: create it (addgroup --system)\n" },
		{ "group = root\n", "c:1: group without user: name the user, too\n" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

/* What `defaults` says wrongly is told once, however many accounts inherit it. */
static void defaults(void **state)
{
	static const struct snippet snippets[] = {
		{ "defaults {\nkeep = maybe\nrelay = x\nmultidrop {\nwhich = any\n}\n}\n"
		  "account \"a\" { server = s user = u password = p }\n"
		  "account \"b\" { server = s user = u password = p }\n",
		  "c:2: keep = \"maybe\" is neither true nor false: write one of these\n"
		  "c:3: relay = \"x\": there is no relay of that name: add the block, or correct the name\n"
		  "c:4: multidrop { } has no envelope: add envelope = \"X-Envelope-To\", or what else your provider "
		  "stamps\n"
		  "c:4: multidrop { } has no domains: add domains = { \"office.example\" }, all that are yours\n"
		  "c:5: which = \"any\" is not known: write first, last or all\n" },
		{ "defaults { keep = maybe multidrop { skip = x } }\n",
		  "c:1: keep = \"maybe\" is neither true nor false: write one of these\n"
		  "c:1: skip = \"x\" is not a whole number\n" },
		{ "defaults { recipient = r\nmultidrop { } }\n",
		  "c:1: recipient besides multidrop { } at c:2: keep one of the two\n" },
		/* An account's own secret takes the place of another kind. */
		{ "defaults { password_command = x recipient = r }\naccount \"a\" { server = s user = u password = p "
		  "}\n",
		  "" },
		{ "defaults { server = s user = u password = p multidrop { envelope = X-To } }\n"
		  "account \"a\" { multidrop { domains = d } }\naccount \"b\" { recipient = r }\n",
		  "" },
		{ "account \"a\" { server = s user = u password = p }\ndefaults { recipient = r }\n", "" },
	};

	(void)state;
	CHECK_ALL(snippets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),      cmocka_unit_test(syntax),
		cmocka_unit_test(unknown_names), cmocka_unit_test(too_many_unknown_names),
		cmocka_unit_test(values),        cmocka_unit_test(every_value_of_a_list),
		cmocka_unit_test(twice),         cmocka_unit_test(missing_and_contradicting),
		cmocka_unit_test(defaults),
	};

	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 1;
	failed = cmocka_run_group_tests_name("config", tests, NULL, NULL);
	unlink("c");
	rmdir(folder);
	return failed;
}
