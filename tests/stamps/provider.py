# SPDX-License-Identifier: ISC
"""What make.py wants of a provider. A kind is a class of a providers_*.py that has all of this."""
import glob
import os


class Provider:
    """The doc string of a kind heads its fixture file: the server with its version, and how it collects."""

    kind = None             # name of the fixture file
    lmtp = False            # how it takes mail
    port = None             # known when start() has returned
    # The multidrop block: envelope (a list, always), position, which, skip, strip_prefix, received_by … `domains` is given.
    rules = {}
    # Where the stamp is not what RCPT said. By scenario: (what a program that believes the stamp has to come to, why).
    exceptions = {}
    only = ()               # scenarios, for a kind that is a variation of another; empty: all

    def __init__(self, place):
        self.place = place

    def start(self):
        """Returns when it takes mail."""
        raise NotImplementedError

    def wants(self, scenario):
        return not self.only or scenario.name in self.only

    def stop(self):
        """Ends it; the place would, too."""

    def settle(self):
        """Returns when all that was accepted is stored or thrown away."""
        raise NotImplementedError

    def take(self):
        """The bytes of the messages stored since the last call, oldest first."""
        raise NotImplementedError

    def stamped(self, recipient):
        """How its stamp spells him, where that is not as RCPT did."""
        return recipient


def take_maildir(folder):
    """The messages of a Maildir, which are gone afterwards."""
    messages = []
    paths = glob.glob(folder + "/new/*") + glob.glob(folder + "/cur/*")
    for path in sorted(paths, key=lambda path: (os.stat(path).st_mtime_ns, path)):
        with open(path, "rb") as file:
            messages.append(file.read())
        os.unlink(path)
    return messages
