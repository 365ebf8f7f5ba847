# SPDX-License-Identifier: ISC
"""When something is wrong: one clear line, the right exit status, and the other account goes on."""
import socket

from messages import make
from scene import PASSWORD, USER, Scene, check_delivered
from scripted import CLOSE, ScriptedPop3, ScriptedSmtp
from servers import Dovecot
from tap import check, main, test


class TwoAccounts(Scene):
    """Account `good` is all right, `bad` is what the test makes of it; each has its mail for alice."""

    def run_both(self, bad, says, expect=1):
        """The log, after it was seen that `good` was served and `bad` got one line that matches `says`."""
        good = make("good", ["alice"])
        self.stock([good])
        self.configure({"bad": bad, "good": self.account()})
        log = self.daemon.once(expect=expect)
        check_delivered(self.office, "alice", [good])
        check.assertEqual(self.provider.left(USER), [])
        check.assertEqual(len(log.alarms()), 1, str(log))
        check.assertRegex(log.alarms()[0], says)
        return log

    def account_at(self, port, **changes):
        return self.account(server=f"127.0.0.1:{port}", **changes)


def served(*messages):
    return [(f"uid{number}", message.served) for number, message in enumerate(messages, 1)]


@test
def wrong_password():
    with TwoAccounts() as scene:
        other = Dovecot(scene, "other", {USER: "another"}).start()
        log = scene.run_both(scene.account_at(other.port), r"(?i)bad.*(password|auth|login|refused)")
        check.assertNotIn(PASSWORD, str(log))


@test
def server_that_is_down():
    with TwoAccounts() as scene, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        scene.run_both(scene.account_at(closed.getsockname()[1]), r"(?i)bad.*refused")


@test
def server_name_that_does_not_exist():
    with TwoAccounts() as scene:
        scene.run_both(scene.account(server="pop.nowhere.invalid"), r"(?i)bad.*pop\.nowhere\.invalid")


@test
def server_that_closes_without_a_greeting():
    with TwoAccounts() as scene:
        server = ScriptedPop3(scene, hook=lambda verb, *_: CLOSE if verb == "GREETING" else None)
        scene.run_both(scene.account_at(server.port), "(?i)bad.*(greeting|closed)")


@test
def server_that_is_no_pop3_server():
    with TwoAccounts() as scene:
        server = ScriptedPop3(scene, hook=lambda verb, *_: b"220 smtp ready\r\n" if verb == "GREETING" else None)
        scene.run_both(scene.account_at(server.port), "bad.*220 smtp ready")


@test
def connection_cut_inside_a_message_delivers_it_whole_next_time():
    message = make("cut", ["bob"], b"line\r\n" * 20000)
    cuts = iter([True])

    def hook(verb, line, connection):
        if verb == "RETR" and next(cuts, False):
            connection.sendall(b"+OK\r\n" + message.served[:len(message.served) // 2])
            return CLOSE
        return None

    with TwoAccounts() as scene:
        server = ScriptedPop3(scene, served(message), hook)
        scene.run_both(scene.account_at(server.port), "(?i)bad.*(closed|cut|lost)")
        check_delivered(scene.office, "bob", [])
        scene.daemon.once()
        check_delivered(scene.office, "bob", [message])
        check.assertEqual(server.messages, [])


@test
def refused_message_leaves_the_others():
    messages = [make(f"number {number}", ["bob"]) for number in range(3)]

    def hook(verb, line, connection):
        return b"-ERR cannot read it\r\n" if line == b"RETR 2" else None

    with Scene() as scene:
        server = ScriptedPop3(scene, served(*messages), hook)
        scene.configure({"example.com": scene.account(server=f"127.0.0.1:{server.port}")})
        log = scene.daemon.once(expect=1)
        check.assertEqual(len(log.alarms()), 1, str(log))
        check_delivered(scene.office, "bob", [messages[0], messages[2]])
        check.assertEqual([uid for uid, _ in server.messages], ["uid2"])


@test
def dele_that_did_not_take_is_done_again_without_a_second_delivery():
    message = make("sticky", ["bob"])
    losses = iter([True])

    def hook(verb, line, connection):
        return CLOSE if verb == "QUIT" and next(losses, False) else None

    with Scene() as scene:
        server = ScriptedPop3(scene, served(message), hook)
        scene.configure({"example.com": scene.account(server=f"127.0.0.1:{server.port}")})
        scene.daemon.run("--once")
        check.assertEqual(len(server.messages), 1)
        scene.daemon.once()
        check.assertEqual(server.messages, [])
        check_delivered(scene.office, "bob", [message])


# The relay

def through(scene, port, expect, count=3):
    """Runs `count` messages for bob through the relay at this port."""
    mail = [make(f"mail {number}", ["bob"]) for number in range(count)]
    scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{port}"}})
    scene.stock(mail)
    log = scene.daemon.once(expect=expect)
    if expect:
        check.assertEqual(len(scene.provider.left(USER)), count, "nothing was settled, so all is still there")
    return log


@test
def relay_that_is_down_means_nothing_is_retrieved():
    with Scene() as scene, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        log = through(scene, closed.getsockname()[1], expect=1)
        check.assertEqual(len(log.alarms()), 1, str(log))
        check.assertRegex(log.alarms()[0], "(?i)office.*refused")
        with open(scene.provider.log, encoding="utf-8") as file:
            check.assertNotRegex(file.read(), r"retr=[1-9]")


@test
def relay_that_refuses_its_greeting_decides_nothing():
    with Scene() as scene:
        relay = ScriptedSmtp(scene, lambda verb, *_: b"554 go away\r\n" if verb == "GREETING" else None)
        log = through(scene, relay.port, expect=1)
        check.assertEqual(len(log.alarms()), 1, str(log))
        check.assertIn("554 go away", log.alarms()[0])


@test
def relay_that_defers_everybody_is_asked_again():
    answer = [b"451 later\r\n"]
    with Scene() as scene:
        relay = ScriptedSmtp(scene, lambda verb, *_: answer[0] if verb == "RCPT" else None)
        log = through(scene, relay.port, expect=1)
        check.assertEqual(len(log.verdicts("deferred")), 3, str(log))
        check.assertIn("451 later", log.verdicts("deferred")[0]["reply"])
        check.assertEqual(relay.accepted, [])
        answer[0] = None
        scene.daemon.once()
        check.assertEqual(len(relay.accepted), 3)
        check.assertEqual(scene.provider.left(USER), [])


@test
def relay_that_refuses_everybody_leaves_the_mail_on_the_server():
    with Scene() as scene:
        relay = ScriptedSmtp(scene, lambda verb, *_: b"550 no such user\r\n" if verb == "RCPT" else None)
        log = through(scene, relay.port, expect=0)
        check.assertEqual(len(log.verdicts("rejected")), 9, str(log))   # each, its copy for the postmaster, and the notice
        tried = relay.count("RCPT")
        scene.daemon.once()
        check.assertEqual(relay.count("RCPT"), tried, "what was refused for good is not tried again")
        check.assertEqual(len(scene.provider.left(USER)), 3)


@test
def each_recipient_is_settled_alone():
    message = make("for three", ["alice", "bob", "carol"])
    answers = {b"bob@example.com": b"451 mailbox busy\r\n"}

    def hook(verb, line, connection):
        return answers.get(line) if verb == "." else None

    with Scene() as scene:
        relay = ScriptedSmtp(scene, hook)
        scene.configure(relays={"office": {"protocol": "lmtp", "address": f"127.0.0.1:{relay.port}"}})
        scene.stock([message])
        log = scene.daemon.once(expect=1)
        check.assertEqual([one["to"] for one in log.verdicts("deferred")], ["bob@example.com"])
        answers.clear()
        scene.daemon.once()
        check.assertEqual(sorted(recipient for _, recipient, _ in relay.accepted),
                          ["alice@example.com", "bob@example.com", "carol@example.com"])
        check.assertEqual(scene.provider.left(USER), [])


@test
def answer_lost_after_the_dot_is_said_to_be_a_possible_duplicate():
    message = make("in doubt", ["bob"])
    losses = iter([True])

    def hook(verb, line, connection):
        return CLOSE if verb == "." and next(losses, False) else None

    with Scene() as scene:
        relay = ScriptedSmtp(scene, hook)
        scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
        scene.stock([message])
        log = scene.daemon.once(expect=1)
        check.assertEqual(len(log.matching("possible duplicate|may be delivered twice")), 1, str(log))
        check.assertEqual(len(scene.provider.left(USER)), 1)
        scene.daemon.once()
        check.assertEqual(len(relay.accepted), 1)
        check.assertEqual(scene.provider.left(USER), [])


@test
def relay_that_ends_its_session_is_called_again_in_the_same_run():
    per_session = {}

    def hook(verb, line, connection):
        if verb == "MAIL":
            per_session[connection] = per_session.get(connection, 0) + 1
            if per_session[connection] > 2:
                return b"421 enough\r\n"
        return None

    with Scene() as scene:
        relay = ScriptedSmtp(scene, hook)
        log = through(scene, relay.port, expect=0, count=7)
        check.assertEqual(len(relay.accepted), 7, str(log))
        check.assertEqual(scene.provider.left(USER), [])


main()
