# SPDX-License-Identifier: Apache-2.0
"""The QEMU guest as Python sees it: Guest.up(), Guest.popen(), Guest.run(), Guest.down().

The guest's root file system is this machine's, read-only; DIR/share is writable from both sides and appears in the
guest as paths.RUN_ROOT.  Several guests can share virtual wires (up(wires=...)).
"""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from . import frames
from .paths import LabError, REPO, RUN_ROOT, cache_root, guest_kernel

HERE = os.path.dirname(os.path.abspath(__file__))
# esp4_offload and esp6_offload stay out: 6.12 drops TCP over GRE + ESP with them (GSO bug).
MODULES = (
    "overlay esp4 esp6 xfrm_user xfrm_interface gre ip_gre ip6_gre veth bridge dummy vrf tun 8021q virtio_net "
    "sch_ingress cls_bpf act_bpf act_gact act_mirred sch_netem cls_u32 "
    "nf_tables nft_chain_nat nft_masq nft_ct nft_nat nf_nat nf_conntrack nft_log nft_limit nft_xfrm "
    "af_packet_diag af_key aesni_intel gcm seqiv authenc cbc echainiv chacha20poly1305 xcbc tcp_diag udp_diag xfrm_algo "
    "af_alg algif_hash algif_skcipher algif_aead")
BOOT_SECONDS = 60
BOOT_TRIES = 3


def _probe_kvm(vmlinuz):
    """Boots the kernel without a root file system; it must reach its panic within 5 s."""
    argv = ["qemu-system-x86_64", "-M", "q35", "-accel", "kvm", "-cpu", "host", "-m", "256M", "-nodefaults",
            "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", vmlinuz,
            "-append", "console=ttyS0 panic=-1"]
    p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen = b""
    deadline = time.monotonic() + 5
    try:
        while time.monotonic() < deadline:
            if select.select([p.stdout], [], [], 0.1)[0]:
                data = os.read(p.stdout.fileno(), 65536)
                if not data:
                    break
                seen += data
                if b"Kernel panic" in seen:
                    break
    finally:
        p.kill()
        p.wait()
    return b"Kernel panic" in seen


def accelerator():
    """"kvm" when a trivial guest boots with it, else "tcg".  The answer is kept per machine boot and kernel."""
    forced = os.environ.get("FLEXVPN_GUEST_ACCEL")
    if forced in ("kvm", "tcg"):
        return forced
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    directory, release = guest_kernel()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        key = f.read().strip() + " " + release
    cache = os.path.join(cache_root(), "kvm-probe")
    try:
        with open(cache, encoding="ascii") as f:
            old_key, answer = f.read().rsplit(" ", 1)
        if old_key == key and answer in ("kvm", "tcg"):
            return answer
    except (OSError, ValueError):
        pass
    answer = "kvm" if _probe_kvm(os.path.join(directory, "boot", "vmlinuz-" + release)) else "tcg"
    try:
        with open(cache, "w", encoding="ascii") as f:
            f.write(key + " " + answer)
    except OSError:
        pass
    return answer


class GuestProcess:
    """Like subprocess.Popen, for a command in the guest.  When this object's connection ends, so does the command."""

    def __init__(self, sock_path, argv, env=None, cwd=None, stdin=None, stdout=None, stderr=None, tty=False, size=None):
        self.args = argv
        self.returncode = None
        self.error = None
        self._sock = socket.socket(socket.AF_UNIX)
        try:
            self._sock.connect(sock_path)
        except OSError as e:
            raise LabError("the guest does not answer (%s: %s); see tools/lab status" % (sock_path, e)) from e
        self._send_lock = threading.Lock()
        self._finished = threading.Event()
        self._send(frames.EXEC, {"argv": list(argv), "env": env or {}, "cwd": cwd, "tty": tty, "size": size})
        self.stdin = self.stdout = self.stderr = None
        self._out, self._close_out = self._target(stdout, 1)
        if stdout == subprocess.PIPE:
            self.stdout = os.fdopen(self._out[0], "rb", buffering=0)
            self._out = self._out[1]
        if stderr == subprocess.STDOUT:
            self._err, self._close_err = self._out, False
        else:
            self._err, self._close_err = self._target(stderr, 2)
            if stderr == subprocess.PIPE:
                self.stderr = os.fdopen(self._err[0], "rb", buffering=0)
                self._err = self._err[1]
        self._start_stdin(stdin)
        threading.Thread(target=self._receive, daemon=True).start()

    @staticmethod
    def _target(what, inherited):
        if what is None:
            return inherited, False
        if what == subprocess.PIPE:
            return os.pipe(), True
        if what == subprocess.DEVNULL:
            return None, False
        return (what if isinstance(what, int) else what.fileno()), False

    def _start_stdin(self, stdin):
        if stdin is None or stdin == subprocess.DEVNULL:
            self._send(frames.STDIN_EOF)
            return
        if stdin == subprocess.PIPE:
            r, w = os.pipe()
            self.stdin = os.fdopen(w, "wb", buffering=0)
            threading.Thread(target=self._forward_stdin, args=(r, True), daemon=True).start()
            return
        fd = stdin if isinstance(stdin, int) else stdin.fileno()
        threading.Thread(target=self._forward_stdin, args=(fd, False), daemon=True).start()

    def _forward_stdin(self, fd, close):
        try:
            while True:
                data = os.read(fd, 32768)
                if not data:
                    break
                self._send(frames.STDIN, data)
            self._send(frames.STDIN_EOF)
        except OSError:
            pass
        if close:
            os.close(fd)

    def _send(self, kind, body=b""):
        with self._send_lock:
            try:
                self._sock.sendall(frames.pack(0, kind, body))
            except OSError:
                pass  # the command's end is reported by the reader

    @staticmethod
    def _write(fd, data):
        try:
            while data:
                data = data[os.write(fd, data):]
        except OSError:
            pass  # the reader of our output is gone

    def _receive(self):
        reader = frames.Reader()
        code = None
        while code is None:
            try:
                data = self._sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                self.error = "the guest went away"
                code = 255
                break
            for _, kind, body in reader.feed(data):
                if kind == frames.STDOUT and self._out is not None:
                    self._write(self._out, body)
                elif kind == frames.STDERR and self._err is not None:
                    self._write(self._err, body)
                elif kind == frames.EXIT:
                    end = json.loads(body)
                    self.error = end.get("error")
                    code = 127 if self.error else end["code"]
        if self._close_out:
            os.close(self._out)
        if self._close_err:
            os.close(self._err)
        self._sock.close()
        self.returncode = code
        self._finished.set()

    def poll(self):
        return self.returncode

    def wait(self, timeout=None):
        if not self._finished.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def communicate(self, input=None, timeout=None):  # pylint: disable=redefined-builtin
        """As subprocess.Popen.communicate (bytes)."""
        results = {}

        def drain(name, stream):
            results[name] = stream.read() if stream else None

        def drain_all(name, stream):
            chunks = []
            while stream:
                c = stream.read(65536)
                if not c:
                    break
                chunks.append(c)
            results[name] = b"".join(chunks) if stream else None

        threads = [threading.Thread(target=drain_all, args=a, daemon=True)
                   for a in (("out", self.stdout), ("err", self.stderr))]
        for t in threads:
            t.start()
        if self.stdin:
            if input:
                self._write(self.stdin.fileno(), input)
            self.stdin.close()
        deadline = None if timeout is None else time.monotonic() + timeout
        for t in threads:
            t.join(None if deadline is None else max(0, deadline - time.monotonic()))
            if t.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout)
        self.wait(None if deadline is None else max(0.1, deadline - time.monotonic()))
        return results["out"], results["err"]

    def send_signal(self, number):
        if self.returncode is None:
            self._send(frames.SIGNAL, {"signal": int(number)})

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.returncode is None:
            self.kill()
            self.wait(10)


class Guest:
    def __init__(self, directory):
        self.dir = directory

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def status(self):
        try:
            with open(self.path("status.json"), encoding="utf-8") as f:
                status = json.load(f)
        except (OSError, ValueError):
            return {"state": "down"}
        if status["state"] in ("booting", "ready") and not _alive(status["pid"]):
            status = {"state": "failed", "detail": "its supervisor is gone"}
        return status

    def up(self, expose=(), wires=(), memory="2G", cpus=None, name="guest", progress=None, boot_seconds=BOOT_SECONDS):
        """Boots unless it is up.  `expose`: host paths that must be visible although /tmp or /run are covered.
        `wires`: dicts {path, server, mac} (QEMU stream sockets).  `cpus`: FLEXVPN_GUEST_CPUS, else 2.  Raises LabError with
        the log's name."""
        cpus = cpus or int(os.environ.get("FLEXVPN_GUEST_CPUS", "2"))
        if self.status()["state"] == "ready":
            return self.status()
        for tool, package in (("qemu-system-x86_64", "qemu-system-x86"), ("/usr/lib/qemu/virtiofsd", "qemu-system-common")):
            if not shutil.which(tool):
                raise LabError("%s is not installed (package %s); run: sudo tools/install-packages" % (tool, package))
        kernel, release = guest_kernel()
        if os.path.isdir(self.dir):
            shutil.rmtree(self.dir)
        os.makedirs(self.path("boot"), mode=0o700)
        os.chmod(self.dir, 0o700)
        os.makedirs(self.path("share"))
        for f in ("guest_init.py", "guest_agent.py", "frames.py"):
            shutil.copy(os.path.join(HERE, f), self.path("boot", f))
        params = dict(kernel=kernel, share=RUN_ROOT, hostname=name, modules=MODULES.split(),
                      wires=[w["mac"] for w in wires], expose=sorted({REPO, *map(os.path.abspath, expose)}))
        with open(self.path("boot", "params.json"), "w", encoding="utf-8") as f:
            json.dump(params, f)
        accel = accelerator()
        options = dict(accel=accel, cpus=cpus, memory=memory, wires=list(wires), boot_seconds=boot_seconds,
                       boot_tries=BOOT_TRIES, vmlinuz=os.path.join(kernel, "boot", "vmlinuz-" + release))
        with open(self.path("options.json"), "w", encoding="utf-8") as f:
            json.dump(options, f)
        if progress:
            progress("booting the guest (Linux %s, %s)" % (release, "KVM" if accel == "kvm" else "emulated: KVM is "
                     "not usable here, everything in it runs about ten times slower"))
        with open(self.path("supervisor.log"), "ab") as log:
            subprocess.Popen([sys.executable, os.path.join(HERE, "guest_supervisor.py"), self.dir],
                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
        return self._await_ready(boot_seconds * BOOT_TRIES + 15, progress)

    def _await_ready(self, seconds, progress):
        deadline = time.monotonic() + seconds
        attempt = 1
        while time.monotonic() < deadline:
            status = self.status() if os.path.exists(self.path("status.json")) else {"state": "booting"}
            if status["state"] == "ready":
                if progress:
                    progress("the guest is up after %s s" % status["seconds"])
                return status
            if status["state"] == "failed":
                raise LabError("the guest did not boot: %s" % status.get("detail"))
            if progress and status.get("attempt", 1) != attempt:
                attempt = status["attempt"]
                progress("boot attempt %d of %d" % (attempt, BOOT_TRIES))
            time.sleep(0.05)
        raise LabError("the guest did not boot within %d s; see %s" % (seconds, self.path("supervisor.log")))

    def popen(self, argv, **kw):
        return GuestProcess(self.path("control.sock"), argv, **kw)

    def down(self):
        """Powers off; nothing of it stays but its directory."""
        status = self.status()
        if status["state"] in ("booting", "ready"):
            pid = status["pid"]
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + 10
            while _alive(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
            if _alive(pid):
                os.kill(pid, signal.SIGKILL)
        return status["state"]


def _alive(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return b"guest_supervisor" in f.read()
    except OSError:
        return False

