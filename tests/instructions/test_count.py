#!/usr/bin/env python3
"""How many instructions an operation takes, counted by callgrind: the same on every machine, however busy it is.

    test_count.py PROGRAM THE_SAME_WITHOUT_TRACE_POINTS COMPILER

A bar is what it takes today, by gcc 12 and by clang 14, and 5 % more. Who gets below it lowers it; who has to raise it
says why. (A pair: from 69 to 74, so that a nested one takes 78 and not 150, see docs/decisions/0017. A life: from 190 to
198, as each change of a coroutine's state checks the one before. A pair in C: from 105 to 106, which lies in one cache line
less, and to 108, as an enter looks whether the coroutine is a task; a life in C from 305 to 307. Pairs: by 1, as a yield looks whether it is a task's that
may go straight to the next, see docs/decisions/0022.)
"""

import os
import re
import subprocess
import sys
import tempfile

BARS = {
    "GNU": {"pair": 78, "nested": 84, "life": 200, "c_pair": 109, "c_life": 309, "qemu_pair": 122, "qemu_life": 300},
    "Clang": {"pair": 85, "nested": 88, "life": 247, "c_pair": 119, "c_life": 339, "qemu_pair": 139, "qemu_life": 372},
}
# What trace points may add: two instructions each. Of those in the library itself there is one program only.
TRACE_POINTS = {"pair": 2, "nested": 2}
TIMES = 10_000


def instructions(program, what, times):
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + os.path.join(folder, "out"), program, what,
             str(times)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return int(re.search(r"Collected : (\d+)", result.stderr).group(1))


def instructions_each(program, what):
    """The difference of two runs leaves out what happens once."""
    return (instructions(program, what, 2 * TIMES) - instructions(program, what, TIMES)) / TIMES


def main():
    program, untraced, compiler = sys.argv[1:]
    above = []
    for what, bar in BARS[compiler].items():
        each = instructions_each(program, what)
        print("%s: %.1f instructions, at most %d" % (what, each, bar))
        if each > bar:
            above.append(what)
        if what in TRACE_POINTS:
            more = each - instructions_each(untraced, what)
            print("%s: %.1f of them for %d trace points" % (what, more, TRACE_POINTS[what]))
            if more > 2 * TRACE_POINTS[what]:
                above.append(what + ", for its trace points")
    assert not above, "more instructions than allowed: " + ", ".join(above)


if __name__ == "__main__":
    main()
