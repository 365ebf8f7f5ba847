# SPDX-License-Identifier: ISC
"""TLS and authentication against a real Dovecot."""
import glob
import os

from certificates import Authority
from messages import make
from scene import PASSWORD, USER, Scene
from servers import Dovecot
from tap import check, main, test

MECHANISMS = ("scram-sha-256", "cram-md5", "apop", "plain", "login", "user")


class SecureScene(Scene):
    """The provider speaks TLS, as `localhost`."""

    def __enter__(self):
        super().__enter__()
        try:
            self.authority = Authority(self)
            self.secure = self.secure_provider("secure", self.authority.issue("localhost", "DNS:localhost"))
        except BaseException:
            self.close()
            raise
        return self

    def secure_provider(self, name, certificate):
        return Dovecot(self, name, {USER: PASSWORD}, certificate).start()

    def one_run(self, provider, expect, **changes):
        """One message through an account with these changes; the log."""
        message = make("secret", ["alice"])
        values = {"server": f"localhost:{provider.tls_port}", "tls": "implicit", "tls_ca_file": self.authority.ca}
        values.update(changes)
        self.configure({"secure": self.account(**values)})
        provider.put(USER, message.served)
        before = len(self.office.delivered("alice"))
        log = self.daemon.once(expect=expect)
        check.assertEqual(len(self.office.delivered("alice")) - before, 0 if expect else 1, str(log))
        check.assertEqual(len(log.alarms()), 1 if expect else 0, str(log))
        if expect:      # nothing was said to a server that is not the right one
            check.assertEqual(login_attempts(provider), 0, str(log))
            self.empty(provider)
        return log

    @staticmethod
    def empty(provider):
        """Takes away what a refused run left behind."""
        for path in glob.glob(provider.maildir(USER) + "/*/*provider*"):
            os.remove(path)


def login_attempts(provider):
    with open(provider.log, encoding="utf-8") as file:
        return sum("pop3-login: Info:" in line and ("Login:" in line or "auth failed" in line) for line in file)


@test
def implicit_tls_with_a_certificate_of_a_trusted_ca():
    with SecureScene() as scene:
        scene.one_run(scene.secure, 0)


@test
def starttls_with_a_certificate_of_a_trusted_ca():
    with SecureScene() as scene:
        scene.one_run(scene.secure, 0, server=f"localhost:{scene.secure.port}", tls="starttls")


@test
def starttls_where_the_server_has_none_is_no_login():
    with SecureScene() as scene:
        log = scene.one_run(scene.provider, 1, server=f"localhost:{scene.provider.port}", tls="starttls")
        check.assertRegex(log.alarms()[0], "(?i)STLS|STARTTLS")


@test
def certificate_of_another_name_is_refused():
    with SecureScene() as scene:
        other = scene.secure_provider("other", scene.authority.issue("other", "DNS:pop.elsewhere.example"))
        for server, mode in ((f"localhost:{other.tls_port}", "implicit"), (f"localhost:{other.port}", "starttls")):
            log = scene.one_run(other, 1, server=server, tls=mode)
            check.assertRegex(log.alarms()[0], "(?i)name")


@test
def configured_name_is_what_is_checked():
    with SecureScene() as scene:
        other = scene.secure_provider("other", scene.authority.issue("other", "DNS:pop.elsewhere.example"))
        scene.one_run(other, 0, tls_name="pop.elsewhere.example")


@test
def self_signed_certificate_is_refused_unless_pinned():
    with SecureScene() as scene:
        certificate = scene.authority.self_signed("self", "DNS:localhost")
        alone = scene.secure_provider("self", certificate)
        log = scene.one_run(alone, 1)
        check.assertRegex(log.alarms()[0], "(?i)self.signed")
        check.assertIn("tls_fingerprint", log.alarms()[0])
        scene.one_run(scene.secure, 1, tls_fingerprint=certificate.fingerprint())
        scene.one_run(alone, 0, tls_fingerprint=certificate.fingerprint())


@test
def unknown_ca_is_refused_and_tls_verify_off_accepts_it():
    with SecureScene() as scene:
        scene.one_run(scene.secure, 1, tls_ca_file=None)
        scene.one_run(scene.secure, 0, tls_ca_file=None, tls_verify=False)


@test
def each_mechanism_logs_in():
    with Scene() as scene:
        for mechanism in MECHANISMS:
            scene.configure({mechanism: scene.account(auth=mechanism)})
            scene.stock([make(mechanism, ["alice"])])
            log = scene.daemon.once("-v")
            check.assertEqual(log.alarms(), [], mechanism)
        check.assertEqual(len(scene.office.delivered("alice")), len(MECHANISMS))
        with open(scene.provider.log, encoding="utf-8") as file:
            used = [line.partition("method=")[2].partition(",")[0].lower() for line in file if "Login:" in line]
        check.assertEqual(used, ["scram-sha-256", "cram-md5", "apop", "plain", "login", "plain"])


@test
def auto_takes_the_strongest():
    with SecureScene() as scene:
        scene.one_run(scene.secure, 0)
        with open(scene.secure.log, encoding="utf-8") as file:
            check.assertIn("method=SCRAM-SHA-256", file.read())


@test
def protocol_dialogue_masks_the_secret():
    with Scene() as scene:
        secret = "pass word's \\ secret"
        provider = Dovecot(scene, "masked", {USER: secret}).start()
        for mechanism in ("user", "plain", "login"):
            scene.configure({mechanism: scene.account(server=f"127.0.0.1:{provider.port}", auth=mechanism, password=secret)})
            log = str(scene.daemon.once("-vv"))
            check.assertRegex(log, "(?i)\\bCAPA\\b")
            check.assertNotIn(secret, log)
            check.assertNotIn("word's", log)


@test
def secret_from_a_file_and_from_a_command():
    with Scene() as scene:
        path = scene.write(os.path.join(scene.daemon.folder, "secret"), PASSWORD + "\n", 0o600)
        for source in ({"password_file": path}, {"password_command": f"/bin/cat {path}"}):
            scene.configure({"example.com": scene.account(password=None, **source)})
            check.assertEqual(scene.daemon.once().alarms(), [])


main()
