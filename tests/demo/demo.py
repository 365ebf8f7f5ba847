#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""make demo: the main job, shown between real servers.

A provider (Dovecot's POP3) holds the mail of a domain in one mailbox, an office's server (Dovecot's LMTP) has three people,
multidropd runs in the foreground between them. All of it lives in a temporary folder, on ports of 127.0.0.1.
DEMO_KEEP=1 leaves it running until Ctrl-C.
"""
import email
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from daemon import Log, fields_of           # noqa: E402 (the path comes first)
from messages import varied                 # noqa: E402
from place import wait_for                  # noqa: E402
from scene import PASSWORD, USER, Scene     # noqa: E402
from servers import OFFICE_USERS            # noqa: E402

KEEP = os.environ.get("DEMO_KEEP", "") not in ("", "0")
DEADLINE_S = 60
WIDTH = 120


def heading(text):
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    print(f"\n{bold}{text}{plain}", flush=True)


def table(titles, rows):
    """Columns as wide as they need; the last one is wrapped at the page's width."""
    widths = [max(len(row[column]) for row in [titles, *rows]) for column in range(len(titles))]
    room = WIDTH - sum(2 + width for width in widths[:-1]) - 2
    widths[-1] = min(widths[-1], room)
    for row in [titles, ["-" * width for width in widths], *rows]:
        for number, part in enumerate(textwrap.wrap(row[-1], room) or [""]):
            first = row[:-1] if number == 0 else [""] * (len(row) - 1)
            print("".join("  " + cell.ljust(width) for cell, width in zip([*first, part], widths)).rstrip())
    sys.stdout.flush()


def stamp_of(message):
    """What the provider wrote on top, in short."""
    for line in message.stamps.decode().splitlines():
        if not line.startswith("Return-Path"):
            return line
    return "none"


class Foreground:
    """multidropd -v, its log shown as it comes."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.lines = Log()
        self.process = daemon.place.start(daemon.argv("-v"), env=daemon.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
            print("  " + self.lines[-1], flush=True)

    def settled(self):
        """The messages that have a verdict, by Message-ID, with the fields of all their log lines."""
        messages = {}
        for one in map(fields_of, self.lines):
            if "msgid" in one and "status" in one:
                messages.setdefault(one["msgid"].strip("<>"), []).append(one)
        return messages

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE_S)
        self.reader.join()


def wait_until_done(scene, running, mail):
    """Every message has a verdict, what was delivered to all is gone from the server, and the poll is over."""
    def done():
        if running.process.poll() is not None:
            raise RuntimeError(f"multidropd ended with status {running.process.returncode}")
        return len(running.settled()) == len(mail) and not scene.provider.left(USER) and running.lines.matching(" poll=")
    wait_for("the mail to be fetched", done, DEADLINE_S)


def show_messages(mail):
    table(("message", "size", "stamped by the provider"),
          [(message.name, f"{len(message.served):,}", stamp_of(message)) for message in mail])


def show_result(running, mail):
    verdicts = running.settled()
    rows = []
    for message in mail:
        lines = verdicts[message.message_id]
        to = "; ".join(f"{one['to'].replace('@example.com', '')}: {one['status']}" for one in lines)
        rows.append((message.name, to, why(lines)))
    table(("message", "went to", "why"), rows)


def why(lines):
    refusals = [one["reply"] for one in lines if one["status"] != "delivered"]
    if refusals:
        return "the office's server said " + refusals[0]
    return lines[0]["why"]


def subject(stored):
    return str(email.message_from_bytes(stored)["Subject"])


def show_mailboxes(scene):
    rows = []
    for user in OFFICE_USERS:
        stored = scene.office.delivered(user)
        rows.append((user, str(len(stored)), ", ".join(map(subject, stored))))
    table(("mailbox", "messages", "subjects"), rows)


def show_left(scene):
    for stored in scene.provider.left(USER):
        print(f"  {subject(stored)}")
    if not scene.provider.left(USER):
        print("  nothing: what the office's server took for nobody is with the postmaster, who is told why")


def play(scene, running):
    maildir = scene.provider.maildir(USER)
    heading("It goes on running; in another terminal you can")
    print(f"""
  add a message for bob:
    printf 'Return-Path: <me@home.example>\\nX-Envelope-To: bob@example.com\\nSubject: hello\\n\\nHello Bob.\\n' \\
      >{maildir}/new/$(date +%s).me.demo
  have it fetched now instead of within ten seconds:
    kill -USR1 {running.process.pid}
  see bob's mail:
    tail -n +1 {scene.office.maildir("bob")}/*/*
  talk to the provider (user {USER}, password {PASSWORD}):
    python3 -c 'import poplib; p = poplib.POP3("127.0.0.1", {scene.provider.port}); p.user("{USER}"); p.pass_("{PASSWORD}"); print(p.list())'
  read the configuration and what multidropd remembers:
    cat {scene.daemon.config}
    sqlite3 {scene.daemon.state} .dump
  watch the office's server: LMTP on 127.0.0.1:{scene.office.lmtp_port}, its log in {scene.office.log}

  Ctrl-C here ends everything and removes {scene.path}.
""", flush=True)
    while running.process.poll() is None:
        time.sleep(0.5)


def demo():
    mail = varied()
    with Scene() as scene:
        heading("The provider")
        print(f"  Dovecot serves POP3 on 127.0.0.1:{scene.provider.port}; one mailbox, {USER}, holds the mail of the whole domain:\n")
        scene.stock(mail)
        show_messages(mail)
        heading("The office")
        print(f"  Dovecot takes mail by LMTP for {', '.join(OFFICE_USERS)}.")
        scene.configure({"example.com": scene.account(interval="10s")})
        heading("multidropd -v between them, with this configuration")
        with open(scene.daemon.config, encoding="utf-8") as file:
            print("".join("  " + line for line in file))
        running = Foreground(scene.daemon)
        wait_until_done(scene, running, mail)
        heading("What went where, and why")
        show_result(running, mail)
        heading("In the office's mailboxes")
        show_mailboxes(scene)
        heading("Left on the provider's server")
        show_left(scene)
        if KEEP:
            play(scene, running)
        running.stop()
    heading("All servers have ended, and their folder is gone.")


def main():
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(1))
    try:
        demo()
    except KeyboardInterrupt:
        print("\nstopped")
        return 130 if not KEEP else 0
    except (RuntimeError, TimeoutError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
