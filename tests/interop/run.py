#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs cases of the interop lane (Debian's strongSwan and libreswan against us) in one guest.

    run.py --list            names and time limits, one a line
    run.py --guest-up        boot the lane's guest (CTest fixture); --guest-down ends it
    run.py CASE...           boots the guest when needed; each case prints PASS or FAIL
    run.py --all             boots, runs every case, ends the guest
    run.py --check-matrix    whether docs/interop.md has a row of every case
    run.py --matrix          writes how each case ended last into docs/interop.md

FLEXVPN_BIN: directory of flexvpnd and flexvpn.  Logs: FLEXVPN_INTEROP_LOGS or build/interop-logs.
"""
import argparse
import os
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import swan  # noqa: E402
import suite  # noqa: E402,F401  (registers its cases)
import certificate_suite  # noqa: E402,F401
import extension_suite  # noqa: E402,F401
import revocation_suite  # noqa: E402,F401
import libreswan_suite  # noqa: E402,F401
import libreswan_extension_suite  # noqa: E402,F401
from labkit.paths import LabError, REPO, bin_dir, need_root  # noqa: E402


def guest_down():
    lab = swan.Lab("interop")
    if os.path.isdir(lab.base):
        lab.down()
    guest = swan.the_guest()
    guest.down()
    shutil.rmtree(os.path.dirname(guest.dir), ignore_errors=True)


def write_matrix(out):
    path = os.path.join(REPO, "docs", "interop.md")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    begin, end = "<!-- begin: tests/interop/run.py --matrix -->\n", "\n<!-- end -->"
    before, rest = text.split(begin)
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + begin + swan.matrix(out) + end + rest.split(end, 1)[1])


def has_strongswan():
    return all(shutil.which(x, path="/usr/sbin:/usr/bin:/sbin:/bin") for x in ("charon-systemd", "swanctl"))


def main():
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--guest-up", action="store_true")
    parser.add_argument("--guest-down", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--check-matrix", action="store_true")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    args = parser.parse_args()
    if args.list:
        for name, spec in swan.CASES.items():
            print("%s %d" % (name, spec["timeout"]))
        return 0
    if args.check_matrix:
        with open(os.path.join(REPO, "docs", "interop.md"), encoding="utf-8") as f:
            text = f.read()
        missing = [c for c in swan.CASES if "| `%s` |" % c not in text]
        if missing:
            print("docs/interop.md has no row of %s: run the lane, then tests/interop/run.py --matrix" % ", ".join(missing))
        return 1 if missing else 0
    unknown = [c for c in args.cases if c not in swan.CASES]
    if unknown:
        print("no case '%s'; known: %s" % (unknown[0], ", ".join(swan.CASES)), file=sys.stderr)
        return 2
    out = os.environ.get("FLEXVPN_INTEROP_LOGS") or os.path.join(REPO, "build", "interop-logs")
    if args.matrix:
        write_matrix(out)
        return 0
    try:
        need_root("the interop lane")
        if args.guest_down:
            guest_down()
            return 0
        if not has_strongswan():
            print("SKIP: charon-systemd or swanctl is not installed; run: sudo tools/install-packages")
            return 77
        if args.guest_up:
            guest_down()  # a fresh one: an earlier run may have left anything in it
            swan.the_guest().up(progress=lambda text: print(text, flush=True), expose=[bin_dir()])
            return 0
        codes = [swan.run_case(c, bin_dir(), out) for c in (list(swan.CASES) if args.all else args.cases)]
        if args.all:
            guest_down()
        if len(codes) > 1:
            print("%d passed, %d failed, 0 skipped" % (codes.count(0), len([c for c in codes if c])))
        return max(codes, default=0)
    except LabError as e:
        print("FAIL: %s" % e, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
