"""Many clients, and those that harm: what they may hold is bounded, and the others don't notice."""

import os
import resource
import socket
import struct

import harness
from harness import (ENOMEM, LIST, QUICK, READ, WRITE, Client, ImageTest, eventually, main, serving)
from latency import latencies

MANY = 200 if QUICK else 2000


class Memory(ImageTest):
    SIZE = 64 << 20

    def setUp(self):
        super().setUp()
        with open(self.image, "wb") as f:
            f.write(os.urandom(self.SIZE))

    def held(self, server, clients, before):
        eventually("all that can be is in flight", lambda: server.status()["in_flight"] >= clients)
        return 0 if QUICK else server.rss() - before  # a sanitizer's memory is its own

    def test_clients_that_do_not_read_hold_little(self):
        with serving(self.image) as server:
            before = server.rss()
            clients = [Client(server) for _ in range(60)]
            for client in clients:
                for cookie in range(2):
                    client.send(READ, 0, 32 << 20, cookie=cookie)
            self.assertLess(self.held(server, 120, before), 64 << 20)
            for client in clients:
                client.close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)

    def test_small_reads_that_are_not_taken_stay_within_the_limit(self):
        limit = 8 << 20
        with serving("--max-memory", limit, self.image) as server:
            before = server.rss()
            clients = [Client(server) for _ in range(20)]
            for client in clients:
                for cookie in range(60):
                    client.send(READ, 0, 60000, cookie=cookie)
            held = self.held(server, 20 * 8, before)
            self.assertLess(held, limit + 20 * (1 << 20))
            with Client(server) as other:  # has a part of its own
                self.assertEqual(len(other.do(READ, 0, 60000)[1]), 60000)
                self.assertEqual(other.do(WRITE, 0, data=bytes(1 << 20))[0], 0)
            for client in clients:
                client.close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)

    def test_writes_find_their_way_whatever_others_hold(self):
        data = os.urandom(20 << 20)
        with serving("--max-memory", "64K", self.image) as server:
            for extra in ({}, {"structured": True}, {"extended": True}):
                with Client(server, **extra) as client:
                    for size in (1, 60000, 1 << 20, 20 << 20):
                        self.assertEqual(client.do(WRITE, 4097, data=data[:size], flags=1)[0], 0)
                        self.assertEqual(client.do(READ, 4097, size)[1], data[:size])

    def test_a_write_past_the_file_size_limit_that_comes_in_pieces_is_refused_alone(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        with serving("--max-memory", "64K", self.image, expected=1, preexec_fn=limit) as server, Client(server) as client:
            self.assertEqual(client.do(WRITE, 512 << 10, data=bytes(2 << 20))[0], harness.ENOSPC)
            self.assertEqual(client.do(READ, 0, 512)[0], 0)

    def test_memory_that_runs_out_fails_requests_and_nothing_else(self):
        if QUICK:
            self.skipTest("a sanitizer takes all the address space there is")

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
        with serving("--max-memory", "8G", "--max-in-flight", 1000, self.image, preexec_fn=limit, expected=1) as server:
            good = Client(server)  # errors are expected: requests for which there was no memory
            many = [Client(server) for _ in range(40)]
            for client in many:
                client.ask_and_never_read(300, 65535)
            self.assertIn(good.do(READ, 0, 512)[0], (0, ENOMEM))
            for client in many:
                client.close()
            eventually("the others have gone", lambda: server.status()["connections"] == 1)
            self.assertEqual(good.do(READ, 0, 65536)[0], 0)


class Silent(ImageTest):
    def test_a_client_that_does_not_negotiate_is_cut(self):
        with serving("--negotiation", 1, self.image) as server:
            silent, slow = server.connect(), Client(server, go=False)
            chosen = Client(server)
            slow.option(LIST)
            server.wait_for_line("client 1 .*has not chosen an export within 1 seconds")
            server.wait_for_line("client 2 .*has not chosen an export within 1 seconds")
            self.assertTrue(slow.closed_by_server())
            self.assertEqual(chosen.do(READ, 0, 512)[0], 0)
            silent.close()
            slow.close()
            chosen.close()

    def test_a_client_that_only_sends_options_is_cut(self):
        with serving(self.image) as server, Client(server, go=False) as client:
            with self.assertRaises((EOFError, ConnectionResetError, BrokenPipeError)):
                for _ in range(1000):
                    client.option(99)
            server.wait_for_line("client 1 .*options and not chosen an export")

    def test_connections_beyond_the_limit_wait(self):
        with serving("--max-connections", 2, self.image) as server:
            first, second = Client(server), Client(server)
            third = server.connect()
            server.wait_for_line("2 connections: no more are served until one leaves")
            first.close()
            self.assertEqual(third.recv(18)[:8], b"NBDMAGIC")
            third.close()
            second.close()

    def test_tcp_connections_are_asked_if_they_live(self):
        with serving(self.image, tcp=True) as server, Client(server) as client:
            port = client.s.getsockname()[1]
            eventually("a timer asks", lambda: "keepalive" in self.run_tool(
                "ss", "-Htno", "state", "established", f"( dport = :{port} )"))


class Accepting(ImageTest):
    def test_a_client_that_resets_is_named_by_its_address(self):
        with serving(self.image, tcp=True) as server:
            s = server.connect()
            address = "%s:%d" % s.getsockname()
            s.sendall(b"\0")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
            line = server.wait_for_line("client 1 ")
            self.assertIn(address, line)
            with Client(server) as client:
                self.assertEqual(client.do(READ, 0, 512)[0], 0)

    def test_where_descriptors_run_out_it_says_so_once_and_goes_on(self):
        if QUICK:
            self.skipTest("without descriptors UBSan can't look at objects, and takes them for broken ones")
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        with serving(self.image, preexec_fn=limit) as server:
            waiting = [server.connect() for _ in range(60)]
            server.wait_for_line("cannot accept a connection for now: Too many open files")
            for s in waiting:
                s.close()
            with Client(server) as client:
                self.assertEqual(client.do(READ, 0, 512)[0], 0)
            self.assertEqual(len([line for line in server.lines if "cannot accept" in line]), 1)


class Crowd(ImageTest):
    def test_many_connections_at_once_and_many_one_after_another(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        with serving("--max-connections", MANY + 10, self.image) as server:
            with Client(server) as client:
                self.assertEqual(client.do(READ, 0, 4096)[0], 0)
            eventually("it has gone", lambda: server.status()["connections"] == 0)
            descriptors = server.descriptors()
            for _ in range(2):
                clients = [Client(server) for _ in range(MANY)]
                for client in clients:
                    client.send(READ, 0, 4096)
                for client in clients:
                    self.assertEqual(len(client.reply()[2]), 4096)
                self.assertEqual(server.status()["connections"], MANY)
                for client in clients:
                    client.close()
                eventually("all have gone", lambda: server.status()["connections"] == 0)
                eventually("descriptors are closed", lambda: server.descriptors() == descriptors)
                rss = server.rss()
            for _ in range(MANY):
                Client(server).close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)
            eventually("descriptors are closed", lambda: server.descriptors() == descriptors)
            if not QUICK:
                self.assertLess(server.rss() - rss, 16 << 20)

    def test_others_are_not_held_up_by_one_that_floods_and_one_that_never_reads(self):
        with serving(self.image) as server:
            alone, crowded = latencies(server, rounds=9)
            self.assertLess(crowded, 5 * alone)


if __name__ == "__main__":
    main()
