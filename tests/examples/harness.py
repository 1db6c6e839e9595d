"""Runs the programs of examples/ for a test.

WEFT_EXAMPLES names their folder; WEFT_REACTOR is passed on.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from program import PATIENCE, Program, eventually, running  # noqa: E402, F401: the tests take them from here

EXAMPLES = os.environ.get("WEFT_EXAMPLES", "")


def main(*tools):
    """Runs the calling file's tests; 77 tells ctest that something needed is missing."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if not EXAMPLES or missing:
        print("skipped: needs WEFT_EXAMPLES and", " ".join(missing) or "no more")
        sys.exit(77)
    unittest.main()


def path_of(name):
    return os.path.abspath(os.path.join(EXAMPLES, f"example_{name}"))


class Listening(Program):
    """An example that listens on a port of its own."""

    def __init__(self, name, *arguments):
        super().__init__(path_of(name), *arguments)
        line = self.wait_for_line(r"listening on (\S+)")
        self.address = re.search(r"listening on (\S+)", line).group(1)
        host, port = self.address.rsplit(":", 1)
        self.where = host, int(port)

    def connect(self):
        return socket.create_connection(self.where, PATIENCE)


def receive_exactly(s, size):
    data = bytearray()
    while len(data) < size:
        part = s.recv(size - len(data))
        if not part:
            raise EOFError(f"{len(data)} of {size} bytes")
        data += part
    return bytes(data)


def receive_all(s):
    """Until the peer ends its side."""
    data = bytearray()
    while part := s.recv(1 << 16):
        data += part
    return bytes(data)


class ExampleTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weft-example-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as f:
            f.write(content)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def check_usage(self, name, *wrong_command_lines):
        """--help explains it on standard output; a wrong command line does so on standard error, with exit code 2."""
        about = subprocess.run([path_of(name), "--help"], capture_output=True, text=True)
        self.assertEqual((about.returncode, about.stderr), (0, ""))
        self.assertIn(f"usage: example_{name}", about.stdout)
        for words in wrong_command_lines:
            refused = subprocess.run([path_of(name), *words], capture_output=True, text=True)
            self.assertEqual((refused.returncode, refused.stdout, refused.stderr), (2, "", about.stdout), words)
