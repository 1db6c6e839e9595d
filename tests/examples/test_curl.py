"""example_curl, with the files of example_http."""

import os
import socket
import subprocess
import sys
import threading

from harness import PATIENCE, ExampleTest, Listening, main, path_of, receive_exactly, running


class Curl(ExampleTest):
    def fetch(self, *urls):
        """How it ended, and the files."""
        words = [word for i, url in enumerate(urls) for word in (url, self.path(f"got{i}"))]
        done = subprocess.run([path_of("curl"), *words], capture_output=True, text=True, timeout=PATIENCE)
        return done, [self.read(f"got{i}") for i in range(len(urls))]

    def test_files_come_as_they_are(self):
        contents = [os.urandom(size) for size in (0, 1, 100_000, 3 << 20)]
        for i, content in enumerate(contents):
            self.write(f"site/{i}", content)
        with running(Listening("http", self.path("site"), "127.0.0.1", "0")) as server:
            done, got = self.fetch(*(f"http://{server.address}/{i % 4}" for i in range(20)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(got == contents * 5)

    def test_one_that_fails_is_told_and_the_others_come(self):
        self.write("site/here", b"here")
        with running(Listening("http", self.path("site"), "127.0.0.1", "0")) as server:
            nobody = socket.create_server(("127.0.0.1", 0))
            refusing = "127.0.0.1:%d" % nobody.getsockname()[1]
            nobody.close()
            urls = [f"http://{server.address}/nowhere", f"http://{server.address}/here", f"http://{refusing}/"]
            done, got = self.fetch(*urls)
        self.assertEqual((done.returncode, got[1]), (1, b"here"))
        self.assertEqual(sorted(done.stderr.splitlines()),
                         sorted([f"curl: {urls[0]}: HTTP response code said error",
                                 f"curl: {urls[2]}: Couldn't connect to server"]))

    def test_transfers_run_at_the_same_time(self):
        """The server answers nobody before all have asked."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        request = b"GET"

        def serve():
            clients = [listener.accept()[0] for _ in range(8)]
            for c in clients:
                receive_exactly(c, len(request))
            for c in clients:
                with c:
                    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                    c.shutdown(socket.SHUT_WR)
                    while c.recv(4096):
                        pass
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        done, got = self.fetch(*["http://127.0.0.1:%d/" % listener.getsockname()[1]] * 8)
        server.join()
        self.assertEqual((done.returncode, done.stderr, got), (0, "", [b"ok"] * 8))

    def test_usage(self):
        self.check_usage("curl", [], ["http://127.0.0.1/"])


if __name__ == "__main__":
    if not os.path.exists(path_of("curl")):
        print("skipped: needs libcurl when weft was built")
        sys.exit(77)
    main()
