#!/usr/bin/env python3
"""The C programs in a page of the manual compile without a warning, and end with 0.

    test_docs.py C_COMPILER LIBRARY INCLUDE_FOLDER PAGE HOW_MANY

A program is an indented block that begins with a line of the preprocessor. HOW_MANY of them the page has at least.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

OPTIONS = ["-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pedantic", "-Werror"]


def programs(page):
    """(line, source) of each."""
    lines = page.read_text().splitlines()
    start = None
    for number, line in enumerate([*lines, "end"], 1):
        inside = line.startswith("    ") or not line.strip()
        if inside and start is None and re.match(r"    #(include|define)\b", line):
            start = number
        elif not inside and start is not None:
            yield start, "\n".join(text[4:] for text in lines[start - 1:number - 1]) + "\n"
            start = None


def main():
    compiler, library, include, page, how_many = sys.argv[1:]
    found = list(programs(Path(page)))
    assert len(found) >= int(how_many), f"{page} has only {len(found)} programs"
    with tempfile.TemporaryDirectory() as folder:
        for line, source in found:
            program = os.path.join(folder, f"line_{line}")
            Path(program + ".c").write_text(source)
            subprocess.run([compiler, *OPTIONS, f"-I{include}", f"-I{include}/weft/compat", program + ".c", "-o", program,
                            library, f"-Wl,-rpath,{os.path.dirname(library)}", "-pthread"], check=True)
            status = subprocess.run([program], timeout=60).returncode
            assert status == 0, f"{page}:{line}: the program ended with {status}"
            print(f"{Path(page).name}:{line}: ok")


if __name__ == "__main__":
    main()
