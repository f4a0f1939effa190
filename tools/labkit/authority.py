# SPDX-License-Identifier: Apache-2.0
"""A certification authority for the tests, by the openssl command."""
import os
import subprocess
import tempfile

KEYS = {"rsa": ["-newkey", "rsa:2048"],
        "rsa4096": ["-newkey", "rsa:4096"],
        "ecdsa256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ecdsa384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "ecdsa521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
        "ed25519": ["-newkey", "ed25519"]}

_CA_CONFIG = """[ca]
default_ca = x
[x]
database = %(dir)s/index
default_md = sha256
default_crl_days = 30
"""


def _openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Issued:
    """A certificate and its key, as files of the host."""

    def __init__(self, path):
        self.cert, self.key = path + ".pem", path + ".key"

    @staticmethod
    def text(path):
        with open(path, encoding="ascii") as f:
            return f.read()


class Authority:
    """Its own certificate is `ca`; who is certified is of the same organization.  `above`: the one that certified it."""

    def __init__(self, name="Lab CA", above=None, organization="Lab"):
        self._dir = tempfile.TemporaryDirectory(prefix="flexvpn-ca-")
        self.dir, self.count, self.above, self.organization = self._dir.name, 0, above, organization
        self.ca = Issued(os.path.join(self.dir, "ca"))
        signer = ["-CA", above.ca.cert, "-CAkey", above.ca.key] if above else []
        _openssl("req", "-x509", *KEYS["ecdsa256"], "-nodes", "-keyout", self.ca.key, "-out", self.ca.cert, "-days",
                 "365",
                 "-subj", "/O=%s/CN=%s" % (organization, name), "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                 *signer)

    def issue(self, name, kind, unit="", extensions=()):
        self.count += 1
        made = Issued(os.path.join(self.dir, "%s-%d" % (name, self.count)))
        _openssl("req", "-x509", *KEYS[kind], "-nodes", "-keyout", made.key, "-out", made.cert, "-days", "90",
                 "-subj", "/O=%s%s/CN=%s" % (self.organization, unit and "/OU=" + unit, name),
                 "-addext", "subjectAltName=DNS:%s.example.net" % name, "-addext", "basicConstraints=critical,CA:FALSE",
                 "-addext", "keyUsage=digitalSignature",
                 *(word for e in extensions for word in ("-addext", e)), "-CA", self.ca.cert, "-CAkey", self.ca.key)
        return made

    def index(self, valid=(), revoked=()):
        """OpenSSL's data base of what was issued, for its OCSP responder."""
        lines = []
        for issued in (*valid, *revoked):
            serial = subprocess.run(["openssl", "x509", "-in", issued.cert, "-noout", "-serial"], check=True,
                                    capture_output=True, text=True).stdout.strip().split("=")[1]
            state, when = ("R", "250101000000Z") if issued in revoked else ("V", "")
            lines.append("%s\t491231235959Z\t%s\t%s\tunknown\t/O=Lab\n" % (state, when, serial))
        return "".join(lines)

    def crl(self, *revoked):
        config, out = os.path.join(self.dir, "ca.conf"), os.path.join(self.dir, "ca.crl")
        with open(config, "w", encoding="ascii") as f:
            f.write(_CA_CONFIG % {"dir": self.dir})
        with open(os.path.join(self.dir, "index"), "w", encoding="ascii"):
            pass
        common = ["-config", config, "-keyfile", self.ca.key, "-cert", self.ca.cert]
        for issued in revoked:
            _openssl("ca", "-revoke", issued.cert, *common)
        _openssl("ca", "-gencrl", "-out", out, *common)
        return Issued.text(out)
