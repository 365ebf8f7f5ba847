# SPDX-License-Identifier: ISC
"""The usual scene: a provider's domain mailbox, the office's LMTP server, multidropd between them."""
import collections
import itertools
import poplib

from daemon import Multidropd, multidrop_account
from messages import dissect, is_ours
from place import Place
from servers import OFFICE_USERS, Dovecot
from tap import check

USER, PASSWORD = "example.com", "secret"

_numbers = itertools.count(1)


class Scene(Place):
    """`with Scene() as scene:` has `provider`, `office` and `daemon` running or ready, and one account named example.com."""

    def __enter__(self):
        try:
            self.set_up()
        except BaseException:
            self.close()
            raise
        return self

    def set_up(self):
        self.provider = Dovecot(self, "provider", {USER: PASSWORD}).start()
        self.office = self.make_office().start()
        self.daemon = Multidropd(self)
        self.configure()

    def make_office(self):
        return Dovecot(self, "office", {name: "unused" for name in OFFICE_USERS})

    def begin(self):
        """The same servers for another test: empty mailboxes, and a daemon that remembers nothing."""
        self.provider.empty()
        self.office.empty()
        self.daemon = Multidropd(self, f"multidropd-{next(_numbers)}")
        self.configure()

    def configure(self, accounts=None, relays=None, **changes):
        self.daemon.configure(accounts or {"example.com": self.account()}, relays or {"office": self.lmtp()}, **changes)

    def account(self, **changes):
        return multidrop_account(self.provider.port, **{"user": USER, "password": PASSWORD, **changes})

    def lmtp(self, **changes):
        return {"protocol": "lmtp", "address": "unix:" + self.office.lmtp_socket, **changes}

    def stock(self, messages):
        for message in messages:
            self.provider.put(USER, message.served)

    def uids(self):
        """The provider's UIDs, in the order of what was stocked."""
        session = poplib.POP3("127.0.0.1", self.provider.port)
        session.user(USER)
        session.pass_(PASSWORD)
        uids = [row.split()[1].decode() for row in session.uidl()[1]]
        session.quit()
        return uids


def check_delivered(server, user, messages):
    """The user has exactly these, each once, byte for byte but for the allowed edits, with its sender. Mail of our own apart."""
    found = [dissect(stored) for stored in server.delivered(user) if not is_ours(stored)]
    check.assertEqual(len(found), len(messages), f"number of messages for {user}")
    wanted = sorted((message.kept.replace(b"\r\n", b"\n"), message.sender) for message in messages)
    for (kept, sender), got in zip(wanted, sorted(found, key=lambda one: (one.kept, one.sender))):
        if got.kept != kept:        # short, where assertEqual would print megabytes
            at = next((i for i, pair in enumerate(zip(got.kept, kept)) if pair[0] != pair[1]), min(len(got.kept), len(kept)))
            raise AssertionError(f"{user}: byte {at} differs: {got.kept[max(0, at - 60):at + 60]!r} "
                                 f"instead of {kept[max(0, at - 60):at + 60]!r}")
        check.assertEqual(got.sender, sender)


def check_everybody(server, messages):
    for user in OFFICE_USERS:
        check_delivered(server, user, [message for message in messages if user in message.recipients])


def check_doubles(found, wanted, announced):
    """Each of `wanted` (bytes → UID) is there and nothing else, twice only what the log called a possible duplicate; how many are."""
    times = collections.Counter(found)
    check.assertEqual([uid for kept, uid in wanted.items() if kept not in times], [], "lost")
    check.assertEqual([kept[:300] for kept in times if kept not in wanted], [], "not meant for this mailbox, or altered")
    for kept in times:
        if times[kept] > 1:
            check.assertIn(wanted[kept], announced, "a double that nobody was told of")
    return len(found) - len(wanted)
