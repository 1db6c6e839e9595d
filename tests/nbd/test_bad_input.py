"""What clients, disks and command lines do wrong: each gets its error, the log says so once, others are served on, and
nothing is left behind."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile

import harness
from harness import (CACHE, DF, EINVAL, EIO, ENOSPC, EOVERFLOW, EPERM, FLUSH, GO, LIST, QUICK, READ, SERVER, TRIM, WRITE,
                     WRITE_ZEROES, Client, ImageTest, eventually, main, serving)

MANY = 200 if QUICK else 1000


class BadInput(ImageTest):
    """Each test does its harm inside `harmed()`."""

    def harmed(self, *arguments, **options):
        return Harm(self, serving(*(arguments or [self.image]), **options))


class Harm:
    """Serves; afterwards checks that others are still served and that nothing is left of the client."""

    def __init__(self, test, context):
        self.test = test
        self.context = context

    def __enter__(self):
        self.server = self.context.__enter__()
        self.served_fully()  # warms up what is made once
        self.descriptors = self.server.descriptors()
        # That of the client may be on its way to its end still.
        self.coroutines = min(self.server.status()["coroutines"] for _ in range(5))
        return self.server

    def served_fully(self):
        with Client(self.server) as client:
            error, data = client.do(READ, 0, 4096)
            self.test.assertEqual((error, len(data)), (0, 4096))
        eventually("the client has gone", lambda: self.server.status()["connections"] == 0)

    def __exit__(self, *error):
        if error[0] is None:
            try:
                eventually("no connection is left", lambda: self.server.status()["connections"] == 0)
                self.served_fully()
                eventually("descriptors are closed", lambda: self.server.descriptors() == self.descriptors)
                left = self.server.status
                eventually("nothing is left", lambda: left() == {"connections": 0, "in_flight": 0, "coroutines": self.coroutines})
            except BaseException:
                if not self.context.__exit__(*sys.exc_info()):
                    raise
        return self.context.__exit__(*error)


class Handshake(BadInput):
    def test_garbage_instead_of_the_handshake(self):
        with self.harmed() as server:
            s = server.connect()
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            server.wait_for_line(r"client 2 .*no NBD client")
            s.close()

    def test_an_option_without_its_magic(self):
        with self.harmed() as server, Client(server, go=False) as client:
            client.s.sendall(b"x" * 16)
            self.assertTrue(client.closed_by_server())
            server.wait_for_line(r"client 2 .*IHAVEOPT")

    def test_an_option_longer_than_allowed(self):
        with self.harmed() as server, Client(server, go=False) as client:
            client.send_option(GO, b"", 0xFFFFFFF0)
            self.assertEqual(client.option_reply(GO)[0], harness.ERR_TOO_BIG)
            self.assertTrue(client.closed_by_server())
            server.wait_for_line(r"client 2 .*4294967280 bytes")

    def test_an_unknown_option_is_refused_and_the_talk_goes_on(self):
        with self.harmed() as server, Client(server, go=False) as client:
            self.assertEqual(client.option(77, b"what")[-1][0], harness.ERR_UNSUP)
            self.assertEqual(client.option(LIST)[-1][0], harness.ACK)

    def test_an_unknown_export(self):
        with self.harmed() as server, Client(server, go=False) as client:
            name = b"nothing"
            asked = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
            self.assertEqual(client.option(GO, asked)[-1][0], harness.ERR_UNKNOWN)
            server.wait_for_line(r'client 2 .*no export "nothing"')
            self.assertEqual(client.option(LIST)[-1][0], harness.ACK)

    def test_a_real_client_that_asks_for_an_unknown_export_costs_one_line(self):
        with self.harmed() as server:
            for _ in range(5):
                refused = subprocess.run(["nbdinfo", server.uri("nothing")], capture_output=True, check=False)
                self.assertNotEqual(refused.returncode, 0)
            eventually("all have gone", lambda: server.status()["connections"] == 0)
            complaints = [line for line in server.lines if re.search(r"client \d+ ", line)]
            self.assertEqual(len(complaints), 5, complaints)

    def test_an_option_whose_lengths_do_not_fit(self):
        with self.harmed() as server, Client(server, go=False) as client:
            self.assertEqual(client.option(GO, struct.pack(">IH", 1 << 31, 0))[-1][0], harness.ERR_INVALID)
            server.wait_for_line(r"client 2 .*lengths")

    def test_abort_ends_the_connection(self):
        with self.harmed() as server, Client(server, go=False) as client:
            self.assertEqual(client.option(harness.ABORT)[-1][0], harness.ACK)
            self.assertTrue(client.closed_by_server())

    def test_export_name_of_one_that_there_is_not_closes_the_connection(self):
        with self.harmed() as server, Client(server, go=False) as client:
            client.send_option(harness.EXPORT_NAME, b"nothing")
            self.assertTrue(client.closed_by_server())
            server.wait_for_line(r'client 2 .*no export "nothing"')

    def test_export_name_serves(self):
        with self.harmed() as server, Client(server, go=False) as client:
            client.send_option(harness.EXPORT_NAME, b"disk")
            size, _ = struct.unpack(">QH", client.receive(10))
            self.assertEqual(size, self.SIZE)
            self.assertEqual(client.do(READ, 0, 512), (0, bytes(512)))


class Requests(BadInput):
    def refused(self, errors, pattern, command, offset, length, data=b"", arguments=(), **options):
        """The request fails with one of `errors`, the log says `pattern`, and the connection goes on. Both reply forms."""
        for structured in (False, True):
            with self.subTest(structured=structured), self.harmed(*arguments, **options) as server:
                with Client(server, structured=structured) as client:
                    client.send(command, offset, length, data)
                    self.assertIn(client.reply()[1], errors)
                    server.wait_for_line("client 2 .*" + pattern)
                    self.assertEqual(client.do(READ, 0, 512)[0], 0)

    def test_an_unknown_command(self):
        self.refused([EINVAL], "command 99", 99, 0, 0)

    def test_a_read_longer_than_allowed(self):
        self.refused([EINVAL], "longer than 33554432", READ, 0, (32 << 20) + 1)

    def test_a_read_longer_than_allowed_that_may_not_be_split(self):
        with self.harmed() as server, Client(server, structured=True) as client:
            self.assertEqual(client.do(READ, 0, (32 << 20) + 1, flags=DF)[0], EOVERFLOW)

    def test_a_write_longer_than_allowed(self):
        size = (32 << 20) + 1
        self.refused([EINVAL], "longer than 33554432", WRITE, 0, size, bytes(size))

    def test_a_write_so_long_that_nobody_would_read_it_ends_the_connection(self):
        with self.harmed() as server, Client(server) as client:
            client.send(WRITE, 0, 0xFFFFFFFF)
            self.assertTrue(client.closed_by_server())
            server.wait_for_line("client 2 .*write that brings 4294967295 bytes")

    def test_a_read_past_the_end(self):
        self.refused([EINVAL], "past the end", READ, self.SIZE - 512, 1024)

    def test_a_write_past_the_end(self):
        self.refused([ENOSPC], "write of 1024 bytes at .* past the end", WRITE, self.SIZE - 512, 1024, bytes(1024))

    def test_a_trim_past_the_end(self):
        self.refused([EINVAL], "past the end", TRIM, self.SIZE, 1)

    def test_zeroes_past_the_end(self):
        self.refused([ENOSPC], "past the end", WRITE_ZEROES, self.SIZE - 1, 2)

    def test_a_range_that_wraps_around(self):
        self.refused([EINVAL], "past the end", READ, (1 << 64) - 512, 1024)
        self.refused([ENOSPC], "past the end", WRITE, (1 << 64) - 512, 1024, bytes(1024))

    def test_a_write_to_a_read_only_export(self):
        self.refused([EPERM], "read-only", WRITE, 0, 512, bytes(512), ("--read-only", self.image))
        self.refused([EPERM], "read-only", WRITE_ZEROES, 0, 512, b"", ("--read-only", self.image))

    def test_flags_that_the_command_does_not_have(self):
        with self.harmed() as server, Client(server) as client:
            self.assertEqual(client.do(READ, 0, 512, flags=0x4000)[0], EINVAL)
            server.wait_for_line("client 2 .*flags 0x4000")

    def test_a_request_without_its_magic_ends_the_connection(self):
        with self.harmed() as server, Client(server) as client:
            client.s.sendall(b"\0" * 28)
            self.assertTrue(client.closed_by_server())
            server.wait_for_line("client 2 .*magic")

    def test_cache_past_the_end(self):
        self.refused([EINVAL], "past the end", CACHE, self.SIZE - 512, 1024)


class Vanishing(BadInput):
    def test_in_mid_handshake(self):
        with self.harmed() as server:
            server.connect().close()
            with Client(server, go=False) as client:
                client.s.sendall(struct.pack(">Q", harness.OPTION_MAGIC))
            server.wait_for_line("client 3 .*middle of a message")

    def test_in_mid_request(self):
        with self.harmed() as server:
            with Client(server) as client:
                client.s.sendall(struct.pack(">IHH", 0x25609513, 0, READ))
            server.wait_for_line("client 2 .*middle of a message")

    def test_in_mid_payload(self):
        with self.harmed() as server:
            with Client(server) as client:
                client.send(WRITE, 0, 1 << 20, bytes(1000))
            server.wait_for_line("client 2 .*middle of a message")

    def test_in_mid_reply(self):
        with self.harmed() as server:
            with Client(server) as client:
                client.send(READ, 0, 8 << 20)
                client.receive(1000)

    def test_with_a_thousand_requests_in_flight(self):
        with self.harmed("--max-in-flight", 2000, self.image) as server:
            client = Client(server)
            for cookie in range(MANY):
                client.send(READ, cookie % 100 * 4096, 65536, cookie=cookie)
            client.close()

    def test_again_and_again_leaves_no_memory(self):
        if QUICK:
            self.skipTest("a sanitizer's memory is its own")

        def abuse(server):
            for _ in range(20):
                client = Client(server, structured=True)
                for cookie in range(50):
                    client.send(READ, 0, 256 << 10, cookie=cookie)
                client.send(WRITE, 0, 1 << 20, bytes(1000))
                client.close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)

        with self.harmed() as server:
            # How many buffers the pool comes to keep depends on chance, but has an end. A leak has none.
            growth = []
            for _ in range(8):
                before = server.rss()
                for _ in range(8):
                    abuse(server)
                growth.append(server.rss() - before)
                if growth[-1] < 4 << 20:
                    return
            self.fail(f"each time, the server has grown: {growth}")


class Bounds(BadInput):
    def test_a_slow_reader_that_never_reads_holds_up_nobody(self):
        with self.harmed() as server:
            before = server.rss()
            slow = Client(server)
            slow.ask_and_never_read(MANY, 1 << 20)
            with Client(server) as other:
                for _ in range(20):
                    self.assertEqual(other.do(READ, 0, 65536)[0], 0)
            self.assertLess(server.rss() - before, 256 << 20)
            slow.close()

    def test_no_more_are_in_flight_than_allowed(self):
        with self.harmed("--max-in-flight", 8, self.image) as server:
            slow = Client(server)
            slow.ask_and_never_read(MANY, 1 << 20)
            eventually("as many as may be are in flight", lambda: server.status()["in_flight"] == 8)
            for _ in range(10):
                self.assertEqual(server.status()["in_flight"], 8)
            slow.close()


class Disks(BadInput):
    def test_a_full_disk_says_so_and_recovers(self):
        mount = tempfile.mkdtemp(prefix="weft-nbd-full-")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", mount], capture_output=True).returncode:
            os.rmdir(mount)
            self.skipTest("cannot mount a tmpfs (needs root)")
        try:
            filler = os.path.join(mount, "filler")
            with open(filler, "wb") as f:
                f.write(bytes(3 << 20))
            with serving("--size", "16M", os.path.join(mount, "disk"), expected=1) as server:
                with Client(server) as client:
                    errors = [client.do(WRITE, i << 20, data=b"x" * (1 << 20))[0] for i in range(3)]
                    self.assertEqual(errors[-1], ENOSPC)
                    server.wait_for_line("client 1 .*No space left")
                    os.remove(filler)
                    self.assertEqual(client.do(WRITE, 2 << 20, data=b"x" * (1 << 20))[0], 0)
                    self.assertEqual(client.do(FLUSH)[0], 0)
                    self.assertEqual(client.do(READ, 2 << 20, 4096), (0, b"x" * 4096))
        finally:
            subprocess.run(["umount", mount])
            os.rmdir(mount)

    def test_an_image_that_shrinks(self):
        with serving(self.image, expected=1) as server, Client(server) as client:
            os.truncate(self.image, 1 << 20)
            for size in (4096, 1 << 20):  # by a copy, and without one
                self.assertEqual(client.do(READ, 2 << 20, size)[0], EIO)
                server.wait_for_line(f"client 1 .*read of {size} bytes at 2097152 failed")
                self.assertEqual(client.do(READ, 0, size)[0], 0)

    def test_an_image_that_shrinks_while_a_reply_is_on_its_way(self):
        with open(self.image, "wb") as f:
            f.write(os.urandom(self.SIZE))
        with serving(self.image, expected=1) as server, Client(server) as other:
            client = Client(server)
            client.send(READ, 0, self.SIZE)
            client.receive(16 + 65536)  # more than the socket holds has not been sent
            os.truncate(self.image, 1 << 20)
            with self.assertRaises((EOFError, ConnectionResetError)):
                client.receive(self.SIZE)
            client.close()
            self.assertEqual(other.do(READ, 0, 65536)[0], 0)
            server.wait_for_line("client 2 .*became shorter")
            eventually("only the other is there", lambda: server.status()["connections"] == 1)


class CommandLine(ImageTest):
    def run_server(self, *arguments):
        done = subprocess.run([SERVER, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_a_missing_image(self):
        code, said = self.run_server("--unix", self.path("s"), self.path("nothing.img"))
        self.assertEqual(code, 3)
        self.assertIn(self.path("nothing.img"), said)
        self.assertIn("No such file", said)

    def test_wrong_options(self):
        for arguments in ([], ["--nonsense", self.image], ["--size", "many", self.image], ["--reactor", "x", self.image],
                          ["--max-in-flight", "0", self.image], [self.image, self.image], ["=", ""]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.run_server(*arguments)[0], 2)

    def test_an_address_that_is_taken(self):
        with serving(self.image, tcp=True) as server:
            code, said = self.run_server("--listen", server.address, self.image)
            self.assertEqual(code, 4)
            self.assertIn(server.address, said)

    def test_a_host_that_there_is_not(self):
        self.assertEqual(self.run_server("--listen", "no.such.host.invalid:1", self.image)[0], 4)

    def test_a_port_that_there_is_not(self):
        code, said = self.run_server("--listen", "127.0.0.1:99999", self.image)
        self.assertEqual(code, 4)
        self.assertIn("99999", said)

    def test_help_and_version(self):
        self.assertEqual(self.run_server("--help")[0], 0)
        self.assertRegex(self.run_server("--version")[1], r"weft-nbd \d+\.\d+\.\d+")

    def test_a_stale_socket_is_replaced_and_removed_at_the_end(self):
        path = self.path("stale")
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
        s.close()
        with serving(self.image, unix=path) as server, Client(server) as client:
            self.assertEqual(client.do(READ, 0, 512)[0], 0)
        self.assertFalse(os.path.exists(path))


class Stopping(ImageTest):
    def test_what_is_in_flight_is_answered(self):
        with serving(self.image) as server:
            with Client(server) as client:
                for cookie in range(16):
                    client.send(READ, 0, 1 << 20, cookie=cookie)
                client.reply()
                in_flight = server.status()["in_flight"]
                server.process.send_signal(signal.SIGINT)
                answered = 1
                try:
                    while True:
                        cookie, error, data = client.reply()
                        self.assertEqual((error, len(data)), (0, 1 << 20))
                        answered += 1
                except (EOFError, ConnectionResetError):
                    pass
                self.assertGreaterEqual(answered, in_flight)
            self.assertEqual(server.process.wait(harness.PATIENCE), 0)
            self.assertRegex(server.wait_for_line("served"), r"images synced$")

    def test_a_client_that_never_reads_does_not_hold_it_up_for_ever(self):
        with serving("--drain", 1, self.image) as server:
            client = Client(server)
            for cookie in range(16):
                client.send(READ, 0, 8 << 20, cookie=cookie)
            eventually("some are in flight", lambda: server.status()["in_flight"] > 0)
            server.stop()
            self.assertTrue(any("not finished after 1 seconds" in line for line in server.lines))
            client.close()

    def test_sigterm_does_the_same(self):
        with serving(self.image) as server:
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(harness.PATIENCE), 0)
            server.wait_for_line("images synced")


if __name__ == "__main__":
    main()
