"""example_http, with curl, wrk, and byte by byte."""

import contextlib
import os
import re
import socket
import subprocess

from harness import ExampleTest, Listening, main, path_of, receive_all, running

BIG = 3 << 20


class Http(ExampleTest):
    def setUp(self):
        super().setUp()
        self.big = os.urandom(BIG)
        self.write("site/big", self.big)
        self.write("site/small.txt", b"0123456789")
        self.write("site/two words.txt", b"here")
        self.write("site/empty", b"")
        self.write("site/sub/index.html", b"<p>index")
        self.write("secret", b"secret")
        os.symlink("../secret", self.path("site/out"))
        os.symlink("small.txt", self.path("site/within"))
        os.mkfifo(self.path("site/fifo"))

    def serving(self, patience=30):
        return running(Listening("http", self.path("site"), "127.0.0.1", "0", str(patience)))

    def curl(self, server, path, *options):
        """The status and the body."""
        done = subprocess.run(["curl", "--silent", "--show-error", "--path-as-is", "--max-time", "60", "--output",
                               self.path("body"), "--write-out", "%{http_code}", *options, f"http://{server.address}{path}"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout), self.read("body")

    def talk(self, server, *requests):
        """Sends bytes; what comes back until the server ends the connection."""
        with server.connect() as s:
            s.sendall(b"".join(requests))
            s.shutdown(socket.SHUT_WR)
            return receive_all(s)

    def test_files_come_as_they_are(self):
        with self.serving() as server:
            self.assertEqual(self.curl(server, "/small.txt"), (200, b"0123456789"))
            self.assertEqual(self.curl(server, "/big"), (200, self.big))
            self.assertEqual(self.curl(server, "/empty"), (200, b""))
            self.assertEqual(self.curl(server, "/two%20words.txt?query"), (200, b"here"))
            self.assertEqual(self.curl(server, "/sub/"), (200, b"<p>index"))
            self.assertEqual(self.curl(server, "/within"), (200, b"0123456789"))

    def test_ranges(self):
        with self.serving() as server:
            self.assertEqual(self.curl(server, "/small.txt", "-r", "2-4"), (206, b"234"))
            self.assertEqual(self.curl(server, "/small.txt", "-r", "7-"), (206, b"789"))
            self.assertEqual(self.curl(server, "/small.txt", "-r", "-3"), (206, b"789"))
            self.assertEqual(self.curl(server, "/small.txt", "-r", "8-100"), (206, b"89"))
            self.assertEqual(self.curl(server, "/small.txt", "-r", "-100"), (206, b"0123456789"))
            self.assertEqual(self.curl(server, "/small.txt", "-r", "10-")[0], 416)
            self.assertEqual(self.curl(server, "/empty", "-r", "0-")[0], 416)
            # What is no range, or several, is answered with all (RFC 9110, 14.2).
            self.assertEqual(self.curl(server, "/small.txt", "-r", "4-2"), (200, b"0123456789"))
            self.assertEqual(self.curl(server, "/small.txt", "-r", "0-1,3-4"), (200, b"0123456789"))
            self.assertEqual(self.curl(server, "/big", "-r", "1000000-2999999"), (206, self.big[1000000:3000000]))

    def test_a_range_says_where_it_lies_and_of_what_version(self):
        request = b"GET /small.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=2-4\r\n"
        with self.serving() as server:
            head, body = self.talk(server, request, b"\r\n").split(b"\r\n\r\n")
            self.assertEqual(body, b"234")
            self.assertIn(b"Content-Range: bytes 2-4/10", head.split(b"\r\n"))
            tag = re.search(rb"\r\nETag: (.*)\r\n", head).group(1)
            self.assertIn(b" 206 ", self.talk(server, request, b"If-Range: ", tag, b"\r\n\r\n"))
            self.write("site/small.txt", b"abcdefghijkl")
            changed = self.talk(server, request, b"If-Range: ", tag, b"\r\n\r\n")
            self.assertIn(b" 200 ", changed)
            self.assertTrue(changed.endswith(b"\r\n\r\nabcdefghijkl"))

    def test_head_has_the_length_and_no_body(self):
        with self.serving() as server:
            answer = self.talk(server, b"HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
            self.assertIn(b"\r\nContent-Length: %d\r\n" % BIG, answer)
            self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_a_connection_serves_one_request_after_another(self):
        with self.serving() as server:
            done = subprocess.run(["curl", "--silent", "--write-out", "%{num_connects} ", "-o", self.path("a"), "-o",
                                   self.path("b"), f"http://{server.address}/big", f"http://{server.address}/small.txt"],
                                  capture_output=True, text=True)
            self.assertEqual(done.stdout.split(), ["1", "0"])
            self.assertEqual((self.read("a"), self.read("b")), (self.big, b"0123456789"))

    def test_requests_may_come_before_the_answers_have_gone(self):
        request = b"GET /small.txt HTTP/1.1\r\nHost: x\r\n"
        with self.serving() as server:
            answers = self.talk(server, (request + b"\r\n") * 20, request, b"Connection: close\r\n\r\n", request, b"\r\n")
            self.assertEqual(answers.count(b"HTTP/1.1 200 OK"), 21)
            self.assertEqual(answers.count(b"0123456789"), 21)

    def test_what_is_not_there_is_not_found(self):
        with self.serving() as server:
            for path in ("/nothing", "/small.txt/x", "/sub", "/fifo", "/" + 300 * "x"):
                self.assertEqual(self.curl(server, path)[0], 404, path)

    def test_no_way_leads_out(self):
        with self.serving() as server:
            for path in ("/../secret", "/sub/../../secret", "/%2e%2e/secret", "//etc/passwd", "/out"):
                status, body = self.curl(server, path)
                self.assertEqual((status, body), (403, b""), path)

    def test_what_is_not_understood_is_refused(self):
        with self.serving() as server:
            for request, status in ((b"BREW /small.txt HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
                                    (b"GET /small.txt HTTP/1.1\r\n\r\n", b"400"),
                                    (b"GET small.txt HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
                                    (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
                                    (b"GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
                                    (b"GET / HTTP/7.0\r\nHost: x\r\n\r\n", b"400"),
                                    (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", b"400")):
                answer = self.talk(server, request)
                self.assertEqual(answer[9:12], status, request)
            self.assertEqual(self.talk(server, b"GET / HT"), b"")
            with contextlib.suppress(OSError):  # a reset, wherever it is noticed
                self.assertEqual(self.talk(server, b"GET /" + 20000 * b"x"), b"")
            self.assertEqual(self.curl(server, "/small.txt"), (200, b"0123456789"))

    def test_a_client_that_is_slow_is_left(self):
        with open(self.path("site/huge"), "wb") as f:
            f.truncate(1 << 30)
        with self.serving(patience=1) as server, server.connect() as asking:
            asking.sendall(b"GET /small")
            self.assertEqual(receive_all(asking), b"")
            server.wait_for_line("timed out")
            before = len(server.lines)
            with server.connect() as taking:
                taking.sendall(b"GET /huge HTTP/1.1\r\nHost: x\r\n\r\n")
                server.wait_for_line("timed out", before)
                with contextlib.suppress(ConnectionResetError):
                    self.assertLess(len(receive_all(taking)), 1 << 30)

    def test_wrk_finds_no_fault(self):
        with self.serving() as server:
            for path in ("/small.txt", "/big"):
                done = subprocess.run(["wrk", "-t1", "-c16", "-d1s", f"http://{server.address}{path}"],
                                      capture_output=True, text=True, check=True)
                self.assertRegex(done.stdout, r"[1-9]\d* requests in")
                self.assertNotRegex(done.stdout, "Socket errors|Non-2xx")

    def test_a_folder_that_is_not_there_is_named(self):
        refused = subprocess.run([path_of("http"), self.path("nowhere")], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(self.path("nowhere"), refused.stderr)

    def test_it_explains_itself(self):
        self.check_usage("http", [], ["a", "b"], ["a", "b", "1", "0"], ["a", "b", "1", "x"], ["a", "b", "1", "5s"])


if __name__ == "__main__":
    main("curl", "wrk")
