#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One process a guest: starts virtiofsd and QEMU, boots with a deadline and retries, then serves commands.

    guest_supervisor.py DIR      DIR/options.json holds what guest.py wrote

In DIR (mode 0700): status.json (state: booting, ready, failed, down), control.sock (mode 0600, frames of frames.py),
console.log, qemu.log, share/ (writable from the guest as RUN_ROOT).  SIGTERM powers the guest off.  Whatever ends
this process ends its children too (parent-death signal).
"""
import asyncio
import ctypes
import json
import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames  # noqa: E402

VIRTIOFSD = "/usr/lib/qemu/virtiofsd"
HIGH_WATER = 1 << 20
PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Client:
    """One asker on control.sock = one command in the guest."""

    def __init__(self, channel, writer):
        self.channel, self.writer = channel, writer
        self.paused = False
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.done = False


class Supervisor:
    def __init__(self, directory):
        self.dir = directory
        with open(self.path("options.json"), encoding="utf-8") as f:
            self.options = json.load(f)
        self.children = []
        self.clients = {}
        self.next_channel = 1
        self.port = None
        self.hello = asyncio.Event()
        self.ended = asyncio.Event()
        self.stopping = False
        self.kernel = ""

    def path(self, name):
        return os.path.join(self.dir, name)

    def status(self, state, **more):
        more.update(state=state, pid=os.getpid(), time=time.time())
        with open(self.path("status.json.new"), "w", encoding="utf-8") as f:
            json.dump(more, f)
        os.rename(self.path("status.json.new"), self.path("status.json"))

    async def spawn(self, argv, log):
        with open(self.path(log), "ab") as out:
            p = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=die_with_parent,
                start_new_session=True)
        self.children.append(p)
        return p

    async def start_virtiofsd(self, name, source, read_only):
        sock = self.path(name + ".vfs")
        if os.path.exists(sock):
            os.unlink(sock)
        # The host's tree does not change under us: cached, it is four times faster.  What is shared does: a size the guest
        # remembers for a second cuts off the end of a file that grew meanwhile.
        cache = ["-o", "cache=always"] if read_only else ["-o", "cache=auto", "-o", "timeout=0"]
        argv = [VIRTIOFSD, "--socket-path=" + sock, "-o", "source=" + source, *cache, "-o", "sandbox=chroot"]
        # A mount namespace of its own: its lock files vanish with it, and the guest cannot write the host's tree even
        # if it remounts its root.
        os.makedirs("/run/virtiofsd", exist_ok=True)
        script = ('mount --make-rprivate / && mount -t tmpfs -o mode=700 tmpfs /run/virtiofsd && mount --bind "$0" "$0"'
                  + (' && mount -o remount,bind,ro /' if read_only else '') + ' && exec "$@"')
        argv = ["unshare", "-m", "sh", "-c", script, self.dir] + argv
        await self.spawn(argv, "virtiofsd.log")
        for _ in range(100):
            if os.path.exists(sock):
                return
            await asyncio.sleep(0.05)
        raise RuntimeError("virtiofsd did not start; see " + self.path("virtiofsd.log"))

    def qemu_argv(self):
        o = self.options
        accel = ["-accel", "kvm", "-cpu", "host"] if o["accel"] == "kvm" else [
            "-accel", "tcg,thread=multi", "-cpu", "max,la57=off,cx16=off"]
        # tsc_early_khz, no_timer_check: TSC calibration can hang under emulation
        timing = "" if o["accel"] == "kvm" else " tsc_early_khz=2600000 no_timer_check"
        argv = ["qemu-system-x86_64", "-M", "q35"] + accel + [
            "-smp", str(o["cpus"]), "-m", o["memory"],
            "-object", "memory-backend-memfd,id=mem,size=%s,share=on" % o["memory"], "-numa", "node,memdev=mem",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", "file:" + self.path("console.log"),
            "-device", "virtio-serial-pci",
            "-chardev", "socket,id=ctl,server=on,wait=off,path=" + self.path("port.sock"),
            "-device", "virtserialport,chardev=ctl,name=flexvpn.control",
            "-chardev", "socket,id=c0,path=" + self.path("root.vfs"),
            "-device", "vhost-user-fs-pci,chardev=c0,tag=rootfs",
            "-chardev", "socket,id=c1,path=" + self.path("share.vfs"),
            "-device", "vhost-user-fs-pci,chardev=c1,tag=share",
            "-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"]
        for i, wire in enumerate(o["wires"]):
            argv += ["-netdev", "stream,id=w%d,server=%s,addr.type=unix,addr.path=%s" % (
                i, "on" if wire["server"] else "off", wire["path"]),
                "-device", "virtio-net-pci,netdev=w%d,mac=%s" % (i, wire["mac"])]
        return argv + ["-kernel", o["vmlinuz"], "-append",
                       "console=ttyS0 quiet panic=-1 root=rootfs rootfstype=virtiofs ro init=%s mitigations=off "
                       "net.ifnames=0 random.trust_cpu=on%s" % (self.path("boot/guest_init.py"), timing)]

    async def boot(self):
        """One attempt; raises on failure, leaves the pieces to kill_children()."""
        for name in ("port.sock", "console.log"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        self.hello.clear()
        await self.start_virtiofsd("root", "/", True)
        await self.start_virtiofsd("share", self.path("share"), False)
        qemu = await self.spawn(self.qemu_argv(), "qemu.log")
        deadline = time.monotonic() + self.options["boot_seconds"]
        while not os.path.exists(self.path("port.sock")):
            if qemu.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError("QEMU did not start; see " + self.path("qemu.log"))
            await asyncio.sleep(0.05)
        reader, self.port = await asyncio.open_unix_connection(self.path("port.sock"))
        asyncio.ensure_future(self.read_port(reader))
        exited = asyncio.ensure_future(qemu.wait())
        hello = asyncio.ensure_future(self.hello.wait())
        done, _ = await asyncio.wait({exited, hello}, timeout=deadline - time.monotonic(),
                                     return_when=asyncio.FIRST_COMPLETED)
        hello.cancel()
        if not done or exited in done:
            why = "the kernel ended" if done else "no answer within %d s" % self.options["boot_seconds"]
            raise RuntimeError("%s; console: %s" % (why, self.path("console.log")))
        return exited

    async def kill_children(self):
        for p in self.children:
            if p.returncode is None:
                try:
                    p.kill()
                except ProcessLookupError:
                    pass
        for p in self.children:
            await p.wait()
        self.children = []
        if self.port:
            self.port.close()
            self.port = None

    async def read_port(self, reader):
        cut = frames.Reader()
        while True:
            data = await reader.read(65536)
            if not data:
                return
            for channel, kind, body in cut.feed(data):
                self.from_guest(channel, kind, body)

    def from_guest(self, channel, kind, body):
        if kind == frames.HELLO:
            self.kernel = json.loads(body)["kernel"]
            self.hello.set()
            return
        client = self.clients.get(channel)
        if client is None:
            return
        if kind == frames.PAUSE:
            client.may_send.clear()
            return
        if kind == frames.RESUME:
            client.may_send.set()
            return
        if not client.writer.is_closing():
            client.writer.write(frames.pack(channel, kind, body))
            if not client.paused and client.writer.transport.get_write_buffer_size() > HIGH_WATER:
                client.paused = True
                self.port.write(frames.pack(channel, frames.PAUSE))
                asyncio.ensure_future(self.resume_when_drained(client))
        if kind == frames.EXIT:
            client.done = True
            self.clients.pop(channel, None)
            client.may_send.set()
            client.writer.close()

    async def resume_when_drained(self, client):
        try:
            await client.writer.drain()
            while client.writer.transport.get_write_buffer_size() > HIGH_WATER // 4:
                await asyncio.sleep(0.02)
        except (ConnectionError, OSError):
            pass
        client.paused = False
        if self.port:
            self.port.write(frames.pack(client.channel, frames.RESUME))

    async def serve(self, reader, writer):
        channel = self.next_channel
        self.next_channel += 1
        client = self.clients[channel] = Client(channel, writer)
        cut = frames.Reader()
        try:
            while True:
                data = await reader.read(65536)
                if not data:
                    break
                for _, kind, body in cut.feed(data):
                    if kind == frames.STDIN:
                        await client.may_send.wait()
                    if self.port and not client.done:
                        self.port.write(frames.pack(channel, kind, body))
                        await self.port.drain()
        except (ConnectionError, OSError, ValueError):
            pass
        if not client.done:
            self.clients.pop(channel, None)
            if self.port:
                self.port.write(frames.pack(channel, frames.HANGUP))
        writer.close()

    def stop(self):
        self.stopping = True
        self.ended.set()

    async def run(self):
        loop = asyncio.get_running_loop()
        for s in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(s, self.stop)
        t0 = time.monotonic()
        exited = None
        tries = self.options["boot_tries"]
        for attempt in range(1, tries + 1):
            self.status("booting", attempt=attempt, tries=tries)
            try:
                exited = await self.boot()
                break
            except (RuntimeError, OSError) as e:
                await self.kill_children()
                if os.path.exists(self.path("console.log")):
                    shutil.copyfile(self.path("console.log"), self.path("console-attempt%d.log" % attempt))
                if attempt == tries or self.stopping:
                    self.status("failed", detail=str(e))
                    return 1
        os.umask(0o177)
        server = await asyncio.start_unix_server(self.serve, self.path("control.sock"))
        self.status("ready", kernel=self.kernel, accel=self.options["accel"], attempt=attempt,
                    seconds=round(time.monotonic() - t0, 1))
        stop = asyncio.ensure_future(self.ended.wait())
        await asyncio.wait({exited, stop}, return_when=asyncio.FIRST_COMPLETED)
        server.close()
        if exited.done():
            self.status("failed", detail="the guest ended by itself; console: " + self.path("console.log"))
        else:
            self.port.write(frames.pack(0, frames.POWEROFF))
            await asyncio.wait({exited}, timeout=3)
        for client in list(self.clients.values()):
            client.writer.close()
        await self.kill_children()
        try:
            os.rmdir("/run/virtiofsd")
        except OSError:
            pass  # somebody else's virtiofsd uses it
        if self.stopping:
            self.status("down")
        return 0


def main():
    os.umask(0o077)
    return asyncio.run(Supervisor(sys.argv[1]).run())


if __name__ == "__main__":
    sys.exit(main())
