# SPDX-License-Identifier: ISC
"""Many messages of mixed size: each exactly once to exactly its people, also when the daemon, its provider or its relay is killed.

VOLUME: how many messages (300). SEED: repeats a run.
"""
import collections
import itertools
import os
import random
import signal
import subprocess
import time

from messages import dissect, mixed
from place import wait_for
from scene import USER, Scene, check_doubles, check_everybody
from servers import OFFICE_USERS, Postfix
from tap import Skip, check, main, test

VOLUME = int(os.environ.get("VOLUME") or 300)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
KILLS = 20
STORM_KILLS = 12

print(f"# VOLUME={VOLUME} SEED={SEED}", flush=True)


def through_lmtp(scene):
    scene.configure()
    return scene.office


def through_postfix(scene):
    if not Postfix.can_run():
        raise Skip("Postfix wants to be started by root")
    relay = Postfix(scene)
    relay.extra = {"minimal_backoff_time": "1s", "maximal_backoff_time": "2s", "queue_run_delay": "1s"}
    relay.start()
    scene.configure(relays={"office": {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"}})
    return relay


def in_one_run(choose_relay):
    mail = mixed(VOLUME, SEED)
    with Scene() as scene:
        relay = choose_relay(scene)
        scene.stock(mail)
        log = scene.daemon.once()
        check.assertEqual(log.alarms(), [])
        relay.wait_until_settled()
        check_everybody(relay, mail)
        check.assertEqual(scene.provider.left(USER), [])


def killed_in_between(choose_relay):
    """Each kill comes when a random number of recipients has been settled since the last, and a random moment later."""
    mail, chance = mixed(VOLUME, SEED), random.Random(SEED)
    with Scene() as scene:
        relay = choose_relay(scene)
        scene.stock(mail)
        uids = dict(zip((message.message_id for message in mail), scene.uids()))
        killed = sum(scene.daemon.once_killed(chance.randrange(VOLUME // KILLS), chance.uniform(0, 0.02)) for _ in range(KILLS))
        check.assertGreater(killed, KILLS // 2, "the kills came too late to prove anything")
        scene.daemon.once()
        relay.wait_until_settled()
        check.assertEqual(scene.provider.left(USER), [])
        check_survivors(scene.daemon.log(), relay, mail, killed, uids)


def check_survivors(log, relay, mail, killed, uids):
    """None lost; a double only of what was under way at a kill, and said to be possible."""
    announced = "\n".join(log.matching("possible duplicate"))
    doubles = 0
    for user in OFFICE_USERS:
        wanted = {message.kept.replace(b"\r\n", b"\n"): uids[message.message_id] for message in mail if user in message.recipients}
        doubles += check_doubles([dissect(stored).kept for stored in relay.delivered(user)], wanted, announced)
    print(f"# {killed} kills, {doubles} doubles", flush=True)
    check.assertLessEqual(doubles, killed * 8, "more doubles than could be under way")


class Storm:
    """Kills a server, or the daemon that polls every second, at random moments, and starts it again at once, until all mail is gone."""

    def __init__(self, scene, relay, chance):
        self.scene, self.relay, self.chance = scene, relay, chance
        self.kills = collections.Counter()

    def run(self, victims):
        self.scene.daemon.start()
        for which in itertools.cycle(victims):
            if not self._await_progress():
                break
            self._kill(which)
            self.kills[which] += 1
        wait_for(lambda: f"the rest:\n{self.scene.daemon.log()[-20:]}", lambda: not self.scene.provider.left(USER), 300)
        check.assertEqual(self.scene.daemon.end(), 0)

    def _await_progress(self):
        """False: all mail is settled, or so nearly that a kill would prove nothing."""
        settled = self._settled()
        target = settled + self.chance.randrange(1, max(2, VOLUME // STORM_KILLS // 2))
        wait_for(lambda: f"progress:\n{self.scene.daemon.log()[-20:]}",
                 lambda: self._settled() >= target or not self.scene.provider.left(USER), 300)
        time.sleep(self.chance.uniform(0, 0.02))
        return bool(self.scene.provider.left(USER)) and sum(self.kills.values()) < 4 * STORM_KILLS

    def _settled(self):
        return len(self.scene.daemon.log().verdicts("delivered"))

    def _kill(self, which):
        server = getattr(self, f"_{which}")()
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        self.scene.stop(server.process)
        server.start()

    def _provider(self):
        return self.scene.provider

    def _relay(self):
        return self.relay

    def _daemon(self):
        return self.scene.daemon


def through_a_storm(choose_relay, *victims):
    if "VOLUME" not in os.environ:
        raise Skip("a storm takes minutes: VOLUME=300 and more")
    mail, chance = mixed(VOLUME, SEED), random.Random(SEED)
    with Scene() as scene:
        relay = choose_relay(scene)
        protocol = {"protocol": "smtp", "address": f"127.0.0.1:{relay.port}"} if relay is not scene.office else scene.lmtp()
        scene.configure({"example.com": scene.account(interval="1s")}, {"office": protocol}, retry_min="1s", retry_max="1s")
        scene.stock(mail)
        uids = dict(zip((message.message_id for message in mail), scene.uids()))
        storm = Storm(scene, relay, chance)
        storm.run(victims)
        relay.wait_until_settled()
        print(f"# {dict(storm.kills)}", flush=True)
        check.assertEqual(set(storm.kills), set(victims), "each was killed")
        check.assertGreaterEqual(sum(storm.kills.values()), 4, "too few kills to prove anything")
        check_survivors(scene.daemon.log(), relay, mail, sum(storm.kills.values()), uids)


@test
def volume_through_lmtp():
    in_one_run(through_lmtp)


@test
def volume_through_postfix():
    in_one_run(through_postfix)


@test
def killed_twenty_times_through_lmtp():
    killed_in_between(through_lmtp)


@test
def killed_twenty_times_through_postfix():
    killed_in_between(through_postfix)


@test
def provider_killed_again_and_again():
    through_a_storm(through_lmtp, "provider")


@test
def lmtp_relay_killed_again_and_again():
    through_a_storm(through_lmtp, "relay")


@test
def postfix_provider_and_daemon_killed_again_and_again():
    through_a_storm(through_postfix, "relay", "provider", "daemon")


@test
def lmtp_relay_provider_and_daemon_killed_again_and_again():
    through_a_storm(through_lmtp, "provider", "relay", "provider", "relay", "daemon")


main()
