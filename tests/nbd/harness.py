"""Runs weft-nbd for a test, and talks NBD to it byte by byte.

WEFT_NBD names the server's binary; WEFT_REACTOR is passed on. WEFT_NBD_QUICK=1, for builds with a sanitizer, cuts rounds and sizes, and
lets servers have two threads where a test does not say how many.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import PATIENCE, Program, eventually, running  # noqa: E402, F401: the tests take eventually() from here

SERVER = os.environ.get("WEFT_NBD", "")
QUICK = os.environ.get("WEFT_NBD_QUICK") == "1"


def main():
    """Runs the calling file's tests; 77 tells ctest that something needed is missing."""
    missing = [tool for tool in ("nbdinfo", "nbdcopy", "qemu-img", "qemu-io", "fio") if not shutil.which(tool)]
    if not SERVER or missing:
        print("skipped: needs WEFT_NBD and", " ".join(missing) or "no more")
        sys.exit(77)
    unittest.main()


class Server(Program):
    """One running weft-nbd."""

    def __init__(self, *arguments, tcp=False, unix=None, **options):
        self.folder = tempfile.mkdtemp(prefix="weft-nbd-")
        self.socket_path = unix or os.path.join(self.folder, "s")
        where = ["--listen", "127.0.0.1:0"] if tcp else ["--unix", self.socket_path]
        threads = ["--threads", "2"] if QUICK and "--threads" not in arguments else []
        super().__init__(SERVER, *where, *threads, "--live", "never", *arguments, **options)
        try:
            line = self.wait_for_line(r"listening on (\S+)")
        except AssertionError:
            self.kill()
            raise
        self.address = re.search(r"listening on (\S+)", line).group(1)

    def uri(self, export=""):
        if self.address.startswith("unix:"):
            return f"nbd+unix:///{export}?socket={self.socket_path}"
        return f"nbd://{self.address}/{export}"

    def connect(self):
        if self.address.startswith("unix:"):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(self.socket_path)
        else:
            host, port = self.address.rsplit(":", 1)
            s = socket.create_connection((host, int(port)), PATIENCE)
        return s

    def status(self):
        """What SIGUSR1 makes it say: connections, requests in flight, coroutines."""
        after = len(self.lines)
        self.process.send_signal(signal.SIGUSR1)
        line = self.wait_for_line(r"status:", after)
        numbers = re.search(r"(\d+) connections?, (\d+) requests? in flight, (\d+) coroutines?", line)
        return dict(zip(("connections", "in_flight", "coroutines"), map(int, numbers.groups())))

    def finish(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        super().finish()


def serving(*arguments, expected=0, **options):
    return running(Server(*arguments, **options), expected)


OPTION_MAGIC = 0x49484156454F5054
(EXPORT_NAME, ABORT, LIST, INFO, GO, STRUCTURED_REPLY) = (1, 2, 3, 6, 7, 8)
(LIST_META_CONTEXT, SET_META_CONTEXT, EXTENDED_HEADERS) = (9, 10, 11)
(ACK, REPLY_SERVER, REPLY_INFO, REPLY_META_CONTEXT) = (1, 2, 3, 4)
(ERR_UNSUP, ERR_INVALID, ERR_UNKNOWN, ERR_TOO_BIG) = (0x80000001, 0x80000003, 0x80000006, 0x80000009)
ERR_EXT_HEADER_REQD = 0x8000000A
(READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS) = range(8)
FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO, PAYLOAD_LEN = 1, 2, 4, 8, 16, 32
(EPERM, EIO, ENOMEM, EINVAL, ENOSPC, EOVERFLOW, ENOTSUP) = (1, 5, 12, 22, 28, 75, 95)


def text(data):
    """Bytes with their length in front."""
    return struct.pack(">I", len(data)) + data


def go_data(export, wanted=()):
    return text(export.encode()) + struct.pack(f">H{len(wanted)}H", len(wanted), *wanted)


def meta_data(export, *queries):
    return text(export.encode()) + struct.pack(">I", len(queries)) + b"".join(text(q.encode()) for q in queries)


class Client:
    """An NBD client that can do everything wrong."""

    def __init__(self, server, export="", structured=False, go=True, extended=False, contexts=()):
        self.s = server.connect()
        self.structured = structured or extended
        self.extended = extended
        self.lengths = {}  # of the reads that are under way, by cookie
        magic, option_magic, flags = struct.unpack(">QQH", self.receive(18))
        assert (magic, option_magic, flags) == (0x4E42444D41474943, OPTION_MAGIC, 3)
        self.s.sendall(struct.pack(">I", 3))
        if self.structured:
            assert self.option(EXTENDED_HEADERS if extended else STRUCTURED_REPLY)[-1][0] == ACK
        if contexts:
            assert self.option(SET_META_CONTEXT, meta_data(export, *contexts))[-1][0] == ACK
        if go:
            replies = self.option(GO, go_data(export))
            assert replies[-1][0] == ACK, replies
            about = next(data for kind, data in replies if kind == REPLY_INFO and data[:2] == b"\0\0")
            self.size, self.flags = struct.unpack(">QH", about[2:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.s.close()

    def receive(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.s.recv(size - len(data))
            if not part:
                raise EOFError(f"{len(data)} of {size} bytes")
            data += part
        return bytes(data)

    def send_option(self, code, data=b"", length=None):
        self.s.sendall(struct.pack(">QII", OPTION_MAGIC, code, len(data) if length is None else length) + data)

    def option(self, code, data=b""):
        """Sends an option; the replies, up to the last, as (type, data)."""
        self.send_option(code, data)
        replies = []
        while not replies or replies[-1][0] in (REPLY_SERVER, REPLY_INFO, REPLY_META_CONTEXT):
            replies.append(self.option_reply(code))
        return replies

    def option_reply(self, code):
        magic, echoed, kind, length = struct.unpack(">QIII", self.receive(20))
        assert (magic, echoed) == (0x3E889045565A9, code)
        return kind, self.receive(length)

    def send(self, command, offset=0, length=0, data=b"", flags=0, cookie=1):
        if command == READ:
            self.lengths[cookie] = length
        head = struct.pack(">IHHQQQ", 0x21E41C71, flags, command, cookie, offset, length) if self.extended else \
            struct.pack(">IHHQQI", 0x25609513, flags, command, cookie, offset, length)
        self.s.sendall(head + data)

    def reply(self):
        """(cookie, error, data) of the next reply; the data of a block status is its list of (length, flags)."""
        magic, = struct.unpack(">I", self.receive(4))
        if magic == 0x67446698:
            error, cookie = struct.unpack(">IQ", self.receive(12))
            length = self.lengths.pop(cookie, 0)
            return cookie, error, self.receive(length) if not error else b""
        if self.extended:
            assert magic == 0x6E8A278C, hex(magic)
            flags, kind, cookie, _, length = struct.unpack(">HHQQQ", self.receive(28))
        else:
            assert magic == 0x668E33EF, hex(magic)
            flags, kind, cookie, length = struct.unpack(">HHQI", self.receive(16))
        assert flags == 1
        self.lengths.pop(cookie, None)
        body = self.receive(length)
        if kind & 0x8000:
            return cookie, struct.unpack(">I", body[:4])[0], b""
        if kind == 5:
            return cookie, 0, list(struct.iter_unpack(">II", body[4:]))
        if kind == 6:
            parts = list(struct.iter_unpack(">QQ", body[8:]))
            assert struct.unpack(">II", body[:8]) == (1, len(parts))
            return cookie, 0, parts
        return cookie, 0, body[8:]

    def do(self, command, offset=0, length=0, data=b"", flags=0):
        """Sends a request and waits for its reply: (error, data)."""
        self.send(command, offset, length or len(data), data, flags)
        _, error, answer = self.reply()
        return error, answer

    def ask_and_never_read(self, count, length):
        """Sends so many reads, or as many as there is room for. The client is of no use afterwards."""
        self.s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for cookie in range(count):
                self.send(READ, 0, length, cookie=cookie)

    def closed_by_server(self):
        try:
            return self.s.recv(1) == b""
        except ConnectionResetError:
            return True


class ImageTest(unittest.TestCase):
    """A test with a folder of its own, and an image `disk` of 16 MiB in it."""

    SIZE = 16 << 20

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weft-nbd-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.image = self.path("disk")
        with open(self.image, "wb") as f:
            f.truncate(self.SIZE)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_tool(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, cwd=self.folder)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout
