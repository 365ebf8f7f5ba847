# SPDX-License-Identifier: ISC
"""Postfix and what it hands its mail to."""
import os

from provider import Provider, take_maildir
import servers

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


# resolve_dequoted_address, which is the default.
DEQUOTED = {"quoted-at": ("victim@office.example", "Postfix delivers to what stands in the quotes, so that is whom the sender wrote to")}

LOCAL = "local unix - n n - - local"


class Luser(Postfix):
    """Postfix 3.7, local(8): the domain is a local one without users, luser_relay names the collector."""

    kind = "postfix-local"
    rules = {"envelope": ["Delivered-To"]}
    exceptions = DEQUOTED
    services = (LOCAL,)

    def settings(self):
        user = self.place.user.pw_name
        return {"mydestination": "mx.provider.example, office.example, sub.office.example", "luser_relay": user,
                "mail_spool_directory": self.place.folder("spool") + "/"}

    def prepare(self):
        self.mailbox = os.path.join(self.place.path, "spool", self.place.user.pw_name)
