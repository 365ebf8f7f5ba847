# SPDX-License-Identifier: ISC
"""Servers that do as a test tells them: refuse, cut the connection, wait.

A test gives a `hook`: called with the command line in upper case up to its first blank, the whole line and the connection. It
returns what to answer instead (bytes, with CRLF), CLOSE to hang up without a word, or None for the ordinary answer. The hook
may wait; each connection has its own thread.
"""
import socket
import threading

CLOSE = object()


class Scripted:
    """Listens on 127.0.0.1 from its making until `close`."""

    greeting = b""

    def __init__(self, place, hook=None):
        self.hook = hook or (lambda verb, line, connection: None)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.commands = []              # all lines, of all connections
        self.connections = 0
        self.lock = threading.Lock()
        place.at_close(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as lines:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._dialogue(connection, lines)
            except (OSError, ValueError):
                return

    def _dialogue(self, connection, lines):
        first = self.hook("GREETING", b"", connection)
        if first is CLOSE:
            return
        connection.sendall(self.greeting if first is None else first)
        session = self.session(connection, lines)
        while line := lines.readline():
            line = line.rstrip(b"\r\n")
            with self.lock:
                self.commands.append(line)
            verb = line.partition(b" ")[0].upper().decode("ascii", "replace")
            answer = self.hook(verb, line, connection)
            if answer is CLOSE:
                return
            if answer is None:
                answer = session(verb, line)
            connection.sendall(answer)
            if verb == "QUIT":
                return

    def session(self, connection, lines):
        """A function (verb, line) → ordinary answer, with the state of one connection."""
        raise NotImplementedError

    def count(self, verb):
        with self.lock:
            return sum(line.upper().startswith(verb.encode()) for line in self.commands)


class ScriptedPop3(Scripted):
    """`messages`: list of (UID, bytes with CRLF). What is DELEd goes at QUIT."""

    greeting = b"+OK ready\r\n"

    def __init__(self, place, messages=(), hook=None):
        self.messages = list(messages)
        super().__init__(place, hook)

    def session(self, connection, lines):
        listing = list(self.messages)
        gone = set()

        def listed(text):
            rows = [text(number, *message) for number, message in enumerate(listing, 1) if number not in gone]
            return b"+OK\r\n" + b"".join(b"%d %s\r\n" % (number, value) for number, value in rows) + b".\r\n"

        def retrieve(number, upto):
            if number in gone or not 1 <= number <= len(listing):
                return b"-ERR no such message\r\n"
            data = listing[number - 1][1]
            if upto is not None:
                header, _, body = data.partition(b"\r\n\r\n")
                data = header + b"\r\n\r\n" + b"".join(body.splitlines(True)[:upto])
            return b"+OK\r\n" + stuffed(data) + b".\r\n"

        def answer(verb, line):
            arguments = line.split()[1:]
            match verb:
                case "CAPA":
                    return b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n"
                case "UIDL":
                    return listed(lambda number, uid, data: (number, uid.encode()))
                case "LIST":
                    return listed(lambda number, uid, data: (number, b"%d" % len(data)))
                case "STAT":
                    return b"+OK %d %d\r\n" % (len(listing) - len(gone), sum(len(data) for _, data in listing))
                case "RETR":
                    return retrieve(int(arguments[0]), None)
                case "TOP":
                    return retrieve(int(arguments[0]), int(arguments[1]))
                case "DELE":
                    gone.add(int(arguments[0]))
                case "QUIT":
                    taken = {listing[number - 1][0] for number in gone}
                    self.messages = [message for message in self.messages if message[0] not in taken]
            return b"+OK\r\n"
        return answer


class ScriptedSmtp(Scripted):
    """SMTP, or LMTP where LHLO is said. `accepted`: (sender, recipient, bytes) for each recipient of completed mail.

    For the message itself the hook is asked with the verb "." (LMTP: once for each recipient, the line is the recipient).
    """

    greeting = b"220 scripted ready\r\n"

    def __init__(self, place, hook=None):
        self.accepted = []
        super().__init__(place, hook)

    def session(self, connection, lines):
        state = {"lmtp": False, "sender": None, "recipients": []}

        def answer(verb, line):
            match verb:
                case "EHLO" | "LHLO":
                    state["lmtp"] = verb == "LHLO"
                    return b"250-scripted\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n"
                case "MAIL":
                    state.update(sender=address(line), recipients=[])
                case "RCPT":
                    state["recipients"].append(address(line))
                case "RSET":
                    state.update(sender=None, recipients=[])
                case "DATA":
                    if not state["recipients"]:
                        return b"503 no recipients\r\n"
                    connection.sendall(b"354 go on\r\n")
                    return self._data(connection, lines, state)
                case "QUIT":
                    return b"221 bye\r\n"
            return b"250 ok\r\n"
        return answer

    def _data(self, connection, lines, state):
        data = []
        while (line := lines.readline()) != b".\r\n":
            if not line:
                raise OSError("cut inside of DATA")
            data.append(line[1:] if line.startswith(b".") else line)
        replies = []
        for recipient in state["recipients"] if state["lmtp"] else [None]:
            reply = self.hook(".", (recipient or "").encode(), connection)
            if reply is CLOSE:
                raise OSError("as the test wants it")
            replies.append(reply or b"250 taken\r\n")
            if reply is None or reply.startswith(b"2"):
                taken = state["recipients"] if recipient is None else [recipient]
                with self.lock:
                    self.accepted += [(state["sender"], one, b"".join(data)) for one in taken]
        state.update(sender=None, recipients=[])
        return b"".join(replies)


class PolicyServer(Scripted):
    """Postfix's policy delegation: `decide`, from a request's attributes, gives what an access table would (access(5))."""

    def __init__(self, place):
        self.decide = lambda attributes: "DUNNO"
        super().__init__(place)

    def _dialogue(self, connection, lines):
        attributes = {}
        for line in lines:
            name, _, value = line.decode("utf-8", "replace").rstrip("\n").partition("=")
            if name:
                attributes[name] = value
                continue
            connection.sendall(f"action={self.decide(attributes)}\n\n".encode())
            attributes = {}


def address(line):
    return line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace")


def stuffed(data):
    lines = data.split(b"\r\n")
    text = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return text if text.endswith(b"\r\n") else text + b"\r\n"
