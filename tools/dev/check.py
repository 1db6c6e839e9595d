"""./dev check: how the code is written, the manual, the scripts."""

import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import build
import packages
import processes
import report

SOURCES = ("include", "src", "tests", "apps", "bench", "examples", "tools")
TIDIED = ("src", "apps")
SUFFIXES = {".hpp", ".cpp", ".h", ".c"}
SHELL = ["dev", ".ci/run", "tests/install/run.sh", "tests/install/cross.sh"]
# The last commit whose files clang-tidy found nothing in. A clone does not have it, but knows what its origin's main is.
PASSED = "refs/weft/tidy-passed"


def files(folders, suffixes):
    return sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix in suffixes)


def command(*words):
    """A check that is one command."""
    def run(stage, limit, name):
        result = processes.run(words, limit, f"check-{name}")
        if result.status:
            stage.fails(f"over its time limit of {limit} s" if result.timed_out else words[0], result.lines)
    return run


def write_abi(file, limit, name):
    """What C programs see of libweft-c.so."""
    build.build("release", "weft_c", limit)
    return processes.run(["abidw", "--headers-dir", "include/weft/c", "--headers-dir", "include/weft/compat", "--suppressions",
                          "abi/weft-c.suppr", "--drop-private-types", "--exported-interfaces-only", "--no-corpus-path",
                          "--no-comp-dir-path", "--no-show-locs", "--out-file", file, "build/release/src/libweft-c.so"],
                         limit, f"check-{name}")


def abi(stage, limit, name):
    if write_abi("build/weft-c.abi", limit, name).status:
        stage.fails("abidw", [f"see build/logs/check-{name}"])
    result = processes.run(["abidiff", "abi/weft-c.abi", "build/weft-c.abi"], limit, f"check-{name}")
    if result.status:
        stage.fails("the ABI of libweft-c.so is not what abi/weft-c.abi says; where it was only added to, ./dev abi accepts "
                    "it; what has changed needs a version of its own: src/c/weft-c.map", result.lines)


def accept_abi(_):
    packages.need(packages.CHECK)
    build.use_ccache()
    return write_abi("abi/weft-c.abi", 600, "abi").status


def marks(stage, limit, name):
    """The library itself is held to the stricter rule: its mixed functions are marked all the way up."""
    packages.need(packages.MARKS)
    build.build("extras", "weft-check", limit)
    command("build/extras/tools/check/weft-check", "-p", "build/extras", "--strict", "include", "--strict", "src",
            "src", "apps", "examples")(stage, limit, name)
    result = processes.run(["ctest", "--preset", "extras", "-L", "^check$"], limit, f"check-{name}-programs")
    if result.status:
        stage.fails("ctest --preset extras -L check", result.lines)


def git(*words):
    return subprocess.run(["git", *words], capture_output=True, text=True).stdout.split()


def changed_since_passed():
    """The files that changed since the last commit that passed, or None if no such commit is known."""
    head = git("rev-parse", "HEAD")
    for known in (PASSED, "origin/main"):
        commit = git("rev-parse", "--verify", "--quiet", known)
        if commit and (known == PASSED or commit != head) and git("merge-base", commit[0], "HEAD") == commit:
            return set(git("diff", "--name-only", commit[0])) | set(git("ls-files", "--others", "--exclude-standard"))
    return None


def includes():
    """Of each file those that it includes, directly or by another."""
    every = [str(path) for path in files(SOURCES, SUFFIXES)]
    by_name = {}
    for path in every:
        by_name.setdefault(Path(path).name, []).append(path)
    found = {}
    for path in every:
        names = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', Path(path).read_text(), re.MULTILINE)
        found[path] = {other for name in names for other in by_name.get(Path(name).name, ()) if f"/{other}".endswith(f"/{name}")}
    while True:
        more = {path: its.union(*(found[other] for other in its)) for path, its in found.items()}
        if more == found:
            return found
        found = more


def worth_a_look(sources, changed, included):
    """Those of `sources` that changed, and of the others as few as include each header that did."""
    chosen = [path for path in sources if path in changed]
    left = changed & set().union(*(included[path] for path in sources))
    left.difference_update(*(included[path] for path in chosen))
    while left:
        best = max(sources, key=lambda path: len(left & included[path]))
        chosen.append(best)
        left -= included[best]
    return chosen


def tidy(stage, limit, _, everything=False):
    build.configure("tidy")
    sources = [str(path) for path in files(TIDIED, {".cpp"})]
    compiled = Path("build/tidy/compile_commands.json").read_text()
    sources = [path for path in sources if f"{processes.ROOT}/{path}" in compiled]
    changed = None if everything else changed_since_passed()
    if changed is not None and ".clang-tidy" not in changed:
        sources = worth_a_look(sources, changed, includes())
    stage.tests = len(sources)
    end = time.monotonic() + limit

    def look_at(path):
        return path, processes.run(["clang-tidy", "--quiet", "-p", "build/tidy", path],
                                   end - time.monotonic(), f"tidy-{Path(path).name}", show=False)
    seen = set()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, result in pool.map(look_at, sources):
            # What is wrong in a header is said once, not once for each file that includes it.
            lines = [line for line in result.lines if line not in seen and not re.match(
                r"\d+ warnings? |Suppressed |Use -header-filter", line)]
            seen.update(lines)
            if result.status:
                print("\n".join(lines), flush=True)
                stage.fails(f"{path}: over the time limit of {limit} s" if result.timed_out else path, lines)
    if not stage.failed and not git("status", "--porcelain"):
        subprocess.run(["git", "update-ref", PASSED, "HEAD"])


def docs(stage, limit, name):
    build.configure("release")
    command("cmake", "--build", "--preset", "release", "--target", "docs")(stage, limit, name)


# Name, seconds, what to do.
CHECKS = [
    ("format", 120, command("clang-format", "--dry-run", "-Werror", *(
        path for path in files(SOURCES, SUFFIXES) if not path.is_relative_to("tests/check/programs")))),
    ("scripts", 60, command("shellcheck", *SHELL)),
    ("docs", 120, docs),
    ("abi", 300, abi),
    ("clang-tidy", 900, tidy),
]


def main(arguments):
    everything = "--all" in arguments
    for word in arguments:
        if word not in ("--all", "--ci"):
            processes.fail(f'check knows --all and --ci, not "{word}"')
    packages.need(packages.CHECK)
    build.use_ccache()
    stages = []
    for name, limit, action in CHECKS + ([("marks", 900, marks)] if everything else []):
        stage = report.Stage(name)
        print(f"==== {name}", flush=True)
        start = time.monotonic()
        if action is tidy:
            tidy(stage, limit, name, everything)
        else:
            action(stage, limit, name)
        stage.testing = time.monotonic() - start
        stages.append(stage)
        print(f"==== {name} {'FAILED' if stage.failed else 'ok'} after {stage.testing:.0f} s", flush=True)
    return report.finish("check", stages)
