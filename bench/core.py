"""Runs bench_core, and the yields of bench_sync, and reports the ratios: `./dev bench core [--quick]`.

One thread, pinned where the system allows it; the median of several repetitions, interleaved so that a machine that
changes its speed changes it for all.
"""

import argparse
import json
import pathlib
import shutil
import subprocess

import report
import sync

BACKENDS = ("ucontext", "sigaltstack")  # beside asm

TARGETS = [
    # name, benchmark, against, target
    ("enter + yield", "weft_pair", "plain_call", "<= 2.2"),
    ("enter + yield", "weft_pair", "boost_pair", "<= 0.33"),
    ("enter + yield inside a coroutine", "weft_pair_nested", "weft_pair", "<= 1.5"),
    ("enter + yield inside a coroutine", "weft_pair_nested", "boost_pair", "<= 0.5"),
    ("enter + yield, ucontext backend", "ucontext/weft_pair", "ucontext/bare_setjmp", "<= 1.15"),
    ("enter + yield, sigaltstack backend", "sigaltstack/weft_pair", "sigaltstack/bare_setjmp", "<= 1.15"),
    ("create, run, end", "weft_life", "boost_life", "<= 0.5"),
    *[(f"create, run, end, {backend} backend", f"{backend}/weft_life", "weft_life", None) for backend in BACKENDS],
    *[(f"{n} in turn", f"weft_in_turn/{n}", f"boost_in_turn/{n}", "< 1.0") for n in (16, 100, 1000, 10000, 100000)],
    ("1000 in turn", "weft_in_turn/1000", "weft_in_turn/1", "<= 2.0"),
    ("C: enter + yield", "c_pair", "weft_pair", "<= 2.0"),
    ("C: enter + yield inside a coroutine", "c_pair_nested", "weft_pair_nested", None),
    ("C: create, run, end", "c_life", "weft_life", None),
    *[(f"C: enter + yield, {backend} backend", f"{backend}/c_pair", f"{backend}/weft_pair", "<= 2.0")
      for backend in BACKENDS],
    ("C: create, enter, yield, enter", "c_create_enter_yield_enter", "weft_life", None),
    ("C: a level of 1,000 nested", "c_nesting", "weft_life", None),
    ("QEMU's header: enter + yield", "qemu_pair", "weft_pair", "<= 2.0"),
    *[(f"QEMU's header: enter + yield, {backend} backend", f"{backend}/qemu_pair", f"{backend}/weft_pair", "<= 2.0")
      for backend in BACKENDS],
    ("QEMU's header: create, run, end", "qemu_life", "weft_life", None),
    ("QEMU's header: create, enter, yield, enter", "qemu_create_enter_yield_enter", "weft_life", None),
    ("QEMU's header: a level of 1,000 nested", "qemu_nesting", "weft_life", None),
]


def measure(binary, quick, pattern="."):
    command = [binary, f"--benchmark_repetitions={5 if quick else 9}", "--benchmark_report_aggregates_only=true",
               f"--benchmark_min_time={0.05 if quick else 0.2}", "--benchmark_enable_random_interleaving=true",
               f"--benchmark_filter={pattern}",
               "--benchmark_format=json"]
    if shutil.which("taskset"):
        command = ["taskset", "-c", "1", *command]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    return {b["run_name"]: b["cpu_time"] for b in result["benchmarks"] if b["aggregate_name"] == "median"}


MILLION_BYTES = {64: 4300, 256: 4650}  # by the size of the stacks in KiB; the second is the default
MILLION_MAPPINGS = 100


def million(binary, quick):
    """What a million parked coroutines take, page tables included. A page table of 4 KiB serves 2 MiB of address space,
    so that a stack of 256 KiB costs 512 bytes of it, whatever weft does, and one of 64 KiB 128."""
    count = 100_000 if quick else 1_000_000
    rows = []
    for kib in (64, 256):
        result = json.loads(subprocess.run([binary, str(count), str(kib * 1024)], check=True,
                                           stdout=subprocess.PIPE).stdout)
        name = f"{count:,} parked, stacks of {kib} KiB"
        rows.append(report.row(f"{name}: bytes each", "B", result["bytes_each"], f"{MILLION_BYTES[kib]} B",
                               result["bytes_each"] / MILLION_BYTES[kib], "<= 1.0"))
        rows.append(report.row(f"{name}: mappings", "", result["mappings"], str(MILLION_MAPPINGS),
                               result["mappings"] / MILLION_MAPPINGS, "< 1.0"))
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    for backend in BACKENDS:
        parser.add_argument(f"--{backend}", help="the same program, with that backend")
    parser.add_argument("--sync", required=True)
    parser.add_argument("--go", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    ns = measure(arguments.binary, arguments.quick)
    for backend in BACKENDS:
        if binary := getattr(arguments, backend):
            found = measure(binary, arguments.quick, "^(weft_pair|weft_life|bare_setjmp|c_pair|qemu_pair)$")
            ns |= {f"{backend}/{name}": value for name, value in found.items()}
    rows = [report.row("a plain indirect call", "ns", ns["plain_call"])]
    for name, benchmark, against, target in TARGETS:
        if benchmark in ns and against in ns:
            rows.append(report.row(name, "ns", ns[benchmark], f"{against} {ns[against]:.2f}",
                                   ns[benchmark] / ns[against], target))
    rows += sync.yields(arguments.sync, arguments.go, arguments.quick)
    rows += million(pathlib.Path(arguments.binary).with_name("bench_million"), arguments.quick)
    report.report("core", rows)


if __name__ == "__main__":
    main()
