# SPDX-License-Identifier: ISC
"""Where a test runs: one temporary folder, free ports, processes that end with it.

Servers and the daemon run as an ordinary user: the caller, or `nobody` when the caller is root. So what they read and
run has to be reachable for that user; `Place.reachable` copies it into the folder where it is not.
"""
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 30.0       # for anything that should happen at once; generous, for slow machines


def ordinary_user():
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def wait_for(what, condition, deadline_s=DEADLINE_S):
    """Returns the condition's first true value; fails with what(), or what, when it does not come."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline_s:.0f} s for {what() if callable(what) else what}")
        time.sleep(0.02)


_reserved = []


def free_port():
    """A port of 127.0.0.1, below those that outgoing connections get, reserved among our own programs until we exit."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0multidropd-test-port-{port}")
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                with socket.socket(family) as probe:
                    probe.bind((address, port))
        except OSError as error:
            mark.close()
            if error.errno in (97, 99):     # no IPv6 here
                return port
            continue
        _reserved.append(mark)
        return port


def can_connect(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Place:
    """Use with `with`: on the way out processes end in the reverse of their order, and the folder goes."""

    def __init__(self):
        self.user = ordinary_user()
        self.path = tempfile.mkdtemp(prefix="multidropd-")
        os.chmod(self.path, 0o755)
        self._processes = []
        self._cleanups = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends everything; a second Ctrl-C waits until that is done."""
        impatient = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, impatient)
        try:
            while self._processes:
                end_process(self._processes.pop())
            while self._cleanups:
                self._cleanups.pop()()
        finally:
            shutil.rmtree(self.path, ignore_errors=True)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, impatient)

    def at_close(self, function):
        self._cleanups.append(function)

    def folder(self, *names, mode=0o755):
        """A folder of the ordinary user."""
        path = self.path
        for name in names:
            path = os.path.join(path, name)
            if not os.path.isdir(path):
                os.mkdir(path)
                self.own(path)
        os.chmod(path, mode)
        return path

    def own(self, path):
        if os.geteuid() == 0:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def write(self, path, content, mode=0o644):
        """A file of the ordinary user."""
        data = content.encode() if isinstance(content, str) else content
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        self.own(path)
        return path

    def start(self, argv, user=True, **options):
        """Starts a process in its own group, as the ordinary user unless told otherwise. It ends with the place."""
        if user and os.geteuid() == 0:
            options.update(user=self.user.pw_uid, group=self.user.pw_gid, extra_groups=[])
        process = subprocess.Popen(argv, start_new_session=True, stdin=subprocess.DEVNULL, cwd=self.path, **options)
        self._processes.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM):
        end_process(process, how)
        if process in self._processes:
            self._processes.remove(process)
        return process.returncode

    def reachable(self, path):
        """`path`, or a copy in our folder if the ordinary user cannot get at it."""
        if os.geteuid() != 0 or _open_to_all(path):
            return path
        copy = os.path.join(self.path, os.path.basename(path))
        if os.path.isdir(path):
            if not os.path.isdir(copy):
                shutil.copytree(path, copy, symlinks=True)
        elif not os.path.exists(copy):
            shutil.copy2(path, copy)
        return copy


def _open_to_all(path):
    path = os.path.realpath(path)
    while path != "/":
        if os.stat(path).st_mode & 0o005 != 0o005:
            return False
        path = os.path.dirname(path)
    return True


def end_process(process, how=signal.SIGTERM):
    """Asks, waits, then kills what is left of the process and its group."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            print(f"# process {process.pid} ({process.args[0]}) had to be killed", file=sys.stderr)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
