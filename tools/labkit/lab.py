# SPDX-License-Identifier: Apache-2.0
"""A lab: the nodes of a topology, on this machine's kernel or in guests, and what one does with them.

    lab = Lab("demo")
    lab.up("hub-2-spokes", place="guest")
    lab.run("spoke1", ["flexvpn", "show", "ip", "nhrp"]).stdout
    lab.down()

State is in RUN_ROOT/<name>/ (mode 0700); logs of the nodes in log_path(node).
"""
import contextlib
import fcntl
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from . import topology, world
from .daemons import DAEMONS, OF_KIND, libreswan_root
from .guest import Guest
from .paths import LabError, REPO, RUN_ROOT, bin_dir, need_root

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = "/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BINARIES = ("flexvpnd", "flexvpn")


class Result:
    """Of Lab.run: returncode, stdout, stderr (text)."""

    def __init__(self, argv, returncode, stdout, stderr):
        self.argv, self.returncode = argv, returncode
        self.stdout, self.stderr = stdout, stderr

    def __repr__(self):
        return "Result(%s, rc=%s, stdout=%r, stderr=%r)" % (self.argv, self.returncode, self.stdout, self.stderr)


class HostPlace:
    """Nodes in namespaces of this machine."""
    kind = "host"

    def __init__(self, base, _name):
        self.world_here = self.world_there = os.path.join(base, "world")

    def popen(self, argv, **kw):
        kw.pop("size", None)
        kw.pop("tty", None)
        kw.setdefault("stdin", subprocess.DEVNULL)
        env = kw.pop("env", None)
        return subprocess.Popen(argv, env=dict(os.environ, **env) if env else None, **kw)


class GuestPlace:
    """Nodes in namespaces of a guest."""
    kind = "guest"

    def __init__(self, guest, world_name):
        self.guest = guest
        self.world_here = guest.path("share", world_name)
        self.world_there = os.path.join(RUN_ROOT, world_name)

    def popen(self, argv, **kw):
        return self.guest.popen(argv, **kw)


def host_kernel_ok():
    """Whether kernel-config/check finds what the product and the lab need in this machine's kernel."""
    p = subprocess.run([sys.executable, os.path.join(REPO, "kernel-config", "check"), "--json"],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if p.returncode != 0:
        return False
    return all(f["state"] != "no" for f in json.loads(p.stdout)["features"] if f["name"] in ("veth", "netem", "nft-nat"))


class Lab:
    def __init__(self, name="lab", progress=None):
        self.name = name
        self.base = os.path.join(RUN_ROOT, name)
        self.prefix = "fv-" if name == "lab" else "fv-%s-" % name
        self.progress = progress or (lambda text: None)
        self._state = None
        self._places = None

    # --- state ---------------------------------------------------------------------------------------------------

    @property
    def state(self):
        if self._state is None:
            try:
                with open(os.path.join(self.base, "state.json"), encoding="utf-8") as f:
                    self._state = json.load(f)
            except FileNotFoundError:
                raise LabError("no lab is up; start one: tools/lab up hub-2-spokes") from None
            except PermissionError:
                need_root("the lab")
                raise
        return self._state

    def is_up(self):
        return os.path.exists(os.path.join(self.base, "state.json"))

    def _save(self, state):
        self._state = state
        with open(os.path.join(self.base, "state.json.new"), "w", encoding="utf-8") as f:
            json.dump(state, f, indent=1)
        os.rename(os.path.join(self.base, "state.json.new"), os.path.join(self.base, "state.json"))

    @property
    def places(self):
        if self._places is None:
            if self.state["place"] == "host":
                self._places = [HostPlace(self.base, self.name)]
            else:
                self._places = [GuestPlace(g, self.state["world"]) for g in self.guests()]
        return self._places

    def guests(self):
        return [Guest(d) for d in self.state["guest_dirs"]]

    def node(self, name):
        try:
            return self.state["nodes"][name]
        except KeyError:
            raise LabError("no node '%s'; nodes: %s" % (name, ", ".join(self.state["nodes"]))) from None

    def place_of(self, name):
        return self.places[self.node(name)["guest"]]

    def log_path(self, name):
        """The log of a node's daemon, readable on this machine in both kinds of place."""
        return os.path.join(self.place_of(name).world_here, "logs", name + ".log")

    @contextlib.contextmanager
    def locked(self):
        os.makedirs(RUN_ROOT, mode=0o700, exist_ok=True)
        with open(os.path.join(RUN_ROOT, ".%s.lock" % self.name), "w", encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield

    # --- up and down -----------------------------------------------------------------------------------------------

    def up(self, topo, place=None, binaries=None, start=True, into=None, edit=None, **guest_options):
        """Makes the lab; `topo`: a file or a name of tests/topologies.  place: "host", "guest" or None = what fits.
        `into`: a guest that is up already and stays up after down().  `edit`: function (node, configuration text) ->
        text, applied before anything starts."""
        need_root("the lab")
        topo_path = topology.find(topo)
        spec = topology.load(topo_path)
        for name, node in spec["nodes"].items():
            if edit and node["config"]:
                node["config"] = edit(name, node["config"])
        place = "guest" if into else place
        with self.locked():
            if self.is_up():
                if self.state.get("complete") and self.state["topology"] == topo_path:
                    self.progress("the lab is up already; nothing to do (restart it: tools/lab down, then up)")
                    return
                raise LabError("lab '%s' is up with %s; take it down first: tools/lab down" % (
                    self.name, self.state["topology"]))
            binaries = bin_dir(binaries)
            needs = sorted(n for n, s in spec["nodes"].items() if start and s["start"] and s["config"]
                           and OF_KIND.get(s["kind"]) == "flexvpnd")
            for b in BINARIES:
                if needs and not os.access(os.path.join(binaries, b), os.X_OK):
                    raise LabError("no %s in %s; build it (tools/dev build release) or name the directory with "
                                   "--bin or FLEXVPN_BIN" % (b, binaries))
            if place is None:
                place = "host" if host_kernel_ok() else "guest"
                self.progress("nodes go to %s" % ("namespaces of this machine" if place == "host" else
                              "a guest: this machine's kernel lacks something (kernel-config/check says what)"))
            try:
                self._up(spec, topo_path, place, binaries, into, guest_options)
                if start:
                    names = [n for n, node in spec["nodes"].items() if node["start"] and node["config"]]
                    for name in names:  # all at once, then wait: they find each other while they start
                        self.start(name, wait=False)
                    for name in names:
                        self.await_ready(name)
                        self.progress("%s on %s answers" % (self.node(name)["daemon"], name))
                self._save(dict(self.state, complete=True))
            except BaseException:
                self.progress("going back: removing what was made so far")
                with contextlib.suppress(LabError):  # the first error is the one to tell
                    self._down(keep_logs="/tmp/flexvpn-lab-failed-%s" % self.name)
                raise

    def _up(self, spec, topo_path, place, binaries, into, guest_options):
        os.makedirs(self.base, mode=0o700, exist_ok=True)
        guests = 1 + max(n["guest"] for n in spec["nodes"].values()) if place == "guest" else 0
        if into and guests > 1:
            raise LabError("%s needs %d guests" % (topo_path, guests))
        nodes = {n: {"kind": s["kind"], "guest": s["guest"] if guests else 0, "daemon":
                     OF_KIND.get(s["kind"]) if s["config"] else None, "pid": None}
                 for n, s in spec["nodes"].items()}
        self._places = None
        dirs = [into.dir] if into else [os.path.join(self.base, "guest%d" % i) for i in range(guests)]
        # A directory name is used once: for a second the guest may still see the old one of that name.
        world_name = "world-%s-%d" % (self.name, time.time_ns())
        self._save({"name": self.name, "topology": topo_path, "place": place, "world": world_name,
                    "guest_dirs": dirs, "own_guests": not into, "bin": binaries, "nodes": nodes, "links": spec["links"],
                    "started": time.time(), "complete": False})
        if guests and not into:
            self._boot(guests, binaries, guest_options)
        for i, p in enumerate(self.places):
            self._make_world(i, p, spec, binaries)
        self._save(self.state)
        self.progress("%d nodes and %d links are there" % (len(nodes), len(spec["links"])))

    def _boot(self, count, binaries, options):
        for i, guest in enumerate(self.guests()):
            wires = []
            if count > 1:  # a star: guest 0 has the server end of a wire to each other guest
                pairs = range(1, count) if i == 0 else [i]
                wires = [{"path": os.path.join(self.base, "wire%d.sock" % j), "server": i == 0,
                          "mac": "52:54:00:fe:%02x:%02x" % (i, j)} for j in pairs]
            guest.up(expose=[os.path.dirname(binaries)], wires=wires, name="%s-guest%d" % (self.name, i),
                     progress=self.progress, **options)

    def _make_world(self, index, place, spec, binaries):
        w = place.world_here
        os.makedirs(os.path.join(w, "logs"))
        mine = {n: s for n, s in spec["nodes"].items() if self.node(n)["guest"] == index}
        for n, s in mine.items():
            os.makedirs(os.path.join(w, "nodes", n))
            if s["config"]:
                self.write_config(n, s["config"])
            for file, text in s["files"].items():
                self._write_node_file(n, file, text)
        with open(os.path.join(w, "hosts"), "w", encoding="utf-8") as f:
            f.write("127.0.0.1 localhost\n::1 localhost\n")
            for link in spec["links"]:
                for e in link["ends"]:
                    f.writelines("%s %s\n" % (a.split("/")[0], e["node"]) for a in e["addresses"])
        there = binaries
        if place.kind == "guest":  # the guest caches the host's tree; what is built anew must come by another way
            there = self._copy_binaries(place, binaries)
        for f in ("world.py",):
            shutil.copy(os.path.join(HERE, f), os.path.join(w, f))
        with open(os.path.join(w, "spec.json"), "w", encoding="utf-8") as f:
            json.dump({"prefix": self.prefix, "bin": there, "guest": index, "links": spec["links"],
                       "libreswan": libreswan_root() if any(s["kind"] == "libreswan" for s in mine.values()) else None,
                       "nodes": {n: {k: s[k] for k in ("kind", "sysctl", "addresses", "routes", "outside", "forward")}
                                 for n, s in mine.items()}}, f)
        r = self._capture(place, ["/usr/bin/python3", "-ES", os.path.join(place.world_there, "world.py"), "up",
                                  place.world_there], timeout=300)
        if r.returncode != 0:
            raise LabError("cannot make the nodes: %s" % (r.stderr.strip() or r.stdout.strip()))
        with open(os.path.join(w, "world.json"), encoding="utf-8") as f:
            for n, pid in json.load(f)["pids"].items():
                self.state["nodes"][n]["pid"] = pid

    @staticmethod
    def _binaries_in_guest(place):
        return "/tmp/bin-" + os.path.basename(place.world_there)

    def _copy_binaries(self, place, binaries):
        """Into the guest's memory, since it reads what is on the share anew each time it is executed; without what only
        debuggers read.  Returns the directory there."""
        share = os.path.join(place.world_here, "bin")
        os.makedirs(share, exist_ok=True)
        for b in BINARIES:
            source, target = os.path.join(binaries, b), os.path.join(share, b)
            if os.path.exists(source) and subprocess.run(["strip", "-g", "-o", target, source], check=False).returncode != 0:
                shutil.copy(source, target)
        there = self._binaries_in_guest(place)
        script = ('mkdir -p "$1" && for f in "$0"/*; do [ ! -f "$f" ] || { cp "$f" "$1/.new" && mv "$1/.new" "$1/${f##*/}"; } '
                  '|| exit 1; done')
        r = self._capture(place, ["sh", "-c", script, os.path.join(place.world_there, "bin"), there])
        if r.returncode != 0:
            raise LabError("cannot copy the binaries into the guest: " + r.stderr.strip())
        return there

    def down(self, keep_logs=None):
        need_root("the lab")
        with self.locked():
            left = self._down(keep_logs)
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(RUN_ROOT, ".%s.lock" % self.name))
            os.rmdir(RUN_ROOT)
        if left:
            raise LabError("could not remove: " + "; ".join(left))

    def _down(self, keep_logs=None):
        """Removes everything this lab made, also after a half-done up.  Returns what could not be removed."""
        left = []
        if self.is_up():
            if keep_logs:
                self.save_logs(keep_logs)
            if self.state["place"] == "host":
                left = world.down(self.places[0].world_here)
            elif not self.state["own_guests"]:
                left = self._leave_guest()
        # own guests, also those of an up() that was killed
        for d in glob.glob(os.path.join(self.base, "guest*")):
            Guest(d).down()
        if not left and os.path.isdir(self.base):
            shutil.rmtree(self.base)
        self._state = self._places = None
        return left

    def _leave_guest(self):
        """Removes the nodes from a guest that stays up.  A guest that is gone took them with it."""
        place = self.places[0]
        if place.guest.status()["state"] != "ready":
            return []
        r = self._capture(place, ["/usr/bin/python3", "-ES", os.path.join(place.world_there, "world.py"), "down",
                                  place.world_there], timeout=120)
        if r.returncode == 0:
            self._capture(place, ["rm", "-rf", self._binaries_in_guest(place)])
            shutil.rmtree(place.world_here, ignore_errors=True)
        return r.stderr.splitlines() if r.returncode else []

    def save_logs(self, target):
        """Copies the logs of the nodes and of the guests into directory `target`."""
        os.makedirs(target, exist_ok=True)
        for p in self.places:
            logs = os.path.join(p.world_here, "logs")
            for f in os.listdir(logs) if os.path.isdir(logs) else []:
                shutil.copy(os.path.join(logs, f), os.path.join(target, f))
            if p.kind == "guest":
                for f in ("console.log", "supervisor.log", "virtiofsd.log", "qemu.log"):
                    if os.path.exists(p.guest.path(f)):
                        shutil.copy(p.guest.path(f), os.path.join(target, "%s-%s" % (os.path.basename(p.guest.dir), f)))

    # --- commands --------------------------------------------------------------------------------------------------

    @staticmethod
    def _capture(place, argv, timeout=120, stdin=None):
        p = place.popen(argv, env={"PATH": PATH}, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = p.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            p.kill()
            raise LabError("no end after %s s: %s" % (timeout, " ".join(argv))) from None
        if getattr(p, "error", None) and not err:
            err = (p.error + "\n").encode()
        return Result(argv, p.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def argv_in(self, name, argv):
        """The command line that runs `argv` in node `name`, to be started in the node's place."""
        return ["/usr/bin/nsenter", "-t", str(self.node(name)["pid"]), "-n", "-m", "-p", "--"] + list(argv)

    def popen(self, name, argv, **kw):
        """subprocess.Popen (or its likeness) of a command in a node."""
        return self.place_of(name).popen(self.argv_in(name, argv), env=dict(kw.pop("env", None) or {}, PATH=PATH), **kw)

    def run(self, name, argv, timeout=120, stdin=None, check=False):
        """Runs a command in a node to its end; `stdin`: bytes or None."""
        r = self._capture(self.place_of(name), self.argv_in(name, argv), timeout, stdin)
        r.argv = list(argv)
        if check and r.returncode != 0:
            raise LabError("%s: '%s' ended %d: %s" % (name, " ".join(argv), r.returncode, (r.stderr or r.stdout).strip()))
        return r

    # --- daemons ---------------------------------------------------------------------------------------------------

    def write_config(self, name, text):
        """Replaces a node's configuration; restart() makes the daemon read it."""
        daemon = DAEMONS[OF_KIND[self.node(name)["kind"]]]
        self._write_node_file(name, daemon.config, text)
        if daemon.live and self.node(name)["pid"]:
            self.run(name, ["sh", "-c", "cat >" + daemon.live], stdin=text.encode(), check=True)

    def _write_node_file(self, name, file, text):
        path = os.path.join(self.place_of(name).world_here, "nodes", name, file)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o600)

    def read_config(self, name):
        with open(os.path.join(self.place_of(name).world_here, "nodes", name, "flexvpn.conf"), encoding="utf-8") as f:
            return f.read()

    def daemon_argv(self, name):
        daemon = self.node(name)["daemon"]
        if daemon is None:
            raise LabError("node %s runs no daemon" % name)
        return DAEMONS[daemon].argv

    def start(self, name, wait=True, seconds=120):
        """Starts a node's daemon and waits until it answers."""
        place = self.place_of(name)
        log = os.path.join(place.world_there, "logs", name + ".log")
        inner = 'echo $$ >/run/daemon.pid; exec "$@"'
        argv = self.argv_in(name, ["sh", "-c", inner, "sh"] + self.daemon_argv(name))
        outer = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & exit 0'
        self._capture(place, ["sh", "-c", outer, "sh", log] + argv)
        if wait:
            self.await_ready(name, seconds)

    def await_ready(self, name, seconds=120):
        daemon = self.node(name)["daemon"]
        deadline = time.monotonic() + seconds
        died = 0
        while time.monotonic() < deadline:
            if self.run(name, DAEMONS[daemon].ready).returncode == 0:
                if DAEMONS[daemon].load:
                    self.run(name, DAEMONS[daemon].load, check=True)
                return
            died = died + 1 if self.daemon_pid(name) is None else 0
            if died >= 3:
                raise LabError("%s on %s ended at once: %s; log: %s" % (
                    daemon, name, self.last_log_line(name), self.log_path(name)))
            time.sleep(0.1)
        raise LabError("%s on %s does not answer after %d s: %s; log: %s" % (
            daemon, name, seconds, self.last_log_line(name), self.log_path(name)))

    def last_log_line(self, name):
        try:
            with open(self.log_path(name), encoding="utf-8", errors="replace") as f:
                lines = [x.strip() for x in f if x.strip()]
            return lines[-1] if lines else "(its log is empty)"
        except OSError:
            return "(no log)"

    def daemon_pid(self, name):
        """PID of the daemon inside the node, or None when it does not run."""
        # Nothing but the shell's own commands: in a guest each program costs a tenth of a second.
        r = self.run(name, ["sh", "-c", 'read -r p </run/daemon.pid && read -r _ _ state _ <"/proc/$p/stat" && '
                                        '[ "$state" != Z ] && echo "$p"'])
        return int(r.stdout) if r.returncode == 0 and r.stdout.strip() else None

    def stop(self, name, number=signal.SIGTERM, seconds=20):
        """Ends a node's daemon (SIGTERM: it may clean up; SIGKILL: a crash) and waits for its end."""
        pid = self.daemon_pid(name)
        if pid is None:
            return
        self.run(name, ["kill", "-%d" % number, str(pid)])
        deadline = time.monotonic() + seconds
        while self.daemon_pid(name) is not None:
            if time.monotonic() > deadline:
                raise LabError("the daemon of %s ignores signal %d; log: %s" % (name, number, self.log_path(name)))
            time.sleep(0.1)

    def restart(self, name, number=signal.SIGTERM, wait=True):
        """Stops and starts a node's daemon, with the binaries as they are now."""
        self.stop(name, number)
        place = self.place_of(name)
        if place.kind == "guest":
            self._copy_binaries(place, self.state["bin"])
        self.start(name, wait)

    # --- links -----------------------------------------------------------------------------------------------------

    def _interface(self, name, interface):
        for link in self.state["links"]:
            for i, e in enumerate(link["ends"]):
                if (e["node"], e["if"]) == (name, interface):
                    return link, link["ends"][1 - i]
        known = [e["if"] for link in self.state["links"] for e in link["ends"] if e["node"] == name]
        raise LabError("node %s has no interface '%s'; it has: %s" % (name, interface, ", ".join(known)))

    def link(self, name, interface, up):
        """Cuts or mends a link.  Cut = every packet is lost both ways; addresses and routes stay, no node sees a
        carrier change: what a cable break behind a provider's router looks like."""
        link, other = self._interface(name, interface)
        self._netem(name, interface, link["netem"] if up else {"loss": "100%"})
        self._netem(other["node"], other["if"], link["netem"] if up else {"loss": "100%"})

    def netem(self, name, interface, words):
        """tc netem words ("delay 10ms loss 1%") on what leaves `interface`; none: as the topology says."""
        link, _ = self._interface(name, interface)
        settings = dict(zip(words[::2], words[1::2])) if len(words) % 2 == 0 else None
        if words and settings is None:
            self._tc(name, interface, words)
        else:
            self._netem(name, interface, settings or link["netem"])

    def _netem(self, name, interface, settings):
        words = [w for kv in settings.items() for w in kv]
        self._tc(name, interface, words)

    def _tc(self, name, interface, words):
        if words:
            self.run(name, ["tc", "qdisc", "replace", "dev", interface, "root", "netem"] + list(words), check=True)
        else:
            self.run(name, ["tc", "qdisc", "del", "dev", interface, "root"])  # none there: nothing to delete

    # --- looking ---------------------------------------------------------------------------------------------------

    def capture(self, name, interface, output, expression=()):
        """Starts tcpdump on a node's interface writing pcap to `output` (an open file); returns the process once it
        listens.  End it with end_capture()."""
        argv = ["tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-s", "0", "-w", "-"] + list(expression)
        p = self.popen(name, argv, stdout=output, stderr=subprocess.PIPE)
        line = p.stderr.readline() if hasattr(p.stderr, "readline") else b""
        while line and b"listening on" not in line:
            line = p.stderr.readline()
        if not line:
            raise LabError("tcpdump on %s:%s did not start" % (name, interface))
        return p

    @staticmethod
    def end_capture(process, seconds=20):
        """Stops a capture so that what was seen is written."""
        process.send_signal(signal.SIGINT)
        process.wait(seconds)

    def status(self):
        """A dictionary: the lab, its places, and each node with its daemon."""
        s = self.state
        nodes = {}
        for n, d in s["nodes"].items():
            entry = {"kind": d["kind"], "pid": d["pid"], "guest": d["guest"] if s["place"] == "guest" else None}
            try:
                if d["daemon"]:
                    pid = self.daemon_pid(n)
                    entry["daemon"] = {"name": d["daemon"], "running": pid is not None, "log": self.log_path(n),
                                       "ready": pid is not None and self.run(n, DAEMONS[d["daemon"]].ready).returncode == 0}
                entry["alive"] = self.run(n, ["true"]).returncode == 0
            except LabError:
                entry["alive"] = False
            nodes[n] = entry
        return {"name": s["name"], "topology": s["topology"], "place": s["place"], "bin": s["bin"],
                "guests": [g.status() for g in self.guests()], "nodes": nodes}


def all_labs():
    try:
        return sorted(n for n in os.listdir(RUN_ROOT) if not n.startswith("."))
    except OSError:
        return []


def clean(progress):
    """Takes every lab down and removes what a killed one left: namespaces called fv-* and their holders."""
    need_root("tools/lab clean")
    for name in all_labs():
        progress("taking down lab " + name)
        Lab(name, progress).down()
    if not os.path.isdir(world.NETNS_DIR):
        return
    for netns in sorted(os.listdir(world.NETNS_DIR)):
        if not netns.startswith("fv-"):
            continue
        progress("removing namespace " + netns)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if world.is_holder(int(pid), netns):
                os.kill(int(pid), signal.SIGKILL)
        world.remove_netns(netns)
