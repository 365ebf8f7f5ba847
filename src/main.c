/* SPDX-License-Identifier: ISC
 *
 * multidropd: options, start-up in order, wiring; nothing else.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int main(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)) {
		printf("multidropd %s\n", MULTIDROPD_VERSION);
		return 0;
	}
	fprintf(stderr, "multidropd: this version knows only --version\n");
	return EX_USAGE;
}
