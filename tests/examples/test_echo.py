"""example_echo: it sends back what it gets, to each client its own, until the client ends its side."""

import os
import re
import signal
import socket
import struct
import subprocess
import threading

from harness import ExampleTest, Listening, eventually, main, path_of, receive_all, receive_exactly, running

CLIENTS = 200


def serving():
    return running(Listening("echo", "127.0.0.1", "0"))


def status(echo):
    """What SIGUSR1 makes it say: clients, coroutines."""
    after = len(echo.lines)
    echo.process.send_signal(signal.SIGUSR1)
    line = echo.wait_for_line("status", after)
    return tuple(map(int, re.search(r"(\d+) clients, (\d+) coroutines", line).groups()))


class Echo(ExampleTest):
    def test_many_clients_at_once_get_each_its_own(self):
        with serving() as echo:
            alone = status(echo)
            clients = [echo.connect() for _ in range(CLIENTS)]
            for number, client in enumerate(clients):
                client.sendall(struct.pack(">I", number) * 500)
            for number, client in reversed(list(enumerate(clients))):
                self.assertEqual(receive_exactly(client, 2000), struct.pack(">I", number) * 500)
            self.assertEqual(status(echo), (alone[0] + CLIENTS, alone[1] + CLIENTS))
            for client in clients:
                client.close()
            eventually("the clients' coroutines have ended", lambda: status(echo) == alone)

    def test_more_than_buffers_hold_comes_back(self):
        data = os.urandom(8 << 20)
        with serving() as echo, echo.connect() as client:
            def send():
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send)
            sender.start()
            self.assertEqual(receive_all(client), data)
            sender.join()

    def test_whoever_ends_its_side_gets_the_rest_and_then_the_end(self):
        with serving() as echo, echo.connect() as client:
            client.sendall(b"last words")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(receive_all(client), b"last words")

    def test_a_reset_is_no_matter_to_others(self):
        with serving() as echo, echo.connect() as other:
            with echo.connect() as client:
                client.sendall(b"x")
                receive_exactly(client, 1)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            echo.wait_for_line(r"client 127\.0\.0\.1:\d+: .*reset")
            other.sendall(b"y")
            self.assertEqual(receive_exactly(other, 1), b"y")

    def test_a_signal_ends_it_and_its_connections(self):
        for which in (signal.SIGINT, signal.SIGTERM):
            with serving() as echo, echo.connect() as client:
                client.sendall(b"x")
                receive_exactly(client, 1)
                echo.process.send_signal(which)
                echo.wait()
                self.assertEqual(client.recv(1), b"")

    def test_an_address_that_is_taken_is_named(self):
        with serving() as echo:
            host, port = echo.where
            refused = subprocess.run([path_of("echo"), host, str(port)], capture_output=True, text=True)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(echo.address, refused.stderr)

    def test_it_explains_itself(self):
        self.check_usage("echo", ["1"], ["1", "2", "3"])


if __name__ == "__main__":
    main()
