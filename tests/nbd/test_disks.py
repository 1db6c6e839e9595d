"""Disks that are slow, or lose what was written: a file whose reads and syncs are scripts of nbdkit's, and a block device on a file
system that gets full."""

import contextlib
import os
import shutil
import subprocess
import unittest

from full_disk import BLOCK, NotAllowed, full_disk
from harness import (EINVAL, EIO, FLUSH, FUA, PATIENCE, READ, WRITE, Client, ImageTest, eventually, main, serving)

ALLOWED = os.access("/dev/fuse", os.R_OK | os.W_OK) and all(map(shutil.which, ("nbdkit", "nbdfuse")))


class Scripted(ImageTest):
    """Reads and syncs of the file wait while `held` exists; syncs fail while `broken` does, and each adds a line to `syncs`."""

    def setUp(self):
        super().setUp()
        if not ALLOWED:
            self.skipTest("needs /dev/fuse, nbdkit and nbdfuse")
        self.held, self.broken, self.syncs = self.path("held"), self.path("broken"), self.path("syncs")

    @contextlib.contextmanager
    def disk(self):
        mounted = self.path("mounted")
        os.mkdir(mounted)
        file = os.path.join(mounted, "file")
        script = {"get_size": f"echo {self.SIZE}", "can_write": "exit 0", "can_flush": "exit 0", "can_fua": "echo emulate",
                  "pread": f"while [ -e {self.held} ]; do sleep 0.05; done; head -c $3 /dev/zero", "pwrite": "cat >/dev/null",
                  "flush": f"echo >>{self.syncs}; while [ -e {self.held} ]; do sleep 0.05; done; "
                           f"if [ -e {self.broken} ]; then echo EIO >&2; exit 1; fi", "thread_model": "echo parallel"}
        nbdfuse = subprocess.Popen(["nbdfuse", file, "--command", "nbdkit", "-s", "--exit-with-parent", "eval",
                                    *(f"{name}={body}" for name, body in script.items())])
        try:
            eventually("the file is there", lambda: os.path.exists(file))
            yield file
        finally:
            nbdfuse.terminate()  # it unmounts
            nbdfuse.wait(PATIENCE)
            subprocess.run(["umount", "-l", mounted], capture_output=True, check=False)  # if it could not

    def count_syncs(self):
        with open(self.syncs) as file:
            return len(file.readlines())

    @contextlib.contextmanager
    def there(self, sign):
        """Removed in any case: a server whose read waits for ever can't be ended."""
        with open(sign, "w"):
            pass
        try:
            yield
        finally:
            os.remove(sign)


class Lossy(unittest.TestCase):
    """4 MiB, and room for a quarter of a mebibyte."""

    BLOCKS = (4 << 20) // BLOCK

    def setUp(self):
        try:
            self.disk = self.enterContext(full_disk(self.BLOCKS * BLOCK, 256 << 10))
        except NotAllowed as command:
            self.skipTest(f"needs to be allowed: {command}")

    def test_writes_that_were_lost_fail_every_flush_of_every_client(self):
        with serving(self.disk.device, expected=1) as server, Client(server) as writer, Client(server) as other:
            for block in range(0, self.BLOCKS, 16):
                self.assertEqual(writer.do(WRITE, block * BLOCK, data=b"x" * BLOCK * 16)[0], 0)
            for client in (other, writer, other, writer):
                self.assertEqual(client.do(FLUSH)[0], EIO)

    def test_none_of_many_durable_writes_at_once_is_acknowledged_and_lost(self):
        self.assertEqual(self.disk.missing({0: b"x" * BLOCK}), [0])
        written, refused = {}, 0
        with serving(self.disk.device, expected=1) as server, contextlib.ExitStack() as connections:
            clients = [connections.enter_context(Client(server)) for _ in range(4)]
            for first in range(0, 128, 32):
                sent = {}
                for block in range(first, first + 32):
                    sent[block] = os.urandom(BLOCK)
                    clients[block % 4].send(WRITE, block * BLOCK, BLOCK, sent[block], FUA, block)
                for block in range(first, first + 32):
                    cookie, error, _ = clients[block % 4].reply()
                    if error == 0:
                        written[cookie] = sent[cookie]
                    refused += error != 0
        self.assertEqual(self.disk.missing(written), [])
        self.assertGreater(len(written), 0)
        self.assertGreater(refused, 0)


class Slow(Scripted):
    def holds_up_nobody(self, length):
        with self.disk() as slow, serving(f"slow={slow}", f"fast={self.image}") as server:
            with Client(server, "slow") as waiting, Client(server, "fast") as other:
                with self.there(self.held):
                    waiting.send(READ, 8 << 20, length, cookie=1)
                    waiting.send(READ, self.SIZE, length, cookie=2)
                    self.assertEqual(waiting.reply()[:2], (2, EINVAL))  # overtakes it
                    for offset in range(0, 4 << 20, 64 << 10):
                        self.assertEqual(other.do(READ, offset, 64 << 10), (0, bytes(64 << 10)))
                    self.assertEqual(other.do(WRITE, 0, data=b"x" * 4096)[0], 0)
                    self.assertEqual(other.do(FLUSH)[0], 0)
                    eventually("it alone is in flight", lambda: server.status()["in_flight"] == 1)
                self.assertEqual(waiting.reply()[:2], (1, 0))

    def test_a_small_read_that_waits_for_it_holds_up_nobody(self):
        self.holds_up_nobody(4096)

    def test_a_large_read_that_waits_for_it_holds_up_nobody(self):
        self.holds_up_nobody(1 << 20)


class Busy(Scripted):
    def test_one_sync_does_for_all_flushes_that_have_come_before_it_begins(self):
        with self.disk() as disk, serving("--threads", 2, disk) as server, contextlib.ExitStack() as connections:
            clients = [connections.enter_context(Client(server)) for _ in range(6)]
            with self.there(self.held):
                clients[0].send(FLUSH, cookie=0)
                eventually("it syncs", lambda: os.path.exists(self.syncs))
                before = self.count_syncs()
                for cookie, client in enumerate(clients[1:], 1):
                    client.send(FLUSH, cookie=cookie)
                eventually("all wait", lambda: server.status()["in_flight"] == len(clients))
            for cookie, client in enumerate(clients):
                self.assertEqual(client.reply()[:2], (cookie, 0))
            self.assertEqual(self.count_syncs(), before + 1)

    def test_of_durable_writes_at_once_most_share_a_sync(self):
        with self.disk() as disk, serving("--threads", 2, disk) as server, Client(server) as client:
            with self.there(self.held):
                for cookie in range(8):
                    client.send(WRITE, cookie * 4096, 4096, bytes(4096), FUA, cookie)
                eventually("all are under way", lambda: server.status()["in_flight"] == 8)
            self.assertEqual(sorted(client.reply()[:2] for _ in range(8)), [(cookie, 0) for cookie in range(8)])
            self.assertLess(self.count_syncs(), 8)


class Broken(Scripted):
    def stays_failed(self, fail):
        with self.disk() as disk, serving(disk, expected=1) as server, Client(server) as client:
            self.assertEqual(client.do(WRITE, 0, data=bytes(4096))[0], 0)
            self.assertEqual(client.do(FLUSH)[0], 0)
            with self.there(self.broken):
                self.assertEqual(fail(client), EIO)
            with open(disk, "r+b") as file:
                os.fsync(file.fileno())  # the system has forgotten it
            self.assertEqual(client.do(FLUSH)[0], EIO)
            with Client(server) as other:
                self.assertEqual(other.do(FLUSH)[0], EIO)

    def test_after_a_flush_that_failed_all_fail(self):
        self.stays_failed(lambda client: client.do(FLUSH)[0])

    def test_after_a_durable_write_that_failed_all_flushes_fail(self):
        self.stays_failed(lambda client: client.do(WRITE, 0, data=bytes(4096), flags=FUA)[0])


if __name__ == "__main__":
    main()
