# SPDX-License-Identifier: Apache-2.0
"""What tools/test does once the packages are there: builds, runs each lane through CTest, counts.

A lane is a CTest label; the lane "asan" is the labels unit, fuzz and sim, built with the address and undefined-behaviour
sanitizers.  Together with it the lane "unit" has only what needs more than the core, and "fuzz" nothing.  The lane "fuzz" asked
for by name runs each libFuzzer target for a minute as well, the lane "sim" ten thousand seeds of the IKE engine.  A GoogleTest binary counts as the cases it ran, every other test as one.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

from . import build
from .paths import REPO, LabError

LANES = ("layers", "unit", "fuzz", "sim", "bpf", "vm", "interop", "asan")
NEEDS_ROOT = {"bpf", "vm", "interop"}
ONE_AT_A_TIME = {"sim", "bpf", "vm", "interop"}  # their tests measure time or share one guest
GUESTS = ("vm", "interop")  # at the same time: each has a guest of its own, which waits a third of the time
EMULATED = {"vm", "interop"}  # a guest without KVM may stall for seconds: a second try is granted, and visible
ASAN_LABELS = "^(unit|fuzz|sim)$"
T0 = time.monotonic()


def say(text):
    print("test: [%4d s] %s" % (time.monotonic() - T0, text), flush=True)


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = []  # (name, why)
        self.failures = []

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    @property
    def total(self):
        return self.passed + self.failed + len(self.skipped)


def gtest_reason(case, output):
    """The first lines of what a failed case said, on one line after ": "; empty when it said nothing."""
    block = re.search(r"^\[ RUN      \] %s\n(.*?)^\[  FAILED  \] " % re.escape(case), output, re.M | re.S)
    lines = [line.strip() for line in block.group(1).splitlines() if line.strip()] if block else []
    return ": " + " | ".join(lines[:4])[:400] if lines else ""


def gtest_counts(name, output):
    """Tally of one GoogleTest binary's output, or None when it is not one or did not end properly."""
    ran = re.search(r"^\[==========\] (\d+) tests? from .* ran\.", output, re.M)
    if not ran:
        return None
    t = Tally()
    failed = [f for f in sorted(set(re.findall(r"^\[  FAILED  \] ([\w/.]+)(?:,.*)?$", output, re.M))) if "." in f]
    t.failures = ["%s: %s%s" % (name, f, gtest_reason(f, output)) for f in failed]
    t.failed = len(t.failures)
    for block in re.finditer(r"^\[ RUN      \] (\S+)\n(.*?)^\[  SKIPPED \] \1 ", output, re.M | re.S):
        why = block.group(2).strip().splitlines()
        t.skipped.append(("%s: %s" % (name, block.group(1)), why[-1] if why else "no reason given"))
    t.passed = int(ran.group(1)) - t.failed - len(t.skipped)
    return t


def why_failed(case, output):
    """The line in which a failed test names its reason; else its last line, else what CTest says of it."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"FAIL|Traceback|.*\berror:", line)]
    failure = case.find("failure")
    said = failure.get("message", "") if failure is not None else ""
    return (named or lines or [said or case.get("status")])[-1][:600]


def read_junit(path):
    tally = Tally()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        counts = gtest_counts(name, output)
        if counts and (status == "run") == (counts.failed == 0):
            tally.add(counts)
        elif status == "run":
            tally.passed += 1
        elif status in ("notrun", "disabled") and case.find("failure") is None:
            skipped = case.find("skipped")
            reason = [line for line in output.strip().splitlines() if line.lower().startswith("skip")]
            why = reason[-1] if reason else skipped.get("message", "") if skipped is not None else status
            tally.skipped.append((name, why or status))
        else:
            tally.failed += 1
            tally.failures.append("%s: %s" % (name, why_failed(case, output)))
    return tally


def run_ctest(lane, preset, labels, jobs, environment, before=()):
    """Runs the tests of a lane, showing each; returns the tally and whether CTest itself was content.  `before`: words before
    the command."""
    directory = build.directory(preset)
    junit = os.path.join(directory, "junit-%s.xml" % lane)
    log = os.path.join(directory, "test-%s.log" % lane)
    if os.path.exists(junit):
        os.unlink(junit)
    argv = [*before, "ctest", "--test-dir", directory, "-L", labels, "-j", str(jobs), "--output-junit", junit,
            "--output-on-failure", "--test-output-size-passed", "4000000", "--test-output-size-failed", "4000000",
            "--stop-time", time.strftime("%H:%M:%S", time.localtime(time.time() + 3900))]
    if lane in EMULATED:
        argv += ["--repeat", "until-pass:2"]  # each try is shown
    with open(log, "w", encoding="utf-8") as f:
        p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                             env=dict(os.environ, **environment))
        shown = 0
        for line in p.stdout:
            f.write(line)
            f.flush()
            done = re.match(r"\s*(\d+)/(\d+) Test +#\d+: (\S+) [.*]*\s*(.*?)\s+([\d.]+) sec", line)
            if done:
                say("  %-9s %s/%s %-44s %s (%s s)" % (lane, *done.groups()))
                shown = 0
            elif re.match(r"\s+Start +\d+: ", line) and lane in ONE_AT_A_TIME:
                say("  %-9s running %s" % (lane, line.split(":", 1)[1].strip()))
            elif "Failed" in line or re.search(r"FAIL|Failure|ERROR|error:", line):
                shown += 1
                if shown <= 20:
                    print("    " + line.rstrip(), flush=True)
        code = p.wait()
    tally = read_junit(junit) if os.path.exists(junit) else Tally()
    return tally, code, log


def run_lane(lane, step):
    """`step`: the lanes that run at the same time."""
    guests = [x for x in step if x in GUESTS]
    if lane in NEEDS_ROOT and os.geteuid() != 0:
        raise LabError("lane %s needs root (BPF, network namespaces, the guest); run: sudo tools/test" % lane)
    preset, labels, environment, before = "release", "^%s$" % lane, {}, []
    jobs = 1 if lane in ONE_AT_A_TIME else build.jobs()
    if lane == "asan":
        say("building preset asan%s" % (" with what the guests leave" if guests else ""))
        build.build("asan", idle=bool(guests))
        if guests:
            jobs, before = 1, ["nice", "-n", "10"]
        preset, labels = "asan", ASAN_LABELS
        environment = {"FLEXVPN_SIM_SMALL": "1", "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
                       "UBSAN_OPTIONS": "print_stacktrace=1"}
    if lane in GUESTS and len(guests) > 1 and len(os.sched_getaffinity(0)) < 2 * len(guests):
        environment["FLEXVPN_GUEST_CPUS"] = "1"  # one that waits for a lock must not take the processor of the one who has it
    say("lane %s" % lane)
    start = time.monotonic()
    tally, code, log = run_ctest(lane, preset, labels, jobs, environment, before)
    if code != 0 and tally.failed == 0 and tally.total:
        tally.failed += 1
        tally.failures.append("%s: ctest ended %d" % (lane, code))
    say("lane %s: %d passed, %d failed, %d skipped in %d s%s" % (
        lane, tally.passed, tally.failed, len(tally.skipped), time.monotonic() - start,
        "; log: " + log if tally.failed else ""))
    return tally


def run_fuzzers():
    """Every libFuzzer target for a minute (tools/dev fuzz, clang): what the lane "fuzz" does when it is asked for by name."""
    say("lane fuzz: every libFuzzer target for 60 s")
    tally, start = Tally(), time.monotonic()
    p = subprocess.Popen([sys.executable, "-B", os.path.join(REPO, "tools", "dev"), "fuzz", "--time", "60"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in p.stdout:
        print("    " + line.strip(), flush=True)
        done = re.match(r"dev: (fuzz_\S+) +(ok|FAILED)", line)
        if done and done.group(2) == "ok":
            tally.passed += 1
        elif done:
            tally.failed += 1
            tally.failures.append(line.strip())
    if p.wait() != 0 and not tally.failed:
        tally.failed += 1
        tally.failures.append("tools/dev fuzz ended %d" % p.returncode)
    say("lane fuzz: %d targets passed, %d failed in %d s" % (tally.passed, tally.failed, time.monotonic() - start))
    return tally


def run_seeds():
    """Ten thousand seeds of the IKE engine's simulation: what the lane "sim" does beside its tests when asked for by name."""
    say("lane sim: 10,000 seeds of the IKE engine")
    tally, start = Tally(), time.monotonic()
    p = subprocess.run([sys.executable, "-B", os.path.join(REPO, "tools", "dev"), "sim", "--seeds", "10000"], check=False)
    tally.passed, tally.failed = int(p.returncode == 0), int(p.returncode != 0)
    if p.returncode != 0:
        tally.failures.append("tools/dev sim --seeds 10000 ended %d; its output above names the seed" % p.returncode)
    say("lane sim: 10,000 seeds %s in %d s" % ("hold" if tally.passed else "FAILED", time.monotonic() - start))
    return tally


def in_steps(lanes):
    """The lanes in order, each step a list of those that run at the same time."""
    guests = [lane for lane in lanes if lane in GUESTS]
    beside = guests + [lane for lane in lanes if lane == "asan" and guests]
    return [[lane] for lane in lanes if lane not in beside] + ([beside] if beside else [])


def run_step(step):
    """Runs lanes at the same time; returns [(lane, tally, seconds)]."""
    def run(lane):
        start = time.monotonic()
        try:
            tally = run_lane(lane, step)
        except (LabError, OSError, subprocess.SubprocessError) as e:  # what the others found counts all the same
            tally = Tally()
            tally.failed, tally.failures = 1, ["%s: %s" % (lane, e)]
        return lane, tally, round(time.monotonic() - start, 1)
    with concurrent.futures.ThreadPoolExecutor(len(step)) as pool:
        return [f.result() for f in [pool.submit(run, lane) for lane in step]]


def build_for(lanes):
    """The release build.  What the asan lane runs anyway is built and run there alone."""
    if set(lanes) - {"asan"}:
        say("building preset release")
        build.build("release", core_tests="asan" not in lanes)


def main():
    parser = argparse.ArgumentParser(prog="test", description="Installs, builds and runs the tests.")
    parser.add_argument("--lane", action="append", choices=LANES, help="only this lane (repeatable); default: all")
    parser.add_argument("--json", metavar="FILE", help="write the counts and times there")
    args = parser.parse_args()
    lanes = args.lane or list(LANES)
    if "asan" in lanes:
        lanes = [lane for lane in lanes if lane != "fuzz"]
    total, report = Tally(), {"lanes": {}}
    try:
        for lane in lanes:
            if lane in NEEDS_ROOT and os.geteuid() != 0:
                raise LabError("lane %s needs root (BPF, network namespaces, the guest); run: sudo tools/test" % lane)
        build_for(lanes)
        for step in in_steps(lanes):
            for lane, tally, seconds in run_step(step):
                if tally.total == 0:
                    if args.lane:
                        tally.failed += 1
                        tally.failures.append("%s: no test ran" % lane)
                    else:
                        tally.skipped.append(("lane " + lane, "no test is registered with this label"))
                total.add(tally)
                report["lanes"][lane] = {"passed": tally.passed, "failed": tally.failed, "skipped": len(tally.skipped),
                                         "seconds": seconds}
        if "sim" in (args.lane or []):
            many = run_seeds()
            total.add(many)
            report["seeds"] = {"passed": many.passed, "failed": many.failed}
        if "fuzz" in (args.lane or []):
            fuzzers = run_fuzzers()
            total.add(fuzzers)
            report["fuzzers"] = {"passed": fuzzers.passed, "failed": fuzzers.failed}
    except LabError as e:
        say(str(e))
        total.failed += 1
        total.failures.append(str(e))
    if total.passed + total.failed == 0:
        total.failed += 1
        total.failures.append("no test ran at all")
    for name, why in total.skipped:
        print("skipped: %s: %s" % (name, why))
    for f in total.failures:
        print("failed: %s" % f)
    report.update(passed=total.passed, failed=total.failed, skipped=len(total.skipped),
                  seconds=round(time.monotonic() - T0, 1))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(report, f, indent=1)
            f.write("\n")
    print("%d passed, %d failed, %d skipped" % (total.passed, total.failed, len(total.skipped)), flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
