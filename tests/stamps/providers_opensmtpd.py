# SPDX-License-Identifier: ISC
"""OpenSMTPD, a virtual table that gives the whole domain to one user's Maildir."""
from installed import Installed

CONFIGURATION = """\
table collector { "@office.example" = collector, "@sub.office.example" = collector }
table ours { "office.example", "sub.office.example" }
listen on 127.0.0.1 hostname mx.provider.example
action collector maildir virtual <collector>
match from any for domain <ours> action collector
"""


class OpenSmtpd(Installed):
    """OpenSMTPD 6.8.0p2, catch-all of a virtual table into a Maildir."""

    kind = "opensmtpd"
    rules = {"envelope": ["Delivered-To"]}
    packages = ("opensmtpd",)
    queue = "/var/spool/smtpd/queue"

    def configure(self):
        self.machine.user("opensmtpd", 110)
        self.machine.user("opensmtpq", 111)
        self.machine.folder("/var/lib/opensmtpd/empty")
        self.machine.folder("/var/spool/smtpd", 0o711)
        self.machine.folder("/var/spool/smtpd/offline", 0o770, "root:opensmtpq")
        self.machine.write("/etc/smtpd.conf", CONFIGURATION)

    def launch(self):
        self.machine.start("/usr/sbin/smtpd", "-d")


class Received(OpenSmtpd):
    """OpenSMTPD 6.8.0p2, its Received field alone."""

    kind = "opensmtpd-received"
    rules = {"envelope": ["Received"], "received_by": ["mx.provider.example"]}
    exceptions = {"blank-first-for": ("fallback", "the sender's first line goes on with the provider's field")}
