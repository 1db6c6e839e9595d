#!/usr/bin/env python3
"""Samples of `perf record --call-graph fp` lead from a coroutine through three enters into main.

    test_perf.py PROGRAM       exits with 77 where there is no perf, or the machine gives no samples
"""

import collections
import os
import shutil
import subprocess
import sys
import tempfile

ENTERED = ["weft_context_entry"]
WANTED = ["spin", "inner_body", *ENTERED, "enter_inner", *ENTERED, "enter_middle", *ENTERED, "enter_outer", "main"]


def record(program, data):
    return subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "--call-graph", "fp", "-o", data, program],
                          capture_output=True, text=True)


def samples(data):
    """The names of the functions of each sample, innermost first."""
    script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym", "--no-inline"], capture_output=True,
                            text=True, check=True)
    found = []
    for sample in script.stdout.split("\n\n"):
        names = [line.split(maxsplit=1)[1] for line in sample.splitlines() if len(line.split(maxsplit=1)) == 2]
        found.append([name.replace("(anonymous namespace)::", "").split("(")[0] for name in names])
    return [names for names in found if names]


def main():
    if shutil.which("perf") is None:
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "perf.data")
        probe = record(shutil.which("true"), data)
        if probe.returncode != 0:
            print("this machine gives no perf events:", probe.stderr)
            sys.exit(77)
        result = record(sys.argv[1], data)
        assert result.returncode == 0, result.stderr
        taken = samples(data)
    assert taken, "no samples"
    spinning = [names for names in taken if names[0] == "spin"]
    assert spinning, "no sample in spin():\n%s" % taken[0]
    # Most, and not all: in a function's first instructions its frame record is not made yet.
    (names, count), = collections.Counter(map(tuple, spinning)).most_common(1)
    rest = iter(names)
    missing = [name for name in WANTED if name not in rest]
    assert not missing, "%s: not where it should be in:\n%s" % (missing[0], "\n".join(names))
    print("%d of %d samples" % (count, len(spinning)))


if __name__ == "__main__":
    main()
