# SPDX-License-Identifier: ISC
"""Postfix that hands mail to a program, which stamps it and files it: pipe(8) with a script, procmail, maildrop."""
import os
import shutil

import servers
from providers_postfix import COLLECTED, TRAILING_DOT, Luser, Postfix
from scenarios import ADDRESSES, FORGERIES

# MAILDIR [RECIPIENT...]: files standard input, under the recipients where there are any.
SCRIPT = """\
#!/bin/sh
umask 077
maildir=$1
shift
file=$(date +%s%N).$$.provider
{
	[ $# = 0 ] || { printf 'X-Envelope-To: %s' "$1"; shift; printf ', %s' "$@" | sed 's/^, $//'; echo; }
	cat
} >"$maildir/tmp/$file" && mv "$maildir/tmp/$file" "$maildir/new/$file"
"""

# Without flag q nothing tells what stood in quotes. A bare word within the list is completed with our domain.
UNQUOTED = {
    "quoted-comma": ("bob@office.example, smith@office.example", "without quotes it is a list of two; nobody can tell"),
}

# local(8) hands a command's shell nothing that could mean something to it.
WORSE = "what means something to a shell was made _ by the provider; nobody can tell"
UNDERSCORED = {
    "quoted-blank": ("bob_smith@office.example", WORSE),
    "quoted-for": ("x_for_victim@office.example", WORSE),
    "quoted-comma": ("_bob@office.example, smith@office.example", WORSE),
    "quoted-at": ("fallback", WORSE),
    "apostrophe": ("o_brien@office.example", WORSE),
    "eight-bit": ("j__rgen@office.example", WORSE),
    **TRAILING_DOT,
}


class Pipe(Postfix):
    """Postfix 3.7, pipe(8) with the usual flags=DRXhu: a script writes X-Envelope-To above what it gets."""

    kind = "postfix-pipe"
    rules = {"envelope": ["X-Envelope-To"]}
    exceptions = UNQUOTED
    only = ADDRESSES + FORGERIES
    flags = "DRXhu"
    arguments = "${recipient}"
    limit = "1"

    def settings(self):
        return {"virtual_mailbox_domains": COLLECTED, "virtual_mailbox_maps": "static:x", "virtual_transport": "collect:",
                "collect_destination_recipient_limit": self.limit}

    def prepare(self):
        self.services = (f"collect unix - n n - - pipe flags={self.flags} user={self.place.user.pw_name} "
                         f"argv={self.program()} {self.arguments}",)
        self.server.services = self.services

    def program(self):
        return self.place.write(os.path.join(self.place.path, "script"), SCRIPT, 0o755) + " " + self.mailbox


class PipeQuoted(Pipe):
    """Postfix 3.7, pipe(8) with flags=DRXhuq: as postfix-pipe, but local parts stay quoted."""

    kind = "postfix-pipe-q"
    exceptions = {}
    flags = "DRXhuq"
    only = ADDRESSES


class PipeSeveral(Pipe):
    """Postfix 3.7, pipe(8) with flags=Rq, several recipients at a time: a script writes them into one X-Envelope-To."""

    kind = "postfix-pipe-several"
    exceptions = {}
    flags = "Rq"
    limit = "50"
    only = ADDRESSES + ("three", "twice-in-case", "outside-too", "forged-top-two")


class Received(Pipe):
    """Postfix 3.7, pipe(8) with flags=R: no stamp but the `for` of its Received field."""

    kind = "postfix-received"
    rules = {"envelope": ["Received"], "received_by": ["mx.provider.example"]}
    exceptions = TRAILING_DOT
    only = ()
    flags = "R"
    arguments = ""
    limit = "50"


class Procmail(Luser):
    """Postfix 3.7, local(8) with luser_relay and mailbox_command = procmail 3.22, the recipe: formail -A "X-Envelope-To: $1"."""

    kind = "postfix-procmail"
    rules = {"envelope": ["X-Envelope-To"], "position": "any", "which": "last"}
    exceptions = UNDERSCORED
    only = ADDRESSES + FORGERIES + ("forwarded", "forged-received", "three-parts", "groups", "many-received", "eight-bit-header")
    option = "-A"

    def settings(self):
        root = servers.unpacked(self.place, "procmail")
        recipe = self.place.write(os.path.join(self.place.path, "procmailrc"),
                                  f"DEFAULT={self.mailbox}/\n"
                                  f":0 fhw\n| {root}/usr/bin/formail {self.option} \"X-Envelope-To: $1\"\n")
        return {**super().settings(), "mailbox_command": f'{root}/usr/bin/procmail -m {recipe} "$ORIGINAL_RECIPIENT"'}

    def prepare(self):
        pass


class ProcmailInstead(Procmail):
    """Postfix 3.7, local(8) with luser_relay and mailbox_command = procmail 3.22, the recipe: formail -I "X-Envelope-To: $1"."""

    kind = "postfix-procmail-instead"
    rules = {"envelope": ["X-Envelope-To"], "position": "any"}
    only = FORGERIES
    option = "-I"


class Maildrop(Pipe):
    """Postfix 3.7, pipe(8) with flags=DRhu: maildrop 2.9, which filters with reformail -A "X-Envelope-To: $RECIPIENT"."""

    kind = "postfix-maildrop"
    rules = {"envelope": ["X-Envelope-To"], "position": "any", "which": "last"}
    only = FORGERIES + ("apostrophe", "eight-bit", "case")
    flags = "DRhu"

    def program(self):
        root = servers.unpacked(self.place, "maildrop")
        lines = (f"SHELL=/bin/sh\nRECIPIENT=$1\n"
                 f"""xfilter '{root}/usr/bin/reformail -A"X-Envelope-To: $RECIPIENT"'\nto "{self.mailbox}"\n""")
        recipe = self.place.write(os.path.join(self.place.path, "mailfilter"), lines, 0o600)
        # It is set-gid, and so would not look where its libraries are.
        program = shutil.copyfile(root + "/usr/bin/maildrop", os.path.join(self.place.path, "maildrop-program"))
        os.chmod(program, 0o755)
        script = f"#!/bin/sh\nLD_LIBRARY_PATH={servers.library_path(root)}:{root}/usr/lib HOME={self.place.path} exec {program} \"$@\"\n"
        return self.place.write(os.path.join(self.place.path, "script"), script, 0o755) + " " + recipe
