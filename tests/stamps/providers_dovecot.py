# SPDX-License-Identifier: ISC
"""Postfix that hands mail to Dovecot's LMTP server, which stamps it and files it."""
import os

import servers
from providers_postfix import COLLECTED, Postfix
from scenarios import ADDRESSES, FORGERIES

# Whoever it is for, it is the collector's.
EVERYBODY = """
auth_username_chars =
lmtp_rcpt_check_quota = no
hostname = pop.provider.example
userdb {
  driver = static
  args = allow_all_users=yes uid=%s gid=%s home=%s
}
"""


class DovecotOne(Postfix):
    """Postfix 3.7 to Dovecot 2.3 LMTP, one recipient a transaction (lmtp_destination_recipient_limit = 1)."""

    kind = "dovecot-one"
    rules = {"envelope": ["Delivered-To"]}
    only = ADDRESSES + FORGERIES + ("twice-in-case", "forwarded", "forged-received", "forged-received-two", "helo-by", "sender-for")
    services = ("lmtp unix - - n - - lmtp",)
    limit = "1"

    def settings(self):
        return {"virtual_mailbox_domains": COLLECTED, "virtual_mailbox_maps": "static:x",
                "virtual_transport": f"lmtp:inet:127.0.0.1:{self.dovecot.lmtp_port}", "lmtp_destination_recipient_limit": self.limit}

    def start(self):
        self.dovecot = servers.Dovecot(self.place, "pop", {"nobody-of-ours": "x"})
        home = self.place.folder("store")
        self.dovecot.extra = EVERYBODY % (self.place.user.pw_name, self.place.user.pw_gid, home)
        self.dovecot.start()
        super().start()
        self.mailbox = os.path.join(home, "Maildir")

    def stop(self):
        super().stop()
        self.dovecot.stop()


class DovecotSeveral(DovecotOne):
    """Postfix 3.7 to Dovecot 2.3 LMTP, several recipients a transaction, as both are by default."""

    kind = "dovecot-several"
    limit = "50"
    only = FORGERIES + ("three", "twice", "twice-in-case", "outside-too", "case", "quoted-blank", "forged-received", "forged-received-two")


class DovecotReceived(DovecotOne):
    """Postfix 3.7 to Dovecot 2.3 LMTP, one recipient a transaction, which Dovecot names in its Received field, too."""

    kind = "dovecot-received"
    rules = {"envelope": ["Received"], "received_by": ["pop.provider.example"]}
    exceptions = {"sender-for": ("fallback", "the sender's name ends the comment, so that two `for` stand there")}
    only = ADDRESSES + ("twice-in-case", "list", "forwarded", "forged-received", "forged-received-two", "forged-received-twice",
                        "many-received", "helo-for", "helo-for-two", "helo-by", "sender-for", "no-colon-first", "blank-first-for")
