/* SPDX-License-Identifier: ISC
 *
 * Random mailboxes, random faults. A seed is a run: the same one is the same
 * again.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include <stddef.h>
#include <stdint.h>

struct torture {
	uint64_t seed; /* of the first run; the next ones count on */
	size_t faults; /* so many must have come, whatever number of runs that takes … */
	size_t runs;   /* … or this number of runs; 0: faults decide */
};

/* From SEED, RUNS and FAULTS in the environment; what is not there stays as it is. */
void torture_read_environment(struct torture *torture);
/* Fails the test with the seed and all that went wrong in that run. */
void torture_run(const struct torture *torture);

#endif
