"""example_compress makes .gz files of many at once, and draws a bar."""

import gzip
import os
import random
import subprocess
import unittest

from harness import PATIENCE, ExampleTest, main, path_of


@unittest.skipUnless(os.path.exists(path_of("compress")), "built without zlib")
class Compress(ExampleTest):
    def run_on(self, *names):
        return subprocess.run([path_of("compress"), *names], capture_output=True, text=True, timeout=PATIENCE)

    def test_what_it_writes_is_what_gzip_reads(self):
        contents = {"empty": b"", "text": b"a line\n" * 100_000, "piece": bytes(1 << 18),
                    "noise": random.Random(1).randbytes(1_000_000)}
        for name, content in contents.items():
            self.write(name, content)
        done = self.run_on(*map(self.path, contents))
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertTrue(done.stderr.endswith("[" + 40 * "#" + "]\n"), done.stderr)
        for name, content in contents.items():
            self.assertEqual(gzip.decompress(self.read(name + ".gz")), content, name)

    def test_what_is_there_stays_as_it_is(self):
        self.write("a", b"new")
        self.write("a.gz", b"old")
        done = self.run_on(self.path("a"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("a.gz: File exists", done.stderr)
        self.assertEqual(self.read("a.gz"), b"old")

    def test_it_explains_itself(self):
        self.check_usage("compress", [])


if __name__ == "__main__":
    main()
