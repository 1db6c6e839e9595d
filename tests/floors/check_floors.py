#!/usr/bin/env python3
"""Checks that arrows point down only: a file includes its own floor or those below.

    check_floors.py [ROOT]

The floor of a file in src/<floor>/ is its folder; that of a header in include/ is a line near its top:

    // Floor 2: coroutine

Programs in apps/, examples/ and bench/ stand above all floors, and see only public headers: <weft/...>, and not
<weft/detail/...>.
"""

import re
import sys
from pathlib import Path

FLOORS = ["context", "stack", "coroutine", "sync", "loop", "task", "io", "c"]
PROGRAMS = ["apps", "examples", "bench"]
SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
LINES_AT_TOP = 10

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
STATEMENT = re.compile(r"^\s*(?://|/\*|\*)\s*Floor (\d+): (\w+)")


class Checker:
    def __init__(self, root):
        self.root = root
        self.files = 0
        self.errors = []

    def error(self, path, line, message):
        self.errors.append(f"{path.relative_to(self.root)}:{line}: {message}")

    def sources(self, folder):
        return sorted(p for p in (self.root / folder).rglob("*") if p.suffix in SUFFIXES)

    def stated_floor(self, path):
        """The floor that a line near the top states, or None. Complains if its number and its name do not agree."""
        for number, line in enumerate(path.read_text().splitlines()[:LINES_AT_TOP], 1):
            if match := STATEMENT.match(line):
                floor, name = int(match[1]), match[2]
                if floor < len(FLOORS) and FLOORS[floor] == name:
                    return floor
                self.error(path, number, f'"Floor {floor}: {name}" is not one of the floors')
                return None
        return None

    def floor(self, path):
        """The floor of a file in src/ or include/, or None if it has none."""
        parts = path.relative_to(self.root).parts
        if parts[0] == "src":
            return FLOORS.index(parts[1]) if parts[1] in FLOORS else None
        return self.stated_floor(path)

    def resolve(self, path, name):
        """The file of the project that an include means, or None for a header from elsewhere."""
        for folder in [path.parent, self.root / "include", self.root / "src", self.root / "apps"]:
            if (folder / name).is_file():
                return (folder / name).resolve()
        return None

    def includes(self, path):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := INCLUDE.match(line):
                yield number, match[1], self.resolve(path, match[1])

    def check_library_file(self, path):
        own = self.floor(path)
        if own is None:
            self.error(path, 1, 'no floor: a header needs a line like "// Floor 2: coroutine" near its top, '
                                "a source lies in src/<floor>/")
            return
        stated = self.stated_floor(path)
        if stated is not None and stated != own:
            self.error(path, 1, f"states floor {stated}, but lies in src/{FLOORS[own]}/")
        for number, name, target in self.includes(path):
            if target is None:
                if name.startswith("weft/"):
                    self.error(path, number, f"there is no <{name}>")
                continue
            if target.relative_to(self.root).parts[0] not in ("src", "include"):
                self.error(path, number, f"the library includes {name}, which belongs to a program")
                continue
            other = self.floor(target)
            if other is not None and other > own:
                self.error(path, number, f"floor {own} ({FLOORS[own]}) includes {name} "
                                         f"of floor {other} ({FLOORS[other]})")

    def check_public_header(self, path):
        self.check_library_file(path)
        for number, name, target in self.includes(path):
            if target is not None and target.relative_to(self.root).parts[0] == "src":
                self.error(path, number, f"an installed header includes {name}, which is not installed")

    def check_program_file(self, path, program):
        for number, name, target in self.includes(path):
            if target is None:
                continue
            parts = target.relative_to(self.root).parts
            if parts[0] == "src" or "detail" in parts:
                self.error(path, number, f"{program}/ sees only public headers, and {name} is not one")

    def check(self):
        for path in self.sources("include"):
            self.check_public_header(path)
            self.files += 1
        for path in self.sources("src"):
            self.check_library_file(path)
            self.files += 1
        for program in PROGRAMS:
            for path in self.sources(program):
                self.check_program_file(path, program)
                self.files += 1


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    checker = Checker(root)
    checker.check()
    errors = list(dict.fromkeys(checker.errors))
    for error in errors:
        print(error)
    print(f"{checker.files} files, {len(errors)} includes or floors that are wrong")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
