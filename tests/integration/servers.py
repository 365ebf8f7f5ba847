# SPDX-License-Identifier: ISC
"""Real mail servers, run from where tests/packages unpacked them. The machine's own are never touched.

A Dovecot is a provider (POP3) or an office (LMTP), as its methods say; a Postfix is a relay.
"""
import glob
import grp
import itertools
import os
import pwd
import shutil
import textwrap

from place import can_connect, free_port, wait_for

_numbers = itertools.count(1)

OFFICE_USERS = ("alice", "bob", "carol", "postmaster")


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(os.environ.get("MULTIDROPD_CACHE") or os.path.join(base, "multidropd"), "servers")


def unpacked(place, name):
    root = os.path.join(cache_folder(), name)
    if not os.path.exists(os.path.join(root, ".complete")):
        raise RuntimeError(f"{name} is not in {root}: run tests/packages check")
    return place.reachable(root)


def library_path(root):
    return ":".join(glob.glob(root + "/usr/lib/*-linux-gnu") + glob.glob(root + "/lib/*-linux-gnu") +
                    [root + "/usr/lib/dovecot", root + "/usr/lib/dovecot/modules/old-stats", root + "/usr/lib/postfix"])


def tail(path, lines=15):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return str(error)


def read_maildir(folder):
    """The messages' bytes, oldest first, as they lie there: line ends are LF. The server may be moving them meanwhile."""
    while True:
        paths = glob.glob(folder + "/new/*") + glob.glob(folder + "/cur/*")
        try:
            return [_read(path) for path in sorted(paths, key=os.path.basename)]
        except FileNotFoundError:
            continue


def _read(path):
    with open(path, "rb") as file:
        return file.read()


class Dovecot:
    """One Dovecot with its own users. `certificate` (certificates.py) turns STLS and POP3S on."""

    def __init__(self, place, name, users, certificate=None, mechanisms="plain login cram-md5 apop scram-sha-256"):
        self.place, self.name, self.users = place, name, dict(users)
        self.user_fields = {}           # name → settings of that user alone, e.g. a quota
        self.root = unpacked(place, "dovecot")
        self.folder = place.folder(name)
        self.home = place.folder(name, "home")
        self.log = place.write(os.path.join(self.folder, "log"), "")
        self.lmtp_socket = os.path.join(self.folder, "lmtp")
        self.port, self.tls_port, self.lmtp_port = free_port(), free_port(), free_port()
        self.certificate = certificate
        self.mechanisms = mechanisms
        self.extra = ""
        self.process = None

    def maildir(self, user):
        return os.path.join(self.home, user, "Maildir")

    def start(self):
        self._write_configuration()
        environment = {"LD_LIBRARY_PATH": library_path(self.root), "UNPACKED_ROOT": self.root, "PATH": os.environ["PATH"],
                       "LD_PRELOAD": self.place.reachable(os.path.abspath(os.environ["MULTIDROPD_UNPACKED"])), "TZ": "UTC"}
        with open(self.log, "ab") as log:
            self.process = self.place.start([self.root + "/usr/sbin/dovecot", "-F", "-c", self.folder + "/dovecot.conf"],
                                            env=environment, stdout=log, stderr=log)
        wait_for(lambda: f"Dovecot {self.name}:\n{tail(self.log)}", self._answers)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"Dovecot {self.name} ended:\n{tail(self.log)}")
        return can_connect(self.port) and can_connect(self.lmtp_port) and os.path.exists(self.lmtp_socket)

    def stop(self):
        self.place.stop(self.process)

    def empty(self):
        """As on the first day."""
        for user in self.users:
            shutil.rmtree(self.maildir(user), ignore_errors=True)

    def _write_configuration(self):
        user = self.place.user.pw_name
        with_tls = self.certificate is not None
        lines = "".join(f"{name}:{{PLAIN}}{password}::::::{self.user_fields.get(name, '')}\n" for name, password in self.users.items())
        self.place.write(os.path.join(self.folder, "passwd"), lines, 0o600)
        tls = f"ssl_cert = <{self.certificate.chain}\nssl_key = <{self.certificate.key}" if with_tls else ""
        self.place.write(os.path.join(self.folder, "dovecot.conf"), textwrap.dedent(f"""\
            protocols = pop3 lmtp
            listen = 127.0.0.1
            base_dir = {self.place.folder(self.name, "run")}
            state_dir = {self.place.folder(self.name, "state")}
            libexec_dir = {self.root}/usr/lib/dovecot
            mail_plugin_dir = {self.root}/usr/lib/dovecot/modules
            import_environment = TZ LD_LIBRARY_PATH LD_PRELOAD UNPACKED_ROOT
            default_login_user = {user}
            default_internal_user = {user}
            default_internal_group = {self._group()}
            first_valid_uid = 1
            mail_uid = {user}
            mail_gid = {self.place.user.pw_gid}
            log_path = {self.log}
            ssl = {"yes" if with_tls else "no"}
            disable_plaintext_auth = no
            auth_mechanisms = {self.mechanisms}
            auth_failure_delay = 0
            mail_max_userip_connections = 100
            maildir_very_dirty_syncs = yes
            mail_fsync = optimized
            mail_location = maildir:~/Maildir
            auth_username_format = %Ln
            pop3_uidl_format = %08Xu%08Xv
            passdb {{
              driver = passwd-file
              args = scheme=PLAIN {self.folder}/passwd
            }}
            userdb {{
              driver = passwd-file
              args = {self.folder}/passwd
              default_fields = uid={user} gid={self.place.user.pw_gid} home={self.home}/%n
            }}
            service anvil {{
              chroot =
            }}
            service stats {{
              chroot =
            }}
            service pop3-login {{
              chroot =
              inet_listener pop3 {{
                port = {self.port}
              }}
              inet_listener pop3s {{
                port = {self.tls_port if with_tls else 0}
              }}
            }}
            service lmtp {{
              unix_listener {self.lmtp_socket} {{
                mode = 0666
              }}
              inet_listener lmtp {{
                port = {self.lmtp_port}
              }}
            }}
            """) + tls + "\n" + self.extra)

    def _group(self):
        return grp.getgrgid(self.place.user.pw_gid).gr_name

    # The provider's side

    def put(self, user, message):
        """A message into the mailbox, exactly these bytes with CRLF line ends; in the order of the calls."""
        for part in ("", "new", "cur", "tmp"):
            self.place.folder(self.name, "home", user, "Maildir", part)
        number = next(_numbers)
        path = os.path.join(self.maildir(user), "new", f"{1700000000 + number}.M{number}P1.provider")
        return self.place.write(path, message.replace(b"\r\n", b"\n"), 0o600)

    def left(self, user):
        """What is still on the server."""
        return read_maildir(self.maildir(user))

    # The office's side

    def delivered(self, user):
        return read_maildir(self.maildir(user))

    def wait_until_settled(self):
        """What LMTP accepted is in the mailbox."""


class Postfix:
    """A relay on a high port that delivers to Maildirs. Its master insists on root."""

    DOMAIN = "example.com"
    FOLDERS = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")

    def __init__(self, place, name="postfix", certificate=None):
        self.place, self.name = place, name
        self.root = unpacked(place, "postfix")
        self.folder = place.folder(name)
        self.home = place.folder(name, "home")
        self.log = os.path.join(self.folder, "maillog")
        self.port = free_port()
        self.certificate = certificate
        self.mailboxes = {f"{user}@{self.DOMAIN}": user for user in OFFICE_USERS}
        self.extra = {}
        self.process = None

    @staticmethod
    def can_run():
        return os.geteuid() == 0

    def maildir(self, user):
        return os.path.join(self.home, user)

    def delivered(self, user):
        return read_maildir(self.maildir(user))

    def empty(self):
        for user in self.mailboxes.values():
            shutil.rmtree(self.maildir(user), ignore_errors=True)

    def start(self):
        self._write_configuration()
        environment = {"LD_LIBRARY_PATH": library_path(self.root), "PATH": os.environ["PATH"], "TZ": "UTC"}
        out = open(os.path.join(self.folder, "output"), "ab")
        self.process = self.place.start([self.root + "/usr/lib/postfix/sbin/master", "-d", "-c", self.folder + "/etc"], user=False,
                                        env=environment, stdout=out, stderr=out)
        wait_for(lambda: f"Postfix:\n{tail(self.folder + '/output')}{tail(self.log)}", self._answers)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"Postfix ended:\n{tail(self.folder + '/output')}{tail(self.log)}")
        return can_connect(self.port)

    def stop(self):
        self.place.stop(self.process)

    def wait_until_settled(self):
        """Until no mail is on its way through the queue any more."""
        wait_for(lambda: f"Postfix's queue:\n{tail(self.log)}", lambda: not self._queued(), 120)

    def _queued(self):
        """A file that is executable is a message; others were not accepted yet, or never will be where Postfix was killed."""
        return any(os.access(os.path.join(base, file), os.X_OK) for name in ("maildrop", "incoming", "active", "deferred")
                   for base, _, files in os.walk(os.path.join(self.folder, "spool", name)) for file in files)

    def _write_configuration(self):
        # Any two accounts of Debian's base system that nobody logs in with will do: the queue is our own.
        owner, drop = "news", "uucp"
        etc, spool = os.path.join(self.folder, "etc"), os.path.join(self.folder, "spool")
        data = os.path.join(self.folder, "data")
        for path in (etc, spool, spool + "/pid"):
            os.makedirs(path, exist_ok=True)
        for path in [data] + [f"{spool}/{name}" for name in self.FOLDERS]:
            self._make(path, owner, None, 0o700)
        self._make(spool + "/maildrop", owner, drop, 0o730)
        self._make(spool + "/public", owner, drop, 0o710)
        settings = {
            "compatibility_level": "3.7", "queue_directory": spool, "data_directory": data,
            "command_directory": self.root + "/usr/sbin", "daemon_directory": self.root + "/usr/lib/postfix/sbin",
            "shlib_directory": self.root + "/usr/lib/postfix", "meta_directory": etc, "mail_owner": owner, "setgid_group": drop,
            "import_environment": "MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH", "maillog_file": self.log,
            "maillog_file_prefixes": self.folder, "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
            "myhostname": "relay." + self.DOMAIN, "mydestination": "", "mynetworks": "127.0.0.0/8", "alias_maps": "",
            "local_header_rewrite_clients": "", "message_drop_headers": "",
            "virtual_mailbox_domains": " ".join({address.partition("@")[2] for address in self.mailboxes}),
            "virtual_mailbox_base": self.home, "virtual_mailbox_maps": f"texthash:{etc}/mailboxes", "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{self.place.user.pw_uid}", "virtual_gid_maps": f"static:{self.place.user.pw_gid}",
            "virtual_mailbox_limit": "0", "message_size_limit": "52428800", "smtpd_error_sleep_time": "0", "smtputf8_enable": "yes",
            "smtpd_client_connection_rate_limit": "0", "smtpd_relay_restrictions": "permit_mynetworks, reject",
        }
        if self.certificate is not None:
            settings.update({"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": self.certificate.chain,
                             "smtpd_tls_key_file": self.certificate.key})
        settings.update(self.extra)
        services = ["smtpd", "cleanup", "qmgr", "rewrite trivial-rewrite", "bounce", "defer bounce", "trace bounce", "flush", "proxymap",
                    "error", "retry error", "discard", "virtual", "anvil", "scache", "tlsmgr", "postlog postlogd"]
        self._write(etc + "/main.cf", "".join(f"{name} = {value}\n" for name, value in settings.items()))
        self._write(etc + "/master.cf", "".join(map(self._service, services)))
        self._write(etc + "/mailboxes", "".join(f"{address} {user}/\n" for address, user in self.mailboxes.items()))
        self._write(etc + "/dynamicmaps.cf", "")

    def _service(self, line):
        name, command = (line.split() * 2)[:2]
        if name == "smtpd":
            return f"127.0.0.1:{self.port} inet n - n - 100 smtpd\n"
        kind = "unix-dgram" if name == "postlog" else "unix"
        private = "n" if name in ("cleanup", "qmgr", "flush", "postlog") else "-"
        unprivileged = "n" if name == "virtual" else "-"
        wakeup = {"qmgr": "300", "tlsmgr": "1000?", "flush": "1000?"}.get(name, "-")
        limit = {"qmgr": "1", "tlsmgr": "1", "postlog": "1", "cleanup": "0", "bounce": "0", "defer": "0", "trace": "0", "anvil": "1",
                 "scache": "1", "flush": "0"}.get(name, "-")
        return f"{name} {kind} {private} {unprivileged} n {wakeup} {limit} {command}\n"

    @staticmethod
    def _make(path, owner, group, mode):
        os.makedirs(path, exist_ok=True)
        os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid if group else 0)
        os.chmod(path, mode)

    @staticmethod
    def _write(path, content):
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
