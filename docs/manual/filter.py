#!/usr/bin/env python3
"""What doxygen reads of a public header: filter.py HEADER

A header opens with what its thing is for, and some lines of use. Here that becomes the description of the file, and of the class
that bears the header's name, or begins with it (tcp_stream). Deleted and defaulted members are left out. No line moves.
"""

import re
import sys
from pathlib import Path

CLASS = re.compile(r"^(?:class|struct)\s+(?:\[\[\w+\]\]\s+)?(\w+)(?:\s+final)?(?:\s*:[^;{]*)?\s*\{")
BEFORE_CLASS = re.compile(r"^(?:template|    requires|requires)\b")
NOTHING_TO_SAY = re.compile(r"^ +.*= (?:delete|default);")


def described_class(lines, stem):
    """The number of the line that its declaration begins with, or None."""
    found, inside_detail = {}, False
    for number, line in enumerate(lines):
        inside_detail = line == "namespace detail {" or (inside_detail and not line.startswith("}  // namespace detail"))
        if not inside_detail and (match := CLASS.match(line)):
            found.setdefault(match.group(1), number)
    name = stem if stem in found else next((name for name in found if name.startswith(stem)), None)
    where = found.get(name)
    while where and BEFORE_CLASS.match(lines[where - 1]):
        where -= 1
    return where


def leave_out_members(lines):
    """Deleted and defaulted ones, with what their comments say."""
    for number, line in enumerate(lines):
        if NOTHING_TO_SAY.match(line):
            lines[number] = ""
            while lines[number - 1].lstrip().startswith("///"):
                number -= 1
                lines[number] = ""


def main():
    path = Path(sys.argv[1])
    lines = path.read_text().splitlines()
    leave_out_members(lines)
    if lines[0].startswith("// Floor:"):
        lines[0] = "/// \\file"
        for number in range(1, len(lines)):
            if not lines[number].startswith("//"):
                break
            lines[number] = "/" + lines[number]
        where = described_class(lines, path.stem)
        if where is not None:
            copy = "\\copydetails " + path.as_posix().split("include/")[-1]
            if lines[where - 1].startswith("///"):
                lines[where - 1] += f" <br> {copy}"
            else:
                lines[where] = f"/** {copy} */ {lines[where]}"
    print("\n".join(lines))


if __name__ == "__main__":
    main()
