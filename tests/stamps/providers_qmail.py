# SPDX-License-Identifier: ISC
"""qmail, which Debian 12 does not have: its stamps as its source and documentation describe them."""
import re
import socketserver
import threading

from provider import Provider

PREFIX = "mbox-userstr-"
RECEIVED = """\
Received: (qmail {number} invoked by uid 0); 24 Nov 2026 13:00:01 -0000
Received: from unknown (HELO {helo}) (192.0.2.7)
  by mx.provider.example with SMTP; 24 Nov 2026 13:00:00 -0000
"""


def unquoted(address):
    """As qmail-smtpd keeps an address: without a route, quotes and backslashes."""
    if address.startswith("@"):
        address = address.split(":", 1)[1]
    return re.sub(r'\\(.)|"', lambda found: found.group(1) or "", address)


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.reply("220 mx.provider.example ESMTP")
        for line in self.rfile:
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            self.answer(verb.upper(), rest)
            if verb.upper() == "QUIT":
                return

    def answer(self, verb, rest):
        if verb in ("EHLO", "HELO"):
            self.helo = rest
            self.reply("250-mx.provider.example\r\n250-PIPELINING\r\n250 8BITMIME")
        elif verb == "MAIL":
            self.sender, self.recipients = re.search("<(.*)>", rest).group(1), []
            self.reply("250 ok")
        elif verb == "RCPT":
            self.recipient(unquoted(re.search("<(.*)>", rest).group(1)))
        elif verb == "DATA":
            self.reply("354 go ahead")
            self.data()
        else:
            self.reply("221 mx.provider.example")

    def recipient(self, address):
        if re.search(r"[@.]office\.example$", address, re.IGNORECASE):
            self.recipients.append(address)
            self.reply("250 ok")
        else:
            self.reply("553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)")

    def data(self):
        message = b""
        for line in self.rfile:
            if line == b".\r\n":
                break
            message += line[1:] if line.startswith(b".") else line
        if re.search(rb"(?<!\r)\n", message):
            self.reply("451 See http://pobox.com/~djb/docs/smtplf.html.")
            return
        for recipient in self.recipients:
            self.server.stored.append(self.stamps(recipient) + message.replace(b"\r\n", b"\n"))
        self.reply("250 ok 1795525200 qp 4711")

    def stamps(self, recipient):
        """qmail-local quotes Return-Path but not Delivered-To; qmail-smtpd replaces what could hurt within HELO."""
        helo = re.sub(r"[^A-Za-z0-9.@%+/=:-]", "?", self.helo)
        self.server.number += 2
        return (f"Return-Path: <{self.sender}>\nDelivered-To: {PREFIX}{recipient}\n" +
                RECEIVED.format(number=self.server.number, helo=helo)).encode()

    def reply(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.stored, self.number = [], 4709


class Qmail(Provider):
    """Not a server's own bytes: written by a script as the documentation and source of qmail 1.03 describe them, for a
    virtualdomains line office.example:mbox-userstr."""

    kind = "qmail-style"
    rules = {"envelope": ["Delivered-To"], "strip_prefix": PREFIX}
    exceptions = {"quoted-comma": ("bob@office.example, smith@office.example", "without its quotes it is a list of two")}

    def start(self):
        self.server = Server()
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def settle(self):
        """It stores before it answers."""

    def take(self):
        stored, self.server.stored = self.server.stored, []
        return stored

    def stamped(self, recipient):
        return PREFIX + recipient
