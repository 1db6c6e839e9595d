"""weft's development tool: one word, one module. `./dev help` lists the words."""

import sys

import bench
import check
import processes
import run
import soak
import test

HELP = f"""\
./dev run [IMAGE...]           build weft-nbd and serve disk images on 127.0.0.1:10809 until Ctrl-C;
                               without IMAGE: a fresh disk of 1 GiB, build/disk.img
./dev run --check              the same for a moment, with a client that copies data in and out and compares it
./dev test [--ci] [STAGE...]   what every change must pass; without STAGE: all of them, in this order:
{test.describe_stages(more=False)}
                               and, by name or all together by --more, what takes longer than each change can wait for:
{test.describe_stages(more=True)}
./dev test --arch NAME [--clang]
                               all floors that there are for another processor, under qemu-user:
                               {", ".join(test.ARCHITECTURES)}; built by gcc, or by clang
./dev test --all-archs         for each of them
./dev test --windows           all floors that there are for Windows, under wine
./dev soak core [--preset NAME] [--steps N | --seconds N] [--seed N] [--threads N]
                               random switching, nesting, throwing, destroying and moving, checked at each step;
                               100,000,000 steps of the preset release unless told; the seed, printed, repeats it
./dev soak sync [--preset NAME] [--seconds N] [--seed N] [--threads N] [--coroutines N]
                               locks, channels, select, sockets, suspend() and the rest, by 1,000 coroutines of 4 loops, with
                               deadlines that are met and tasks that are cancelled; counters prove that nothing is lost;
                               60 s; WEFT_REACTOR names a reactor
./dev soak loops [--preset NAME] [--seconds N] [--seed N] [--threads N] [--coroutines N]
                               tasks of 4 loops that move, spawn, cancel, post and offload at random, with deadlines that are
                               met; counters prove that nothing is lost; 60 s
./dev soak io [--preset NAME] [--seconds N] [--seed N] [--threads N] [--clients N]
                               clients that send in pieces, leave in the middle, reset, send garbage, are cancelled, against
                               an echo and the NBD server, with interruptions and no descriptors; the seed gives them the
                               same sessions again; 600 s; WEFT_REACTOR names a reactor
./dev soak nbd [--rounds N] [--connections N] [--seconds N]
                               weft-nbd killed after flushes that it acknowledged, 1,000 times; 20,000 short connections; how slow
                               small reads become beside clients that flood and that don't read
./dev check [--ci] [--all]     format, clang-tidy, the manual, scripts, the ABI of the C library; clang-tidy looks at the sources
                               that changed since the last commit that passed, and at few that include each header that
                               did; with --all at all of them; --all also checks the suspension marks, by clang's libraries
./dev abi                      accept the ABI that the C library has now: write it to abi/weft-c.abi
./dev bench [core|sync|nbd|echo|file|all] [--quick]
                               measure; the figures go to build/bench/NAME.json
./dev help                     this text

Each word first installs the Debian packages that it needs and finds missing.
--ci, as in .ci/run: a test that fails is run once more, and listed as FLAKY if it then passes.
One build:  cmake --preset NAME && cmake --build --preset NAME && ctest --preset NAME      (presets: cmake --list-presets)
One test:   ctest --preset release -R mutex        one label: ctest --preset release -L sync
"""

WORDS = {"run": run.main, "test": test.main, "soak": soak.main, "check": check.main, "abi": check.accept_abi,
         "bench": bench.main}


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
