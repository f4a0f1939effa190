# SPDX-License-Identifier: Apache-2.0
"""What the show commands say, text and JSON, field by field against the kernel and against what the other end says."""
import ipaddress
import json
import re
import subprocess
import time

import show_text
from harness import HUB, SPOKE1, SPOKE2, case, expect
from labkit import esp

NODES = {"hub": HUB, "spoke1": SPOKE1, "spoke2": SPOKE2}
PEERS = {"hub": ("spoke1", "spoke2"), "spoke1": ("hub", "spoke2"), "spoke2": ("hub", "spoke1")}
NODE_OF = {address: node for node, address in NODES.items()}
ANNOUNCED = {"hub": ["10.0.0.254/32", "192.168.0.0/16"], "spoke1": ["%s/32", "192.168.1.0/24"],
             "spoke2": ["%s/32", "192.168.2.0/24"]}
KERNEL_ALGORITHM = {"esp-gcm 256": ("rfc4106(gcm(aes))", 288)}
CHANGING = ("active_seconds", "remaining_seconds", "created_seconds", "expires_seconds", "age_seconds", "up_seconds")
SLACK = 15  # seconds between two commands of an emulated machine
IPSEC_LIFETIME, GRE_HEADER = 3600, 4


def differences(what, got, want):
    """Lines for every field of `want` that `got` has otherwise, or not at all; a text as `want`: what it has."""
    out = []
    for key, value in want.items():
        have = got.get(key, "(no such field)")
        close = key in CHANGING and isinstance(have, int) and isinstance(value, int) and abs(have - value) <= SLACK
        if have != value and not close:
            out.append("%s: %s is %r, not %r" % (what, key, have, value))
    return out


def rows_differ(what, got, want, *key):
    """The same for two lists of rows, which have to be the same rows by `key`."""
    def index(rows):
        return {tuple(r[k] for k in key): r for r in rows}
    a, b = index(got), index(want)
    if len(a) != len(got) or a.keys() != b.keys():
        return ["%s: rows %s, not %s" % (what, sorted(map(str, a)), sorted(map(str, b)))]
    return [x for k in b for x in differences("%s %s" % (what, "/".join(map(str, k))), a[k], b[k])]


def kernel_states(text):
    """`ip -s xfrm state` by SPI, with the names of the JSON."""
    return {"0x%08x" % s["spi"]: {
        "source": s["src"], "destination": s["dst"], "peer_id": s["reqid"], "mode": s["mode"], "bytes": s["bytes"],
        "packets": s["packets"], "algorithm": s["algorithms"][0], "replay_window": s["window"],
        "replay_failures": s["replays"], "integrity_failures": s["failed"], "hard_bytes": s["hard_bytes"],
        "added": time.mktime(time.strptime(s["added"], "%Y-%m-%d %H:%M:%S"))} for s in esp.parse(text)}


def kernel_policies(text):
    """`ip xfrm policy` that lets pass: (source, destination, protocol, direction, reqid, mode)."""
    return set(re.findall(r"^src (\S+) dst (\S+) proto (\w+) \n\tdir (\w+) priority .*\n(?:\tmark .*\n)?\ttmpl src \S+ dst \S+\n"
                          r"\t\tproto esp reqid (\d+) mode (\w+)", text, re.M))


SHOWS = ("crypto ikev2 sa detailed", "crypto session detail", "crypto ipsec sa", "ip nhrp detail", "ip route flexvpn",
         "ip local pool",
         "interfaces virtual-access 1", "interfaces virtual-access 2", "dataplane", "dataplane sas")
KERNEL = ("ip -s xfrm state", "ip xfrm policy", "ip -j -d -s link", "ip -j addr",
          "ip -j route show table all proto 177",
          "date '+%F %T'")
SEPARATOR = "=====next====="


class View:
    """All answers of one node and what the kernel has, taken in one go."""

    def __init__(self, t, node):
        self.node, self.address = node, NODES[node]
        self._commands = [*KERNEL, *("flexvpn show %s%s" % (s, j) for s in SHOWS for j in (" --json", "")),
                          "ip -s -s xfrm state"]
        self._process = t.lab.popen(node, ["sh", "-c", "; ".join("%s; echo %s" % (c, SEPARATOR)
                                                                 for c in self._commands)],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def read(self):
        out, _ = self._process.communicate(timeout=60)
        said = dict(zip(self._commands, out.decode().split(SEPARATOR + "\n")))

        def data(words, key=None):
            answer = json.loads(said["flexvpn show %s --json" % words])
            return answer[key] if key else answer
        texts = {w: said["flexvpn show " + w] for w in SHOWS}
        self.ike = data("crypto ikev2 sa detailed", "ike_sas")
        self.sessions = data("crypto session detail", "crypto_sessions")
        self.ipsec = data("crypto ipsec sa", "ipsec_sas")
        self.nhrp = data("ip nhrp detail", "nhrp")
        self.routes = data("ip route flexvpn", "routes")
        self.pools = data("ip local pool", "pools")
        self.dataplane = data("dataplane")
        self.sas = data("dataplane sas", "sas")
        self.ike_text = show_text.ike_sas(texts["crypto ikev2 sa detailed"])
        self.sessions_text = show_text.sessions(texts["crypto session detail"])
        self.ipsec_text = show_text.ipsec_sas(texts["crypto ipsec sa"])
        self.nhrp_text = show_text.nhrp(texts["ip nhrp detail"])
        self.routes_text = show_text.routes(texts["ip route flexvpn"])
        self.pools_text = show_text.pools(texts["ip local pool"])
        self.sas_text = show_text.table(texts["dataplane sas"])
        self.interfaces = {}
        for name in sorted(s["interface"] for s in self.ike if s["interface"].startswith("Virtual-Access")):
            words = "interfaces virtual-access " + name[len("Virtual-Access"):]
            self.interfaces[name] = data(words, "interface_state"), show_text.interface(texts[words])
        self.states, self.policies = kernel_states(said["ip -s xfrm state"]), kernel_policies(said["ip xfrm policy"])
        self.now = time.mktime(time.strptime(said["date '+%F %T'"].strip(), "%Y-%m-%d %H:%M:%S"))
        self.links = {x["ifname"]: x for x in json.loads(said["ip -j -d -s link"])}
        self.addresses = {(x["ifname"], "%s/%d" % (a["local"], a["prefixlen"])) for x in json.loads(said["ip -j addr"])
                          for a in x.get("addr_info", [])}
        self.kernel_routes = json.loads(said["ip -j route show table all proto 177"])
        after = kernel_states(said["ip -s -s xfrm state"])
        self.quiet = {k: s["packets"] for k, s in after.items()} == {k: s["packets"] for k, s in self.states.items()}
        return self

    def ike_with(self, node):
        return next(s for s in self.ike if s["remote_address"] == NODES[node])

    def child_with(self, node):
        return next(c for c in self.ipsec if c["remote_address"] == NODES[node])


def ike(v, views):
    """show crypto ikev2 sa detailed."""
    out = rows_differ("text", v.ike, v.ike_text, "tunnel_id")
    if sorted(s["remote_address"] for s in v.ike) != sorted(NODES[n] for n in PEERS[v.node]):
        return out + ["peers: %s" % [s["remote_address"] for s in v.ike]]
    for s in v.ike:
        peer = NODE_OF[s["remote_address"]]
        other = views[peer].ike_with(v.node)
        mirror = {a: other[b] for a, b in (
            ("local_spi", "remote_spi"), ("local_address", "remote_address"), ("local_port", "remote_port"),
            ("local_id", "remote_id"),
            ("auth_local", "auth_remote"), ("local_next_msg_id", "remote_next_msg_id"),
            ("local_window", "remote_window"),
            ("pushed_address", "assigned_address"), ("nat_local", "nat_remote"))}
        mirror.update({b: other[a] for a, b in (("local_spi", "remote_spi"),
                                                ("local_next_msg_id", "remote_next_msg_id"),
                                                ("pushed_address", "assigned_address"))})
        mirror.update({k: other[k] for k in ("encryption", "key_bits", "prf", "integrity", "dh_group", "status",
                                             "fragmentation", "mobike",
                                             "dynamic_route_update", "additional_key_exchanges", "ppk", "children")})
        truth = {"initiator": not other["initiator"], "local_address": v.address, "local_id": v.node + ".example.net",
                 "remote_id": peer + ".example.net", "profile": "default", "fvrf": None, "ivrf": None,
                 "lifetime_seconds": 86400,
                 "dpd_interval_seconds": 60, "dpd_retry_seconds": 2, "nat_local": False, "nat_remote": False,
                 "children": 1,
                 "remote_certificate": None, "peer_type": "flexvpn"}
        overlay = other["pushed_address"]  # of a spoke; the hub has the one it is configured with
        if "hub" in (v.node, peer):
            truth["remote_subnets"] = [x % overlay if "%s" in x else x for x in ANNOUNCED[peer]]
        else:
            truth["remote_subnets"] = []  # spokes tell each other by NHRP
        truth["configuration"] = [x for x in s["configuration"] if "SUBNET" not in x] + \
            ["INTERNAL_IP4_SUBNET " + x for x in s["remote_subnets"]]
        s = dict(s, configuration=sorted(s["configuration"]))
        truth["configuration"].sort()
        out += differences("with %s, the other end" % peer, s, mirror) + differences("with " + peer, s, truth)
        if abs(s["active_seconds"] - other["active_seconds"]) > SLACK:
            out.append("with %s: %d s old here, %d s there" % (peer, s["active_seconds"], other["active_seconds"]))
    return out


def sessions(v, views):
    """show crypto session detail."""
    out = []
    for row, text in zip(v.sessions, v.sessions_text):
        peer = NODE_OF[row["ike_sa"]["remote_address"]]
        flow = row["flows"][0]
        out += differences("text of " + peer, row["ike_sa"],
                           {k: x for k, x in text["ike_sa"].items() if k != "active_seconds"})
        out += differences("text of " + peer, text["flow"], {k: flow[k] for k in text["flow"]})
        out += differences("SA with " + peer, row["ike_sa"], v.ike_with(peer))
        out += differences("flow with " + peer, flow, v.child_with(peer))
        states = [s for s in v.states.values() if {s["source"], s["destination"]} == {v.address, NODES[peer]}]
        truth = {"status": "UP-ACTIVE", "state": "Active", "active_sas": len(states), "capabilities": "DFU"}
        out += differences("with " + peer, text, truth)
        if abs(text["lifetime_left"] + text["ike_sa"]["active_seconds"] - row["ike_sa"]["lifetime_seconds"]) > 1:
            out.append("with %s: lifetime left %d, active %d" % (peer, text["lifetime_left"],
                                                                 text["ike_sa"]["active_seconds"]))
        inbound = sum(s["packets"] for s in states if s["destination"] == v.address)
        outbound = sum(s["packets"] for s in states if s["source"] == v.address)
        out += differences("kernel, with " + peer, text["flow"], {"packets_in": inbound, "packets_out": outbound})
    if not len(v.sessions) == len(v.sessions_text) == len(PEERS[v.node]):
        out.append("%d sessions, %d in text" % (len(v.sessions), len(v.sessions_text)))
    return out


def ipsec(v, views):
    """show crypto ipsec sa."""
    out = rows_differ("text", v.ipsec, v.ipsec_text, "spi_in")
    if {s for c in v.ipsec for s in (c["spi_in"], c["spi_out"])} != set(v.states):
        return out + ["SPIs %s, kernel %s" % ([(c["spi_in"], c["spi_out"]) for c in v.ipsec], sorted(v.states))]
    for c in v.ipsec:
        peer = NODE_OF[c["remote_address"]]
        inward, outward = v.states[c["spi_in"]], v.states[c["spi_out"]]
        other, session = views[peer].child_with(v.node), v.ike_with(peer)
        algorithm = KERNEL_ALGORITHM.get(c["transform"])
        for state, ends in ((inward, (NODES[peer], v.address)), (outward, (v.address, NODES[peer]))):
            if (state["source"], state["destination"]) != ends or state["algorithm"] != algorithm or state["mode"] != c["mode"]:
                out.append("with %s: the kernel's SA is %s" % (peer,
                                                               {k: state[k]
                                                                for k in ("source", "destination", "algorithm",
                                                                          "mode")}))
            policy = (ends[0] + "/32", ends[1] + "/32", "gre", "in" if state is inward else "out",
                      str(state["peer_id"]), state["mode"])
            if policy not in v.policies:
                out.append("with %s: no policy %s in %s" % (peer, policy, sorted(v.policies)))
        out += differences("with " + peer, c, {
            "spi_in": other["spi_out"], "spi_out": other["spi_in"], "initiator": not other["initiator"],
            "interface": session["interface"], "ike_profile": session["profile"], "ipsec_profile": "default",
            "local_address": v.address, "local_ident": v.address + "/32", "remote_ident": NODES[peer] + "/32",
            "protocol": 47,
            "local_ident_port": 0, "remote_ident_port": 0, "udp_encapsulation": False, "esn": False, "pfs_group": None,
            "replay_window": inward["replay_window"], "packets_in": inward["packets"], "bytes_in": inward["bytes"],
            "packets_out": outward["packets"], "bytes_out": outward["bytes"], "send_errors": 0,
            "receive_errors": inward["replay_failures"] + inward["integrity_failures"], "iv_octets": 8,
            "remaining_kilobytes": (4608000 * 1024 - max(inward["bytes"], outward["bytes"])) // 1024,
            "ip_mtu": v.links["flex-gre0"]["mtu"], "path_mtu": v.links["eth0"]["mtu"], "underlay_interface": "eth0",
            "offload_state": "software", "offload_wanted": "off"})
        if c["packets_in"] != other["packets_out"] or c["packets_out"] != other["packets_in"]:
            out.append("with %s: packets %d in, %d out here, %d out, %d in there" % (
                peer, c["packets_in"], c["packets_out"], other["packets_out"], other["packets_in"]))
        if inward["hard_bytes"] != 4608000 * 1024 or abs(IPSEC_LIFETIME - c["remaining_seconds"] - (v.now - inward["added"])) > SLACK:
            out.append("with %s: %d s remain, %d s old in the kernel" % (peer, c["remaining_seconds"],
                                                                         v.now - inward["added"]))
    return out


def dataplane(v, views):
    """show dataplane sas, and the devices and peers of show dataplane."""
    truth = [dict({k: s[k] for k in ("source", "destination", "peer_id", "mode", "packets", "bytes", "replay_failures",
                                     "integrity_failures")}, spi=spi,
                                     direction="in" if s["destination"] == v.address else "out",
                  esn=False, encap_source_port=0, encap_destination_port=0, offload="software", in_kernel=True)
             for spi, s in v.states.items()]
    rows = v.sas
    out = rows_differ("sas", rows, truth, "spi") + rows_differ("of all lists", v.dataplane["sas"], truth, "spi")
    for r in rows:
        s = v.states.get(r["spi"])
        if s and (KERNEL_ALGORITHM.get(r["transform"]) != s["algorithm"] or r["direction"] == "in"
                  and r["replay_window"] != s["replay_window"]):
            out.append("sas %s: %s, window %d; kernel %s, %d" % (r["spi"], r["transform"], r["replay_window"],
                                                                 s["algorithm"], s["replay_window"]))
    out += rows_differ("text of sas", v.sas_text, [
        {"Dir": r["direction"], "SPI": r["spi"], "Source": r["source"], "Destination": r["destination"],
         "Peer": str(r["peer_id"]),
         "Mode": r["mode"], "Transform": r["transform"], "Encap": "-", "Offload": r["offload"],
         "Packets": str(r["packets"]),
         "Bytes": str(r["bytes"]), "Errors": str(r["integrity_failures"] + r["replay_failures"]),
         "Kernel": "yes"} for r in rows], "SPI")
    for d in v.dataplane["devices"]:
        link = v.links.get(d["name"])
        if link is None:
            out.append("device %s is not there" % d["name"])
            continue
        out += differences("device " + d["name"], d, {
            "ifindex": link["ifindex"], "mtu": link["mtu"], "up": "UP" in link["flags"],
            "kind": link["linkinfo"]["info_kind"],
            "addresses": sorted(a for name, a in v.addresses if name == d["name"] and ":" not in a)})
    for p in v.dataplane["peers"]:
        peer = NODE_OF[p["remote_address"]]
        c, s = v.child_with(peer), v.ike_with(peer)
        out += differences("peer " + peer, p, dict(traffic(v, c), peer_id=v.states[c["spi_in"]]["peer_id"],
                                                   interface=s["interface"],
                                                   local_address=v.address, device="flex-gre0", gre_key=None,
                                                   network_id=1))
    stats = v.links["flex-gre0"]["stats64"]
    for key, way in (("packets_in", ("rx", "packets")), ("bytes_in", ("rx", "bytes")),
                     ("packets_out", ("tx", "packets")),
                     ("bytes_out", ("tx", "bytes"))):
        total = sum(p[key] for p in v.dataplane["peers"])
        if total != stats[way[0]][way[1]]:
            out.append("%s of all peers: %d, of the device: %d" % (key, total, stats[way[0]][way[1]]))
    return out


def traffic(v, c):
    """What an interface should have counted, by the kernel's SAs: the inner packets, without the GRE header."""
    inward, outward = v.states[c["spi_in"]], v.states[c["spi_out"]]
    return {"packets_in": inward["packets"], "bytes_in": inward["bytes"] - GRE_HEADER * inward["packets"],
            "packets_out": outward["packets"], "bytes_out": outward["bytes"] - GRE_HEADER * outward["packets"]}


def interfaces(v, views):
    """show interfaces virtual-access N."""
    out = [] if v.interfaces else ["no Virtual-Access interface"]
    for name, (row, text) in v.interfaces.items():
        peer = NODE_OF[row["destination"]]
        s, c = v.ike_with(peer), v.child_with(peer)
        owner = "Loopback0" if v.node == "hub" else "Tunnel0"
        own = "10.0.0.254" if v.node == "hub" else v.ike_with("hub")["pushed_address"]
        out += differences("text of " + name, text, {k: row[k] for k in text})
        out += differences(name, row, dict(traffic(v, c), name=s["interface"], cloned_from="Virtual-Template1",
                                           device="flex-gre0",
                                           administratively_down=False, up=True, address=own, address_owner=owner,
                                           prefix_length=32,
                                           source=v.address, destination=NODES[peer], underlay="ipv4", gre_key=None,
                                           ip_mtu=v.links["flex-gre0"]["mtu"], ipsec_profile="default",
                                           remote_id=s["remote_id"]))
        if (v.node == "hub" and "flex-lo0" or "flex-gre0", own + "/32") not in v.addresses:
            out.append("%s: the kernel does not have %s" % (name, own))
        if row["up_seconds"] < s["active_seconds"] - SLACK:  # older when both ends called: the later session may be the one left
            out.append("%s: up for %d s, its IKE SA for %d" % (name, row["up_seconds"], s["active_seconds"]))
    return out


def routes(v, views):
    """show ip route flexvpn."""
    out = rows_differ("text", v.routes, v.routes_text, "prefix", "code")
    by_overlay = {p["overlay_addresses"][0]: p["interface"] for p in v.dataplane["peers"]}
    truth = [{"prefix": str(ipaddress.ip_network(r["dst"])), "next_hop": r["gateway"], "device": r["dev"],
              "linux_metric": r["metric"],
              "code": "H" if r["metric"] == 100 else "S", "shortcut": r["metric"] == 100,
              "interface": by_overlay.get(r["gateway"]),
              "distance": 250 if r["metric"] == 100 else 2, "metric": 1 if r["metric"] == 100 else 0,
              "tag": 0 if r["metric"] == 100 else 1,
              "next_hop_override": False, "installed": True} for r in v.kernel_routes if r["metric"] != 65000]
    out += rows_differ("kernel", [r for r in v.routes if r["code"] != "L"], truth, "prefix", "linux_metric")
    local = [r for r in v.routes if r["code"] == "L"]
    if {(r["device"], r["prefix"]) for r in local} - v.addresses or not local:
        out.append("addresses %s are not the kernel's" % [r["prefix"] for r in local])
    owner = "Loopback0" if v.node == "hub" else "Tunnel0"
    if [r["interface"] for r in local] != [owner]:
        out.append("the own address is of %s, not of %s" % ([r["interface"] for r in local], owner))
    return out


def nhrp(v, views):
    """show ip nhrp detail: a spoke has the other's address and network, and its own network, which the other asked for."""
    if v.node == "hub":
        return ["the hub has %s" % v.nhrp] if v.nhrp or v.nhrp_text else []
    out = rows_differ("text", v.nhrp, v.nhrp_text, "prefix")
    other = next(p for p in PEERS[v.node] if p != "hub")
    own, its = v.ike_with("hub")["pushed_address"], views[other].ike_with("hub")["pushed_address"]
    common = {"interface": v.ike_with(other)["interface"], "network_id": 1, "type": "dynamic",
              "claimed_nbma_address": None}
    truth = [dict(common, prefix=its + "/32", next_hop=its, nbma_address=NODES[other], requesters=[],
                  flags=["router", "implicit", "rib"]),
             dict(common, prefix=ANNOUNCED[other][1], next_hop=its, nbma_address=NODES[other], requesters=[],
                  flags=["router", "rib"]),
             dict(common, prefix=ANNOUNCED[v.node][1], next_hop=own, nbma_address=v.address, requesters=[its],
                  flags=["router", "unique", "local", "no-socket"])]
    out += rows_differ("entries", v.nhrp, truth, "prefix")
    shortcuts = {(str(ipaddress.ip_network(r["dst"])), r["gateway"]) for r in v.kernel_routes if r["metric"] == 100}
    if shortcuts != {(r["prefix"], r["next_hop"]) for r in v.nhrp if "rib" in r["flags"]}:
        out.append("the kernel's shortcuts are %s" % sorted(shortcuts))
    for r in v.nhrp:
        if not 7200 - SLACK <= r["created_seconds"] + r["expires_seconds"] <= 7200:
            out.append("%s: created %d s ago, expires in %d s" % (r["prefix"], r["created_seconds"],
                                                                  r["expires_seconds"]))
    return out


def pools(v, views):
    """show ip local pool."""
    want = []
    if v.node == "hub":
        given = [s["assigned_address"] for s in v.ike]
        if sorted(given) != sorted(views[n].ike_with("hub")["pushed_address"] for n in PEERS["hub"]):
            return ["addresses given: %s" % given]
        want = [{"name": "FLEX", "first": "10.0.0.1", "last": "10.0.0.100", "free": 100 - len(given),
                 "in_use": len(given)}]
    return rows_differ("pools", v.pools, want, "name") + rows_differ("text", v.pools_text, want, "name")


CHECKS = (ike, sessions, ipsec, dataplane, interfaces, routes, nhrp, pools)


def seldom_dpd(_node, text):
    """So that message IDs rest while the answers are taken."""
    return text.replace(" dpd 10 2 periodic\n", " dpd 60 2 periodic\n")


@case(edit=seldom_dpd, timeout=300)
def shows_tell_the_truth(t):
    """Every field of eight show commands, text and JSON, on three nodes, is what the kernel and the other end say."""
    t.sessions()
    t.make_shortcut()
    counts = {("hub", "spoke1"): 7, ("spoke1", "spoke2"): 11}
    before = {pair: t.data(pair[1], "crypto", "ipsec", "sa")["ipsec_sas"] for pair in counts}
    for source, target, pair in (("host0", "host1", ("hub", "spoke1")), ("host1", "host2", ("spoke1", "spoke2"))):
        t.ping_all(source, target, counts[pair], 0.1)
    found = []

    def agree():
        started = [View(t, n) for n in NODES]
        views = {v.node: v.read() for v in started}
        found[:] = ["%s, %s %s" % (n, check.__doc__.strip().rstrip("."), x) for n in NODES for check in CHECKS
                    for x in check(views[n], views)]
        if not all(v.quiet for v in views.values()):
            found.append("packets passed while the answers were taken")
        return None if found else views
    try:
        views = t.wait("all fields agree on three nodes", 30,
                       agree)  # a DPD message or a late NHRP packet may come between
    finally:
        for line in found:
            t.note(line)
    for (peer, node), sas in before.items():
        old = next(c for c in sas if c["remote_address"] == NODES[peer])
        new = views[node].child_with(peer)
        for key in ("packets_in", "packets_out"):
            moved = new[key] - old[key]
            expect(counts[(peer, node)] <= moved <= counts[(peer, node)] + 2,
                   "%s: %s with %s rose by %d after %d pings", node, key, peer,
                   moved, counts[(peer, node)])
