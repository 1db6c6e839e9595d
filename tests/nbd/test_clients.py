"""Real clients against weft-nbd: libnbd's tools, QEMU's, and fio."""

import json
import os
import subprocess

from harness import QUICK, ImageTest, main, serving

DATA = 8 << 20 if QUICK else 64 << 20


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

    def test_fio_verifies_random_reads_and_writes_of_mixed_sizes(self):
        region = (4 if QUICK else 16) << 20
        with serving("--size", 4 * region, self.path("target")) as server:
            self.run_tool("fio", "--name=verify", "--ioengine=nbd", f"--uri={server.uri()}", "--rw=randrw",
                          "--bssplit=512/20:4k/40:16k/20:64k/15:128k/5", "--numjobs=4", f"--size={region}",
                          f"--offset_increment={region}", "--iodepth=16", "--verify=crc32c", "--do_verify=1",
                          "--verify_fatal=1", "--randseed=7", "--group_reporting")


if __name__ == "__main__":
    main()
