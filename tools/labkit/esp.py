# SPDX-License-Identifier: Apache-2.0
"""The kernel's IPsec state of a node, from `ip -s xfrm`."""
import re

_HEAD = re.compile(r"^src (\S+) dst (\S+)\n\s+proto esp spi (0x[0-9a-f]+)(.*?)(?=^src |\Z)", re.M | re.S)


def states(lab, node):
    """ESP SAs: list of {"src", "dst", "spi", "mode", "packets", "bytes", "encap", "auth_failed"}."""
    text = lab.run(node, ["ip", "-s", "xfrm", "state"], check=True).stdout
    out = []
    for src, dst, spi, rest in _HEAD.findall(text):
        count = re.search(r"lifetime current:\s*\n\s*(\d+)\(bytes\), (\d+)\(packets\)", rest)
        mode = re.search(r"mode (\w+)", rest)
        failed = re.search(r"replay-window (\d+) replay (\d+) failed (\d+)", rest)
        out.append({"src": src, "dst": dst, "spi": int(spi, 16), "mode": mode.group(1) if mode else "",
                    "bytes": int(count.group(1)) if count else 0, "packets": int(count.group(2)) if count else 0,
                    "encap": "encap type espinudp" in rest, "failed": int(failed.group(3)) if failed else 0})
    return out


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
