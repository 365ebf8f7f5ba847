/* SPDX-License-Identifier: ISC
 *
 * config: included files, files that are named, secrets, many accounts.
 */
#include <errno.h>
#include <ftw.h>
#include <pwd.h>
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
#include "multidropd/mem.h"

#define ACCOUNTS 10000

static char top[] = "/tmp/multidropd-config-XXXXXX";

static void write_file(const char *path, mode_t mode, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	return ftw->level > 0 ? remove(path) : 0;
}

/* Each test begins in an empty folder. */
static int empty_folder(void **state)
{
	(void)state;
	return nftw(".", remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static char *join(const struct strlist *list)
{
	struct strbuf all = { 0 };

	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(&all, "%s\n", list->items[i]);
	return strbuf_take(&all);
}

static struct config *check(const char *want, const char *want_files)
{
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	struct config *config = config_load("c", &problems, &file_problems);
	char *said = join(&problems);
	char *said_files = join(&file_problems);

	assert_string_equal(said, want);
	assert_string_equal(said_files, want_files);
	assert_int_equal(config != NULL, want[0] == '\0');
	free(said);
	free(said_files);
	strlist_free(&problems);
	strlist_free(&file_problems);
	return config;
}

static void check_refused(const char *want)
{
	struct config *config = check(want, "");

	config_free(&config);
}

static void write_account(const char *path, const char *name)
{
	char *text = str_format("account \"%s\" { server = s user = u password = p recipient = r }\n", name);

	write_file(path, 0600, text);
	free(text);
}

static void no_main_file(void **state)
{
	(void)state;
	check_refused("c:1: cannot be read: No such file or directory\n");
	assert_int_equal(mkdir("c", 0700), 0);
	check_refused("c:1: cannot be read: Is a directory\n");
}

static void include_in_order(void **state)
{
	static const char *const names[] = { "main", "01", "a", "b", "c", "last" };
	struct config *config;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	write_account("d/c.conf", "c");
	write_account("d/a.conf", "a");
	write_account("d/01.conf", "01");
	write_account("d/b.conf", "b");
	write_file("d/x.conf~", 0600, "nonsense");
	write_file("c", 0600,
	           "account \"main\" { server = s user = u password = p recipient = r }\n"
	           "include(\"d/*.conf\")\ninclude(\"d/*.none\")\ninclude(\"none/*.conf\")\n"
	           "account \"last\" { server = s user = u password = p recipient = r }\n");
	config = check("", "");
	assert_int_equal(config->account_count, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < config->account_count; i++)
		assert_string_equal(config->accounts[i].name, names[i]);
	assert_string_equal(config->accounts[1].place.file, "d/01.conf");
	assert_int_equal(config->accounts[5].place.line, 5);
	config_free(&config);
}

static void include_missing(void **state)
{
	(void)state;
	write_file("c", 0600, "\ninclude('d/none.conf')\nmax_sessions = 0\n");
	check_refused("c:2: cannot read d/none.conf: No such file or directory\n"
	              "c:3: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n");
}

static void include_nested(void **state)
{
	struct config *config;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("d/e", 0700), 0);
	write_file("c", 0600, "include(d/one)\n");
	write_file("d/one", 0600, "include(\"e/*\")\ndefaults { password_file = secret }\n");
	write_file("d/secret", 0600, "s\n");
	write_file("d/e/two", 0600, "account \"two\" { server = s user = u recipient = r }\n");
	config = check("", "");
	assert_string_equal(config->accounts[0].place.file, "d/e/two");
	/* A relative path starts from the file that it stands in. */
	assert_string_equal(config->accounts[0].secret.password_file + strlen(top), "/d/secret");
	config_free(&config);
}

static void include_loops(void **state)
{
	(void)state;
	write_file("c", 0600, "include(c)\ninclude(\"*.conf\")\ninclude(b.conf)\n");
	write_file("a.conf", 0600, "include(\"[ab].conf\")\n");
	write_file("b.conf", 0600, "include(a.conf)\nmax_sessions = 0\n");
	check_refused("c:1: c is being read already: a file cannot include itself\n"
	              "c:2: b.conf was included before: include it once\n"
	              "c:3: b.conf was included before: include it once\n"
	              "a.conf:1: a.conf is being read already: a file cannot include itself\n"
	              "b.conf:1: a.conf is being read already: a file cannot include itself\n"
	              "b.conf:2: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n");
}

static void include_depth(void **state)
{
	char path[16];
	char text[32];

	(void)state;
	write_file("c", 0600, "include(f1)\n");
	for (unsigned i = 1; i < 40; i++) {
		snprintf(path, sizeof(path), "f%u", i);
		snprintf(text, sizeof(text), "include(f%u)\n", i + 1);
		write_file(path, 0600, text);
	}
	check_refused("f16:1: includes are nested more than 16 deep\n");
}

static void include_many(void **state)
{
	struct config *config;
	char path[32];

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "d/%03u.conf", i);
		write_account(path, path);
	}
	write_file("c", 0600, "include(\"d/*\")\n");
	config = check("", "");
	assert_int_equal(config->account_count, 300);
	assert_string_equal(config->accounts[299].name, "d/299.conf");
	config_free(&config);
}

/* What is wrong with one file ends neither the others nor the line count of the one that includes it. */
static void include_broken(void **state)
{
	(void)state;
	write_file("a", 0600, "account \"a\" {\n server = s:0\n }}\nmax_sessions = 0\n");
	write_file("b", 0600, "account \"b\" {\n server = s:0\n");
	write_file("d", 0600, "unknown = 1\n\"quoted\n");
	write_file("c", 0600,
	           "include(a)\ninclude(b)\ninclude(d)\nretry_min = 0\nhostnam = x\n"
	           "account \"c\" {\n include(a)\n}\n");
	check_refused(
		"c:4: retry_min = \"0\" is too short: write at least 1s\n"
		"c:5: unknown option hostnam: did you mean hostname?\n"
		"c:7: syntax error: include is not understood here; the rest of this file was not read\n"
		"a:1: account \"a\" has no user: add user = \"NAME\"\n"
		"a:1: account \"a\" has no secret: add password_file = \"PATH\", or one of password, password_command, "
		"oauth_token_command\n"
		"a:1: account \"a\" has neither recipient nor multidrop { }: add one of them\n"
		"a:2: server = \"s:0\" has no valid port: write HOST:PORT with a port from 1 to 65535, and IPv6 as "
		"[IPV6]:PORT\n"
		"a:3: syntax error: unexpected closing brace; the rest of this file was not read\n"
		"b:1: the block or list that opens here is not closed: end it with }\n"
		"b:2: server = \"s:0\" has no valid port: write HOST:PORT with a port from 1 to 65535, and IPv6 as "
		"[IPV6]:PORT\n"
		"d:1: unknown option unknown: multidropd.conf(5) lists what may stand outside of blocks\n"
		"d:2: the string that opens here is not closed on its line: end it with the same quote\n");
}

/* A relay may stand in what was not read, so nothing is said about its absence. */
static void cut_files_hide_relays(void **state)
{
	(void)state;
	write_file("c", 0600,
	           "account \"a\" { server = s user = u password = p recipient = r relay = office }\n"
	           "= relay \"office\" { }\n");
	check_refused("c:2: syntax error: unexpected token '='; the rest of this file was not read\n");
}

static void nul_in_file(void **state)
{
	static const char text[] = "max_sessions = 0\nhost\0name = x\n";
	FILE *file = fopen("c", "w");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, sizeof(text) - 1, file), sizeof(text) - 1);
	assert_int_equal(fclose(file), 0);
	check_refused("c:1: max_sessions = \"0\" is out of range: write a number from 1 to 100000\n"
	              "c:2: a NUL byte: this is no text file from here on\n");
}

static void passwords_in_open_files(void **state)
{
	struct config *config;

	(void)state;
	write_file("c", 0644, "include(a)\ninclude(b)\n");
	write_file("a", 0640,
	           "account \"a\" { server = s\nuser = u password = p recipient = r }\n"
	           "relay \"r\" { user = u password = p }\n");
	write_file("b", 0644, "account \"b\" { server = s user = u password_command = t recipient = r }\n");
	check_refused("a:2: a holds a secret and is open to others: run chmod 600 a\n");
	assert_int_equal(chmod("a", 0600), 0);
	config = check("", "");
	config_free(&config);
}

static void account_files(void **state)
{
	struct config *config;

	(void)state;
	assert_int_equal(mkdir("folder", 0700), 0);
	write_file("open", 0644, "x\n");
	write_file("private", 0400, "x\n");
	write_file("c", 0600,
	           "defaults { recipient = r server = s user = u }\n"
	           "account \"fine\" {\npassword_file = private tls_ca_file = open tls_ca_path = folder\n"
	           "tls_cert_file = open tls_key_file = private }\n"
	           "account \"gone\" {\npassword_file = none }\n"
	           "account \"open\" {\npassword_file = open }\n"
	           "account \"folder\" {\npassword_file = folder }\n"
	           "account \"certificates\" {\npassword_file = private\ntls_ca_file = folder\ntls_ca_path = open\n"
	           "tls_cert_file = open }\n"
	           "account \"key\" {\npassword_file = private\ntls_cert_file = open\ntls_key_file = open }\n"
	           "account \"command\" {\npassword_command = '/none/such -x' }\n"
	           "account \"without\" {\npassword_file = private tls = none }\n");
	char *want = str_format(
		"c:6: password_file: %1$s/none cannot be read: No such file or directory\n"
		"c:8: password_file: %1$s/open holds a secret and is open to others: run chmod 600 %1$s/open\n"
		"c:10: password_file: %1$s/folder is not a regular file\n"
		"c:13: tls_ca_file: %1$s/folder is not a regular file\n"
		"c:14: tls_ca_path: %1$s/open cannot be read: Not a directory\n"
		"c:15: tls_cert_file: %1$s/open holds a secret and is open to others: run chmod 600 %1$s/open\n"
		"c:19: tls_key_file: %1$s/open holds a secret and is open to others: run chmod 600 %1$s/open\n"
		"c:21: password_command: /none/such cannot be run: No such file or directory\n",
		top);
	config = check("", want);
	assert_null(config_find_account(config, "fine")->broken);
	assert_null(config_find_account(config, "without")->broken);
	assert_non_null(config_find_account(config, "gone")->broken);
	assert_non_null(config_find_account(config, "open")->broken);
	assert_non_null(config_find_account(config, "key")->broken);
	assert_non_null(strstr(config_find_account(config, "certificates")->broken, "tls_ca_file"));
	config_free(&config);
	free(want);
}

/* Told once, but each account that inherits it is set aside. */
static void inherited_file(void **state)
{
	char *want = str_format("c:1: tls_ca_file: %s/none cannot be read: No such file or directory\n", top);
	struct config *config;

	(void)state;
	write_file("c", 0600,
	           "defaults { recipient = r server = s user = u password = p tls_ca_file = none }\n"
	           "account \"a\" { }\naccount \"b\" { }\n");
	config = check("", want);
	assert_non_null(config_find_account(config, "a")->broken);
	assert_non_null(config_find_account(config, "b")->broken);
	config_free(&config);
	free(want);
}

static void relay_files(void **state)
{
	char *want = str_format("c:2: password_file: %s/none cannot be read: No such file or directory\n", top);

	(void)state;
	write_file("c", 0600, "relay \"r\" {\nuser = u password_file = none }\n");
	check_refused(want);
	free(want);
}

static void state_folder(void **state)
{
	char *want = str_format("c:2: state_file = \"%1$s/none/state.db\": %1$s/none cannot be used: No such file or "
	                        "directory: create it for the daemon's user, mode 0700",
	                        top);
	struct strlist problems = { 0 };
	struct config *config;

	(void)state;
	write_file("c", 0600, "\nstate_file = none/state.db\n");
	config = check("", "");
	config_check_state(config, &problems);
	assert_int_equal(problems.count, 1);
	assert_string_equal(problems.items[0], want);
	strlist_free(&problems);
	assert_int_equal(mkdir("none", 0700), 0);
	config_check_state(config, &problems);
	assert_int_equal(problems.count, 0);
	config_free(&config);
	free(want);
}

static void check_secret(const char *bytes, size_t len, const char *want, const char *want_error)
{
	FILE *file = fopen("secret", "w");
	char *error = NULL;
	char *secret;

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	secret = config_read_secret("secret", "", &error);
	if (want != NULL)
		assert_string_equal(secret, want);
	else
		assert_null(secret);
	if (want_error != NULL)
		assert_string_equal(error, want_error);
	else
		assert_null(error);
	mem_free_secret(&secret);
	free(error);
}

#define CHECK_SECRET(bytes, want, want_error) check_secret(bytes, sizeof(bytes) - 1, want, want_error)

static void secrets(void **state)
{
	static const char lines[] =
		"secret holds control characters or more than one line: write the secret alone into it";
	static char long_secret[65540];

	(void)state;
	CHECK_SECRET("s3cret", "s3cret", NULL);
	CHECK_SECRET("s3cret\n", "s3cret", NULL);
	CHECK_SECRET("s3cret\r\n", "s3cret", NULL);
	CHECK_SECRET(" blanks stay \n", " blanks stay ", NULL);
	CHECK_SECRET("s3cret\n\n", NULL, lines);
	CHECK_SECRET("a\nb\n", NULL, lines);
	CHECK_SECRET("a\rb", NULL, lines);
	CHECK_SECRET("a\0b", NULL, lines);
	CHECK_SECRET("", NULL, "secret is empty: write the secret into it");
	CHECK_SECRET("\n", NULL, "secret is empty: write the secret into it");
	memset(long_secret, 'x', sizeof(long_secret));
	check_secret(long_secret, sizeof(long_secret), NULL, "secret is too long for a secret: at most 65536 bytes");
	long_secret[65536] = '\0';
	check_secret(long_secret, 65536, long_secret, NULL);
}

static void check_mode(mode_t mode, const char *user, bool allowed)
{
	char *error = NULL;
	char *secret;

	assert_int_equal(chmod("secret", mode), 0);
	secret = config_read_secret("secret", user, &error);
	assert_int_equal(secret != NULL, allowed);
	assert_int_equal(error == NULL, allowed);
	mem_free_secret(&secret);
	free(error);
}

static void secret_modes(void **state)
{
	const struct passwd *nobody;

	(void)state;
	write_file("secret", 0600, "x");
	check_mode(0400, "", true);
	check_mode(0600, "", true);
	check_mode(0620, "", false);
	check_mode(0604, "", false);
	check_mode(0644, "", false);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", ".", 1), 0);
	check_mode(0644, "", false);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	nobody = getpwnam("nobody");
	/* Only root can give files away. */
	if (geteuid() != 0 || nobody == NULL || nobody->pw_gid == 0)
		return;
	check_mode(0640, "nobody", false);
	assert_int_equal(chown("secret", 0, nobody->pw_gid), 0);
	check_mode(0640, "nobody", true);
	check_mode(0640, "", false);
	check_mode(0640, "no-such-user-here", false);
	check_mode(0660, "nobody", false);
	check_mode(0644, "nobody", false);
	assert_int_equal(chown("secret", nobody->pw_uid, nobody->pw_gid), 0);
	check_mode(0640, "nobody", false);
}

static void credentials(void **state)
{
	char *path = str_format("%s/credentials/secret", top);
	char *outside = str_format("%s/credentials/../secret", top);
	char *folder = str_format("%s/credentials", top);
	char *error = NULL;
	char *secret;

	(void)state;
	assert_int_equal(mkdir("credentials", 0700), 0);
	write_file("credentials/secret", 0644, "x");
	write_file("secret", 0644, "x");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	secret = config_read_secret(path, "", &error);
	assert_string_equal(secret, "x");
	mem_free_secret(&secret);
	secret = config_read_secret(outside, "", &error);
	assert_null(secret);
	assert_non_null(error);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	free(error);
	free(path);
	free(outside);
	free(folder);
}

/* A secret that root can read is no use where the daemon will run as somebody else. */
static void other_user(void **state)
{
	char *want = str_format("c:2: password_file: %s/secret cannot be read by the daemon's user: make that user its "
	                        "owner (chown)\n",
	                        top);
	struct config *config;

	(void)state;
	write_file("secret", 0600, "x");
	write_file("c", 0600,
	           "user = nobody\naccount \"a\" { server = s user = u recipient = r password_file = secret }\n");
	/* Only root becomes somebody else; anybody else stays who can read it. */
	config = check("", geteuid() == 0 ? want : "");
	config_free(&config);
	free(want);
}

/* However a file is cut, what is told is in the order of its lines, and there is a configuration or a problem. */
static void check_prefix(const char *text, size_t len)
{
	struct strlist problems = { 0 };
	struct strlist file_problems = { 0 };
	char *part = mem_strndup(text, len);
	struct config *config;
	long last = 1;

	write_file("c", 0600, part);
	config = config_load("c", &problems, &file_problems);
	assert_int_equal(config == NULL, problems.count > 0);
	for (size_t i = 0; i < problems.count; i++) {
		long line;

		assert_memory_equal(problems.items[i], "c:", 2);
		line = strtol(problems.items[i] + 2, NULL, 10);
		assert_true(line >= last && line <= 9);
		last = line;
	}
	config_free(&config);
	strlist_free(&problems);
	strlist_free(&file_problems);
	free(part);
}

static void every_prefix(void **state)
{
	static const char text[] =
		"# comment\n/* another */ postmaster = \"p\\x41${PATH}\"\nnonsense = { 'a', b, \"c\" }\n"
		"relay \"r\" { address += \"[::1]:25\" oops { x = y } }\n"
		"defaults { multidrop { skip = 1 } }\naccount 'a'\n{ server = s user = u password = 'p\\'' //\n"
		"multidrop { envelope = X-To domains = { a.example, .b.example } } }\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		check_prefix(text, len);
}

static void many_accounts(void **state)
{
	FILE *file = fopen("c", "w");
	struct config *config;

	(void)state;
	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	for (unsigned i = 0; i < ACCOUNTS; i++)
		fprintf(file,
		        "account \"c%u.example\" {\n server = \"pop%u.isp.example\"\n user = \"c%u\"\n password = "
		        "'p%u'\n"
		        " multidrop {\n  envelope = { \"X-Envelope-To\", \"Delivered-To\" }\n  domains = "
		        "\"c%u.example\"\n }\n}\n",
		        i, i % 50, i, i, i);
	assert_int_equal(fclose(file), 0);
	config = check("", "");
	assert_int_equal(config->account_count, ACCOUNTS);
	assert_int_equal(config->accounts[ACCOUNTS - 1].place.line, 9 * (ACCOUNTS - 1) + 1);
	assert_string_equal(config_find_account(config, "c4711.example")->secret.password, "p4711");
	config_free(&config);
}

#define TEST(name) cmocka_unit_test_setup(name, empty_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_main_file),   TEST(include_in_order), TEST(include_missing),
		TEST(include_nested), TEST(include_loops),    TEST(include_depth),
		TEST(include_many),   TEST(include_broken),   TEST(cut_files_hide_relays),
		TEST(nul_in_file),    TEST(account_files),    TEST(passwords_in_open_files),
		TEST(inherited_file), TEST(relay_files),      TEST(state_folder),
		TEST(secrets),        TEST(secret_modes),     TEST(credentials),
		TEST(other_user),     TEST(many_accounts),    TEST(every_prefix),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(top) == NULL || chdir(top) != 0)
		return 1;
	failed = cmocka_run_group_tests_name("config_files", tests, NULL, NULL);
	empty_folder(NULL);
	rmdir(top);
	return failed;
}
