"""Clients on several threads: `--threads N`."""

import os
import resource
import signal
import subprocess
import time

from harness import (EINVAL, FLUSH, FUA, PATIENCE, QUICK, READ, SERVER, WRITE, Client, ImageTest, eventually, main, serving)
from kill_rounds import KillRounds

CLIENTS = 16
BLOCK = 16 << 10
ROUNDS = 4 if QUICK else 12


def ticks(server):
    """The processor time of each of the server's loops, by the name of its thread."""
    used = {}
    folder = f"/proc/{server.process.pid}/task"
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/stat") as f:
            head, rest = f.read().rsplit(")", 1)
        name = "first" if int(thread) == server.process.pid else head.split("(", 1)[1]
        fields = rest.split()
        used[name] = used.get(name, 0) + int(fields[11]) + int(fields[12])
    return used


class Threads(ImageTest):
    def fill(self, clients, number):
        """Each client writes blocks of its own, many at once; returns what is where."""
        written = {}
        for cookie in range(4):
            for i, client in enumerate(clients):
                place = (number * 4 + cookie) % 8 * CLIENTS + i
                written[place * BLOCK] = os.urandom(BLOCK)
                client.send(WRITE, place * BLOCK, BLOCK, written[place * BLOCK], cookie=cookie)
        for client in clients:
            self.assertEqual({client.reply()[:2] for _ in range(4)}, {(cookie, 0) for cookie in range(4)})
        return written

    def test_clients_are_spread_over_the_threads_and_see_the_same_data(self):
        with serving("--threads", 2, self.image) as server:
            clients = [Client(server, structured=i % 2 == 0, extended=i % 3 == 0) for i in range(CLIENTS)]
            before = ticks(server)

            def both_have_worked():
                number = both_have_worked.rounds = both_have_worked.rounds + 1
                written = self.fill(clients, number)
                for turn, (offset, data) in enumerate(written.items()):  # read by one that did not write it
                    self.assertEqual(clients[(turn + 1 + number) % CLIENTS].do(READ, offset, BLOCK), (0, data))
                now = ticks(server)
                return all(now.get(name, 0) - before.get(name, 0) >= 3 for name in ("first", "weft-nbd 2"))
            both_have_worked.rounds = 0
            eventually("two threads have worked", both_have_worked)
            self.assertEqual(server.status()["connections"], CLIENTS)
            for client in clients:
                client.close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)

    def test_with_one_there_is_no_further_loop(self):
        with serving("--threads", 1, self.image) as server, Client(server) as client:
            self.assertEqual(client.do(READ, 0, 512)[0], 0)
            self.assertNotIn("weft-nbd 2", ticks(server))

    def test_a_stop_answers_what_was_begun_on_all_threads(self):
        with serving("--threads", 3, self.image) as server:
            clients = [Client(server) for _ in range(CLIENTS)]
            expected = {}
            for number, client in enumerate(clients):
                expected[number * BLOCK] = os.urandom(BLOCK)
                self.assertEqual(client.do(WRITE, number * BLOCK, data=expected[number * BLOCK])[0], 0)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertRegex(server.wait_for_line("served"), f"served {CLIENTS} connections, {CLIENTS} requests: .*synced$")
            for client in clients:
                self.assertTrue(client.closed_by_server())
                client.close()
        with open(self.image, "rb") as f:
            for offset, data in expected.items():
                f.seek(offset)
                self.assertEqual(f.read(BLOCK), data)

    def test_a_second_signal_cuts_the_clients_of_all_threads(self):
        with serving("--threads", 2, "--drain", 3600, self.image) as server:
            clients = [Client(server) for _ in range(4)]
            for client in clients:  # which do not take their replies
                for cookie in range(16):
                    client.send(READ, 0, 8 << 20, cookie=cookie)
            eventually("all are in flight", lambda: server.status()["in_flight"] >= 4 * 16)
            server.process.send_signal(signal.SIGINT)
            eventually("it accepts no more", lambda: not os.path.exists(server.socket_path))
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            server.wait_for_line("asked to stop once more: 4 connections cut")
            for client in clients:
                client.close()

    def test_it_stops_when_the_last_client_has_left_whatever_thread_it_was_on(self):
        for _ in range(ROUNDS):
            with serving("--threads", 2, "--exit-when-idle", self.image) as server:
                clients = [Client(server) for _ in range(4)]
                self.assertEqual(clients[0].do(WRITE, 0, data=b"x" * 512, flags=FUA)[0], 0)
                for client in clients:
                    client.close()  # nearly at once: two threads see their last client leave
                self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_the_limits_on_lines_and_memory_are_for_all_threads_together(self):
        with serving("--threads", 2, "--max-memory", "64K", self.image) as server:
            clients = [Client(server) for _ in range(CLIENTS)]
            data = os.urandom(1 << 20)
            for client in clients:
                client.send(WRITE, 0, data=data, length=len(data), cookie=1)
            for client in clients:
                self.assertEqual(client.reply()[:2], (1, 0))
            self.assertEqual(clients[0].do(FLUSH)[0], 0)
            self.assertEqual(clients[-1].do(READ, 0, len(data)), (0, data))
            begin = time.monotonic()
            for _ in range(20):
                for client in clients:
                    client.send(READ, 1 << 40, 512)
                for client in clients:
                    self.assertEqual(client.reply()[1], EINVAL)
            for client in clients:
                client.close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)
        lines = [line for line in server.lines if "runs past the end" in line]
        self.assertLessEqual(len(lines), 100 + 10 * (time.monotonic() - begin + 1))  # each thread alone would log 80

    def test_what_was_acknowledged_survives_sigkill(self):
        rounds = KillRounds(self.image, self.SIZE, connections=8, arguments=("--threads", 2))
        for number in range(ROUNDS):
            self.assertEqual(rounds.one(), 0, f"round {number}")

    def test_wrong_numbers_are_a_wrong_command_line(self):
        for number in ("0", "-1", "1025", "two", "1.5", ""):
            done = subprocess.run([SERVER, "-u", "s", f"--threads={number}", "-s", "1M", "new.img"], cwd=self.folder,
                                  capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2, f"{number}: {done.stderr}")
            self.assertIn("--threads", done.stderr)
            self.assertFalse(os.path.exists(self.path("new.img")))

    def test_threads_that_can_not_be_started_are_named(self):
        if QUICK:
            self.skipTest("a sanitizer takes all the address space there is")

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        done = subprocess.run([SERVER, "-u", "s", "--threads", "1024", "-s", "1M", "new.img"], cwd=self.folder,
                              capture_output=True, text=True, timeout=PATIENCE, preexec_fn=limit)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot start 1024 threads", done.stderr)
        self.assertFalse(os.path.exists(self.path("new.img")))


if __name__ == "__main__":
    main()
