# SPDX-License-Identifier: ISC
"""aiosmtpd, whose handlers append what they know."""
from installed import HOME, Installed


class Aiosmtpd(Installed):
    """aiosmtpd 1.4.3, its handler for a Maildir."""

    kind = "aiosmtpd"
    rules = {"envelope": ["X-RcptTo"], "position": "any", "which": "last", "sender": "X-MailFrom:"}
    packages = ("aiosmtpd",)
    port = 25

    def configure(self):
        self.machine.user("mailman", 120)

    def launch(self):
        self.machine.start("/usr/bin/python3", "-m", "aiosmtpd", "-n", "-u", "-c", "aiosmtpd.handlers.Mailbox",
                           "-l", "127.0.0.1:25", HOME + "/Maildir")

    def settle(self):
        """It stores before it answers."""
