# SPDX-License-Identifier: ISC
"""sendmail, a virtusertable that gives the whole domain to one user's mailbox file."""
import os
import re

from installed import COLLECTOR, Installed

SENDMAIL = "/usr/libexec/sendmail/"

CONFIGURATION = r"""divert(0)dnl
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `mx.provider.example')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confTO_IDENT', `0')dnl
define(`confDEF_USER_ID', `mail:mail')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Port=25')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`nocanonify')dnl
FEATURE(`use_cw_file')dnl
define(`SMART_HOST', `nowhere:nobody')dnl
define(`LOCAL_MAILER_PATH', `/usr/libexec/sendmail/mail.local')dnl
define(`LOCAL_MAILER_ARGS', `mail.local -d $u')dnl
OWN_FEATURE
MAILER(`local')dnl
MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mnowhere, P=/usr/libexec/sendmail/mail.local, F=lsDFMS, A=mail.local -f $u -d nobody
OWN_RULES
"""


class Sendmail(Installed):
    """sendmail 8.17.1.9, its Received field; virtusertable into a mailbox file of mail.local."""

    kind = "sendmail-received"
    rules = {"envelope": ["Received"], "received_by": ["mx.provider.example"]}
    exceptions = {"source-route": ("fallback", "the stamp keeps the route, which is not followed")}
    packages = ("sendmail",)
    queue = "/var/spool/mqueue"
    mailbox = "/var/mail/" + COLLECTOR
    feature = "FEATURE(`virtusertable', `text -k0 -v1 /etc/mail/virtual')dnl"
    rule = ""

    def configure(self):
        machine = self.machine
        machine.user("smmta", 104)
        machine.user("smmsp", 105)
        machine.folder("/var/spool/mqueue", 0o750, "smmta:smmsp")
        machine.folder("/var/mail", 0o1777)
        machine.write("/etc/mail/local-host-names", "office.example\nsub.office.example\nmx.provider.example\n")
        machine.write("/etc/mail/aliases", "postmaster: root\n")
        machine.write("/etc/mail/service.switch", "hosts files\naliases files\n")
        machine.write("/etc/mail/virtual", f"@office.example {COLLECTOR}\n@sub.office.example {COLLECTOR}\n")
        machine.write("/etc/mail/sendmail.mc",
                      CONFIGURATION.replace("OWN_FEATURE", self.feature).replace("OWN_RULES", self.rule))
        machine.write("/etc/mail/sendmail.cf",
                      machine.run("m4", "-I/usr/share/sendmail/cf/", "/etc/mail/sendmail.mc"))

    def launch(self):
        self.machine.start(SENDMAIL + "sendmail", "-C/etc/mail/sendmail.cf", "-bD")

    def take(self):
        """mail.local quotes lines that begin with "From ", and its own first lines are no part of the message."""
        path = self.machine.path(self.mailbox)
        if not os.path.exists(path):
            return []
        with open(path, "rb") as file:
            messages = re.split(rb"(?m)^From .*\n", file.read())[1:]
        os.truncate(path, 0)
        return messages


class RealTo(Sendmail):
    """sendmail 8.17.1.9, the domain at a mailer of its own, H?l?X-Real-To: $u."""

    kind = "sendmail-real-to"
    rules = {"envelope": ["X-Real-To"]}
    feature = "dnl"
    rule = r"""Mcollector, P=/usr/libexec/sendmail/mail.local, F=lsDFMPS9n, A=mail.local -f $u -d collector
LOCAL_CONFIG
H?l?X-Real-To: $u
LOCAL_RULE_0
R$+ < @ $=w . >		$#collector $@ here $: $1 @ $2
"""
