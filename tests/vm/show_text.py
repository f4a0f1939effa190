# SPDX-License-Identifier: Apache-2.0
"""Reads the text of show commands back into rows with the keys of their JSON (docs/show-json.md), field by field.

A field that the text does not have is left out of the row; text that does not look as expected raises ValueError."""
import ipaddress
import re


def seconds(text):
    """hh:mm:ss."""
    h, m, s = text.split(":")
    return int(h) * 3600 + int(m) * 60 + int(s)


def _need(pattern, text):
    m = re.search(pattern, text, re.M)
    if not m:
        raise ValueError("no %r in:\n%s" % (pattern, text))
    return m.groups()


def _none(word):
    return None if word in ("none", "(none)", "-") else word


def _prefix(address, mask):
    return str(ipaddress.ip_network("%s/%s" % (address, mask)))


def _ipv4_lines(block):
    """The list under "Remote subnets:"."""
    m = re.search(r"Remote subnets:\n((?:      \S+ \S+\n)+)", block)
    return [_prefix(*line.split()) for line in m.group(1).splitlines()] if m else []


def ike_sas(text):
    """show crypto ikev2 sa detailed, IPv4."""
    rows = []
    for block in text.split("Tunnel-id ")[1:]:
        row = {}

        def take(pattern, *keys, block=block, row=row):
            for key, value in zip(keys, _need(pattern, block)):
                row[key] = int(value) if key.split("_")[-1] in ("id", "port", "bits", "group", "seconds", "window",
                                                                "queued") and \
                    key not in ("local_id", "remote_id") else value
        take(r"^(\d+) +(\S+)/(\d+) +(\S+)/(\d+) +(\w+)/(\w+) +(\S+)$", "tunnel_id", "local_address", "local_port",
             "remote_address", "remote_port", "fvrf", "ivrf", "status")
        take(r"Encr: ([^,]+), keysize: (\d+), PRF: ([^,]+), Hash: ([^,]+), DH Grp:(\d+), Auth sign: ([^,]+), Auth verify: (\S+)$",
             "encryption", "key_bits", "prf", "integrity", "dh_group", "auth_local", "auth_remote")
        take(r"Life/Active Time: (\d+)/(\d+) sec", "lifetime_seconds", "active_seconds")
        take(r"Session-id: (\d+)$", "session_id")
        take(r"Status Description: (.*)$", "status_description")
        take(r"Local spi: ([0-9A-F]{16}) +Remote spi: ([0-9A-F]{16})$", "local_spi", "remote_spi")
        take(r"Local id: (.*)$", "local_id")
        take(r"Remote id: (.*)$", "remote_id")
        take(r"Local next msg id: (\d+) +Remote next msg id: (\d+)$", "local_next_msg_id", "remote_next_msg_id")
        take(r"Local req queued: +(\d+) +Remote req queued: +(\d+)$", "local_queued", "remote_queued")
        take(r"Local window: +(\d+) +Remote window: +(\d+)$", "local_window", "remote_window")
        take(r"DPD configured for (\d+) seconds, retry (\d+)$", "dpd_interval_seconds", "dpd_retry_seconds")
        for key in ("local_spi", "remote_spi"):
            row[key] = "0x" + row[key].lower()
        row["fvrf"], row["ivrf"] = _none(row["fvrf"]), _none(row["ivrf"])
        row["fragmentation"] = _need(r"Fragmentation (.*)configured\.$", block) == ("",)
        row["dynamic_route_update"] = _need(r"Dynamic Route Update: (\w+)$", block) == ("enabled",)
        row["nat_local"] = row["nat_remote"] = "NAT-T is not detected" not in block
        row["initiator"] = _need(r"Initiator of SA : (Yes|No)$", block) == ("Yes",)
        row["peer_type"] = _need(r"PEER TYPE: (.*)$", block)[0]
        row["remote_subnets"] = _ipv4_lines(block)
        for key, label in (("pushed_address", "Pushed IP address"), ("assigned_address", "Assigned host addr")):
            m = re.search(label + r": (\S+)$", block, re.M)
            row[key] = m.group(1) if m else None
        rows.append(row)
    return rows


def sessions(text):
    """show crypto session detail with one flow each: rows of (status, part of ike_sa, part of the flow, more)."""
    rows = []
    for block in re.split(r"^(?=Interface: )", text, flags=re.M)[1:]:
        interface, profile, uptime, status = _need(
            r"^Interface: (\S+)\nProfile: (\S+)\nUptime: (\S+)\nSession status: (\S+)$", block)
        peer, port, fvrf, ivrf, identity = _need(r"^Peer: (\S+) port (\d+) fvrf: (\S+) ivrf: (\S+)\n +Phase1_id: (.*)$",
                                                 block)
        number, local, local_port, remote, remote_port, state = _need(
            r"^  Session ID: (\d+)\n  IKEv2 SA: local (\S+)/(\d+) remote (\S+)/(\d+) (\w+)$", block)
        capabilities, tunnel, left = _need(r"Capabilities:(\S+) connid:(\d+) lifetime:(\S+)$", block)
        protocol, local_host, remote_host, sas = _need(
            r"IPSEC FLOW: permit (\d+) host (\S+) host (\S+)\n +Active SAs: (\d+), origin: crypto map$", block)
        decaps, in_drops, in_kb, in_s = _need(r"Inbound:  #pkts dec'ed (\d+) drop (\d+) life \(KB/Sec\) (\d+)/(\d+)$",
                                              block)
        encaps, out_drops, out_kb, out_s = _need(r"Outbound: #pkts enc'ed (\d+) drop (\d+) life \(KB/Sec\) (\d+)/(\d+)$", block)
        if (peer, port) != (remote, remote_port) or (in_kb, in_s) != (out_kb, out_s):
            raise ValueError("a session that contradicts itself:\n" + block)
        rows.append({
            "status": status, "state": state, "capabilities": capabilities, "lifetime_left": seconds(left),
            "active_sas": int(sas),
            "ike_sa": {"interface": interface, "profile": profile, "active_seconds": seconds(uptime),
                       "fvrf": _none(fvrf),
                       "ivrf": _none(ivrf), "remote_id": identity, "session_id": int(number), "local_address": local,
                       "local_port": int(local_port), "remote_address": remote, "remote_port": int(remote_port),
                       "tunnel_id": int(tunnel)},
            "flow": {"protocol": int(protocol), "local_ident": local_host + "/32", "remote_ident": remote_host + "/32",
                     "packets_in": int(decaps), "packets_out": int(encaps), "receive_errors": int(in_drops),
                     "send_errors": int(out_drops), "remaining_kilobytes": int(in_kb), "remaining_seconds": int(in_s)}})
    return rows


def _esp(block):
    """An inbound or outbound ESP SA: its SPI and the settings."""
    hexadecimal, decimal, transform, settings = _need(
        r"spi: 0x([0-9A-F]+)\((\d+)\)\n +transform: (.*) ,\n +in use settings =\{(.*), \}$", block)
    if int(hexadecimal, 16) != int(decimal):
        raise ValueError("two SPIs in one:\n" + block)
    tag, initiator = _need(r"crypto map: (\S+), initiator : (\w+)$", block)
    kilobytes, left = _need(r"remaining key lifetime \(k/sec\): \((\d+)/(\d+)\)$", block)
    window = re.search(r"replay detection support: Y  replay window size: (\d+)$", block, re.M)
    words = [w.strip() for w in re.split(r"[ ,]+", settings) if w.strip()]
    return "0x%08x" % int(decimal), {
        "transform": transform, "mode": words[0].lower(), "udp_encapsulation": "UDP-Encaps" in words,
        "esn": "esn" in words,
        "initiator": initiator == "True", "remaining_kilobytes": int(kilobytes), "remaining_seconds": int(left),
        "iv_octets": int(_need(r"IV size: (\d+) bytes$", block)[0]),
        "replay_window": int(window.group(1)) if window else 0,
        "offload_state": _need(r"offload: (\w+)", block)[0], "interface": tag[:-len("-head-0")]}


def ipsec_sas(text):
    """show crypto ipsec sa."""
    rows, interface = [], None
    for block in re.split(r"^(?=   protected vrf: )", text, flags=re.M)[1:]:
        before = text[:text.index(block)]
        interface, local = re.findall(r"^interface: (\S+)\n    Crypto map tag: \S+, local addr (\S+)$", before,
                                      re.M)[-1]
        row = {"interface": interface, "local_address": local}
        row["vrf"] = _none(_need(r"protected vrf: (\S+)$", block)[0])
        for side in ("local", "remote"):
            address, mask, protocol, port = _need(r"^   %-6s ident \(addr/mask/prot/port\): \((\S+)/(\S+)/(\d+)/(\d+)\)$" % side, block)
            row.update({side + "_ident": _prefix(address, mask), "protocol": int(protocol),
                        side + "_ident_port": int(port)})
        peer, port = _need(r"current_peer (\S+) port (\d+)$", block)
        row.update(remote_address=peer, remote_port=int(port))
        for key, word in (("packets_out", ("encaps", "encrypt", "digest")),
                          ("packets_in", ("decaps", "decrypt", "verify"))):
            counts = set(_need(r"#pkts %s: (\d+), #pkts %s: (\d+), #pkts %s: (\d+)$" % word, block))
            if len(counts) != 1:
                raise ValueError("counters differ:\n" + block)
            row[key] = int(counts.pop())
        row["send_errors"], row["receive_errors"] = map(int, _need(r"#send errors (\d+), #recv errors (\d+)$", block))
        if _need(r"local crypto endpt\.: (\S+), remote crypto endpt\.: (\S+)$", block) != (local, peer):
            raise ValueError("other crypto endpoints:\n" + block)
        mtus = _need(r"plaintext mtu (\d+), path mtu (\d+), ip mtu (\d+), ip mtu idb (\S+)$", block)
        row["plaintext_mtu"], row["path_mtu"], row["ip_mtu"] = map(int, mtus[:3])
        row["underlay_interface"] = mtus[3]
        group = _need(r"PFS \(Y/N\): [YN], DH group: (\S+)$", block)[0]
        row["pfs_group"] = None if group == "none" else int(group[len("group"):])
        inbound, outbound = _need(r"inbound esp sas:\n((?:.*\n)*?)\n     inbound ah sas:\n(?:.*\n)*?     outbound esp sas:\n"
                                  r"((?:.*\n)*?)\n     outbound ah sas:", block)
        row["spi_in"], settings = _esp(inbound)
        row["spi_out"], other = _esp(outbound)
        if settings != other or settings["interface"] != interface or \
                int(_need(r"current outbound spi: 0x([0-9A-F]+)", block)[0], 16) != int(row["spi_out"], 16):
            raise ValueError("its two directions differ:\n" + block)
        row.update(settings)
        rows.append(row)
    return rows


def nhrp(text):
    """show ip nhrp detail."""
    rows = []
    for block in re.split(r"^(?=\S+ via )", text, flags=re.M)[1:]:
        prefix, hop, interface, created, rest = _need(r"^(\S+) via (\S+)\n   (\S+) created ([\d:]+), (.*)$", block)
        kind, flags = _need(r"^   Type: (\w+), Flags:(.*)$", block)
        rows.append({"prefix": prefix, "next_hop": _none(hop), "interface": interface,
                     "created_seconds": seconds(created),
                     "expires_seconds": None if rest == "never expire" else seconds(rest.split()[1]), "type": kind,
                     "flags": flags.split() + (["no-socket"] if "(no-socket)" in block else []),
                     "nbma_address": _need(r"NBMA address: (\S+)$", block)[0],
                     "requesters": re.findall(r"^  Requester: (\S+)$", block, re.M)})
    return rows


def routes(text):
    """show ip route flexvpn."""
    rows = []
    for line in text.splitlines():
        m = re.match(r"([A-Z])   (.)    (\S+) (is directly connected, |\[(\d+)/(\d+)\] via (\S+), ([\d:]+), )(\S+)( \[Shortcut\])?(?:, tag (\d+))?$", line)
        if m is None:
            if line and not re.match(r"Codes:|  ", line):
                raise ValueError("no route: " + line)
            continue
        row = {"code": m[1], "next_hop_override": m[2] == "%", "installed": m[2] != "!", "prefix": m[3],
               "interface": m[9],
               "shortcut": m[10] is not None, "tag": int(m[11] or 0), "next_hop": m[7]}
        if m[7]:
            row.update(distance=int(m[5]), metric=int(m[6]), age_seconds=seconds(m[8]))
        rows.append(row)
    return rows


def pools(text):
    rows = []
    for line in text.splitlines()[1:]:
        name, first, last, free, used = line.split()
        rows.append({"name": name, "first": first, "last": last, "free": int(free), "in_use": int(used)})
    return rows


def interface(text):
    """show interfaces of an unnumbered Virtual-Access."""
    name, state, line = _need(r"^(\S+) is (.*), line protocol is (\w+)$", text)
    owner, address = _need(r"Interface is unnumbered\. Using address of (\S+) \((\S+)\)$", text)
    source, destination = _need(r"Tunnel source (\S+), destination (\S+)$", text)
    key = _need(r"Key (\S+), sequencing disabled$", text)[0]
    peer, up = _need(r"Peer (\S+), up for (\S+)$", text)
    row = {"name": name, "administratively_down": state == "administratively down", "up": line == "up",
           "address_owner": owner,
           "address": address, "source": source, "destination": destination, "remote_id": peer,
           "up_seconds": seconds(up),
           "cloned_from": _need(r"cloned from (\S+)$", text)[0], "gre_key": None if key == "disabled" else int(key),
           "ip_mtu": int(_need(r"MTU (\d+) bytes$", text)[0]),
           "device": _need(r"Carried by Linux device (\S+)$", text)[0],
           "underlay": {"IP": "ipv4", "IPv6": "ipv6"}[_need(r"Tunnel protocol/transport GRE/(\S+)$", text)[0]],
           "ipsec_profile": _need(r'Tunnel protection via IPSec \(profile "(.*)"\)$', text)[0]}
    row["packets_in"], row["bytes_in"] = map(int, _need(r"(\d+) packets input, (\d+) bytes$", text))
    row["packets_out"], row["bytes_out"] = map(int, _need(r"(\d+) packets output, (\d+) bytes$", text))
    return row


def table(text):
    """A table of ours: dictionaries by the words of its first line."""
    lines = text.splitlines()
    head = lines[0].split()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[1:] if line.strip()]
    if any(len(r) != len(head) for r in rows):
        raise ValueError("not %d columns:\n%s" % (len(head), text))
    return [dict(zip(head, r)) for r in rows]
