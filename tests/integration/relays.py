# SPDX-License-Identifier: ISC
"""Relays that refuse: a Dovecot (LMTP) with full mailboxes, a Postfix with a policy and a word that it does not take."""
from messages import read_notice
from scene import Scene
from scripted import PolicyServer
from servers import OFFICE_USERS, Dovecot, Postfix
from tap import Skip, check

UNKNOWN = "mallory@example.com"
FORBIDDEN = b"these are the forbidden words\r\n"
TOO_MUCH = b"0123456789abcdef" * 4 + b"\r\n"


class Relays(Scene):
    """`full` has a mailbox over its quota for good, `crowded` one that may have room later. Postfix also has the sender's mailbox."""

    def set_up(self):
        super().set_up()
        self.policy = PolicyServer(self)
        self.postfix = self._start_postfix() if Postfix.can_run() else None

    def make_office(self):
        office = Dovecot(self, "office", {name: "unused" for name in (*OFFICE_USERS, "full", "crowded")})
        office.user_fields = {"full": "userdb_quota_rule=*:bytes=1000 userdb_quota_full_tempfail=no",
                              "crowded": "userdb_quota_rule=*:bytes=1000 userdb_quota_full_tempfail=yes"}
        office.extra = "mail_plugins = quota\nplugin {\n  quota = maildir:Mailbox\n}\n"
        return office

    def _start_postfix(self):
        postfix = Postfix(self)
        postfix.mailboxes["anna@partner.example"] = "anna"
        postfix.extra = {"body_checks": "regexp:{ { /forbidden words/ REJECT we do not take this } }",
                         "smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{self.policy.port}",
                         "debug_peer_list": "127.0.0.1", "debug_peer_level": "1"}
        return postfix.start()

    def begin(self):
        super().begin()
        self.policy.decide = lambda attributes: "DUNNO"
        if self.postfix is not None:
            self.postfix.empty()

    def through_postfix(self, relay=None, **changes):
        """The account's mail goes to Postfix in place of the office."""
        if self.postfix is None:
            raise Skip("Postfix wants to be started by root")
        self.configure({"example.com": self.account(**changes)}, {"postfix": self.smtp(**(relay or {}))})

    def smtp(self, **changes):
        return {"protocol": "smtp", "address": f"127.0.0.1:{self.postfix.port}", **changes}

    def once(self, *messages, expect=0):
        self.stock(messages)
        log = self.daemon.once(expect=expect)
        if self.postfix is not None:
            self.postfix.wait_until_settled()
        return log


def notices(server, user="postmaster"):
    """What multidropd wrote itself to somebody there."""
    return [read_notice(stored) for stored in server.delivered(user)]


def as_stored(message):
    return message.served.replace(b"\r\n", b"\n")


def check_copy(notice, message, recipient, reply):
    """The postmaster's copy says who refused whom and why, and has the message as it came."""
    check.assertEqual(notice.mail.get_content_type(), "multipart/mixed")
    check.assertEqual([part.get_content_type() for part in notice.mail.iter_parts()], ["text/plain", "message/rfc822"])
    check.assertEqual(notice.mail["To"], "postmaster@example.com")
    check.assertEqual(notice.mail["Auto-Submitted"], "auto-generated")
    check.assertIn(recipient, notice.text)
    check.assertRegex(" ".join(notice.text.split()), reply)
    check.assertTrue(notice.attached == as_stored(message),
                     f"{len(notice.attached)} bytes, not {len(as_stored(message))}:\n{notice.attached[:600]!r}")
