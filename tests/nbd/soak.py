"""`./dev soak nbd [--rounds N] [--seconds S]`: the long forms of what tests/nbd/ does for a moment.

Rounds of SIGKILL after acknowledged flushes and FUA writes; then 20,000 short connections; then how slow small reads become
while others flood and others don't read, each in a process of its own.
"""

import argparse
import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

from harness import READ, Client, eventually, serving
from kill_rounds import KillRounds


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


def slowest(client, seconds):
    """The time that 99 of 100 reads of 4 KiB stay below."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        assert client.do(READ, len(times) % 1000 * 4096, 4096)[0] == 0
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) * 99 // 100]


def flood(path):
    """Wrong requests without end, whose replies are dropped."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.recv(18)
    s.sendall(struct.pack(">IQII", 3, 0x49484156454F5054, 1, 0))
    s.setblocking(False)
    wrong = struct.pack(">IHHQQI", 0x25609513, 0, 0, 1, 1 << 60, 512) * 100
    print("floods", flush=True)
    while True:
        readable, writable, _ = select.select([s], [s], [])  # not in a circle: that would take a processor from the others
        if readable:
            s.recv(1 << 20)
        if writable:
            with contextlib.suppress(BlockingIOError):
                s.send(wrong)


@contextlib.contextmanager
def flooding(server):
    process = subprocess.Popen([sys.executable, __file__, "--flood", server.socket_path], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def neighbours(server, seconds):
    with Client(server) as client:
        alone = slowest(client, seconds)
        never = Client(server)
        never.s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for cookie in range(1000):
                never.send(READ, 0, 1 << 20, cookie=cookie)
        beside_silent = slowest(client, seconds)
        with flooding(server):
            beside_flood = slowest(client, seconds)
        never.close()
    print(f"p99 of a 4 KiB read: {alone * 1e6:.0f} us alone, {beside_silent * 1e6:.0f} us beside one that never reads, "
          f"{beside_flood * 1e6:.0f} us beside one that floods too")
    return beside_silent < 5 * alone and beside_flood < 5 * alone


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--flood")
    arguments = parser.parse_args()
    if arguments.flood:
        flood(arguments.flood)
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
