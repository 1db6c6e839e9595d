"""Runs bench_sync and Go's and reports the ratios: `./dev bench sync [--quick]`.

One process after the other, several times in turn; medians. The growth is also drawn, as SVG: docs/img/growth.svg is
such a drawing.
"""

import argparse
import json
import re
import statistics
import subprocess

import growth
import report

YIELDS = [(f"yield, {n:,} ready", f"weft_yield/{n}", f"go_yield/{n}", target)
          for n, target in ((2, "<= 0.2"), (100, None), (10000, "<= 0.25"), (100000, "<= 0.25"))]
TARGETS = [
    # name, benchmark, against, target
    *YIELDS,
    ("yield, 2 ready", "weft_yield/2", "boost_yield", None),
    ("spawn + join", "weft_spawn_join", "go_spawn_join", "<= 0.25"),
    ("spawn + join", "weft_spawn_join", "boost_spawn_join", None),
    ("spawn + join, Go with two threads", "weft_spawn_join", "go_spawn_join_two_threads", "<= 1.0"),
    ("channel(0), send + receive", "weft_channel", "go_channel", "<= 0.4"),
    ("channel(0), send + receive", "weft_channel", "boost_channel", None),
    ("mutex, uncontended", "weft_mutex", "go_mutex", "<= 1.0"),
    ("mutex, uncontended", "weft_mutex", "boost_mutex", None),
    ("mutex, uncontended", "weft_mutex", "two_compare_and_swaps", None),
    ("mutex, two loops contend", "weft_mutex_two_loops", "go_mutex_two_threads", "<= 1.0"),
    ("channels, to another loop and back; set_spin(50us)", "weft_ping_pong_two_loops/spins", "go_ping_pong_two_threads", "<= 1.0"),
    ("channels, to another loop and back; they sleep", "weft_ping_pong_two_loops/sleeps", "go_ping_pong_two_threads", None),
    ("spawn on another loop + join; set_spin(50us)", "weft_spawn_join_two_loops/spins", "go_spawn_join_elsewhere", "<= 1.0"),
    ("spawn on another loop + join; they sleep", "weft_spawn_join_two_loops/sleeps", "go_spawn_join_elsewhere", None),
    ("move_to another loop and back; set_spin(50us)", "weft_move_two_loops/spins", "go_ping_pong_two_threads", "<= 1.0"),
    ("64 uneven tasks on two loops; stealing", "weft_uneven_tasks/stolen", "weft_uneven_tasks/in_turn", "<= 1.0"),
    ("timer, arm + cancel among 1,000,000", "weft_timer/1000000", "libuv_timer/1000000", "<= 0.5"),
]
GROWTH = ["timers", "waiters", "receivers", "lockers", "tasks"]


def run(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def of_benchmark(binary, pattern, seconds, time="real_time"):
    result = run([binary, f"--benchmark_filter={pattern}", f"--benchmark_min_time={seconds}", "--benchmark_format=json"])
    return {re.sub("/iterations:.*|/real_time", "", b["run_name"]): b[time] for b in result["benchmarks"]}


def medians(binary, go, quick, pattern="", others="^(weft|boost|libuv|two)"):
    """The median of each. `pattern`: which of Go's, and `others`: which of the rest."""
    seconds, rounds = (0.05, 3) if quick else (0.2, 7)
    figures = {}
    for _ in range(rounds):
        for some in of_benchmark(binary, others, seconds), run([go, f"-time={seconds}s", f"-only={pattern}"]):
            for name, ns in some.items():
                figures.setdefault(name, []).append(ns)
    return {name: statistics.median(ns) for name, ns in figures.items()}


def rows_of(targets, ns):
    return [report.row(name, "ns", ns[benchmark], f"{against} {ns[against]:.1f}", ns[benchmark] / ns[against], target)
            for name, benchmark, against, target in targets if against in ns]


def yields(binary, go, quick):
    """The rows of those alone."""
    return rows_of(YIELDS, medians(binary, go, quick, "go_yield", "^weft_yield"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--go", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--plot", help="where to draw the growth")
    arguments = parser.parse_args()
    ns = medians(arguments.binary, arguments.go, arguments.quick)
    rows = rows_of(TARGETS, ns)
    curves = {}
    for what in GROWTH:
        # One thread, compared with itself: the processor's time, which other programs disturb least.
        # (To make a million, and to end them, takes seconds.)
        numbers = "10{0,5}/" if arguments.quick else ""
        found = of_benchmark(arguments.binary, f"^growth_{what}/{numbers}", 0, "cpu_time")
        curves[what] = {int(name.split("/")[1]): value for name, value in found.items()}
        least, most = min(curves[what].values()), max(curves[what].values())
        rows.append(report.row(f"{what}: 1 to {max(curves[what]):,}", "ns", most, f"the cheapest {least:.1f}", most / least,
                               "<= 3.0"))
    report.report("sync", rows)
    if arguments.plot:
        growth.draw(curves, arguments.plot)


if __name__ == "__main__":
    main()
