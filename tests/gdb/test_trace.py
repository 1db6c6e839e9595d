#!/usr/bin/env python3
"""A program built with weft has the trace points that docs/tracing.md lists, and each has its arguments.

    test_trace.py READELF PROGRAM MANUAL
"""

import re
import subprocess
import sys


def in_manual(path):
    """The names, and how many arguments each has, from the table: | `create` | `coroutine`, `id`, `name` | ... |"""
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", open(path).read(), re.MULTILINE)
    return {name: arguments.count("`") // 2 for name, arguments in rows}


def in_program(readelf, program):
    notes = subprocess.run([readelf, "--notes", program], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"Provider: weft\n\s*Name: (\w+)\n\s*Location:.*\n\s*Arguments:(.*)", notes)
    constant = sorted({name for name, arguments in found if "$" in arguments})
    assert not constant, "perf takes no constants for arguments: %s" % constant
    return {(name, len(arguments.split())) for name, arguments in found}


def main():
    _, readelf, program, manual = sys.argv
    wanted = in_manual(manual)
    assert len(wanted) >= 6, "the manual lists %s" % wanted
    found = in_program(readelf, program)
    assert found == set(wanted.items()), "the program has %s, the manual %s" % (sorted(found), sorted(wanted.items()))
    print("\n".join("weft:%s, %d arguments" % point for point in sorted(found)))


if __name__ == "__main__":
    main()
