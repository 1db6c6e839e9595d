"""`./dev soak nbd [--rounds N] [--seconds S]`: the long forms of what tests/nbd/ does for a moment.

Rounds of SIGKILL after acknowledged flushes and FUA writes; then 20,000 short connections; then how slow small reads become
while others flood and others don't read, each in a process of its own.
"""

import argparse
import os
import sys
import tempfile

from harness import READ, Client, eventually, serving
from kill_rounds import KillRounds
from latency import latencies


def kill(folder, rounds):
    image, size = os.path.join(folder, "killed"), 64 << 20
    with open(image, "wb") as f:
        f.truncate(size)
    killed = KillRounds(image, size)
    lost = 0
    for number in range(rounds):
        lost += killed.one()
        if (number + 1) % 100 == 0:
            print(f"{number + 1} rounds of SIGKILL, {lost} acknowledged blocks lost", flush=True)
    print(f"{rounds} rounds of SIGKILL: {lost} acknowledged blocks lost")
    return lost == 0


def short_connections(server, count):
    with Client(server) as client:
        client.do(READ, 0, 4096)
    eventually("it has gone", lambda: server.status()["connections"] == 0)
    before = server.descriptors(), server.status()["coroutines"]
    sizes = []
    for number in range(count):
        with Client(server) as client:
            if number % 2:
                client.do(READ, 0, 4096)
        if number in (count // 2, count - 1):
            eventually("all have gone", lambda: server.status()["connections"] == 0)
            sizes.append(server.rss())
    after = server.descriptors(), server.status()["coroutines"]
    grown = sizes[1] - sizes[0]
    print(f"{count} short connections: descriptors and coroutines {before} -> {after}, the second half grew by {grown} bytes")
    return before == after and grown < 4 << 20


def neighbours(server, seconds):
    alone, crowded = latencies(server, rounds=max(3, round(seconds * 4)))
    print(f"p99 of a 4 KiB read: {alone * 1e6:.0f} us alone, {crowded * 1e6:.0f} us beside one that floods and one that never "
          f"reads: {crowded / alone:.1f}x")
    return crowded < 5 * alone


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    fine = []
    with tempfile.TemporaryDirectory(prefix="weft-nbd-soak-") as folder:
        fine.append(kill(folder, arguments.rounds))
        image = os.path.join(folder, "image")
        with open(image, "wb") as f:
            f.write(os.urandom(16 << 20))
        with serving(image) as server:
            fine.append(short_connections(server, arguments.connections))
            fine.append(neighbours(server, arguments.seconds))
    print("PASSED" if all(fine) else "FAILED")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
