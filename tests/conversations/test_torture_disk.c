/* SPDX-License-Identifier: ISC
 *
 * `make torture` with the real ledger on a file. How it groups its commits is
 * its thread's business, so a seed repeats a run but for that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "torture.h"

static void nothing_is_lost_or_doubled_on_disk(void **state)
{
	struct torture torture = { .seed = 1, .faults = 300 };

	(void)state;
	torture_read_environment(&torture);
	torture_run(&torture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_or_doubled_on_disk),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("torture_disk", tests, NULL, NULL);
}
