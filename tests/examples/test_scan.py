"""example_scan finds the ports that the test listens on, and no others."""

import os
import resource
import signal
import socket
import subprocess

from harness import PATIENCE, ExampleTest, Program, main, path_of, running

# Loopback's too, and this process's own: if others listen there, they do so on all addresses.
ADDRESS = "127.%d.%d.%d" % (100 + (os.getpid() >> 15) % 100, (os.getpid() >> 7) % 256, 1 + os.getpid() % 128)
PORTS = 5


def listening_on_all_addresses():
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as f:
            for line in list(f)[1:]:
                _, local, _, state = line.split()[:4]
                host, port = local.split(":")
                if state == "0A" and int(host, 16) == 0:
                    ports.add(int(port, 16))
    return ports


class Scan(ExampleTest):
    def scan(self, *arguments, descriptors=None):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        return subprocess.run([path_of("scan"), *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE,
                              preexec_fn=limit)

    def listeners(self, count):
        found = [socket.create_server((ADDRESS, 0)) for _ in range(count)]
        for each in found:
            self.addCleanup(each.close)
        return {each.getsockname()[1] for each in found}

    def test_it_finds_those_that_are_open_and_no_others(self):
        mine = self.listeners(PORTS)
        others = listening_on_all_addresses()
        done = self.scan(min(mine), max(mine), ADDRESS)
        others |= listening_on_all_addresses()
        self.assertEqual(done.returncode, 0, done.stderr)
        found = list(map(int, done.stdout.split()))
        self.assertEqual(found, sorted(found))
        self.assertEqual(set(found) - (others - mine), mine)

    def test_the_first_and_the_last_belong_to_it(self):
        port, = self.listeners(1)
        self.assertEqual(self.scan(port, port, ADDRESS).stdout, f"{port}\n")

    def test_it_tries_no_more_at_once_than_it_may(self):
        port, = self.listeners(1)
        enough = self.scan(port, 65535, ADDRESS, 16, descriptors=16 + 16)
        self.assertEqual(enough.returncode, 0, enough.stderr)

    def test_a_port_that_could_not_be_tried_is_an_error(self):
        refused = self.scan(1, 65535, ADDRESS, 1000, descriptors=32)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertRegex(refused.stderr, rf"cannot try {ADDRESS}:\d+: Too many open files")

    def silent(self, count):
        """Ports whose queues are full, so that connections to them hang."""
        ports = []
        for _ in range(count):
            full = socket.socket()
            self.addCleanup(full.close)
            full.bind((ADDRESS, 0))
            full.listen(0)
            ports.append(full.getsockname()[1])
            self.addCleanup(socket.create_connection((ADDRESS, ports[-1]), PATIENCE).close)
        return ports

    def test_a_port_that_does_not_answer_is_not_open(self):
        port, = self.silent(1)
        done = self.scan(port, port, ADDRESS)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_a_signal_ends_it(self):
        ports = self.silent(30)  # a second each, one after the other
        for which in (signal.SIGINT, signal.SIGTERM):
            with running(Program(path_of("scan"), min(ports), max(ports), ADDRESS, 1, stdout=subprocess.DEVNULL)) as scan:
                scan.wait_for_line("trying")
                scan.process.send_signal(which)
                scan.wait(expected=1)
                self.assertIn("stopped", scan.lines[-1])

    def test_it_explains_itself(self):
        self.check_usage("scan", ["1"], ["0", "5"], ["5", "4"], ["1", "65536"], ["1", "2", "8.8.8.8"],
                         ["1", "2", "127.0.0.1", "0"], ["1", "2x"], ["1", "2", "127.0.0.1", "1", "x"])


if __name__ == "__main__":
    main()
