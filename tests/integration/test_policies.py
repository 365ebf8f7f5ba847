# SPDX-License-Identifier: ISC
"""Where it goes what a relay refuses for good: to the postmaster, to the sender, nowhere; also when the daemon is killed on the way.

SEED: repeats the kills.
"""
import os
import random

from messages import attachment, dissect, make
from relays import TOO_MUCH, UNKNOWN, Relays, as_stored, check_copy, notices
from scene import USER, check_delivered, check_doubles
from servers import tail
from tap import Skip, check, main, test

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
KILLED_MESSAGES, KILLS = 100, 8

scene = Relays()


# rejected = postmaster

@test
def unknown_user_goes_to_the_postmaster_as_it_came():
    scene.begin()
    message = make("unknown user", ["mallory"], "Grüße.\r\n".encode())
    log = scene.once(message)
    [notice] = notices(scene.office)
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
    [notice] = notices(scene.office)
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
    [notice] = notices(scene.office)
    check_copy(notice, message, UNKNOWN, "5.1.1")
    check.assertRegex(tail(scene.provider.log, 1), "retr=2/", "a copy of what is not held is a second RETR")
    check.assertEqual(scene.provider.left(USER), [])


@test
def account_has_a_postmaster_of_its_own():
    scene.begin()
    scene.configure({"example.com": scene.account(postmaster="carol@example.com")})
    scene.once(make("for carol", ["mallory"]))
    check.assertEqual(len(notices(scene.office, "carol")), 1)
    check.assertEqual(scene.office.delivered("postmaster"), [])


@test
def postmaster_whom_the_relay_refuses_leaves_it_on_the_server():
    scene.begin()
    scene.configure(postmaster="nobody@example.com")
    log = scene.once(make("nowhere to go", ["mallory"]))
    check.assertEqual([one["to"] for one in log.verdicts("rejected")], [UNKNOWN, "nobody@example.com", "nobody@example.com"])
    check.assertEqual(scene.once().verdicts(), [])
    check.assertEqual(len(scene.provider.left(USER)), 1)


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
    [bounce] = notices(scene.postfix, "anna")
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
    copies = {notice.attached: notice for notice in notices(scene.office)}
    for message in mail:
        check_copy(copies.pop(as_stored(message)), message, UNKNOWN, "5.1.1")
    check.assertEqual(copies, {})
    check.assertEqual(scene.provider.left(USER), [])


@test
def bounce_that_is_refused_becomes_the_postmasters_copy():
    with_bounces()
    message = make("no such sender", ["mallory"], sender="gone@partner.example")
    scene.once(message)
    [notice] = notices(scene.office)
    check_copy(notice, message, UNKNOWN, r"550 5\.1\.1 .*User doesn't exist")
    check.assertEqual(scene.provider.left(USER), [])


@test
def relay_of_bounces_that_is_down_delays_nothing_but_the_bounce():
    with_bounces()
    mail = [make("to be bounced", ["mallory", "alice"]), make("to be delivered", ["alice"])]
    accounts = {"example.com": scene.account(rejected="bounce", relay="office", bounce_relay="postfix")}
    scene.configure(accounts, {"office": scene.lmtp(), "postfix": scene.smtp(address="127.0.0.1:1")})
    scene.once(*mail, expect=1)
    check_delivered(scene.office, "alice", mail)
    check.assertEqual(len(scene.provider.left(USER)), 1)
    scene.configure(accounts, {"office": scene.lmtp(), "postfix": scene.smtp()})
    scene.once()
    [bounce] = notices(scene.postfix, "anna")
    check.assertIn("550 5.1.1", " ".join(bounce.text.split()), "the reason is remembered")
    check_delivered(scene.office, "alice", mail)
    check.assertEqual(scene.provider.left(USER), [])


# Crashes

def check_everything_once(mail, log, killed, uids):
    """Nothing is lost, and only what the log called a possible duplicate is there twice."""
    announced = "\n".join(log.matching("possible duplicate"))
    doubles = check_doubles([notice.attached for notice in notices(scene.office)],
                            {as_stored(message): uids[message.message_id] for message in mail}, announced)
    for user in ("alice", "bob"):
        wanted = {message.kept.replace(b"\r\n", b"\n"): uids[message.message_id] for message in mail if user in message.recipients}
        doubles += check_doubles([dissect(stored).kept for stored in scene.office.delivered(user)], wanted, announced)
    print(f"# {killed} kills, {doubles} doubles", flush=True)
    check.assertLessEqual(doubles, killed * 8, "more doubles than could be under way")


@test
def killed_with_refusals_under_way_nothing_is_lost():
    print(f"# SEED={SEED}", flush=True)
    scene.begin()
    chance = random.Random(SEED)
    groups = ["mallory"], ["alice", "mallory"], ["mallory", "bob"]
    mail = [make(f"refused {number}", chance.choice(groups), TOO_MUCH * chance.randrange(300)) for number in range(KILLED_MESSAGES)]
    scene.stock(mail)
    uids = dict(zip((message.message_id for message in mail), scene.uids()))
    killed = sum(scene.daemon.once_killed(chance.randrange(2 * KILLED_MESSAGES // KILLS), chance.uniform(0, 0.02)) for _ in range(KILLS))
    check.assertGreater(killed, KILLS // 2, "the kills came too late to prove anything")
    scene.daemon.once()
    check.assertEqual(scene.provider.left(USER), [])
    check_everything_once(mail, scene.daemon.log(), killed, uids)


main(scene)
