"""weft's development tool: one word, one module. `./dev help` lists the words."""

import sys

import bench
import check
import processes
import run
import test

HELP = f"""\
./dev run [IMAGE...]           build weft-nbd and serve disk images on 127.0.0.1:10809 until Ctrl-C;
                               without IMAGE: a fresh disk of 1 GiB, build/disk.img
./dev run --check              the same for a moment, with a client that copies data in and out and compares it
./dev test [--ci] [STAGE...]   what every change must pass; without STAGE: all of them, in this order:
{test.describe_stages()}
./dev check [--ci] [--all]     format, clang-tidy, the manual, shell and Python scripts; clang-tidy looks at the files that
                               changed since the last commit that passed, with --all at all of them
./dev bench [core|nbd|all] [--quick]
                               measure; the figures go to build/bench/NAME.json
./dev help                     this text

Each word first installs the Debian packages that it needs and finds missing.
--ci, as in .ci/run: a test that fails is run once more, and listed as FLAKY if it then passes.
One build:  cmake --preset NAME && cmake --build --preset NAME && ctest --preset NAME      (presets: cmake --list-presets)
One test:   ctest --preset release -R mutex        one label: ctest --preset release -L sync
"""

WORDS = {"run": run.main, "test": test.main, "check": check.main, "bench": bench.main}


def main():
    word, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("help", [])
    if word in ("help", "-h", "--help"):
        print(HELP, end="")
        return 0
    if word not in WORDS:
        processes.fail(f'there is no word "{word}"; ./dev help lists them')
    with processes.session():
        return WORDS[word](arguments)


sys.exit(main())
