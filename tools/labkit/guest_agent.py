#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs inside the guest, started by guest-init: takes commands from the control channel.

Needs only the standard library and frames.py beside it.  Ends when told to power off.
"""
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames  # noqa: E402  (path set above)

PORT_NAME = "flexvpn.control"
CHUNK = 32768
STDIN_HIGH, STDIN_LOW = 1 << 20, 1 << 18


def open_port():
    base = "/sys/class/virtio-ports"
    for name in os.listdir(base):
        with open(f"{base}/{name}/name", encoding="ascii") as f:
            if f.read().strip() == PORT_NAME:
                return os.open(f"/dev/{name}", os.O_RDWR)
    raise SystemExit("no virtio port named " + PORT_NAME)


class Port:
    """The one pipe to the host; frames of many threads must not mix."""

    def __init__(self, fd):
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, channel, kind, body=b""):
        data = memoryview(frames.pack(channel, kind, body))
        with self._lock:
            while data:
                data = data[os.write(self._fd, data):]

    def read(self):
        while True:
            data = os.read(self._fd, 65536)
            if data:
                return data
            time.sleep(0.05)  # the host side is not connected (yet)


class Command:
    """One command, its streams and its end."""

    def __init__(self, port, channel, request, forget):
        self._port, self._channel, self._forget = port, channel, forget
        self._go = threading.Event()
        self._go.set()
        self._stdin = []
        self._stdin_bytes = 0
        self._stdin_paused = False
        self._wake = threading.Condition()
        env = dict(os.environ)
        env.update(request.get("env") or {})
        args = dict(env=env, cwd=request.get("cwd") or "/", start_new_session=True)
        if request.get("tty"):
            master, slave = pty.openpty()
            if request.get("size"):
                rows, cols = request["size"]
                termios.tcsetwinsize(slave, (rows, cols))
            # The shell opens the terminal again and so makes it its controlling one; until then it holds this one: with
            # none open the other end would report the end of the output.
            argv = ["/bin/sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(slave)] + request["argv"]
            self._process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, **args)
            os.close(slave)
            self._stdin_fd = master
            streams = [(master, frames.STDOUT)]
        else:
            self._process = subprocess.Popen(
                request["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, **args)
            self._stdin_fd = os.dup(self._process.stdin.fileno())
            self._process.stdin.close()
            streams = [(self._process.stdout.fileno(), frames.STDOUT),
                       (self._process.stderr.fileno(), frames.STDERR)]
        port.send(channel, frames.STARTED, {"pid": self._process.pid})
        self._pumps = [threading.Thread(target=self._pump, args=s, daemon=True) for s in streams]
        for t in self._pumps:
            t.start()
        threading.Thread(target=self._feed, daemon=True).start()
        threading.Thread(target=self._finish, daemon=True).start()

    def _pump(self, fd, kind):
        while True:
            self._go.wait()
            try:
                data = os.read(fd, CHUNK)
            except OSError:  # a terminal whose other end is closed
                data = b""
            if not data:
                return
            self._port.send(self._channel, kind, data)

    def _feed(self):
        while True:
            with self._wake:
                while not self._stdin:
                    self._wake.wait()
                data = self._stdin.pop(0)
                if data is None:
                    os.close(self._stdin_fd)
                    return
                self._stdin_bytes -= len(data)
                resume = self._stdin_paused and self._stdin_bytes < STDIN_LOW
                if resume:
                    self._stdin_paused = False
            if resume:
                self._port.send(self._channel, frames.RESUME)
            try:
                while data:
                    data = data[os.write(self._stdin_fd, data):]
            except OSError:  # nobody reads it any more
                pass

    def _finish(self):
        code = self._process.wait()
        for t in self._pumps:
            # A background child may hold the streams open for ever: the command's end is what counts,
            # what it wrote before is in the pipe and is read within moments.
            t.join(timeout=2.0)
        self._port.send(self._channel, frames.EXIT, {"code": code})
        self._forget(self._channel)
        self.stdin(None)

    def stdin(self, data):
        with self._wake:
            self._stdin.append(data)
            self._stdin_bytes += len(data) if data else 0
            pause = not self._stdin_paused and self._stdin_bytes > STDIN_HIGH
            if pause:
                self._stdin_paused = True
            self._wake.notify()
        if pause:
            self._port.send(self._channel, frames.PAUSE)

    def signal(self, number):
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass

    def flow(self, go):
        if go:
            self._go.set()
        else:
            self._go.clear()

    def hangup(self):
        self._go.set()
        self.signal(signal.SIGTERM)
        timer = threading.Timer(2.0, self.signal, (signal.SIGKILL,))
        timer.daemon = True
        timer.start()


class Agent:
    def __init__(self, port):
        self._port = port
        self._commands = {}

    def handle(self, channel, kind, body):
        """Returns False when the guest is to power off."""
        if kind == frames.POWEROFF:
            return False
        if kind == frames.EXEC:
            self._exec(channel, json.loads(body))
            return True
        command = self._commands.get(channel)
        if command is None:
            return True  # it ended while the frame was under way
        if kind == frames.STDIN:
            command.stdin(body)
        elif kind == frames.STDIN_EOF:
            command.stdin(None)
        elif kind == frames.SIGNAL:
            command.signal(json.loads(body)["signal"])
        elif kind == frames.HANGUP:
            command.hangup()
        elif kind in (frames.PAUSE, frames.RESUME):
            command.flow(kind == frames.RESUME)
        return True

    def _exec(self, channel, request):
        try:
            self._commands[channel] = Command(self._port, channel, request,
                                              lambda c: self._commands.pop(c, None))
        except (OSError, ValueError, KeyError) as e:
            self._port.send(channel, frames.EXIT, {"error": str(e)})


def main():
    fd = open_port()
    fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    port = Port(fd)
    agent = Agent(port)
    port.send(0, frames.HELLO, {"kernel": os.uname().release})
    reader = frames.Reader()
    while True:
        for frame in reader.feed(port.read()):
            if not agent.handle(*frame):
                return


if __name__ == "__main__":
    main()
