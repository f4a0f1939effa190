# SPDX-License-Identifier: Apache-2.0
"""CMake presets: configure when needed, build with progress, keep a log."""
import os
import re
import subprocess
import sys
import threading
import time

from .paths import LabError, REPO

PRESETS = ("dev", "release", "asan", "tsan", "fuzz", "coverage", "clang")
PRODUCT = ("flexvpnd", "flexvpn")


def directory(preset):
    return os.path.join(REPO, "build", preset)


def log_path(preset):
    return os.path.join(REPO, "build", preset + ".log")


def jobs():
    """One compiler a core, fewer where memory is short (the heaviest file takes about 1.2 GB)."""
    with open("/proc/meminfo", encoding="ascii") as f:
        kib = int(re.search(r"MemAvailable:\s+(\d+)", f.read()).group(1))
    return max(1, min(len(os.sched_getaffinity(0)), kib // (1200 * 1024)))


def _run(argv, log, title):
    """Runs with its output in the log and a line of progress now and then."""
    start = time.monotonic()
    state = {"text": title}
    done = threading.Event()

    def heartbeat():
        while not done.wait(10):
            print("    %s (%d s)" % (state["text"], time.monotonic() - start), flush=True)

    print("    %s ..." % title, flush=True)
    threading.Thread(target=heartbeat, daemon=True).start()
    try:
        with open(log, "a", encoding="utf-8") as f:
            f.write("$ %s\n" % " ".join(argv))
            f.flush()
            p = subprocess.Popen(argv, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 errors="replace")
            for line in p.stdout:
                f.write(line)
                f.flush()
                step = re.match(r"\[(\d+)/(\d+)\]", line)
                if step:
                    state["text"] = "%s: %s of %s" % (title, *step.groups())
            return p.wait()
    finally:
        done.set()


def _tail(log):
    with open(log, encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    errors = [i for i, line in enumerate(lines) if re.search(r"\b(error|FAILED|CMake Error)\b", line)]
    return "\n".join(lines[errors[0]:errors[0] + 12] if errors else lines[-12:])


def configure(preset, core_tests=True):
    if preset not in PRESETS:
        raise LabError("no preset '%s'; known: %s" % (preset, ", ".join(PRESETS)))
    os.makedirs(os.path.join(REPO, "build"), exist_ok=True)
    log = log_path(preset)
    with open(log, "w", encoding="utf-8"):
        pass
    if _run(["cmake", "--preset", preset, "-DFLEXVPN_CORE_TESTS=%s" % ("ON" if core_tests else "OFF")], log, "configuring " + preset) != 0:
        print(_tail(log), file=sys.stderr)
        raise LabError("configuring preset %s failed; log: %s" % (preset, log))


def build(preset, targets=(), idle=False, core_tests=True):
    """Builds a preset (all of it, or some targets).  LabError with the log's name on failure.  `idle`: only with the
    processor time nobody else wants (SCHED_IDLE), beside something that is measured.  `core_tests`: with
    the tests that preset asan has as well."""
    configure(preset, core_tests)
    argv = (["chrt", "--idle", "0"] if idle else []) + ["cmake", "--build", directory(preset), "-j", str(jobs())]
    if targets:
        argv += ["--target", *targets]
    log = log_path(preset)
    start = time.monotonic()
    if _run(argv, log, "building " + preset) != 0:
        print(_tail(log), file=sys.stderr)
        raise LabError("building preset %s failed; log: %s" % (preset, log))
    print("    %s is built (%.0f s)" % (preset, time.monotonic() - start), flush=True)
