#!/usr/bin/env python3
"""Makes source files of the code in pages of the manual.

    extract.py FOLDER PAGE...

Each fenced block of C, and each of C++ that has a main() or begins with a #define, becomes a file of its own, PAGE_LINE.c or
.cpp. The other blocks of a page become one file, PAGE.cpp, behind all includes of the page. Prints the files' names.

Code stands in fences only: a page with an indented block that looks like code is refused.
"""

import re
import sys
from pathlib import Path

FENCE = re.compile(r"^```(\w*)$")
INCLUDE = re.compile(r"^\s*#\s*include\b")
CODE = re.compile(r"^    .*(#include |[;{]$)")
# The servers of the manual are given a port when they are run: tests/docs/run.py.
PORT, GIVEN_PORT = '"7777"', 'std::getenv("WEFT_DOCS_PORT")'


def blocks(page):
    """(language, number of the first line, lines) of each fenced block."""
    language, first, lines = None, 0, []
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if fence := FENCE.match(line):
            if language is None:
                language, first, lines = fence.group(1), number + 1, []
            else:
                yield language, first, lines
                language = None
        elif language is not None:
            lines.append(line)
        elif CODE.match(line):
            sys.exit(f"{page}:{number}: code that is not in a fence, so that nothing compiles it:\n{line}")
    if language is not None:
        sys.exit(f"{page}:{first - 1}: a fence that is not closed")


def write(file, text):
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    print(file.name)


def extract(page, folder):
    includes, rest = [], []
    for language, first, lines in blocks(page):
        source = [f'#line {first} "{page}"', *lines]
        alone = lines[0].startswith("#define") or any(re.match(r"int main\(", line) for line in lines)
        if language == "c":
            write(folder / f"{page.stem}_{first}.c", "\n".join(source) + "\n")
        elif language == "cpp":
            includes += [line for line in lines if INCLUDE.match(line)]
            if alone:
                text = "\n".join(source).replace(PORT, GIVEN_PORT)
                write(folder / f"{page.stem}_{first}.cpp", f"#include <cstdlib>\n{text}\n")
            else:
                rest += [source[0], *("" if INCLUDE.match(line) else line for line in lines)]
        elif language not in ("", "cmake", "sh"):
            sys.exit(f"{page}:{first - 1}: nobody knows the language '{language}'")
    if rest:
        write(folder / f"{page.stem}.cpp", "\n".join([*dict.fromkeys(includes), *rest]) + "\n")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for page in sys.argv[2:]:
        extract(Path(page), folder)


if __name__ == "__main__":
    main()
