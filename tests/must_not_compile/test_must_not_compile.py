#!/usr/bin/env python3
"""What must not compile does not, and the compiler's message tells why.

    test_must_not_compile.py COMPILER INCLUDE BACKEND      the last as CMake knows the library
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

COMPILER, INCLUDE, BACKEND = sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "misuse.cpp")
WRONG = re.compile(r"^#if WRONG == (\d+)  // (.+)$", re.MULTILINE)


def compile(*words):
    return subprocess.run([COMPILER, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", INCLUDE,
                           f"-DWEFT_BACKEND_{BACKEND.upper()}=1", *words],
                          capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})


class MustNotCompile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.headers = os.path.join(folder.name, "headers.hpp")
        made = compile("-x", "c++-header", os.path.join(HERE, "headers.hpp"), "-o", cls.headers + ".gch")
        if made.returncode != 0:
            raise AssertionError(made.stderr)

    def compile(self, wrong):
        return compile("-fsyntax-only", f"-DWRONG={wrong}", "-include", self.headers, PROGRAM)

    def test_what_is_right_compiles(self):
        compiled = self.compile(0)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)

    def test_what_is_wrong_does_not(self):
        with open(PROGRAM, encoding="utf-8") as file:
            wrong = WRONG.findall(file.read())
        self.assertEqual([int(number) for number, _ in wrong], list(range(1, len(wrong) + 1)))
        for number, message in wrong:
            with self.subTest(message=message):
                compiled = self.compile(number)
                self.assertNotEqual(compiled.returncode, 0)
                self.assertRegex(compiled.stderr, "error: .*" + message)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
