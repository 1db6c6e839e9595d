"""What an operator does: where the log goes, what is served and where, how it starts, and how it stops."""

import fcntl
import os
import pty
import re
import resource
import signal
import shutil
import socket
import struct
import subprocess
import termios

import harness
from harness import (FUA, PATIENCE, READ, SERVER, WRITE, Client, ImageTest, Server, eventually, main, serving)


class Plain:
    """A server whose log goes elsewhere: it is there as soon as its socket is."""

    def __init__(self, test, *arguments, **options):
        self.socket_path = test.path("socket")
        self.address = "unix:"
        self.process = subprocess.Popen([SERVER, "-u", self.socket_path, "--live", "never", *map(str, arguments)], **options)
        test.addCleanup(self.kill)
        eventually("it listens", lambda: self.process.poll() is not None or os.path.exists(self.socket_path))

    connect = Server.connect

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)


class Log(ImageTest):
    def serves_and_stops(self, server):
        with Client(server) as bad, Client(server) as good:
            for _ in range(50):
                self.assertEqual(bad.do(READ, 1 << 40, 512)[0], harness.EINVAL)  # each is worth a line
            self.assertEqual(good.do(READ, 0, 512), (0, bytes(512)))
        self.assertEqual(server.stop(), 0)
        with open(self.image, "rb") as f:
            self.assertEqual(f.read(512), bytes(512), "the log is in the image")

    def test_a_full_disk(self):
        with open("/dev/full", "w") as full:
            self.serves_and_stops(Plain(self, self.image, stderr=full))

    def test_closed(self):
        self.serves_and_stops(Plain(self, self.image, preexec_fn=lambda: os.close(2)))

    def test_all_standard_descriptors_closed(self):
        self.serves_and_stops(Plain(self, self.image, preexec_fn=lambda: os.closerange(0, 3)))

    def test_a_pipe_whose_reader_has_gone(self):
        reader, writer = os.pipe()
        server = Plain(self, self.image, stderr=writer)
        os.close(writer)
        os.close(reader)
        self.serves_and_stops(server)

    def test_a_pipe_that_nobody_reads(self):
        reader, writer = os.pipe()
        fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
        os.set_blocking(writer, False)
        os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        self.serves_and_stops(Plain(self, self.image, stderr=writer))
        os.close(writer)
        os.close(reader)

    def test_what_a_client_sends_is_escaped(self):
        with serving(self.image) as server, Client(server, go=False) as client:
            name = "x\"\nweft-nbd: forged\n\x1b]0;title\x07"
            self.assertEqual(client.option(harness.GO, harness.go_data(name))[-1][0], harness.ERR_UNKNOWN)
            line = server.wait_for_line("there is no export")
            self.assertIn(r'"x\"\x0aweft-nbd: forged\x0a\x1b]0;title\x07"', line)
            self.assertFalse(any(line.startswith("weft-nbd: forged") for line in server.lines))

    def test_a_client_that_does_nothing_but_wrong_gets_few_lines_and_a_count(self):
        with serving(self.image) as server:
            with Client(server) as client:
                for _ in range(100):
                    self.assertEqual(client.do(READ, 1 << 40, 512)[0], harness.EINVAL)
            server.wait_for_line(r"client 1 .*and \d+ lines? more")
            self.assertLess(len([line for line in server.lines if "client 1" in line]), 60)

    def test_many_clients_with_one_mistake_each_get_few_lines_and_a_count(self):
        with serving(self.image) as server:
            for _ in range(400):
                s = server.connect()
                self.assertEqual(len(s.recv(18)), 18)  # it is being served
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                s.close()
            eventually("all have gone", lambda: server.status()["connections"] == 0)
            server.stop()
            self.assertLess(len([line for line in server.lines if re.search(r"client \d+ ", line)]), 250)
            self.assertTrue(any("lines about clients left out" in line for line in server.lines))

    def live_line(self, columns):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen([SERVER, "-u", self.path("socket"), self.image], stderr=theirs)
        os.close(theirs)
        seen = b""
        while b" connections, " not in seen:  # the live line comes in one piece
            seen = os.read(ours, 4096)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), 0)
        os.close(ours)
        return seen.rsplit(b"\n", 1)[-1]

    def test_the_live_line_fits_the_terminal(self):
        self.assertEqual(self.live_line(40), b"0 connections, 0 requests in flight, 0.")


class Start(ImageTest):
    def run_server(self, *arguments, **options):
        done = subprocess.run([SERVER, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE,
                              cwd=self.folder, **options)
        return done.returncode, done.stdout + done.stderr

    def test_what_is_no_image_is_refused(self):
        os.mkfifo(self.path("fifo"))
        for path in (self.path("fifo"), "/dev/null", "/dev/zero", self.folder):
            for more in ([], ["--read-only"]):
                with self.subTest(path=path, more=more):
                    code, said = self.run_server("-u", self.path("s"), *more, path)
                    self.assertEqual(code, 3, said)
                    self.assertIn(path, said)

    def test_a_size_that_does_not_fit_leaves_no_image(self):
        code, said = self.run_server("-u", "s", "-s", "7E", "new.img")
        self.assertEqual(code, 3, said)
        self.assertFalse(os.path.exists(self.path("new.img")))

    def test_a_start_that_fails_leaves_no_image(self):
        for arguments, expected in ((["-u", "s", "new.img", "/no/such/folder/disk"], 3),
                                    (["-l", "no.such.host.invalid", "new.img"], 4),
                                    (["-u", "s", "--pid-file", "/no/such/folder/pid", "new.img"], 4)):
            with self.subTest(arguments=arguments):
                code, said = self.run_server("-s", "1M", *arguments)
                self.assertEqual(code, expected, said)
                self.assertFalse(os.path.exists(self.path("new.img")))
                self.assertFalse(os.path.exists(self.path("s")))
                self.assertNotIn("export", said)

    def test_sizes_with_a_fraction_are_served(self):
        with serving("-s", "1.5M", self.path("new")) as server, Client(server) as client:
            self.assertEqual(client.size, 3 << 19)

    def test_wrong_sizes_are_a_wrong_command_line(self):
        for size in ("-5", "0", "8E", "1.2.3", "1X", "99999999999999999999"):
            code, said = self.run_server("-u", "s", f"--size={size}", "new.img")
            self.assertEqual(code, 2, said)
            self.assertFalse(os.path.exists(self.path("new.img")))

    def test_a_path_with_an_equals_sign(self):
        os.rename(self.image, self.path("a=b.img"))
        for name in ("a=b.img", self.path("a=b.img")):
            process = subprocess.Popen([SERVER, "-u", "s", name], cwd=self.folder, stderr=subprocess.PIPE, text=True)
            self.assertIn('export "a=b.img": ', process.stderr.readline())
            process.terminate()
            process.communicate()

    def test_an_address_without_a_port_and_a_port_without_an_address(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        for wanted, expected in (("127.0.0.1:0", r"127\.0\.0\.1:\d+"), (str(port), rf"127\.0\.0\.1:{port}"),
                                 ("127.0.0.9", r"127\.0\.0\.9:10809")):
            process = subprocess.Popen([SERVER, "-l", wanted, self.image], stderr=subprocess.PIPE, text=True)
            process.stderr.readline()
            self.assertRegex(process.stderr.readline(), "listening on " + expected)
            process.terminate()
            process.communicate()

    def test_a_wrong_reactor_is_a_wrong_command_line(self):
        for name in ("foo", "portable"):
            code, said = self.run_server("-u", "s", self.image, env={**os.environ, "WEFT_REACTOR": name})
            self.assertEqual(code, 2, said)
            self.assertIn(name, said)

    def test_a_restart_right_after_sigkill(self):
        server = Server(self.image, tcp=True)
        self.addCleanup(shutil.rmtree, server.folder)
        port = server.address.rsplit(":", 1)[1]
        for _ in range(5):
            with Client(server) as client:
                self.assertEqual(client.do(READ, 0, 512)[0], 0)
                server.process.kill()  # no wait: what it had is not yet gone
                again = subprocess.Popen([SERVER, "-l", f"127.0.0.1:{port}", "--live", "never", self.image],
                                         stderr=subprocess.PIPE, text=True)
                said = again.stderr.readline() + again.stderr.readline()
                self.assertIn("listening on", said)
            server.process.wait()
            server.process.stderr.close()
            server.process = again
        again.terminate()
        self.assertEqual(again.wait(PATIENCE), 0)
        again.stderr.close()

    def test_the_pid_file_is_there_while_it_serves(self):
        with serving("--pid-file", self.path("pid"), self.image) as server:
            def written():
                with open(self.path("pid")) as f:
                    return f.read()
            eventually("it is written", lambda: os.path.exists(self.path("pid")) and written())
            self.assertEqual(written(), f"{server.process.pid}\n")
        self.assertFalse(os.path.exists(self.path("pid")))

    def test_sockets_of_a_service_manager(self):
        with socket.socket(socket.AF_UNIX) as manager:
            manager.bind(self.path("activated"))
            manager.listen()
            manager.setblocking(False)
            script = f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@" 3<&{manager.fileno()}'
            process = subprocess.Popen(["sh", "-c", script, SERVER, "--exit-when-idle", self.image], stderr=subprocess.PIPE,
                                       pass_fds=[manager.fileno()])
            self.addCleanup(process.kill)
            self.run_tool("nbdinfo", "--size", f"nbd+unix:///?socket={self.path('activated')}")
            _, said = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 0, said)
            self.assertIn(b"listening on unix:" + self.path("activated").encode(), said)
            self.assertTrue(os.path.exists(self.path("activated")), "the name is the manager's")

    def test_descriptions_are_told(self):
        with serving("-d", "the first", "-d", "b=the = second", f"a={self.image}", f"b={self.image}") as server:
            self.assertIn("description: the first", self.run_tool("nbdinfo", "--list", server.uri()))
            self.assertIn("description: the = second", self.run_tool("nbdinfo", server.uri("b")))


class Stop(ImageTest):
    def stuck(self, server):
        """A client that does not take its replies."""
        client = Client(server)
        for cookie in range(16):
            client.send(READ, 0, 8 << 20, cookie=cookie)
        eventually("some are in flight", lambda: server.status()["in_flight"] > 0)
        return client

    def test_a_second_signal_does_not_wait_for_clients(self):
        with serving("--drain", 3600, self.image) as server:
            client = self.stuck(server)
            server.process.send_signal(signal.SIGINT)
            eventually("it accepts no more", lambda: not os.path.exists(server.socket_path))
            server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertRegex(server.wait_for_line("served"), "images synced$")
            client.close()

    def test_many_signals_do_not_change_the_code(self):
        with serving(self.image) as server:
            while server.process.poll() is None:
                server.process.send_signal(signal.SIGINT)
            self.assertEqual(server.process.returncode, 0)

    def test_sighup_stops_in_order(self):
        with serving(self.image) as server:
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(server.process.wait(PATIENCE), 0)
            server.wait_for_line("images synced")

    def test_under_nohup_it_goes_on(self):
        with serving(self.image, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as server:
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(server.status()["connections"], 0)

    def test_it_stops_when_the_last_client_has_left(self):
        with serving("--exit-when-idle", self.image) as server:
            server.connect().close()  # has not chosen an export
            first, second = Client(server), Client(server)
            first.close()
            self.assertEqual(second.do(WRITE, 0, data=b"x" * 512, flags=FUA)[0], 0)
            second.close()
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_a_write_beyond_the_file_size_limit_fails_alone(self):
        limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))}
        with serving(self.image, expected=1, **limited) as server, Client(server) as client:
            self.assertEqual(client.do(WRITE, 2 << 20, data=b"x" * 512)[0], harness.ENOSPC)
            self.assertEqual(client.do(WRITE, 0, data=b"x" * 512)[0], 0)


if __name__ == "__main__":
    main()
