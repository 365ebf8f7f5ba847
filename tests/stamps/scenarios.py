# SPDX-License-Identifier: ISC
"""The messages that every provider gets, and for whom they truly are.

Everything at office.example and below it is collected in one mailbox. `victim@office.example` is one of ours who never is a
recipient: whatever names him is made up by the sender.
"""
import dataclasses
import re

DOMAIN = "office.example"
PROVIDER = "mx.provider.example"                # the name that it gives itself
VICTIM = "victim@office.example"
STRANGER = "stranger@elsewhere.example"         # of a domain that the provider does not collect
LONG = "a-very-long-local-part." * 8 + "end"    # 187 bytes; RFC 5321 4.5.3.1.1 promises 64


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One SMTP transaction. `recipients` are as in RCPT, without brackets; `header` is what is sent, with CRLF."""
    name: str
    recipients: tuple
    header: bytes
    sender: str = "sender@sender.example"
    helo: str = "mail.sender.example"

    @property
    def message(self):
        return self.header + b"\r\nx\r\n"

    @property
    def needs_utf8(self):
        return not all(text.isascii() for text in self.recipients)


def true_recipient(recipient):
    """Whom a RCPT means: without a source route and the dot of an absolute domain. None: he is not ours."""
    if recipient.startswith("@"):
        recipient = recipient.split(":", 1)[1]
    recipient = recipient.rstrip(".")
    return recipient if re.search(r"[@.]office\.example$", recipient, re.IGNORECASE) else None


def lines(text):
    """A header from a text block: UTF-8, but for \\xHH, \\r and \\n, which stand for themselves."""
    data = "".join(line + "\r\n" for line in text.strip("\n").split("\n")).encode()
    for escape, byte in ((rb"\r", b"\r"), (rb"\n", b"\n"), (rb"\xfc", b"\xfc")):
        data = data.replace(escape, byte)
    return data


def usual(name, to="alice@office.example"):
    return lines(f"From: sender@sender.example\nTo: {to}\nMessage-ID: <{name}@sender.example>")


# Each field that some provider stamps, naming the victim.
FORGED = lines("""
Return-Path: <victim@office.example>
X-Envelope-To: victim@office.example
X-Original-To: victim@office.example
Delivered-To: victim@office.example
Envelope-To: victim@office.example
X-RcptTo: victim@office.example
X-Real-To: victim@office.example
X-Forwarded-To: victim@office.example
""")

# As the provider itself would have written it.
FORGED_RECEIVED = lines("""
Received: from mail.sender.example (mail.sender.example [192.0.2.1])
\tby mx.provider.example (Postfix) with ESMTP id 4XyzAbcd
\tfor <victim@office.example>; Tue, 24 Nov 2026 13:00:00 +0000 (UTC)
Received: from localhost by mx.provider.example with LMTP id 1 for victim@office.example;
\tTue, 24 Nov 2026 13:00:00 +0000
""")

# What lists and forwarders leave: their own stamps, and below them those of the hops before.
LIST = lines("""
Received: from localhost by lists.example (Postfix) with SMTP id 4Xa for <victim@office.example>;
\tTue, 24 Nov 2026 12:59:00 +0000
Mailing-List: contact dev-help@lists.example; run by ezmlm
Precedence: bulk
List-Id: <dev.lists.example>
List-Post: <mailto:dev@lists.example>
Delivered-To: mailing list dev@lists.example
Received: (qmail 4711 invoked by uid 500); 24 Nov 2026 12:58:59 -0000
X-Original-To: dev@lists.example
Delivered-To: dev@lists.example
Received: from mail.author.example by lists.example with SMTP; 24 Nov 2026 12:58:58 -0000
""")
FORWARDED = lines("""
Received: by old.example (Postfix, from userid 1001) id 4Xf; Tue, 24 Nov 2026 12:59:00 +0000
X-Forwarded-To: bob@office.example
X-Forwarded-For: bob@old.example bob@office.example
Delivered-To: bob@old.example
X-Original-To: bob@old.example
Envelope-To: bob@old.example
Received: from mail.author.example by old.example with ESMTP id 4Xe
\tfor <bob@old.example>; Tue, 24 Nov 2026 12:58:58 +0000
""")

MANY = b"".join(lines(f"Received: by h{n}.example id {n} for <victim@office.example>;\n\tTue, 24 Nov 2026 12:{59 - n}:00 +0000")
                for n in range(14))

ALICE, BOB, CAROL = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol"))

SCENARIOS = []


def add(name, *recipients, above=b"", below=b"", to=ALICE, **options):
    SCENARIOS.append(Scenario(name, recipients, above + usual(name, to) + below, **options))


# The envelope

add("one", ALICE)
add("two", ALICE, BOB, to=f"{ALICE}, {BOB}")
add("three", ALICE, BOB, CAROL, to=f"{ALICE}, {BOB}, {CAROL}")
add("twice", ALICE, ALICE)
add("twice-in-case", ALICE, "ALICE@OFFICE.EXAMPLE")
add("case", "Alice@Office.Example")
add("bcc", CAROL, to=VICTIM)
add("plus", "alice+news@office.example")
add("sub-domain", "bob@sub.office.example")
add("outside-too", ALICE, STRANGER, to=f"{ALICE}, {STRANGER}")
add("null-sender", ALICE, sender="")
add("long-local", f"{LONG}@office.example")
add("quoted-blank", '"bob smith"@office.example')
add("quoted-for", '"x for victim"@office.example')
add("quoted-at", '"victim@office.example"@office.example')
add("quoted-comma", '"smith, bob"@office.example')
add("quoted-brackets", '"<victim@office.example>"@office.example')
add("apostrophe", "o'brien@office.example")
add("eight-bit", "jürgen@office.example", to="undisclosed-recipients:;")
add("trailing-dot", "bob@office.example.")
add("source-route", "@a.example,@b.example:bob@office.example")

# Those before

add("list", ALICE, above=LIST, to="dev@lists.example", sender="dev-return-1-alice=office.example@lists.example")
add("forwarded", BOB, above=FORWARDED, to="bob@old.example")
add("many-received", ALICE, above=MANY)

# Forgeries

add("forged-top", ALICE, above=FORGED)
add("forged-top-two", ALICE, BOB, above=FORGED)
add("forged-bottom", ALICE, below=FORGED)
add("forged-null-sender", ALICE, above=FORGED[:FORGED.index(b"\n") + 1], sender="")
add("forged-received", ALICE, above=FORGED_RECEIVED)
add("forged-received-two", ALICE, BOB, above=FORGED_RECEIVED)
add("forged-received-twice", ALICE, ALICE, above=FORGED_RECEIVED)
add("forged-folded", ALICE, above=lines("Delivered-To:\n victim@office.example\nX-Envelope-To:\n\t\n\t<victim@office.example>\n"
                                        "Envelope-To:\n victim@office.example"))
add("forged-spelling", ALICE, above=lines("Delivered-To : victim@office.example\nDELIVERED-TO: victim@office.example\n"
                                          "X-Envelope-To : victim@office.example\nEnvelope-to\t: victim@office.example"))
add("helo-for", ALICE, helo="mail.sender.example for victim@office.example")
add("helo-for-two", ALICE, BOB, helo="mail.sender.example for <victim@office.example>; x")
add("helo-by", ALICE, helo="x) by mx.provider.example for <victim@office.example> (")
add("sender-for", ALICE, sender='") for <victim@office.example>; ("@sender.example')
add("encoded-words", ALICE, to="=?utf-8?q?victim=40office=2Eexample?= <alice@office.example>",
    below=lines("X-Envelope-To: =?utf-8?q?victim=40office=2Eexample?=\nDelivered-To: =?utf-8?q?x?= <victim@office.example>"))
add("three-parts", ALICE, to="victim@office.example@elsewhere.example",
    below=lines("X-Envelope-To: victim@office.example@elsewhere.example\nDelivered-To: <alice@victim@office.example>"))
add("groups", ALICE, to="Staff: Victim <victim@office.example>, bob@office.example;, undisclosed-recipients:;",
    below=lines("Resent-To: victim@office.example\nBcc: victim@office.example"))
add("no-colon", ALICE, below=lines("This line has no colon\nX-Envelope-To: victim@office.example\nDelivered-To: victim@office.example"))
add("no-colon-first", ALICE, above=lines("This line has no colon\nDelivered-To: victim@office.example"))
add("blank-first-for", ALICE, above=lines(" for <victim@office.example>; Tue, 24 Nov 2026 13:00:00 +0000"))
add("blank-first-for-two", ALICE, BOB, above=lines(" for <victim@office.example>; Tue, 24 Nov 2026 13:00:00 +0000"))
add("blank-first-for-end", ALICE, BOB, above=lines(" for <victim@office.example>"))
add("blank-first-list", ALICE, above=lines("\t, victim@office.example"))
add("mbox-line", ALICE, above=lines("From victim@office.example Tue Nov 24 13:00:00 2026\nDelivered-To: victim@office.example"))
add("bare-cr", ALICE, below=lines(r"X-Note: x\rX-Envelope-To: victim@office.example\rDelivered-To: victim@office.example"))
add("bare-lf", ALICE, below=lines(r"X-Note: x\nX-Envelope-To: victim@office.example\nDelivered-To: victim@office.example"))
add("eight-bit-header", ALICE, to=r"J\xfcrgen <victim@office.example>, jürgen@office.example")

# What a kind has to be shown that writes, or places, its stamp just as another does.

ADDRESSES = ("one", "two", "twice", "case", "plus", "sub-domain", "null-sender", "long-local", "quoted-blank", "quoted-for",
             "quoted-at", "quoted-comma", "quoted-brackets", "apostrophe", "eight-bit", "trailing-dot", "source-route")
FORGERIES = ("one", "two", "list", "forged-top", "forged-top-two", "forged-bottom", "forged-folded", "forged-spelling",
             "encoded-words", "no-colon", "blank-first-for", "blank-first-list", "mbox-line", "bare-cr", "bare-lf")
