# SPDX-License-Identifier: Apache-2.0
"""The cases of the vm lane: the product on a real kernel datapath, hub and two spokes (tests/topologies)."""
import collections
import json
import os
import re
import signal
import subprocess
import time

import clear_text
from harness import (FALLBACK_METRIC, HUB, LAN, MARKER, SPOKE1, SPOKE2, TTL_DIRECT, TTL_VIA_HUB, Failure, Skip, case, expect)

DPD_SECONDS = 10 + 5 * 2 + 15  # interval, tries, slack of an emulated machine


def short_lifetimes(_node, text):
    """The shortest lifetimes the grammar allows, so that both rekeys happen within the case."""
    text = re.sub(r"(crypto ipsec profile default\n)", r"\1 set security-association lifetime seconds 120\n", text)
    return re.sub(r"( dpd 10 2 periodic\n)", r"\1 lifetime 120\n", text)


def wrong_key_on_spoke2(node, text):
    return text.replace("lab-only-key-of-hub-and-spokes", "not-the-key-of-the-others") if node == "spoke2" else text


@case()
def main_job(t):
    """Sessions, routes, a ping through the hub, the redirect, the shortcut, direct pings, none lost."""
    t.sessions()
    core = t.lab.run("hub", ["sh", "-c", "grep 'Max core file size' /proc/$(cat /run/daemon.pid)/limits"], check=True).stdout
    expect(re.search(r"size +0 +0 ", core), "the daemon, which has keys, may dump core: %s", core)
    stream = t.ping_start("host1", "host2", 150, 0.1, wait=5)
    t.wait("spoke1 has a shortcut to host2's LAN", 45, lambda: t.shortcut("spoke1", "192.168.2."))
    r = stream.result()
    expect(r.lost == 0, "%d of %d pings lost on the way to the shortcut: %s", r.lost, r.sent, r.missing())
    expect(r.ttls[0] == TTL_VIA_HUB, "the first ping did not go through the hub: ttl %d", r.ttls[0])
    expect(r.ttls[-1] == TTL_DIRECT, "the last ping did not go directly: ttl %d", r.ttls[-1])
    expect(set(r.ttls) <= {TTL_VIA_HUB, TTL_DIRECT}, "odd ways: ttls %s", sorted(set(r.ttls)))
    nhrp = t.show("spoke1", "ip", "nhrp")
    expect("203.0.113.6" in nhrp, "spoke1's NHRP cache does not name spoke2's outer address:\n%s", nhrp)
    expect(t.ready("spoke1") == 2 and t.ready("spoke2") == 2, "each spoke should have two IKE SAs, found %d and %d",
           t.ready("spoke1"), t.ready("spoke2"))


def hub_by_name_config(node, text):
    if node == "spoke2":  # too small for IPv6, which a device of that size does not have
        return text.replace("interface Tunnel0\n", "interface Tunnel0\n ip mtu 1200\n ipv6 address 2001:db8:7::2/64\n")
    if node == "spoke1":
        text = text.replace("interface Tunnel0\n", "interface Loopback7\n ipv6 address 2001:db8:7::1/128\ninterface Tunnel0\n")
        text = text.replace("tunnel destination 198.51.100.2", "tunnel destination hub.example.net")
    return text


@case(edit=hub_by_name_config, start=False)
def hub_by_name(t):
    """spoke1 calls its hub by a name: not before that has an address, and as soon as it has one. IPv6 addresses stop no start:
    those of spoke1 are on devices that have IPv6 switched off by default, spoke2's `ip mtu 1200` leaves no room for them."""
    t.lab.run("spoke1", ["sh", "-c", "echo hosts: files >/run/nsswitch.conf; mount --bind /run/nsswitch.conf /etc/nsswitch.conf"],
              check=True)  # or it would ask a name server, in clear
    t.lab.run("spoke1", ["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"], check=True)
    for node in ("hub", "spoke1", "spoke2"):
        t.lab.start(node, seconds=120)
    addresses = t.lab.run("spoke1", ["ip", "-6", "-o", "addr", "show", "dev", "flex-lo7"], check=True).stdout
    expect("2001:db8:7::1/128" in addresses, "Loopback7 has not its IPv6 address: %s", addresses)
    expect("2001:db8:7::2" not in t.lab.run("spoke2", ["ip", "-6", "-o", "addr"], check=True).stdout, "spoke2 has the IPv6 address")
    t.wait("spoke1 says that there is no address", 60, lambda: "Tunnel0: no address of hub.example.net" in t.log("spoke1"))
    expect(t.ready("spoke1") == 0, "it has a session without knowing the hub")
    t.lab.run("spoke1", ["sh", "-c", "echo '%s hub.example.net' >>/etc/hosts" % HUB], check=True)
    t.sessions(120)
    t.ping_all("host1", "host0")


IPV6_HUB = "2001:db8:0:ff::1"
IPV6_HOST = {"host1": "2001:db8:0:1::10", "host2": "2001:db8:0:2::10"}


def ipv6_networks(node, text):
    prefix = {"hub": "2001:db8::/48", "spoke1": "2001:db8:0:1::/64", "spoke2": "2001:db8:0:2::/64"}.get(node)
    if prefix is None:
        return text
    text = text.replace(" route set interface\n", " route set interface\n route set remote ipv6 %s\n" % prefix, 1)
    if node != "hub":
        return text.replace(" ip address negotiated\n", " ip address negotiated\n ipv6 address negotiated\n", 1)
    text = text.replace(" route set interface\n", " route set interface\n ipv6 pool SIX\n", 1)
    return text.replace("interface Loopback0\n", "ipv6 local pool SIX 2001:db8:0:f::/64 128\ninterface Loopback0\n ipv6 address %s/128\n" % IPV6_HUB, 1)


@case(edit=ipv6_networks)
def ipv6_networks_over_ipv4(t):
    """IPv6 addresses from the hub's pool, and IPv6 networks behind the spokes, over the IPv4 overlay: first through
    the hub, then by shortcut."""
    for n in (1, 2):
        for node, device, address in (("spoke%d" % n, "eth1", "2001:db8:0:%d::1" % n), ("host%d" % n, "eth0", IPV6_HOST["host%d" % n])):
            t.lab.run(node, ["ip", "-6", "addr", "add", address + "/64", "dev", device, "nodad"], check=True)
        t.lab.run("host%d" % n, ["ip", "-6", "route", "add", "default", "via", "2001:db8:0:%d::1" % n], check=True)
    for node in ("hub", "spoke1", "spoke2"):
        t.lab.run(node, ["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"], check=True)
    t.sessions()
    t.wait("host1 reaches host2 in IPv6", 40, lambda: t.ping("host1", IPV6_HOST["host2"], 1, wait=1).received)
    given = {row["assigned_ipv6_address"] for row in t.data("hub", "crypto", "ikev2", "sa")["ike_sas"]}
    expect(given == {"2001:db8:0:f::1", "2001:db8:0:f::2"}, "the hub gave %s", given)
    mine = t.data("spoke1", "crypto", "ikev2", "sa")["ike_sas"][0]["pushed_ipv6_address"]
    for target in (IPV6_HUB, *(given - {mine})):
        ping = t.lab.run("spoke1", ["ping", "-6", "-c", "5", "-i", "0.2", "-w", "10", "-I", mine, target]).stdout
        expect(" 5 received" in ping, "spoke1 (%s) and %s: %s", mine, target, ping)
    t.make_shortcut()  # of IPv4; that of IPv6 goes over its tunnel
    t.wait("host1 reaches host2 directly in IPv6", 40, lambda: t.ping("host1", IPV6_HOST["host2"], 1, wait=1).ttls[-1:] == [TTL_DIRECT])
    before = t.esp_total("hub")
    r = t.ping_all("host1", IPV6_HOST["host2"], 20)
    expect(set(r.ttls) == {TTL_DIRECT}, "not over the shortcut: hop limits %s", sorted(set(r.ttls)))
    expect(t.esp_total("hub") - before <= 6, "the hub carried %d ESP packets meanwhile", t.esp_total("hub") - before)
    expect("2001:db8:0:2::/64" in t.show("spoke1", "ipv6", "nhrp", "shortcut"), "no shortcut to the other network")
    for node, prefix in (("hub", "2001:db8:0:1::/64"), ("spoke1", "2001:db8::/48")):
        ways = t.lab.run(node, ["ip", "-6", "route", "show", prefix]).stdout
        expect("via fe80::" in ways and FALLBACK_METRIC in ways, "%s has no route to %s, or no fallback: %s", node, prefix, ways)


def over_ipv6(node, text):
    return (text.replace("address 0.0.0.0 0.0.0.0", "address ::/0").replace("tunnel destination 198.51.100.2", "tunnel destination 2001:db8:0:100::2")
            .replace(" tunnel source eth0\n", " tunnel source eth0\n tunnel mode gre ipv6\n"))


@case(topology="hub-2-spokes-ipv6", edit=over_ipv6)
def main_job_over_ipv6(t):
    """The same over a provider's network with IPv6 only; after the shortcut the hub's ESP counters rest; rekeys lose nothing."""
    t.sessions()
    t.ping_all("host1", "host0")
    t.make_shortcut()
    before = t.esp_total("hub"), t.esp_total("spoke1")
    t.ping_all("host1", "host2", 20)
    moved = t.esp_total("hub") - before[0], t.esp_total("spoke1") - before[1]
    expect(moved[0] == 0 and 40 <= moved[1] <= 46, "ESP packets of 20 direct pings: %d at the hub, %d at spoke1", *moved)
    stream = t.ping_start("host1", "host2", 300, 0.05, wait=5)
    old = {s["spi"] for s in t.esp_states("spoke1")}
    t.lab.run("spoke1", ["flexvpn", "rekey", "crypto", "ipsec", "sa"], check=True)
    t.wait("all SAs of spoke1 are new", 45, lambda: not {s["spi"] for s in t.esp_states("spoke1")} & old)
    r = stream.result()
    expect(r.lost == 0, "%d of %d pings lost over a rekey: %s", r.lost, r.sent, r.missing())
    t.lab.stop("spoke2", signal.SIGTERM)
    t.ping("host1", "host2", 10, 0.1, wait=1)  # no way there; the captures must not see them


@case()
def esp_counters_on_every_leg(t):
    """Each leg's ESP counters rise by exactly its packets; after the shortcut the hub's do not move."""
    t.sessions()
    count = 20

    def leg(source, target, first, second, first_out, second_out):
        before = t.esp_between(first, first_out, second_out), t.esp_between(second, second_out, first_out)
        t.ping_all(source, target, count)
        after = t.esp_between(first, first_out, second_out), t.esp_between(second, second_out, first_out)
        moved = [tuple(a - b for a, b in zip(x, y)) for x, y in zip(after, before)]
        expect(all(n >= count for pair in moved for n in pair) and all(n <= count + 6 for pair in moved for n in pair),
               "%s -> %s: %s sent/received %s, %s sent/received %s, expected %d each (and a little NHRP)",
               source, target, first, moved[0], second, moved[1], count)

    leg("host1", "host0", "spoke1", "hub", SPOKE1, HUB)
    leg("host0", "host2", "hub", "spoke2", HUB, SPOKE2)
    t.make_shortcut()
    before = t.esp_total("hub")
    leg("host1", "host2", "spoke1", "spoke2", SPOKE1, SPOKE2)
    leg("host2", "host1", "spoke2", "spoke1", SPOKE2, SPOKE1)
    moved = t.esp_total("hub") - before
    expect(moved == 0, "the hub's ESP counters moved by %d while two spokes talked directly", moved)


@case(edit=short_lifetimes, timeout=420)
def rekeys_lose_nothing(t):
    """IKE and Child SAs are rekeyed (lifetime 120 s) under fast pings on every leg; none is lost."""
    t.sessions()
    t.make_shortcut()

    def spis():
        return {n: {(s["src"], s["dst"], s["spi"]) for s in t.esp_states(n)} for n in ("hub", "spoke1", "spoke2")}

    before, ike_before = spis(), {n: t.ike_spis(n) for n in ("hub", "spoke1")}
    expect(all(ike_before.values()), "show crypto ikev2 sa detailed prints no SPIs")
    count, interval = 3000, 0.05  # 150 s
    streams = [t.ping_start(a, b, count, interval, wait=5) for a, b in (("host1", "host2"), ("host1", "host0"), ("host0", "host2"))]
    results = [s.result() for s in streams]
    after, ike_after = spis(), {n: t.ike_spis(n) for n in ("hub", "spoke1")}
    for r in results:
        expect(r.lost == 0, "%s: %d of %d pings lost: %s", r.what, r.lost, r.sent, r.missing())
    for node, old in before.items():
        kept = old & after[node]
        expect(not kept, "%s still has %d of its ESP SAs of before: no rekey", node, len(kept))
    for node, old in ike_before.items():
        kept = old & ike_after[node]
        expect(not kept, "%s: IKE SA not rekeyed: %s", node, sorted(kept))
    expect(len(after["hub"]) <= 2 * len(before["hub"]), "SAs pile up on the hub: %d before, %d after",
           len(before["hub"]), len(after["hub"]))


@case()
def rekeys_on_command(t):
    """`rekey crypto ipsec sa` and `rekey crypto ikev2 sa` on each node in turn, under fast pings; none is lost."""
    t.sessions()
    t.make_shortcut()
    streams = [t.ping_start(a, b, 1500, 0.02, wait=5) for a, b in (("host1", "host2"), ("host1", "host0"))]
    for what in ("ipsec", "ikev2"):
        for node in ("spoke1", "hub", "spoke2"):
            before = {s["spi"] for s in t.esp_states(node)} if what == "ipsec" else t.ike_spis(node)
            t.lab.run(node, ["flexvpn", "rekey", "crypto", what, "sa"], check=True)

            def replaced(n=node, old=before, w=what):
                now = {s["spi"] for s in t.esp_states(n)} if w == "ipsec" else t.ike_spis(n)
                return now and not now & old
            t.wait("%s SAs of %s are new" % (what, node), 45, replaced)
    for s in streams:
        r = s.result()
        expect(r.lost == 0, "%s: %d of %d pings lost: %s", r.what, r.lost, r.sent, r.missing())
        expect(r.sent == 1500, "%s sent only %d", r.what, r.sent)


@case(topology="nat-spoke1")
def spoke_behind_nat(t):
    """spoke1 behind a NAT box: ESP in UDP 4500, traffic both ways, and a shortcut where the box allows one."""
    t.sessions()
    t.ping_all("host1", "host0", 10)
    t.ping_all("host0", "host1", 10)
    states = t.esp_states("spoke1")
    expect(states and all(s["encap"] for s in states), "spoke1's SAs are not in UDP: %s", states)
    hub = [s for s in t.esp_states("hub") if SPOKE1 in (s["src"], s["dst"])]
    expect(hub and all(s["encap"] for s in hub), "the hub's SAs with the NAT address are not in UDP: %s", hub)
    r = t.ping("host1", "host2", 100, 0.1, wait=5)
    expect(r.lost == 0, "host1 -> host2: %d of %d lost: %s", r.lost, r.sent, r.missing())
    t.make_shortcut()
    before = t.esp_total("hub")
    t.ping_all("host1", "host2", 20)
    t.ping_all("host2", "host1", 20)
    expect(t.esp_total("hub") == before, "the hub's ESP counters moved although the shortcut is up")


def uplink_in_vrf(node, text):
    if node != "spoke1":
        return text
    text = text.replace("crypto ikev2 profile default\n", "crypto ikev2 profile default\n match fvrf inet\n")
    return "vrf definition inet\n" + text.replace(" tunnel source eth0\n", " tunnel source eth0\n tunnel vrf inet\n")


@case(edit=uplink_in_vrf, start=False, timeout=420)
def front_door_vrf(t):
    """spoke1's uplink is in a VRF: IKE and ESP go by it, whatever table main says; without the VRF nothing leaves."""
    def ip(*words):
        return t.lab.run("spoke1", ["ip", *words], check=True).stdout

    def make_vrf():
        ip("link", "add", "inet", "type", "vrf", "table", "10")
        ip("link", "set", "inet", "up")
        ip("link", "set", "eth0", "master", "inet")
        ip("route", "add", "default", "via", "203.0.113.1", "table", "10")

    for node in ("hub", "spoke2", "spoke1"):
        t.lab.start(node, seconds=120)
    t.wait("spoke1 says what it waits for", 20, lambda: "Tunnel0: waiting for VRF inet" in t.log("spoke1"))
    expect(t.ready("spoke1") == 0, "spoke1 has a session without its VRF")
    make_vrf()
    t.sessions()
    ip("route", "replace", "blackhole", "198.51.100.0/24")  # table main has no way to the hub
    ip("route", "replace", "blackhole", "203.0.113.0/24")   # nor to spoke2
    r = t.lab.run("spoke1", ["ip", "route", "get", "198.51.100.2"])
    expect(r.returncode != 0, "table main knows a way to the hub: %s", r.stdout)
    for node, vrf in (("spoke1", "inet/none"), ("hub", "none/none")):
        sas = t.show(node, "crypto", "ikev2", "sa")
        expect(vrf in sas, "%s: no IKE SA with fvrf/ivrf %s:\n%s", node, vrf, sas)
    rules = ip("rule")
    expect(len(re.findall(r"from 203\.0\.113\.2 iif lo", rules)) == 2, "two rules expected: %s", rules)
    t.ping_all("host1", "host0", 10)
    t.make_shortcut()
    t.ping_all("host1", "host2", 10)
    old = {s["spi"] for s in t.esp_states("spoke1")}
    t.lab.run("spoke1", ["flexvpn", "rekey", "crypto", "ipsec", "sa"], check=True)
    t.wait("all SAs of spoke1 are new", 45, lambda: not {s["spi"] for s in t.esp_states("spoke1")} & old)
    t.ping_all("host1", "host0", 10)
    ip("link", "del", "inet")
    t.wait("spoke1 ended its sessions", 20, lambda: t.ready("spoke1") == 0)
    expect(t.ping("host1", "host0", 5, 0.1, wait=1).received == 0, "host1 reaches host0 without the VRF")
    make_vrf()
    t.wait("spoke1 has a session by the new VRF", 60, lambda: t.ready("spoke1") >= 1)
    t.reachable("host1", "host0")
    t.lab.stop("spoke1")
    rules = ip("rule")
    expect("203.0.113.2" not in rules, "rules left behind: %s", rules)


@case()
def hub_killed_and_back(t):
    """The hub's daemon dies without a word and comes back: the shortcut carries on, then everything is there again."""
    t.sessions()
    t.make_shortcut()
    stream = t.ping_start("host1", "host2", 100, 0.1)
    t.lab.stop("hub", signal.SIGKILL)
    r = stream.result()
    expect(r.lost == 0, "the direct way lost %d of %d pings when the hub's daemon died: %s", r.lost, r.sent, r.missing())
    t.lab.start("hub", seconds=120)
    t.sessions(DPD_SECONDS + 60)
    t.reachable("host1", "host0")
    t.reachable("host0", "host2")
    t.ping_all("host1", "host0", 20)
    t.ping_all("host0", "host2", 20)
    t.ping_all("host1", "host2", 20)


@case()
def hub_unreachable_and_back(t):
    """The hub's link is cut until the spokes' DPD notices, then mended: sessions come back by themselves."""
    t.sessions()
    t.lab.link("hub", "eth0", False)
    for spoke in ("spoke1", "spoke2"):
        t.wait("%s noticed by DPD" % spoke, DPD_SECONDS, lambda n=spoke: t.ready(n) == 0)
    expect(not t.route("spoke1", "192.168.0.0/16"), "spoke1 still routes the LANs to a dead hub")
    t.lab.link("hub", "eth0", True)
    t.sessions(120)
    t.reachable("host1", "host0")
    t.ping_all("host1", "host0", 10)


@case()
def spoke_cut_then_back(t):
    """spoke2's link is cut: DPD removes session and shortcut on the others; after mending both come back."""
    t.sessions()
    t.make_shortcut()
    t.lab.link("spoke2", "eth0", False)
    t.wait("spoke1 dropped the shortcut", DPD_SECONDS, lambda: not t.shortcut("spoke1", "192.168.2."))
    t.wait("the hub dropped spoke2", DPD_SECONDS, lambda: t.ready("hub") == 1)
    expect(not t.route("hub", "192.168.2.0/24"), "the hub still has the route of a dead spoke")
    expect(t.esp_between("spoke1", SPOKE1, SPOKE2) == (0, 0), "spoke1 still has ESP SAs with spoke2")
    t.ping_all("host1", "host0", 10)
    t.lab.link("spoke2", "eth0", True)
    t.sessions(120)
    t.make_shortcut(60)
    t.ping_all("host1", "host2", 20)


@case()
def shortcut_falls_back_to_the_hub(t):
    """Only the path between the two spokes breaks: their tunnel dies by DPD and the traffic goes through the hub again."""
    t.sessions()
    t.make_shortcut()
    rules = ("table ip cut { chain c { type filter hook forward priority 0; ip saddr %s ip daddr %s drop; "
             "ip saddr %s ip daddr %s drop; }; }" % (SPOKE1, SPOKE2, SPOKE2, SPOKE1))
    t.lab.run("inet", ["nft", rules], check=True)

    def through_the_hub():
        ping = t.ping("host1", "host2", 1, wait=1)
        return ping.received == 1 and ping.ttls[0] == TTL_VIA_HUB
    t.wait("host1 reaches host2 through the hub", DPD_SECONDS + 15, through_the_hub)
    r = t.ping("host1", "host2", 50, 0.1)
    expect(r.lost == 0, "%d of %d pings lost through the hub after the fallback: %s", r.lost, r.sent, r.missing())
    t.lab.run("inet", ["nft", "delete table ip cut"], check=True)
    t.make_shortcut(60)


@case()
def never_in_clear(t):
    """Traffic before, during and after sessions, shortcut, crash and orderly end: the provider sees no inner packet."""
    # Streams in all directions from the beginning.  One from a LAN ends before its own router's daemon ends orderly:
    # after that nothing of ours is left there, and the router's other routes decide, as they do without flexvpnd.
    def stream(a, b):
        return t.ping_start(a, b, 600, 0.1, wait=1)

    def end(s):
        s.stop()
        s.result()
    from1, from2, from0 = stream("host1", "host2"), stream("host2", "host0"), stream("host0", "host1")
    t.sessions()
    t.make_shortcut()
    t.lab.stop("spoke1", signal.SIGKILL)
    t.lab.start("spoke1", seconds=120)
    t.sessions(120)
    end(from2)
    end(from1)  # its replies come from behind spoke2
    t.lab.stop("spoke2", signal.SIGTERM)
    from1 = stream("host1", "host2")
    t.ping("host1", "host2", 10, 0.1, wait=1)  # no way there: dropped at spoke1 or the hub
    t.ping("host0", "host2", 10, 0.1, wait=1)
    end(from0)
    t.lab.stop("hub", signal.SIGTERM)
    t.ping("host1", "host0", 10, 0.1, wait=1)  # dropped at spoke1
    end(from1)
    t.lab.stop("spoke1", signal.SIGTERM)
    counts = t.check_captures(t.end_captures())
    expect(counts.esp > 100 and counts.ike > 20, "the captures hold too little to prove anything: %s", counts)


CONTROL_CLIENT = """
import json, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/run/flexvpn/control.sock")
request = sys.argv[1].encode()
s.sendall(struct.pack(">I", len(request)) + request)
f = s.makefile("rb")
answer = json.loads(f.read(struct.unpack(">I", f.read(4))[0]))
print(answer["text"], end="")
sys.exit(0 if answer["ok"] else 1)
"""


def configure(t, node, command, *lines):
    """A command with lines of configuration, over the control socket as any client would; its text and whether it was ok."""
    request = json.dumps({"version": 1, "command": command, "lines": lines} if lines else {"version": 1, "command": command})
    r = t.lab.run(node, ["/usr/bin/python3", "-ES", "-c", CONTROL_CLIENT, request])
    expect(r.returncode in (0, 1) and not r.stderr, "%s: '%s' failed: %s", node, command, r.stderr)
    return r.stdout, r.returncode == 0


@case()
def commit_under_traffic(t):
    """`ip mtu` is changed and taken back by commit and rollback under a living session: the same SAs, no ping lost."""
    t.sessions()
    before = t.ike_spis("spoke1"), {s["spi"] for s in t.esp_states("spoke1")}
    stream = t.ping_start("host1", "host0", 600, 0.1, wait=5)
    text, ok = configure(t, "spoke1", "commit", "interface Tunnel0", " ip mtuu 1300")
    expect(not ok and "candidate:2:5: error:" in text, "an error in the candidate was answered with:\n%s", text)
    text, ok = configure(t, "spoke1", "commit confirmed 5", "interface Tunnel0", " ip mtu 1300")
    expect(ok and "0 of 1 session restarted" in text, "commit answered:\n%s", text)
    link = t.lab.run("spoke1", ["ip", "link", "show", "dev", "flex-gre0"], check=True).stdout
    expect(" mtu 1300 " in link, "the device has not the new MTU: %s", link)
    text, ok = configure(t, "spoke1", "commit")
    expect(ok and text.startswith("confirmed"), "commit answered:\n%s", text)
    text, ok = configure(t, "spoke1", "show configuration diff")
    expect(ok and text.endswith(" interface Tunnel0\n+ ip mtu 1300\n"), "the diff with the file:\n%s", text)
    text, ok = configure(t, "spoke1", "rollback 1")
    expect(ok and "0 of 1 session restarted" in text, "rollback answered:\n%s", text)
    text, ok = configure(t, "spoke1", "write memory")
    expect(ok and "[OK]" in text, "write memory answered:\n%s", text)
    text, ok = configure(t, "spoke1", "show configuration diff")
    expect(ok and "does not differ" in text, "the diff with the saved file:\n%s", text)
    link = t.lab.run("spoke1", ["ip", "link", "show", "dev", "flex-gre0"], check=True).stdout
    expect(" mtu 1400 " in link, "the device has not its MTU again: %s", link)
    expect(stream.running(), "the pings ended before the last change: the test sees nothing")
    r = stream.result()
    expect(r.lost == 0, "%d of %d pings lost: %s", r.lost, r.sent, r.missing())
    after = t.ike_spis("spoke1"), {s["spi"] for s in t.esp_states("spoke1")}
    expect(after == before, "the SAs are others: %s before, %s after", before, after)


@case()
def change_in_place_under_traffic(t):
    """Another cipher, and other networks behind the hub, under living sessions: no ping lost, no session made anew."""
    t.sessions()
    before = t.ike_spis("spoke1")
    stream = t.ping_start("host1", "host0", 600, 0.1, wait=5)
    for node in ("hub", "spoke1", "spoke2"):
        text, ok = configure(t, node, "commit", "crypto ipsec transform-set default esp-gcm 128", " mode transport")
        expect(ok and ", %d changed in place" % (2 if node == "hub" else 1) in text, "commit at %s:\n%s", node, text)
    waits = t.show("spoke1", "crypto", "ikev2", "sa", "detailed")
    expect("comes into force for the Child SA: at its next rekey" in waits, "nothing says that the cipher waits:\n%s", waits)
    t.lab.run("spoke1", ["flexvpn", "rekey", "crypto", "ipsec", "sa"], check=True)
    key128 = ("rfc4106(gcm(aes))", 160)  # key and salt
    t.wait("all SAs of spoke1 have the new cipher", 60,
           lambda: all(s["algorithms"] == [key128] for s in t.esp_states("spoke1")))
    waits = t.show("spoke1", "crypto", "ikev2", "sa", "detailed")
    expect("comes into force" not in waits, "still waiting after the rekey:\n%s", waits)
    text, ok = configure(t, "hub", "commit", "ip access-list standard LANS", " permit 172.20.0.0 0.0.255.255")
    expect(ok and ", 2 changed in place" in text, "commit answered:\n%s", text)
    for spoke in ("spoke1", "spoke2"):
        t.wait("%s's route to 172.20.0.0/16" % spoke, 30, lambda n=spoke: t.route(n, "172.20.0.0/16"))
    text, ok = configure(t, "hub", "rollback 1")
    expect(ok, "rollback answered:\n%s", text)
    t.wait("spoke1's route is withdrawn", 30, lambda: not t.route("spoke1", "172.20.0.0/16"))
    expect(stream.running(), "the pings ended before the last change: the test sees nothing")
    r = stream.result()
    expect(r.lost == 0, "%d of %d pings lost: %s", r.lost, r.sent, r.missing())
    expect(t.ike_spis("spoke1") == before, "the IKE SA is another: %s before", before)


@case()
def daemon_restart(t):
    """A spoke's daemon is restarted, orderly and by a crash; sessions, routes and shortcuts come back, nothing doubles."""
    t.sessions()
    t.make_shortcut()
    for number in (signal.SIGTERM, signal.SIGKILL):
        t.lab.restart("spoke1", number)
        t.sessions(120)
        t.reachable("host1", "host0")
        t.make_shortcut(60)
        t.ping_all("host1", "host2", 10)
        t.ping_all("host1", "host0", 10)
        t.wait("the hub has two IKE SAs again", DPD_SECONDS, lambda: t.ready("hub") == 2)
        t.wait("spoke2 has two IKE SAs again", DPD_SECONDS, lambda: t.ready("spoke2") == 2)
        for node, limit in (("spoke1", 4), ("hub", 4), ("spoke2", 4)):
            t.wait("%s has one SA pair a peer" % node, DPD_SECONDS, lambda n=node, m=limit: len(t.esp_states(n)) == m)


@case(start=False)
def clean_up_leaves_nothing(t):
    """After an orderly end no device, SA, policy, route, qdisc, map or pin of ours is left on any node."""
    nodes = ("hub", "spoke1", "spoke2")
    before, objects = {n: t.snapshot(n) for n in nodes}, collections.Counter(t.bpf_objects())
    for n in nodes:
        t.lab.start(n, seconds=120)
    t.sessions()
    t.make_shortcut()
    for n in nodes:
        during = t.snapshot(n)
        expect(any(x.startswith("state ") for x in during) and any(x.startswith("pin ") for x in during),
               "%s shows no SA or pin while it works: the test sees nothing", n)
    for n in nodes:
        t.lab.stop(n)
    for n in nodes:
        after = t.snapshot(n)
        extra = [x for x in after if x not in before[n]]
        missing = [x for x in before[n] if x not in after]
        expect(not extra, "%s: left behind: %s", n, "; ".join(extra[:8]))
        expect(not missing, "%s: took away: %s", n, "; ".join(missing[:8]))
    # the kernel frees them in the background, those of an earlier case perhaps after `objects` was read
    t.wait("the BPF maps and programs are gone", 60, lambda: not collections.Counter(t.bpf_objects()) - objects)


@case()
def tcp_over_both_ways(t):
    """TCP through the hub and over the shortcut: twelve connections each, none stalls."""
    t.sessions()
    for source, target in (("host1", "host0"), ("host1", "host2")):
        if target == "host2":
            t.make_shortcut()
        server = t.lab.popen(target, ["iperf3", "-s", "-1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.wait("iperf3 listens on " + target, 20, lambda n=target: ":5201" in t.lab.run(n, ["ss", "-Htln"]).stdout)
        r = t.lab.run(source, ["iperf3", "-c", LAN[target], "-P", "12", "-t", "6", "-J"], timeout=90)
        server.wait(20)
        rates = [float(x) for x in re.findall(r'"sender":\s*\{[^}]*?"bytes":\s*(\d+)', r.stdout)]
        expect(len(rates) == 12, "iperf3 %s -> %s: %s", source, target, (r.stderr or r.stdout)[-300:])
        stalled = [x for x in rates if x < 100000]
        expect(not stalled, "%s -> %s: %d of 12 connections stalled: octets %s", source, target, len(stalled), rates)
        t.note("%s -> %s: %.1f Mbit/s in 12 connections" % (source, target, sum(rates) * 8 / 6e6))


@case(edit=wrong_key_on_spoke2)
def wrong_key(t):
    """spoke2 has another pre-shared key: it gets no session, both sides say why; spoke1 is not disturbed."""
    t.wait("spoke1's session", 90, lambda: t.ready("spoke1") == 1)
    pattern = re.compile(r"(?i)authenti|AUTHENTICATION_FAILED")
    for node in ("hub", "spoke2"):
        t.wait("%s's log names the failed authentication" % node, 60, lambda n=node: pattern.search(t.log(n)))
    expect(t.ready("spoke2") == 0, "spoke2 has a session with the wrong key")
    expect(not t.route("hub", "192.168.2.0/24"), "the hub has a route of an unauthenticated spoke")
    for node in ("hub", "spoke2"):
        for key in ("lab-only-key-of-hub-and-spokes", "not-the-key-of-the-others"):
            expect(key not in t.log(node), "%s's log prints a key", node)
    t.ping_all("host1", "host0", 5)


@case(start=False)
def bad_configuration(t):
    """flexvpnd refuses a broken configuration with every error by line, exit status 78, and touches nothing."""
    before = t.snapshot("spoke1")
    text = t.lab.read_config("spoke1").replace(" identity local fqdn", " identity locale fqdn").replace(
        " ip address negotiated", " ip address 300.1.2.3 255.255.255.0")
    t.lab.write_config("spoke1", text)
    numbers = [i for i, line in enumerate(text.splitlines(), 1) if "locale" in line or "300.1" in line]
    for argv in (["flexvpnd", "--check", "--config", "/run/node/flexvpn.conf"],
                 ["flexvpnd", "--config", "/run/node/flexvpn.conf"]):
        r = t.lab.run("spoke1", argv, timeout=60)
        expect(r.returncode == 78, "%s ended %d instead of 78: %s", " ".join(argv), r.returncode, r.stderr or r.stdout)
        said = r.stdout + r.stderr
        for n in numbers:
            expect(re.search(r":%d:" % n, said), "no error names line %d: %s", n, said)
    after = t.snapshot("spoke1")
    expect(after == before, "a refused configuration changed the kernel: %s", set(before) ^ set(after))
    r = t.lab.run("hub", ["flexvpnd", "--check", "--config", "/run/node/flexvpn.conf"])
    expect(r.returncode == 0, "the good configuration is refused: %s", r.stderr or r.stdout)


@case(topology="underlay", start=False)
def kernel_tests_in_the_guest(t):
    """The test binaries that need a kernel (verifier load, test_run, SAs and policies) pass on the guest's too."""
    names = ("bpf_test", "dataplane_kernel_test")
    binaries = [os.path.join(t.lab.state["bin"], n) for n in names if os.path.exists(os.path.join(t.lab.state["bin"], n))]
    if not binaries:
        raise Skip("this build has none of " + " ".join(names))
    for b in binaries:
        p = t.guest.popen([b], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out, _ = p.communicate(timeout=240)
        text = out.decode(errors="replace")
        with open(os.path.join(t.log_dir, os.path.basename(b) + ".log"), "wb") as f:
            f.write(out)
        failed = re.findall(r"^\[  FAILED  \] .*$", text, re.M)
        if p.returncode != 0:
            raise Failure("%s ended %s in the guest: %s" % (os.path.basename(b), p.returncode,
                                                            "; ".join(failed) or text[-400:]))
        passed = re.search(r"\[  PASSED  \] (\d+)", text)
        expect(passed and int(passed.group(1)) > 0, "%s ran no test: %s", os.path.basename(b), text[-200:])
        t.note("%s: %s tests pass on the guest's kernel" % (os.path.basename(b), passed.group(1)))


@case(topology="underlay", start=False)
def kernel_has_what_is_needed(t):
    """kernel-config/check finds every required feature in the guest (and the lab's own NAT and delay work)."""
    p = t.guest.popen([os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                                    "kernel-config", "check")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = p.communicate(timeout=120)
    expect(p.returncode == 0, "kernel-config/check: %s", out.decode(errors="replace"))
    r = t.ping("hub", SPOKE1, 5)
    expect(r.lost == 0 and min(ms for _, _, ms in r.replies) >= 10, "a link with 5 ms each way answers in %s ms", r.replies)
    r = t.ping("host2", HUB, 5)
    expect(r.lost == 0, "no ping passes the NAT box")
    # these pings are in clear: the check that every case relies on must see them
    paths = t.end_captures()
    bad = [x for path in paths for x in clear_text.check(path, bytes.fromhex(MARKER))[1]]
    expect(len(bad) >= 20, "the captures show only %d packets in clear of pings that are all in clear", len(bad))
