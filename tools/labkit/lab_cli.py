# SPDX-License-Identifier: Apache-2.0
"""The command line of tools/lab."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import termios
import time
import tty

from . import lab as lab_module
from .guest import Guest
from .lab import Lab, all_labs
from .paths import LabError, RUN_ROOT, need_root

T0 = time.monotonic()


def say(text):
    print("lab: [%5.1f s] %s" % (time.monotonic() - T0, text), file=sys.stderr, flush=True)


def cmd_up(lab, a):
    lab.up(a.topology, place=a.place, binaries=a.bin, start=not a.no_start)
    say("up.  Try: tools/lab status   tools/lab exec NODE -- CMD   tools/lab down")


def cmd_down(lab, a):
    if not lab.is_up() and not os.path.isdir(lab.base):
        say("no lab is up; nothing to do")
        return 0
    lab.down(keep_logs=a.keep_logs)
    say("down, nothing is left")
    return 0


def cmd_status(lab, a):
    status = lab.status()
    if a.json:
        print(json.dumps(status, indent=2))
        return 0
    print("lab %s: %s, in %s" % (status["name"], status["topology"],
                                 "namespaces of this machine" if status["place"] == "host" else "a guest"))
    for i, g in enumerate(status["guests"]):
        print("  guest %d: %s" % (i, " ".join("%s=%s" % kv for kv in sorted(g.items()) if kv[0] not in ("time", "tries"))))
    for name, n in status["nodes"].items():
        d = n.get("daemon")
        text = "" if not d else "  %s %s  log %s" % (d["name"], "ready" if d["ready"] else "running" if d["running"]
                                                      else "NOT RUNNING", d["log"])
        print("  %-10s %-10s%s%s" % (name, n["kind"], "" if n["alive"] else " DEAD", text))
    return 0


def _passthrough(lab, node, argv, want_tty):
    """Runs with this process's own streams; returns the exit status as a shell would."""
    raw = want_tty and sys.stdin.isatty()
    size = tuple(reversed(shutil.get_terminal_size())) if raw else None
    saved = termios.tcgetattr(0) if raw else None
    if raw:
        tty.setraw(0)
    try:
        p = lab.popen(node, argv, stdin=0, stdout=None, stderr=None, tty=raw, size=size)
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, lambda n, _: p.send_signal(n))
        while True:
            try:
                code = p.wait(0.5)
                break
            except subprocess.TimeoutExpired:
                continue
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)
    if getattr(p, "error", None):
        print("lab: %s" % p.error, file=sys.stderr)
    return code if code >= 0 else 128 - code


def cmd_exec(lab, a):
    argv = a.command[1:] if a.command[:1] == ["--"] else a.command
    if not argv:
        raise LabError("exec: no command; usage: tools/lab exec NODE -- CMD...")
    place = lab.place_of(a.node)
    if place.kind == "host":
        a.tty = False  # the terminal is inherited as it is
    return _passthrough(lab, a.node, argv, a.tty or sys.stdin.isatty() and sys.stdout.isatty())


def cmd_capture(lab, a):
    argv = ["tcpdump", "-i", a.interface, "-n", "-U", "--immediate-mode"]
    if not a.write:
        return _passthrough(lab, a.node, argv + ["-l"] + a.expression, False)
    with open(a.write, "wb") as f:
        p = lab.capture(a.node, a.interface, f, a.expression)
        say("capturing %s:%s into %s; end with Ctrl-C" % (a.node, a.interface, a.write))
        for s in (signal.SIGINT, signal.SIGTERM):
            signal.signal(s, lambda *_: p.send_signal(signal.SIGINT))
        while p.poll() is None:
            time.sleep(0.1)
    return 0


def cmd_events(lab, _):
    """Follows the logs of all nodes, each line with its node's name."""
    files = {}
    while True:
        quiet = True
        for name, node in lab.state["nodes"].items():
            if not node["daemon"]:
                continue
            if name not in files and os.path.exists(lab.log_path(name)):
                files[name] = open(lab.log_path(name), encoding="utf-8", errors="replace")
            line = files[name].readline() if name in files else ""
            while line:
                quiet = False
                print("%-8s %s" % (name, line.rstrip("\n")), flush=True)
                line = files[name].readline()
        if quiet:
            time.sleep(0.2)


def cmd_restart(lab, a):
    lab.restart(a.node, signal.SIGKILL if a.kill else signal.SIGTERM)
    say("%s answers again" % a.node)


def cmd_link(lab, a):
    lab.link(a.node, a.interface, a.state == "up")


def cmd_netem(lab, a):
    lab.netem(a.node, a.interface, a.words)


def cmd_clean(_lab, _a):
    lab_module.clean(say)
    say("clean")


def cmd_guest(_lab, a):
    """A guest without a topology, for trying things by hand."""
    need_root("the guest")
    guest = Guest(os.path.join(RUN_ROOT, "bare", "guest0"))
    if a.action == "up":
        guest.up(progress=say, memory=a.memory)
        return 0
    if a.action == "down":
        guest.down()
        shutil.rmtree(os.path.dirname(guest.dir), ignore_errors=True)
        return 0
    if a.action == "status":
        print(json.dumps(guest.status()))
        return 0
    argv = a.command[1:] if a.command[:1] == ["--"] else a.command
    if not argv:
        raise LabError("guest exec: no command")
    return _passthrough(guest.popen, argv, sys.stdin.isatty() and sys.stdout.isatty())


def parser():
    p = argparse.ArgumentParser(prog="lab", description="Networks of FlexVPN routers, LAN hosts and NAT boxes, from a "
                                "topology file (tests/topologies), on this machine's kernel or in a guest.")
    p.add_argument("--lab", default=os.environ.get("FLEXVPN_LAB", "lab"), help="name, when several run at once")
    sub = p.add_subparsers(dest="cmd", required=True)

    def add(name, function, help_text):
        s = sub.add_parser(name, help=help_text)
        s.set_defaults(run=function)
        return s

    s = add("up", cmd_up, "make the nodes of a topology and start their daemons")
    s.add_argument("topology", help="a YAML file, or the name of one in tests/topologies")
    where = s.add_mutually_exclusive_group()
    where.add_argument("--host", dest="place", action="store_const", const="host", help="namespaces of this machine")
    where.add_argument("--guest", dest="place", action="store_const", const="guest", help="namespaces of a QEMU guest")
    s.add_argument("--bin", help="directory of flexvpnd and flexvpn (default: FLEXVPN_BIN or build/release/bin)")
    s.add_argument("--no-start", action="store_true", help="do not start the daemons")
    s = add("down", cmd_down, "end everything and remove it")
    s.add_argument("--keep-logs", metavar="DIR", help="copy the logs there first")
    s = add("status", cmd_status, "the nodes and their daemons")
    s.add_argument("--json", action="store_true")
    s = add("exec", cmd_exec, "run a command in a node; its exit status is ours")
    s.add_argument("-t", "--tty", action="store_true", help="with a terminal, also when the output is redirected")
    s.add_argument("node")
    s.add_argument("command", nargs=argparse.REMAINDER)
    s = add("capture", cmd_capture, "tcpdump on a node's interface")
    s.add_argument("node")
    s.add_argument("interface")
    s.add_argument("-w", "--write", metavar="FILE", help="pcap file on this machine")
    s.add_argument("expression", nargs="*", help="tcpdump filter")
    add("events", cmd_events, "follow the logs of all nodes")
    s = add("restart", cmd_restart, "end a node's daemon and start it again")
    s.add_argument("node")
    s.add_argument("--kill", action="store_true", help="with SIGKILL, as a crash")
    s = add("link", cmd_link, "cut or mend a link (all packets lost, no carrier change)")
    s.add_argument("node")
    s.add_argument("interface")
    s.add_argument("state", choices=("up", "down"))
    s = add("netem", cmd_netem, "delay, loss and more on what leaves an interface; without words: as the topology says")
    s.add_argument("node")
    s.add_argument("interface")
    s.add_argument("words", nargs="*", metavar="WORD", help="for example: delay 20ms loss 1%%")
    add("clean", cmd_clean, "take all labs down and remove what a killed one left")
    s = add("guest", cmd_guest, "a guest without a topology: up, exec -- CMD, status, down")
    s.add_argument("action", choices=("up", "exec", "status", "down"))
    s.add_argument("--memory", default="2G")
    s.add_argument("command", nargs=argparse.REMAINDER)
    return p


def main():
    a = parser().parse_args()
    lab = Lab(a.lab, say)
    try:
        if a.cmd not in ("up", "down", "clean", "guest"):
            need_root("tools/lab " + a.cmd)
            if not lab.is_up() and all_labs():
                raise LabError("lab '%s' is not up; up are: %s (choose with --lab)" % (a.lab, ", ".join(all_labs())))
        return a.run(lab, a) or 0
    except LabError as e:
        print("lab: %s" % e, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
