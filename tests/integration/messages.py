# SPDX-License-Identifier: ISC
"""Messages as a provider stores them, and what must arrive of them.

What multidropd may change: its own Received field on top; Return-Path and the stamp that gave the recipients are taken out.
"""
import base64
import dataclasses
import email.message
import email.policy
import itertools
import random

DOMAIN = "example.com"
_numbers = itertools.count(1)


@dataclasses.dataclass
class Message:
    """`kept` is what arrives, byte for byte, below the fields of the relay and of multidropd."""
    name: str
    recipients: list                    # local parts within DOMAIN; empty: nobody that the office knows
    stamps: bytes                       # fields above everything that are taken out, Return-Path too
    kept: bytes
    sender: str = "anna@partner.example"

    @property
    def served(self):
        return self.stamps + self.kept

    @property
    def message_id(self):
        return self.kept.partition(b"Message-ID: <")[2].partition(b">")[0].decode()


def make(name, recipients, text=b"Hello.\r\n", sender="anna@partner.example", stamp="X-Envelope-To", extra=b"", subject=None, to=None):
    """One stamped field for each recipient's copy is the provider's habit; here all are in one field, as Exim writes it."""
    number = next(_numbers)
    addresses = [f"{one}@{DOMAIN}" for one in recipients]
    stamps = f"Return-Path: <{sender}>\r\n".encode()
    if stamp:
        stamps += f"{stamp}: {', '.join(addresses)}\r\n".encode()
    kept = (f"Received: from mail.partner.example (mail.partner.example [192.0.2.25])\r\n"
            f"\tby mx.provider.example with ESMTP id Q{number:06d};\r\n\tTue, 24 Nov 2026 09:{number % 60:02d}:00 +0100\r\n"
            f"From: Anna <anna@partner.example>\r\nTo: {to or ', '.join(addresses)}\r\nSubject: {subject or name}\r\n"
            f"Date: Tue, 24 Nov 2026 09:{number % 60:02d}:00 +0100\r\nMessage-ID: <{number}.{name.replace(' ', '-')}@partner.example>\r\n"
            ).encode() + extra + b"\r\n" + text
    return Message(name, list(recipients), stamps, kept, sender)


def attachment(size, seed=1):
    """The body of a message with a binary attachment of about `size` bytes, and the header fields it needs."""
    data = random.Random(seed).randbytes(size)
    body = (b"--b\r\nContent-Type: text/plain\r\n\r\nThe plans.\r\n--b\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n") + b"--b--\r\n")
    return body, b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'


def varied():
    """A dozen of the kinds that a domain's mailbox sees."""
    plans, mime = attachment(3 << 20)
    eight_bit = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return [
        make("plain letter", ["alice"]),
        make("stamped with Delivered-To", ["bob"], stamp="Delivered-To"),
        make("two recipients", ["alice", "bob"]),
        make("blind copy", ["carol"], to=f"alice@{DOMAIN}"),
        make("mailing list", ["bob"], to="dev@lists.example", sender="dev-bounces@lists.example",
             extra=b"List-Id: <dev.lists.example>\r\nDelivered-To: mailing list dev@lists.example\r\n"),
        make("unknown user", ["mallory"]),
        make("eight bit", ["alice"], "Grüße aus Köln — 8 €.\r\n".encode(), extra=eight_bit),
        make("leading dots", ["bob"], b".\r\n..\r\n.x\r\n...end\r\n"),
        make("long lines", ["carol"], b"x" * 5000 + b"\r\n" + b"y" * 998 + b"\r\n"),
        make("big attachment", ["carol"], plans, extra=mime),
        make("bounce", ["alice"], b"Your mail was not delivered.\r\n", sender=""),
        make("no stamp", ["postmaster"], stamp=None, to=f"office@{DOMAIN}"),
        make("empty body", ["bob"], b""),
    ]


def mixed(count, seed):
    """`count` messages of mixed sizes for one or two people each; mostly small, some of hundreds of KiB."""
    chance = random.Random(seed)
    people = ("alice", "bob", "carol")
    made = []
    for number in range(count):
        size = int(min(400_000, chance.lognormvariate(8.3, 1.4)))
        line = (b"%d " % number + b"abcdefghij" * 7)[:75] + b"\r\n"
        made.append(make(f"mixed {number}", chance.sample(people, chance.choice((1, 1, 1, 2))), line * (size // len(line) + 1)))
    return made


# What came out at the other end

def fields(header_and_body):
    """Yields (lower-case name, bytes of the field) from the top, LF line ends, until the header ends."""
    position = 0
    while position < len(header_and_body) and header_and_body[position:position + 1] != b"\n":
        end = header_and_body.index(b"\n", position) + 1
        while header_and_body[end:end + 1] in (b" ", b"\t"):
            end = header_and_body.index(b"\n", end) + 1
        field = header_and_body[position:end]
        yield field.partition(b":")[0].lower().decode("ascii", "replace"), field
        position = end


@dataclasses.dataclass
class Delivered:
    sender: str                         # as the relay's Return-Path says
    trace: bytes                        # multidropd's own field
    kept: bytes                         # all below it


def is_ours(stored):
    """multidropd wrote it itself: a copy for the postmaster, a bounce, a notice."""
    return b"\nFrom: Mail Delivery System <MAILER-DAEMON@" in stored.partition(b"\n\n")[0]


def dissect(stored):
    """Takes off what Dovecot's LMTP or Postfix put on top (Return-Path, X-Original-To, Delivered-To, Received), then our trace."""
    sender, seen, position = None, [], 0
    for name, field in fields(stored):
        position += len(field)
        seen.append(field)
        if name == "return-path" and sender is None:
            sender = field.split(b"<")[1].split(b">")[0].decode()
        if name == "received" and sum(one.lower().startswith(b"received:") for one in seen) == 2:
            return Delivered(sender, field, stored[position:])
    raise AssertionError("no trace of relay and multidropd on top of:\n" + stored[:800].decode("utf-8", "replace"))


@dataclasses.dataclass
class Notice:
    """A mail that multidropd wrote itself; its parts without defects. `attached` is the postmaster's copy, byte for byte."""
    mail: email.message.EmailMessage
    text: str
    attached: bytes


def read_notice(stored):
    mail = email.message_from_bytes(stored, policy=email.policy.default)
    for part in mail.walk():
        if part.defects:
            raise AssertionError(f"{part.defects} in {part.get_content_type()} of:\n" + stored[:3000].decode("utf-8", "replace"))
    attached = b""
    if mail.get_content_type() == "multipart/mixed":
        delimiter = b"\n--" + mail.get_boundary().encode()
        attached = stored.split(delimiter)[2].partition(b"\n\n")[2]
    return Notice(mail, mail.get_body(("plain",)).get_content(), attached)
