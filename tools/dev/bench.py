"""./dev bench: builds the benchmarks and runs them. The figures go to build/bench/NAME.json."""

import subprocess
import sys

import build
import packages
import processes

FOLDER = "build/bench-build"
BACKENDS = ("ucontext", "sigaltstack")  # beside asm
BENCHMARKS = {
    "core": ["bench/core.py", "--binary", f"{FOLDER}/bench/bench_core",
             *(word for backend in BACKENDS for word in (f"--{backend}", f"build/bench-{backend}/bench/bench_core")),
             "--sync", f"{FOLDER}/bench/bench_sync", "--go", f"{FOLDER}/bench/bench_sync_go"],
    "sync": ["bench/sync.py", "--binary", f"{FOLDER}/bench/bench_sync", "--go", f"{FOLDER}/bench/bench_sync_go",
             "--plot", "build/bench/growth.svg"],
    "nbd": ["bench/nbd.py", "--server", f"{FOLDER}/apps/weft-nbd"],
    "echo": ["bench/echo.py", "--binaries", f"{FOLDER}/bench"],
    "file": ["bench/file.py", "--binary", f"{FOLDER}/bench/bench_file"],
}
WITHOUT_THE_REST = ["-DWEFT_BUILD_BENCH=ON", "-DWEFT_BUILD_TESTS=OFF", "-DWEFT_BUILD_EXAMPLES=OFF"]


def main(arguments):
    quick = ["--quick"] if "--quick" in arguments else []
    names = [word for word in arguments if word not in ("--quick", "all")] or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            processes.fail(f'bench knows {", ".join(BENCHMARKS)}, all and --quick, not "{name}"')
    packages.need(packages.BENCH)
    build.use_ccache()
    build.build("release", "all", 1800, *WITHOUT_THE_REST, folder=FOLDER)
    if "core" in names:
        for backend in BACKENDS:
            build.build("release", "bench_core", 900, *WITHOUT_THE_REST, f"-DWEFT_BACKEND={backend}",
                        "-DWEFT_BUILD_APPS=OFF", folder=f"build/bench-{backend}")
    (processes.BUILD / "bench").mkdir(exist_ok=True)
    status = 0
    for name in names:
        status |= subprocess.run([sys.executable, *BENCHMARKS[name], *quick]).returncode
    return status
