# SPDX-License-Identifier: ISC
"""The process: options, exit status, signals, reload, the service manager."""
import os
import signal
import threading

from daemon import Multidropd, multidrop_account
from messages import make
from place import DEADLINE_S, Place, wait_for
from scene import USER, Scene, check_delivered
from scripted import ScriptedPop3, ScriptedSmtp
from tap import check, main, test

USAGE, UNUSABLE_FOLDER, DAMAGED, TEMPFAIL, CONFIG = 64, 73, 74, 75, 78


def delivered_to(scene, user, count):
    wait_for(lambda: f"{count} messages for {user}:\n{scene.daemon.log()}", lambda: len(scene.office.delivered(user)) >= count)


# Options and exit status

@test
def version_and_help():
    with Place() as place:
        daemon = Multidropd(place)
        for option, text in (("-V", r"^multidropd \d"), ("--version", r"^multidropd \d"), ("-h", "--once"), ("--help", "--once")):
            status, out, _ = daemon.run(option)
            check.assertEqual(status, 0)
            check.assertRegex(out, text)


@test
def wrong_usage_is_64():
    with Place() as place:
        daemon = Multidropd(place)
        daemon.configure({"one": multidrop_account(1)}, {})
        for arguments in (("--no-such-option",), ("-t", "-1"), ("-c",), ("--once", "no-such-account")):
            status, _, log = daemon.run(*arguments)
            check.assertEqual(status, USAGE, f"{arguments}: {log}")
            check.assertTrue(log)


@test
def configuration_test_prints_every_problem_with_its_place():
    with Place() as place:
        daemon = Multidropd(place)
        daemon.configure({"one": multidrop_account(1)}, {})
        status, out, _ = daemon.run("-t")
        check.assertEqual(status, 0, out)
        place.write(daemon.config, 'postmaster = "p@example.com"\nno_such_option = 1\nretry_min = "soon"\naccount "a" {\n}\n', 0o600)
        status, out, log = daemon.run("-t")
        check.assertEqual(status, CONFIG)
        for line in (2, 3, 4):
            check.assertRegex(f"{out}\n{log}", rf"(?m)^\S*multidropd\.conf:{line}: ")
        status, _, log = daemon.run("-c", "/nonexistent/multidropd.conf")
        check.assertEqual(status, CONFIG)
        check.assertRegex(str(log), "/nonexistent/multidropd.conf")


@test
def configuration_test_warns_and_is_content():
    with Place() as place:
        daemon = Multidropd(place)
        account = multidrop_account(1)
        account["multidrop"]["fallback"] = "headers"
        daemon.configure({"one": account}, {})
        status, out, log = daemon.run("-t")
        check.assertEqual(status, 0, f"{out}\n{log}")
        check.assertRegex(f"{out}\n{log}", r"(?m)^\S*multidropd\.conf:\d+: warning: fallback = headers ")
        # A log line has its level in front already.
        _, _, log = daemon.run("-1")
        check.assertRegex(str(log), r"(?m)^multidropd: warning: \S*multidropd\.conf:\d+: fallback = headers ")


@test
def option_of_a_later_version_is_refused_not_ignored():
    with Place() as place:
        daemon = Multidropd(place)
        daemon.configure({"one": multidrop_account(1, uidl_guard=50)}, {})
        status, out, log = daemon.run("-t")
        check.assertEqual(status, CONFIG)
        check.assertRegex(f"{out}\n{log}", "not supported yet")


@test
def secret_that_others_can_read_is_refused():
    with Place() as place:
        daemon = Multidropd(place)
        secret = place.write(os.path.join(daemon.folder, "secret"), "x\n", 0o644)
        daemon.configure({"one": multidrop_account(1, password=None, password_file=secret)}, {})
        status, out, log = daemon.run("-t")
        check.assertEqual(status, CONFIG)
        check.assertRegex(f"{out}\n{log}", "chmod")


@test
def damaged_state_file_is_left_as_it_is():
    with Place() as place:
        daemon = Multidropd(place)
        daemon.configure({"one": multidrop_account(1)}, {})
        place.write(daemon.state, b"this is no database, and long enough to be looked at" * 100, 0o600)
        status, _, log = daemon.run("--once")
        check.assertEqual(status, DAMAGED, str(log))
        with open(daemon.state, "rb") as file:
            check.assertTrue(file.read().startswith(b"this is no database"))
        check.assertIn(daemon.state, str(log))


@test
def state_folder_that_is_missing_is_73():
    with Place() as place:
        daemon = Multidropd(place)
        daemon.configure({"one": multidrop_account(1)}, {}, state_file=os.path.join(place.path, "missing", "state.db"))
        status, _, log = daemon.run("--once")
        check.assertEqual(status, UNUSABLE_FOLDER, str(log))


@test
def second_instance_is_75():
    with Scene() as scene:
        scene.daemon.start_service()
        first = scene.daemon.process
        status, _, log = scene.daemon.run("--once")
        check.assertEqual(status, TEMPFAIL, str(log))
        scene.daemon.process = first
        check.assertEqual(scene.daemon.end(), 0)


# The daemon at work

@test
def daemon_polls_at_start_and_on_usr1():
    mail = [make("first", ["alice"]), make("second", ["alice"])]
    with Scene() as scene:
        scene.configure({"example.com": scene.account(interval="1h")})
        scene.stock(mail[:1])
        scene.daemon.start()
        delivered_to(scene, "alice", 1)
        wait_for("the first poll's end", lambda: not scene.provider.left(USER))
        scene.stock(mail[1:])
        scene.daemon.process.send_signal(signal.SIGUSR1)
        delivered_to(scene, "alice", 2)
        check.assertEqual(scene.daemon.end(), 0)
        check_delivered(scene.office, "alice", mail)
        check.assertEqual(scene.daemon.log().alarms(), [])


@test
def interval_brings_the_next_poll():
    with Scene() as scene:
        scene.configure({"example.com": scene.account(interval="1s")})
        scene.daemon.start()
        for count in (1, 2):
            scene.stock([make(f"number {count}", ["alice"])])
            delivered_to(scene, "alice", count)
        check.assertEqual(scene.daemon.end(signal.SIGINT), 0)


@test
def reload_takes_a_good_file_and_not_a_bad_one():
    with Scene() as scene:
        scene.configure({"example.com": scene.account(interval="1h", enabled=False)})
        scene.stock([make("first", ["alice"])])
        manager = scene.daemon.start_service()
        scene.configure({"example.com": scene.account(interval="1h")})
        scene.daemon.process.send_signal(signal.SIGHUP)
        manager.wait_for("READY=1")
        delivered_to(scene, "alice", 1)
        wait_for("the first poll's end", lambda: not scene.provider.left(USER))
        scene.write(scene.daemon.config, "no_such_option = 1\n", 0o600)
        scene.daemon.process.send_signal(signal.SIGHUP)
        scene.daemon.wait_for_log(r"multidropd\.conf:1: .*no_such_option")
        scene.stock([make("second", ["alice"])])
        scene.daemon.process.send_signal(signal.SIGUSR1)
        delivered_to(scene, "alice", 2)
        check.assertEqual(scene.daemon.end(), 0)


@test
def term_in_the_middle_of_data_loses_nothing():
    """The relay keeps back its answer to the dot until the daemon is gone: possible duplicate; then it is delivered."""
    message = make("in the middle", ["bob"])
    asked, may_answer = threading.Event(), threading.Event()

    def hook(verb, line, connection):
        if verb == "." and not asked.is_set():
            asked.set()
            may_answer.wait(DEADLINE_S)
            return b"451 too late\r\n"
        return None

    with Scene() as scene:
        relay = ScriptedSmtp(scene, hook)
        scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
        scene.stock([message])
        scene.daemon.start()
        check.assertTrue(asked.wait(DEADLINE_S))
        check.assertEqual(scene.daemon.end(), 0)
        may_answer.set()
        check.assertEqual(len(scene.daemon.log().matching("possible duplicate")), 1, str(scene.daemon.log()))
        check.assertEqual(len(scene.provider.left(USER)), 1)
        scene.daemon.once()
        check.assertEqual(len(relay.accepted), 1)
        check.assertEqual(scene.provider.left(USER), [])


@test
def term_waits_for_an_answer_that_comes():
    message = make("nearly done", ["bob"])
    asked, may_answer = threading.Event(), threading.Event()

    def hook(verb, line, connection):
        if verb == ".":
            asked.set()
            may_answer.wait(DEADLINE_S)
        return None

    with Scene() as scene:
        relay = ScriptedSmtp(scene, hook)
        scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
        scene.stock([message])
        manager = scene.daemon.start_service()
        check.assertTrue(asked.wait(DEADLINE_S))
        scene.daemon.process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        may_answer.set()
        check.assertEqual(scene.daemon.process.wait(DEADLINE_S), 0)
        check.assertEqual(scene.daemon.log().matching("possible duplicate"), [])
        scene.daemon.once()
        check.assertEqual(len(relay.accepted), 1)


@test
def term_while_a_message_arrives_cuts_it_off():
    message = make("half", ["bob"], b"line\r\n" * 50000)
    sent, may_go_on = threading.Event(), threading.Event()

    def hook(verb, line, connection):
        if verb == "RETR" and not sent.is_set():
            connection.sendall(b"+OK\r\n" + message.served[:len(message.served) // 2])
            sent.set()
            may_go_on.wait(DEADLINE_S)
            return b""
        return None

    with Scene() as scene:
        server = ScriptedPop3(scene, [("uid1", message.served)], hook)
        scene.configure({"example.com": scene.account(server=f"127.0.0.1:{server.port}")})
        scene.daemon.start()
        check.assertTrue(sent.wait(DEADLINE_S))
        check.assertEqual(scene.daemon.end(), 0)
        may_go_on.set()
        check_delivered(scene.office, "bob", [])
        scene.daemon.once()
        check_delivered(scene.office, "bob", [message])


# The service manager

@test
def service_manager_is_told():
    with Scene() as scene:
        manager = scene.daemon.start_service(environment={"WATCHDOG_USEC": "200000"})
        manager.wait_for("WATCHDOG=1")
        manager.wait_for("WATCHDOG=1")
        scene.daemon.process.send_signal(signal.SIGHUP)
        manager.wait_for("RELOADING=1")
        manager.wait_for("READY=1")
        scene.daemon.process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        check.assertEqual(scene.daemon.process.wait(DEADLINE_S), 0)


main()
