#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes and removes the nodes of a topology in the kernel this runs on (the host's or a guest's).

    world.py up DIR      DIR/spec.json is what lab.py wrote; DIR/world.json gets the holders' PIDs
    world.py down DIR

A node is a network namespace (named PREFIX+node in /run/netns), a mount namespace with its own /run,
/var/lib/flexvpn, /etc/swanctl, /sys and bpffs, and a PID namespace: when its holder (PID 1 of it) ends, so does every
process of the node.  Needs only the standard library: it runs in the guest as well.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1, 4096, 16384, 1 << 18, 1 << 19, 1 << 20
MNT_DETACH = 2
PR_SET_NAME = 15
NETNS_DIR = "/run/netns"
FIRST_VLAN = 100


def _check(rc, what):
    if rc != 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (what, os.strerror(ctypes.get_errno())))


def mount(source, target, kind="", flags=0, options=""):
    _check(LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()),
           "mount %s on %s" % (kind or source, target))


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def ip_batch(lines, netns=None):
    argv = ["ip"] + (["-n", netns] if netns else []) + ["-batch", "-"]
    text = "\n".join(lines) + "\n"
    p = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
    if p.returncode != 0:
        raise RuntimeError("ip%s: %s\n%s" % (" -n " + netns if netns else "", p.stderr.strip(), text))


def hold(name, netns, directory, spec, node, report):
    """The holder of a node: never returns.  Runs as a forked child; `report` is a pipe to the parent."""
    os.setsid()
    _check(LIBC.unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET), "unshare")
    pid = os.fork()
    if pid:  # the middle process: tells the PID, then its job is done
        os.write(report, (json.dumps({"pid": pid}) + "\n").encode())
        os._exit(0)
    try:
        private_mounts(directory, spec["bin"], node, spec["libreswan"])
        for key, value in node["sysctl"].items():
            write("/proc/sys/" + key.replace(".", "/"), value)
        os.write(report, b'{"ready": true}\n')
    except OSError as e:
        os.write(report, (json.dumps({"error": "node %s: %s" % (name, e)}) + "\n").encode())
        os._exit(1)
    os.close(report)
    LIBC.prctl(PR_SET_NAME, netns.encode()[:15], 0, 0, 0)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, 256)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigwait({signal.SIGCHLD})


def private_mounts(directory, bin_dir, node, libreswan):
    # slave: what the machine unmounts later must not stay pinned here
    mount("none", "/", "", MS_REC | MS_SLAVE)
    own = os.open(directory, os.O_PATH)
    hosts = os.open(os.path.join(os.path.dirname(os.path.dirname(directory)), "hosts"), os.O_PATH)
    binaries = os.open(bin_dir, os.O_PATH) if os.path.isdir(bin_dir) else None
    mount("sysfs", "/sys", "sysfs")
    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700")
    for name in ("/sys/kernel/debug", "/sys/kernel/tracing"):
        try:
            mount("x", name, "debugfs" if name.endswith("debug") else "tracefs")
        except OSError:
            pass  # for debugging only
    mount("proc", "/proc", "proc")
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    for d in ("/run/node", "/run/bin", "/run/lock"):
        os.mkdir(d)
    # by descriptor: the places themselves are hidden by the new /run
    mount("/proc/self/fd/%d" % own, "/run/node", "", MS_BIND)
    mount("/proc/self/fd/%d" % hosts, "/etc/hosts", "", MS_BIND)
    if binaries is not None:
        mount("/proc/self/fd/%d" % binaries, "/run/bin", "", MS_BIND)
    if os.path.isdir("/var/lib/flexvpn"):
        mount("tmpfs", "/var/lib/flexvpn", "tmpfs", 0, "mode=700")
    if node["kind"] == "strongswan":
        mount("tmpfs", "/etc/swanctl", "tmpfs", 0, "mode=700")
        for d in ("conf.d", "x509", "x509ca", "private", "pkcs8", "ecdsa", "rsa", "bliss", "pubkey", "x509aa", "x509ac",
                  "x509crl", "x509ocsp", "pkcs12"):
            os.mkdir("/etc/swanctl/" + d)
        bind_files({"swanctl.conf": "/etc/swanctl/swanctl.conf", "strongswan.conf": "/etc/strongswan.conf"})
    elif node["kind"] == "libreswan":
        libreswan_mounts(libreswan)


def libreswan_mounts(root):
    """libreswan as unpacked in `root`, over the machine's own tree, with state of its own."""
    for d in ("/usr/libexec", "/usr/sbin"):
        mount("overlay", d, "overlay", MS_RDONLY, "lowerdir=%s%s:%s" % (root, d, d))
    for d in ("/etc/ipsec.d", "/var/lib/ipsec"):
        os.makedirs(d, exist_ok=True)
        mount("tmpfs", d, "tmpfs", 0, "mode=700")
    os.mkdir("/etc/ipsec.d/policies")
    os.mkdir("/var/lib/ipsec/nss", 0o700)
    os.mkdir("/run/pluto", 0o755)
    bind_files({"ipsec.conf": "/etc/ipsec.conf", "ipsec.secrets": "/etc/ipsec.secrets"})


def bind_files(targets):
    for name, target in targets.items():
        if os.path.exists("/run/node/" + name):
            if not os.path.exists(target):
                open(target, "w", encoding="ascii").close()
            mount("/run/node/" + name, target, "", MS_BIND)


def netns_dir():
    """The directory of named namespaces as `ip netns` wants it; True when it was not there before."""
    os.makedirs(NETNS_DIR, mode=0o755, exist_ok=True)
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        if any(line.split()[4] == NETNS_DIR for line in f):
            return False
    mount(NETNS_DIR, NETNS_DIR, "", MS_BIND | MS_REC)
    mount("none", NETNS_DIR, "", MS_SHARED | MS_REC)
    return True


def start_holder(spec, base, name):
    netns = spec["prefix"] + name
    r, w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(r)
        try:
            hold(name, netns, os.path.join(base, "nodes", name), spec, spec["nodes"][name], w)
        finally:
            os._exit(1)
    os.close(w)
    pid = None
    with os.fdopen(r, encoding="utf-8") as report:
        for line in report:
            message = json.loads(line)
            pid = message.get("pid", pid)
            if "error" in message:
                raise RuntimeError(message["error"])
            if "ready" in message:
                break
        else:
            raise RuntimeError("the holder of node %s ended" % name)
    os.waitpid(child, 0)
    path = os.path.join(NETNS_DIR, netns)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0))
    mount("/proc/%d/ns/net" % pid, path, "", MS_BIND)
    return pid


def make_links(spec):
    prefix, here = spec["prefix"], spec["guest"]
    root = []
    per_node = {n: ["link set lo up"] for n in spec["nodes"]}
    tc = {n: [] for n in spec["nodes"]}
    for link in spec["links"]:
        local = [e for e in link["ends"] if e["node"] in spec["nodes"]]
        if len(local) == 2:
            a, b = local
            root.append("link add {} netns {} type veth peer name {} netns {}".format(
                a["if"], prefix + a["node"], b["if"], prefix + b["node"]))
        elif local:  # the other end is in another guest: a VLAN of the wire between them
            a = local[0]
            root.append("link add link wire0 name {} netns {} type vlan id {}".format(
                a["if"], prefix + a["node"], FIRST_VLAN + link["index"]))
        for end in local:
            lines = per_node[end["node"]]
            lines += ["address add %s dev %s%s" % (x, end["if"], " nodad" if ":" in x else "") for x in end["addresses"]]
            mtu = " mtu %s" % link["mtu"] if link["mtu"] else ""
            lines.append("link set %s%s up" % (end["if"], mtu))
            if link["netem"]:
                tc[end["node"]].append("qdisc replace dev %s root netem %s" % (
                    end["if"], " ".join("%s %s" % kv for kv in link["netem"].items())))
    if root:
        ip_batch(root)
    for name, lines in per_node.items():
        node = spec["nodes"][name]
        for interface, addresses in node["addresses"].items():
            lines += ["address add %s dev %s" % (x, interface) for x in addresses]
        lines += ["route add %s via %s" % kv for kv in node["routes"].items()]
        ip_batch(lines, prefix + name)
        if tc[name]:
            subprocess.run(["tc", "-n", prefix + name, "-batch", "-"], input="\n".join(tc[name]) + "\n", text=True, check=True)
    return here


def make_nat(spec, name, node):
    rules = ["table ip nat {",
             " chain pre { type nat hook prerouting priority dstnat;"]
    for service, target in node["forward"].items():
        proto, port = service.split("/")
        rules.append('  iifname "%s" %s dport %s dnat to %s' % (node["outside"], proto, port, target))
    rules += [" }", " chain post { type nat hook postrouting priority srcnat;",
              '  oifname "%s" masquerade' % node["outside"], " }", "}",
              "table ip filter {", " chain forward { type filter hook forward priority filter;",
              "  ct state established,related accept", "  ct status dnat accept",
              '  iifname "%s" counter drop' % node["outside"], " }", "}"]
    subprocess.run(["nsenter", "--net=" + os.path.join(NETNS_DIR, spec["prefix"] + name), "nft", "-f", "-"],
                   input="\n".join(rules) + "\n", text=True, check=True)


def up(base):
    with open(os.path.join(base, "spec.json"), encoding="utf-8") as f:
        spec = json.load(f)
    world = {"pids": {}, "made_state_dir": False, "made_netns_dir": False}
    if not os.path.isdir("/var/lib/flexvpn"):
        os.makedirs("/var/lib/flexvpn", mode=0o700)
        world["made_state_dir"] = True
    world["made_netns_dir"] = netns_dir()

    def save():
        with open(os.path.join(base, "world.json"), "w", encoding="utf-8") as f:
            json.dump(world, f)

    save()
    for name in spec["nodes"]:
        world["pids"][name] = start_holder(spec, base, name)
        save()
    make_links(spec)
    for name, node in spec["nodes"].items():
        if node["kind"] == "nat":
            make_nat(spec, name, node)


def down(base):
    """Removes what up() made, also after it failed half way.  Says what it could not remove."""
    left = []
    try:
        with open(os.path.join(base, "spec.json"), encoding="utf-8") as f:
            spec = json.load(f)
        with open(os.path.join(base, "world.json"), encoding="utf-8") as f:
            world = json.load(f)
    except OSError:
        return left
    for name, pid in world["pids"].items():
        if is_holder(pid, spec["prefix"] + name):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    for name, pid in world["pids"].items():
        while is_holder(pid, spec["prefix"] + name):
            if time.monotonic() > deadline:
                left.append("process %d of node %s" % (pid, name))
                break
            time.sleep(0.02)
    for name in spec["nodes"]:
        remove_netns(spec["prefix"] + name)
    if world["made_netns_dir"] and not os.listdir(NETNS_DIR):
        LIBC.umount2(NETNS_DIR.encode(), MNT_DETACH)
        os.rmdir(NETNS_DIR)
    if world["made_state_dir"]:
        try:
            os.rmdir("/var/lib/flexvpn")
        except OSError as e:
            left.append(str(e))
    return left


def is_holder(pid, netns):
    """Whether `pid` is (still) the holder of namespace `netns`, by the name it gave itself."""
    try:
        with open("/proc/%d/comm" % pid, encoding="ascii") as f:
            if f.read().strip() != netns[:15]:
                return False
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def remove_netns(netns):
    path = os.path.join(NETNS_DIR, netns)
    if os.path.exists(path):
        LIBC.umount2(path.encode(), MNT_DETACH)
        os.unlink(path)


def main():
    command, base = sys.argv[1:3]
    if command == "down":
        left = down(base)
        for line in left:
            print("left behind: " + line, file=sys.stderr)
        return 1 if left else 0
    try:
        up(base)
        return 0
    except (OSError, RuntimeError, subprocess.CalledProcessError) as e:
        print(e, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
