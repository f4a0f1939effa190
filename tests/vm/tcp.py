# SPDX-License-Identifier: Apache-2.0
"""IKE and ESP in TCP (RFC 9329) on a real kernel datapath."""
import re
import signal

from harness import HUB, SPOKE1, SPOKE2, Failure, case, expect

# What passes the provider's router from and to spoke1: TCP and what belongs to it.
ONLY_TCP = ("table ip only_tcp { chain c { type filter hook forward priority 0; "
            "ip saddr %s ip protocol { udp, esp } drop; ip daddr %s ip protocol { udp, esp } drop; }; }" % (SPOKE1, SPOKE1))


def tcp_allowed(node, text):
    if node == "hub":
        return text.replace("crypto ikev2 keyring", "crypto ikev2 tcp-encapsulation\n!\ncrypto ikev2 keyring", 1)
    return text.replace(" dpd 10 2 periodic\n", " dpd 10 2 periodic\n tcp-encapsulation fallback\n")


@case(edit=tcp_allowed, start=False, timeout=420)
def tcp_encapsulation(t):
    """spoke1's network drops UDP and ESP: IKE and ESP go in TCP, survive a rekey and a broken connection; others keep UDP."""
    before = t.snapshot("spoke1")
    t.lab.run("inet", ["nft", ONLY_TCP], check=True)
    for node in ("hub", "spoke2", "spoke1"):
        t.lab.start(node, seconds=120)
    t.sessions()
    expect("no answer from %s in UDP, trying TCP port 4500" % HUB in t.log("spoke1"), "spoke1 does not say that it turns to TCP")

    def in_tcp(node):
        return t.show(node, "crypto", "ikev2", "sa", "detailed").count("IKE and ESP go in TCP")
    expect((in_tcp("spoke1"), in_tcp("hub"), in_tcp("spoke2")) == (1, 1, 0), "IKE SAs in TCP at spoke1, hub, spoke2: %d, %d, %d",
           in_tcp("spoke1"), in_tcp("hub"), in_tcp("spoke2"))
    t.ping_all("host1", "host0", 20)
    t.ping_all("host0", "host1", 20)
    r = t.ping("host1", "host2", 60, 0.1)
    expect(r.lost == 0, "%d of %d pings from TCP to UDP lost: %s", r.lost, r.sent, r.missing())
    t.wait("spoke1 has its one session only", 10, lambda: t.ready("spoke1") == 1 and len(t.ike_spis("spoke1")) == 2)
    large = t.lab.run("host1", ["ping", "-n", "-M", "do", "-s", "1300", "-c", "5", "-i", "0.2", "192.168.100.10"])
    expect(" 0% packet loss" in large.stdout, "packets of 1328 octets do not pass: %s", large.stdout)

    stream = t.ping_start("host1", "host0", 400, 0.05)
    for what in ("ipsec", "ikev2"):
        old = {s["spi"] for s in t.esp_states("spoke1")} if what == "ipsec" else t.ike_spis("spoke1")
        t.lab.run("spoke1", ["flexvpn", "rekey", "crypto", what, "sa"], check=True)

        def replaced(w=what, was=old):
            now = {s["spi"] for s in t.esp_states("spoke1")} if w == "ipsec" else t.ike_spis("spoke1")
            return now and not now & was
        t.wait("%s SAs of spoke1 are new" % what, 45, replaced)
    r = stream.result()
    expect(r.lost == 0, "%d of %d pings lost over rekeys in TCP: %s", r.lost, r.sent, r.missing())

    sessions = t.ike_spis("spoke1")
    port = the_connection(t)
    t.lab.run("hub", ["ss", "-K", "dst", SPOKE1, "sport", "=", ":4500"], check=True)
    t.reachable("host1", "host0", 15)
    t.reachable("host0", "host1", 5)
    expect(the_connection(t) != port, "the connection was not cut")
    expect(t.ike_spis("spoke1") == sessions, "the session did not survive a broken connection")
    t.ping_all("host1", "host0", 20)

    drops = t.show("hub", "dataplane", "drops")
    t.note("hub's counters of TCP: %s" % "; ".join(re.sub(r"\s+", " ", line.strip()) for line in drops.splitlines() if "tcp" in line))
    t.lab.stop("spoke1", signal.SIGTERM)
    after = t.snapshot("spoke1")
    expect(after == before, "something stays at spoke1: %s", set(before) ^ set(after))
    t.wait("the hub knows that spoke1 is gone", 20, lambda: SPOKE1 not in t.show("hub", "crypto", "ikev2", "sa"))
    t.wait("its connection is closed", 90, lambda: SPOKE1 not in established(t))
    t.ping_all("host2", "host0", 5)


def established(t):
    return t.lab.run("hub", ["ss", "-Htn", "state", "established", "sport", "=", ":4500"], check=True).stdout


def the_connection(t):
    """spoke1's port of it, as the hub sees it."""
    found = re.findall(re.escape(SPOKE1) + r":(\d+)", established(t))
    if len(found) != 1:
        raise Failure("one connection of spoke1 expected at the hub, found %s" % found)
    expect(SPOKE2 not in established(t), "spoke2 is in TCP, too")
    return found[0]
