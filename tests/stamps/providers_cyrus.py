# SPDX-License-Identifier: ISC
"""Cyrus, which Exim hands its mail to over LMTP."""
import os
import re

from place import wait_for
from installed import COLLECTOR
import providers_exim

ROUTERS = f"""everybody:
  driver = redirect
  domains = +ours
  data = {COLLECTOR}@pop.provider.example
collector:
  driver = accept
  domains = pop.provider.example
  transport = collector
bounces:
  driver = redirect
  data = :blackhole:
"""
SPOOL = "/var/spool/cyrus/mail"
SOCKET = "/run/cyrus/socket/lmtp"
# Two copies of one message for two people are no doubles.
SETTINGS = f"""configdirectory: /var/lib/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
defaultpartition: default
partition-default: {SPOOL}
sievedir: /var/spool/sieve
lmtpsocket: {SOCKET}
duplicatesuppression: no
autocreate_post: yes
autocreate_quota: 0
autocreate_users: {COLLECTOR}
"""
SERVICES = """START {
	recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
}
SERVICES {
	lmtpunix cmd="lmtpd -a" listen="/run/cyrus/socket/lmtp" prefork=1
}
EVENTS {
}
"""

class Cyrus(providers_exim.Exim):
    """Cyrus 3.6.1, lmtpd, behind an Exim 4.96 of the same name, whose Received field below that of Cyrus has the recipient."""

    kind = "cyrus"
    rules = {"envelope": ["Received"], "received_by": ["mx.provider.example"], "skip": 1}
    exceptions = {
        "sender-for": providers_exim.Received.exceptions["sender-for"],
        "eight-bit": ("jXXrgen@office.example", "Cyrus puts an X in place of each 8-bit byte of a header"),
    }
    packages = ("cyrus",)
    options = ""
    routers = ROUTERS
    transport = f"driver = lmtp\n  socket = {SOCKET}\n"

    def configure(self):
        super().configure()
        machine = self.machine
        machine.user("cyrus", 121, "/var/spool/cyrus")
        machine.run("usermod", "-g", "mail", "cyrus")
        for folder in ("/var/lib/cyrus", "/var/spool/cyrus", SPOOL, "/var/spool/sieve", "/run/cyrus", "/run/cyrus/socket",
                       "/run/cyrus/proc", "/run/cyrus/lock"):
            machine.folder(folder, 0o755, "cyrus:mail")
        machine.write("/etc/imapd.conf", SETTINGS)
        machine.write("/etc/cyrus.conf", SERVICES)
        machine.run("/usr/sbin/cyrus", "makedirs", "--cleansquat")

    def launch(self):
        self.machine.start("/usr/lib/cyrus/bin/master")
        wait_for(lambda: f"Cyrus:\n{self.machine.log()}", lambda: os.path.exists(self.machine.path(SOCKET)))
        os.chmod(self.machine.path(SOCKET), 0o777)
        super().launch()

    def take(self):
        found = []
        for folder, _, files in os.walk(self.machine.path(SPOOL)):
            found += [os.path.join(folder, name) for name in files if re.fullmatch(r"\d+\.", name)]
        return [self._taken(path) for path in sorted(found, key=lambda path: os.stat(path).st_mtime_ns)]

    @staticmethod
    def _taken(path):
        with open(path, "rb") as file:
            message = file.read()
        os.unlink(path)
        return message
