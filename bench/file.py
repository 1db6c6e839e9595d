"""Random reads of 4 KiB from one file: `./dev bench file [--quick]`.

weft beside fio's io_uring engine, on the same processor, taking turns; medians over the rounds. Cached: all of the file is in
the page cache; direct: O_DIRECT.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess

import report

DEPTHS = (1, 32, 128)


def pinned(command):
    processor = sorted(os.sched_getaffinity(0))[-1]
    return ["taskset", "-c", str(processor), *command] if shutil.which("taskset") else command


def output(command):
    return subprocess.run(pinned(command), check=True, stdout=subprocess.PIPE, text=True).stdout


def weft(binary, path, depth, direct, seconds):
    """Reads per second, and microseconds of CPU time a read."""
    r = json.loads(output([binary, path, "--depth", str(depth), "--direct", str(direct), "--seconds", str(seconds)]))
    return r["reads"] / r["seconds"], r["cpu"] / r["reads"] * 1e6


def fio(path, depth, direct, seconds):
    out = output(["fio", "--name=bench", f"--filename={path}", "--ioengine=io_uring", "--rw=randread", "--bs=4k",
                  f"--iodepth={depth}", f"--direct={direct}", "--invalidate=0", "--norandommap", "--time_based",
                  f"--runtime={round(seconds * 1000)}ms", "--output-format=json"])
    job = json.loads(out[out.index("{"):])["jobs"][0]
    iops = job["read"]["iops"]
    return iops, (job["usr_cpu"] + job["sys_cpu"]) / 100 / iops * 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    os.makedirs("build/bench", exist_ok=True)
    path = os.path.abspath("build/bench/file.img")
    megabytes, rounds, seconds = (256, 5, 0.5) if arguments.quick else (1024, 7, 2)
    with open(path, "wb") as f:
        for _ in range(megabytes):
            f.write(os.urandom(1 << 20))
        os.fsync(f.fileno())
    rows = []
    try:
        for direct in (0, 1):
            for depth in DEPTHS:
                figures = {"weft": [], "fio": []}
                for _ in range(rounds):
                    figures["weft"].append(weft(arguments.binary, path, depth, direct, seconds))
                    figures["fio"].append(fio(path, depth, direct, seconds))
                (mine, my_cpu), (theirs, their_cpu) = ([statistics.median(column) for column in zip(*figures[who])]
                                                       for who in ("weft", "fio"))
                name = f"{'direct' if direct else 'cached'}, queue depth {depth}"
                rows.append(report.row(name, "reads/s", mine, f"fio {theirs:,.0f}", mine / theirs, ">= 0.97"))
                rows.append(report.row(name, "CPU us", my_cpu, f"fio {their_cpu:.2f}", my_cpu / their_cpu))
    finally:
        os.remove(path)
    report.report("file", rows)


if __name__ == "__main__":
    main()
