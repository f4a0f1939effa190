# SPDX-License-Identifier: Apache-2.0
"""The kernel's IPsec state of a node, from `ip -s xfrm`."""
import re

_HEAD = re.compile(r"^src (\S+) dst (\S+)\n\s+proto esp spi (0x[0-9a-f]+)(.*?)(?=^src |\Z)", re.M | re.S)


def parse(text):
    """The ESP SAs in what `ip -s xfrm state` prints, without keys: list of {"src", "dst", "spi", "reqid", "mode",
    "packets", "bytes", "encap", "window", "replays", "failed", "algorithms", "hard_bytes", "added"}.  algorithms: pairs
    of name and length of the key material in bits; hard_bytes: None = no limit; added: local time as text."""
    out = []
    for src, dst, spi, rest in _HEAD.findall(text):
        def number(pattern, default=0, rest=rest):
            found = re.search(pattern, rest)
            return int(found.group(1)) if found else default
        mode, added = re.search(r"mode (\w+)", rest), re.search(r"\badd (\d\S+ \S+)", rest)
        algorithms = re.findall(r"^\s+(?:aead|enc|auth-trunc|auth) (\S+) 0x[0-9a-f]* \((\d+) bits\)", rest, re.M)
        out.append({"src": src, "dst": dst, "spi": int(spi, 16), "reqid": number(r"reqid (\d+)"),
                    "mode": mode.group(1) if mode else "", "bytes": number(r"lifetime current:\s+(\d+)\(bytes\)"),
                    "packets": number(r"lifetime current:\s+\d+\(bytes\), (\d+)\(packets\)"),
                    "encap": "encap type espinudp" in rest,
                    "window": max([int(w) for w in re.findall(r"replay[-_]window (\d+)", rest)], default=0),
                    "replays": number(r"stats:\s+replay-window \d+ replay (\d+)"),
                    "failed": number(r"stats:\s+replay-window \d+ replay \d+ failed (\d+)"),
                    "algorithms": [(name, int(bits)) for name, bits in algorithms],
                    "hard_bytes": number(r"hard (\d+)\(bytes\)", None), "added": added.group(1) if added else ""})
    return out


def states(lab, node):
    """The ESP SAs of a node, as parse() has them."""
    return parse(lab.run(node, ["ip", "-s", "xfrm", "state"], check=True).stdout)


def total(lab, node):
    """Packets over all ESP SAs of a node, both directions."""
    return sum(s["packets"] for s in states(lab, node))


def between(lab, node, local, remote):
    """(packets sent, packets received) on `node` over the SAs between two outer addresses."""
    sent = received = 0
    for s in states(lab, node):
        if (s["src"], s["dst"]) == (local, remote):
            sent += s["packets"]
        elif (s["src"], s["dst"]) == (remote, local):
            received += s["packets"]
    return sent, received


def policies(lab, node):
    """Number of XFRM policies of a node."""
    return len(re.findall(r"^src ", lab.run(node, ["ip", "xfrm", "policy"], check=True).stdout, re.M))
