# SPDX-License-Identifier: Apache-2.0
"""How long from a flow's first packet until its packets go over the shortcut, and how many are lost on the way."""
import json
import platform
import re
import statistics
import sys
import time

from .lab import Lab
from .paths import LabError, need_root

SPOKES = {"spoke1": "203.0.113.6", "spoke2": "203.0.113.2"}  # and the other's outer address
TTL_DIRECT = 62
PINGS, INTERVAL = 150, 0.02
LIMITER_SECONDS = 8.5  # the hub sends one indication a (peer, destination) and 8 s


def wait_for(what, seconds, function):
    deadline = time.monotonic() + seconds
    while not function():
        if time.monotonic() > deadline:
            raise LabError("%s: not within %d s" % (what, seconds))
        time.sleep(0.1)


def ready(lab, node):
    return lab.run(node, ["flexvpn", "show", "crypto", "ikev2", "sa"]).stdout.count("READY")


def forget_shortcut(lab):
    """Ends the tunnel between the spokes and what NHRP knows of it."""
    for spoke, other in SPOKES.items():
        lab.run(spoke, ["flexvpn", "clear", "crypto", "ikev2", "sa", "remote", other])
        lab.run(spoke, ["flexvpn", "clear", "ip", "nhrp"])
    for spoke in SPOKES:
        wait_for("%s has only its session with the hub" % spoke, 30, lambda n=spoke: ready(lab, n) == 1)


def one_run(lab):
    """(ms from the first packet to the first reply that came directly, packets lost)."""
    out = lab.run("host1", ["ping", "-D", "-n", "-c", str(PINGS), "-i", str(INTERVAL), "-W", "5", "192.168.2.10"]).stdout
    replies = [(float(at), int(seq), int(ttl), float(ms)) for at, seq, ttl, ms in re.findall(
        r"\[([\d.]+)\].*icmp_seq=(\d+) ttl=(\d+) time=([\d.]+)", out)]
    sent = re.search(r"(\d+) packets transmitted, (\d+) received", out)
    if not replies or not sent:
        raise LabError("ping said nothing usable: %s" % out.strip()[-200:])
    start = replies[0][0] - replies[0][3] / 1000 - (replies[0][1] - 1) * INTERVAL
    direct = [at for at, _, ttl, _ in replies if ttl == TTL_DIRECT]
    return ((direct[0] - start) * 1000 if direct else None, int(sent.group(1)) - int(sent.group(2)))


def main(args):
    need_root("the shortcut benchmark")
    lab = Lab("bench", lambda text: print("bench: %s" % text, file=sys.stderr))
    runs = []
    try:
        lab.up("hub-2-spokes")
        wait_for("two sessions on the hub", 90, lambda: ready(lab, "hub") >= 2)
        wait_for("spoke1 has its routes", 30,
                 lambda: "192.168.0.0/16" in lab.run("spoke1", ["ip", "route"]).stdout)
        one_run(lab)  # warms caches; not counted
        for n in range(args.runs):
            forget_shortcut(lab)
            time.sleep(LIMITER_SECONDS)  # not a wait for an event: the product's own limiter must have run out
            ms, lost = one_run(lab)
            runs.append({"ms": None if ms is None else round(ms, 1), "lost": lost})
            print("bench: run %d of %d: %s, %d lost" % (
                n + 1, args.runs, "no shortcut" if ms is None else "%.0f ms" % ms, lost), file=sys.stderr)
        kernel = lab.run("hub", ["uname", "-r"]).stdout.strip()
    finally:
        lab.down()
    times = sorted(r["ms"] for r in runs if r["ms"] is not None)
    result = {"runs": runs, "count": len(runs), "without_shortcut": len(runs) - len(times),
              "lost": sum(r["lost"] for r in runs), "kernel": kernel, "machine": platform.machine(),
              "median_ms": round(statistics.median(times), 1) if times else None,
              "p99_ms": times[min(len(times) - 1, int(len(times) * 0.99))] if times else None}
    result["ok"] = result["lost"] == 0 and result["without_shortcut"] == 0
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        print("%d runs on Linux %s: median %s ms, p99 %s ms, %d packets lost, %d runs without shortcut" % (
            len(runs), kernel, result["median_ms"], result["p99_ms"], result["lost"], result["without_shortcut"]))
    return 0 if result["ok"] else 1
