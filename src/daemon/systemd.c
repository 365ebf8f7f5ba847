/* SPDX-License-Identifier: ISC
 *
 * sd_notify(3).
 */
#include "systemd.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

#include "multidropd/clock.h"

void systemd_ready(void)
{
	sd_notify(0, "READY=1");
}

void systemd_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ms() * 1000);
}

void systemd_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void systemd_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text);
}

void systemd_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

int64_t systemd_watchdog_ms(void)
{
	uint64_t usec = 0;

	/* Half of the deadline, so that one late turn of the loop is no death. */
	return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)(usec / 2000) : 0;
}

#else

void systemd_ready(void)
{
}

void systemd_reloading(void)
{
}

void systemd_stopping(void)
{
}

void systemd_status(const char *text)
{
	(void)text;
}

void systemd_alive(void)
{
}

int64_t systemd_watchdog_ms(void)
{
	return 0;
}

#endif
