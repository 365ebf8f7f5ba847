# SPDX-License-Identifier: ISC
"""What real relays answer: full mailboxes, greylisting, content that is not taken, delivery status notifications."""
import os
import re

from messages import make, read_notice
from place import wait_for
from relays import FORBIDDEN, TOO_MUCH, UNKNOWN, Relays, as_stored, check_copy, notices
from scene import USER, check_delivered
from scripted import CLOSE, ScriptedSmtp
from tap import check, main, test

scene = Relays()


# Full mailboxes

@test
def mailbox_that_is_full_for_good_is_a_refusal():
    scene.begin()
    message = make("too much", ["alice", "full", "bob"], TOO_MUCH * 50)
    scene.once(message)
    [notice] = notices(scene.office)
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
    [notice] = notices(scene.postfix)
    check_copy(notice, message, "bob@example.com", "450 4.7.1.*given up")
    check.assertEqual(scene.postfix.delivered("bob"), [])
    check.assertEqual(scene.provider.left(USER), [])


@test
def daemon_comes_back_for_a_greylisted_recipient_by_itself():
    scene.begin()
    scene.through_postfix()
    scene.configure({"example.com": scene.account(interval="1h")}, {"postfix": scene.smtp()}, retry_min="1s")
    message, refusals = make("back in time", ["bob"]), ["DEFER_IF_PERMIT try again"]
    scene.policy.decide = lambda attributes: refusals.pop() if refusals else "DUNNO"
    scene.stock([message])
    scene.daemon.start()
    wait_for("the second poll", lambda: not scene.provider.left(USER))
    check.assertEqual(scene.daemon.end(), 0)
    scene.postfix.wait_until_settled()
    check_delivered(scene.postfix, "bob", [message])
    check.assertEqual(len(scene.daemon.log().verdicts("deferred")), 1)


@test
def postmasters_copy_that_is_put_off_comes_later_with_the_reason():
    scene.begin()
    scene.through_postfix()
    message = make("late copy", ["mallory"])
    open_gate = greylist("postmaster@example.com")
    scene.once(message, expect=1)
    scene.once(expect=1)
    open_gate()
    scene.once()
    [notice] = notices(scene.postfix)
    check_copy(notice, message, UNKNOWN, r"550 5\.1\.1 ")
    check.assertEqual(scene.provider.left(USER), [])


# Relays that lose patience

@test
def more_refused_recipients_than_a_session_may_have():
    """Postfix hangs up after 20; the others are asked for in the next poll at the latest, and nobody gets it twice."""
    scene.begin()
    scene.through_postfix()
    unknown = [f"nobody{number}" for number in range(30)]
    message = make("many unknown", ["alice", *unknown])
    scene.stock([message])
    wait_for("everybody's verdict", lambda: scene.daemon.run("--once")[0] == 0)
    scene.postfix.wait_until_settled()
    check_delivered(scene.postfix, "alice", [message])
    text = "".join(notice.text for notice in notices(scene.postfix))
    check.assertEqual([name for name in unknown if text.count(f" {name}@example.com\n") != 1], [])
    check.assertEqual(scene.provider.left(USER), [])


@test
def relay_that_hangs_up_on_the_third_refusal():
    """As Courier does. The transaction has no verdict then, so it is begun again."""
    scene.begin()
    refused = {}

    def hook(verb, line, connection):
        if verb != "RCPT" or b"nobody" not in line:
            return None
        refused[connection] = refused.get(connection, 0) + 1
        return CLOSE if refused[connection] > 2 else b"550 5.1.1 no\r\n"

    relay = ScriptedSmtp(scene, hook)
    scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
    scene.stock([make("many unknown", ["alice", *(f"nobody{number}" for number in range(7))])])
    wait_for("everybody's verdict", lambda: scene.daemon.run("--once")[0] == 0)
    check.assertEqual([recipient for _, recipient, _ in relay.accepted].count("alice@example.com"), 1)
    check.assertEqual(scene.provider.left(USER), [])


# Content

@test
def refused_content_whose_copy_is_refused_stays_with_one_short_notice():
    scene.begin()
    scene.through_postfix()
    log = scene.once(make("bad content", ["alice", "bob"], FORBIDDEN))
    check.assertEqual(len(scene.provider.left(USER)), 1)
    [notice] = notices(scene.postfix)
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


@test
def message_larger_than_the_relay_takes_stays_with_one_notice():
    scene.begin()
    relay = ScriptedSmtp(scene, lambda verb, *_: b"250-scripted\r\n250 SIZE 100000\r\n" if verb == "EHLO" else None)
    scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
    scene.once(make("too large", ["alice"], TOO_MUCH * 2000))
    check.assertEqual(scene.once().verdicts(), [])
    [(_, recipient, notice)] = relay.accepted
    check.assertEqual(recipient, "postmaster@example.com")
    check.assertLess(len(notice), 4000)
    check.assertEqual(len(scene.provider.left(USER)), 1)


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


main(scene)
