#!/usr/bin/env python3
"""How many instructions an operation takes on another processor, counted under qemu-user, which names each that it runs.

    test_emulated.py PROCESSOR PROGRAM EMULATOR...

docs/platforms.md has the table that comes of it. A bar is what it takes today, by Debian's gcc 12, and 5 % more; who gets below
it lowers it, and who has to raise it says why.
"""

import subprocess
import sys

WHAT = ("pair", "nested", "life", "c_pair")
BARS = {
    "aarch64": (85, 90, 232, 127),
    "arm": (129, 133, 365, 146),
    "i686": (109, 115, 301, 132),
    "riscv64": (81, 85, 302, 190),
    "ppc64le": (131, 135, 407, 410),
    "s390x": (109, 114, 281, 156),
    "mips64el": (144, 148, 437, 239),
}
TIMES = 200


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
    for what, bar in zip(WHAT, BARS[processor]):
        once, twice = (instructions([*emulator, program, what, str(n * TIMES)]) for n in (1, 2))
        each = (twice - once) / TIMES
        print(f"{what}: {each:.1f} instructions, at most {bar}")
        if each > bar:
            above.append(what)
    assert not above, "more instructions than allowed: " + ", ".join(above)


if __name__ == "__main__":
    main()
