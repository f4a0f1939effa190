# SPDX-License-Identifier: Apache-2.0
"""Reads a capture of an underlay link and names every packet that should not be seen there.

Allowed: ARP, ESP, UDP 500 and 4500 (IKE, ESP in UDP, NAT keepalive), TCP 4500 (IKE and ESP, RFC 9329), ICMP and IPv6 neighbour discovery of the
underlay itself.  Everything else is in clear: GRE, IP in IP, anything with a LAN or overlay address, and any packet
that carries the payload pattern of the tests' pings.
"""
import ipaddress
import struct
import sys

ICMP, TCP, UDP, GRE, ESP, ICMP6, DESTINATION_OPTIONS = 1, 6, 17, 47, 50, 58, 60
IKE_PORTS = (500, 4500)
PRIVATE = [ipaddress.ip_network(n) for n in ("192.168.0.0/16", "10.0.0.0/24")]
NAMES = {4: "IP in IP", 41: "IPv6 in IP", 47: "GRE", 6: "TCP", 17: "UDP", 1: "ICMP", 51: "AH"}


class Counts:
    def __init__(self, packets=0, esp=0, ike=0, other=0):
        self.packets, self.esp, self.ike, self.other = packets, esp, ike, other

    def __iadd__(self, o):
        self.packets += o.packets
        self.esp += o.esp
        self.ike += o.ike
        self.other += o.other
        return self

    def __str__(self):
        return "%d packets (%d ESP, %d IKE, %d of the underlay)" % (self.packets, self.esp, self.ike, self.other)


def packets(path):
    """The Ethernet frames of a pcap file, as (number, bytes)."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < 24:
        return
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(data[:4])
    if order is None:
        raise ValueError("%s is no pcap file" % path)
    at, number = 24, 0
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        number += 1
        yield number, data[at + 16:at + 16 + length]
        at += 16 + length


def classify(frame):
    """("arp" | "esp" | "ike" | "underlay" | None, description)."""
    if len(frame) < 14:
        return "underlay", "short"
    kind = struct.unpack_from("!H", frame, 12)[0]
    body = frame[14:]
    if kind == 0x0806:
        return "arp", "ARP"
    if kind == 0x0800 and len(body) >= 20:
        protocol = body[9]
        source, target = ipaddress.ip_address(body[12:16]), ipaddress.ip_address(body[16:20])
        rest = body[(body[0] & 15) * 4:]
        fragment = struct.unpack_from("!H", body, 6)[0] & 0x1FFF
    elif kind == 0x86DD and len(body) >= 40:
        protocol = body[6]
        source, target = ipaddress.ip_address(body[8:24]), ipaddress.ip_address(body[24:40])
        rest, fragment = body[40:], 0
        if protocol == DESTINATION_OPTIONS and len(rest) >= 8:  # RFC 2473: the tunnel encapsulation limit, before ESP
            protocol, rest = rest[0], rest[8 + 8 * rest[1]:]
        if protocol in (0, ICMP6):  # hop-by-hop before MLD, neighbour discovery
            return "underlay", "IPv6 ND"
    else:
        return None, "ethertype 0x%04x" % kind
    text = "%s %s > %s" % (NAMES.get(protocol, "protocol %d" % protocol), source, target)
    if any(a in n for a in (source, target) for n in PRIVATE if a.version == n.version):
        return None, text + " (inner addresses)"
    if protocol == ESP:
        return "esp", text
    if protocol == UDP and (fragment or len(rest) >= 8 and set(struct.unpack_from("!HH", rest)) & set(IKE_PORTS)):
        if not fragment and struct.unpack_from("!I", rest.ljust(12, b"\0"), 8)[0] != 0 and 4500 in struct.unpack_from(
                "!HH", rest) and len(rest) > 9:
            return "esp", text
        return "ike", text
    if protocol == TCP and not fragment and len(rest) >= 20 and 4500 in struct.unpack_from("!HH", rest):
        return "ike", text
    if protocol == ICMP:
        return "underlay", text
    return None, text


def check(path, marker):
    """(Counts, list of what is in clear)."""
    counts, bad = Counts(), []
    marker = marker * 2  # two repeats, at any alignment: eight octets alone could come up by chance
    for number, frame in packets(path):
        counts.packets += 1
        kind, text = classify(frame)
        if kind is None:
            bad.append("packet %d: %s" % (number, text))
        elif kind == "esp":
            counts.esp += 1
        elif kind == "ike":
            counts.ike += 1
        else:
            counts.other += 1
        if marker in frame:
            bad.append("packet %d: carries the pings' payload: %s" % (number, text))
    return counts, bad


if __name__ == "__main__":
    for name in sys.argv[1:]:
        result, found = check(name, b"\xf1\xe8\xc0\xde\x5a\xfe\x5e\xed")
        print(name, result)
        for line in found:
            print("  IN CLEAR:", line)
