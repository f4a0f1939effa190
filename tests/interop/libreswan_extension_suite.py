# SPDX-License-Identifier: Apache-2.0
"""libreswan over IPv6 and through NAT, when its link is cut, and the extensions of IKEv2 that it speaks."""
import re

from certificate_suite import expect_methods
from certificates import Authority, flex_certificate, install_flex
from configs import FLEX6, SWAN, SWAN6, WRONG_KEY, flex
from extension_suite import PPK, drops, expect_ipv6, expect_moved, moved
from libreswan import install_libreswan, libreswan, libreswan_certificate
from libreswan_suite import ADDRESS, TOPOLOGY, called, called_with, calling, calling_with, configure, our_calls, tunnel0
from suite import DPD_SECONDS, OURS, THEIRS, expect_in_udp, rekey_by_either, rekeyed
from swan import FLEX_NODE, SWAN_NODE, case, expect

V6 = {"local": SWAN6, "remote": FLEX6}
# a question after 3 s of silence, given up after 5 s (retransmit-timeout)
DPD = "\tdpddelay=3\n\tdpdtimeout=8\n\tdpdaction=restart\n\tinitial-contact=yes\n"


@case(TOPOLOGY)
def libreswan_ipv6_both_ways(t):
    """Outer addresses are IPv6, each side calls once; pings both ways in ESP."""
    for call in (calling, called):
        ike, child = call(t, {"ipv6": True}, gre=V6, **V6)
        expect_ipv6(t, ike, child)
        t.both_ways(OURS, THEIRS, 5)


@case(TOPOLOGY)
def libreswan_dpd_cut(t):
    """The link of libreswan's session is cut: our DPD takes it down, with SAs and route; mended, libreswan can call again."""
    ike, _ = called(t)
    our_calls(t, arrive=False)
    t.lab.link(SWAN_NODE, "eth0", False)
    t.wait("our DPD noticed", DPD_SECONDS, lambda: not [s for s in t.ike() if s["status"] == "READY"])
    expect(not t.ipsec() and not t.esp_states(FLEX_NODE), "Child SAs outlived the session")
    expect(not t.route(FLEX_NODE, THEIRS), "there is still a route to the dead peer")
    t.lab.link(SWAN_NODE, "eth0", True)
    t.whack("whack", "--name", "gre", "--terminate")
    t.initiate()
    t.established(unlike=ike)
    our_calls(t, arrive=True)
    t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY)
def libreswan_dpd_calls_again(t):
    """Our session is cut, libreswan's DPD notices first and calls again: its INITIAL_CONTACT ends our old session; pings."""
    ike, _ = calling(t, timeout="5s", more=DPD)
    our_calls(t, arrive=False)
    t.lab.link(SWAN_NODE, "eth0", False)
    t.swan_is_empty("libreswan's DPD noticed")
    t.lab.link(SWAN_NODE, "eth0", True)
    now, _ = t.established(unlike=ike)
    expect(not now["initiator"], "we called")
    our_calls(t, arrive=True)
    t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY)
def libreswan_fragments(t):
    """RSA chains over two intermediates go in IKE fragments (RFC 7383) from both sides; each side calls once."""
    root = Authority("Root")
    ours, theirs = (Authority(name + ", second level", Authority(name, root)) for name in ("Hubs of the lab", "Spokes of the lab"))
    install_flex(t, ours.issue("hub", "rsa4096"), [root.ca], above=[ours.ca, ours.above.ca])
    install_libreswan(t, "swan1-chain", theirs.issue("swan1", "rsa4096", unit="chain"), root.ca,
                      above=[theirs.ca, theirs.above.ca])
    for call in (calling_with, called_with):
        sent, received = drops(t, "fragments sent"), drops(t, "fragments received")
        ike, _ = call(t, flex_certificate("initiator", "rsa", address=ADDRESS),
                      libreswan_certificate("swan1-chain", "rsasig", more="\tsendca=all\n"))
        expect(ike["fragmentation"], "fragmentation is not agreed")
        expect_methods(ike, "RSA", "RSA")
        now = drops(t, "fragments sent"), drops(t, "fragments received")
        expect(now[0] >= sent + 2 and now[1] >= received + 2, "our fragments: %d sent, %d received",
               now[0] - sent, now[1] - received)


@case(TOPOLOGY)
def libreswan_ppk(t):
    """A post-quantum pre-shared key (RFC 8784), required here, insist or propose there, each side calls; another is refused."""
    ours = {"peer": "  ppk manual id lab-ppk key %s required\n" % PPK}
    t.ppk = ("lab-ppk", PPK)
    for call, theirs in ((calling, "insist"), (called, "propose")):
        ike, _ = call(t, ours, ppk=theirs)
        expect(ike["ppk"], "no PPK was used")
        t.both_ways(OURS, THEIRS, 3)
    t.ppk = ("lab-ppk", WRONG_KEY)
    configure(t, tunnel0(ours), libreswan(ppk="insist"))
    t.wait("our log names the failed authentication", 60, lambda: re.search(r"(?i)authenticat", t.log(FLEX_NODE)))
    expect(not t.ipsec() and t.swan_sas()[:2] == (0, 0), "there is a session with another PPK")


@case("libreswan-nat")
def libreswan_behind_nat(t):
    """libreswan behind a NAT box: in UDP on port 4500, transport mode; pings; it rekeys, and refuses our rekey, which ends nothing."""
    inside = "10.1.1.2"
    ike, child = called(t, gre={"local": inside}, local=inside)
    expect_in_udp(t, ike, child, before_us=False)
    t.both_ways(OURS, THEIRS, 5)
    rekeyed(t, "by libreswan", lambda: t.rekey_by_peer("child"))
    t.flexvpn("rekey", "crypto", "ipsec", "sa")
    refusal = "refuses to rekey a Child SA (TS_UNACCEPTABLE)"
    t.wait("our log says that our rekey is refused", 30, lambda: refusal in t.log(FLEX_NODE))
    t.both_ways(OURS, THEIRS, 3)


@case("libreswan-hub-nat")
def libreswan_we_behind_nat(t):
    """A NAT box before us, we call: UDP encapsulation on port 4500, transport mode; pings both ways, rekeys by either side."""
    ike, child = calling(t, more="\trightsubnet=10.1.2.2/32\n")  # what our selectors say: it takes them as they are
    expect_in_udp(t, ike, child, before_us=True)
    t.both_ways(OURS, THEIRS, 5)
    rekey_by_either(t)
    t.both_ways(OURS, THEIRS, 3)


def without_proof(text, ours=True):
    """Our configuration with NULL authentication of the peer and, if `ours`, of us."""
    text = text.replace("match identity remote fqdn domain example.net", "match identity remote null")
    text = re.sub(r"authentication remote \S+", "authentication remote null", text)
    if ours:
        text = text.replace(" identity local fqdn hub.example.net\n", "").replace("authentication local pre-share", "authentication local null")
    return text


def expect_null(ike, ours):
    expect((ike["auth_local"], ike["auth_remote"], ike["remote_id"]) == (ours, "NULL", "null"),
           "authentication is %s and %s, the peer is %s", ike["auth_local"], ike["auth_remote"], ike["remote_id"])


@case(TOPOLOGY)
def libreswan_null(t):
    """NULL authentication (RFC 7619): both sides by each caller, then libreswan without and we with a certificate; pings; refused where not configured."""
    theirs = libreswan(authby="null").replace("@swan1.example.net", "%null").replace("@hub.example.net", "%null")
    both = without_proof(flex("initiator", address=ADDRESS))
    t.lab.run(SWAN_NODE, ["nft", "delete", "table", "inet", "calls"])  # if there is one
    t.configure(both, theirs)
    t.swan_gre(THEIRS + "/30", "10.9.0.0/30")
    expect_null(t.established()[0], "NULL")
    t.both_ways(OURS, THEIRS, 3)
    expect_null(called_with(t, both, theirs)[0], "NULL")
    t.both_ways(OURS, THEIRS, 3)
    expect("the peer is not authenticated" in t.log(FLEX_NODE), "our log does not say that the peer is not authenticated")

    ca = Authority("Null")
    install_flex(t, ca.issue("hub", "rsa"), [ca.ca])
    install_libreswan(t, "swan1-null", ca.issue("swan1", "rsa", unit="null"), ca.ca)  # of which it uses the CA alone
    ours = without_proof(flex_certificate("initiator", "rsa", address=ADDRESS), False)
    theirs = libreswan(authby="null").replace("@swan1.example.net", "%null").replace(
        "authby=null", "leftauth=null\n\trightauth=rsasig")
    expect_null(called_with(t, ours, theirs)[0], "RSA")
    t.both_ways(OURS, THEIRS, 3)

    t.configure(flex("responder"), theirs)  # which wants a key of everybody
    t.initiate(check=False)
    t.wait("our log says why", 30, lambda: re.search(r"no IKEv2 profile matches identity null", t.log(FLEX_NODE)))
    t.nothing_left("a peer without authentication")


@case(TOPOLOGY)
def libreswan_mobike_we_move(t):
    """Our outer address changes (we called, tunnel mode): libreswan cannot move the SAs, we notice and call anew; pings both ways."""
    ike, _ = calling(t, {"mode": "tunnel"}, mode="tunnel", remote="%any", mobike="yes")
    expect(ike["mobike"], "MOBIKE is not agreed")
    t.both_ways(OURS, THEIRS, 3)
    with moved(t, FLEX_NODE, 6) as there:
        now, _ = t.established(unlike=ike)
        expect(now["local_address"] == there, "the new session is from %s", now["local_address"])
        expect(re.search(r"MOBIKE update remote address \S+ -> %s:\d+ FAILED" % re.escape(there), t.log(SWAN_NODE)),
               "libreswan can do it now: say so in docs/interop.md")
        expect("peer does not accept our address " + there in t.log(FLEX_NODE), "our log does not say why")
        t.swan_gre(THEIRS + "/30", "10.9.0.0/30", remote=there)
        t.wait("libreswan has only the new one", 30, lambda: t.swan_sas()[:2] == (1, 1))
        t.both_ways(OURS, THEIRS, 5)


# one Tunnel for a peer that has two addresses
TWO_ADDRESSES = ("crypto ikev2 client flexvpn C\n peer 1 %s\n peer 2 %s\n client connect Tunnel0\n!\n")


@case(TOPOLOGY)
def libreswan_mobike_it_moves(t):
    """libreswan's outer address changes (it called): it tells us, cannot move itself, and we end the session; loaded anew it calls; pings."""
    theirs = libreswan(mode="tunnel", local="%defaultroute", mobike="yes")
    there = SWAN.rsplit(".", 1)[0] + ".6"
    ours = tunnel0({"mode": "tunnel", "globals": TWO_ADDRESSES % (SWAN, there)}).replace(
        "tunnel destination " + SWAN, "tunnel destination dynamic")
    ike, _ = called_with(t, ours, theirs)
    expect(ike["mobike"], "MOBIKE is not agreed")
    t.both_ways(OURS, THEIRS, 3)
    our_calls(t, arrive=False)
    with moved(t, SWAN_NODE, 6):
        t.wait("our session has the new address", 30, lambda: [s for s in t.ike() if s["remote_address"] == there])
        t.wait("we have found that nobody is there", 30, lambda: not [s for s in t.ike() if s["status"] == "READY"])
        expect("peer not reachable at its new address" in t.log(FLEX_NODE), "our log does not say why")
        expect(re.search(r"MOBIKE update local address \S+ -> %s:\d+ FAILED" % re.escape(there), t.log(SWAN_NODE)),
               "libreswan can do it now: say so in docs/interop.md")
        t.end_peer()
        t.load_peer()
        t.swan_gre(THEIRS + "/30", "10.9.0.0/30", local=there)
        t.initiate()
        now, _ = t.established(unlike=ike)
        expect(now["remote_address"] == there, "the new session is with %s", now["remote_address"])
        our_calls(t, arrive=True)
        t.both_ways(OURS, THEIRS, 5)


@case(TOPOLOGY)
def libreswan_we_demand_cookies(t):
    """Our responder demands a COOKIE of everyone: libreswan sends it back and gets its session."""
    before = drops(t, "cookies demanded")
    called(t, {"globals": "crypto ikev2 cookie-challenge 0\n"})
    expect(drops(t, "cookies demanded") > before, "we demanded no cookie")
    t.both_ways(OURS, THEIRS, 3)


@case(TOPOLOGY)
def libreswan_childless(t):
    """We call with `childless force` (RFC 6023): libreswan takes IKE_AUTH without Child SA, which follows by itself; pings both ways."""
    calling(t, {"pfs": " set pfs group19\n", "profile": " childless force\n"}, pfs="yes", esp="aes_gcm256;dh19")
    expect("IKE_AUTH request does not propose a Child SA; creating childless SA" in t.log(SWAN_NODE), "we asked for our Child SA in IKE_AUTH")
    t.both_ways(OURS, THEIRS, 3)
