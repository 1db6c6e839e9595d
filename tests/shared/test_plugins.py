#!/usr/bin/env python3
"""Several plugins that each contain the library can be loaded into one process: each needs a few words of static
thread-local storage, of which the C library keeps little for what is loaded later.

    test_plugins.py HOST PLUGIN READELF
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HOST, PLUGIN, READELF = sys.argv[1:4]
PLUGINS = 4
# glibc keeps 1664 bytes, of which its own libraries take about 150 (elf/dl-tls.c: TLS_STATIC_SURPLUS).
STATIC_TLS = 1664 - 256


class Plugins(unittest.TestCase):
    def test_several_can_be_loaded_and_used(self):
        with tempfile.TemporaryDirectory() as folder:
            copies = [shutil.copy(PLUGIN, os.path.join(folder, f"plugin{i}.so")) for i in range(PLUGINS)]
            said = subprocess.run([HOST, *copies], capture_output=True, text=True, check=False)
        self.assertEqual(said.stdout, f"{PLUGINS} plugins\n", said.stderr)

    def test_the_thread_local_segment_leaves_room_for_others(self):
        headers = subprocess.run([READELF, "-lW", PLUGIN], capture_output=True, text=True, check=True).stdout
        tls = re.search(r"^ +TLS +\S+ \S+ \S+ \S+ (0x[0-9a-f]+)", headers, re.MULTILINE)
        self.assertIsNotNone(tls, headers)
        self.assertLessEqual(int(tls[1], 16) * PLUGINS, STATIC_TLS)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
