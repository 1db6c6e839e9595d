"""Echo servers over loopback: `./dev bench echo [--quick]`.

weft, a hand-written loop on epoll and one on io_uring, Asio, libuv and Go: one server thread on one processor, the client
(echo/load.cpp, the same for all) on another. The servers take turns within each round, and each round begins with another;
medians over the rounds.

Requests per second, and per second of the server's CPU time, are of a closed loop; the client often is what limits the
first. Latencies are of an open loop at half of what the loop on epoll does in a closed one.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import tempfile

import report

HAND_WRITTEN = ["epoll", "io_uring"]
OTHERS = ["asio", "libuv", "go"]
# So many connections, most of them idle, or as many as a process may have.
CROWD = min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100)


def commands(folder):
    """The servers that were built."""
    found = {}
    for name in ["weft", *HAND_WRITTEN, *OTHERS]:
        path = os.path.join(folder, f"bench_echo_{name}")
        if os.path.exists(path):
            found[name] = [path]
    found["weft, own buffers"] = [*found["weft"], "buffers"]
    return found


def on(processor, command):
    return ["taskset", "-c", str(processor), *command] if shutil.which("taskset") else command


class Bench:
    def __init__(self, folder, seconds):
        self.load = os.path.join(folder, "bench_echo_load")
        self.servers = commands(folder)
        self.seconds = seconds
        processors = sorted(os.sched_getaffinity(0))
        self.server_on, self.client_on = processors[0], processors[-1]

    @contextlib.contextmanager
    def running(self, command):
        """Gives the port, and the process."""
        with subprocess.Popen(on(self.server_on, command), stdout=subprocess.PIPE, text=True,
                              env=os.environ | {"GOMAXPROCS": "1"}) as process:
            try:
                yield process.stdout.readline().strip(), process
            finally:
                process.kill()

    def ask(self, port, process, seconds=None, **options):
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [self.load, port, "--server", str(process.pid), "--seconds", str(seconds or self.seconds), *words]
        out = subprocess.run(on(self.client_on, command), check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(out.stdout)

    def measure(self, name, **options):
        with self.running(self.servers[name]) as (port, process):
            return self.ask(port, process, **options)

    def rounds(self, number, names, **options):
        """The median of each figure, by server."""
        results = {name: [] for name in names}
        for i in range(number):
            turns = list(names)
            first = i % len(turns)
            for name in turns[first:] + turns[:first]:
                results[name].append(self.measure(name, **options))
        return {name: {key: statistics.median(r[key] for r in all_of) for key in all_of[0]}
                for name, all_of in results.items()}

    def system_calls(self, name):
        """A request's, with 64 connections; from the difference of a long run and a short one. None without strace."""
        if not shutil.which("strace"):
            return None
        with tempfile.TemporaryDirectory() as folder:
            short, long = (self.count_calls(name, seconds, os.path.join(folder, "calls")) for seconds in (0.1, 0.4))
        return (long[0] - short[0]) / (long[1] - short[1])

    def count_calls(self, name, seconds, out):
        """System calls, and requests."""
        with self.running(self.servers[name]) as (port, process):
            with subprocess.Popen(["strace", "-f", "-c", "-o", out, "-p", str(process.pid)], stderr=subprocess.PIPE,
                                  text=True) as strace:
                strace.stderr.readline()  # "attached"
                requests = self.ask(port, process, seconds=seconds, connections=64, size=64)["all"]
                strace.send_signal(signal.SIGINT)
        with open(out) as f:
            return sum(int(line.split()[3]) for line in f if line.rstrip().endswith("total")), requests


def rows_of_point(point, closed, latencies):
    """What weft has to reach at one point."""
    rows = []
    for unit, figure in (("1/s", lambda r: r["requests"] / r["seconds"]), ("1/CPU s", lambda r: r["requests"] / r["cpu"])):
        best = max((n for n in HAND_WRITTEN if n in closed), key=lambda n: figure(closed[n]))
        for mine, target in (("weft", ">= 0.97"), ("weft, own buffers", None)):
            if mine not in closed:
                continue
            rows.append(report.row(f"{point}, {mine}", unit, figure(closed[mine]), f"{best} {figure(closed[best]):,.0f}",
                                   figure(closed[mine]) / figure(closed[best]), target))
        others = [n for n in OTHERS if n in closed]
        if others:
            other = max(others, key=lambda n: figure(closed[n]))
            rows.append(report.row(f"{point}, weft", unit, figure(closed["weft"]), f"{other} {figure(closed[other]):,.0f}",
                                   figure(closed["weft"]) / figure(closed[other]), "> 1.0"))
    if latencies:
        best = min((n for n in HAND_WRITTEN if n in latencies), key=lambda n: latencies[n]["p99"])
        rows.append(report.row(f"{point}, weft, p99", "us", latencies["weft"]["p99"],
                               f"{best} {latencies[best]['p99']:.0f}",
                               latencies["weft"]["p99"] / latencies[best]["p99"], "<= 1.2"))
    return rows


def lines_of_point(point, closed, latencies):
    for name, r in closed.items():
        late = latencies.get(name, {})
        yield [f"{point}, {name}", r["requests"] / r["seconds"], r["requests"] / r["cpu"],
               *[late.get(key) for key in ("p50", "p99", "p99.9")]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    quick = arguments.quick
    bench = Bench(arguments.binaries, 0.12 if quick else 1)
    names = list(bench.servers)
    rounds = 3 if quick else 5
    points = [(size, connections) for size in ((64, 16384) if quick else (64, 512, 16384))
              for connections in ((64, 1024) if quick else (1, 64, 256, 1024))]
    in_open_loop = [n for n in names if not quick or n in ("weft", *HAND_WRITTEN)]
    table = [["", "requests/s", "per CPU s", "p50 us", "p99 us", "p99.9 us"]]
    rows = []
    for size, connections in points:
        closed = bench.rounds(rounds, names, size=size, connections=connections)
        rate = closed["epoll"]["requests"] / closed["epoll"]["seconds"] / 2
        latencies = bench.rounds(rounds, in_open_loop, size=size, connections=connections, rate=round(rate))
        point = f"{size} B, {connections}"
        table += lines_of_point(point, closed, latencies)
        rows += rows_of_point(point, closed, latencies)
        print(point, "done", flush=True)
    active = CROWD // 100
    crowd = bench.rounds(1 if quick else rounds, in_open_loop, size=64, connections=active, idle=CROWD - active)
    point = f"64 B, {CROWD:,}, 1 % active"
    table += lines_of_point(point, crowd, {})
    rows += rows_of_point(point, crowd, {})
    report.table(table)

    print()
    memory = {n: [bench.measure(n, size=64, connections=c)["resident"] for c in (1, 1024)] for n in names}
    calls = {n: bench.system_calls(n) for n in names}
    report.table([["64 B", "system calls a request, 64 connections", "resident bytes a connection, 1024"]] +
                 [[n, calls[n], (memory[n][1] - memory[n][0]) / 1023] for n in names])
    print()
    report.report("echo", rows)


if __name__ == "__main__":
    main()
