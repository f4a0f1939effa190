#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs cases of the vm lane in one guest.

    run.py --list            names, one a line
    run.py --guest-up        boot the lane's guest (CTest fixture); --guest-down ends it
    run.py CASE...           boots the guest when needed; each case prints PASS, FAIL or SKIP
    run.py --all             boots, runs every case, ends the guest

FLEXVPN_BIN: directory of flexvpnd and flexvpn.  Logs and captures: FLEXVPN_VM_LOGS or build/vm-logs.
"""
import argparse
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402
import cases  # noqa: E402,F401  (registers them)
import examples  # noqa: E402,F401
import shows  # noqa: E402,F401
import tcp  # noqa: E402,F401
from labkit.paths import LabError, bin_dir, need_root  # noqa: E402


def guest_down():
    lab = harness.Lab("vm")
    if os.path.isdir(lab.base):
        lab.down()
    guest = harness.the_guest()
    guest.down()
    shutil.rmtree(os.path.dirname(guest.dir), ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--guest-up", action="store_true")
    parser.add_argument("--guest-down", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    args = parser.parse_args()
    if args.list:
        for name, spec in harness.CASES.items():
            print("%s %d" % (name, spec["timeout"]))
        return 0
    unknown = [c for c in args.cases if c not in harness.CASES]
    if unknown:
        print("no case '%s'; known: %s" % (unknown[0], ", ".join(harness.CASES)), file=sys.stderr)
        return 2
    out = os.environ.get("FLEXVPN_VM_LOGS") or os.path.join(harness.REPO, "build", "vm-logs")
    try:
        need_root("the vm lane")
        if args.guest_down:
            guest_down()
            return 0
        if args.guest_up:
            guest_down()  # a fresh one: an earlier run may have left anything in it
            harness.the_guest().up(progress=lambda text: print(text, flush=True), expose=[bin_dir()])
            return 0
        codes = [harness.run_case(c, bin_dir(), out) for c in (list(harness.CASES) if args.all else args.cases)]
        if args.all:
            guest_down()
            print("%d passed, %d failed, %d skipped" % (codes.count(0), len([c for c in codes if c not in (0, 77)]),
                                                        codes.count(77)))
        failed = [c for c in codes if c not in (0, 77)]
        return failed[0] if failed else 77 if codes and set(codes) == {77} else 0
    except LabError as e:
        print("FAIL: %s" % e, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
