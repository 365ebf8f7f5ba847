# SPDX-License-Identifier: ISC
"""Postfix and what it hands its mail to."""
import os

import servers
from provider import Provider, take_maildir
from scenarios import ADDRESSES, FORGERIES

# Its queue only leaves one way: into the mailbox. Bounces and what is not ours are thrown away.
SETTINGS = {
    "myhostname": "mx.provider.example", "mydestination": "mx.provider.example, pop.provider.example", "virtual_mailbox_domains": "",
    "default_transport": "discard:", "relay_transport": "discard:", "notify_classes": "", "local_recipient_maps": "",
    "virtual_alias_maps": "", "smtpd_recipient_limit": "100", "default_privs": "nobody", "mailbox_size_limit": "0",
    "recipient_delimiter": "",
}


class Server(servers.Postfix):
    """servers.Postfix with other services."""

    services = ()

    def _write_configuration(self):
        super()._write_configuration()
        with open(os.path.join(self.folder, "etc", "master.cf"), "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in self.services))


class Postfix(Provider):
    """What all kinds share. `settings` and `services` are those of the kind."""

    services = ()

    def start(self):
        self.server = Server(self.place)
        self.port = self.server.port
        self.mailbox = self.place.folder("collector")
        for part in ("new", "cur", "tmp"):
            self.place.folder("collector", part)
        self.server.extra = {**SETTINGS, **self.settings()}
        self.server.services = self.services
        self.prepare()
        self.server.start()

    def settings(self):
        raise NotImplementedError

    def prepare(self):
        pass

    def stop(self):
        self.server.stop()

    def settle(self):
        self.server.wait_until_settled()

    def take(self):
        return take_maildir(self.mailbox)


# resolve_dequoted_address, which is the default; not so virtual(8).
DEQUOTED = {"quoted-at": ("victim@office.example", "local(8) delivers to what stands in the quotes, so that is whom the sender wrote to")}
TRAILING_DOT = {"trailing-dot": ("fallback", "stamped with the dot, which is no address that is routed by")}

LOCAL = "local unix - n n - - local"
COLLECTED = "office.example, sub.office.example"


class Luser(Postfix):
    """Postfix 3.7, local(8): the domain is a local one without users, luser_relay names the collector."""

    kind = "postfix-local"
    rules = {"envelope": ["Delivered-To"]}
    exceptions = DEQUOTED
    services = (LOCAL,)

    def settings(self):
        user = self.place.user.pw_name
        return {"mydestination": "mx.provider.example, " + COLLECTED, "luser_relay": user,
                "mail_spool_directory": self.place.folder("spool") + "/"}

    def prepare(self):
        self.mailbox = os.path.join(self.place.path, "spool", self.place.user.pw_name)


class Alias(Luser):
    """Postfix 3.7, local(8) behind a virtual alias: @office.example is the collector's address, which Delivered-To then names."""

    kind = "postfix-alias"
    rules = {"envelope": ["X-Original-To"]}
    exceptions = TRAILING_DOT
    only = ADDRESSES + ("forged-top",)

    def settings(self):
        return {**super().settings(), "mydestination": "mx.provider.example, pop.provider.example", "luser_relay": "",
                "virtual_alias_domains": COLLECTED, "virtual_alias_maps": "texthash:" + os.path.join(self.place.path, "aliases")}

    def prepare(self):
        super().prepare()
        self.place.write(os.path.join(self.place.path, "aliases"), "".join(
            f"@{domain} {self.place.user.pw_name}@pop.provider.example\n" for domain in COLLECTED.split(", ")))


class Virtual(Postfix):
    """Postfix 3.7, virtual(8): virtual_mailbox_maps leads every address to one Maildir."""

    kind = "postfix-virtual"
    rules = {"envelope": ["Delivered-To"]}
    only = ADDRESSES + ("forged-top",)

    def settings(self):
        return {"virtual_mailbox_domains": COLLECTED, "virtual_mailbox_base": self.place.path, "virtual_mailbox_maps": "static:collector/"}


class Prepend(Alias):
    """Postfix 3.7, smtpd(8) writes each RCPT as it comes: check_recipient_access with PREPEND X-Envelope-To; one copy is stored."""

    kind = "postfix-prepend"
    rules = {"envelope": ["X-Envelope-To"], "which": "all"}
    exceptions = {}
    only = ADDRESSES + FORGERIES + ("three", "twice-in-case", "outside-too", "helo-for")

    def settings(self):
        return {**super().settings(), "enable_original_recipient": "no", "smtpd_recipient_restrictions":
                f"check_recipient_access regexp:{os.path.join(self.place.path, 'stamp')}, permit_mynetworks, reject"}

    def prepare(self):
        super().prepare()
        self.place.write(os.path.join(self.place.path, "stamp"), "/^(.*)$/ PREPEND X-Envelope-To: <$1>\n")
