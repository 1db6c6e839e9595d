"""A program that a test runs, talks to, and ends. What it says on standard error is kept, line by line."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time

PATIENCE = 60  # seconds: only a failing test waits so long

SANITIZER_REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|WARNING: .*Sanitizer")


def eventually(what, condition):
    """Waits for something outside this process to become so; fails if it does not."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s in vain until {what}")
        time.sleep(0.01)


class Program:
    def __init__(self, *command, **options):
        self.process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True,
                                        errors="replace", **options)
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for_line(self, pattern, after=0):
        """The first line that matches, from the line number `after` on."""
        def find():
            return next((line for line in self.lines[after:] if re.search(pattern, line)), None)
        with self.changed:
            found = self.changed.wait_for(lambda: find() or self.ended, PATIENCE)
            if not find():
                raise AssertionError(f"no line like {pattern!r} in the log ({found=}):\n" + "\n".join(self.lines))
            return find()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def rss(self):
        """Resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/statm") as f:
            return int(f.read().split()[1]) * 4096

    def wait(self, expected=0):
        """Waits for its end."""
        code = self.process.wait(PATIENCE)
        self.finish()
        if code != expected:
            raise AssertionError(f"exit code {code}, not {expected}:\n" + "\n".join(self.lines))

    def stop(self, expected=0):
        self.process.send_signal(signal.SIGINT)
        self.wait(expected)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.finish()

    def finish(self):
        """After its end, once or more often: what it said must be without a sanitizer's report."""
        self.reader.join(PATIENCE)
        self.process.stderr.close()
        if any(SANITIZER_REPORT.search(line) for line in self.lines):
            raise AssertionError("\n".join(self.lines))


@contextlib.contextmanager
def running(program, expected=0):
    """Stops the program at the end. If the test fails, shows what it said."""
    try:
        yield program
    except BaseException:
        if program.process.poll() is None:
            program.kill()
        print("\n".join(program.lines), file=sys.stderr)
        raise
    else:
        if program.process.poll() is None:
            program.stop(expected)
        else:
            program.finish()
