#!/usr/bin/env python3
"""libweft-c.so exports what the C headers declare, each with a version, and nothing else.

    test_exports.py LIBRARY INCLUDE_FOLDER
"""

import pathlib
import re
import subprocess
import sys


def exported(library):
    lines = subprocess.run(["nm", "--dynamic", "--defined-only", library], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return {name for _, kind, name in (line.split() for line in lines) if not (kind == "A" and name.startswith("WEFT_"))}


def declared(folder):
    """The functions of weft.h, and those of QEMU's headers by the names that their symbols have."""
    names = set()
    for header in [*folder.glob("weft/c/*.h"), *folder.glob("weft/compat/**/*.h")]:
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = re.sub(r"//.*", "", text)
        text = re.sub(r"^\s*#.*(\\\n.*)*", "", text, flags=re.M)
        text = re.sub(r"static inline[^{]*\{.*?^\}", "", text, flags=re.S | re.M)
        text = re.sub(r"\btypedef\b[^;]*;", "", text)
        names.update("weft_" + name for name in re.findall(r"WEFT_SYMBOL_OF\((\w+)\)", text))
        names.update(re.findall(r"^[\w\s*]*?\b(weft_\w+)\([^;{]*\);", text, flags=re.M))
    return names


def main():
    library, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    symbols = exported(library)
    unversioned = {s for s in symbols if not re.search(r"@@WEFT_\d+\.\d+$", s)}
    names = {s.split("@")[0] for s in symbols}
    expected = declared(folder)
    print(f"{len(names)} symbols, {len(expected)} functions")
    assert len(expected) > 200, "the headers were not understood"
    assert not unversioned, f"without a version: {sorted(unversioned)}"
    assert not names - expected, f"exported and not declared: {sorted(names - expected)}"
    assert not expected - names, f"declared and not exported: {sorted(expected - names)}"


if __name__ == "__main__":
    main()
