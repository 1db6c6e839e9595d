#!/usr/bin/env python3
"""Trace points in a process that runs: gdb stops at each, and their arguments name the coroutines that switch.

    test_trace_attached.py PROGRAM       exits with 77 where gdb is missing or can't attach
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

# Name of the point: what gdb prints of it. Text is printed by what follows its address.
POINTS = {
    "create": r'printf "create %lu %s\n", $_probe_arg0, (char*)$_probe_arg2',
    "enter": r'printf "enter %lu %lu\n", $_probe_arg0, $_probe_arg1',
    "yield": r'printf "yield %lu %lu\n", $_probe_arg0, $_probe_arg1',
    "wait": r'printf "wait %lu %s\n", $_probe_arg0, (char*)$_probe_arg1',
    "grant": r'printf "grant %lu %lu\n", $_probe_arg0, $_probe_arg1',
    "wake": r'printf "wake %lu %lu\n", $_probe_arg0, $_probe_arg1',
    "terminate": r'printf "terminate %lu\n", $_probe_arg0',
}
EXPECTED = """
    create inner, create outer,
    enter - outer, enter outer inner, yield inner outer, yield outer -,
    enter - outer, enter outer inner, terminate inner, terminate outer,
    create waiter, enter - waiter, wait waiter a wake-up, yield waiter -, wake waiter -, enter - waiter, terminate waiter,
    create in C, enter - in C, yield in C -, enter - in C, terminate in C,
    create main, enter - main, create locker, yield main -,
    enter - locker, wait locker a mutex, yield locker -,
    enter - main, grant main locker, wake locker main, wait main a task's end, yield main -,
    enter - locker, terminate locker, wake main -, enter - main, terminate main
"""


def run(program):
    """What gdb prints at each trace point."""
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as script:
        for name, what in POINTS.items():
            script.write(f"break -probe-stap weft:{name}\ncommands\nsilent\n{what}\ncontinue\nend\n")
        script.write("run\n")
        script.flush()
        result = subprocess.run(["gdb", "-nx", "-q", "-batch", "-iex", "set debuginfod enabled off", "-x", script.name, program],
                                capture_output=True, text=True, timeout=100, env={**os.environ, "SHELL": "/bin/sh", "LC_ALL": "C"})
    return result.stdout, result.stderr


def events(text):
    """The lines of trace points, with the coroutines' names in place of their addresses, and - for none."""
    names = {"0": "-"}
    found = []
    for line in text.splitlines():
        if created := re.fullmatch(r"create (\d+) (.*)", line):
            names[created[1]] = created[2]
            found.append("create " + created[2])
        elif wait := re.fullmatch(r"wait (\d+) (.*)", line):
            found.append(f"wait {names.get(wait[1], 'unknown')} {wait[2]}")
        elif event := re.fullmatch(r"(enter|yield|grant|wake|terminate)((?: \d+)+)", line):
            found.append(" ".join([event[1], *(names.get(address, "unknown") for address in event[2].split())]))
    return found


def main():
    if not shutil.which("gdb"):
        print("skipped: there is no gdb")
        sys.exit(77)
    said, complained = run(os.path.realpath(sys.argv[1]))
    if "ptrace: Operation not permitted" in complained:
        print("skipped:", complained)
        sys.exit(77)
    expected = [event.strip() for event in EXPECTED.replace("\n", " ").split(",")]
    expected = [re.sub(r" +", " ", event) for event in expected]
    assert events(said) == expected, "\n".join(["expected:", *expected, "seen:", *events(said), said, complained])
    print("\n".join(expected))


if __name__ == "__main__":
    main()
