# SPDX-License-Identifier: ISC
"""What real relays refuse, and where it goes: to the postmaster, to the sender, nowhere, or later to its recipient.

One set of servers for all tests: a Dovecot as the provider, a Dovecot (LMTP) and a Postfix as relays.
"""
import collections
import os
import random
import re
import signal
import subprocess

from messages import attachment, dissect, make, read_notice
from place import wait_for
from scene import USER, Scene, check_delivered
from scripted import PolicyServer, ScriptedSmtp
from servers import OFFICE_USERS, Dovecot, Postfix, tail
from tap import Skip, check, main, test

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
KILLED_MESSAGES, KILLS = 100, 8
UNKNOWN = "mallory@example.com"
FORBIDDEN = b"these are the forbidden words\r\n"
TOO_MUCH = b"0123456789abcdef" * 4 + b"\r\n"


class Relays(Scene):
    """`full` has a mailbox over its quota for good, `crowded` one that may have room later. Postfix also has the sender's mailbox."""

    def __enter__(self):
        super().__enter__()
        self.policy = PolicyServer(self)
        self.postfix = self._start_postfix() if Postfix.can_run() else None
        return self

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

    def notices(self, server, user="postmaster"):
        """What multidropd wrote itself to somebody there."""
        return [read_notice(stored) for stored in server.delivered(user)]

    def once(self, *messages, expect=0):
        self.stock(messages)
        log = self.daemon.once(expect=expect)
        if self.postfix is not None:
            self.postfix.wait_until_settled()
        return log


scene = Relays()


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


# rejected = postmaster

@test
def unknown_user_goes_to_the_postmaster_as_it_came():
    scene.begin()
    message = make("unknown user", ["mallory"], "Grüße.\r\n".encode())
    log = scene.once(message)
    [notice] = scene.notices(scene.office)
    check_copy(notice, message, UNKNOWN, r"550 5\.1\.1 .*User doesn't exist")
    check.assertEqual(scene.provider.left(USER), [])
    [refused], [delivered] = log.verdicts("rejected"), log.verdicts("delivered")
    check.assertEqual((refused["to"], refused["from"]), (UNKNOWN, message.sender))
    check.assertIn("postmaster", refused["note"])
    check.assertEqual((delivered["to"], delivered["about"], delivered["from"]), ("postmaster@example.com", UNKNOWN, ""))
    check.assertEqual(log.alarms(), [])


@test
def those_whom_the_relay_knows_get_it_and_one_copy_names_the_others():
    scene.begin()
    message = make("some unknown", ["alice", "mallory", "bob", "trent"])
    scene.once(message)
    for user in ("alice", "bob"):
        check_delivered(scene.office, user, [message])
    [notice] = scene.notices(scene.office)
    for recipient in (UNKNOWN, "trent@example.com"):
        check_copy(notice, message, recipient, "5.1.1")
    check.assertEqual(scene.provider.left(USER), [])


@test
def copy_of_a_streamed_message_is_whole():
    scene.begin()
    body, mime = attachment(5 << 20)
    message = make("large", ["alice", "mallory"], body, extra=mime)
    scene.configure(memory_limit="1M")
    scene.once(message)
    check_delivered(scene.office, "alice", [message])
    [notice] = scene.notices(scene.office)
    check_copy(notice, message, UNKNOWN, "5.1.1")
    check.assertRegex(tail(scene.provider.log, 1), "retr=2/", "a copy of what is not held is a second RETR")
    check.assertEqual(scene.provider.left(USER), [])


# rejected = keep, discard

@test
def kept_mail_stays_and_is_not_tried_again():
    scene.begin()
    message = make("kept", ["mallory", "alice"])
    scene.configure({"example.com": scene.account(rejected="keep")})
    log = scene.once(message)
    check.assertEqual([one["to"] for one in log.verdicts("rejected")], [UNKNOWN])
    check.assertEqual(scene.once().verdicts(), [])
    check.assertEqual(len(scene.provider.left(USER)), 1)
    check_delivered(scene.office, "alice", [message])
    check.assertEqual(scene.office.delivered("postmaster"), [])


@test
def discarded_mail_is_deleted_and_logged():
    scene.begin()
    message = make("discarded", ["mallory", "alice"])
    scene.configure({"example.com": scene.account(rejected="discard")})
    [refused] = scene.once(message).verdicts("rejected")
    check.assertEqual(refused["to"], UNKNOWN)
    check.assertIn("discard", refused["note"])
    check.assertEqual(scene.provider.left(USER), [])
    check_delivered(scene.office, "alice", [message])
    check.assertEqual(scene.office.delivered("postmaster"), [])


# rejected = bounce

def with_bounces():
    scene.begin()
    if scene.postfix is None:
        raise Skip("Postfix wants to be started by root")
    scene.configure({"example.com": scene.account(rejected="bounce", relay="office", bounce_relay="postfix")},
                    {"office": scene.lmtp(), "postfix": scene.smtp()})


@test
def bounce_tells_the_sender():
    with_bounces()
    message = make("to be bounced", ["mallory", "alice"], subject="The plans")
    log = scene.once(message)
    [bounce] = scene.notices(scene.postfix, "anna")
    check.assertEqual(bounce.mail.get_content_type(), "multipart/report")
    check.assertEqual(bounce.mail.get_param("report-type"), "delivery-status")
    check.assertEqual(bounce.mail["To"], "anna@partner.example")
    check.assertEqual(bounce.mail["Auto-Submitted"], "auto-replied")
    check.assertTrue(scene.postfix.delivered("anna")[0].startswith(b"Return-Path: <>\n"))
    text, status, header = bounce.mail.iter_parts()
    check.assertIn(UNKNOWN, text.get_content())
    check.assertEqual(status.get_content_type(), "message/delivery-status")
    about_all, about_one = status.get_payload()
    check.assertEqual(about_all["Reporting-MTA"], "dns; gateway.example.com")
    check.assertEqual(about_one["Final-Recipient"], f"rfc822; {UNKNOWN}")
    check.assertEqual((about_one["Action"], about_one["Status"]), ("failed", "5.1.1"))
    check.assertRegex(about_one["Diagnostic-Code"], r"^smtp; 550 5\.1\.1 ")
    check.assertEqual(header.get_content_type(), "text/rfc822-headers")
    check.assertIn(f"Message-ID: <{message.message_id}>", header.get_content())
    check_delivered(scene.office, "alice", [message])
    check.assertEqual(scene.office.delivered("postmaster"), [])
    check.assertEqual(scene.provider.left(USER), [])
    check.assertEqual([one["to"] for one in log.verdicts("delivered") if one.get("about") == UNKNOWN], [message.sender])


@test
def whoever_must_not_be_sent_a_bounce_is_not():
    with_bounces()
    mail = [make("from nobody", ["mallory"], sender=""),
            make("bulk", ["mallory"], extra=b"Precedence: bulk\r\n"),
            make("list", ["mallory"], extra=b"precedence: LIST\r\n"),
            make("auto submitted", ["mallory"], extra=b"Auto-Submitted: auto-replied (vacation)\r\n")]
    scene.once(*mail)
    check.assertEqual(scene.postfix.delivered("anna"), [])
    copies = {notice.attached: notice for notice in scene.notices(scene.office)}
    for message in mail:
        check_copy(copies.pop(as_stored(message)), message, UNKNOWN, "5.1.1")
    check.assertEqual(copies, {})
    check.assertEqual(scene.provider.left(USER), [])


# Full mailboxes

@test
def mailbox_that_is_full_for_good_is_a_refusal():
    scene.begin()
    message = make("too much", ["alice", "full", "bob"], TOO_MUCH * 50)
    scene.once(message)
    [notice] = scene.notices(scene.office)
    check_copy(notice, message, "full@example.com", r"552 5\.2\.2 .*Quota exceeded")
    for user in ("alice", "bob"):
        check_delivered(scene.office, user, [message])
    check.assertEqual(scene.office.delivered("full"), [])
    check.assertEqual(scene.provider.left(USER), [])


@test
def mailbox_that_is_full_for_now_is_tried_again():
    scene.begin()
    message = make("for later", ["alice", "crowded", "bob"], TOO_MUCH * 50)
    log = scene.once(message, expect=1)
    [deferred] = log.verdicts("deferred")
    check.assertEqual(deferred["to"], "crowded@example.com")
    check.assertRegex(deferred["reply"], r"^452 4\.2\.2 ")
    check.assertEqual(len(scene.provider.left(USER)), 1)
    log = scene.once(expect=1)
    check.assertEqual([one["to"] for one in log.verdicts()], ["crowded@example.com"])
    for user in ("alice", "bob"):
        check_delivered(scene.office, user, [message])
    check.assertEqual(scene.office.delivered("postmaster"), [])


# Greylisting

def greylist(recipient):
    """A function that opens the gate."""
    closed = [recipient]
    scene.policy.decide = lambda attributes: "DEFER_IF_PERMIT try again" if attributes["recipient"] in closed else "DUNNO"
    return closed.clear


@test
def greylisted_recipient_gets_it_later_and_once():
    scene.begin()
    scene.through_postfix()
    message = make("greylisted", ["alice", "bob"])
    open_gate = greylist("bob@example.com")
    log = scene.once(message, expect=1)
    check.assertEqual([one["to"] for one in log.verdicts("deferred")], ["bob@example.com"])
    check_delivered(scene.postfix, "alice", [message])
    check_delivered(scene.postfix, "bob", [])
    open_gate()
    scene.once()
    scene.once()
    for user in ("alice", "bob"):
        check_delivered(scene.postfix, user, [message])
    check.assertEqual(scene.postfix.delivered("postmaster"), [])
    check.assertEqual(scene.provider.left(USER), [])


@test
def recipient_that_is_put_off_too_long_goes_to_the_postmaster():
    scene.begin()
    scene.through_postfix(give_up=1)
    message = make("given up", ["bob"])
    greylist("bob@example.com")
    scene.once(message, expect=1)
    wait_for("the copy", lambda: scene.daemon.run("--once")[0] == 0)
    scene.postfix.wait_until_settled()
    [notice] = scene.notices(scene.postfix)
    check_copy(notice, message, "bob@example.com", "give_up.*450 4.7.1")
    check.assertEqual(scene.postfix.delivered("bob"), [])
    check.assertEqual(scene.provider.left(USER), [])


# Content

@test
def refused_content_whose_copy_is_refused_stays_with_one_short_notice():
    scene.begin()
    scene.through_postfix()
    log = scene.once(make("bad content", ["alice", "bob"], FORBIDDEN))
    check.assertEqual(len(scene.provider.left(USER)), 1)
    [notice] = scene.notices(scene.postfix)
    check.assertEqual(notice.mail.get_content_type(), "text/plain")
    check.assertIn("we do not take this", " ".join(notice.text.split()))
    check.assertIn(scene.uids()[0], notice.text)
    check.assertEqual(len(log.verdicts("rejected")), 2, "the message and its copy")
    check.assertEqual(scene.once().verdicts(), [])
    check.assertEqual(len(scene.postfix.delivered("postmaster")), 1)
    check.assertEqual(len(scene.provider.left(USER)), 1)


@test
def content_that_only_one_relay_refuses_reaches_the_postmaster():
    """LMTP decides for each recipient: what alice's filter refuses, bob gets."""
    scene.begin()
    message = make("filtered", ["alice", "bob"], FORBIDDEN)
    relay = ScriptedSmtp(scene, lambda verb, line, connection: b"554 5.7.1 no\r\n" if (verb, line) == (".", b"alice@example.com") else None)
    scene.configure(relays={"office": {"protocol": "lmtp", "address": f"127.0.0.1:{relay.port}"}})
    scene.once(message)
    by_recipient = {recipient: data for _, recipient, data in relay.accepted}
    check.assertEqual(sorted(by_recipient), ["bob@example.com", "postmaster@example.com"])
    check.assertEqual(len(relay.accepted), 2)
    copy = read_notice(by_recipient["postmaster@example.com"].replace(b"\r\n", b"\n"))
    check_copy(copy, message, "alice@example.com", r"554 5\.7\.1 no")
    check.assertEqual(scene.provider.left(USER), [])


# Delivery status notifications by the relay (RFC 3461)

def commands_at_postfix(message, relay, **multidrop):
    """The MAIL and RCPT commands that Postfix logged while the message passed."""
    scene.begin()
    scene.through_postfix(relay, multidrop={**scene.account()["multidrop"], **multidrop})
    before = os.path.getsize(scene.postfix.log)
    scene.once(message)
    with open(scene.postfix.log, encoding="utf-8") as file:
        file.seek(before)
        return re.findall(r" < \S+: ((?:MAIL|RCPT) .*)", file.read())


@test
def stamped_recipient_is_offered_with_dsn_options():
    mail, rcpt = commands_at_postfix(make("stamped", ["info"]), {}, virtual=["info@example.com alice"])
    check.assertRegex(mail, r"^MAIL FROM:<anna@partner\.example> .*RET=HDRS ENVID=\w+")
    check.assertEqual(rcpt, "RCPT TO:<alice@example.com> NOTIFY=FAILURE ORCPT=rfc822;info@example.com")


@test
def guessed_recipient_is_offered_with_notify_never():
    message = make("guessed", ["alice"], stamp=None)
    _, rcpt = commands_at_postfix(message, {}, fallback="headers")
    check.assertEqual(rcpt, "RCPT TO:<alice@example.com> NOTIFY=NEVER")


@test
def dsn_off_means_no_options():
    mail, rcpt = commands_at_postfix(make("without", ["alice"]), {"dsn": "off"})
    check.assertNotRegex(mail, "RET=|ENVID=")
    check.assertEqual(rcpt, "RCPT TO:<alice@example.com>")


# Crashes

def run_and_kill(chance):
    settled = len(scene.daemon.log().verdicts())
    target = settled + chance.randrange(2 * KILLED_MESSAGES // KILLS)
    process = scene.daemon.start("--once")
    wait_for("progress", lambda: process.poll() is not None or len(scene.daemon.log().verdicts()) >= target)
    try:
        process.wait(chance.uniform(0, 0.02))
    except subprocess.TimeoutExpired:
        pass
    was_running = process.poll() is None
    scene.stop(process, signal.SIGKILL)
    return was_running


def check_times(found, wanted, announced, uids):
    """Each of `wanted` (bytes → message) at least once, nothing else, and doubles only of what the log announced."""
    check.assertEqual([message.name for kept, message in wanted.items() if kept not in found], [], "lost")
    check.assertEqual([kept[:300] for kept in found if kept not in wanted], [], "not meant for this mailbox, or altered")
    for kept, times in found.items():
        if times > 1:
            check.assertIn(uids[wanted[kept].message_id], announced, f"a double that nobody was told of: {wanted[kept].name}")


@test
def killed_with_refusals_under_way_nothing_is_lost():
    print(f"# SEED={SEED}", flush=True)
    scene.begin()
    chance = random.Random(SEED)
    people = ("alice", "bob", "carol")
    mail = [make(f"refused {number}", [chance.choice(people), "mallory"][chance.randrange(2):], TOO_MUCH * chance.randrange(300))
            for number in range(KILLED_MESSAGES)]
    scene.stock(mail)
    uids = dict(zip((message.message_id for message in mail), scene.uids()))
    killed = sum(run_and_kill(chance) for _ in range(KILLS))
    check.assertGreater(killed, KILLS // 2, "the kills came too late to prove anything")
    scene.daemon.once()
    announced = "\n".join(scene.daemon.log().matching("possible duplicate"))
    check.assertEqual(scene.provider.left(USER), [])
    for user in people:
        found = collections.Counter(dissect(stored).kept for stored in scene.office.delivered(user))
        check_times(found, {message.kept.replace(b"\r\n", b"\n"): message for message in mail if user in message.recipients},
                    announced, uids)
    found = collections.Counter(notice.attached for notice in scene.notices(scene.office))
    print(f"# {killed} kills, {found.total() - len(mail)} doubles of copies", flush=True)
    check_times(found, {as_stored(message): message for message in mail}, announced, uids)


main(scene)
