# SPDX-License-Identifier: Apache-2.0
"""The complete configurations of tests/configs, as they are, brought up at once: topology examples."""
import collections
import os
import re
import subprocess

from harness import REPO, case, expect, put
from labkit import topology
from labkit.authority import Authority, Issued

CONFIGS = os.path.join(REPO, "tests", "configs")
COUNT = 5  # pings each way and pair

# What the files of tests/configs need changed, node by node.  Everything else is in the topology.  Three have policies
# of their own without `route accept any`, which only the policy `default` has unasked: they would install no route.
VIENNA = (("198.51.100.10", "@"), ("203.0.113.20", "198.51.100.10"), ("@", "203.0.113.20"),
          # the other end of the same file
          ("ip address 10.9.0.1", "ip address 10.9.0.2"), ("hostname berlin", "hostname vienna"),
          ("peer vienna", "peer berlin"))
PKI = "/run/pki/"  # the node's own directory for what the file has in /etc/flexvpn/pki
SUBSTITUTIONS = {
    "vienna": VIENNA,
    "hub": ((" route set access-list CORPORATE\n", " route set access-list CORPORATE\n route accept any\n"),),
    "spoke1": ((" route set access-list 10\n", " route set access-list 10\n route accept any\n"),),
    "spoke7": ((" route set access-list LAN\n", " route set access-list LAN\n route accept any\n"),),
    "spoke3": (("spoke2", "spoke3"), ("10.40.0.2", "10.40.0.3"), ("10.41.0.0", "10.43.0.0"),
               ("permit host 10.42.0.1", "")),
    "hub-cert": (("/etc/flexvpn/pki/", PKI),),
    # "Not usable until files are named", says the file
    "spoke-cert": (("crypto pki trustpoint CA\n", "crypto pki trustpoint CA\n certificate-file %sspoke.pem\n key-file %sspoke.key\n"
                    " ca-file %sca.pem\n" % (PKI, PKI, PKI)),),
}
WITHOUT_ML_KEM = ((" mlkem1024 mlkem768", " 19"), (" mlkem768", " 19"))  # for an OpenSSL before 3.5, on both ends

# The files of features that this version does not have; --check has to say so.  When it does not any more, they have
# to run.
NOT_YET = {
    "anyconnect-eap": "does not do AnyConnect-EAP",
    "dmvpn-ikev2-hub": "does not do 'tunnel mode gre multipoint'",
    "ipv6-svti": "does not do 'tunnel mode ipsec'",
    "remote-access-eap": "does not do EAP",
    "site-to-site-svti": "does not do 'tunnel mode ipsec'",
}

GCM, CBC = "AES-GCM", "AES-CBC"
# A session between two nodes.  outer, ids: (caller's, hub's).  inner: the addresses that ping each other; None: the one
# the hub gives.  ike: encryption, key length and group agreed; esp: transform of the Child SA.
Pair = collections.namedtuple("Pair", "caller hub outer ids inner ike esp")
PAIRS = (
    Pair("spoke1", "hub", ("198.51.100.1", "192.0.2.1"), ("spoke1.example.net", "hub.example.net"),
         ("10.1.1.1", "10.255.0.1"),
         (GCM, 256, 19), "esp-gcm 256"),
    Pair("smart-spoke", "smart-hub", ("203.0.113.3", "203.0.113.1"), ("spoke.example.org", "hub.example.org"),
         (None, "10.200.0.1"), (GCM, 256, 19), "esp-gcm 256"),
    Pair("berlin", "vienna", ("198.51.100.10", "203.0.113.20"), ("198.51.100.10", "203.0.113.20"),
         ("10.9.0.1", "10.9.0.2"),
         (CBC, 256, 21), "esp-256-aes esp-sha256-hmac"),
    Pair("branch", "hub6", ("2001:db8:1::1", "2001:db8::1"), ("branch", "hub"), (None, "10.60.0.1"), (GCM, 256, 19),
         "esp-gcm 256"),
    Pair("branch", "pasted", ("203.0.113.41", "192.0.2.70"), ("branch.example.net", "pasted.example.net"),
         ("10.70.0.2", "10.70.0.1"), (GCM, 256, 19), "esp-gcm 256"),
    Pair("spoke7", "centre1", ("203.0.113.7", "192.0.2.1"), ("spoke7.example.net", "192.0.2.1"), (None, "10.200.0.1"),
         (GCM, 256, 19), "esp-gcm 256"),
    Pair("spoke7", "centre2", ("203.0.113.7", "198.51.100.1"), ("spoke7.example.net", "198.51.100.1"),
         (None, "10.201.0.1"),
         (GCM, 256, 19), "esp-gcm 256"),
    Pair("fvrf", "centre1", ("203.0.113.9", "192.0.2.1"), ("203.0.113.9", "192.0.2.1"), ("10.0.9.2", "10.0.9.1"),
         (GCM, 256, 19), "esp-gcm 256"),
    Pair("sloppy", "centre1", ("198.51.100.3", "192.0.2.1"), ("sloppy.example.net", "centre1.example.net"),
         ("10.3.3.3", "10.3.3.1"), (GCM, 256, 19), "esp-192-aes esp-sha-hmac"),
    Pair("client", "centre1", ("203.0.113.51", "192.0.2.1"), ("client@example.net", "centre1.example.net"), (None, "10.50.0.1"),
         (GCM, 256, 19), "esp-gcm 256"),
    Pair("quantum", "centre2", ("198.51.100.21", "198.51.100.1"), ("branch.example.net", "centre2.example.net"),
         ("10.0.0.2", "10.0.0.1"), (GCM, 256, 20), "esp-gcm 256"),
    Pair("spoke2", "centre1", ("203.0.113.31", "192.0.2.1"), ("spoke2.spokes.example.net", "hub.example.net"),
         ("10.41.0.1", "10.40.0.1"), (GCM, 256, 19), "esp-gcm 256"),
    Pair("spoke3", "centre1", ("203.0.113.33", "192.0.2.1"), ("spoke3.spokes.example.net", "hub.example.net"),
         ("10.43.0.1", "10.40.0.1"), (GCM, 256, 19), "esp-gcm 256"),
    Pair("spoke-cert", "hub-cert", ("198.51.100.1", "192.0.2.1"),
         ("cn=spoke-cert,ou=Spokes,o=Example", "cn=hub,ou=Hubs,o=Example"),
         (None, "10.0.0.254"), (GCM, 256, 19), "esp-gcm 256"),
)


def has_ml_kem():
    r = subprocess.run(["openssl", "list", "-kem-algorithms"], capture_output=True, text=True, check=False)
    return "ML-KEM" in r.stdout.upper()


def substituted(node, text):
    table = SUBSTITUTIONS.get(node, ())
    if node in ("quantum", "centre2") and not has_ml_kem():
        table = WITHOUT_ML_KEM
    for old, new in table:
        expect(old in text, "%s: the configuration has no '%s' any more", node, old)
        text = text.replace(old, new)
    return text


def check_those_not_yet(t):
    """Every file of tests/configs is in the topology or in NOT_YET; those of NOT_YET are accepted with their reason."""
    with open(topology.find("examples"), encoding="utf-8") as f:
        run = set(re.findall(r"\.\./configs/([\w-]+)\.conf", f.read()))
    have = {f[:-5] for f in os.listdir(CONFIGS) if f.endswith(".conf")}
    expect(have == run | set(NOT_YET), "neither run nor listed, or twice: %s", have ^ (run | set(NOT_YET)))
    for name, why in NOT_YET.items():
        r = subprocess.run([os.path.join(t.lab.state["bin"], "flexvpnd"), "--check",
                            os.path.join(CONFIGS, name + ".conf")],
                           capture_output=True, text=True, check=False)
        expect(r.returncode == 0, "%s.conf is refused: %s", name, r.stdout + r.stderr)
        expect(why in r.stdout + r.stderr, "%s.conf: --check does not say '%s' any more: it has to run", name, why)
        t.note("%s.conf: checked only: this version %s" % (name, why))


def give_certificates(t):
    """hub-certificates.conf and certificates-ios.conf are each other's peers; the CA of "partner" certifies nobody."""
    ca, partner = Authority("Example CA", organization="Example"), Authority("Partner CA", organization="Partner")
    hub, spoke = ca.issue("hub", "rsa", "Hubs"), ca.issue("spoke-cert", "rsa", "Spokes")
    locked = subprocess.run(["openssl", "pkey", "-in", hub.key, "-aes256", "-passout", "pass:opening-word"], check=True,
                            capture_output=True, text=True).stdout
    own_ca = Issued.text(ca.ca.cert)
    for node, file, text in (("hub-cert", "hub.pem", Issued.text(hub.cert)), ("hub-cert", "hub.key", locked),
                             ("hub-cert", "ca.pem", own_ca), ("hub-cert", "ca.crl", ca.crl()),
                             ("hub-cert", "partner-ca.pem", Issued.text(partner.ca.cert)),
                             ("spoke-cert", "spoke.pem", Issued.text(spoke.cert)),
                             ("spoke-cert", "spoke.key", Issued.text(spoke.key)), ("spoke-cert", "ca.pem", own_ca)):
        put(t, node, PKI + file, text)


def make_vrf(t):
    """What front-door-vrf.conf leaves to Linux."""
    t.lab.run("fvrf", ["sh", "-ec", "ip link add OUTSIDE type vrf table 10; ip link set OUTSIDE up; "
                       "ip link set eth0 master OUTSIDE; ip route add default via 203.0.113.8 vrf OUTSIDE"], check=True)


def start(t):
    give_certificates(t)
    make_vrf(t)
    names = [n for n, d in t.lab.state["nodes"].items() if d["daemon"]]
    for n in names:
        t.lab.start(n, wait=False)
    for n in names:
        t.lab.await_ready(n)
    t.note("%d daemons answer" % len(names))
    return names


class Session:
    """What both ends say of one pair."""

    def __init__(self, pair, sas):
        self.pair, self.sas = pair, sas  # sas: node -> (rows of ike_sas, rows of ipsec_sas)

    def _ends(self):
        """Of each end: its node, its outer address, the other's, its IKE SAs and Child SAs with the other."""
        p = self.pair
        for node, own, other in ((p.caller, p.outer[0], p.outer[1]), (p.hub, p.outer[1], p.outer[0])):
            yield tuple([s for s in rows if (s["local_address"], s["remote_address"]) == (own, other)]
                        for rows in self.sas[node])

    def up(self):
        """One IKE SA and one Child SA at both ends, and they are the same."""
        (ike, child), (ike2, child2) = self._ends()
        return all(len(x) == 1 for x in (ike, child, ike2, child2)) and \
            ike[0]["status"] == ike2[0]["status"] == "READY" and \
            (ike[0]["local_spi"], ike[0]["remote_spi"]) == (ike2[0]["remote_spi"], ike2[0]["local_spi"]) and \
            (child[0]["spi_in"], child[0]["spi_out"]) == (child2[0]["spi_out"], child2[0]["spi_in"])

    def check(self):
        p, (ike, child), (ike2, child2) = self.pair, *self._ends()
        for s, ids in ((ike[0], p.ids), (ike2[0], p.ids[::-1])):
            expect((s["local_id"], s["remote_id"]) == ids, "%s and %s: identities %s, %s", p.caller, p.hub,
                   s["local_id"], s["remote_id"])
            got = s["encryption"], s["key_bits"], s["dh_group"]
            expect(got == p.ike, "%s and %s agreed %s for IKE", p.caller, p.hub, got)
        for c in (child[0], child2[0]):
            expect(c["transform"] == p.esp and c["protocol"] == 47, "%s and %s agreed %s, protocol %s", p.caller, p.hub,
                   c["transform"], c["protocol"])
        return ike[0], child[0], child2[0]


def sessions(t, names, seconds=150):
    """Waits for all pairs; returns their sessions."""
    missing = {}

    def all_up():
        sas = {n: (t.data(n, "crypto", "ikev2", "sa")["ike_sas"], t.data(n, "crypto", "ipsec", "sa")["ipsec_sas"])
               for n in names if not missing or n in missing}
        found = [Session(p, sas) for p in PAIRS if p.caller in sas and p.hub in sas]
        down = [s.pair for s in found if not s.up()]
        missing.clear()
        for p in down:
            missing[p.caller] = missing[p.hub] = True
        return not down
    try:
        t.wait("all %d pairs have a session" % len(PAIRS), seconds, all_up)
    finally:
        if missing:
            t.note("no session: %s" % ", ".join("%s-%s" % (p.caller, p.hub) for p in PAIRS if p.caller in missing
                                                and p.hub in missing))
    sas = {n: (t.data(n, "crypto", "ikev2", "sa")["ike_sas"], t.data(n, "crypto", "ipsec", "sa")["ipsec_sas"])
           for n in names}
    return [Session(p, sas) for p in PAIRS]


def esp_packets(t, nodes):
    """Packets of every ESP SA: node -> SPI -> packets."""
    return {n: {s["spi"]: s["packets"] for s in t.esp_states(n)} for n in nodes}


@case(topology="examples", edit=substituted, start=False, timeout=600)
def example_configurations(t):
    """The files of tests/configs bring up their VPN: sessions, pings both ways in ESP, a shortcut; the rest is checked."""
    check_those_not_yet(t)
    if not has_ml_kem():
        t.note("this OpenSSL has no ML-KEM: quantum-safe.conf runs with group 19 in its place")
    names = start(t)
    up = sessions(t, names)
    ends = []  # per pair: inner addresses, Child SA as the caller and as the hub has it
    for s in up:
        ike, child, child2 = s.check()
        inner = s.pair.inner[0] or ike["pushed_address"], s.pair.inner[1]
        ends.append((s.pair, inner, child, child2))
        if s.pair.caller == "quantum":
            expect(ike["ppk"] and len(ike["additional_key_exchanges"]) == 2,
                   "quantum: PPK %s, additional key exchanges %s",
                   ike["ppk"], ike["additional_key_exchanges"])
    before = esp_packets(t, names)
    streams = [s for p, inner, _, _ in ends for s in (t.ping_start(p.caller, inner[1], COUNT, 0.2, 10, inner[0]),
                                                      t.ping_start(p.hub, inner[0], COUNT, 0.2, 10, inner[1]))]
    lost = ["%s: %d of %d" % (r.what, r.lost, r.sent) for r in [s.result() for s in streams] if r.lost]
    expect(not lost, "pings lost: %s", "; ".join(lost))
    after = esp_packets(t, names)
    for p, _, child, child2 in ends:
        for node, c in ((p.caller, child), (p.hub, child2)):
            spis = int(c["spi_out"], 16), int(c["spi_in"], 16)
            moved = tuple(after[node][s] - before[node][s] for s in spis)
            expect(all(2 * COUNT <= n <= 2 * COUNT + 4 for n in moved),
                   "%s: %d pings each way to %s, ESP packets sent and received: %s", node, COUNT,
                   p.hub if node == p.caller else p.caller, moved)
    shortcut_between_profiles(t)
    for n, d in t.lab.state["nodes"].items():  # all end at once; the harness waits for each
        if d["daemon"]:
            t.lab.run(n, ["sh", "-c", "kill $(cat /run/daemon.pid)"], check=True)


def shortcut_between_profiles(t):
    """spoke-two-profiles.conf: spokes talk directly by the profile of their template; it exchanges no configuration."""
    def direct():
        r = t.ping_start("spoke2", "10.43.0.1", 2, 0.2, 2, "10.41.0.1").result()
        return r.received and r.ttls[-1] == 64
    t.wait("spoke2 reaches spoke3 directly", 45, direct)
    sas = [s for s in t.data("spoke2", "crypto", "ikev2", "sa")["ike_sas"] if s["remote_address"] == "203.0.113.33"]
    expect(sas and all(s["profile"] == "TO-SPOKES" and s["remote_id"] == "spoke3.spokes.example.net" for s in sas),
           "the session of the shortcut: %s", sas)
    expect(not any(s["pushed_address"] or s["assigned_address"] for s in sas),
           "addresses were given in spite of the profile: %s", sas)
