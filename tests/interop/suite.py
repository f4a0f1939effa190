# SPDX-License-Identifier: Apache-2.0
"""The cases of the interop lane: strongSwan (charon-systemd, swanctl) against flexvpnd.

"called": strongSwan initiates and asks us for an address.  "calling": our Tunnel0 initiates.
"""
import re
import threading

from configs import FLEX, FLEX_OVERLAY, SWAN, SWAN_OVERLAY, WRONG_KEY, flex, swan
from swan import FLEX_NODE, SWAN_NODE, case, expect

ANY = {"local_ts": "0.0.0.0/0", "remote_ts": "0.0.0.0/0", "mode": "tunnel"}
# With a virtual IP, strongSwan forces the selectors of transport mode to it as responder, and leaves them out when it starts
# a rekey: no GRE between the outer addresses then.  So its pool goes with tunnel mode, its rekeys with fixed addresses.
OURS, THEIRS = "10.9.0.1", "10.9.0.2"
DPD_SECONDS = 10 + 5 * 2 + 15  # interval, tries, slack of an emulated machine


def called(t, flex_values=None, **swan_values):
    """strongSwan calls; returns our IKE and Child SA and the address we gave."""
    t.configure(flex("responder", **(flex_values or {})), swan("ask", **swan_values))
    t.initiate()
    ike, child = t.established()
    t.swan_gre(ike["assigned_address"] + "/32", FLEX_OVERLAY + "/32")
    return ike, child, ike["assigned_address"]


def calling(t, flex_values=None, **swan_values):
    """We call from Tunnel0 with fixed addresses; returns our IKE and Child SA."""
    t.configure(flex("initiator", **dict({"address": OURS + " 255.255.255.252"}, **(flex_values or {}))),
                swan("none", **swan_values))
    t.swan_gre(THEIRS + "/30", "10.9.0.0/30")
    return t.established()


def expect_gre_child(child, mode):
    expect(child["mode"] == mode, "mode is %s, not %s", child["mode"], mode)
    expect(child["protocol"] == 47, "the Child SA is for protocol %s, not for GRE", child["protocol"])
    expect((child["local_ident"], child["remote_ident"]) == (FLEX + "/32", SWAN + "/32"),
           "selectors are %s === %s", child["local_ident"], child["remote_ident"])


@case()
def swan_calls_transport(t):
    """strongSwan initiates: PSK, GRE selectors, transport mode, virtual IP from our pool; pings both ways in ESP."""
    ike, child, address = called(t)
    expect(not ike["initiator"], "we are the initiator")
    expect(ike["remote_id"] == "swan1.example.net", "identity %s", ike["remote_id"])
    expect(re.fullmatch(r"10\.0\.0\.\d+", address or ""), "assigned address %s", address)
    expect_gre_child(child, "transport")
    expect(t.route(FLEX_NODE, address), "no route to the address we gave")
    t.both_ways(FLEX_OVERLAY, address)
    old = t.spis()
    t.flexvpn("rekey", "crypto", "ipsec", "sa")
    t.wait("rekeyed by us", 45, lambda: len(t.spis()) == 2 and not t.spis() & old)
    t.both_ways(FLEX_OVERLAY, address, 3)


@case()
def we_call_transport(t):
    """We initiate: PSK, GRE, transport mode, fixed addresses on both ends (/30); pings both ways in ESP."""
    ike, child = calling(t)
    expect(ike["initiator"], "we are not the initiator")
    expect(ike["pushed_address"] is None and ike["remote_subnets"] == [], "configuration without asking: %s", ike)
    expect_gre_child(child, "transport")
    t.both_ways(OURS, THEIRS)


@case()
def swan_calls_any_tunnel(t):
    """strongSwan initiates in tunnel mode with 0.0.0.0/0 === 0.0.0.0/0: narrowed to the GRE flow; pings both ways."""
    _, child, address = called(t, **ANY)
    expect_gre_child(child, "tunnel")
    text = t.swan_sas()[2]
    expect("TUNNEL" in text and re.search(r"local +%s/32\[gre\]" % re.escape(SWAN), text)
           and re.search(r"remote +%s/32\[gre\]" % re.escape(FLEX), text), "strongSwan's Child SA is not narrowed:\n%s", text)
    t.both_ways(FLEX_OVERLAY, address)


@case()
def we_call_any_tunnel(t):
    """We initiate in tunnel mode, strongSwan's side is any/any: the GRE flow is agreed; pings both ways in ESP."""
    _, child = calling(t, {"mode": "tunnel"}, **ANY)
    expect_gre_child(child, "tunnel")
    t.both_ways(OURS, THEIRS)


@case()
def we_call_configuration(t):
    """We ask strongSwan's pool: our address and INTERNAL_IP4_SUBNET come from it, our own CFG_SET does no harm."""
    t.configure(flex("initiator", mode="tunnel"), swan("give", mode="tunnel"))
    t.swan_gre(SWAN_OVERLAY + "/32", "10.0.0.0/24")
    ike, child = t.established()
    address = ike["pushed_address"]
    expect(re.fullmatch(r"10\.0\.0\.\d+", address or ""), "strongSwan's pool gave us %s", address)
    expect(ike["remote_subnets"] == [SWAN_OVERLAY + "/32"], "strongSwan's subnets: %s", ike["remote_subnets"])
    expect(t.route(FLEX_NODE, SWAN_OVERLAY), "no route to what strongSwan announced")
    expect_gre_child(child, "tunnel")
    t.both_ways(address, SWAN_OVERLAY)


@case()
def ipv6_addresses_both_ways(t):
    """Addresses of both families: strongSwan gets them from our pools, then we from its; IPv6 pings both ways over GRE."""
    def swan_six(address, other):
        t.lab.run(SWAN_NODE, ["sh", "-c", "ip -6 addr add %s/128 dev gre1 nodad; ip -6 route replace %s dev gre1 src %s" % (
            address, other, address)], check=True)

    six = "ipv6 local pool SIX 2001:db8:f::/64 128\ncrypto ikev2 authorization policy default\n ipv6 pool SIX\n" \
          "interface Loopback0\n ipv6 address 2001:db8:ff::1/128\n"
    t.configure(flex("responder", globals=six), swan("ask both"))
    t.initiate()
    ike, _ = t.established()
    given = ike["assigned_ipv6_address"]
    expect(given == "2001:db8:f::1", "we gave %s", given)
    t.swan_gre(ike["assigned_address"] + "/32", FLEX_OVERLAY + "/32")
    swan_six(given, "2001:db8:ff::1/128")
    t.both_ways("2001:db8:ff::1", given, 5)
    t.configure(flex("initiator", mode="tunnel", globals="interface Tunnel0\n ipv6 address negotiated\n"), swan("give both", mode="tunnel"))
    t.swan_gre(SWAN_OVERLAY + "/32", "10.0.0.0/24")
    ike, _ = t.established()
    expect((ike["pushed_ipv6_address"] or "").startswith("2001:db8:e::"), "strongSwan gave us %s", ike["pushed_ipv6_address"])
    expect("2001:db8:fe::1/128" in ike["remote_subnets"], "strongSwan's subnets: %s", ike["remote_subnets"])
    swan_six("2001:db8:fe::1", ike["pushed_ipv6_address"] + "/128")
    t.both_ways(ike["pushed_ipv6_address"], "2001:db8:fe::1", 5)


def rekeys(t, ike, source, target, tolerated=0):
    """Child and IKE SA rekeyed by each side in turn under pings every 20 ms both ways; at most `tolerated` are lost."""
    streams = [t.ping_start(FLEX_NODE, target, 1200, 0.02, wait=8), t.ping_start(SWAN_NODE, source, 1200, 0.02, wait=8)]
    steps = (("child, by the other side", lambda: t.rekey_by_peer("child")),
             ("child, by us", lambda: t.flexvpn("rekey", "crypto", "ipsec", "sa")),
             ("IKE SA, by the other side", lambda: t.rekey_by_peer("ike")),
             ("IKE SA, by us", lambda: t.flexvpn("rekey", "crypto", "ikev2", "sa")))
    for what, start in steps:
        if what.startswith("child"):
            old = t.spis()
            start()
            t.wait("rekeyed: " + what, 45, lambda o=old: len(t.spis()) == 2 and not t.spis() & o)
        else:
            old = {t.ike()[0]["local_spi"]}
            start()
            t.wait("rekeyed: " + what, 45, lambda o=old: [s for s in t.ike() if s["status"] == "READY"]
                   and not {s["local_spi"] for s in t.ike()} & o)
        t.wait("the other side has one IKE SA and one Child SA", 30, lambda: t.swan_sas()[:2] == (1, 1))
    for s in streams:
        r = s.result()
        expect(r.lost <= tolerated, "%s: %d of %d pings lost: %s", r.what, r.lost, r.sent, r.missing())
        if tolerated:
            t.note("%s: %d of %d lost" % (r.what, r.lost, r.sent))
    now, _ = t.established()
    expect(now["remote_id"] == ike["remote_id"], "the session changed its peer")


def rekeyed(t, what, start):
    old = t.spis()
    start()
    t.wait("rekeyed " + what, 45, lambda: len(t.spis()) == 2 and not t.spis() & old)


def rekey_by_either(t):
    rekeyed(t, "by the other side", lambda: t.rekey_by_peer("child"))
    rekeyed(t, "by us", lambda: t.flexvpn("rekey", "crypto", "ipsec", "sa"))


@case(timeout=600)
def rekeys_swan_called(t):
    """strongSwan's session (tunnel mode): child and IKE SA rekeyed by either side under fast pings; none lost."""
    ike, _, address = called(t, mode="tunnel")
    rekeys(t, ike, FLEX_OVERLAY, address)


@case(timeout=600)
def rekeys_we_called(t):
    """Our session (transport mode): child and IKE SA rekeyed by either side under fast pings; none lost."""
    ike, _ = calling(t)
    rekeys(t, ike, OURS, THEIRS)


def rekeys_at_once(t, source, target, tolerated=0):
    """Child SA, then IKE SA, rekeyed by both sides in the same moment, under pings both ways: one of each is left."""
    streams = [t.ping_start(FLEX_NODE, target, 800, 0.02, wait=8), t.ping_start(SWAN_NODE, source, 800, 0.02, wait=8)]
    for what, ours in (("child", "ipsec"), ("ike", "ikev2")):
        old = t.spis() if what == "child" else {t.ike()[0]["local_spi"]}
        theirs = threading.Thread(target=t.rekey_by_peer, args=(what,))
        theirs.start()
        t.flexvpn("rekey", "crypto", ours, "sa")
        theirs.join()
        if what == "child":
            t.wait("one new Child SA is left", 60, lambda o=old: len(t.spis()) == 2 and not t.spis() & o)
        else:
            t.wait("one new IKE SA is left", 60, lambda o=old: len(t.ike()) == 1 and not {t.ike()[0]["local_spi"]} & o)
        t.wait("the other side has one IKE SA and one Child SA", 30, lambda: t.swan_sas()[:2] == (1, 1))
    for s in streams:
        r = s.result()
        expect(r.lost <= tolerated, "%s: %d of %d pings lost: %s", r.what, r.lost, r.sent, r.missing())


@case(timeout=600)
def rekeys_at_once_we_called(t):
    """Our session: Child and IKE SA rekeyed by both sides at once (RFC 7296 §2.25) under fast pings; none lost."""
    calling(t)
    rekeys_at_once(t, OURS, THEIRS)


@case(timeout=600)
def rekeys_at_once_swan_called(t):
    """strongSwan's session (tunnel mode): the same."""
    _, _, address = called(t, mode="tunnel")
    rekeys_at_once(t, FLEX_OVERLAY, address)


@case()
def rekey_with_pfs(t):
    """A Child SA rekeyed with a new Diffie-Hellman exchange, by either side."""
    calling(t, {"pfs": " set pfs group19\n"}, esp="aes256gcm16-ecp256")
    rekey_by_either(t)
    expect("ECP_256" in t.swan_sas()[2], "strongSwan shows no group of the Child SA:\n%s", t.swan_sas()[2])


@case()
def deletes_swan_called(t):
    """strongSwan's session deleted by its child, by its IKE SA and by us: the other side cleans up each time."""
    called(t)
    t.delete_by_peer("child")
    t.nothing_left("child deleted by strongSwan")
    t.swan_is_empty("a session without Child SA")
    t.initiate()
    t.established()
    t.delete_by_peer("ike")
    t.nothing_left("IKE SA deleted by strongSwan")
    t.initiate()
    t.established()
    t.flexvpn("clear", "crypto", "ikev2", "sa")
    t.nothing_left("IKE SA deleted by us")
    t.swan_is_empty("IKE SA deleted by us")


def deleted_each_way(t, ike, peer, alone):
    """The session ends by its child, by its IKE SA and by us; another comes each time, and `alone` holds then."""
    for what, start in (("child deleted by " + peer, lambda: t.delete_by_peer("child")),
                        ("IKE SA deleted by " + peer, lambda: t.delete_by_peer("ike")),
                        ("IKE SA deleted by us", lambda: t.flexvpn("clear", "crypto", "ikev2", "sa"))):
        t.note(what)
        start()
        ike, _ = t.established(unlike=ike)
        t.wait("only the new one is left", 30, alone)


@case()
def deletes_we_called(t):
    """Our session deleted by strongSwan (child, IKE SA) and by us: cleaned up, and Tunnel0 calls again each time."""
    ike, _ = calling(t)
    deleted_each_way(t, ike, "strongSwan", lambda: t.swan_sas()[:2] == (1, 1))
    t.both_ways(OURS, THEIRS, 5)


# strongSwan's proposal, its ESP proposal, our lines, our transforms; what must be agreed
PROPOSALS = (
    ("aes256gcm16-prfsha512-ecp256", "aes256gcm16", "aes-gcm-256", "sha256", "sha512", "19", "esp-gcm 256",
     ("AES-GCM", 256, "SHA512", "None", 19)),
    ("aes256-sha256-x25519", "aes256-sha256", "aes-cbc-256", "sha256", "sha256", "31", "esp-256-aes esp-sha256-hmac",
     ("AES-CBC", 256, "SHA256", "SHA256", 31)),
    ("aes256-sha384-modp2048", "aes256-sha384", "aes-cbc-256", "sha384", "sha384", "14", "esp-256-aes esp-sha384-hmac",
     ("AES-CBC", 256, "SHA384", "SHA384", 14)),
    ("aes128gcm16-prfsha384-ecp384", "aes128gcm16", "aes-gcm-128", "sha384", "sha384", "20", "esp-gcm",
     ("AES-GCM", 128, "SHA384", "None", 20)),
    ("aes128-aesxcbc-prfaesxcbc-ecp256", "aes128-aesxcbc", "aes-cbc-128", "aes-xcbc", "aes-xcbc", "19", "esp-aes esp-aes-xcbc",
     ("AES-CBC", 128, "AES-XCBC", "AES-XCBC", 19)))


def expect_suite(ike, child, wanted, transform):
    got = tuple(ike[k] for k in ("encryption", "key_bits", "prf", "integrity", "dh_group"))
    expect(got[:3] + got[4:] == wanted[:3] + wanted[4:] and wanted[3] in got[3], "agreed %s, not %s", got, wanted)
    expect(child["transform"] == transform, "ESP is %s, not %s", child["transform"], transform)


@case(timeout=600)
def proposals_swan_calls(t):
    """strongSwan initiates with AES-GCM and AES-CBC, SHA-2, AES-XCBC, ECP256, ECP384, X25519, MODP2048; each carries traffic."""
    for theirs, esp, encryption, integrity, prf, group, transform, wanted in PROPOSALS:
        ike, child, address = called(t, {"encryption": encryption, "integrity": integrity, "prf": prf, "group": group,
                                         "sets": (transform,)}, ike=theirs, esp=esp)
        expect_suite(ike, child, wanted, transform)
        t.both_ways(FLEX_OVERLAY, address, 3)


@case(timeout=600)
def proposals_we_call(t):
    """We initiate with the same five suites; each carries traffic."""
    for theirs, esp, encryption, integrity, prf, group, transform, wanted in PROPOSALS:
        ike, child = calling(t, {"encryption": encryption, "integrity": integrity, "prf": prf, "group": group,
                                 "sets": (transform,)}, ike=theirs, esp=esp)
        expect_suite(ike, child, wanted, transform)
        t.both_ways(OURS, THEIRS, 3)


@case()
def invalid_ke_both_ways(t):
    """The initiator's first group is not the responder's: INVALID_KE_PAYLOAD, second try, session; both ways round."""
    cbc = {"encryption": "aes-cbc-256", "integrity": "sha256", "prf": "sha256"}
    ike, _, _ = called(t, dict(cbc, group="14"), ike="aes256-sha256-ecp256-modp2048")
    expect(ike["dh_group"] == 14, "group %s", ike["dh_group"])
    expect(re.search(r"didn't accept DH group ECP_256, it requested MODP_2048|INVAL_KE", t.log(SWAN_NODE)),
           "strongSwan did not see INVALID_KE_PAYLOAD")
    ike, _ = calling(t, dict(cbc, group="19 14"), ike="aes256-sha256-modp2048")
    expect(ike["dh_group"] == 14, "group %s", ike["dh_group"])
    expect("INVAL_KE" in t.log(SWAN_NODE), "strongSwan did not send INVALID_KE_PAYLOAD")


@case()
def no_common_proposal(t):
    """Nothing in common: NO_PROPOSAL_CHOSEN to strongSwan, our log says so, no SA stays."""
    t.configure(flex("responder"), swan("ask", ike="aes128-sha1-modp1024"))
    text = t.initiate(check=False)
    expect("NO_PROP" in text, "strongSwan was not told NO_PROPOSAL_CHOSEN:\n%s", text)
    t.nothing_left("no common proposal")
    expect(re.search(r"(?i)proposal", t.log(FLEX_NODE)), "our log does not say why:\n%s", t.log(FLEX_NODE))


@case()
def wrong_key_swan_calls(t):
    """strongSwan calls with another key: AUTHENTICATION_FAILED, one clear line in our log, no SA, no key in it."""
    t.configure(flex("responder"), swan("ask", key=WRONG_KEY))
    text = t.initiate(check=False)
    expect("AUTH_FAILED" in text, "strongSwan was not told:\n%s", text)
    t.nothing_left("wrong key")
    lines = [x for x in t.log(FLEX_NODE).splitlines() if re.search(r"(?i)authenticat|pre-shared", x)]
    expect(len(lines) == 1 and SWAN in lines[0], "our log should have one line about it:\n%s", t.log(FLEX_NODE))
    expect("lab-only" not in t.log(FLEX_NODE) and WRONG_KEY not in t.log(FLEX_NODE), "our log prints a key")
    t.note(lines[0])


@case()
def wrong_key_we_call(t):
    """We call with another key: a clear line in our log each attempt, no SA."""
    t.configure(flex("initiator"), swan("none", key=WRONG_KEY))
    pattern = r"(?i).*(?:authenticat|AUTHENTICATION_FAILED).*"
    t.wait("our log names the failed authentication", 60, lambda: re.search(pattern, t.log(FLEX_NODE)))
    expect(not t.ipsec(), "there is a Child SA with the wrong key")
    expect(t.swan_sas()[:2] == (0, 0), "strongSwan has a session with the wrong key")
    t.note(re.search(pattern, t.log(FLEX_NODE)).group(0))


def expect_in_udp(t, ike, child, before_us):
    """A NAT box was seen before us or before the peer; transport mode in UDP on port 4500."""
    expect((ike["nat_local"], ike["nat_remote"]) == (before_us, not before_us), "NAT seen: before us %s, before the peer %s",
           ike["nat_local"], ike["nat_remote"])
    expect(child["mode"] == "transport" and child["udp_encapsulation"], "mode %s, in UDP: %s", child["mode"], child["udp_encapsulation"])
    states = t.esp_states(FLEX_NODE)
    expect(len(states) == 2 and all(s["encap"] for s in states), "the kernel's SAs are not in UDP: %s", states)


@case(topology="strongswan-nat", timeout=600)
def swan_behind_nat(t):
    """strongSwan behind a NAT box: UDP encapsulation on port 4500, transport mode; pings both ways, rekeys by either side."""
    inside = "10.1.1.2"
    t.configure(flex("initiator", address=OURS + " 255.255.255.252"),  # our own calls end at the NAT box
                swan("none", local=inside, local_ts=inside + "/32[gre]"))
    t.initiate()
    t.swan_gre(THEIRS + "/30", "10.9.0.0/30", local=inside)
    ike, child = t.established()
    expect(not ike["initiator"], "we called through the NAT box")
    expect_in_udp(t, ike, child, before_us=False)
    t.both_ways(OURS, THEIRS)
    rekey_by_either(t)
    t.both_ways(OURS, THEIRS, 5)


@case()
def dpd_swan_cut(t):
    """strongSwan's link is cut: our DPD takes its session down, with SAs and route; mended, it can call again."""
    _, _, address = called(t)
    t.lab.link(SWAN_NODE, "eth0", False)
    t.nothing_left("link cut", DPD_SECONDS)
    expect(not t.route(FLEX_NODE, address), "there is still a route to the dead peer")
    t.lab.link(SWAN_NODE, "eth0", True)
    t.swanctl("--terminate", "--ike", "flex", "--force", "--timeout", "5", check=False)
    t.initiate()
    t.established()


@case()
def dpd_we_called(t):
    """The same for a session of ours: DPD notices, and Tunnel0 calls again when the link is mended."""
    ike, _ = calling(t)
    t.lab.link(SWAN_NODE, "eth0", False)
    t.wait("our DPD noticed", DPD_SECONDS, lambda: not [s for s in t.ike() if s["status"] == "READY"])
    expect(not t.ipsec(), "Child SAs outlived the session")
    t.lab.link(SWAN_NODE, "eth0", True)
    t.established(90, unlike=ike)
