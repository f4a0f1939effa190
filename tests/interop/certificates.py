# SPDX-License-Identifier: Apache-2.0
"""A certification authority for the interop cases, and where both ends find what it issues."""
import os
import subprocess
import tempfile

from configs import flex, swan
from swan import FLEX_NODE, SWAN_NODE

KEYS = {"rsa": ["-newkey", "rsa:2048"],
        "rsa4096": ["-newkey", "rsa:4096"],
        "ecdsa256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "ecdsa384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "ecdsa521": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
        "ed25519": ["-newkey", "ed25519"]}
METHOD = {"rsa": "RSA", "ecdsa256": "ECDSA", "ecdsa384": "ECDSA", "ecdsa521": "ECDSA", "ed25519": "EdDSA"}
FLEX_DIR, SWAN_DIR = "/run/pki", "/etc/swanctl"

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
    def __init__(self, name="Lab CA", above=None):
        self._dir = tempfile.TemporaryDirectory(prefix="flexvpn-ca-")
        self.dir, self.count, self.above = self._dir.name, 0, above
        self.ca = Issued(os.path.join(self.dir, "ca"))
        signer = ["-CA", above.ca.cert, "-CAkey", above.ca.key] if above else []
        _openssl("req", "-x509", *KEYS["ecdsa256"], "-nodes", "-keyout", self.ca.key, "-out", self.ca.cert, "-days", "365",
                 "-subj", "/O=Lab/CN=" + name, "-addext", "keyUsage=critical,keyCertSign,cRLSign", *signer)

    def issue(self, name, kind, unit="", extensions=()):
        self.count += 1
        made = Issued(os.path.join(self.dir, "%s-%d" % (name, self.count)))
        _openssl("req", "-x509", *KEYS[kind], "-nodes", "-keyout", made.key, "-out", made.cert, "-days", "90",
                 "-subj", "/O=Lab%s/CN=%s" % (unit and "/OU=" + unit, name), "-addext", "subjectAltName=DNS:%s.example.net" % name,
                 "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=digitalSignature",
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


def put(t, node, path, text):
    """Writes a file only root can read."""
    t.lab.run(node, ["sh", "-c", 'mkdir -p "$(dirname "$0")" && umask 077 && cat >"$0"', path], stdin=text.encode(), check=True)


def install_flex(t, own, cas, above=(), crl=None):
    """Our files: certificate and key, CAs we believe, intermediates we send, a revocation list."""
    put(t, FLEX_NODE, FLEX_DIR + "/hub.pem", "".join(Issued.text(x.cert) for x in (own, *above)))
    put(t, FLEX_NODE, FLEX_DIR + "/hub.key", Issued.text(own.key))
    put(t, FLEX_NODE, FLEX_DIR + "/ca.pem", "".join(Issued.text(x.cert) for x in cas))
    if crl is not None:
        put(t, FLEX_NODE, FLEX_DIR + "/ca.crl", crl)


def install_swan(t, own, cas):
    """strongSwan's: what is in x509ca is both believed and sent as an intermediate."""
    t.lab.run(SWAN_NODE, ["sh", "-c", "rm -f %s/x509/* %s/x509ca/* %s/private/*" % ((SWAN_DIR,) * 3)], check=True)
    put(t, SWAN_NODE, SWAN_DIR + "/x509/swan.pem", Issued.text(own.cert))
    put(t, SWAN_NODE, SWAN_DIR + "/private/swan.key", Issued.text(own.key))
    for i, ca in enumerate(cas):
        put(t, SWAN_NODE, SWAN_DIR + "/x509ca/ca%d.pem" % i, Issued.text(ca.cert))


_TRUSTPOINT = """\
crypto pki trustpoint LAB
 certificate-file %(dir)s/hub.pem
 key-file %(dir)s/hub.key
 ca-file %(dir)s/ca.pem
%(crl)s%(check)s!
"""
_PSK = " authentication remote pre-share\n authentication local pre-share\n"


def flex_certificate(role, kind, crl=False, local="certificate", remote="certificate", check="", **values):
    """flexvpn.conf as configs.flex() has it, with certificates instead of keys on the sides that say so.
    check: methods of revocation-check."""
    mine = "rsa-sig" if kind == "rsa" else "ecdsa-sig"
    lines = " authentication local %s\n" % (mine if local == "certificate" else "pre-share")
    lines += " authentication remote rsa-sig\n authentication remote ecdsa-sig\n" if remote == "certificate" \
        else " authentication remote pre-share\n"
    text = flex(role, **values)
    assert _PSK in text
    trustpoint = _TRUSTPOINT % {"dir": FLEX_DIR, "crl": " crl-file %s/ca.crl\n" % FLEX_DIR if crl else "",
                                "check": " revocation-check %s\n" % check if check else ""}
    return text.replace(_PSK, lines).replace("crypto ikev2 profile default\n", trustpoint + "crypto ikev2 profile default\n", 1)


def swan_certificate(addresses, local="certificate", remote="certificate", **values):
    text = swan(addresses, **values)
    ours, theirs = "auth = psk\n      id = swan1.example.net", "auth = psk\n      id = hub.example.net"
    assert ours in text and theirs in text
    if local == "certificate":
        text = text.replace(ours, "auth = pubkey\n      certs = swan.pem\n      id = swan1.example.net")
    if remote == "certificate":
        text = text.replace(theirs, "auth = pubkey\n      id = hub.example.net")
    return text
