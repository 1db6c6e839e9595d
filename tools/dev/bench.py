"""./dev bench: builds the benchmarks and runs them. The figures go to build/bench/NAME.json."""

import subprocess
import sys

import build
import packages
import processes

FOLDER = "build/bench-build"
BENCHMARKS = {
    "core": ["bench/core.py", "--binary", f"{FOLDER}/bench/bench_core"],
    "nbd": ["bench/nbd.py", "--server", f"{FOLDER}/apps/weft-nbd"],
}


def main(arguments):
    quick = ["--quick"] if "--quick" in arguments else []
    names = [word for word in arguments if word not in ("--quick", "all")] or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            processes.fail(f'bench knows {", ".join(BENCHMARKS)}, all and --quick, not "{name}"')
    packages.need(packages.BENCH)
    build.use_ccache()
    build.build("release", "all", 1800, "-DWEFT_BUILD_BENCH=ON", "-DWEFT_BUILD_TESTS=OFF", folder=FOLDER)
    (processes.BUILD / "bench").mkdir(exist_ok=True)
    status = 0
    for name in names:
        status |= subprocess.run([sys.executable, *BENCHMARKS[name], *quick]).returncode
    return status
