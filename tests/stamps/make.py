#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes tests/stamps/KIND.txt again: what real servers store when they collect a whole domain in one mailbox.

    tests/packages stamps && python3 tests/stamps/make.py KIND...      (no KIND: prints them all)

As root, because some of the servers insist on it. Each kind is a class in a providers_*.py of this folder. It gets every
message of scenarios.py over SMTP or LMTP. `make check` does not run this; tests/unit/test_stamps.c reads what it wrote:

    # what the provider is
    envelope = { "Delivered-To" }               the multidrop block for it, a line an option
    === scenario: recipient, recipient          for whom this stored copy is, as far as its stamps can tell. `fallback`: they do not
    # a remark about this copy
     Header: with a blank before each line      bytes as stored, but CRLF is LF; to the blank line
"""
import glob
import importlib
import os
import re
import signal
import smtplib
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(FOLDER))
sys.path[:0] = [FOLDER, os.path.join(os.path.dirname(FOLDER), "integration")]
os.environ.setdefault("MULTIDROPD_UNPACKED", os.path.join(TOP, "build/release/tests/unpacked.so"))

from place import Place                                      # noqa: E402
from scenarios import SCENARIOS, true_recipient              # noqa: E402

FALLBACK = "fallback"


class Refused(Exception):
    """The provider does not take the message."""


def kinds():
    found = {}
    for path in sorted(glob.glob(os.path.join(FOLDER, "providers_*.py"))):
        module = importlib.import_module(os.path.basename(path)[:-3])
        found.update({provider.kind: provider for provider in vars(module).values() if isinstance(provider, type)
                      and getattr(provider, "kind", None)})
    return found


# Sending

class Client(smtplib.SMTP):
    """Says what it is told to, byte for byte."""

    command_encoding = "utf-8"

    def __init__(self, provider):
        super().__init__(timeout=120)
        if provider.lmtp:
            self.ehlo_msg = "lhlo"
        self.command_encoding = "utf-8"
        self.connect("127.0.0.1", provider.port)

    def command(self, line):
        code, text = self.docmd(line)
        if code // 100 not in (2, 3):
            raise Refused(f"{line}: {code} {text.decode('utf-8', 'replace')}")


def send(provider, scenario):
    """Returns the recipients that the provider accepted."""
    client = Client(provider)
    try:
        code, text = client.ehlo(scenario.helo)
        if code != 250:
            raise Refused(f"EHLO {scenario.helo}: {code} {text}")
        options = " SMTPUTF8" if scenario.needs_utf8 and client.has_extn("smtputf8") else ""
        if not scenario.header.isascii() and client.has_extn("8bitmime"):
            options += " BODY=8BITMIME"
        client.command(f"MAIL FROM:<{scenario.sender}>{options}")
        accepted = [recipient for recipient in scenario.recipients if try_recipient(client, scenario, recipient)]
        if not accepted:
            raise Refused("no recipient was accepted")
        client.command("DATA")
        client.send(re.sub(rb"(?m)^\.", b"..", scenario.message) + b".\r\n")
        for _ in accepted if provider.lmtp else accepted[:1]:
            code, text = client.getreply()
            if code != 250:
                raise Refused(f"the message: {code} {text}")
        client.docmd("QUIT")
        return accepted
    except smtplib.SMTPServerDisconnected as error:
        raise Refused(str(error)) from error
    finally:
        client.close()


def try_recipient(client, scenario, recipient):
    try:
        client.command(f"RCPT TO:<{recipient}>")
        return True
    except Refused as error:
        print(f"   {scenario.name}: {error}", file=sys.stderr)
        return False


# What was stored, and for whom

def header_of(message):
    message = message.replace(b"\r\n", b"\n")
    end = message.find(b"\n\n")
    return message if end < 0 else message[:end + 2]


def fields_of(header):
    return re.findall(rb"(?s)([^\n]*\n(?:[ \t][^\n]*\n)*)", header)


def is_stamp(provider, field, stamped):
    """The provider's multidrop block believes in this field of its. Of its Received fields that is the first one after skip."""
    name = field.split(b":")[0].decode("ascii", "replace").lower()
    if name not in (source.lower() for source in provider.rules["envelope"]):
        return False
    hosts = provider.rules.get("received_by", [])
    by = re.search(rb"\sby ([\w.-]+)", field)
    enough = len(stamped) > provider.rules.get("skip", 0)
    return name != "received" or not enough and (not hosts or by and by[1].decode() in hosts)


def stamps(provider, scenario, header):
    """The text of the provider's own stamps: not of those that were sent."""
    sent = fields_of(header_of(scenario.message))
    stamped = []
    for field in fields_of(header):
        if field in sent:
            sent.remove(field)
        elif is_stamp(provider, field, stamped):
            stamped.append(field)
    return re.sub(r"\n[ \t]+", " ", b"".join(stamped[provider.rules.get("skip", 0):]).decode("utf-8", "replace"))


def is_named(recipient, text):
    # A domain may go on behind a dot only with a blank, a local part begins behind anything that cannot belong to it.
    return re.search(r"(?<![\w.+\"'-])" + re.escape(recipient) + r"(?![\w@-]|\.\S)", text, re.IGNORECASE)


def unique(recipients):
    found = {}
    for recipient in filter(None, recipients):
        found.setdefault(recipient.lower(), recipient)
    return list(found.values())


def truth(provider, scenario, header, ours):
    """The recipients line, and a remark or None."""
    if scenario.name in provider.exceptions:
        return provider.exceptions[scenario.name]
    text = stamps(provider, scenario, header)
    named = [recipient for recipient in ours if is_named(provider.stamped(recipient), text)]
    return ", ".join(sorted(named)) or FALLBACK, None


def check(scenario, entries, ours):
    """Nobody is forgotten: each recipient is named by a copy, or all copies tell nothing, which is not the rule."""
    named = {text for recipients, _, _ in entries for text in ours if text in recipients}
    told = [recipients for recipients, remark, _ in entries if recipients != FALLBACK and not remark]
    if (told or scenario.name == "one") and named != set(ours):
        print(f"   {scenario.name}: for {ours} there is {[recipients for recipients, _, _ in entries]}", file=sys.stderr)


def run(provider, scenario):
    """[(recipients, remark, header)], without copies that are the same in all."""
    try:
        accepted = send(provider, scenario)
    except Refused as refusal:
        print(f"   {scenario.name}: refused: {refusal}", file=sys.stderr)
        return []
    provider.settle()
    ours = unique(map(true_recipient, accepted))
    entries = []
    for message in provider.take():
        header = header_of(message)
        entry = (*truth(provider, scenario, header, ours), header)
        if entry not in entries:
            entries.append(entry)
    if not entries:
        print(f"   {scenario.name}: nothing was stored", file=sys.stderr)
    check(scenario, entries, ours)
    return entries


# Writing

def option(name, value):
    if isinstance(value, (list, tuple)):
        return f"{name} = {{ " + ", ".join(f'"{item}"' for item in value) + " }"
    bare = isinstance(value, int) or name in ("position", "which")
    return f"{name} = {value}" if bare else f'{name} = "{value}"'


def fixture(recipients, remark, header, name):
    lines = [f"=== {name}: {recipients}".encode()] + ([f"# {remark}".encode()] if remark else [])
    lines += [b" " + line for line in header.removesuffix(b"\n").split(b"\n")]
    return b"".join(line + b"\n" for line in lines)


def make(provider_class):
    print(provider_class.kind)
    with Place() as place:
        provider = provider_class(place)
        provider.start()
        rules = {"domains": ["office.example", ".office.example"], **provider.rules}
        text = "".join(f"# {line.strip()}\n" for line in provider.__doc__.strip().split("\n"))
        text += "".join(option(*item) + "\n" for item in rules.items())
        data, count = text.encode(), 0
        for scenario in filter(provider.wants, SCENARIOS):
            for recipients, remark, header in run(provider, scenario):
                data += fixture(recipients, remark, header, scenario.name)
                count += 1
        provider.stop()
    with open(os.path.join(FOLDER, provider_class.kind + ".txt"), "wb") as file:
        file.write(data)
    print(f"   {count} fixtures, {len(data)} bytes")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))       # the place ends the servers on the way out
    known = kinds()
    if not sys.argv[1:] or not set(sys.argv[1:]) <= set(known):
        print(" ".join(sorted(known)))
        return 64
    subprocess.run(["make", "-s", "-C", TOP, "build/release/tests/unpacked.so"], check=True)
    for kind in sys.argv[1:]:
        make(known[kind])
    return 0


if __name__ == "__main__":
    sys.exit(main())
