# SPDX-License-Identifier: ISC
"""Exim, one Maildir for the whole domain."""
from installed import HOME, Installed

CONFIGURATION = """\
primary_hostname = mx.provider.example
domainlist ours = office.example : *.office.example
smtputf8_advertise_hosts = *
host_lookup =
rfc1413_query_timeout = 0s
{options}
acl_smtp_rcpt = recipient
acl_smtp_data = message
begin acl
recipient:
  accept domains = +ours
  deny message = relay not permitted
message:
  accept
begin routers
{routers}
begin transports
collector:
  {transport}
"""
TO_COLLECTOR = """collector:
  driver = accept
  domains = +ours
  transport = collector
"""
APPENDFILE = f"""driver = appendfile
  directory = {HOME}/Maildir
  maildir_format
  user = collector
  group = collector
  return_path_add
"""


class Exim(Installed):
    """Exim 4.96, appendfile with envelope_to_add, several recipients a delivery."""

    kind = "exim"
    rules = {"envelope": ["Envelope-to"]}
    packages = ("exim",)
    queue = "/var/spool/exim4/input"
    options = ""
    routers = TO_COLLECTOR
    transport = APPENDFILE + "  envelope_to_add\n  delivery_date_add\n  batch_max = 100"

    def configure(self):
        self.machine.user("Debian-exim", 107)
        for folder in ("/var/spool/exim4", "/var/log/exim4"):
            self.machine.folder(folder, 0o750, "Debian-exim:Debian-exim")
        self.machine.write("/etc/exim4/exim4.conf",
                           CONFIGURATION.format(options=self.options, routers=self.routers, transport=self.transport))

    def launch(self):
        self.machine.start("/usr/sbin/exim4", "-bdf")


class Received(Exim):
    """Exim 4.96 that stamps nothing but its Received field, with lax rules for HELO."""

    kind = "exim-received"
    rules = {"envelope": ["Received"], "received_by": ["mx.provider.example"]}
    exceptions = {
        "helo-by": ("fallback", "the HELO text closes its comment: two `by`, two `for`"),
        "sender-for": ("fallback", "the sender closes the comment that he is in: two `for`"),
    }
    options = 'helo_allow_chars = _ <>;()@:",\nhelo_accept_junk_hosts = *'
    transport = APPENDFILE + "  no_envelope_to_add"


class HeadersAdd(Exim):
    """Exim 4.96, a copy for each recipient, headers_add = X-Envelope-To: $local_part@$domain (nothing is quoted)."""

    kind = "exim-headers-add"
    rules = {"envelope": ["X-Envelope-To"], "position": "any", "which": "last"}
    exceptions = {"quoted-comma": ("bob@office.example, smith@office.example", "without its quotes it is a list of two")}
    transport = APPENDFILE + "  headers_add = X-Envelope-To: $local_part@$domain"
