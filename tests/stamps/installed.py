# SPDX-License-Identifier: ISC
"""A provider whose server runs on a machine of its own (machine.py), as if it were installed."""
import os
import time

from machine import Machine
from place import can_connect, wait_for
from provider import Provider, take_maildir

COLLECTOR = "collector"
HOME = os.path.join("/", "home", COLLECTOR)


class Installed(Provider):
    packages = ()           # folders of unpacked packages
    port = 25
    queue = None            # where the server keeps what is under way
    mailbox = HOME + "/Maildir"

    def start(self):
        self.machine = Machine(*self.packages)
        self.machine.__enter__()
        self.machine.user(COLLECTOR, 2001, HOME)
        self.machine.folder(HOME, 0o755, COLLECTOR)
        self.configure()
        self.launch()
        wait_for(lambda: f"{self.kind}:\n{self.machine.log()}", lambda: can_connect(self.port))

    def configure(self):
        """Users, folders and files, all before the server is started."""
        raise NotImplementedError

    def launch(self):
        raise NotImplementedError

    def stop(self):
        self.machine.__exit__()

    def settle(self):
        """Empty twice in a row: some servers make the next file of a message before they remove the last one."""
        for _ in range(2):
            wait_for(lambda: f"{self.kind} has in its queue: {self.under_way()}", lambda: not self.under_way())
            time.sleep(0.1)

    def under_way(self):
        return [name for _, _, files in os.walk(self.machine.path(self.queue)) for name in files]

    def take(self):
        return take_maildir(self.machine.path(self.mailbox))
