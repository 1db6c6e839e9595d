"""example_adapter_glib, _libuv and _asio: weft and another loop in one thread, each with something to do."""

import os
import signal
import socket
import struct
import subprocess
import unittest

from harness import ExampleTest, Listening, eventually, main, path_of, receive_all, receive_exactly, running


def built(name):
    return unittest.skipUnless(os.path.exists(path_of(f"adapter_{name}")), f"there is no {name}")


@built("glib")
class Glib(ExampleTest):
    def test_its_timer_and_tasks_take_turns(self):
        with running(Listening("adapter_glib")) as program, program.connect() as one, program.connect() as other:
            def count(client):
                client.sendall(b"\n")
                return int(client.makefile().readline())
            first = count(one)
            eventually("the timer has gone on", lambda: count(other) > first + 2)
            self.assertGreater(count(one), first + 2)

    def test_a_signal_that_glib_gets_ends_the_tasks(self):
        for which in (signal.SIGINT, signal.SIGTERM):
            with running(Listening("adapter_glib")) as program, program.connect() as client:
                client.sendall(b"\n")
                client.recv(100)
                program.process.send_signal(which)
                program.wait()
                self.assertEqual(client.recv(1), b"")

    def test_it_explains_itself(self):
        self.check_usage("adapter_glib", ["1"])


@built("libuv")
class Libuv(ExampleTest):
    def look_up(self, *names):
        return subprocess.run([path_of("adapter_libuv"), *names], capture_output=True, text=True)

    def test_its_callbacks_end_waits(self):
        done = self.look_up("127.0.0.1", "::1", "127.0.0.2")
        self.assertEqual(sorted(done.stdout.splitlines()), ["127.0.0.1 127.0.0.1", "127.0.0.2 127.0.0.2", "::1 ::1"])
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_what_it_refuses_is_said_and_the_others_are_found(self):
        done = self.look_up("not a name", "127.0.0.1")
        self.assertEqual((done.returncode, done.stdout), (1, "127.0.0.1 127.0.0.1\n"))
        self.assertRegex(done.stderr, r'^libuv: "not a name": .+\n$')

    def test_it_explains_itself(self):
        self.check_usage("adapter_libuv", [])


@built("asio")
class Asio(ExampleTest):
    def test_handlers_accept_and_tasks_answer(self):
        with running(Listening("adapter_asio")) as program:
            clients = [program.connect() for _ in range(50)]
            for number, client in enumerate(clients):
                client.sendall(struct.pack(">I", number) * 5000)
                client.shutdown(socket.SHUT_WR)
            for number, client in reversed(list(enumerate(clients))):
                self.assertEqual(receive_all(client), struct.pack(">I", number) * 5000)
                client.close()

    def test_a_signal_that_asio_gets_ends_the_tasks(self):
        for which in (signal.SIGINT, signal.SIGTERM):
            with running(Listening("adapter_asio")) as program, program.connect() as client:
                client.sendall(b"x")
                receive_exactly(client, 1)
                program.process.send_signal(which)
                program.wait()
                self.assertEqual(client.recv(1), b"")

    def test_it_explains_itself(self):
        self.check_usage("adapter_asio", ["1"])


if __name__ == "__main__":
    main()
