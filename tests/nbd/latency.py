"""How slow small reads become while one client floods the server and another never reads. For test_many_clients.py and
`./dev soak nbd`. Who floods is a process of its own, so that it takes nothing from the one that measures.
"""

import contextlib
import os
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

from harness import READ, Client


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
    process = subprocess.Popen([sys.executable, __file__, server.socket_path], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def p99(client, count=300):
    """The time that 99 of 100 reads of 4 KiB stay below."""
    times = []
    for i in range(count):
        start = time.perf_counter()
        assert client.do(READ, i * 4096, 4096)[0] == 0
        times.append(time.perf_counter() - start)
    return sorted(times)[count * 99 // 100]


def latencies(server, rounds):
    """The medians of p99 without the others and with them, in turns: what else the machine does, it does in both."""
    alone, crowded = [], []
    with Client(server) as good, flooding(server) as flooder:
        for _ in range(rounds):
            flooder.send_signal(signal.SIGSTOP)
            alone.append(p99(good))
            flooder.send_signal(signal.SIGCONT)
            with Client(server) as never:
                never.ask_and_never_read(1000, 1 << 20)
                crowded.append(p99(good))
    return statistics.median(alone), statistics.median(crowded)


if __name__ == "__main__":
    flood(sys.argv[1])
