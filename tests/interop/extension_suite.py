# SPDX-License-Identifier: Apache-2.0
"""IPv6, NAT before us and the extensions of IKEv2 that strongSwan 5.9 speaks: fragmentation, MOBIKE, PPK, childless."""
import contextlib
import re

from certificates import Authority, flex_certificate, install_flex, install_swan, swan_certificate
from configs import FLEX, FLEX6, FLEX_OVERLAY, SWAN, SWAN6, WRONG_KEY, flex, swan
from suite import OURS, THEIRS, called, calling, expect_in_udp, rekey_by_either
from swan import FLEX_NODE, SWAN_NODE, case, expect

ADDRESS = OURS + " 255.255.255.252"
SWAN_V6 = {"local": SWAN6, "remote": FLEX6, "local_ts": SWAN6 + "/128[gre]", "remote_ts": FLEX6 + "/128[gre]"}
PPK = "one-more-secret-of-the-lab"


def drops(t, reason):
    return sum(d["count"] for d in t.json("dataplane", "drops")["drops"] if d["reason"] == reason)


def expect_ipv6(t, ike, child):
    expect((ike["local_address"], ike["remote_address"]) == (FLEX6, SWAN6), "the session is between %s and %s",
           ike["local_address"], ike["remote_address"])
    expect((child["local_ident"], child["remote_ident"]) == (FLEX6 + "/128", SWAN6 + "/128"),
           "selectors are %s === %s", child["local_ident"], child["remote_ident"])


def nothing_in_clear(t):
    """What the captures saw since start_captures(): ESP, and nothing in clear."""
    totals = t.check_captures(t.end_captures())
    expect(totals.esp > 0, "the captures show no ESP")


def blocked_without_sa(t, device, peer):
    """With neither SA nor our programs, packets that the GRE device itself would send to `peer` still do not leave."""
    t.lab.run(FLEX_NODE, ["sh", "-c", "tc qdisc del dev %s clsact; ip route add 10.77.0.0/24 encap ip6 id 0 dst %s dev %s" % (
        device, peer, device)], check=True)
    t.start_captures()
    refused = lambda: int(re.search(r"XfrmOutPolBlock\s+(\d+)", t.lab.run(FLEX_NODE, ["cat", "/proc/net/xfrm_stat"]).stdout).group(1))  # noqa: E731
    before = refused()
    r = t.ping(FLEX_NODE, "10.77.0.1", 5, 0.1, wait=1)
    expect(r.sent == 5 and r.received == 0, "pings without an SA: %d of %d answered", r.received, r.sent)
    t.check_captures(t.end_captures())
    expect(refused() >= before + 5, "the policy refused %d packets, not the 5 pings", refused() - before)


@case()
def ipv6_swan_calls(t):
    """Outer addresses are IPv6, strongSwan initiates: PSK, GRE in transport mode, address from our pool; pings both ways."""
    t.configure(flex("responder", ipv6=True), swan("ask", **SWAN_V6))
    t.initiate()
    ike, child = t.established()
    expect_ipv6(t, ike, child)
    t.swan_gre(ike["assigned_address"] + "/32", FLEX_OVERLAY + "/32", local=SWAN6, remote=FLEX6)
    t.start_captures()
    t.both_ways(FLEX_OVERLAY, ike["assigned_address"])
    nothing_in_clear(t)
    t.delete_by_peer("ike")
    t.nothing_left("IKE SA deleted by strongSwan")
    blocked_without_sa(t, "flex-gre6", SWAN6)


@case()
def ipv6_we_call(t):
    """Outer addresses are IPv6, we initiate in transport and in tunnel mode; pings both ways, Child SA rekeyed by either."""
    for mode in ("transport", "tunnel"):
        t.configure(flex("initiator", mode=mode, address=ADDRESS, ipv6=True), swan("none", mode=mode, **SWAN_V6))
        t.swan_gre(THEIRS + "/30", "10.9.0.0/30", local=SWAN6, remote=FLEX6)
        ike, child = t.established()
        expect(ike["initiator"] and child["mode"] == mode, "mode is %s, we called: %s", child["mode"], ike["initiator"])
        expect_ipv6(t, ike, child)
        t.both_ways(OURS, THEIRS, 5)
    rekey_by_either(t)
    t.both_ways(OURS, THEIRS, 3)


@case(topology="strongswan-hub-nat")
def we_behind_nat(t):
    """A NAT box before us, we call: UDP encapsulation on port 4500, transport mode; pings both ways, rekeys by either side."""
    t.configure(flex("initiator", address=ADDRESS), swan("none"))
    t.swan_gre(THEIRS + "/30", "10.9.0.0/30")
    ike, child = t.established()
    expect_in_udp(t, ike, child, before_us=True)
    t.both_ways(OURS, THEIRS)
    rekey_by_either(t)
    t.both_ways(OURS, THEIRS, 5)


@case()
def fragments_both_ways(t):
    """RSA chains over two intermediates go in IKE fragments (RFC 7383) from both sides; each side calls once."""
    root = Authority("Root")
    ours, theirs = (Authority(name + " of the lab, second level", Authority(name + " of the lab", root)) for name in ("Hubs", "Spokes"))
    install_flex(t, ours.issue("hub", "rsa4096"), [root.ca], above=[ours.ca, ours.above.ca])
    install_swan(t, theirs.issue("swan1", "rsa4096"), [root.ca, theirs.ca, theirs.above.ca])
    sent, received = drops(t, "fragments sent"), drops(t, "fragments received")
    for role, addresses in (("responder", "ask"), ("initiator", "none")):
        t.configure(flex_certificate(role, "rsa", address=ADDRESS), swan_certificate(addresses))
        if addresses == "ask":
            t.initiate()
        ike, _ = t.established()
        expect(ike["fragmentation"], "fragmentation is not agreed")
        said = t.log(SWAN_NODE)
        expect(re.search(r"generating IKE_AUTH \w+ \d+ \[ EF\(\d/\d\) \]", said), "strongSwan sent no fragments")
        expect(re.search(r"reassembled fragmented IKE message", said), "strongSwan got no fragments")
        now = drops(t, "fragments sent"), drops(t, "fragments received")
        expect(now[0] >= sent + 2 and now[1] >= received + 2, "our fragments: %d sent, %d received", now[0] - sent, now[1] - received)
        sent, received = now


@contextlib.contextmanager
def moved(t, node, last):
    """For as long as this lasts, `node` has another outer address in place of its own; `last`: its last octet."""
    was = {FLEX_NODE: FLEX, SWAN_NODE: SWAN}[node]
    there, gateway = (was.rsplit(".", 1)[0] + ".%d" % n for n in (last, last - 1))
    lines = lambda where, *commands: t.lab.run(where, ["sh", "-ec", "; ".join(commands)], check=True)  # noqa: E731
    move = lambda old, new, by: lines(node, "ip address add %s/30 dev eth0" % new, "ip address del %s/30 dev eth0" % old,  # noqa: E731
                                      "ip route replace default via %s" % by)
    lines("inet", "ip address add %s/30 dev %s" % (gateway, node))
    try:
        move(was, there, gateway)
        yield there
    finally:
        move(there, was, was.rsplit(".", 1)[0] + ".1")
        lines("inet", "ip address del %s/30 dev %s" % (gateway, node))


def expect_moved(t, ike, end, address):
    """Our session and the kernel's SAs have `address` at their `end` ("local" or "remote"), and are those of before."""
    spis = t.spis()
    t.wait("our session has the new address", 60, lambda: [s for s in t.ike() if s[end + "_address"] == address])
    t.wait("the kernel's SAs have the new address", 20, lambda: all(address in (s["src"], s["dst"]) for s in t.esp_states(FLEX_NODE)))
    now, _ = t.established()
    expect(now["local_spi"] == ike["local_spi"], "the IKE SA is another one")
    expect(t.spis() == spis, "the Child SA is another one")


@case()
def mobike_swan_moves(t):
    """strongSwan (tunnel mode) gets another outer address: MOBIKE moves the session, no SA is made anew; pings both ways."""
    ike, _, address = called(t, mode="tunnel", local="%any")
    expect(ike["mobike"], "MOBIKE is not agreed")
    t.both_ways(FLEX_OVERLAY, address, 3)
    with moved(t, SWAN_NODE, 6) as there:
        expect_moved(t, ike, "remote", there)
        t.swan_gre(address + "/32", FLEX_OVERLAY + "/32", local=there)  # its selectors have followed
        t.both_ways(FLEX_OVERLAY, address, 5)


@case()
def mobike_we_move(t):
    """Our outer address changes (we called, tunnel mode): MOBIKE moves the session, no SA is made anew; pings both ways."""
    ike, _ = calling(t, {"mode": "tunnel"}, mode="tunnel", remote="%any", remote_ts="dynamic[gre]")
    expect(ike["mobike"], "MOBIKE is not agreed")
    t.both_ways(OURS, THEIRS, 3)
    with moved(t, FLEX_NODE, 6) as there:
        expect_moved(t, ike, "local", there)
        t.swan_gre(THEIRS + "/30", "10.9.0.0/30", remote=there)
        t.both_ways(OURS, THEIRS, 5)
        rekey_by_either(t)
        t.both_ways(OURS, THEIRS, 3)


@case()
def mobike_transport_calls_anew(t):
    """Our outer address changes, transport mode: RFC 4555 does not move that, so we call anew from there at once; pings both ways."""
    ike, _ = calling(t, remote="%any", remote_ts="dynamic[gre]")
    t.both_ways(OURS, THEIRS, 3)
    with moved(t, FLEX_NODE, 6) as there:
        now, _ = t.established(unlike=ike)
        expect(now["local_address"] == there, "the new session is from %s", now["local_address"])
        t.swan_gre(THEIRS + "/30", "10.9.0.0/30", remote=there)
        t.wait("strongSwan has only the new one", 30, lambda: t.swan_sas()[:2] == (1, 1))
        t.both_ways(OURS, THEIRS, 5)


@case()
def ppk_both_ways(t):
    """A post-quantum pre-shared key (RFC 8784), required on both sides, each side calls; another key on its side is refused."""
    theirs = {"more": "    ppk_id = lab-ppk\n    ppk_required = yes\n",
              "secrets": '  ppk-lab {\n    id = lab-ppk\n    secret = "%s"\n  }\n' % PPK}
    ours = {"peer": "  ppk manual id lab-ppk key %s required\n" % PPK}
    ike, _, address = called(t, ours, **theirs)
    expect(ike["ppk"], "no PPK was used")
    t.both_ways(FLEX_OVERLAY, address, 3)
    ike, _ = calling(t, ours, **theirs)
    expect(ike["ppk"], "no PPK was used")
    t.both_ways(OURS, THEIRS, 3)
    t.configure(flex("responder", **ours), swan("ask", **dict(theirs, secrets=theirs["secrets"].replace(PPK, WRONG_KEY))))
    text = t.initiate(check=False)
    expect("AUTH_FAILED" in text, "strongSwan was not told:\n%s", text)
    t.nothing_left("another PPK")


@case()
def childless_both_ways(t):
    """IKE_AUTH without Child SA (RFC 6023), forced by the caller; the Child SA follows with a key exchange of its own."""
    _, _, address = called(t, {"pfs": " set pfs group19\n"}, more="    childless = force\n", esp="aes256gcm16-ecp256")
    expect(re.search(r"generating CREATE_CHILD_SA request \d+ \[.* SA No KE", t.log(SWAN_NODE)), "strongSwan asked for its Child SA in IKE_AUTH")
    t.both_ways(FLEX_OVERLAY, address, 3)
    calling(t, {"pfs": " set pfs group19\n", "profile": " childless force\n"}, esp="aes256gcm16-ecp256")
    expect(re.search(r"parsed CREATE_CHILD_SA request \d+ \[.* SA No KE", t.log(SWAN_NODE)), "we asked for our Child SA in IKE_AUTH")
    t.both_ways(OURS, THEIRS, 3)


@case()
def chacha20_both_ways(t):
    """ChaCha20-Poly1305 for IKE and ESP with X25519, each side calls once; pings both ways in ESP."""
    suite = {"encryption": "chacha20-poly1305", "prf": "sha256", "group": "31", "sets": ("esp-chacha20-poly1305",)}
    theirs = {"ike": "chacha20poly1305-prfsha256-x25519", "esp": "chacha20poly1305"}
    ike, child, address = called(t, suite, **theirs)
    expect("CHACHA20" in ike["encryption"].upper() and child["transform"] == "esp-chacha20-poly1305",
           "agreed %s and %s", ike["encryption"], child["transform"])
    t.both_ways(FLEX_OVERLAY, address, 3)
    calling(t, suite, **theirs)
    t.both_ways(OURS, THEIRS, 3)


@case()
def we_demand_cookies(t):
    """Our responder demands a COOKIE of everyone: strongSwan sends it back and gets its session."""
    before = drops(t, "cookies demanded")
    _, _, address = called(t, {"globals": "crypto ikev2 cookie-challenge 0\n"})
    expect(drops(t, "cookies demanded") > before, "we demanded no cookie")
    expect(re.search(r"generating IKE_SA_INIT request 0 \[ N\(COOKIE\)", t.log(SWAN_NODE)), "strongSwan sent no cookie")
    t.both_ways(FLEX_OVERLAY, address, 3)
