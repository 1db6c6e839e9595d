#!/usr/bin/env python3
"""How many instructions an operation takes on another processor, counted under qemu-user, which names each that it runs.

    test_emulated.py PROCESSOR PROGRAM EMULATOR...

docs/platforms.md has the table that comes of it. A bar is what it takes today, by Debian's gcc 12, and 5 % more; who gets below
it lowers it, and who has to raise it says why.
"""

import subprocess
import sys

BARS = {}
TIMES = 500


def instructions(command):
    """Each is a translation block of its own, and each that runs is a line."""
    emulator, *arguments = command
    with subprocess.Popen([emulator, "-singlestep", "-d", "exec,nochain", *arguments], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        count = sum(line.startswith(b"Trace ") for line in process.stderr)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return count


def main():
    processor, program, *emulator = sys.argv[1:]
    above = []
    for what in ("pair", "nested", "life", "c_pair"):
        once, twice = (instructions([*emulator, program, what, str(n * TIMES)]) for n in (1, 2))
        each = (twice - once) / TIMES
        bar = BARS.get(processor, {}).get(what)
        print(f"{what}: {each:.1f} instructions, at most {bar}")
        if bar is None or each > bar:
            above.append(what)
    assert not above, "more instructions than allowed: " + ", ".join(above)


if __name__ == "__main__":
    main()
