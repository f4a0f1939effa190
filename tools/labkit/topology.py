# SPDX-License-Identifier: Apache-2.0
"""Topology files (tests/topologies/*.yaml): read, checked, turned into plain dictionaries.

    nodes:
      NAME:
        kind: hub | spoke | router | host | nat | strongswan | libreswan
        config: FILE or text     hub, spoke: flexvpn.conf; strongswan: swanctl.conf; libreswan: ipsec.conf.  FILE is
                                 relative to the YAML
        files: {strongswan.conf: FILE or text}    others that the daemon reads (ipsec.secrets), optional
        routes: {default: 192.0.2.1, ...}
        addresses: {lo: [192.0.2.7/32]}           besides those of the links
        sysctl: {net.ipv4.ip_forward: 0}          besides those of the kind
        outside: IF                               nat: masquerade what leaves here
        forward: {udp/500: 10.1.1.2}              nat: static port forwards, optional
        guest: 0                                  which guest of several carries the node
        start: false                              do not start the daemon at `up`
    links:
      - ends: {hub:eth0: 198.51.100.2/30, inet:hub: [198.51.100.1/30, "2001:db8::1/64"]}
        delay: 5ms      each way, optional
        loss: 1%        each way, optional
        rate: 100mbit   each way, optional
        mtu: 1500       optional
"""
import ipaddress
import os
import re

import yaml

from .paths import CONFIG_TOPOLOGIES, LabError

KINDS = ("hub", "spoke", "router", "host", "nat", "strongswan", "libreswan")
_NODE_KEYS = {"kind", "config", "files", "routes", "addresses", "sysctl", "outside", "forward", "guest", "start"}
_LINK_KEYS = {"ends", "delay", "loss", "rate", "mtu"}
FORWARDING = {
    "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
    "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.accept_redirects": 0, "net.ipv4.conf.default.accept_redirects": 0}


def find(name):
    """A path as it is, or the name of a file in tests/topologies."""
    for candidate in (name, os.path.join(CONFIG_TOPOLOGIES, name), os.path.join(CONFIG_TOPOLOGIES, name + ".yaml")):
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    known = sorted(f[:-5] for f in os.listdir(CONFIG_TOPOLOGIES) if f.endswith(".yaml"))
    raise LabError("no topology file '%s'; known by name: %s" % (name, ", ".join(known)))


def load(path):
    """The checked topology: {"name", "nodes": {name: {...}}, "links": [...]}; texts of files are read in."""
    where = os.path.basename(path)
    try:
        with open(path, encoding="utf-8") as f:
            raw = yaml.safe_load(f)
    except OSError as e:
        raise LabError("%s: %s" % (path, e.strerror)) from e
    except yaml.YAMLError as e:
        raise LabError("%s is not YAML: %s" % (path, e)) from e
    if not isinstance(raw, dict) or not isinstance(raw.get("nodes"), dict) or not isinstance(raw.get("links"), list):
        raise LabError("%s: needs 'nodes:' (a mapping) and 'links:' (a list)" % where)
    base = os.path.dirname(os.path.abspath(path))
    nodes = {n: _node(where, base, n, spec or {}) for n, spec in raw["nodes"].items()}
    links = [_link(where, nodes, i, spec) for i, spec in enumerate(raw["links"])]
    seen = set()
    for link in links:
        for end in link["ends"]:
            key = (end["node"], end["if"])
            if key in seen:
                raise LabError("%s: %s:%s has two links" % (where, *key))
            seen.add(key)
    return {"name": raw.get("name") or os.path.splitext(where)[0], "nodes": nodes, "links": links}


def _text(base, value):
    if value is None or "\n" in value:
        return value
    path = os.path.join(base, value)
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError as e:
        raise LabError("configuration %s: %s" % (path, e.strerror)) from e


def _node(where, base, name, spec):
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", name):
        raise LabError("%s: node name '%s': use a-z, 0-9, '-', at most 20 characters" % (where, name))
    unknown = set(spec) - _NODE_KEYS
    if unknown:
        raise LabError("%s: node %s: unknown key '%s'; known: %s" % (
            where, name, sorted(unknown)[0], ", ".join(sorted(_NODE_KEYS))))
    kind = spec.get("kind")
    if kind not in KINDS:
        raise LabError("%s: node %s: kind '%s'; known: %s" % (where, name, kind, ", ".join(KINDS)))
    sysctl = {} if kind == "host" else dict(FORWARDING)
    sysctl.update(spec.get("sysctl") or {})
    if kind == "nat" and not spec.get("outside"):
        raise LabError("%s: node %s: a nat needs 'outside: IF'" % (where, name))
    return {"kind": kind, "config": _text(base, spec.get("config")),
            "files": {k: _text(base, v) for k, v in (spec.get("files") or {}).items()},
            "routes": {str(k): str(v) for k, v in (spec.get("routes") or {}).items()},
            "addresses": {k: [str(a) for a in _list(v)] for k, v in (spec.get("addresses") or {}).items()},
            "sysctl": {k: str(v) for k, v in sysctl.items()}, "outside": spec.get("outside"),
            "forward": spec.get("forward") or {}, "guest": int(spec.get("guest", 0)),
            "start": spec.get("start", True)}


def _list(value):
    return value if isinstance(value, list) else [value] if value else []


def _link(where, nodes, index, spec):
    unknown = set(spec) - _LINK_KEYS
    if unknown:
        raise LabError("%s: link %d: unknown key '%s'" % (where, index + 1, sorted(unknown)[0]))
    ends = []
    for at, addresses in (spec.get("ends") or {}).items():
        node, _, interface = at.partition(":")
        if node not in nodes or not re.fullmatch(r"[A-Za-z0-9._-]{1,15}", interface):
            raise LabError("%s: link %d: '%s' is not NODE:IF of a node in this file" % (where, index + 1, at))
        for a in _list(addresses):
            try:
                ipaddress.ip_interface(a)
            except ValueError as e:
                raise LabError("%s: link %d: %s" % (where, index + 1, e)) from e
        ends.append({"node": node, "if": interface, "addresses": [str(a) for a in _list(addresses)]})
    if len(ends) != 2:
        raise LabError("%s: link %d: needs exactly two ends (a LAN with more is a router node)" % (where, index + 1))
    return {"ends": ends, "index": index, "mtu": spec.get("mtu"),
            "netem": {k: str(spec[k]) for k in ("delay", "loss", "rate") if spec.get(k)}}
