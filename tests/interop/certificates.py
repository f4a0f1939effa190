# SPDX-License-Identifier: Apache-2.0
"""A certification authority for the interop cases, and where both ends find what it issues."""
from configs import flex, swan
from swan import FLEX_NODE, SWAN_NODE
from harness import put
from labkit.authority import Authority, Issued  # noqa: F401  (Authority: for the suites)

METHOD = {"rsa": "RSA", "ecdsa256": "ECDSA", "ecdsa384": "ECDSA", "ecdsa521": "ECDSA", "ed25519": "EdDSA"}
FLEX_DIR, SWAN_DIR = "/run/pki", "/etc/swanctl"


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
