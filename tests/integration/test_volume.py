# SPDX-License-Identifier: ISC
"""Many messages of mixed size: each exactly once to exactly its people, also when the daemon is killed in the middle.

VOLUME: how many messages (300). SEED: repeats a run.
"""
import os
import random

from messages import dissect, mixed
from scene import USER, Scene, check_doubles, check_everybody
from servers import OFFICE_USERS, Postfix
from tap import Skip, check, main, test

VOLUME = int(os.environ.get("VOLUME") or 300)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
KILLS = 20

print(f"# VOLUME={VOLUME} SEED={SEED}", flush=True)


def through_lmtp(scene):
    scene.configure()
    return scene.office


def through_postfix(scene):
    if not Postfix.can_run():
        raise Skip("Postfix wants to be started by root")
    relay = Postfix(scene).start()
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


main()
