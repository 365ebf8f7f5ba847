/* SPDX-License-Identifier: ISC
 *
 * The two clocks. Waiting uses the monotonic one, so that a step of the wall
 * clock makes no storm. Tests put a simulated pair in their place at link time.
 */
#ifndef MULTIDROPD_CLOCK_H
#define MULTIDROPD_CLOCK_H

#include <stdint.h>

int64_t clock_mono_ms(void);
int64_t clock_wall_s(void);                         /* seconds since 1970 */

#endif
