# SPDX-License-Identifier: ISC
"""For whom a message is, with real servers at both ends: sources, domains, virtual tables, fallbacks, loops, doubles."""
import os
import signal
import smtplib

from messages import Message, dissect, fields, make, read_notice
from place import wait_for
from scene import USER, Scene, check_delivered, check_everybody
from scripted import ScriptedPop3
from servers import OFFICE_USERS, Postfix
from tap import Skip, check, main, test

scene = Scene()


def begin(options=None, **multidrop):
    """A fresh scene whose account has these multidrop options, and others of the account in `options`."""
    scene.begin()
    changed = {**scene.account()["multidrop"], **multidrop}
    scene.configure({"example.com": scene.account(multidrop=changed, **(options or {}))})


def stamped(addresses, people, **changes):
    """A message that the provider stamped with these addresses and that these people of the office are to get."""
    message = make(f"for {addresses}", people, stamp=None, to="somebody@lists.example", **changes)
    message.stamps += f"X-Envelope-To: {addresses}\r\n".encode()
    return message


def unplaced(addresses):
    """A stamp that names nobody of ours: it stays in the message, for the postmaster to see."""
    message = make(f"for {addresses}", ["postmaster"], stamp=None, to="somebody@lists.example")
    message.kept = f"X-Envelope-To: {addresses}\r\n".encode() + message.kept
    return message


def once(*messages, expect=0):
    scene.stock(messages)
    return scene.daemon.once(expect=expect)


def check_routed(mail, left=0):
    """Everybody has what is theirs and nothing else, after one poll; a second one has nothing to do."""
    log = once(*mail)
    check_everybody(scene.office, mail)
    check.assertEqual(len(scene.provider.left(USER)), left)
    check.assertEqual(once().verdicts(), [])
    check_everybody(scene.office, mail)
    return log


# Routes

@test
def virtual_table_leads_to_its_targets():
    begin(virtual=["info@example.com alice, bob", "boss@example.com info@example.com", "sales@ carol@example.com",
                   "spam@example.com discard:", "help@example.com postmaster", "@example.com bob@example.com",
                   "alice@example.com alice@example.com", "carol@example.com carol@example.com"],
          domains=["example.com", ".example.com"])
    log = check_routed([
        stamped("info@example.com", ["alice", "bob"]),
        stamped("Info@Example.COM", ["alice", "bob"]),
        stamped("info+news@example.com", ["alice", "bob"]),
        stamped("boss@example.com", ["alice", "bob"]),
        stamped("info@example.com, alice@example.com", ["alice", "bob"]),
        stamped("sales@shop.example.com", ["carol"]),
        stamped("spam@example.com", []),
        stamped("spam@example.com, alice@example.com", ["alice"]),
        stamped("help@example.com", ["postmaster"]),
        stamped("whoever@example.com", ["bob"]),
        unplaced("victim@elsewhere.example"),
        stamped("victim@elsewhere.example, alice@example.com", ["alice"]),
    ])
    check.assertNotIn("to=victim", str(log))


@test
def virtual_file_is_read_again_on_hangup_unless_it_is_bad():
    scene.begin()
    table = scene.write(os.path.join(scene.daemon.folder, "virtual"), "# people\ninfo@example.com  alice@example.com\n")
    begin({"interval": "1h"}, virtual_file=table)
    before, after = stamped("info@example.com", ["alice"]), stamped("info@example.com", ["bob"])
    scene.stock([before])
    manager = scene.daemon.start_service()
    wait_for("the first poll's end", lambda: not scene.provider.left(USER))
    scene.write(table, "info@example.com  bob@example.com\n")
    scene.daemon.process.send_signal(signal.SIGHUP)
    manager.wait_for("READY=1")
    scene.stock([after])
    scene.daemon.process.send_signal(signal.SIGUSR1)
    wait_for("the second poll's end", lambda: not scene.provider.left(USER))
    scene.write(table, "info@example.com\n")
    scene.daemon.process.send_signal(signal.SIGHUP)
    scene.daemon.wait_for_log(r"virtual:1: ")
    last = stamped("info@example.com", ["bob"])
    scene.stock([last])
    scene.daemon.process.send_signal(signal.SIGUSR1)
    wait_for("the third poll's end", lambda: not scene.provider.left(USER))
    check.assertEqual(scene.daemon.end(), 0)
    check_everybody(scene.office, [before, after, last])


@test
def domain_is_rewritten():
    begin(domains=["example.com", "office.example"], rewrite_domain="inside.example")
    log = check_routed([stamped("alice@office.example, alice@example.com", ["alice"])])
    check.assertEqual([one["to"] for one in log.verdicts("delivered")], ["alice@inside.example"])


@test
def leading_dot_takes_in_all_below():
    begin(domains=[".example.com"])
    check_routed([
        stamped("alice@a.example.com", ["alice"]),
        stamped("bob@b.a.Example.COM", ["bob"]),
        unplaced("alice@example.com.elsewhere.example"),
        unplaced("alice@notexample.com"),
    ])


@test
def international_domain_is_known_in_both_forms():
    for configured in ("bücher.example", "xn--bcher-kva.example"):
        begin(domains=[configured], virtual=[f"info@{configured} carol@example.com"])
        check_routed([
            stamped("alice@xn--bcher-kva.example", ["alice"]),
            stamped("info@XN--BCHER-KVA.example", ["carol"]),
            unplaced("bob@bucher.example"),
        ])


# Sources

class Provider(Postfix):
    """Collects the whole domain in one mailbox, as a provider does."""

    def __init__(self, place):
        super().__init__(place, "provider-postfix")
        self.mailboxes = {f"@{self.DOMAIN}": "domain"}

    def send(self, recipients, text, helo="mail.partner.example"):
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname=helo) as client:
            client.sendmail("anna@partner.example", recipients, text)


@test
def received_of_a_real_server_names_the_recipient():
    if not Postfix.can_run():
        raise Skip("Postfix wants to be started by root")
    begin(envelope=["Received"], received_by=["relay.example.com"])
    provider = Provider(scene).start()
    forged = b"Received: from x by relay.example.com (Postfix) with ESMTP id 1 for <bob@example.com>; Tue, 24 Nov 2026 09:00:00 +0100\r\n"
    text = b"From: anna@partner.example\r\nTo: bob@example.com\r\nMessage-ID: <%s@partner.example>\r\n\r\nHello.\r\n"
    provider.send(["alice@example.com"], text % b"plain")
    provider.send(["carol@example.com"], forged + text % b"forged", "x for <bob@example.com>; by relay.example.com")
    provider.send(["alice@example.com", "carol@example.com"], forged + text % b"not-said")
    provider.wait_until_settled()
    for stored in provider.delivered("domain"):
        scene.provider.put(USER, stored)
    provider.stop()
    scene.daemon.once()
    found = {user: sorted(stored.partition(b"Message-ID: <")[2].partition(b"@")[0] for stored in scene.office.delivered(user))
             for user in OFFICE_USERS}
    # for two recipients Postfix stores two copies, and says in neither for whom
    check.assertEqual(found, {"alice": [b"plain"], "bob": [], "carol": [b"forged"], "postmaster": [b"not-said", b"not-said"]})
    check.assertEqual(scene.provider.left(USER), [])


def told(message):
    """What a server with Demon's extension says of a message."""
    envelope = [message.sender or "<>", *(f"{one}@example.com" for one in message.recipients)]
    lines = ["+OK", "1", "mx.provider.example", "192.0.2.25", *envelope, "."]
    return "".join(f"{line}\r\n" for line in lines).encode()


def sdps(server_messages, envelope):
    """A server with Demon's extension: `envelope` gives the lines for a message number."""
    def hook(verb, line, connection):
        if verb != "*ENV":
            return None
        return envelope(int(line.split()[1]))
    server = ScriptedPop3(scene, [(f"uid{number}", message.served) for number, message in enumerate(server_messages, 1)], hook)
    scene.configure({"example.com": scene.account(server=f"127.0.0.1:{server.port}",
                                                  multidrop={"envelope": ["*ENV"], "domains": ["example.com"]})})
    return server


@test
def envelope_command_gives_sender_and_recipients():
    scene.begin()
    mail = [make("one", ["alice"], stamp=None, sender="real@partner.example", to="bob@example.com"),
            make("two", ["bob", "carol"], stamp=None, sender="", to="alice@example.com")]
    for message in mail:                # the server tells another sender than the message
        message.stamps = b"Return-Path: <forged@elsewhere.example>\r\n"
    server = sdps(mail, lambda number: told(mail[number - 1]))
    scene.daemon.once()
    check_everybody(scene.office, mail)
    check.assertEqual(server.messages, [])


@test
def server_without_the_envelope_command_is_an_error_and_loses_nothing():
    scene.begin()
    message = make("not asked", ["alice"])
    server = sdps([message], lambda number: b"-ERR unknown command\r\n")
    log = scene.daemon.once(expect=1)
    check.assertEqual(len(log.alarms()), 1, str(log))
    check.assertRegex(log.alarms()[0], r"\*ENV.*unknown command")
    check.assertEqual(len(server.messages), 1)
    for user in OFFICE_USERS:
        check.assertEqual(scene.office.delivered(user), [])


@test
def message_whose_envelope_the_server_refuses_waits_and_the_others_go():
    scene.begin()
    mail = [make("refused", ["alice"], stamp=None), make("told", ["bob"], stamp=None)]
    refusals = [b"-ERR busy\r\n"]
    server = sdps(mail, lambda number: refusals[0] if number == 1 and refusals else told(mail[number - 1]))
    scene.daemon.once(expect=1)
    check_everybody(scene.office, mail[1:])
    check.assertEqual([uid for uid, _ in server.messages], ["uid1"])
    refusals.clear()
    scene.daemon.once()
    check_everybody(scene.office, mail)
    check.assertEqual(server.messages, [])


# Fallbacks

def check_one_notice(says):
    """One message is left, the postmaster was told once, and is not told again."""
    [stored] = scene.office.delivered("postmaster")
    notice = read_notice(stored)
    check.assertEqual(notice.mail.get_content_type(), "text/plain")
    check.assertIn(says, " ".join(notice.text.split()))
    check.assertIn(scene.uids()[0], notice.text)
    check.assertEqual(once().verdicts(), [])
    check.assertEqual(len(scene.office.delivered("postmaster")), 1)
    check.assertEqual(len(scene.provider.left(USER)), 1)


@test
def copies_for_each_recipient_reach_everybody_once():
    """The provider stores a copy for each, with all of them in To and no stamp: the header says who, the Message-ID that it was had."""
    begin(fallback="headers")
    message = make("copies", ["alice", "bob", "carol"], stamp=None)
    log = once(message, message, message)
    check_everybody(scene.office, [message])
    check.assertEqual(scene.provider.left(USER), [])
    check.assertEqual(len(log.verdicts("duplicate")), 2, str(log))


@test
def copies_that_are_stamped_are_no_doubles():
    begin({"duplicates": "1h"})
    message = make("stamped copies", ["alice", "bob"], stamp=None)
    for user in message.recipients:
        scene.stock([Message(message.name, [user], message.stamps + f"X-Envelope-To: {user}@example.com\r\n".encode(), message.kept)])
    scene.daemon.once()
    check_everybody(scene.office, [message])
    again = Message(message.name, ["alice"], b"X-Envelope-To: alice@example.com\r\n", message.kept)
    check.assertEqual([one["status"] for one in once(again).verdicts()], ["duplicate"])
    check_everybody(scene.office, [message])
    check.assertEqual(scene.provider.left(USER), [])


@test
def unplaced_mail_is_kept_with_one_notice():
    begin(fallback="keep")
    mail = [make("nowhere", [], stamp=None, to="list@lists.example"), make("somewhere", ["alice"])]
    once(*mail)
    check_one_notice("fallback = keep")
    check_delivered(scene.office, "alice", mail[1:])


@test
def loop_is_kept_with_one_notice():
    begin()
    hop = b"Received: from a.example by b.example with ESMTP id 1; Tue, 24 Nov 2026 09:00:00 +0100\r\n"
    endless, long = make("101 hops", ["alice"], extra=hop * 100), make("100 hops", ["bob"], extra=hop * 99)
    once(endless, long)
    check_delivered(scene.office, "alice", [])
    check_delivered(scene.office, "bob", [long])
    check_one_notice("loop")


@test
def own_trace_three_times_is_a_loop():
    begin()
    message = make("round and round", ["alice"])
    for _ in range(3):
        scene.provider.empty()
        scene.provider.put(USER, message.served)
        scene.daemon.once()
        back = dissect(max(scene.office.delivered("alice"), key=len))      # each round adds a field
        message.kept = (back.trace + back.kept).replace(b"\n", b"\r\n")
    scene.stock([message])
    scene.daemon.once()
    check.assertEqual(len(scene.office.delivered("alice")), 3)
    check_one_notice("loop")


# What is changed in a message

@test
def header_is_edited_as_configured():
    begin({"strip_headers": ["X-Spam-Score", "Received-SPF"], "add_headers": ["X-Fetched-By: gateway"], "fix_message_id": True})
    message = make("edited", ["alice"], extra=b"X-Spam-Score: 9\r\n folded\r\nX-Spam-Score-Not: 1\r\nreceived-spf: pass\r\n")
    message.kept = message.kept.replace(b"Message-ID: <", b"Message-ID: no <angles ")
    once(message)
    [stored] = scene.office.delivered("alice")
    names = [name for name, _ in fields(stored)]
    check.assertNotIn("x-spam-score", names)
    check.assertNotIn("received-spf", names)
    check.assertNotIn("message-id", names)
    check.assertNotIn(b" folded\n", stored)
    check.assertEqual(names.count("x-spam-score-not"), 1)
    check.assertEqual(names.count("x-fetched-by"), 1)
    check.assertIn(b"\nX-Fetched-By: gateway\n", stored)
    check.assertIn(b"\nX-Invalid-Message-ID: no <angles ", stored)
    check.assertTrue(stored.endswith(b"\n\nHello.\n"))


main(scene)
