# SPDX-License-Identifier: ISC
"""Every call that can fail fails once: the first of its class in one run, the second in the next, until a run makes no more.

Each run is followed by a clean one, after which everybody has what was owed. FAILPOINTS=all leaves none out; FAILPOINTS=n takes the
n-th only, of the test that is named on the command line.
"""
import concurrent.futures
import contextlib
import dataclasses
import errno
import itertools
import os
import queue
import ssl
import threading

from certificates import Authority
from daemon import Multidropd, multidrop_account
from messages import make
from place import Place
from scripted import ScriptedPop3, ScriptedSmtp
from tap import check, main, test

CHOICE = os.environ.get("FAILPOINTS") or ""
EVERY_ONE_UP_TO = 6         # then more and more are left out
LAST_CALL = 100_000
PARALLEL = int(os.environ.get("DESKS") or 4)
DEADLINE_S = 20
STATUSES = (0, 1, 69, 71, 73, 74, 75, 77, 78)
SQLITE_NOMEM, SQLITE_IOERR, SQLITE_FULL = 7, 10, 13


class Books(Place):
    """A provider in clear text and one with TLS, an office that knows no mallory, and what is owed."""

    def __enter__(self):
        self.mail = [make("for two", ["alice", "bob"]), make("for one", ["carol"]), make("refused", ["mallory"])]
        authority = Authority(self)
        certificate = authority.issue("pop", "DNS:localhost", "IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        self.relay = ScriptedSmtp(self, self._at_relay)
        self.clear = ScriptedPop3(self, hook=self._at_clear)
        self.tls = TlsPop3(self, context, hook=self._at_tls)
        self.daemon = Multidropd(self)
        self.early = []
        self.preloaded = self.reachable(os.path.abspath(os.environ["MULTIDROPD_FAILING"]))
        self.report = os.path.join(self.daemon.folder, "failed")
        self.ca = authority.ca
        self.empty_state = self._make_empty_state()
        return self

    def _make_empty_state(self):
        self.begin(Setting("clear", fresh=True))
        self.clear.messages = []
        self.daemon.once()
        with open(self.daemon.state, "rb") as file:
            return file.read()

    def begin(self, setting):
        """New mail for a daemon that remembers nothing."""
        self.provider = getattr(self, setting.provider)
        self.provider.messages = [(f"uid{number}", message.served) for number, message in enumerate(self.mail, 1)]
        self.relay.accepted.clear()
        self.early.clear()
        for name in os.listdir(self.daemon.folder):
            os.unlink(os.path.join(self.daemon.folder, name))
        self.write(self.daemon.output, "")
        if not setting.fresh:
            self.write(self.daemon.state, self.empty_state, 0o600)
        changes = {"tls": "implicit", "tls_ca_file": self.ca} if setting.provider == "tls" else {}
        account = multidrop_account(self.provider.port, connect_timeout="3s", timeout="3s", **changes)
        relay = {"protocol": setting.protocol, "address": f"localhost:{self.relay.port}", "timeout": "3s"}
        self.daemon.configure({"example.com": account}, {"office": relay})

    @staticmethod
    def _at_relay(verb, line, connection):
        return b"550 no such user\r\n" if verb == "RCPT" and b"mallory" in line else None

    def _at_clear(self, verb, line, connection):
        return self._watch(self.clear, verb, line)

    def _at_tls(self, verb, line, connection):
        return self._watch(self.tls, verb, line)

    def _watch(self, provider, verb, line):
        """A message goes only after all have it."""
        if verb == "DELE":
            uid = provider.messages[int(line.split()[1]) - 1][0]
            self.early += [f"{uid}: {who}" for who, times in self.holders(self.message(uid)).items() if times == 0]

    def message(self, uid):
        return self.mail[int(uid.removeprefix("uid")) - 1]

    def holders(self, message):
        """Recipient → how often the relay took it for them; for mallory's mail the postmaster's copy counts."""
        owed = {f"{one}@example.com" if one != "mallory" else "postmaster@example.com": 0 for one in message.recipients}
        for _, recipient, data in list(self.relay.accepted):
            if message.message_id.encode() in data:
                check.assertIn(recipient, owed, f"{message.name} went to somebody else")
                owed[recipient] += 1
        return owed


class TlsPop3(ScriptedPop3):
    def __init__(self, place, context, hook):
        self.context = context
        super().__init__(place, (), hook)

    def _serve(self, connection, *rest):
        try:
            with self.context.wrap_socket(connection, server_side=True) as wrapped:
                super()._serve(wrapped)
        except OSError:
            pass


@dataclasses.dataclass
class Failing:
    """Calls of one class, and how they fail. `late`: done, but with a failure for an answer; `locked`: once the state file is locked."""
    kind: str
    code: int
    late: bool = False
    locked: bool = False

    def environment(self, number, preloaded, report):
        values = {"LD_PRELOAD": preloaded, "FAILING_CLASS": self.kind, "FAILING_NUMBER": str(number), "FAILING_CODE": str(self.code),
                  "FAILING_REPORT": report}
        chosen = {"FAILING_LATE": self.late, "FAILING_LOCKED": self.locked}
        return {**values, **{name: "1" for name, wanted in chosen.items() if wanted}}


@dataclasses.dataclass
class Setting:
    """`fresh`: the state file is not there yet."""
    provider: str
    protocol: str = "smtp"
    fresh: bool = False


class Desks(contextlib.ExitStack):
    """Where runs take place side by side; most of their time is waiting."""

    def __enter__(self):
        self.free = queue.SimpleQueue()
        for _ in range(PARALLEL):
            self.free.put(self.enter_context(Books()))
        return super().__enter__()


desks = Desks()


def numbers():
    """Which calls fail: each, then ever fewer."""
    if CHOICE.isdigit():
        return iter([int(CHOICE)])
    number, chosen = 1, []
    while number < LAST_CALL:
        chosen.append(number)
        number += 1 if CHOICE == "all" or number < EVERY_ONE_UP_TO else number // 5 + 1
    return iter(chosen)


def walk(failing, setting):
    """Until a run makes no more of these calls; all that went wrong is told."""
    problems, done, todo, lock = [], [], numbers(), threading.Lock()

    def work():
        books = desks.free.get()
        try:
            while True:
                with lock:
                    number = next(todo, None)
                if number is None or not fail_once(books, Case(failing, setting, number), problems):
                    break
                done.append(number)
        finally:
            desks.free.put(books)

    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        for worker in [pool.submit(work) for _ in range(PARALLEL)]:
            worker.result()
    print(f"# {failing}, {setting}: {len(done)} runs, the last with call {max(done, default=0)}", flush=True)
    check.assertEqual(problems, [], "\n\n".join(problems))
    check.assertTrue(done, "nothing failed")


@dataclasses.dataclass
class Case:
    failing: Failing
    setting: Setting
    number: int


def fail_once(books, case, problems):
    """False: the run made fewer calls. What went wrong is added to the problems."""
    books.begin(case.setting)
    try:
        status, _, log = books.daemon.run("--once", environment=case.failing.environment(case.number, books.preloaded, books.report),
                                          deadline_s=DEADLINE_S)
    except AssertionError as problem:
        problems.append(f"{case}, {failed_call(books)}: {problem}")
        return True
    if not failed_call(books):
        return False
    try:
        judge_failed_run(books, status, log)
        judge_end(books, books.daemon.run("--once", deadline_s=DEADLINE_S))
    except AssertionError as problem:
        problems.append(f"{case}, {failed_call(books)}: status {status}\n{books.daemon.log()}\n{problem}")
    if os.environ.get("TELL"):
        print(f"{case}, {failed_call(books)}: {status}\n   ", "\n    ".join(log), flush=True)
    return True


def failed_call(books):
    with open(books.report, encoding="utf-8") as file:
        return file.read().strip()


def judge_failed_run(books, status, log):
    check.assertIn(status, STATUSES, "no documented exit status")
    check.assertEqual(books.early, [], "deleted before they had it")
    if status != 0:
        check.assertTrue(log, "no word about what failed")
    else:
        check.assertEqual(lost(books), [], "the exit status says that all is well")


def lost(books):
    return [f"{message.name}: {who}" for message in books.mail for who, times in books.holders(message).items() if times == 0]


def judge_end(books, clean):
    status, _, _ = clean
    check.assertEqual(status, 0, "the clean run after it")
    check.assertEqual(books.early, [], "deleted before they had it")
    check.assertEqual(lost(books), [], "lost")
    check.assertEqual(books.provider.messages, [], "left on the server")
    log = books.daemon.log()
    for uid, message in zip(itertools.count(1), books.mail):
        for who, times in books.holders(message).items():
            check.assertLessEqual(times, 2, f"{message.name}: {who}")
            if times == 2:
                check_announced(log, f"uid{uid}", who)


def check_announced(log, uid, who):
    """The words came before the second delivery."""
    told = [number for number, line in enumerate(log) if "possible duplicate" in line and f"uid={uid} " in line]
    verdicts = [number for number, line in enumerate(log) if f"uid={uid} " in line and "status=delivered" in line and who in line]
    check.assertTrue(told and verdicts and told[0] < verdicts[-1], f"a double of {uid} for {who} that nobody was told of")


def clear(failing, **changes):
    walk(failing, Setting("clear", **changes))


def tls(failing, **changes):
    walk(failing, Setting("tls", "lmtp", **changes))


@test
def memory():
    clear(Failing("memory", errno.ENOMEM, locked=True))


@test
def memory_with_tls():
    tls(Failing("memory", errno.ENOMEM, locked=True))


@test
def opening():
    clear(Failing("open", errno.EMFILE))
    tls(Failing("open", errno.EACCES))


@test
def files():
    tls(Failing("file", errno.EIO))


@test
def reading():
    clear(Failing("read", errno.EIO))
    tls(Failing("read", errno.ECONNRESET))


@test
def writing():
    clear(Failing("write", errno.ENOSPC))
    tls(Failing("write", errno.EIO))


@test
def syncing():
    clear(Failing("sync", errno.EIO), fresh=True)
    clear(Failing("sync", errno.ENOSPC, late=True))


@test
def sockets():
    clear(Failing("socket", errno.ENOBUFS))
    tls(Failing("socket", errno.EMFILE))


@test
def events():
    clear(Failing("event", errno.EMFILE))


@test
def threads_and_processes():
    clear(Failing("process", errno.EAGAIN))


@test
def names():
    clear(Failing("name", errno.EIO))


@test
def sqlite():
    clear(Failing("sqlite", SQLITE_IOERR))
    clear(Failing("sqlite", SQLITE_FULL))
    clear(Failing("sqlite", SQLITE_IOERR, late=True))
    clear(Failing("sqlite", SQLITE_NOMEM), fresh=True)


@test
def openssl():
    tls(Failing("tls-setup", errno.ENOMEM))
    tls(Failing("tls", errno.ECONNRESET))
    tls(Failing("tls", errno.ECONNRESET, late=True))


main(desks)
