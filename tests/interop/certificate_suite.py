# SPDX-License-Identifier: Apache-2.0
"""Certificate authentication between strongSwan and us."""
import re

from certificates import METHOD, Authority, flex_certificate, install_flex, install_swan, swan_certificate
from configs import FLEX_OVERLAY, SWAN
from swan import FLEX_NODE, case, expect

OURS, THEIRS = "10.9.0.1", "10.9.0.2"
KINDS = ("rsa", "ecdsa256", "ecdsa384", "ecdsa521", "ed25519")


def expect_methods(ike, local, remote):
    got = ike["auth_local"], ike["auth_remote"]
    expect(got == (local, remote), "authenticated by %s and %s, not by %s and %s", *got, local, remote)


def refused(t, ca, cause, crl=None, swan_ca=None, **swan_values):
    """strongSwan calls and is refused; our log has one line with the peer, the profile and the cause."""
    theirs = (swan_ca or ca).issue("swan1", "ecdsa256")
    install_flex(t, ca.issue("hub", "ecdsa256"), [ca.ca], crl=crl(theirs) if crl else None)
    install_swan(t, theirs, [ca.ca, (swan_ca or ca).ca])
    t.configure(flex_certificate("responder", "ecdsa256", crl=bool(crl)), swan_certificate("ask", **swan_values))
    expect_refused(t, cause)


def expect_refused(t, cause):
    """strongSwan calls: AUTHENTICATION_FAILED, and our log has one line with the peer, the profile and the cause."""
    text = t.initiate(check=False)
    expect("AUTH_FAILED" in text, "strongSwan was not told AUTHENTICATION_FAILED:\n%s", text)
    t.nothing_left(cause)
    lines = [x for x in t.log(FLEX_NODE).splitlines() if "authentication of peer" in x]
    expect(len(lines) == 1 and cause in lines[0] and SWAN in lines[0] and "profile default" in lines[0],
           "our log should have one line with %s, the peer and the profile:\n%s", cause, t.log(FLEX_NODE))
    t.note(lines[0])


@case(timeout=600)
def certificates_swan_calls(t):
    """strongSwan initiates with RSA, ECDSA P-256, P-384, P-521 and Ed25519 certificates on both sides; pings both ways."""
    ca = Authority()
    for kind in KINDS:
        install_flex(t, ca.issue("hub", kind), [ca.ca])
        install_swan(t, ca.issue("swan1", kind), [ca.ca])
        t.configure(flex_certificate("responder", kind), swan_certificate("ask"))
        t.initiate()
        ike, _ = t.established()
        expect_methods(ike, METHOD[kind], METHOD[kind])
        expect("cn=swan1,o=Lab" in (ike["remote_certificate"] or ""), "certificate shown: %s", ike["remote_certificate"])
        t.swan_gre(ike["assigned_address"] + "/32", FLEX_OVERLAY + "/32")
        t.both_ways(FLEX_OVERLAY, ike["assigned_address"], 3)


@case(timeout=600)
def certificates_we_call(t):
    """We initiate with the same five kinds of certificates; pings both ways."""
    ca = Authority()
    for kind in KINDS:
        install_flex(t, ca.issue("hub", kind), [ca.ca])
        install_swan(t, ca.issue("swan1", kind), [ca.ca])
        t.configure(flex_certificate("initiator", kind, address=OURS + " 255.255.255.252"), swan_certificate("none"))
        t.swan_gre(THEIRS + "/30", "10.9.0.0/30")
        ike, _ = t.established()
        expect_methods(ike, METHOD[kind], METHOD[kind])
        t.both_ways(OURS, THEIRS, 3)


@case()
def certificates_of_two_kinds(t):
    """RSA on our side, Ed25519 on strongSwan's, and by subject instead of name; each side calls once."""
    ca = Authority()
    install_flex(t, ca.issue("hub", "rsa"), [ca.ca])
    install_swan(t, ca.issue("swan1", "ed25519"), [ca.ca])
    t.configure(flex_certificate("responder", "rsa").replace("identity local fqdn hub.example.net", "identity local dn"),
                swan_certificate("ask").replace("id = hub.example.net", 'id = "O=Lab, CN=hub"'))
    t.initiate()
    ike, _ = t.established()
    expect_methods(ike, "RSA", "EdDSA")
    expect(ike["local_id"] == "cn=hub,o=Lab", "our identity is %s", ike["local_id"])
    t.configure(flex_certificate("initiator", "rsa", address=OURS + " 255.255.255.252"), swan_certificate("none"))
    ike, _ = t.established()
    expect_methods(ike, "RSA", "EdDSA")


@case()
def certificate_and_key(t):
    """A certificate on one side, a pre-shared key on the other: both ways round, strongSwan calls."""
    ca = Authority()
    install_flex(t, ca.issue("hub", "ecdsa256"), [ca.ca])
    install_swan(t, ca.issue("swan1", "ecdsa256"), [ca.ca])
    for ours, theirs in (("certificate", "key"), ("key", "certificate")):
        t.configure(flex_certificate("responder", "ecdsa256", local=ours, remote=theirs),
                    swan_certificate("ask", local=theirs, remote=ours))
        t.initiate()
        ike, _ = t.established()
        names = {"certificate": "ECDSA", "key": "PSK"}
        expect_methods(ike, names[ours], names[theirs])


@case()
def certificate_chains(t):
    """Both certificates are issued by an intermediate CA that each side sends; only the root is configured on the other."""
    root = Authority("Root")
    ours, theirs = Authority("Hubs", root), Authority("Spokes", root)
    install_flex(t, ours.issue("hub", "ecdsa256"), [root.ca], above=[ours.ca])
    install_swan(t, theirs.issue("swan1", "ecdsa256"), [root.ca, theirs.ca])
    t.configure(flex_certificate("responder", "ecdsa256"), swan_certificate("ask"))
    t.initiate()
    t.established()
    t.configure(flex_certificate("initiator", "ecdsa256", address=OURS + " 255.255.255.252"), swan_certificate("none"))
    t.established()


@case()
def certificate_revoked(t):
    """strongSwan's certificate is on our CRL: refused, one line in our log; off it after a reload: accepted."""
    ca = Authority()
    refused(t, ca, "is revoked", crl=ca.crl)
    install_swan(t, ca.issue("swan1", "ecdsa256"), [ca.ca])
    t.swanctl("--load-creds", "--clear")
    t.initiate()
    t.established()


@case()
def certificate_of_unknown_ca(t):
    """strongSwan's certificate is of a CA we do not know: refused, one line in our log."""
    refused(t, Authority(), "unknown CA", swan_ca=Authority("Stranger"))


@case()
def certificate_of_our_hub_is_checked(t):
    """We call and strongSwan's certificate is of a CA we do not know: we refuse and tell it; no SA stays."""
    ca, stranger = Authority(), Authority("Stranger")
    install_flex(t, ca.issue("hub", "ecdsa256"), [ca.ca])
    install_swan(t, stranger.issue("swan1", "ecdsa256"), [ca.ca, stranger.ca])
    t.configure(flex_certificate("initiator", "ecdsa256"), swan_certificate("none"))
    t.wait("our log names the unknown CA", 60, lambda: re.search("unknown CA", t.log(FLEX_NODE)))
    expect(not t.ipsec(), "there is a Child SA")
    t.wait("strongSwan was told", 30, lambda: t.swan_sas()[1] == 0)
