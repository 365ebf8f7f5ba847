# SPDX-License-Identifier: ISC
"""From a provider's domain mailbox to the right people, between real servers."""
import os

from daemon import HOSTNAME
from messages import dissect, is_ours, make, varied
from scene import USER, Scene, check_delivered, check_everybody
from servers import Postfix
from tap import Skip, check, main, test


@test
def varied_mail_reaches_its_people_byte_for_byte():
    mail = varied()
    with Scene() as scene:
        scene.stock(mail)
        log = scene.daemon.once()
        check_everybody(scene.office, mail)
        check.assertEqual(scene.provider.left(USER), [])
        copies = [stored for stored in scene.office.delivered("postmaster") if is_ours(stored)]
        check.assertEqual(len(copies), 1, "the unknown user's is with the postmaster")
        check.assertIn(b"Subject: unknown user\n", copies[0])
        check.assertEqual(len(log.verdicts("rejected")), 1)
        check.assertEqual(sum(one["to"].count("@") for one in log.verdicts("delivered")), sum(len(one.recipients) for one in mail))


@test
def trace_names_server_host_and_single_recipient():
    with Scene() as scene:
        scene.stock([make("one", ["alice"]), make("two", ["bob", "carol"])])
        scene.daemon.once()
        trace = dissect(scene.office.delivered("alice")[0]).trace
        check.assertRegex(trace, rb"^Received: from \[127\.0\.0\.1\] ")
        check.assertIn(b"by " + HOSTNAME.encode(), trace)
        check.assertIn(b"with POP3", trace)
        check.assertRegex(trace, rb"for <alice@example\.com>")
        check.assertNotIn(b"for <", dissect(scene.office.delivered("bob")[0]).trace)


@test
def without_trace_and_removal_the_message_is_untouched():
    message = make("as it is", ["alice"])
    with Scene() as scene:
        multidrop = {**scene.account()["multidrop"], "remove_header": False}
        scene.configure({"example.com": scene.account(add_received=False, multidrop=multidrop)})
        scene.stock([message])
        scene.daemon.once()
        stored = scene.office.delivered("alice")[0]
        check.assertTrue(stored.endswith(b"\n" + message.served.replace(b"\r\n", b"\n")), stored[:600])
        check.assertNotIn(b"with POP3", stored)


@test
def second_run_delivers_nothing():
    mail = [make("once", ["alice"]), make("owed to nobody", ["mallory"])]
    with Scene() as scene:
        scene.configure({"example.com": scene.account(rejected="keep")})
        scene.stock(mail)
        scene.daemon.once()
        log = scene.daemon.once()
        check.assertEqual(log.verdicts(), [])
        check_delivered(scene.office, "alice", mail[:1])
        check.assertEqual(len(scene.provider.left(USER)), 1)


@test
def kept_mail_is_delivered_once():
    mail = [make("first", ["alice"]), make("second", ["alice", "bob"])]
    with Scene() as scene:
        scene.configure({"example.com": scene.account(keep=True)})
        scene.stock(mail[:1])
        scene.daemon.once()
        scene.stock(mail[1:])
        scene.daemon.once()
        scene.daemon.once()
        check_everybody(scene.office, mail)
        check.assertEqual(len(scene.provider.left(USER)), 2)


@test
def one_person_mailbox_goes_to_its_recipient():
    message = make("whoever it names", ["bob"])
    with Scene() as scene:
        scene.configure({"carol": scene.account(multidrop=None, recipient="carol@example.com")})
        scene.stock([message])
        scene.daemon.once()
        [stored] = scene.office.delivered("carol")
        # a fixed recipient looks at no stamp, so it stays
        check.assertEqual(dissect(stored).kept, message.served.partition(b"\r\n")[2].replace(b"\r\n", b"\n"))
        check.assertEqual(scene.office.delivered("bob"), [])


@test
def named_account_is_polled_alone():
    with Scene() as scene:
        scene.configure({"one": scene.account(), "two": scene.account(server="127.0.0.1:1")})
        scene.stock([make("only", ["alice"])])
        log = scene.daemon.once("one")
        check.assertEqual(log.alarms(), [])
        check.assertEqual(len(scene.office.delivered("alice")), 1)


@test
def lmtp_over_tcp():
    message = make("over tcp", ["alice", "bob"])
    with Scene() as scene:
        scene.configure(relays={"office": scene.lmtp(address=f"127.0.0.1:{scene.office.lmtp_port}")})
        scene.stock([message])
        scene.daemon.once()
        check_everybody(scene.office, [message])


@test
def postfix_as_the_relay():
    if not Postfix.can_run():
        raise Skip("Postfix wants to be started by root")
    mail = varied()
    with Scene() as scene:
        relay = Postfix(scene).start()
        scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
        scene.stock(mail)
        scene.daemon.once()
        relay.wait_until_settled()
        check_everybody(relay, mail)
        check.assertEqual(len([stored for stored in relay.delivered("postmaster") if is_ours(stored)]), 1)
        check.assertEqual(scene.provider.left(USER), [])


@test
def started_by_root_it_becomes_the_configured_user():
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    message = make("as nobody", ["alice"])
    with Scene() as scene:
        scene.configure(user=scene.user.pw_name)
        scene.daemon.as_root = True
        scene.stock([message])
        scene.daemon.once()
        check_everybody(scene.office, [message])
        check.assertEqual(os.stat(scene.daemon.state).st_uid, scene.user.pw_uid)
        check.assertEqual(os.stat(scene.daemon.state).st_mode & 0o777, 0o600)


main()
