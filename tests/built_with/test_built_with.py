#!/usr/bin/env python3
"""A program that was built with other options than the library does not link, and the linker's message names them.

    test_built_with.py COMPILER INCLUDE LIBRARY BACKEND SANITIZER PROCESSOR      the last four as CMake knows the library
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

COMPILER, INCLUDE, LIBRARY, BACKEND, SANITIZER, PROCESSOR = sys.argv[1:7]
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program.cpp")
SANITIZERS = {"none": [], "address": ["-fsanitize=address,undefined"], "thread": ["-fsanitize=thread"]}


class BuiltWith(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = os.path.join(folder.name, "program")

    def compile(self, *options, backend=BACKEND, sanitizer=SANITIZER, last=()):
        return subprocess.run([COMPILER, "-std=c++20", "-O1", "-I", INCLUDE, f"-DWEFT_BACKEND_{backend.upper()}=1", *options,
                               *SANITIZERS[sanitizer], "-pthread", *last], capture_output=True, text=True, check=False,
                              env={**os.environ, "LC_ALL": "C"})

    def link(self, *options, **library):
        return self.compile(*options, PROGRAM, "-o", self.program, **library,
                            last=(LIBRARY, "-Wl,-rpath," + os.path.dirname(LIBRARY)))

    def assert_works(self, *options):
        linked = self.link(*options)
        self.assertEqual(linked.returncode, 0, linked.stderr)
        ran = subprocess.run([self.program], capture_output=True, text=True, check=False)
        self.assertEqual((ran.stdout, ran.stderr), ("thrown inside, 180\n", ""))

    def assert_does_not_link(self, name, *options, **library):
        linked = self.link(*options, **library)
        self.assertNotEqual(linked.returncode, 0)
        self.assertRegex(linked.stderr, r"undefined.*weft::detail::release\(weft::detail::" + name +
                         r"::control_block&\)")

    def test_the_library_s_own_options_link(self):
        self.assert_works()

    @unittest.skipIf(SANITIZER != "none", "that is built with it anyway, or can't be")
    def test_undefined_behaviour_sanitizer_changes_no_layout_so_it_links(self):
        self.assert_works("-fsanitize=undefined")

    def test_another_sanitizer_does_not_link(self):
        for other in SANITIZERS.keys() - {SANITIZER}:
            name = f"built_with_{BACKEND}" + ("" if other == "none" else f"_and_{other}_sanitizer")
            with self.subTest(sanitizer=other):
                self.assert_does_not_link(name, sanitizer=other)

    def test_another_backend_does_not_link(self):
        other = "ucontext" if BACKEND != "ucontext" else "sigaltstack"
        suffix = "" if SANITIZER == "none" else f"_and_{SANITIZER}_sanitizer"
        self.assert_does_not_link(f"built_with_{other}{suffix}", backend=other)

    @unittest.skipUnless(BACKEND == "asm" and PROCESSOR == "x86_64" and SANITIZER == "none",
                         "no shadow stack is taken along here")
    def test_shadow_stacks_on_one_side_only_do_not_link(self):
        own = self.compile("-E", "-dM", "-include", "weft/detail/context/built_with.hpp", "-x", "c++", last=["/dev/null"]).stdout
        option, name = (("-fcf-protection=none", "built_with_asm") if re.search("WEFT_SHADOW_STACK 1", own) else
                        ("-fcf-protection=full", "built_with_asm_and_shadow_stack"))
        self.assert_does_not_link(name, option)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
