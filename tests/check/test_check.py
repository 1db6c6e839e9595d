#!/usr/bin/env python3
"""Runs weft-check over the programs in programs/, and compares what it reports with what their comments say.

    step();  // expect: weft-unmarked-caller     reported; gone after --fix
    run();   // expect!: weft-blocking-call      reported; no mark can mend it
    work();  // after fix: weft-unmarked-caller  reported once --fix has marked what it calls

Nothing else may be reported. A program is a file, or a folder of files that are compiled and checked together.

    test_check.py WEFT_CHECK INCLUDE_FOLDER...
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
GROUPS = ["callers", "blocking", "lost", "hints", "c", "strict", "weft"]
FINDING = re.compile(r"^(.+?):(\d+):(\d+): (?:warning|remark): .* \[(weft-[a-z-]+)\]$")

weft_check = ""
includes = []


class Program:
    """A copy of a program in a folder of its own."""

    def __init__(self, source, folder):
        self.folder = Path(folder)
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder)
        self.files = sorted(p for p in self.folder.iterdir() if p.suffix in (".c", ".cpp", ".h", ".hpp"))
        self.options = []
        commands = []
        for file in self.files:
            if match := re.match(r"// check: (.*)", file.read_text()):
                self.options = match[1].split()
            if file.suffix in (".c", ".cpp"):
                compiler = ["gcc", "-std=c11"] if file.suffix == ".c" else ["g++", "-std=c++20"]
                options = ["-DWEFT_BACKEND_ASM"] + [f"-I{i}" for i in [PROGRAMS / "include", *includes]]
                arguments = [*compiler, *options, "-c", str(file)]
                commands.append({"directory": folder, "file": str(file), "arguments": arguments})
        self.commands = commands
        (self.folder / "compile_commands.json").write_text(json.dumps(commands))

    def check(self, *options):
        command = [weft_check, "-p", ".", "--no-cache", "-j1", *self.options, *options]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def findings(self, output):
        found = set()
        for line in output.splitlines():
            if match := FINDING.match(line):
                found.add((match[1], int(match[2]), match[4]))
        return found

    def expected(self, *words):
        """What the comments with these words say."""
        found = set()
        for file in self.files:
            for number, line in enumerate(file.read_text().splitlines(), 1):
                for word in words:
                    if match := re.search(rf"// {word}: (.*)$", line):
                        found.update((file.name, number, kind.strip()) for kind in match[1].split(","))
        return found


class CheckTest(unittest.TestCase):
    maxDiff = None

    def program(self, name):
        folder = tempfile.mkdtemp(prefix="weft-check-")
        self.addCleanup(shutil.rmtree, folder)
        return Program(PROGRAMS / name, os.path.realpath(folder))

    def finds_what_is_marked(self, name):
        program = self.program(name)
        expected = program.expected("expect", "expect!")
        result = program.check()
        self.assertEqual(program.findings(result.stdout), expected, result.stdout + result.stderr)
        warnings = [f for f in expected if f[2] != "weft-never-suspends"]
        self.assertEqual(result.returncode, 1 if warnings else 0, result.stderr)

    def is_clean_after_fix(self, name):
        program = self.program(name)
        left = program.expected("expect!", "after fix")
        if not program.expected("expect"):
            return
        first = program.check("--fix")
        self.assertIn("written to", first.stdout)
        again = program.check()
        numbers = {(f, line, k) for f, line, k in program.expected("expect!", "after fix")}
        self.assertEqual(program.findings(again.stdout), numbers, first.stdout + again.stdout + again.stderr)
        # The same places, but for an include that was added above them.
        self.assertEqual(len(left), len(numbers))
        for entry in program.commands:
            subprocess.run([*entry["arguments"], "-fsyntax-only", "-w"], check=True, cwd=program.folder)

    def test_says_what_it_did(self):
        result = self.program("callers/plain.cpp").check()
        self.assertIn(
            "plain.cpp:6:5: warning: coroutine_fn 'fetch' called from 'load', which is not marked [weft-unmarked-caller]\n"
            "plain.cpp:3:24: note: 'fetch' is declared here\n",
            result.stdout,
        )
        self.assertIn("weft-check: 1 warning, 0 hints; 1 file (0 from the cache)", result.stdout)

    def test_file_that_cannot_be_compiled_ends_with_2(self):
        program = self.program("callers/plain.cpp")
        program.files[0].write_text("void f() { not_declared(); }\n")
        result = program.check()
        self.assertEqual(result.returncode, 2)
        self.assertIn("plain.cpp:1:12: error: use of undeclared identifier 'not_declared'", result.stderr)

    def test_missing_database_ends_with_2(self):
        program = self.program("callers/plain.cpp")
        (program.folder / "compile_commands.json").unlink()
        result = program.check()
        self.assertEqual(result.returncode, 2)
        self.assertIn("CMAKE_EXPORT_COMPILE_COMMANDS", result.stderr)

    def test_path_that_is_not_compiled_ends_with_2(self):
        result = self.program("callers/plain.cpp").check("elsewhere")
        self.assertEqual(result.returncode, 2)
        self.assertIn("elsewhere: compile_commands.json compiles nothing there", result.stderr)

    def test_unknown_option_ends_with_2(self):
        self.assertEqual(self.program("callers/plain.cpp").check("--unknown").returncode, 2)

    def test_cache_is_used_until_something_changes(self):
        program = self.program("callers/header")

        def check():
            command = [weft_check, "-p", ".", "--cache", "kept"]
            result = subprocess.run(command, cwd=program.folder, capture_output=True, text=True, check=False)
            return re.search(r"files \((\d+) from the cache\)", result.stdout)[1], program.findings(result.stdout)

        first = check()
        self.assertEqual(first[0], "0")
        self.assertEqual(check(), ("2", first[1]))
        one = program.folder / "one.cpp"
        one.write_text(one.read_text() + "void three() { log_rightly(); }\n")
        changed = check()
        self.assertEqual(changed[0], "1")
        self.assertEqual(len(changed[1]), len(first[1]) + 1)
        header = program.folder / "log.hpp"
        header.write_text(header.read_text().replace("WEFT_COROUTINE_FN inline", "inline"))
        self.assertEqual(check()[0], "0")


def add_tests():
    for group in GROUPS:
        for program in sorted((PROGRAMS / group).iterdir()):
            name = f"{group}/{program.name}"
            word = re.sub(r"\W", "_", name)
            setattr(CheckTest, f"test_{word}", lambda self, n=name: self.finds_what_is_marked(n))
            setattr(CheckTest, f"test_{word}_after_fix", lambda self, n=name: self.is_clean_after_fix(n))


def count_mistakes():
    text = "".join(f.read_text() for f in PROGRAMS.rglob("*") if f.is_file())
    return len(re.findall(r"// expect!?:", text))


if __name__ == "__main__":
    weft_check = sys.argv[1]
    includes = sys.argv[2].split(":")
    add_tests()
    print(f"{count_mistakes()} marked mistakes")
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
