# SPDX-License-Identifier: Apache-2.0
"""The cases with libreswan (pluto) as the other side.  It asks for no address: both ends have fixed ones on a /30."""
import re

from certificate_suite import expect_methods
from certificates import METHOD, Authority, flex_certificate, install_flex
from configs import SWAN, WRONG_KEY, flex
from libreswan import install_libreswan, libreswan, libreswan_certificate
from suite import OURS, THEIRS, deleted_each_way, expect_gre_child, expect_suite, rekey_by_either, rekeys, rekeys_at_once
from swan import FLEX_NODE, SWAN_NODE, case, expect

TOPOLOGY = "libreswan-spoke"
# our IKE_SA_INIT requests (exchange 34, flags: initiator) do not arrive: so the session is the other side's
OUR_CALLS_ARE_LOST = ("table inet calls { chain c { type filter hook input priority 0; "
                      "udp dport 500 @th,208,8 34 @th,216,8 8 drop; }; }")
# As responder of a Child SA rekey pluto sends on the new SA as soon as it has answered, which RFC 7296 §2.8 allows and
# warns of: what overtakes our installation of the new SA (tens of milliseconds in an emulated guest) is lost.
AT_ONE_REKEY = 8


ADDRESS = OURS + " 255.255.255.252"


def tunnel0(flex_values=None):
    return flex("initiator", **dict({"address": ADDRESS}, **(flex_values or {})))


def our_calls(t, arrive):
    t.lab.run(SWAN_NODE, ["nft", "delete", "table", "inet", "calls"])  # if there is one
    if not arrive:
        t.lab.run(SWAN_NODE, ["nft", OUR_CALLS_ARE_LOST], check=True)


def configure(t, flex_text, swan_text, gre=None):
    """gre: outer addresses of libreswan's GRE device, when they are not the usual ones."""
    our_calls(t, arrive=True)
    t.configure(flex_text, swan_text)
    t.swan_gre(THEIRS + "/30", "10.9.0.0/30", **(gre or {}))


def calling_with(t, flex_text, swan_text, gre=None):
    configure(t, flex_text, swan_text, gre)
    ike, child = t.established()
    expect(ike["initiator"], "we are not the initiator")
    return ike, child


def called_with(t, flex_text, swan_text, gre=None):
    our_calls(t, arrive=True)
    t.configure("hostname quiet\nend\n", swan_text)
    our_calls(t, arrive=False)
    t.lab.write_config(FLEX_NODE, flex_text)
    t.hup()
    t.swan_gre(THEIRS + "/30", "10.9.0.0/30", **(gre or {}))
    t.initiate()
    ike, child = t.established()
    expect(not ike["initiator"], "we are the initiator")
    our_calls(t, arrive=True)
    return ike, child


def calling(t, flex_values=None, gre=None, **values):
    """We call from Tunnel0; returns our IKE and Child SA."""
    return calling_with(t, tunnel0(flex_values), libreswan(**values), gre)


def called(t, flex_values=None, gre=None, **values):
    """libreswan calls our Tunnel0; returns our IKE and Child SA."""
    return called_with(t, tunnel0(flex_values), libreswan(**values), gre)


@case(TOPOLOGY)
def libreswan_we_call(t):
    """We call libreswan: PSK, GRE, transport mode; pings both ways in ESP."""
    ike, child = calling(t)
    expect(ike["remote_id"] == "swan1.example.net", "identity %s", ike["remote_id"])
    expect_gre_child(child, "transport")
    t.both_ways(OURS, THEIRS)


@case(TOPOLOGY)
def libreswan_calls(t):
    """libreswan calls us: PSK, GRE, transport mode; pings both ways in ESP."""
    _, child = called(t)
    expect_gre_child(child, "transport")
    t.both_ways(OURS, THEIRS)


@case(TOPOLOGY)
def libreswan_tunnel_mode(t):
    """Tunnel mode, called by each side; pings both ways in ESP."""
    for call in (calling, called):
        _, child = call(t, {"mode": "tunnel"}, mode="tunnel")
        expect_gre_child(child, "tunnel")
        t.both_ways(OURS, THEIRS, 5)


@case(TOPOLOGY, timeout=600)
def libreswan_rekeys_we_called(t):
    """Our session: child and IKE SA rekeyed by either side under fast pings; lost only where pluto hurries."""
    ike, _ = calling(t)
    rekeys(t, ike, OURS, THEIRS, AT_ONE_REKEY)


@case(TOPOLOGY, timeout=600)
def libreswan_rekeys_called(t):
    """libreswan's session: child and IKE SA rekeyed by either side under fast pings; lost only where pluto hurries."""
    ike, _ = called(t)
    rekeys(t, ike, OURS, THEIRS, AT_ONE_REKEY)


@case(TOPOLOGY, timeout=600)
def libreswan_rekeys_at_once(t):
    """Our session: Child and IKE SA rekeyed by both sides at once under fast pings; one of each is left, pings go on."""
    calling(t)
    rekeys_at_once(t, OURS, THEIRS, AT_ONE_REKEY)
    t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY)
def libreswan_pfs(t):
    """A Child SA rekeyed with a new Diffie-Hellman exchange, by either side; pings both ways."""
    calling(t, {"pfs": " set pfs group19\n"}, pfs="yes", esp="aes_gcm256;dh19")
    rekey_by_either(t)
    expect(t.log(SWAN_NODE).count("NONE-DH19") == 2, "libreswan did not rekey twice with group 19:\n%s", t.log(SWAN_NODE))
    t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY)
def libreswan_demands_cookies(t):
    """libreswan in the mode for attacks answers IKE_SA_INIT with a COOKIE: we send it back and get our session."""
    def obeyed():
        return sum(d["count"] for d in t.json("dataplane", "drops")["drops"] if d["reason"] == "cookies obeyed")
    before = obeyed()
    t.whack("whack", "--ddos-busy")
    try:
        calling(t)
    finally:
        t.whack("whack", "--ddos-auto")
    t.both_ways(OURS, THEIRS, 3)
    expect(obeyed() > before, "libreswan demanded no cookie")


@case(TOPOLOGY)
def libreswan_deletes(t):
    """Our session deleted by libreswan (child, IKE SA) and by us: cleaned up, and Tunnel0 calls again each time."""
    ike, _ = calling(t)
    deleted_each_way(t, ike, "libreswan", lambda: t.swan_sas()[:2] == (1, 1))
    t.both_ways(OURS, THEIRS, 5)


@case(TOPOLOGY)
def libreswan_deletes_called(t):
    """libreswan's session deleted by its child, by its IKE SA and by us: it calls again each time; taken down there: cleaned up."""
    ike, _ = called(t)
    our_calls(t, arrive=False)
    deleted_each_way(t, ike, "libreswan", lambda: t.swan_sas()[:2] == (1, 1) and len(t.spis()) == 2)
    t.both_ways(OURS, THEIRS, 3)
    t.whack("whack", "--name", "gre", "--terminate")
    t.wait("our side has no Child SA", 30, lambda: not t.ipsec() and not t.spis())
    expect(not t.route(FLEX_NODE, THEIRS), "there is still a route to the peer")
    t.swan_is_empty("taken down by libreswan")


# libreswan's IKE and ESP proposals, our lines, our transform; what must be agreed
PROPOSALS = (
    ("aes256-sha2_256;dh31", "aes256-sha2_256", "aes-cbc-256", "sha256", "sha256", "31", "esp-256-aes esp-sha256-hmac",
     ("AES-CBC", 256, "SHA256", "SHA256", 31)),
    ("aes256-sha2_512;dh14", "aes256-sha2_512", "aes-cbc-256", "sha512", "sha512", "14", "esp-256-aes esp-sha512-hmac",
     ("AES-CBC", 256, "SHA512", "SHA512", 14)),
    ("aes_gcm128-sha2_384;dh20", "aes_gcm128", "aes-gcm-128", "sha256", "sha384", "20", "esp-gcm",
     ("AES-GCM", 128, "SHA384", "None", 20)),
)


def with_proposal(t, call, theirs, esp, encryption, integrity, prf, group, transform, wanted):
    ike, child = call(t, {"encryption": encryption, "integrity": integrity, "prf": prf, "group": group, "sets": (transform,)},
                      ike=theirs, esp=esp)
    expect_suite(ike, child, wanted, transform)
    t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY, timeout=600)
def libreswan_proposals(t):
    """AES-CBC and AES-GCM, SHA-2, X25519, MODP2048, ECP384, called by each side in turn; each carries traffic."""
    for n, proposal in enumerate(PROPOSALS):
        with_proposal(t, (calling, called)[n % 2], *proposal)


@case(TOPOLOGY)
def libreswan_chacha20(t):
    """ChaCha20-Poly1305 for IKE and ESP with X25519, each side calls once; pings both ways in ESP."""
    for call in (calling, called):
        with_proposal(t, call, "chacha20_poly1305-sha2_256;dh31", "chacha20_poly1305", "chacha20-poly1305", "sha256", "sha256",
                      "31", "esp-chacha20-poly1305", ("CHACHA20-POLY1305", 256, "SHA256", "None", 31))


def with_certificates(t, calls, kind, ours, theirs):
    """One session for each of `calls`, both ends with certificates of one kind; pings both ways."""
    for call in calls:
        ike, _ = call(t, ours, theirs)
        expect_methods(ike, METHOD[kind], METHOD[kind])
        t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY, timeout=600)
def libreswan_certificates(t):
    """RSA and ECDSA P-256 certificates on both sides, called by each side, P-384 and P-521 by one; pings both ways."""
    ca = Authority()
    for kind, calls in (("rsa", (calling_with, called_with)), ("ecdsa256", (calling_with, called_with)),
                        ("ecdsa384", (calling_with,)), ("ecdsa521", (called_with,))):
        install_flex(t, ca.issue("hub", kind), [ca.ca])
        install_libreswan(t, "swan1-" + kind, ca.issue("swan1", kind, unit=kind), ca.ca)  # NSS has one name a subject
        with_certificates(t, calls, kind, flex_certificate("initiator", kind, address=ADDRESS),
                          libreswan_certificate("swan1-" + kind, "rsasig" if kind == "rsa" else "ecdsa-sha2"))


@case(TOPOLOGY)
def libreswan_rsa_pss(t):
    """RSA certificates and authby=rsa-sha2 there, `authentication local rsa-sig pss` here: RSASSA-PSS both ways, called by each side."""
    ca = Authority("PSS")  # pluto remembers one CA a subject
    install_flex(t, ca.issue("hub", "rsa"), [ca.ca])
    install_libreswan(t, "swan1-pss", ca.issue("swan1", "rsa", unit="pss"), ca.ca)
    ours = flex_certificate("initiator", "rsa", address=ADDRESS).replace("authentication local rsa-sig", "authentication local rsa-sig pss")
    with_certificates(t, (calling_with, called_with), "rsa", ours, libreswan_certificate("swan1-pss", "rsa-sha2"))


@case(TOPOLOGY)
def libreswan_wrong_key(t):
    """Another key on its side: no session, one clear line in our log each attempt, no key in it."""
    t.key = WRONG_KEY
    configure(t, tunnel0(), libreswan())
    pattern = r"(?i).*(?:authenticat|AUTHENTICATION_FAILED).*"
    t.wait("our log names the failed authentication", 60, lambda: re.search(pattern, t.log(FLEX_NODE)))
    expect(not t.ipsec(), "there is a Child SA with the wrong key")
    expect(SWAN in re.search(pattern, t.log(FLEX_NODE)).group(0), "our log does not name the peer:\n%s", t.log(FLEX_NODE))
    expect("lab-only" not in t.log(FLEX_NODE) and WRONG_KEY not in t.log(FLEX_NODE), "our log prints a key")
