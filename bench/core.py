"""Runs bench_core and reports the ratios: `./dev bench core [--quick]`.

One thread, pinned where the system allows it; the median of several repetitions, interleaved so that a machine that
changes its speed changes it for all.
"""

import argparse
import json
import shutil
import subprocess

import report

TARGETS = [
    # name, benchmark, against, target
    ("enter + yield", "weft_pair", "plain_call", "<= 2.2"),
    ("enter + yield", "weft_pair", "boost_pair", "<= 0.33"),
    ("enter + yield inside a coroutine", "weft_pair_nested", "boost_pair", None),
    ("create, run, end", "weft_life", "boost_life", "<= 0.5"),
    *[(f"{n} in turn", f"weft_in_turn/{n}", f"boost_in_turn/{n}", "< 1.0") for n in (16, 100, 1000, 10000)],
    ("1000 in turn", "weft_in_turn/1000", "weft_pair", "<= 2.0"),
]


def measure(binary, quick):
    command = [binary, f"--benchmark_repetitions={5 if quick else 9}", "--benchmark_report_aggregates_only=true",
               f"--benchmark_min_time={0.05 if quick else 0.2}", "--benchmark_enable_random_interleaving=true",
               "--benchmark_format=json"]
    if shutil.which("taskset"):
        command = ["taskset", "-c", "1", *command]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
    return {b["run_name"]: b["cpu_time"] for b in result["benchmarks"] if b["aggregate_name"] == "median"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    ns = measure(arguments.binary, arguments.quick)
    rows = [report.row("a plain indirect call", "ns", ns["plain_call"])]
    for name, benchmark, against, target in TARGETS:
        if against in ns:
            rows.append(report.row(name, "ns", ns[benchmark], f"{against} {ns[against]:.2f}",
                                   ns[benchmark] / ns[against], target))
    report.report("core", rows)


if __name__ == "__main__":
    main()
