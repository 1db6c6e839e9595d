#!/usr/bin/env python3
"""Checks that arrows point down only: a file includes its own floor or those below.

    check_floors.py [ROOT]

The floor of a file in src/<floor>/ or include/weft/detail/<floor>/ is its folder; that of a public header is a line near its top:

    // Floor: coroutine

What asks the kernel to wait, or for the time, stands on the floor system, behind the reactor, so that a simulated world can stand in
for it. The floors coroutine, wait, sync and task include the kernel's headers only in files that bear a system's name. Files that are
not there yet are named below, each with the reason; one that no longer needs to be named is an error too.

No file includes itself by way of others.

Programs in apps/, examples/ and bench/ stand above all floors, and see only public headers: <weft/...>, and not
<weft/detail/...>.
"""

import re
import sys
from pathlib import Path

FLOORS = ["base", "context", "stack", "coroutine", "wait", "sync", "system", "loop", "task", "io", "c"]
PROGRAMS = ["apps", "examples", "bench"]
SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
LINES_AT_TOP = 10

# Headers that wait for descriptors: the floor system alone includes them.
WAITING = re.compile(r"^(sys/(epoll|eventfd|timerfd|signalfd|select)\.h|liburing\.h|linux/io_uring\.h)$")
# Headers of the kernel's other calls: not for these floors, but for a system's own files (NAME_linux.cpp).
KERNEL = re.compile(r"^((sys|linux|netinet|arpa|net)/\w+\.h|(fcntl|unistd|poll|spawn|netdb|dirent|sched|pthread|signal)\.h)$")
PORTABLE_FLOORS = {"coroutine", "wait", "sync", "loop", "task"}
CLOCK = re.compile(r"(clock::now|clock_gettime|gettimeofday)\s*\(")
SYSTEM_FLOOR = "system"

NOT_YET = {
    ("include/weft/detail/coroutine/executor.hpp", "clock"): "the time of a thread without a loop",
    ("src/coroutine/held_mutexes.cpp", "pthread.h"): "stands in front of pthread_mutex_lock(3)",
    ("src/coroutine/leak_roots.cpp", "pthread.h"): "the stack of a thread, for LeakSanitizer",
    ("src/base/atomic.cpp", "clock"): "for how long to look again before a thread sleeps",
    ("src/io/look_up_cares.cpp", "sys/epoll.h"): "one descriptor for the many of c-ares",
    ("src/io/signals.cpp", "sys/signalfd.h"): "a descriptor that tells of signals",
    ("src/wait/thread_sleep_linux.cpp", "clock"): "the deadline of a thread without a loop",
    ("src/wait/thread_sleep_windows.cpp", "clock"): "the same",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
STATEMENT = re.compile(r"^\s*(?://|/\*|\*)\s*Floor: (\w+)")


class Checker:
    def __init__(self, root):
        self.root = root
        self.files = 0
        self.errors = []
        self.excused = set()

    def error(self, path, line, message):
        self.errors.append(f"{path.relative_to(self.root)}:{line}: {message}")

    def sources(self, folder):
        return sorted(p for p in (self.root / folder).rglob("*") if p.suffix in SUFFIXES)

    def stated_floor(self, path):
        """The floor that a line near the top states, or None."""
        for number, line in enumerate(path.read_text().splitlines()[:LINES_AT_TOP], 1):
            if match := STATEMENT.match(line):
                if match[1] in FLOORS:
                    return FLOORS.index(match[1])
                self.error(path, number, f'"{match[1]}" is not one of the floors')
                return None
        return None

    def floor(self, path):
        """The floor of a file in src/ or include/, or None if it has none."""
        parts = path.relative_to(self.root).parts
        if parts[0] == "src":
            return FLOORS.index(parts[1]) if parts[1] in FLOORS else None
        if parts[:3] == ("include", "weft", "detail"):
            return FLOORS.index(parts[3]) if parts[3] in FLOORS else None
        return self.stated_floor(path)

    def resolve(self, path, name):
        """The file of the project that an include means, or None for a header from elsewhere."""
        for folder in [path.parent, *(self.root / name for name in ("include", "include/weft/compat", "src", "apps"))]:
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
            self.error(path, 1, 'no floor: a public header needs a line like "// Floor: coroutine" near its top, '
                                "other files lie in src/<floor>/ or include/weft/detail/<floor>/")
            return
        stated = self.stated_floor(path)
        if stated is not None and stated != own:
            self.error(path, 1, f"states floor {FLOORS[stated]}, but lies in {FLOORS[own]}/")
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
                self.error(path, number, f"floor {FLOORS[own]} includes {name} of floor {FLOORS[other]}")

    def refuse(self, path, number, name, message):
        """An error, unless the file is named above."""
        key = (str(path.relative_to(self.root)), name)
        self.excused.add(key)
        if key not in NOT_YET:
            self.error(path, number, message)

    def check_system(self, path):
        """What the file asks the kernel for."""
        own = self.floor(path)
        if own is None:
            return
        floor = FLOORS[own]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            header = INCLUDE.match(line)
            if header and WAITING.match(header[1]) and floor != SYSTEM_FLOOR:
                self.refuse(path, number, header[1], f"<{header[1]}> is for the floor system, behind the reactor")
            elif header and KERNEL.match(header[1]) and floor in PORTABLE_FLOORS and not path.stem.endswith("_linux"):
                self.refuse(path, number, header[1], f"<{header[1]}> is not for the floor {floor}, which is portable")
            elif CLOCK.search(line) and not line.lstrip().startswith("//") and floor != SYSTEM_FLOOR:
                self.refuse(path, number, "clock", "the time is asked of the loop: detail::time_now()")

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

    def check_cycles(self, paths):
        """No file includes itself by way of others."""
        included = {path: {target for _, _, target in self.includes(path) if target is not None} for path in paths}
        seen = set()

        def follow(path, way):
            if path in way:
                names = [other.name for other in way[way.index(path):]]
                self.error(path, 1, f"includes itself: {' -> '.join([*names, path.name])}")
            elif path not in seen:
                seen.add(path)
                for target in sorted(included.get(path, ())):
                    follow(target, [*way, path])
        for path in paths:
            follow(path, [])

    def check(self):
        for path in self.sources("include"):
            self.check_public_header(path)
            self.check_system(path)
            self.files += 1
        for path in self.sources("src"):
            self.check_library_file(path)
            self.check_system(path)
            self.files += 1
        self.check_cycles([path for folder in ("include", "src", "apps") for path in self.sources(folder)])
        for file, name in sorted(set(NOT_YET) - self.excused):
            self.error(self.root / file, 1, f"need not be excused for {name} any more: take it off the list in {Path(__file__).name}")
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
