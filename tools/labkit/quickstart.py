# SPDX-License-Identifier: Apache-2.0
"""What tools/quickstart does once the packages are there: build, lab, sessions, first ping, redirect, shortcut, direct
ping, each step shown with its measured time.  Leaves the lab running."""
import argparse
import json
import os
import re
import subprocess
import sys
import time

from . import build, esp
from .lab import Lab
from .paths import LabError, REPO, need_root

TOPOLOGY = "hub-2-spokes"
# ping's replies tell the way: a router on the path takes one off the 64 that host2 sent
TTL_DIRECT = 62  # spoke2, spoke1
PINGS, INTERVAL = 200, 0.1


class Step:
    """Prints what is done and how long it took; names the log and the likely cause when it fails."""
    number = 0

    def __init__(self, results, key, title, log=None, cause=None):
        self.results, self.key, self.title, self.log, self.cause = results, key, title, log, cause

    def __enter__(self):
        Step.number += 1
        print("\n[%d] %s" % (Step.number, self.title), flush=True)
        self.start = time.monotonic()
        return self

    def note(self, text):
        print("    %s" % text, flush=True)

    def show(self, text, limit=30):
        for line in text.rstrip().splitlines()[:limit]:
            print("    | " + line, flush=True)

    def __exit__(self, kind, error, _):
        ms = round((time.monotonic() - self.start) * 1000)
        if error is None:
            self.results["steps"].append({"name": self.key, "ms": ms})
            self.note("done in %s" % ("%d ms" % ms if ms < 10000 else "%.1f s" % (ms / 1000)))
            return False
        if isinstance(error, (LabError, subprocess.CalledProcessError)):
            self.results["failed_step"] = self.key
            print("\nquickstart: step '%s' failed: %s" % (self.title, error), file=sys.stderr)
            log = self.log() if callable(self.log) else self.log
            if log:
                print("quickstart: log: %s" % log, file=sys.stderr)
            if self.cause:
                print("quickstart: likely cause: %s" % self.cause, file=sys.stderr)
        return False


def wait_for(what, seconds, function):
    """Calls `function` until it answers something true; LabError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = function()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise LabError("%s: not within %d s" % (what, seconds))
        time.sleep(0.1)


def ready_sessions(lab, node):
    return lab.run(node, ["flexvpn", "show", "crypto", "ikev2", "sa"]).stdout.count("READY")


class PingStream:
    """A ping that runs on while other things are looked at."""

    def __init__(self, lab, source, target):
        self._process = lab.popen(source, ["ping", "-D", "-n", "-c", str(PINGS), "-i", str(INTERVAL), "-W", "5", target],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def result(self):
        """(list of (seconds since the first reply was sent, ttl, rtt in ms), sent, received)."""
        out, _ = self._process.communicate(timeout=PINGS * INTERVAL + 60)
        text = out.decode(errors="replace")
        replies = [(float(t) - float(rtt) / 1000, int(ttl), float(rtt)) for t, ttl, rtt in re.findall(
            r"^\[([\d.]+)\] \d+ bytes from .* ttl=(\d+) time=([\d.]+) ms", text, re.M)]
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        if not replies or not counts:
            raise LabError("no reply from the other LAN: %s" % text.strip().splitlines()[-1:])
        return [(t - replies[0][0], ttl, rtt) for t, ttl, rtt in replies], int(counts.group(1)), int(counts.group(2))


def steps(args, results):
    lab = Lab("lab", lambda text: print("    " + text, flush=True))
    with Step(results, "build", "building flexvpnd and flexvpn (release)", build.log_path("release"),
              "see the first 'error:' in the log"):
        build.build("release", targets=build.PRODUCT)
    with Step(results, "lab", "starting the lab: hub, two spokes, a LAN behind each",
              lambda: "/tmp/flexvpn-lab-failed-lab", "an earlier lab that was killed (tools/lab clean), or a guest that "
              "cannot boot here (its console log is named above)"):
        if lab.is_up():
            print("    an earlier lab is up: taking it down first", flush=True)
            lab.down()
        lab.up(TOPOLOGY, place=args.place)
        results["place"] = lab.state["place"]

    def log_of(node):
        return lambda: lab.log_path(node)

    with Step(results, "sessions", "IKEv2 sessions of the spokes with the hub", log_of("spoke1"),
              "the keys or identities differ, or UDP 500/4500 does not pass") as step:
        wait_for("two sessions on the hub", 90, lambda: ready_sessions(lab, "hub") >= 2)
        for node in ("spoke1", "spoke2"):
            wait_for("the session of " + node, 30, lambda n=node: ready_sessions(lab, n) >= 1)
        step.show(lab.run("hub", ["flexvpn", "show", "crypto", "ikev2", "sa"]).stdout)
    with Step(results, "routes", "routes learned through IKEv2", log_of("spoke1"),
              "the authorization policy sends no 'route set'") as step:
        wait_for("the hub's route to 192.168.1.0/24", 30, lambda: "192.168.1.0/24" in
                 lab.run("hub", ["ip", "route"]).stdout)
        wait_for("the hub's route to 192.168.2.0/24", 30, lambda: "192.168.2.0/24" in
                 lab.run("hub", ["ip", "route"]).stdout)
        wait_for("the spokes' route to 192.168.0.0/16", 30, lambda: all(
            "192.168.0.0/16" in lab.run(n, ["ip", "route"]).stdout for n in ("spoke1", "spoke2")))
        for node in ("hub", "spoke1"):
            step.note(node + "# show ip route flexvpn")
            step.show(lab.run(node, ["flexvpn", "show", "ip", "route", "flexvpn"]).stdout)
    with Step(results, "pings", "pings from host1 (behind spoke1) to host2 (behind spoke2)", log_of("spoke1"),
              "see the logs of spoke1, hub and spoke2 (tools/lab events)") as step:
        shortcut_and_pings(lab, step, results)
    with Step(results, "direct", "the direct way, proved by the ESP counters of the hub", log_of("spoke1"),
              "the shortcut was lost again") as step:
        prove_direct(lab, step, results)


def shortcut_and_pings(lab, step, results):
    stream = PingStream(lab, "host1", "host2")
    wait_for("the shortcut on spoke1", PINGS * INTERVAL + 30, lambda: "192.168.2." in
             lab.run("spoke1", ["flexvpn", "show", "ip", "nhrp", "shortcut"]).stdout)
    step.note("the hub sent a redirect, spoke1 resolved, a direct tunnel came up:")
    step.note("spoke1# show ip nhrp")
    step.show(lab.run("spoke1", ["flexvpn", "show", "ip", "nhrp"]).stdout)
    step.note("the pings go on (%d in all, %g a second) ..." % (PINGS, 1 / INTERVAL))
    replies, sent, received = stream.result()
    direct = [r for r in replies if r[1] >= TTL_DIRECT]
    results["first_ping_via_hub_ms"] = replies[0][2]
    results["lost"] = sent - received
    if not direct:
        raise LabError("no ping took the direct way (ttl %d)" % TTL_DIRECT)
    results["first_ping_was_via_hub"] = replies[0][1] < TTL_DIRECT
    results["shortcut_ms"] = round(direct[0][0] * 1000, 1)
    step.note("first ping, through the hub:     %8.1f ms (ttl %d)" % (replies[0][2], replies[0][1]))
    step.note("first ping over the shortcut:    %8.1f ms after the first packet (ttl %d)" % (
        results["shortcut_ms"], direct[0][1]))
    step.note("sent %d, received %d, lost %d" % (sent, received, sent - received))
    if sent != received:
        raise LabError("%d pings were lost" % (sent - received))
    if not results["first_ping_was_via_hub"]:
        raise LabError("the first ping did not go through the hub (ttl %d)" % replies[0][1])


def prove_direct(lab, step, results):
    before = esp.total(lab, "hub"), esp.total(lab, "spoke1")
    ping = lab.run("host1", ["ping", "-n", "-c", "20", "-i", "0.2", "host2"], timeout=60)
    after = esp.total(lab, "hub"), esp.total(lab, "spoke1")
    rtt = re.search(r"= [\d.]+/([\d.]+)/", ping.stdout)
    if ping.returncode != 0 or not rtt or " 20 received" not in ping.stdout:
        raise LabError("pings over the shortcut were lost: %s" % ping.stdout.strip()[-200:])
    results["direct_ping_ms"] = float(rtt.group(1))
    results["hub_esp_packets_during_direct"] = after[0] - before[0]
    step.note("20 pings, mean %.1f ms; ESP packets meanwhile: hub %d, spoke1 %d" % (
        results["direct_ping_ms"], after[0] - before[0], after[1] - before[1]))
    if after[0] != before[0]:
        raise LabError("the hub's ESP counters moved by %d" % (after[0] - before[0]))
    if after[1] - before[1] < 40:
        raise LabError("spoke1 counted %d ESP packets for 20 pings" % (after[1] - before[1]))


FAREWELL = """
The lab is running.  Go on with it:
    sudo tools/lab status
    sudo tools/lab exec spoke1 -- flexvpn show ip nhrp
    sudo tools/lab exec hub -- flexvpn show crypto ikev2 sa detailed
    sudo tools/lab exec host1 -- ping host2
    sudo tools/lab capture inet spoke1        what the provider sees: ESP and IKE, nothing else
    sudo tools/lab events                     the logs of all nodes
Take it down: sudo tools/lab down
"""


def main():
    parser = argparse.ArgumentParser(prog="quickstart", description="Hub, two spokes, a shortcut between them: from an "
                                     "empty Debian 12 to a working FlexVPN in one command.")
    parser.add_argument("--json", metavar="FILE", help="write the measurements there")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--host", dest="place", action="store_const", const="host")
    where.add_argument("--guest", dest="place", action="store_const", const="guest")
    parser.add_argument("--install-ms", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    results = {"ok": False, "first_ping_via_hub_ms": None, "shortcut_ms": None, "direct_ping_ms": None, "lost": None,
               "steps": [{"name": "packages", "ms": args.install_ms}]}
    code = 1
    try:
        need_root("quickstart")
        steps(args, results)
        results["ok"] = True
        code = 0
    except (LabError, subprocess.CalledProcessError) as e:
        if "failed_step" not in results:
            print("quickstart: %s" % e, file=sys.stderr)
    except KeyboardInterrupt:
        code = 130
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(results, f, indent=1)
            f.write("\n")
    if code == 0:
        print(FAREWELL)
    print("quickstart: OK" if code == 0 else "quickstart: FAILED", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
