"""weft-nbd beside qemu-nbd and nbdkit: `./dev bench nbd [--quick]`.

fio's nbd engine over a Unix socket, a raw image of 1 GiB in the page cache. The servers take turns within each round, so
that a machine that changes its speed changes it for all, and each round begins with another: the first writes to pages
that are clean. Medians over the rounds. Nothing is pinned: qemu-nbd and nbdkit
bring threads, and to pin a server to one processor would take them away.

weft-nbd with --threads 2 takes its turns too, in the column with 16 connections, and is compared with weft-nbd on one thread:
in IOPS, which it can raise only where fio leaves it a second processor, and in CPU time an operation.

The last column is no load of fio's: one client writes 4 KiB at a time that have to be on the medium before it goes on (FUA), as
for a log, while another copies data in.

Where it may mount and make a block device, it also counts durable writes that a server acknowledges though the disk could not take
them: several at once, on a device that has room for a third of them.
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import nbd_lost
import report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "nbd"))
from full_disk import BLOCK, NotAllowed, full_disk  # noqa: E402

LARGE = "read 256k qd8"
CROWD = "randread 4k 16 conns"
# Name, fio's pattern, block size, queue depth, connections.
COLUMNS = [("randread 4k qd1", "randread", "4k", 1, 1), ("randread 4k qd32", "randread", "4k", 32, 1),
           (LARGE, "read", "256k", 8, 1), ("randwrite 4k qd32", "randwrite", "4k", 32, 1),
           ("randwrite 64k qd8", "randwrite", "64k", 8, 1), ("70/30 4k qd32", "randrw", "4k", 32, 1),
           (CROWD, "randread", "4k", 4, 16)]
DURABLE = "durable 4k, a copy beside"
SIZE = 1 << 30
ROOM = 256 << 10  # of the device that gets full
TWO = ", --threads 2"


def servers(weft):
    def weft_nbd(reactor, *more):
        return lambda image, path: [weft, "--unix", path, "--live", "never", "--reactor", reactor, *more, image]

    def qemu_nbd(aio):
        return lambda image, path: ["qemu-nbd", "--persistent", "--shared=0", "--format=raw", "--cache=writeback",
                                    f"--aio={aio}", f"--socket={path}", image]
    return {"weft-nbd (io_uring)": weft_nbd("io_uring"), "weft-nbd (epoll)": weft_nbd("epoll"),
            **{f"weft-nbd ({reactor}){TWO}": weft_nbd(reactor, "--threads", "2") for reactor in ("io_uring", "epoll")},
            "qemu-nbd (threads)": qemu_nbd("threads"), "qemu-nbd (io_uring)": qemu_nbd("io_uring"),
            "nbdkit (file)": lambda image, path: ["nbdkit", "--foreground", "--unix", path, "file", image]}


@contextlib.contextmanager
def running(command, path):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not os.path.exists(path):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{command[0]} does not serve")
            time.sleep(0.01)
        yield process
    finally:
        process.terminate()
        process.wait()
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_fio(path, column, seconds):
    """IOPS of one run, and how many operations it did."""
    _, pattern, size, depth, connections = column
    out = subprocess.run(["fio", "--name=bench", "--ioengine=nbd", f"--uri=nbd+unix:///?socket={path}",
                          f"--rw={pattern}", "--rwmixread=70", f"--bs={size}", f"--iodepth={depth}", f"--size={SIZE}",
                          f"--numjobs={connections}", "--group_reporting", "--time_based",
                          f"--runtime={round(seconds * 1000)}ms", "--output-format=json"], check=True, capture_output=True, text=True)
    job = json.loads(out.stdout[out.stdout.index("{"):])["jobs"][0]
    sides = job["read"], job["write"]
    return sum(side["iops"] for side in sides), sum(side["total_ios"] for side in sides)


def run_client(script, path, *arguments):
    """What it prints. By Debian's own Python, which has libnbd's module; -I, as this folder has a file of that name."""
    script = os.path.join(os.path.dirname(__file__), script)
    return subprocess.run(["/usr/bin/python3", "-I", script, path, *map(str, arguments)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def count_lost(command, folder, rounds):
    """Durable writes that were acknowledged, and how many of them the medium lacks."""
    acknowledged = lost = 0
    for _ in range(rounds):
        with full_disk(ROOM * 3, ROOM) as disk:
            path = os.path.join(folder, "socket")
            with running(command(disk.device, path), path):
                blocks = run_client("nbd_lost.py", path, ROOM * 3 // BLOCK).split()
            acknowledged += len(blocks)
            lost += len(disk.missing({int(block): nbd_lost.contents(int(block)) for block in blocks}))
    return acknowledged, lost


def compare_lost(weft, rounds, folder):
    """Prints a table of all servers; rows of weft-nbd."""
    try:
        counted = {name: count_lost(command, folder, rounds) for name, command in servers(weft).items()}
    except NotAllowed as what:
        print(f"\nnot measured, as it needs to be allowed {what}: durable writes that are acknowledged and lost")
        return []
    print(f"\ndurable writes to a disk that gets full, {nbd_lost.AT_ONCE} at once")
    report.table([["server", "acknowledged", "of these lost"]] + [[name, *counts] for name, counts in counted.items()])
    most = max(counted, key=lambda name: counted[name][1])
    return [report.row(f"acknowledged and lost, {name}", "writes", lost, f"{most} {counted[most][1]}", lost, "<= 0")
            for name, (_, lost) in counted.items() if name.startswith("weft")]


def columns_of(name):
    return [column for column in COLUMNS if column[0] == CROWD or not name.endswith(TWO)]


def compare_threads(iops, cpu):
    """Rows of two threads beside one. More IOPS are asked for where fio leaves both threads a processor."""
    rows = []
    more = ">= 1.6" if (os.cpu_count() or 1) > 2 else None
    for name in ("weft-nbd (io_uring)", "weft-nbd (epoll)"):
        for unit, values, target in (("IOPS", iops, more), ("us of CPU", cpu, "<= 1.1")):
            one, two = values[name, CROWD], values[name + TWO, CROWD]
            rows.append(report.row(f"{CROWD}, {name}{TWO}", unit, two, f"--threads 1 {one:,.2f}", two / max(one, 1e-9), target))
    return rows


def measure(weft, rounds, seconds, folder):
    """Medians of IOPS and of the server's CPU time an operation, each by (server, column)."""
    image = os.path.join(folder, "image")
    with open(image, "wb") as f:
        for _ in range(SIZE >> 20):
            f.write(os.urandom(1 << 20))
    os.sync()
    iops = {}
    cpu = {}
    for number in range(rounds):
        turns = list(servers(weft).items())
        turns = turns[number % len(turns):] + turns[:number % len(turns)]
        for name, command in turns:
            path = os.path.join(folder, "socket")
            with running(command(image, path), path) as process:
                for column in columns_of(name):
                    before = cpu_seconds(process)
                    value, count = run_fio(path, column, seconds)
                    iops.setdefault((name, column[0]), []).append(value)
                    used = (cpu_seconds(process) - before) / max(count, 1) * 1e6
                    cpu.setdefault((name, column[0]), []).append(used)
                if not name.endswith(TWO):
                    count = float(run_client("nbd_durable.py", path, seconds, SIZE))
                    iops.setdefault((name, DURABLE), []).append(count)
        print(f"round {number + 1} of {rounds}")
    return ({key: statistics.median(values) for key, values in iops.items()},
            {key: statistics.median(values) for key, values in cpu.items()})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    os.makedirs("build/bench", exist_ok=True)
    folder = tempfile.mkdtemp(prefix="nbd-", dir=os.path.abspath("build/bench"))
    try:
        rounds, seconds = (2, 0.3) if arguments.quick else (5, 4)
        weft = os.path.abspath(arguments.server)
        iops, cpu = measure(weft, rounds, seconds, folder)
        lost = compare_lost(weft, rounds, folder)
    finally:
        shutil.rmtree(folder)
    names = list(servers(""))
    heads = [column[0] for column in COLUMNS]
    print("\nIOPS")
    report.table([["server", *heads, DURABLE]] + [[name, *[iops.get((name, head)) for head in [*heads, DURABLE]]] for name in names])
    print("\nmicroseconds of the server's CPU time an operation")
    report.table([["server", *heads]] + [[name, *[cpu.get((name, head)) for head in heads]] for name in names])
    print()
    rows = []
    others = [name for name in names if not name.startswith("weft")]
    for head in [*heads, DURABLE]:
        best = max(others, key=lambda name: iops[name, head])
        thriftiest = min(others, key=lambda name: cpu.get((name, head), 0))
        for mine in (name for name in names if name.startswith("weft") and not name.endswith(TWO)):
            rows.append(report.row(f"{head}, {mine}", "IOPS", iops[mine, head], f"{best} {iops[best, head]:,.0f}",
                                   iops[mine, head] / iops[best, head], ">= 1.8" if head == LARGE else ">= 1.15"))
            if head == DURABLE:
                continue
            rows.append(report.row(f"{head}, {mine}", "us of CPU", cpu[mine, head],
                                   f"{thriftiest} {cpu[thriftiest, head]:.2f}",
                                   cpu[mine, head] / max(cpu[thriftiest, head], 1e-9),
                                   "<= 0.33" if head == LARGE else "< 1.0"))
    rows += compare_threads(iops, cpu) + lost
    report.report("nbd", rows)


if __name__ == "__main__":
    main()
