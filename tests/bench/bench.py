#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""make bench: messages a second through the main job. See README.md beside this file."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from messages import make           # noqa: E402 (the path comes first)
from scene import USER, Scene       # noqa: E402

COUNT = int(os.environ.get("N") or 2000)
RUNS = int(os.environ.get("RUNS") or 3)
LINE = b"The quick brown fox jumps over the lazy dog, again and again.\r\n"


def one_run():
    """(seconds, bytes of mail, what the kernel says of the daemon's process)."""
    with Scene() as scene:
        mail = [make(f"bench {number}", [("alice", "bob", "carol")[number % 3]], LINE * 80) for number in range(COUNT)]
        scene.stock(mail)
        scene.uids()                # Dovecot indexes the mailbox now and not while the clock runs
        began = time.monotonic()
        process = scene.daemon.start("--once")
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0 or scene.provider.left(USER):
            raise RuntimeError(f"exit status {process.returncode}, {len(scene.provider.left(USER))} messages left:\n{scene.daemon.log()}")
        return seconds, sum(len(message.served) for message in mail), usage


def main():
    seconds, size, usage = min((one_run() for _ in range(RUNS)), key=lambda run: run[0])
    mib, processor = size / 2 ** 20, usage.ru_utime + usage.ru_stime
    print(f"{COUNT} messages, {mib:.1f} MiB, best of {RUNS} runs: {seconds:.2f} s")
    print(f"{COUNT / seconds:.0f} messages/s, {mib / seconds:.1f} MiB/s, {processor / COUNT * 1e6:.0f} µs of processor a message")
    print(f"peak memory {usage.ru_maxrss / 1024:.1f} MiB")


if __name__ == "__main__":
    main()
