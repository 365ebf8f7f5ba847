# SPDX-License-Identifier: ISC
"""Courier, an alias for the whole domain."""
import os
import re

from installed import COLLECTOR, HOME, Installed

FOLDERS = ("", "/allfilters", "/filters", "/msgq", "/msgs", "/track", "/tmp")
AUTHENTICATION = """\
authmodulelist="authpam"
authmodulelistorig="authpam"
daemons=1
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
"""
# Names are not looked up: there is no DNS, and Courier waits for it.
SERVER = """
BOFHCHECKDNS=0
TLS_CERTFILE=
MAXPERIP=40
MAXPERC=40
TCPDOPTS="-stderrlogger=/usr/sbin/courierlogger -noidentlookup -nodnslookup"
"""


class Courier(Installed):
    """Courier 1.0.16, alias @office.example: collector, ~collector/.courier-default into a Maildir. Delivered-To is in the
    provider's own domain."""

    kind = "courier"
    rules = {"envelope": ["Delivered-To"], "domains": ["mx.provider.example"], "strip_prefix": COLLECTOR + "-",
             "rewrite_domain": "office.example"}
    exceptions = {"sub-domain": ("bob@office.example", "the sub-domain is not in the stamp")}
    packages = ("courier",)
    queue = "/var/lib/courier/msgs"

    def configure(self):
        machine = self.machine
        machine.user("courier", 106, "/var/lib/courier")
        for folder in FOLDERS:
            machine.folder("/var/lib/courier" + folder, 0o770, "courier:courier")
        for folder in ("/run/courier", "/run/courier/authdaemon"):
            machine.folder(folder, 0o755, "courier:courier")
        machine.run("chown", "courier:courier", "/usr/lib/courier/courier/submitmkdir")
        machine.run("chmod", "4755", "/usr/lib/courier/courier/submitmkdir")
        machine.run("ln", "-s", "makedat.courier", "/usr/bin/makedat")
        self._settings()
        for name in (".courier", ".courier-default"):
            machine.write(f"{HOME}/{name}", "./Maildir\n", owner=COLLECTOR)
        for name in ("", "/new", "/cur", "/tmp"):
            machine.folder(f"{HOME}/Maildir{name}", 0o700, COLLECTOR)

    def _settings(self):
        machine = self.machine
        host = "mx.provider.example\n"
        for name, text in {"me": host, "defaultdomain": host, "locals": "localhost\n" + host, "dsnfrom": "\n",
                           "bofh": "opt BOFHCHECKDNS=0\n", "authdaemonrc": AUTHENTICATION,
                           "esmtpacceptmailfor.dir/office": "office.example\nsub.office.example\n",
                           "aliases/system": "@office.example: collector\n@sub.office.example: collector\n"}.items():
            machine.write("/etc/courier/" + name, text)
        with open(machine.path("/etc/courier/esmtpd"), "a", encoding="utf-8") as file:
            file.write(SERVER)

    def launch(self):
        for program in ("makealiases", "makeacceptmailfor", "makehosteddomains"):
            self.machine.run("/usr/sbin/" + program)
        self.machine.start("/usr/sbin/authdaemond", "start")
        self.machine.start("/usr/sbin/courier", "start")
        self.machine.start("/usr/sbin/esmtpd", "start")

    def under_way(self):
        """Not what it tried to hand on to somebody else: it takes the domain of "a@b"@c for b"@c."""
        return [name for name in super().under_way() if name.startswith("C") and not self._was_tried(name)]

    def _was_tried(self, name):
        for folder, _, files in os.walk(self.machine.path(self.queue)):
            if name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    return re.search(rb"(?m)^A", file.read()) is not None
        return True

    def stamped(self, recipient):
        return f"{COLLECTOR}-{recipient.rsplit('@', 1)[0]}@mx.provider.example"
