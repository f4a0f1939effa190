# SPDX-License-Identifier: Apache-2.0
"""The frames of the guest's control channel (virtio-serial port and the supervisor's unix socket).

A frame is a 9-byte header, network byte order, and a body:

    u32 channel   one running command; 0 = the guest itself
    u8  type      see below
    u32 length    of the body, at most MAX_BODY

Several commands run at once, each on its own channel.  Bodies are raw bytes or JSON (UTF-8).
"""
import json
import struct

HEADER = struct.Struct("!IBI")
MAX_BODY = 1 << 20

# to the guest
EXEC = 1        # JSON {"argv": [...], "env": {...}, "cwd": str|null, "tty": bool}
STDIN = 2       # bytes
STDIN_EOF = 3   # empty
SIGNAL = 4      # JSON {"signal": n}: to the command's process group
HANGUP = 5      # empty: the asker is gone; the command is ended
POWEROFF = 6    # empty, channel 0
# from the guest
HELLO = 16      # JSON {"kernel": str}, channel 0: ready for commands
STARTED = 17    # JSON {"pid": n}
STDOUT = 18     # bytes
STDERR = 19     # bytes
EXIT = 20       # JSON {"code": n} (negative = ended by that signal) or {"error": str}
# both ways: stop and go on sending STDOUT/STDERR (to the guest) or STDIN (from the guest)
PAUSE = 32
RESUME = 33


def pack(channel, kind, body=b""):
    """One frame.  `body`: bytes, or a dict which becomes JSON."""
    if isinstance(body, dict):
        body = json.dumps(body).encode()
    return HEADER.pack(channel, kind, len(body)) + body


class Reader:
    """Cuts a byte stream into frames."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, data):
        """Adds bytes and returns the whole frames: a list of (channel, type, body)."""
        self._buffer += data
        out = []
        while len(self._buffer) >= HEADER.size:
            channel, kind, length = HEADER.unpack_from(self._buffer)
            if length > MAX_BODY:
                raise ValueError("frame of %d bytes: the stream is out of step" % length)
            end = HEADER.size + length
            if len(self._buffer) < end:
                break
            out.append((channel, kind, bytes(self._buffer[HEADER.size:end])))
            del self._buffer[:end]
        return out
