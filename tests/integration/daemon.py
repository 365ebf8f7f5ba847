# SPDX-License-Identifier: ISC
"""The program under test: its configuration, its runs, what it logged.

MULTIDROPD names the binary. Each run is watched for reports of the sanitizers.
"""
import glob
import os
import re
import shlex
import signal
import socket
import subprocess

from place import DEADLINE_S, wait_for

HOSTNAME = "gateway.example.com"
RUN_DEADLINE_S = 300


def quoted(value):
    """A value as libconfuse reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(map(quoted, value)) + " }"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def options(values, indent=""):
    text = ""
    for name, value in values.items():
        if isinstance(value, dict):
            text += f"{indent}{name} {{\n{options(value, indent + '    ')}{indent}}}\n"
        else:
            text += f"{indent}{name} = {quoted(value)}\n"
    return text


def block(kind, name, values):
    return f'{kind} "{name}" {{\n{options(values, "    ")}}}\n'


def multidrop_account(port, user="example.com", password="secret", **changes):
    """The options of an account like that of interface.md, for a provider in clear text on loopback."""
    values = {"server": f"127.0.0.1:{port}", "tls": "none", "user": user, "password": password,
              "multidrop": {"envelope": ["X-Envelope-To", "Delivered-To"], "domains": ["example.com"]}}
    values.update(changes)
    return {name: value for name, value in values.items() if value is not None}


def fields_of(line):
    """The key=value pairs of a log line."""
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {key: value[1:-1].replace('\\"', '"') if value.startswith('"') else value for key, value in pairs}


class Log(list):
    """Lines of a run."""

    def alarms(self):
        return [line for line in self if re.match(r"multidropd: (error|warning): ", line)]

    def verdicts(self, status=None):
        """The lines that settle or defer recipients."""
        found = [fields_of(line) for line in self if " status=" in line]
        return [one for one in found if status is None or one["status"] == status]

    def matching(self, pattern):
        return [line for line in self if re.search(pattern, line, re.I)]

    def __str__(self):
        return "\n".join(self)


class ServiceManager:
    """What systemd would hear: a socket that the daemon sends its state to."""

    def __init__(self, place, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(DEADLINE_S)
        place.own(self.path)
        place.at_close(self.socket.close)

    def wait_for(self, word):
        """Reads notifications up to the one that holds the word, e.g. READY=1."""
        while word not in self.socket.recv(4096).decode().splitlines():
            pass


class Multidropd:
    def __init__(self, place, name="multidropd"):
        self.place = place
        self.folder = place.folder(name)
        self.config = os.path.join(self.folder, "multidropd.conf")
        self.state = os.path.join(self.folder, "state.db")
        self.output = place.write(os.path.join(self.folder, "log"), "")
        self.binary = place.reachable(os.path.abspath(os.environ["MULTIDROPD"]))
        self.process = None
        self.as_root = False
        place.at_close(self.no_sanitizer_report)

    def configure(self, accounts, relays, **changes):
        """accounts and relays: name → options. Changes are global options; None leaves one out."""
        values = {"hostname": HOSTNAME, "postmaster": "postmaster@example.com", "state_file": self.state, "log_target": "stderr",
                  "allow_self_poll": True}
        values.update(changes)
        text = options({name: value for name, value in values.items() if value is not None})
        text += "".join(block("relay", name, value) for name, value in relays.items())
        text += "".join(block("account", name, value) for name, value in accounts.items())
        self.place.write(self.config, text, 0o600)

    def argv(self, *arguments):
        wrapper = shlex.split(os.environ.get("MULTIDROPD_WRAPPER", ""))
        return [*wrapper, self.binary, "-c", self.config, *arguments]

    def environment(self, **more):
        reports = os.path.join(self.folder, "sanitizer")
        keep = {name: os.environ[name] for name in ("PATH", "GCOV_PREFIX", "GCOV_PREFIX_STRIP") if name in os.environ}
        return {**keep, "TZ": "UTC", "ASAN_OPTIONS": f"log_path={reports}:exitcode=99", **more,
                "UBSAN_OPTIONS": f"print_stacktrace=1:halt_on_error=1:log_path={reports}"}

    def run(self, *arguments, deadline_s=RUN_DEADLINE_S, environment=None):
        """Runs to the end: (exit status, standard output, log lines)."""
        before = os.path.getsize(self.output)
        out = self.place.write(os.path.join(self.folder, "stdout"), "")
        self.start(*arguments, environment=environment, stdout=open(out, "wb"))
        try:
            status = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired as late:
            self.place.stop(self.process, signal.SIGKILL)
            raise AssertionError(f"multidropd {' '.join(arguments)} did not end:\n{self.log(before)}") from late
        self.place.stop(self.process)
        self.no_sanitizer_report()
        with open(out, encoding="utf-8", errors="replace") as file:
            return status, file.read(), self.log(before)

    def once(self, *arguments, expect=0, **more):
        """`--once`, with the exit status it must have; the log."""
        status, _, log = self.run("--once", *arguments, **more)
        assert status == expect, f"exit status {status}, not {expect}:\n{log}"
        return log

    def start(self, *arguments, environment=None, stdout=subprocess.DEVNULL):
        with open(self.output, "ab") as log:
            self.process = self.place.start(self.argv(*arguments), user=not self.as_root, stdout=stdout, stderr=log,
                                            env=self.environment(**(environment or {})))
        return self.process

    def start_service(self, *arguments, environment=None):
        """Starts it as systemd does and waits until it is ready; the manager that it reports to."""
        manager = ServiceManager(self.place, self.folder)
        self.start(*arguments, environment={"NOTIFY_SOCKET": manager.path, **(environment or {})})
        manager.wait_for("READY=1")
        return manager

    def end(self, how=signal.SIGTERM):
        """Stops the running daemon; its exit status (negative: the signal that ended it)."""
        self.process.send_signal(how)
        status = self.process.wait(DEADLINE_S)
        self.place.stop(self.process)
        self.no_sanitizer_report()
        return status

    def once_killed(self, verdicts, moment_s):
        """`--once`, killed so long after so many more verdicts were logged; whether it was still at work."""
        target = len(self.log().verdicts()) + verdicts
        process = self.start("--once")
        wait_for("progress", lambda: process.poll() is not None or len(self.log().verdicts()) >= target)
        try:
            process.wait(moment_s)
        except subprocess.TimeoutExpired:
            pass
        was_running = process.poll() is None
        self.place.stop(process, signal.SIGKILL)
        return was_running

    def log(self, since=0):
        with open(self.output, "rb") as file:
            file.seek(since)
            return Log(file.read().decode("utf-8", "replace").splitlines())

    def wait_for_log(self, pattern, count=1, deadline_s=DEADLINE_S):
        """The matching lines, once there are `count`."""
        def enough():
            found = self.log().matching(pattern)
            return found if len(found) >= count else None
        return wait_for(lambda: f"{count} × {pattern!r} in the log:\n{self.log()}", enough, deadline_s)

    def no_sanitizer_report(self):
        for path in glob.glob(os.path.join(self.folder, "sanitizer.*")):
            with open(path, encoding="utf-8", errors="replace") as file:
                raise AssertionError(file.read())
