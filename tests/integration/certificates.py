# SPDX-License-Identifier: ISC
"""A test CA and what it signs, made on the spot with openssl(1)."""
import os
import subprocess


class Certificate:
    def __init__(self, folder, name):
        self.key, self.chain = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")

    def fingerprint(self):
        text = _openssl("x509", "-in", self.chain, "-noout", "-fingerprint", "-sha256")
        return "sha256:" + text.split("=")[1].strip()


class Authority:
    """Signs certificates for the servers of one place. `ca` is the file to trust."""

    def __init__(self, place):
        self.place, self.folder = place, place.folder("certificates")
        self.root = Certificate(self.folder, "ca")
        self.ca = self.root.chain
        _openssl("req", "-x509", *self._new_key(self.root), "-subj", "/CN=multidropd test CA", "-days", "2", "-out", self.ca)
        self._own(self.root)

    def issue(self, name, *names):
        """For `names`, each as in subjectAltName: DNS:localhost, IP:127.0.0.1."""
        made = Certificate(self.folder, name)
        request = self._write(name + ".ext", "subjectAltName=" + ",".join(names) + "\nbasicConstraints=CA:FALSE\n")
        signing = os.path.join(self.folder, name + ".csr")
        _openssl("req", "-new", *self._new_key(made), "-subj", f"/CN={name}", "-out", signing)
        _openssl("x509", "-req", "-in", signing, "-CA", self.ca, "-CAkey", self.root.key, "-CAcreateserial", "-days", "2",
                 "-extfile", request, "-out", made.chain)
        return self._own(made)

    def self_signed(self, name, *names):
        made = Certificate(self.folder, name)
        _openssl("req", "-x509", *self._new_key(made), "-subj", f"/CN={name}", "-addext", "subjectAltName=" + ",".join(names),
                 "-days", "2", "-out", made.chain)
        return self._own(made)

    @staticmethod
    def _new_key(certificate):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", certificate.key)

    def _own(self, certificate):
        self.place.own(certificate.key)
        self.place.own(certificate.chain)
        return certificate

    def _write(self, name, text):
        return self.place.write(os.path.join(self.folder, name), text)


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}:\n{done.stderr}")
    return done.stdout
