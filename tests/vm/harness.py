# SPDX-License-Identifier: Apache-2.0
"""What the cases of tests/vm (and other guest lanes) share.

A case is a function taking a Case; it runs in a fresh set of nodes inside the lane's one guest.  Every underlay link
is captured from before the daemons start until after they ended, and at the end of every case the captures are read:
no GRE, no inner packet, no ping payload in clear, at any time.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(REPO, "tools"))
from labkit import esp  # noqa: E402
from labkit.guest import Guest  # noqa: E402
from labkit.lab import Lab  # noqa: E402
from labkit.paths import LabError, RUN_ROOT  # noqa: E402

sys.path.insert(0, HERE)
import clear_text  # noqa: E402

HUB, SPOKE1, SPOKE2 = "198.51.100.2", "203.0.113.2", "203.0.113.6"  # outer addresses of hub-2-spokes
LAN = {"host0": "192.168.100.10", "host1": "192.168.1.10", "host2": "192.168.2.10"}
TTL_VIA_HUB, TTL_DIRECT = 61, 62  # of a reply between host1 and host2: three or two routers on the way
FALLBACK_METRIC = "metric 65000"  # dataplane::kFallbackRouteMetric
MARKER = "f1e8c0de5afe5eed"  # ping's payload pattern, searched for in the captures


CASES = {}


class Failure(Exception):
    """What was expected and what was found."""


class Skip(Exception):
    """Why a case cannot run here."""


def case(topology="hub-2-spokes", edit=None, start=True, timeout=300):
    """Registers a case.  `edit`: function (node, configuration) -> configuration."""
    def register(function):
        CASES[function.__name__] = {"run": function, "topology": topology, "edit": edit, "start": start,
                                    "timeout": timeout, "about": (function.__doc__ or "").strip().split("\n")[0]}
        return function
    return register


def expect(condition, text, *details):
    if not condition:
        raise Failure(text % details if details else text)


def put(t, node, path, text):
    """Writes a file only root can read."""
    t.lab.run(node, ["sh", "-c", 'mkdir -p "$(dirname "$0")" && umask 077 && cat >"$0"', path], stdin=text.encode(), check=True)


class Ping:
    """A running ping; result() waits for its end.  Interval below 0.2 s needs root, which nodes have."""

    def __init__(self, case_, source, target, count, interval, wait=2, address=None):
        self._what = "%s -> %s" % (source, target)
        self._seconds = count * interval + 30
        self._process = case_.lab.popen(
            source, ["ping", "-D", "-n", "-p", MARKER, "-c", str(count), "-i", str(interval), "-W", str(wait),
                     *(["-I", address] if address else []), target],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def stop(self):
        self._process.send_signal(signal.SIGINT)

    def running(self):
        return self._process.poll() is None

    def result(self):
        out, _ = self._process.communicate(timeout=self._seconds)
        return PingResult(self._what, out.decode(errors="replace"))


class PingResult:
    def __init__(self, what, text):
        self.what, self.text = what, text
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        if not counts:
            raise Failure("ping %s said nothing usable: %s" % (what, text.strip()[-300:]))
        self.sent, self.received = int(counts.group(1)), int(counts.group(2))
        self.replies = [(int(seq), int(ttl), float(ms)) for seq, ttl, ms in re.findall(
            r"icmp_seq=(\d+) ttl=(\d+) time=([\d.]+)", text)]

    @property
    def lost(self):
        return self.sent - self.received

    @property
    def ttls(self):
        return [ttl for _, ttl, _ in self.replies]

    def missing(self):
        """Sequence numbers without a reply, for messages."""
        have = {seq for seq, _, _ in self.replies}
        return [n for n in range(1, self.sent + 1) if n not in have][:20]


class Case:
    """The nodes of a running case and the verbs the cases use."""

    def __init__(self, name, guest, log_dir):
        self.name, self.log_dir = name, log_dir
        self.lab = Lab("vm", self.note)
        self.guest = guest
        self._captures = []
        self._start = time.monotonic()

    def note(self, text):
        print("  [%5.1f s] %s" % (time.monotonic() - self._start, text), flush=True)

    # --- waiting: for an event, never for time --------------------------------------------------------------------

    def wait(self, what, seconds, function):
        """Calls `function` until its answer is true and returns it."""
        start = time.monotonic()
        while True:
            answer = function()
            if answer:
                self.note("%s (%.1f s)" % (what, time.monotonic() - start))
                return answer
            if time.monotonic() - start > seconds:
                raise Failure("%s: not within %d s (last answer: %r)" % (what, seconds, answer))
            time.sleep(0.2)  # each question costs a process in an emulated guest

    # --- the product's own commands --------------------------------------------------------------------------------

    def show(self, node, *words):
        r = self.lab.run(node, ["flexvpn", "show", *words])
        if r.returncode != 0:
            raise Failure("%s: 'flexvpn show %s' ended %d: %s" % (node, " ".join(words), r.returncode, r.stderr or r.stdout))
        return r.stdout

    def data(self, node, *words):
        """The JSON of a show command."""
        return json.loads(self.show(node, *words, "--json"))

    def ready(self, node):
        """Number of established IKE SAs of a node; 0 also when the daemon does not answer."""
        r = self.lab.run(node, ["flexvpn", "show", "crypto", "ikev2", "sa"])
        return r.stdout.count("READY") if r.returncode == 0 else 0

    def ike_spis(self, node):
        """The SPIs of a node's IKE SAs."""
        return set(re.findall(r"(?i)(?:local|remote) spi: *([0-9a-f]{16})",
                              self.show(node, "crypto", "ikev2", "sa", "detailed")))

    def sessions(self, seconds=90):
        """Waits until both spokes have their session with the hub and the routes that come with it."""
        self.wait("two sessions on the hub", seconds, lambda: self.ready("hub") >= 2)
        for spoke in ("spoke1", "spoke2"):
            self.wait("session of " + spoke, seconds, lambda n=spoke: self.ready(n) >= 1)
        for lan in ("192.168.1.0/24", "192.168.2.0/24"):
            self.wait("the hub's route to " + lan, 30, lambda p=lan: self.route("hub", p))
        for spoke in ("spoke1", "spoke2"):
            self.wait("%s's route to 192.168.0.0/16" % spoke, 30, lambda n=spoke: self.route(n, "192.168.0.0/16"))

    def route(self, node, prefix):
        """Whether a route to `prefix` leads to somebody: the fallback into the GRE device, where packets without a peer
        are dropped, does not."""
        lines = self.lab.run(node, ["ip", "route", "show", prefix]).stdout.splitlines()
        return any(prefix in x and FALLBACK_METRIC not in x for x in lines)

    def shortcut(self, node, net):
        """Whether `node` has a shortcut to somewhere in `net` ("192.168.2.")."""
        r = self.lab.run(node, ["flexvpn", "show", "ip", "nhrp", "shortcut"])
        return r.returncode == 0 and net in r.stdout

    def make_shortcut(self, seconds=40):
        """Traffic between host1 and host2 until both directions go directly."""
        def both():
            ping = self.ping("host1", "host2", 3, 0.2)
            return ping.received and ping.ttls[-1] == TTL_DIRECT and \
                self.shortcut("spoke1", "192.168.2.") and self.shortcut("spoke2", "192.168.1.")
        self.wait("shortcut between spoke1 and spoke2, both ways", seconds, both)

    # --- traffic ---------------------------------------------------------------------------------------------------

    def ping_start(self, source, target, count, interval=0.2, wait=2, address=None):
        """`address`: the source address, when it is not the one the kernel takes."""
        return Ping(self, source, LAN.get(target, target), count, interval, wait, address)

    def ping(self, source, target, count=5, interval=0.2, wait=2):
        return self.ping_start(source, target, count, interval, wait).result()

    def ping_all(self, source, target, count=5, interval=0.2):
        """Pings, and none may be lost."""
        r = self.ping(source, target, count, interval)
        expect(r.lost == 0, "%s: %d of %d pings lost (%s)", r.what, r.lost, r.sent, r.missing())
        return r

    def reachable(self, source, target, seconds=60):
        return self.wait("%s reaches %s" % (source, target), seconds,
                         lambda: self.ping(source, target, 1, wait=1).received == 1)

    def esp_between(self, node, local, remote):
        return esp.between(self.lab, node, local, remote)

    def esp_total(self, node):
        return esp.total(self.lab, node)

    def esp_states(self, node):
        return esp.states(self.lab, node)

    # --- captures --------------------------------------------------------------------------------------------------

    def start_captures(self):
        """On every link of the nodes that stand for the provider's network, at its side."""
        for link in self.lab.state["links"]:
            for e in link["ends"]:
                kind = self.lab.node(e["node"])["kind"]
                if kind == "router" or kind == "nat":
                    path = os.path.join(self.log_dir, "%s-%s.pcap" % (e["node"], e["if"]))
                    f = open(path, "wb")
                    self._captures.append((self.lab.capture(e["node"], e["if"], f), f, path))

    def end_captures(self):
        for process, _, _ in self._captures:
            process.send_signal(signal.SIGINT)
        paths = []
        for process, f, path in self._captures:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            f.close()
            paths.append(path)
        self._captures = []
        return paths

    def check_captures(self, paths):
        totals = clear_text.Counts()
        for path in paths:
            counts, bad = clear_text.check(path, bytes.fromhex(MARKER))
            totals += counts
            expect(not bad, "in clear on %s: %s", os.path.basename(path), "; ".join(bad[:5]))
        self.note("captures: %s; nothing in clear" % totals)
        return totals

    # --- what a node has -------------------------------------------------------------------------------------------

    def snapshot(self, node):
        """Everything of the kernel that a daemon could leave behind, as comparable lines."""
        script = ("ip -o link | sed 's/@.*//; s/^[0-9]*: //; s/:.*//' | sort | sed 's/^/link /';"
                  "ip -o addr | grep -v ' fe80' | awk '{print \"addr\", $2, $4}' | sort;"
                  "ip -4 route show table all | sed 's/^/route4 /' | sort; "
                  "ip -6 route show table all | grep -v 'fe80\\|ff00\\|multicast\\|anycast' | sed 's/^/route6 /' | sort;"
                  "ip rule | sed 's/^/rule /'; ip xfrm state | sed 's/^/state /'; ip xfrm policy | sed 's/^/policy /';"
                  "for d in $(ip -o link | sed 's/^[0-9]*: //; s/[@:].*//'); do tc qdisc show dev $d | "
                  "grep -v 'noqueue\\|netem' | sed \"s/^/qdisc $d /\"; done; find /sys/fs/bpf -mindepth 1 | sed 's/^/pin /'")
        return self.lab.run(node, ["sh", "-c", script], check=True).stdout.splitlines()

    def bpf_objects(self):
        """Names of BPF maps and programs alive in the guest's kernel."""
        p = self.guest.popen(["bpftool", "-j", "map", "show"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        maps, _ = p.communicate(timeout=30)
        p = self.guest.popen(["bpftool", "-j", "prog", "show"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        programs, _ = p.communicate(timeout=30)
        return sorted(re.findall(rb'"name":"([^"]*)"', maps) + re.findall(rb'"name":"([^"]*)"', programs))

    def log(self, node):
        with open(self.lab.log_path(node), encoding="utf-8", errors="replace") as f:
            return f.read()


def the_guest():
    return Guest(os.path.join(RUN_ROOT, "vm-guest", "guest0"))


def run_case(name, binaries, out_dir):
    """Runs one case; prints its PASS, FAIL or SKIP line; returns the exit status (77 = skipped)."""
    spec = CASES[name]
    guest = the_guest()
    guest.up(progress=lambda t: print("  " + t, flush=True), expose=[binaries])
    log_dir = os.path.join(out_dir, name)
    os.makedirs(log_dir, exist_ok=True)
    for old in os.listdir(log_dir):
        os.unlink(os.path.join(log_dir, old))
    t = Case(name, guest, log_dir)
    print("%s: %s" % (name, spec["about"]), flush=True)
    clear_the_way(t, guest, binaries)
    start, error, verdict = time.monotonic(), None, "PASS"
    try:
        t.lab.up(spec["topology"], into=guest, binaries=binaries, start=False, edit=spec["edit"])
        t.start_captures()
        if spec["start"]:
            for n, d in t.lab.state["nodes"].items():
                if d["daemon"]:
                    t.lab.start(n, seconds=120)
        spec["run"](t)
    except Skip as e:
        verdict, error = "SKIP", e
    except (Failure, LabError, subprocess.TimeoutExpired, OSError) as e:
        verdict, error = "FAIL", e
    try:
        finish(t, verdict)
    except (Failure, LabError, subprocess.TimeoutExpired, OSError) as e:
        if verdict == "PASS":
            verdict, error = "FAIL", e
    seconds = time.monotonic() - start
    if verdict == "SKIP":
        print("SKIP %s: %s" % (name, error), flush=True)
        return 77
    print("%s %s (%.1f s)%s" % (verdict, name, seconds, ": %s\n  logs and captures: %s" % (error, log_dir) if error else ""),
          flush=True)
    return 0 if verdict == "PASS" else 1


def clear_the_way(t, guest, binaries):
    """Removes what a killed case left; a guest that no longer obeys is booted anew."""
    if not t.lab.is_up() and not os.path.isdir(t.lab.base):
        return
    try:
        t.lab.down()
    except LabError as e:
        t.note("the guest is stuck (%s): booting it anew" % e)
        guest.down()
        t.lab.down()
        guest.up(progress=t.note, expose=[binaries])


def finish(t, verdict):
    """Ends daemons and captures, reads the captures, keeps the logs, removes the nodes."""
    try:
        if t.lab.is_up():
            for n, d in t.lab.state["nodes"].items():
                if d["daemon"] and d["pid"]:
                    t.lab.stop(n)
            paths = t.end_captures()
            if verdict == "PASS":
                t.check_captures(paths)
    finally:
        if t.lab.is_up():
            if verdict != "PASS":
                keep_state(t)
            t.lab.save_logs(t.log_dir)
            t.lab.down()


def keep_state(t):
    """What helps to understand a failure, beside the logs."""
    for node, d in t.lab.state["nodes"].items():
        if not d["pid"]:
            continue
        script = ("ip -s link; ip addr; ip route show table all; ip -s xfrm state; ip -s xfrm policy; "
                  "cat /proc/net/xfrm_stat; nstat -a 2>/dev/null | grep -v ' 0 '")
        r = t.lab.run(node, ["sh", "-c", script])
        with open(os.path.join(t.log_dir, node + "-state.txt"), "w", encoding="utf-8") as f:
            f.write(r.stdout + r.stderr)
