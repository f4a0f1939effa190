# SPDX-License-Identifier: Apache-2.0
"""Where things are: the repository, run-time state, the cache, the binaries."""
import os

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN_ROOT = os.environ.get("FLEXVPN_LAB_RUN", "/run/flexvpn-lab")
CONFIG_TOPOLOGIES = os.path.join(REPO, "tests", "topologies")


class LabError(Exception):
    """What the user is told: one sentence that names the cause and, where there is one, the log."""


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or "/var/cache"
    return os.path.join(base, "flexvpn-lab")


def bin_dir(argument=None):
    """Directory of flexvpnd and flexvpn: the argument, FLEXVPN_BIN, or the release build's."""
    return os.path.abspath(argument or os.environ.get("FLEXVPN_BIN") or os.path.join(REPO, "build", "release", "bin"))


def guest_kernel():
    """Newest unpacked guest kernel: (directory, release).  LabError when there is none."""
    base = os.path.join(cache_root(), "kernel")
    found = []
    try:
        names = os.listdir(base)
    except OSError:
        names = []
    for name in names:
        if os.path.exists(os.path.join(base, name, "complete")):
            key = [int(p) if p.isdigit() else 0 for p in name.split("+")[0].split("-")[0].split(".")]
            found.append((key, name))
    if not found:
        raise LabError("no guest kernel in %s; run: sudo tools/install-packages" % base)
    name = max(found)[1]
    return os.path.join(base, name), name


def need_root(what):
    if os.geteuid() != 0:
        raise LabError("%s needs root (network namespaces, mounts); run it with sudo" % what)
