# SPDX-License-Identifier: Apache-2.0
"""What an IKEv2 handshake costs the responder: our endpoint, strongSwan's charon, and bare OpenSSL, in one run.

Two network namespaces joined by a veth pair; the responder on one core, the generator (our endpoint as initiator, a
peer an address) on another.  No SA reaches a kernel: ours are counted; charon runs with no_xfrm.so, which turns its
XFRM requests into requests the kernel acknowledges and forgets.
"""
import contextlib
import glob
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from .paths import LabError, need_root

HUB, SPOKE, PEERS = "198.18.0.1", "198.18.0.2", "10.64.0.0/10"
RESPONDER_CORE, LOAD_CORE = 1, 0
SUITES = ("x25519", "ecp256", "modp2048")
CHARON = "/usr/sbin/charon-systemd"

# name: (where in the result, limit); what the project must reach on the machine of docs/performance.md
LIMITS = (
    ("x25519 ms CPU a handshake", ("handshake", "x25519", "ours_ms"), 0.12),
    ("ecp256 ms CPU a handshake", ("handshake", "ecp256", "ours_ms"), 0.15),
    ("modp2048 ms CPU a handshake", ("handshake", "modp2048", "ours_ms"), 0.80),
    ("x25519 over bare OpenSSL", ("handshake", "x25519", "ratio_to_bare"), 1.5),
    ("ecp256 over bare OpenSSL", ("handshake", "ecp256", "ratio_to_bare"), 1.5),
    ("modp2048 over bare OpenSSL", ("handshake", "modp2048", "ratio_to_bare"), 1.5),
    ("octets an established pair", ("memory", "ours", "established_octets"), 3072),
    ("octets a half-open SA", ("memory", "ours", "half_open_octets"), 1024),
    ("storm, s until all are up", ("storm", "ours", "wall_s"), 1.5),
    ("storm, datagrams lost", ("storm", "ours", "lost"), 0),
    ("show crypto ikev2 sa, s", ("show", "ours_s"), 0.1),
)


def say(text):
    print(f"bench: {text}", file=sys.stderr)


def make_pki(directory):
    """ca.pem, hub.pem, hub.key, spoke.pem and spoke.key: ECDSA P-256, the names hub.bench and spoke.bench."""
    def openssl(*argv):
        run = subprocess.run(["openssl", *argv], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, check=False)
        if run.returncode != 0:
            raise LabError("openssl %s: %s" % (argv[0], run.stdout.strip()[-300:]))

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/O=Bench/CN=CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    for name in ("hub", "spoke"):
        openssl("req", *new_key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/O=Bench/CN=" + name)
        pathlib.Path(directory, name + ".ext").write_text(
            f"subjectAltName=DNS:{name}.bench\nkeyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n",
            encoding="ascii")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-sha256",
                "-days", "30", "-extfile", name + ".ext", "-out", name + ".pem")
    return directory


class Namespace:
    """A network and mount namespace, held by a sleeping process."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "sleep", "infinity"])
        self.pid = str(self.holder.pid)

    def wrap(self, argv, core=None):
        pin = ["taskset", "-c", str(core)] if core is not None else []
        return ["nsenter", "-t", self.pid, "-n", "-m", *pin, *argv]

    def run(self, *argv):
        subprocess.run(self.wrap(argv), check=True, stdout=subprocess.DEVNULL)

    def close(self):
        self.holder.kill()
        self.holder.wait()


def udp_counters(pid):
    """Udp counters of the namespace of process `pid`."""
    with open(f"/proc/{pid}/net/snmp", encoding="ascii") as f:
        names, values = [line.split()[1:] for line in f if line.startswith("Udp:")]
    return dict(zip(names, map(int, values)))


def cpu_ms(pid):
    """CPU of all threads of `pid`, user and system."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


class Ours:
    """Our responder."""
    name = "ours"

    def __init__(self, bench, protect=False, pki=None):
        argv = [bench.binary, "responder"] + (["--protect"] if protect else []) + (["--pki", pki] if pki else [])
        self.process = subprocess.Popen(bench.hub.wrap(argv, RESPONDER_CORE), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        if not self.process.stdout.readline():
            raise LabError("the responder did not start")

    def ask(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def sessions(self):
        return self.ask("stats")["sessions"]

    def show_seconds(self):
        return min(self.ask("show")["total_ms"] for _ in range(5)) / 1000

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)


CHARON_CONF = """
charon-systemd {
  load = random nonce openssl hmac kdf pem pkcs8 x509 constraints socket-default kernel-netlink vici
  filelog { log { path = %(dir)s/log
                  default = -1 } }
  journal { default = -1 }
  syslog { daemon { default = -1 } }
  ikesa_table_size = 4096
  install_routes = no
  install_virtual_ip = no
  dos_protection = no
  cookie_threshold = 0
  block_threshold = 0
  half_open_timeout = 600
  threads = 16
  plugins { vici { socket = unix://%(dir)s/vici } }
}
"""
CHARON_CONNECTION = """
connections { hub { version = 2
  local_addrs = %(hub)s
  proposals = aes128gcm16-prfsha256-x25519, aes128gcm16-prfsha256-ecp256, aes128gcm16-prfsha256-modp2048
  unique = never
  mobike = no
  rekey_time = 0
  local { auth = %(auth)s
          %(certs)s
          id = hub.bench }
  remote { auth = %(auth)s
           id = %%any }
  children { c { esp_proposals = aes128gcm16
                 rekey_time = 0
                 mode = transport
                 local_ts = dynamic[gre]
                 remote_ts = dynamic[gre] } } } }
secrets { ike-any { secret = "a pre-shared key of the benchmark" } }
"""


class Charon:
    """strongSwan's daemon as Debian ships it, with a table of 4,096 buckets and without DoS protection."""
    name = "charon"

    def __init__(self, bench, pki=None):
        self.dir = tempfile.mkdtemp(prefix="bench-charon.")
        for directory, name in (("x509ca", "ca.pem"), ("x509", "hub.pem"), ("private", "hub.key")):
            os.mkdir(os.path.join(self.dir, directory))
            if pki:
                shutil.copy(os.path.join(pki, name), os.path.join(self.dir, directory, name))
        self.write("conf", CHARON_CONF % {"dir": self.dir})
        self.write("swanctl.conf", CHARON_CONNECTION % {
            "hub": HUB, "auth": "pubkey" if pki else "psk", "certs": "certs = hub.pem" if pki else ""})
        self.log = open(os.path.join(self.dir, "out"), "w", encoding="utf-8")
        self.hub = bench.hub
        env = dict(os.environ, STRONGSWAN_CONF=os.path.join(self.dir, "conf"))
        preload = "LD_PRELOAD=" + os.path.join(os.path.dirname(bench.binary), "no_xfrm.so")
        env.pop("NOTIFY_SOCKET", None)
        self.process = subprocess.Popen(bench.hub.wrap(["env", preload, CHARON], RESPONDER_CORE), env=env, stdout=self.log,
                                        stderr=self.log)
        self.pid = self.process.pid
        self.wait_for_socket()
        self.swanctl("--load-all", "--noprompt", "--file", os.path.join(self.dir, "swanctl.conf"))

    def write(self, name, text):
        pathlib.Path(self.dir, name).write_text(text, encoding="utf-8")

    def wait_for_socket(self):
        deadline = time.monotonic() + 15
        while not os.path.exists(os.path.join(self.dir, "vici")):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise LabError("charon did not start; see %s/out" % self.dir)
            time.sleep(0.05)

    def swanctl(self, *argv):
        uri = "unix://" + os.path.join(self.dir, "vici")
        env = "SWANCTL_DIR=" + self.dir
        run = subprocess.run(self.hub.wrap(["env", env, "swanctl", *argv, "--uri", uri]), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode != 0:
            raise LabError("swanctl %s: %s" % (argv[0], run.stdout.strip()[-300:]))
        return run.stdout

    def sessions(self):
        for line in self.swanctl("--stats").splitlines():
            if line.startswith("IKE_SAs:"):
                return int(line.split()[1])
        raise LabError("swanctl --stats without IKE_SAs")

    def show_seconds(self):
        start = time.monotonic()
        self.swanctl("--list-sas")
        return time.monotonic() - start

    def close(self):
        # Deleting thousands of SAs with farewells takes minutes; nothing of it is outside of this process.
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Bench:
    def __init__(self, binary, stack):
        self.binary = str(binary)
        self.stack = stack
        self.hub, self.spokes = Namespace(), Namespace()
        stack.callback(self.hub.close)
        stack.callback(self.spokes.close)
        time.sleep(0.2)
        self.spokes.run("ip", "link", "add", "hub0", "type", "veth", "peer", "name", "spokes0", "netns", self.hub.pid)
        for ns, device, address in ((self.hub, "spokes0", HUB), (self.spokes, "hub0", SPOKE)):
            ns.run("ip", "address", "add", address + "/30", "dev", device)
            ns.run("ip", "link", "set", device, "up")
            ns.run("ip", "link", "set", "lo", "up")
        self.hub.run("ip", "route", "add", PEERS, "via", SPOKE)
        self.spokes.run("ip", "route", "add", "local", PEERS, "dev", "lo")

    @contextlib.contextmanager
    def responder(self, kind, **options):
        r = kind(self, **options)
        try:
            yield r
        finally:
            r.close()

    def load(self, responder, suite, first, count, window=64, *more):
        """Sets up `count` sessions; what it cost the responder, and what the network lost."""
        argv = [self.binary, "load", "--suite", suite, "--hub", HUB, "--first", str(first), "--count", str(count),
                "--window", str(window), *more]
        before, cpu = udp_counters(self.hub.pid), cpu_ms(responder.pid)
        run = subprocess.run(self.spokes.wrap(argv, LOAD_CORE), stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            raise LabError("the generator failed with status %d" % run.returncode)
        result = json.loads(run.stdout)
        if result["failed"] and "--half-open" not in more:
            raise LabError("%s: %d of %d sessions failed: %s" % (responder.name, result["failed"], count, result["why"]))
        after = udp_counters(self.hub.pid)
        result["cpu_ms"] = cpu_ms(responder.pid) - cpu
        result["lost"] = after["InErrors"] - before["InErrors"] + after["SndbufErrors"] - before["SndbufErrors"]
        return result

    def bare(self, suite, pki=None):
        argv = ["taskset", "-c", str(RESPONDER_CORE), self.binary, "bare", "--suite", suite, "--count",
                "200" if suite == "modp2048" else "1000", *(["--pki", pki] if pki else [])]
        run = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(run.stdout)

    def handshakes(self, kind, suite, count, runs, pki=None):
        """(best and median ms of responder CPU a handshake, best rate a second)."""
        costs, rates = [], []
        more = (64, "--pki", pki) if pki else ()
        with self.responder(kind, pki=pki) as r:
            self.load(r, suite, 1, 50, *more)
            for i in range(runs):
                result = self.load(r, suite, 100 + i * count, count, *more)
                costs.append(result["cpu_ms"] / count)
                rates.append(count / result["wall_s"])
        return min(costs), statistics.median(costs), max(rates)

    def memory(self, kind, steps):
        """Resident octets an established pair, at each of `steps` sessions; and show's time at the last."""
        out = {}
        with self.responder(kind) as r:
            self.load(r, "x25519", 1, 1)
            empty, have = rss_kib(r.pid), 1
            for n in steps:
                self.load(r, "x25519", 1 + have, n - have + 1)
                have = n + 1
                out["at_%d" % n] = round((rss_kib(r.pid) - empty) * 1024 / n)
            out["established_octets"] = out["at_%d" % steps[-1]]
            if r.sessions() != have:
                raise LabError("%s has %d sessions instead of %d" % (kind.name, r.sessions(), have))
            show = r.show_seconds()
        return out, show

    def half_open(self, kind, count):
        with self.responder(kind) as r:
            self.load(r, "x25519", 1, 1, 64, "--half-open")
            empty = rss_kib(r.pid)
            self.load(r, "x25519", 2, count, 64, "--half-open")
            return round((rss_kib(r.pid) - empty) * 1024 / count)

    def storm(self, kind, peers, **options):
        with self.responder(kind, **options) as r:
            result = self.load(r, "x25519", 1, peers, peers, "--storm")
        return {k: result[k] for k in ("wall_s", "cpu_ms", "lost", "retransmissions", "cookies")}


def measure_handshakes(bench, kinds, suite, runs, pki):
    say(f"handshakes, {suite}, {'ECDSA certificates' if pki else 'PSK'} ...")
    row = {"bare": bench.bare(suite, pki)}
    count = 500 if suite == "modp2048" else 2000
    for kind in kinds:
        best, median, rate = bench.handshakes(kind, suite, count, runs, pki)
        row.update({f"{kind.name}_ms": best, f"{kind.name}_median_ms": median, f"{kind.name}_per_s": round(rate)})
    row["ratio_to_bare"] = row["ours_ms"] / row["bare"]["total_ms"]
    if "charon_ms" in row:
        row["times_charon"] = row["charon_ms"] / row["ours_ms"]
    return row


def measure(bench, kinds, args, pki):
    result = {"handshake": {}, "handshake_ecdsa": {}, "memory": {}, "storm": {}, "show": {}}
    for suite in SUITES:
        result["handshake"][suite] = measure_handshakes(bench, kinds, suite, args.runs, None)
        result["handshake_ecdsa"][suite] = measure_handshakes(bench, kinds, suite, args.runs, pki)
    for kind in kinds:
        say(f"memory and show, {kind.name} ...")
        memory, show = bench.memory(kind, args.steps)
        memory["half_open_octets"] = bench.half_open(kind, 10000)
        result["memory"][kind.name] = memory
        result["show"].update({"sessions": args.steps[-1] + 1, f"{kind.name}_s": show})
        say(f"storm, {kind.name} ...")
        result["storm"][kind.name] = bench.storm(kind, args.peers)
    result["storm"]["ours_with_cookies"] = bench.storm(Ours, args.peers, protect=True)
    result["storm"]["peers"] = args.peers
    return result


def check(result):
    result["limits"] = []
    for name, path, limit in LIMITS:
        value = result
        for key in path:
            value = value[key]
        result["limits"].append({"name": name, "value": round(value, 4), "limit": limit, "ok": value <= limit})
    return all(entry["ok"] for entry in result["limits"])


def print_table(result):
    print(f"{result['cpu']}, Linux {result['kernel']}; responder on one core, one Child SA, no kernel SAs; "
          f"best of {result['runs']}")
    names = [k for k in ("ours", "charon") if k in result["memory"]]
    print(f"\n{'ms of responder CPU a handshake':34}{'bare':>9}" + "".join(f"{n:>9}" for n in names) + "   over bare")
    rows = [(f"{suite}, {how}", row) for key, how in (("handshake", "PSK"), ("handshake_ecdsa", "ECDSA certificates"))
            for suite, row in result[key].items()]
    for suite, row in rows:
        print(f"  {suite:32}{row['bare']['total_ms']:9.3f}" + "".join(f"{row[n + '_ms']:9.3f}" for n in names)
              + f"{row['ratio_to_bare']:12.2f}")
    print(f"\n{'':34}" + " " * 9 + "".join(f"{n:>9}" for n in names))
    for suite, row in rows:
        print(f"  {'per second, ' + suite:41}" + "".join(f"{row[n + '_per_s']:9}" for n in names))
    for key in result["memory"]["ours"]:
        print(f"  {key.replace('_', ' ') + (' (octets)' if key.startswith('at') else ''):41}"
              + "".join(f"{result['memory'][n][key]:9}" for n in names))
    for key in ("wall_s", "cpu_ms", "lost", "retransmissions"):
        print(f"  {'storm of %d peers: %s' % (result['storm']['peers'], key):41}"
              + "".join(f"{result['storm'][n][key]:9.5g}" for n in names))
    print(f"  {'show of %d sessions: s' % result['show']['sessions']:41}"
          + "".join(f"{result['show'][n + '_s']:9.3f}" for n in names))
    print()
    for entry in result["limits"]:
        print(f"  {'ok  ' if entry['ok'] else 'OVER'} {entry['name']}: {entry['value']:g}, limit {entry['limit']:g}")


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")


def main(args, binary):
    need_root("the IKE benchmark (network namespaces)")
    if os.cpu_count() < 2:
        raise LabError("two cores are needed: one for the responder, one for the load")
    kinds = [Ours] + ([Charon] if args.charon and os.path.exists(CHARON) else [])
    if len(kinds) == 1:
        say("without charon")
    with contextlib.ExitStack() as stack:
        bench = Bench(binary, stack)
        pki = make_pki(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-pki.")))
        result = {"bench": "ike", "cpu": cpu_name(), "kernel": platform.release(), "runs": args.runs}
        result.update(measure(bench, kinds, args, pki))
    ok = check(result)
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)
    return 0 if ok else 1
