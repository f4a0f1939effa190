#!/usr/bin/python3 -ES
# SPDX-License-Identifier: Apache-2.0
"""PID 1 of the guest.

The root file system is the host's, read-only; everything a test may write to is a tmpfs or an overlay.  One Python
process does what a shell script would do with sixty commands: under emulation each command costs a tenth of a second.
Reads params.json beside it, then starts the agent and reaps until the agent ends, then powers off.
"""
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import guest_agent  # noqa: E402  (now: a tmpfs will cover the directory)

LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_BIND = 1, 4096
SYS_FINIT_MODULE = 313  # x86-64
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def say(text):
    print("guest-init: " + text, flush=True)


def mount(source, target, kind, flags=0, options=""):
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        say("mount %s on %s: %s" % (kind or source, target, os.strerror(ctypes.get_errno())))
        return False
    return True


def write(path, text):
    try:
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
    except OSError as e:
        say("%s: %s" % (path, e))


def basic_mounts(share):
    mount("proc", "/proc", "proc")
    mount("sysfs", "/sys", "sysfs")
    if not os.path.ismount("/dev"):
        mount("devtmpfs", "/dev", "devtmpfs")
    for d in ("/dev/pts", "/dev/shm"):
        os.makedirs(d, exist_ok=True)
    mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=666")
    mount("tmpfs", "/dev/shm", "tmpfs")
    for name, to in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        if not os.path.lexists("/dev/" + name):
            os.symlink(to, "/dev/" + name)
    # The host's tree stays reachable below /mnt/host when /run, /tmp and others are covered.
    mount("tmpfs", "/mnt", "tmpfs")
    os.mkdir("/mnt/host")
    mount("/", "/mnt/host", "", MS_BIND)
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777")
    for d in ("/run/root", "/run/lock", share):
        os.makedirs(d)
    mount("share", share, "virtiofs")
    mount("bpf", "/sys/fs/bpf", "bpf")
    mount("debugfs", "/sys/kernel/debug", "debugfs")
    mount("cgroup2", "/sys/fs/cgroup", "cgroup2")


class Modules:
    """Loads modules and what they need, straight with finit_module."""

    def __init__(self, directory):
        self._dir = directory
        self._loaded = set()
        self._path, self._needs = {}, {}
        with open(directory + "/modules.dep", encoding="ascii") as f:
            for line in f:
                path, needs = line.rstrip("\n").split(":")
                name = self._name(path)
                self._path[name], self._needs[name] = path, [self._name(n) for n in needs.split()]

    @staticmethod
    def _name(path):
        return os.path.basename(path).split(".ko")[0].replace("-", "_")

    def load(self, name):
        name = name.replace("-", "_")
        if name in self._loaded or name not in self._path:
            return
        self._loaded.add(name)
        for need in reversed(self._needs[name]):
            self.load(need)
        path = "%s/%s" % (self._dir, self._path[name])
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        flags = 0 if path.endswith(".ko") else 4  # MODULE_INIT_COMPRESSED_FILE
        if LIBC.syscall(SYS_FINIT_MODULE, fd, b"", flags) != 0 and ctypes.get_errno() != 17:
            say("module %s: %s" % (name, os.strerror(ctypes.get_errno())))
        os.close(fd)


def overlays():
    for d in ("etc", "var", "root"):
        if os.path.isdir("/" + d):
            for sub in ("up", "work"):
                os.makedirs("/mnt/over/%s/%s" % (d, sub))
            mount("overlay", "/" + d, "overlay", 0,
                  "lowerdir=/{0},upperdir=/mnt/over/{0}/up,workdir=/mnt/over/{0}/work".format(d))


def later_module_requests(kernel):
    """modprobe, called by hand or by the kernel, finds the modules although /lib/modules may not exist."""
    os.environ["MODPROBE_OPTIONS"] = "-d " + kernel
    with open("/run/modprobe", "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\nMODPROBE_OPTIONS= exec /sbin/modprobe -d "%s" "$@"\n' % kernel)
    os.chmod("/run/modprobe", 0o755)
    write("/proc/sys/kernel/modprobe", "/run/modprobe")
    if os.path.isdir("/lib/modules"):
        mount(kernel + "/lib/modules", "/lib/modules", "", MS_BIND)


def expose(paths):
    for p in paths:
        if not os.path.exists(p) and os.path.exists("/mnt/host" + p):
            os.makedirs(p)
            mount("/mnt/host" + p, p, "", MS_BIND)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        flags = struct.unpack("16sh", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def wires(macs):
    """Virtual wires to other guests end in a device called wire0; a guest with several ends bridges them."""
    names = []
    for mac in macs:
        for n in os.listdir("/sys/class/net"):
            with open("/sys/class/net/%s/address" % n, encoding="ascii") as f:
                if f.read().strip() == mac:
                    names.append(n)
    if not names:
        return
    batch = []
    for i, n in enumerate(names):
        new = "wire0" if len(names) == 1 else "wire0p%d" % i
        batch += ["link set %s down" % n, "link set %s name %s" % (n, new)]
        if len(names) > 1:
            if i == 0:
                batch += ["link add wire0 type bridge", "link set wire0 up"]
            batch += ["link set %s master wire0" % new]
        batch += ["link set %s up" % new]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(batch) + "\n", text=True, check=False)


def reap_until(agent):
    while True:
        try:
            pid, _ = os.wait()
        except ChildProcessError:
            return
        if pid == agent:
            return


def power_off():
    os.sync()
    for key in "ob":
        write("/proc/sysrq-trigger", key)
        time.sleep(3)


def main():
    with open(os.path.join(HERE, "params.json"), encoding="utf-8") as f:
        p = json.load(f)
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME="/run/root",
                      LANG="C.UTF-8", TERM="linux")
    socket.sethostname(p["hostname"])
    basic_mounts(p["share"])
    kernel = "/mnt/host" + p["kernel"]
    modules = Modules("%s/lib/modules/%s" % (kernel, os.uname().release))
    for m in p["modules"]:
        modules.load(m)
    overlays()
    later_module_requests(kernel)
    expose(p["expose"])
    loopback_up()
    wires(p["wires"])
    for c in ("all", "default"):
        write("/proc/sys/net/ipv4/conf/%s/rp_filter" % c, "0")
    write("/proc/sys/net/core/fb_tunnels_only_for_init_net", "1")  # no gre0, ip6tnl0 ... in every node
    write("/proc/sys/kernel/panic_on_oops", "1")
    agent = os.fork()
    if agent == 0:
        guest_agent.main()
        os._exit(0)
    reap_until(agent)
    power_off()


if __name__ == "__main__":
    main()
