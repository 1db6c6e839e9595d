#!/usr/bin/env python3
"""In a project that hides its symbols, a shared libweft is compiled without that: it would export nothing.

    test_preset.py CMAKE COMPILER WEFT
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

CMAKE, COMPILER, WEFT = sys.argv[1:4]
SUBPROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "subproject")


class Preset(unittest.TestCase):
    def test_a_preset_that_hides_is_the_project_s_own(self):
        with tempfile.TemporaryDirectory() as build:
            configured = subprocess.run([CMAKE, "-S", SUBPROJECT, "-B", build, "-G", "Ninja",
                                         f"-DCMAKE_CXX_COMPILER={COMPILER}", f"-DWEFT={WEFT}", "-DWEFT_TLS=off"],
                                        capture_output=True, text=True, check=False)
            self.assertEqual(configured.returncode, 0, configured.stderr)
            with open(os.path.join(build, "compile_commands.json")) as file:
                hides = {entry["file"]: bool(re.search("-fvisibility(=|-inlines-)hidden", entry["command"]))
                         for entry in json.load(file)}
        own = [hidden for file, hidden in hides.items() if not file.startswith(os.path.join(WEFT, "src"))]
        library = [hidden for file, hidden in hides.items() if file.startswith(os.path.join(WEFT, "src"))]
        self.assertEqual(own, [True])
        self.assertGreater(len(library), 50)
        self.assertNotIn(True, library)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
