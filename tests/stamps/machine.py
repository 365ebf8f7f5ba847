# SPDX-License-Identifier: ISC
"""A mail server as if it were installed, on a machine of its own that ends with the block:

    with Machine("exim") as machine:
        machine.start("/usr/sbin/exim4", "-bdf")

Its root is this machine's with the unpacked packages laid over it, all changes in memory; its network holds nothing but
itself (ADDRESS) and its peer (PEER), so that port 25 is free and nothing leaks. Of this machine nothing changes.
Needs root.
"""
import atexit
import ctypes
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from servers import cache_folder  # noqa: E402

HOST = "mx.provider.example"
ADDRESS = "192.0.2.25"
PEER_HOST = "mail.sender.example"
PEER = "192.0.2.7"

_PLACE = "/mnt"
_NAMESPACES = {"mnt": 0x00020000, "uts": 0x04000000, "ipc": 0x08000000, "net": 0x40000000}
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def unpacked(name):
    folder = os.path.join(cache_folder(), name)
    if not os.path.exists(os.path.join(folder, ".complete")):
        raise RuntimeError(f"{name} is not in {folder}: run tests/packages stamps")
    return folder


class Machine:
    def __init__(self, *names):
        self.layers = [unpacked(name) for name in names]
        self.root = os.path.join(_PLACE, "root")

    def __enter__(self):
        self._outside = {name: os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in _NAMESPACES}
        _call(_libc.unshare, sum(_NAMESPACES.values()))
        # Daemons become children of this program, which ends and reaps them whatever ends it.
        _call(_libc.prctl, _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        atexit.register(self.__exit__)
        self._lay_out()
        return self

    def __exit__(self, *_):
        atexit.unregister(self.__exit__)
        self._end_processes()
        for name, handle in self._outside.items():
            _call(_libc.setns, handle, _NAMESPACES[name])
            os.close(handle)

    # What a provider does with it

    def path(self, name):
        return self.root + name

    def write(self, name, text, mode=0o644, owner="root"):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.islink(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self._own(name, owner, mode)
        return name

    def folder(self, name, mode=0o755, owner="root"):
        os.makedirs(self.path(name), exist_ok=True)
        self._own(name, owner, mode)
        return name

    def user(self, name, number, home="/nonexistent"):
        """A user and a group of that name."""
        self._append("/etc/passwd", f"{name}:x:{number}:{number}::{home}:/bin/sh\n")
        self._append("/etc/group", f"{name}:x:{number}:\n")
        self._append("/etc/shadow", f"{name}:*:20000::::::\n")

    def run(self, *command, text=None):
        done = subprocess.run(self._inside(command), input=text, capture_output=True, text=True, check=False,
                              errors="replace", env=self._environment())
        if done.returncode != 0:
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *command):
        with open(self.path("/log"), "ab") as log:
            return subprocess.Popen(self._inside(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, env=self._environment())

    def log(self):
        with open(self.path("/log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    # How it is made

    def _inside(self, command):
        return ["chroot", self.root, *command]

    def _environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8", "HOME": "/root"}

    def _own(self, name, owner, mode):
        self.run("chown", owner, name)
        os.chmod(self.path(name), mode)

    def _append(self, name, line):
        with open(self.path(name), "a", encoding="utf-8") as file:
            file.write(line)

    def _lay_out(self):
        self._command("mount", "--make-rprivate", "/")
        self._command("mount", "-t", "tmpfs", "-o", "mode=755", "stamps", _PLACE)
        for name in ("changes", "work", "root"):
            os.mkdir(os.path.join(_PLACE, name))
        for layer in self.layers:
            for name in ("etc", "usr", "var"):
                if os.path.exists(os.path.join(layer, name)):
                    self._command("cp", "-a", os.path.join(layer, name), os.path.join(_PLACE, "changes"))
        self._command("mount", "-t", "overlay", "-o",
                      f"lowerdir=/,upperdir={_PLACE}/changes,workdir={_PLACE}/work", "stamps", self.root)
        for name in ("/proc", "/dev", "/sys"):
            self._command("mount", "--rbind", name, self.path(name))
        for name in ("/run", "/tmp"):
            self._command("mount", "-t", "tmpfs", "-o", "mode=1777", "stamps", self.path(name))
        self._network()

    def _network(self):
        self._command("hostname", HOST)
        self._command("ip", "link", "set", "lo", "up")
        for address in (ADDRESS, PEER):
            self._command("ip", "address", "add", address + "/32", "dev", "lo")
        # Who connects to 127.0.0.1 comes from the peer: some servers treat themselves in another way.
        self._command("ip", "route", "replace", "table", "local", "local", "127.0.0.1", "dev", "lo", "src", PEER)
        self.write("/etc/hostname", HOST + "\n")
        self.write("/etc/mailname", HOST + "\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {HOST} mx\n{PEER} {PEER_HOST}\n")
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")

    def _command(self, *command):
        subprocess.run(command, check=True)

    def _end_processes(self):
        """All that live here and nobody else."""
        own = os.readlink("/proc/self/ns/mnt")
        if own == f"mnt:[{os.fstat(self._outside['mnt']).st_ino}]":
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            found = [process for process in os.listdir("/proc") if process.isdigit() and int(process) != os.getpid() and
                     _mount_namespace(process) == own]
            for process in found:
                try:
                    os.kill(int(process), number)
                except ProcessLookupError:
                    pass
            if found:
                time.sleep(0.3)
                _reap()


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _mount_namespace(process):
    try:
        return os.readlink(f"/proc/{process}/ns/mnt")
    except OSError:
        return None
