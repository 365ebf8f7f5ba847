/* SPDX-License-Identifier: ISC
 *
 * multidropd: options, start-up in order, wiring; nothing else.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "multidropd/config.h"
#include "multidropd/ledger.h"
#include "multidropd/log.h"
#include "multidropd/privilege.h"
#include "multidropd/service.h"
#include "multidropd/str.h"

static const char usage_text[] = "usage: multidropd [-c FILE] [-v]... [-t | -1] [ACCOUNT...]\n"
				 "\n"
				 "Fetches mail from POP3 mailboxes that collect a whole domain and hands it to\n"
				 "an SMTP or LMTP relay.\n"
				 "\n"
				 "  -c, --config FILE   configuration (default " CONFIG_DEFAULT_PATH ")\n"
				 "  -t, --test          check the configuration and the files it names\n"
				 "  -1, --once          poll every account, or those named, once and exit\n"
				 "  -v, --verbose       log more; -vv shows the protocol dialogue, secrets masked\n"
				 "  -V, --version\n"
				 "  -h, --help\n";

struct options {
	const char *config;
	bool test, once;
	int verbose;
	struct strlist accounts;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "test", no_argument, NULL, 't' },
	{ "once", no_argument, NULL, '1' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "probe", required_argument, NULL, 'p' },
	{ "import", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static void refuse(const char *text)
{
	fprintf(stderr, "multidropd: %s\n", text);
	exit(EX_USAGE);
}

static void take_option(struct options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		break;
	case 't':
		options->test = true;
		break;
	case '1':
		options->once = true;
		break;
	case 'v':
		options->verbose++;
		break;
	case 'V':
		printf("multidropd %s\n", MULTIDROPD_VERSION);
		exit(EX_OK);
	case 'h':
		fputs(usage_text, stdout);
		exit(EX_OK);
	case 'n':
	case 'p':
	case 'i':
	case 'j':
		refuse("--dry-run, --probe, --import and --json are not supported yet");
		break;
	default:
		fputs(usage_text, stderr);
		exit(EX_USAGE);
	}
}

static void parse_options(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:t1vVhnp:i:j", long_options, NULL)) != -1)
		take_option(options, option);
	for (; optind < argc; optind++)
		strlist_add(&options->accounts, argv[optind]);
	if (options->test && options->once)
		refuse("--test and --once exclude each other");
}

static void print_problems(const struct strlist *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		fprintf(stderr, "%s\n", problems->items[i]);
}

/* NULL: all problems have been printed. Those of an account's own files stop -t and --once only. */
static struct config *load(const struct options *options)
{
	struct strlist problems = { 0 }, file_problems = { 0 };
	struct config *config = config_load(options->config, &problems, &file_problems);

	print_problems(&problems);
	print_problems(&file_problems);
	if (config != NULL && file_problems.count > 0 && (options->test || options->once))
		config_free(&config);
	strlist_free(&problems);
	strlist_free(&file_problems);
	return config;
}

static void check_accounts(const struct options *options, const struct config *config)
{
	for (size_t i = 0; i < options->accounts.count; i++) {
		if (config_find_account(config, options->accounts.items[i]) != NULL)
			continue;
		fprintf(stderr, "multidropd: %s names no account \"%s\"\n", config->path, options->accounts.items[i]);
		exit(EX_USAGE);
	}
}

static int test(struct config *config)
{
	struct strlist problems = { 0 };
	int status;

	print_problems(&config->warnings);
	service_check(config, &problems);
	print_problems(&problems);
	status = problems.count > 0 ? EX_CONFIG : EX_OK;
	strlist_free(&problems);
	return status;
}

static int give_up(struct service_params *params, char *error, int status)
{
	log_error("%s", error);
	free(error);
	config_free(&params->take_config);
	ledger_close(&params->take_ledger);
	return status;
}

/* The order matters: the lock while still root, threads only after root is gone. */
static int start(struct options *options, struct config *config)
{
	struct service_params params = {
		.take_config = config,
		.once = options->once,
		.only = &options->accounts,
		.verbose = options->verbose,
	};
	char *error = NULL;
	enum ledger_result result;

	privilege_harden();
	result = ledger_lock(config->state_file, &params.take_ledger, &error);
	if (result != LEDGER_OK)
		return give_up(&params, error, result == LEDGER_BUSY ? EX_TEMPFAIL : EX_CANTCREAT);
	if (privilege_drop(config->user, config->group, &error) != 0)
		return give_up(&params, error, EX_NOPERM);
	/* A change of user makes the kernel forget this. */
	privilege_harden();
	return service_run(&params);
}

int main(int argc, char **argv)
{
	struct options options = { .config = CONFIG_DEFAULT_PATH };
	struct config *config;
	int status;

	parse_options(&options, argc, argv);
	config = load(&options);
	if (config == NULL)
		return EX_CONFIG;
	check_accounts(&options, config);
	if (options.test)
		return test(config);
	log_open(config->log_target, service_log_level(config, options.verbose));
	status = start(&options, config);
	strlist_free(&options.accounts);
	return status;
}
