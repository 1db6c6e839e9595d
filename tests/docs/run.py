#!/usr/bin/env python3
"""Runs a program of the manual: run.py PROGRAM SOURCE

One that serves is asked something, by a client that is a plain socket, and then told to stop. All others end with 0.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
# What a server of that page is sent, what it answers, and what its process ends with after SIGINT.
SERVERS = {"README": (b"back", b"back", -signal.SIGINT), "guide": (b"\0\0\0\x06record", b"\1", 0)}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port, process):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE)
        except ConnectionRefusedError:
            assert process.poll() is None and time.monotonic() < end, "the program does not listen"


def serve(program, page):
    question, answer, status = SERVERS[page]
    port = free_port()
    with subprocess.Popen([program], env={**os.environ, "WEFT_DOCS_PORT": str(port)}) as process:
        try:
            with connect(port, process) as client:
                client.sendall(question)
                got = b""
                while len(got) < len(answer) and (part := client.recv(100)):
                    got += part
                assert got == answer, f"{got} and not {answer}"
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == status, f"it ended with {process.returncode} and not {status}"
        finally:
            process.kill()


def main():
    program = os.path.abspath(sys.argv[1])
    with open(sys.argv[2]) as source:
        serves = "WEFT_DOCS_PORT" in source.read()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if serves:
            serve(program, re.search(r"docs_(\w+?)_\d+$", program).group(1))
        else:
            assert subprocess.run([program], timeout=PATIENCE).returncode == 0
        os.chdir("/")


if __name__ == "__main__":
    main()
