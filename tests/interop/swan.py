# SPDX-License-Identifier: Apache-2.0
"""What the interop cases share: one pair of nodes, ours ("hub") and the other maker's ("swan1"), reconfigured case by
case.  Pair is what both peers have in common; StrongSwan (here) and Libreswan (libreswan.py) know their commands."""
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "vm"))
sys.path.insert(0, HERE)
import harness  # noqa: E402
from harness import Failure, expect  # noqa: E402
from labkit.guest import Guest  # noqa: E402
from labkit.lab import Lab  # noqa: E402
from labkit.paths import LabError, RUN_ROOT  # noqa: E402
import configs  # noqa: E402

import json  # noqa: E402

FLEX_NODE, SWAN_NODE = "hub", "swan1"
CASES = {}
PEERS = {}  # first word of the topology's name -> Pair's subclass


def case(topology="strongswan-spoke", timeout=420):
    """Registers a case: a function taking a Pair."""
    def register(function):
        CASES[function.__name__] = {"run": function, "topology": topology, "timeout": timeout,
                                    "about": (function.__doc__ or "").strip().split("\n")[0]}
        return function
    return register


def the_guest():
    return Guest(os.path.join(RUN_ROOT, "interop-guest", "guest0"))


class Pair(harness.Case):
    """The two nodes of a running case."""

    def __init__(self, name, guest, log_dir):
        super().__init__(name, guest, log_dir)
        self.lab = Lab("interop", self.note)
        self._log_start = {}

    # --- set-up ------------------------------------------------------------------------------------------------------

    def prepare(self, topology, binaries):
        """Both daemons run and hold nothing; they are kept from case to case, because starting them is slow."""
        if self.lab.is_up() and not self.lab.state["topology"].endswith("/%s.yaml" % topology):
            self.lab.down()
        if not self.lab.is_up():
            self.lab.up(topology, into=self.guest, binaries=binaries, start=False)
            for node in (FLEX_NODE, SWAN_NODE):
                self.lab.start(node, wait=False)
            for node in (SWAN_NODE, FLEX_NODE):
                self.lab.await_ready(node, 240)
        for node in (FLEX_NODE, SWAN_NODE):
            if self.lab.daemon_pid(node) is None:
                raise LabError("the daemon of %s is gone: %s" % (node, self.lab.last_log_line(node)))

    def configure(self, flex, swan):
        """New configurations for both, our own by SIGHUP; every session of before is ended."""
        self.lab.write_config(FLEX_NODE, "hostname quiet\nend\n")
        self.hup()
        self.wait("no session is left", 40, lambda: not self.ike())
        self.end_peer()
        self.lab.run(SWAN_NODE, ["ip", "link", "del", "gre1"])  # if there is one
        for node in (FLEX_NODE, SWAN_NODE):
            self._log_start[node] = len(super().log(node))
        self.lab.write_config(SWAN_NODE, swan)
        self.load_peer()
        self.lab.write_config(FLEX_NODE, flex)
        self.hup()

    # --- what each peer does its own way ----------------------------------------------------------------------------

    def end_peer(self):
        """Ends the other side's sessions; it may have none."""
        raise NotImplementedError

    def load_peer(self):
        """The other side takes its new configuration."""
        raise NotImplementedError

    def initiate(self, check=True):
        """The other side calls us; returns what it says about it."""
        raise NotImplementedError

    def swan_sas(self):
        """(number of established IKE SAs, number of installed Child SAs, the text) of the other side."""
        raise NotImplementedError

    def rekey_by_peer(self, what):
        """what: "child" or "ike"."""
        raise NotImplementedError

    def delete_by_peer(self, what):
        """what: "child" or "ike"."""
        raise NotImplementedError

    def hup(self):
        before = super().log(FLEX_NODE).count("reload refused")
        self.lab.run(FLEX_NODE, ["sh", "-c", 'kill -HUP $(cat /run/daemon.pid)'], check=True)
        self.show(FLEX_NODE, "version")  # answered by the loop after the signal
        expect(super().log(FLEX_NODE).count("reload refused") == before, "our configuration is refused: %s", self.log(FLEX_NODE)[-600:])

    def log(self, node):
        """What the node's daemon has said since configure()."""
        return super().log(node)[self._log_start.get(node, 0):]

    # --- our side -----------------------------------------------------------------------------------------------------

    def json(self, *words):
        r = self.lab.run(FLEX_NODE, ["flexvpn", "--json", "show", *words])
        if r.returncode != 0:
            raise Failure("'flexvpn --json show %s' ended %d: %s" % (" ".join(words), r.returncode, r.stderr or r.stdout))
        return json.loads(r.stdout)

    def ike(self):
        return self.json("crypto", "ikev2", "sa")["ike_sas"]

    def ipsec(self):
        return self.json("crypto", "ipsec", "sa")["ipsec_sas"]

    def flexvpn(self, *words):
        return self.lab.run(FLEX_NODE, ["flexvpn", *words], check=True).stdout

    def established(self, seconds=60, unlike=None):
        """Waits for one established IKE SA with one Child SA (whose SPI is not `unlike`'s); returns both as rows."""
        def one():
            ike = [s for s in self.ike() if s["status"] == "READY" and (not unlike or s["local_spi"] != unlike["local_spi"])]
            ipsec = self.ipsec() if ike else []
            return (ike[0], ipsec[0]) if len(ike) == 1 and len(ipsec) == 1 else None
        return self.wait("one IKE SA and one Child SA", seconds, one)

    def nothing_left(self, what, seconds=30):
        """No session, SA or route to a peer on our side."""
        self.wait("%s: our side has no SA" % what, seconds, lambda: not self.ike() and not self.ipsec())
        self.wait("%s: the kernel has no SA" % what, 20, lambda: not self.esp_states(FLEX_NODE))
        routes = self.lab.run(FLEX_NODE, ["ip", "route", "show", "proto", "177"]).stdout.splitlines()
        to_a_peer = [x for x in routes if harness.FALLBACK_METRIC not in x]
        expect(not to_a_peer, "%s: our side still routes: %s", what, "; ".join(to_a_peer))

    # --- the other side ------------------------------------------------------------------------------------------------

    def swan_is_empty(self, what):
        self.wait("%s: the other side has no SA" % what, 30, lambda: self.swan_sas()[:2] == (0, 0))

    def swan_gre(self, address, other, local=configs.SWAN, remote=configs.FLEX):
        """The kernel's GRE device on the other side."""
        kind = "ip6gre" if ":" in local else "gre"
        self.lab.run(SWAN_NODE, ["sh", "-c", "ip link del gre1 2>/dev/null; ip link add gre1 type %s local %s remote %s ttl 64 && "
                                 "ip addr add %s dev gre1 && ip link set gre1 up mtu 1380 && ip route replace %s dev gre1 src %s" % (
                                     kind, local, remote, address, other, address.split("/")[0])], check=True)

    # --- traffic --------------------------------------------------------------------------------------------------------

    def both_ways(self, flex, swan, count=10):
        """Pings both ways, none lost, all inside ESP by the counters of both ends."""
        before = self.ipsec()[0], self.esp_total(SWAN_NODE)
        for node, target in ((SWAN_NODE, flex), (FLEX_NODE, swan)):
            r = self.ping(node, target, count, 0.2, wait=5)
            expect(r.lost == 0, "%s: %d of %d pings lost (%s)\n%s", r.what, r.lost, r.sent, r.missing(), r.text[-300:])
        after = self.ipsec()[0], self.esp_total(SWAN_NODE)
        for key in ("packets_in", "packets_out"):
            moved = after[0][key] - before[0][key]
            expect(2 * count <= moved <= 2 * count + 6, "our %s rose by %d, not by %d", key, moved, 2 * count)
        moved = after[1] - before[1]
        expect(4 * count <= moved <= 4 * count + 12, "the other side's SAs counted %d packets, not %d", moved, 4 * count)

    def spis(self):
        """ESP SPIs the kernel of our side has."""
        return {s["spi"] for s in self.esp_states(FLEX_NODE)}


class StrongSwan(Pair):
    """charon-systemd, told by swanctl."""

    def swanctl(self, *words, check=True, seconds=60):
        r = self.lab.run(SWAN_NODE, ["timeout", "-s", "KILL", str(seconds), "swanctl", *words], timeout=seconds + 30)
        if check and r.returncode != 0:
            raise Failure("swanctl %s ended %d: %s" % (" ".join(words), r.returncode, (r.stdout + r.stderr).strip()[-500:]))
        return r.stdout + r.stderr

    def end_peer(self):
        self.swanctl("--terminate", "--ike", "flex", "--force", "--timeout", "5", check=False, seconds=20)

    def load_peer(self):
        self.swanctl("--load-all", "--clear")

    def initiate(self, check=True):
        return self.swanctl("--initiate", "--child", "gre", "--timeout", "50", check=check)

    def swan_sas(self):
        text = self.swanctl("--list-sas")
        return len(re.findall(r"^flex: .*ESTABLISHED", text, re.M)), len(re.findall(r"^  gre: .*INSTALLED", text, re.M)), text

    def rekey_by_peer(self, what):
        self.swanctl("--rekey", "--" + what, "gre" if what == "child" else "flex")

    def delete_by_peer(self, what):
        self.swanctl("--terminate", "--" + what, "gre" if what == "child" else "flex")


PEERS["strongswan"] = StrongSwan


def run_case(name, binaries, out_dir):
    """Runs one case; prints its PASS or FAIL line; returns the exit status."""
    spec = CASES[name]
    guest = the_guest()
    guest.up(progress=lambda t: print("  " + t, flush=True), expose=[binaries])
    log_dir = os.path.join(out_dir, name)
    os.makedirs(log_dir, exist_ok=True)
    t = PEERS[spec["topology"].split("-")[0]](name, guest, log_dir)
    print("%s: %s" % (name, spec["about"]), flush=True)
    start, error = time.monotonic(), None
    try:
        t.prepare(spec["topology"], binaries)
        spec["run"](t)
    except (Failure, LabError, subprocess.TimeoutExpired, OSError) as e:
        error = e
        give_up(t)
    seconds = time.monotonic() - start
    print("%s %s (%.1f s)%s" % ("FAIL" if error else "PASS", name, seconds,
                                ": %s\n  logs: %s" % (error, log_dir) if error else ""), flush=True)
    with open(os.path.join(log_dir, "result.json"), "w", encoding="utf-8") as f:
        json.dump({"case": name, "passed": error is None, "why": str(error) if error else None}, f)
    return 1 if error else 0


def matrix(out_dir):
    """Markdown table of every case and how it ended when it ran last."""
    rows = ["| other side | case | what | result |", "|---|---|---|---|"]
    for name, spec in CASES.items():
        try:
            with open(os.path.join(out_dir, name, "result.json"), encoding="utf-8") as f:
                result = json.load(f)
            text = "passes" if result["passed"] else "fails: " + result["why"].splitlines()[0]
        except OSError:
            text = "not run"
        peer = {"strongswan": "strongSwan", "libreswan": "libreswan"}[spec["topology"].split("-")[0]]
        rows.append("| %s | `%s` | %s | %s |" % (peer, name, spec["about"], text))
    return "\n".join(rows)


def give_up(t):
    """Keeps logs and state of a failed case; the next one starts with fresh nodes."""
    try:
        if t.lab.is_up():
            harness.keep_state(t)
            t.lab.save_logs(t.log_dir)
    except (Failure, LabError, subprocess.TimeoutExpired, OSError) as e:
        t.note("cannot keep the state: %s" % e)
    harness.clear_the_way(t, t.guest, t.lab.state["bin"] if t.lab.is_up() else "/")
