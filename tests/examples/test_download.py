"""example_download, against example_http, with a proxy between them that breaks connections."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading

from harness import PATIENCE, ExampleTest, Listening, Program, eventually, main, path_of, running

SIZE = 2 << 20


class Proxy:
    """Passes on to a server what comes, and of its answers only so many bytes for each of the first connections, which it
    then breaks; or it holds them there."""

    def __init__(self, server, cuts, hold=None):
        self.server, self.cuts, self.hold = server, list(cuts), hold
        self.requests = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, self.server.connect() as server:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += client.recv(1 << 16)
                self.requests.append(request)
                server.sendall(request)
                self._pass_on(server, client, self.cuts.pop(0) if self.cuts else 1 << 62)

    def _pass_on(self, server, client, most):
        while most > 0 and (data := server.recv(min(most, 1 << 16))):
            most -= len(data)
            try:
                client.sendall(data)
            except OSError:
                return
        if self.hold and not self.hold.is_set():
            self.hold.wait(PATIENCE)
            self._pass_on(server, client, 1 << 62)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.hold:
            self.hold.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)


class Download(ExampleTest):
    def setUp(self):
        super().setUp()
        self.contents = {f"file{i}": os.urandom(SIZE // (i + 1)) for i in range(6)} | {"empty": b""}
        for name, content in self.contents.items():
            self.write(f"site/{name}", content)
        os.mkdir(self.path("into"))

    def serving(self):
        return running(Listening("http", self.path("site"), "127.0.0.1", "0"))

    def download(self, *urls):
        return subprocess.run([path_of("download"), self.path("into"), *urls], capture_output=True, text=True,
                              timeout=PATIENCE)

    def there(self):
        return sorted(os.listdir(self.path("into")))

    def test_several_files_come_whole(self):
        with self.serving() as server:
            done = self.download(*(f"http://{server.address}/{name}" for name in self.contents))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.there(), sorted(self.contents))
        for name, content in self.contents.items():
            self.assertEqual(self.read(f"into/{name}"), content, name)

    def test_one_that_fails_is_named_and_the_others_come(self):
        with self.serving() as server:
            done = self.download(*(f"http://{server.address}/{name}" for name in ("file0", "nothing", "file1")))
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing: ", done.stderr)
        self.assertIn("404 Not Found", done.stderr)
        self.assertEqual(self.read("into/file0"), self.contents["file0"])
        self.assertEqual(self.read("into/file1"), self.contents["file1"])
        self.assertNotIn("nothing", self.there())

    def test_a_broken_connection_is_resumed_where_it_broke(self):
        with self.serving() as server, Proxy(server, cuts=[SIZE // 3, SIZE // 3]) as proxy:
            done = self.download(f"http://{proxy.address}/file0")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.read("into/file0"), self.contents["file0"])
        self.assertEqual(len(proxy.requests), 3)
        starts = [int(re.search(rb"Range: bytes=(\d+)-\r\n", request).group(1)) for request in proxy.requests[1:]]
        self.assertEqual(starts, sorted(starts))
        self.assertGreater(starts[0], 0)

    def test_a_file_that_has_changed_meanwhile_comes_anew(self):
        hold = threading.Event()
        new = os.urandom(SIZE // 2)

        class Changing(Proxy):
            def _pass_on(proxy, server, client, most):
                super()._pass_on(server, client, most)
                if len(proxy.requests) == 1:
                    self.write("site/file0", new)
        with self.serving() as server, Changing(server, cuts=[SIZE // 3]) as proxy:
            done = self.download(f"http://{proxy.address}/file0")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.read("into/file0"), new)

    def test_a_connection_that_brings_nothing_is_the_last(self):
        with self.serving() as server, Proxy(server, cuts=[SIZE // 3, 0, 0]) as proxy:
            done = self.download(f"http://{proxy.address}/file0")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(proxy.requests), 2)
        self.assertEqual(self.there(), ["file0.part"])

    def test_a_bar_shows_how_far_it_is(self):
        hold = threading.Event()
        with self.serving() as server, Proxy(server, cuts=[SIZE // 2], hold=hold) as proxy:
            terminal, end = pty.openpty()
            process = subprocess.Popen([path_of("download"), self.path("into"), f"http://{proxy.address}/file0"], stderr=end)
            os.close(end)
            shown = b""

            def half_full():
                nonlocal shown
                if select.select([terminal], [], [], 0)[0]:
                    shown += os.read(terminal, 4096)
                return re.search(rb"\[#{19,20} {20,21}\] 1\.0 of 2\.1 MB", shown)
            eventually("the bar shows one half", half_full)
            hold.set()
            self.assertEqual(process.wait(PATIENCE), 0)
            os.close(terminal)
        self.assertEqual(self.read("into/file0"), self.contents["file0"])

    def test_a_signal_ends_it_and_leaves_no_file_that_is_not_whole(self):
        hold = threading.Event()
        with self.serving() as server, Proxy(server, cuts=[SIZE // 2], hold=hold) as proxy:
            with running(Program(path_of("download"), self.path("into"), f"http://{proxy.address}/file0")) as download:
                eventually("a part is there", lambda: os.path.exists(self.path("into/file0.part")) and
                           os.path.getsize(self.path("into/file0.part")) > 0)
                download.process.send_signal(signal.SIGINT)
                download.wait(expected=1)
                self.assertIn("canceled", download.lines[0])
        self.assertEqual(self.there(), ["file0.part"])

    def test_a_server_that_is_not_there_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            address = "127.0.0.1:%d" % s.getsockname()[1]
        done = self.download(f"http://{address}/file0")
        self.assertEqual(done.returncode, 1)
        self.assertIn(address, done.stderr)

    def test_a_command_line_that_is_wrong_is_refused(self):
        for urls, complaint in ((["ftp://x/y"], "ftp://x/y"), (["http://x/"], "http://x/"),
                                (["http://x/a", "http://y/a"], "called a")):
            done = self.download(*urls)
            self.assertEqual(done.returncode, 2)
            self.assertIn(complaint, done.stderr)

    def test_it_explains_itself(self):
        self.check_usage("download", [], ["a"])


if __name__ == "__main__":
    main()
