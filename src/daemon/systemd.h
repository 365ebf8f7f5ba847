/* SPDX-License-Identifier: ISC
 *
 * The service manager: ready, status, watchdog. Nothing happens where there is
 * none, or where the program was built without libsystemd.
 */
#ifndef MULTIDROPD_DAEMON_SYSTEMD_H
#define MULTIDROPD_DAEMON_SYSTEMD_H

#include <stdint.h>

void systemd_ready(void);
void systemd_reloading(void);           /* systemd_ready follows */
void systemd_stopping(void);
void systemd_status(const char *text);
void systemd_alive(void);               /* feeds the watchdog */
int64_t systemd_watchdog_ms(void);      /* how often it wants to be fed; 0: not at all */

#endif
