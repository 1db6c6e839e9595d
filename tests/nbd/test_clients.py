"""Real clients against weft-nbd: libnbd's tools, QEMU's, and fio."""

import json
import os
import subprocess
import sys
import time

from harness import QUICK, ImageTest, eventually, main, serving

DATA = 8 << 20 if QUICK else 64 << 20

# What nbdsh runs: `h` is connected.
LIBNBD = """
def parts(length, offset, flags=0):
    found = []
    h.block_status(length, offset, lambda context, at, entries, error: found.extend(entries), flags)
    return found

assert h.can_meta_context('base:allocation')
x = bytearray(b'x' * 65536)
h.pwrite(x, 0)
h.pwrite(x, 65536, nbd.CMD_FLAG_FUA)
assert h.pread(131072, 0) == x + x
for flags in (0, nbd.CMD_FLAG_DF):
    seen = []
    h.pread_structured(131072, 0, lambda data, at, status, error: seen.append((len(data), at, status)), flags)
    assert seen == [(131072, 0, nbd.READ_DATA)], seen
h.cache(65536, 0)
h.flush()
assert parts(131072, 0) == [131072, 0], parts(131072, 0)
h.trim(65536, 0)
h.trim(4096, 65536, nbd.CMD_FLAG_FUA)
h.zero(4096, 65536)
h.zero(4096, 65536, nbd.CMD_FLAG_NO_HOLE)
h.zero(4096, 65536, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
try:
    h.zero(4096, 65536, nbd.CMD_FLAG_FAST_ZERO)
except nbd.Error as e:
    assert e.errnum == 95
assert h.pread(69632, 0) == bytearray(69632)
assert len(parts(131072, 0)) > 2
assert len(parts(131072, 0, nbd.CMD_FLAG_REQ_ONE)) == 2
h.set_strict_mode(0)
for wrong in (lambda: h.pread(512, h.get_size()), lambda: h.pwrite(x, h.get_size()), lambda: h.trim(512, h.get_size()),
              lambda: h.pread(512, 0, 1 << 9), lambda: h.zero(512, h.get_size()), lambda: h.cache(512, h.get_size())):
    try:
        wrong()
        raise SystemExit('not refused')
    except nbd.Error as e:
        assert e.errnum in (22, 28), e
assert h.pread(512, 0) == bytearray(512)
h.shutdown()
"""


class RealClients(ImageTest):
    def same_bytes(self, a, b, size):
        self.run_tool("cmp", "-n", size, a, b)

    def random_file(self, name, size=DATA):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(os.urandom(size))
        return path

    def test_nbdinfo_lists_and_describes_the_exports(self):
        other = self.random_file("other.img", 1 << 20)
        with serving(f"first={self.image}", other) as server:
            exports = json.loads(self.run_tool("nbdinfo", "--list", "--json", server.uri()))["exports"]
            self.assertEqual({e["export-name"]: e["export-size"] for e in exports},
                             {"first": self.SIZE, "other.img": 1 << 20})
            self.assertFalse(any(e["is_read_only"] for e in exports))
            self.assertEqual(int(self.run_tool("nbdinfo", "--size", server.uri("other.img"))), 1 << 20)

    def test_the_empty_name_means_the_first_image(self):
        with serving(f"first={self.image}", self.random_file("b", 4096)) as server:
            self.assertEqual(int(self.run_tool("nbdinfo", "--size", server.uri())), self.SIZE)

    def test_read_only_is_announced_and_kept(self):
        with serving("--read-only", self.image) as server:
            export = json.loads(self.run_tool("nbdinfo", "--json", server.uri()))["exports"][0]
            self.assertTrue(export["is_read_only"])
            refused = subprocess.run(["nbdcopy", self.random_file("in", 4096), server.uri()], capture_output=True)
            self.assertNotEqual(refused.returncode, 0)

    def copy_in_and_out(self, tcp):
        source = self.random_file("in")
        with serving("--size", DATA, self.path("target"), tcp=tcp) as server:
            self.run_tool("nbdcopy", "--connections=4", source, server.uri())
            self.run_tool("nbdcopy", "--connections=4", server.uri(), self.path("out"))
        self.same_bytes(source, self.path("out"), DATA)
        self.same_bytes(source, self.path("target"), DATA)

    def test_nbdcopy_in_and_out_over_a_unix_socket(self):
        self.copy_in_and_out(tcp=False)

    def test_nbdcopy_in_and_out_over_tcp(self):
        self.copy_in_and_out(tcp=True)

    def test_qemu_img_converts_to_and_from(self):
        source = self.random_file("in.raw")
        self.run_tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", source, self.path("in.qcow2"))
        with serving("--size", DATA, self.path("target")) as server:
            self.run_tool("qemu-img", "convert", "-n", "-f", "qcow2", "-O", "raw", self.path("in.qcow2"), server.uri())
            self.run_tool("qemu-img", "compare", "-f", "qcow2", "-F", "raw", self.path("in.qcow2"), server.uri())
            self.run_tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", server.uri(), self.path("out.qcow2"))
        self.run_tool("qemu-img", "compare", "-f", "raw", "-F", "qcow2", source, self.path("out.qcow2"))

    def test_qemu_io_patterns(self):
        commands = ["write -P 0xab 0 1M", "read -P 0xab 0 1M", "write -P 0xcd 4k 4k", "read -P 0xcd 4k 4k",
                    "flush", "discard 0 64k", "read -P 0 0 64k", "write -z 256k 64k", "read -P 0 256k 64k",
                    "write -z -u 512k 64k", "read -P 0 512k 64k", "read -P 0xab 320k 192k",
                    "write -f -P 0x11 1M 512", "read -P 0x11 1M 512", "aio_write -P 0x22 2M 1M",
                    "aio_write -P 0x33 3M 1M", "aio_flush", "read -P 0x22 2M 1M", "read -P 0x33 3M 1M"]
        with serving(self.image) as server:
            arguments = [word for command in commands for word in ("-c", command)]
            out = self.run_tool("qemu-io", "-f", "raw", *arguments, server.uri())
            self.assertNotIn("failed", out)

    def blocks(self, path):
        """How many bytes the file takes on the disk."""
        return os.stat(path).st_blocks * 512

    def sparse_file(self, name, size=DATA):
        """One MiB of data in the middle of a hole."""
        path = self.path(name)
        with open(path, "wb") as f:
            f.truncate(size)
            f.seek(size // 2)
            f.write(os.urandom(1 << 20))
        return path

    def test_nbdinfo_maps_the_holes(self):
        source = self.sparse_file("sparse")
        with serving(source) as server:
            found = json.loads(self.run_tool("nbdinfo", "--map", "--json", server.uri()))
            self.assertEqual([(part["offset"], part["length"], part["description"]) for part in found],
                             [(0, DATA // 2, "hole,zero"), (DATA // 2, 1 << 20, "data"),
                              (DATA // 2 + (1 << 20), DATA // 2 - (1 << 20), "hole,zero")])
            self.assertRegex(self.run_tool("nbdinfo", "--map", "--totals", server.uri()), r"hole,zero")

    def test_nbdinfo_tells_what_the_server_can(self):
        with serving("--description", "a disk", self.image) as server:
            export = json.loads(self.run_tool("nbdinfo", "--json", server.uri()))["exports"][0]
            for flag in ("can_cache", "can_df", "can_fast_zero", "can_flush", "can_fua", "can_multi_conn", "can_trim",
                         "can_zero"):
                self.assertTrue(export[flag], flag)
            self.assertEqual((export["contexts"], export["description"]), (["base:allocation"], "a disk"))
            for flag in ("cache", "df", "fast-zero", "flush", "fua", "multi-conn", "trim", "write", "zero"):
                self.run_tool("nbdinfo", "--can", flag, server.uri())

    def test_nbdcopy_keeps_holes_in_and_out(self):
        source = self.sparse_file("sparse")
        with serving("--size", DATA, self.path("target")) as server:
            self.run_tool("nbdcopy", "--flush", source, server.uri())
            self.run_tool("nbdcopy", server.uri(), self.path("out"))
            self.run_tool("nbdcopy", "--synchronous", server.uri(), self.path("out.synchronous"))
        for path in ("target", "out", "out.synchronous"):
            self.same_bytes(source, self.path(path), DATA)
            self.assertLess(self.blocks(self.path(path)), 4 << 20, path)

    def copying_time(self, image):
        """Of the fastest of five copies: the least disturbed one."""
        def copy(server):
            start = time.perf_counter()
            self.run_tool("nbdcopy", server.uri(), self.path("copied"))
            return time.perf_counter() - start
        with serving(image) as server:
            return min(copy(server) for _ in range(5))

    def test_the_copy_of_a_large_hole_takes_hardly_longer_than_that_of_a_small_one(self):
        for name, size in (("small", 1 << 20), ("large", 3 << 30)):
            with open(self.path(name), "wb") as f:
                f.truncate(size)
        self.assertLess(self.copying_time(self.path("large")), 5 * self.copying_time(self.path("small")))

    def test_nbdcopy_without_holes_and_between_two_exports(self):
        source = self.sparse_file("sparse")
        with serving("--size", DATA, f"a={source}", f"b={self.path('b')}", f"c={self.path('c')}") as server:
            self.run_tool("nbdcopy", server.uri("a"), server.uri("b"))
            self.run_tool("nbdcopy", "--allocated", "--requests=4", "--request-size=1048576", server.uri("a"), server.uri("c"))
        for name in ("b", "c"):
            self.same_bytes(source, self.path(name), DATA)
        self.assertLess(self.blocks(self.path("b")), 4 << 20)
        self.assertGreaterEqual(self.blocks(self.path("c")), DATA)

    def test_qemu_img_maps_and_copies_holes(self):
        source = self.sparse_file("sparse")
        with serving("--size", DATA, f"a={source}", f"b={self.path('b')}") as server:
            found = json.loads(self.run_tool("qemu-img", "map", "--output=json", "-f", "raw", server.uri("a")))
            self.assertEqual([(part["start"], part["length"], part["zero"]) for part in found],
                             [(0, DATA // 2, True), (DATA // 2, 1 << 20, False),
                              (DATA // 2 + (1 << 20), DATA // 2 - (1 << 20), True)])
            self.run_tool("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", server.uri("a"), server.uri("b"))
            self.run_tool("qemu-img", "compare", "-f", "raw", "-F", "raw", server.uri("a"), server.uri("b"))
        self.same_bytes(source, self.path("b"), DATA)
        self.assertLess(self.blocks(self.path("b")), 4 << 20)

    def test_an_image_whose_size_is_no_multiple_of_512(self):
        size = 5_000_000 if QUICK else 50_000_000
        with serving("--size", size, self.path("odd")) as server:
            for more in ([], ["-w"], ["-w", "--flush-interval=64"]):
                self.run_tool("qemu-img", "bench", "-f", "raw", "-c", "500", "-d", "16", "-s", "4096", *more, server.uri())
            self.run_tool("fio", "--name=odd", "--ioengine=nbd", f"--uri={server.uri()}", "--rw=randrw", "--bs=4k",
                          f"--size={size}", "--io_size=4m", "--iodepth=16", "--verify=crc32c", "--randseed=7")
            self.assertEqual(int(self.run_tool("nbdinfo", "--size", server.uri())), size)

    def test_nbdkit_as_a_client_in_front(self):
        with serving(self.image) as server:
            for shared in ("false", "true"):
                front = f"nbd+unix:///?socket={self.path('front')}"
                nbdkit = subprocess.Popen(["nbdkit", "--foreground", "--unix", self.path("front"), "nbd",
                                           f"socket={server.socket_path}", f"shared={shared}"])
                try:
                    eventually("nbdkit listens", lambda: os.path.exists(self.path("front")))
                    data = self.random_file("data", self.SIZE)
                    self.run_tool("nbdcopy", "--connections=4", "--flush", data, front)
                    self.run_tool("nbdcopy", "--connections=4", front, self.path("back"))
                    self.same_bytes(data, self.path("back"), self.SIZE)
                    self.run_tool("nbdinfo", "--map", front)
                finally:
                    nbdkit.terminate()
                    nbdkit.wait()
                    os.remove(self.path("front"))

    def test_libnbd_each_command_and_each_flag(self):
        pythons = [sys.executable, "/usr/bin/python3"]  # Debian's package is for Debian's own
        having = [python for python in pythons
                  if os.path.exists(python) and subprocess.run([python, "-c", "import nbd"], capture_output=True).returncode == 0]
        if not having:
            self.skipTest("needs python3-libnbd")
        with serving(self.image) as server:  # `python3 -m nbd` is what nbdsh runs
            self.run_tool(having[0], "-m", "nbd", "--base-allocation", "-u", server.uri(), "-c", LIBNBD)

    def test_fio_verifies_random_reads_and_writes_of_mixed_sizes(self):
        region = (4 if QUICK else 16) << 20
        with serving("--size", 4 * region, self.path("target")) as server:
            self.run_tool("fio", "--name=verify", "--ioengine=nbd", f"--uri={server.uri()}", "--rw=randrw",
                          "--bssplit=512/20:4k/40:16k/20:64k/15:128k/5", "--numjobs=4", f"--size={region}",
                          f"--offset_increment={region}", "--iodepth=16", "--verify=crc32c", "--do_verify=1",
                          "--verify_fatal=1", "--randseed=7", "--group_reporting")


if __name__ == "__main__":
    main()
