"""Running commands with a time limit, and leaving nothing behind: neither processes nor temporary files.

This process is the reaper of all that descends from it (PR_SET_CHILD_SUBREAPER): what loses its parent becomes a child
of ours, so nothing can outlive a run unnoticed. TMPDIR is a folder of this run's own, so that two runs on one machine don't meet.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
GRACE = 5  # seconds that something may take to end after its parent has, or after SIGTERM
PR_SET_CHILD_SUBREAPER = 36


class Interrupted(Exception):
    pass


def fail(message):
    print(f"dev: {message}", file=sys.stderr)
    sys.exit(1)


def log_path(name):
    (BUILD / "logs").mkdir(parents=True, exist_ok=True)
    return BUILD / "logs" / name


def last_lines(path, count):
    return "\n".join(Path(path).read_text(errors="replace").splitlines()[-count:])


def adopt_orphans():
    """From now on what loses its parent becomes a child of this process."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@contextlib.contextmanager
def session():
    """All of a run: one at a time in a checkout; what it leaves is removed at its end, however it ends."""
    os.chdir(ROOT)
    BUILD.mkdir(exist_ok=True)
    adopt_orphans()
    with open(BUILD / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("dev: another ./dev works in this checkout; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        folder = tempfile.mkdtemp(prefix="weft-dev-")
        os.chmod(folder, 0o711)  # a server that does not run as root has a folder of its own in it
        os.environ["TMPDIR"] = folder
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            yield
        except Interrupted as interrupted:
            print(f"dev: ended by {interrupted}", file=sys.stderr)
            sys.exit(130)
        finally:
            end_descendants(0)
            shutil.rmtree(folder, ignore_errors=True)


def _interrupt(number, _):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def _processes():
    """{pid: (parent, name)} of all processes that have not ended."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                text = Path(entry.path, "stat").read_text()
                name, rest = text[text.index("(") + 1:].rsplit(")", 1)
                state, parent = rest.split()[:2]
                if state != "Z":
                    found[int(entry.name)] = (int(parent), name)
    return found


def descendants():
    """{pid: name} of what descends from this process."""
    everything = _processes()
    found = {}
    new = {os.getpid()}
    while new:
        new = {pid for pid, (parent, _) in everything.items() if parent in new}
        found.update({pid: everything[pid][1] for pid in new})
    return found


def _reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_descendants(grace):
    """Ends what is still running after `grace` seconds; the names of what had to be ended."""
    end = time.monotonic() + grace
    while descendants() and time.monotonic() < end:
        _reap()
        time.sleep(0.02)
    left = descendants()
    end = time.monotonic() + GRACE
    while running := descendants():
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if time.monotonic() < end else signal.SIGKILL)
        _reap()
        time.sleep(0.05)
    _reap()
    return sorted(left.values())


def left_behind():
    """What a finished command left: processes, which are ended, and temporary files, which are removed."""
    left = [f"process {name}" for name in end_descendants(GRACE)]
    folder = Path(os.environ["TMPDIR"])
    for path in sorted(folder.iterdir()):
        left.append(f"file {path.name}")
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return left


class Result:
    """How a command ended. `lines`: what it printed."""

    def __init__(self, status, lines, seconds, timed_out):
        self.status, self.lines, self.seconds, self.timed_out = status, lines, seconds, timed_out


def run(command, limit, log, show=True, environment=None):
    """Runs a command for at most `limit` seconds. Its output goes to build/logs/LOG, and is shown as it comes if `show`.

    When the time is over, the command and all that it started are ended.
    """
    start = time.monotonic()
    lines = []
    with open(log_path(log), "w") as out:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
                                   env={**os.environ, **(environment or {})})

        def read():
            with contextlib.suppress(ValueError):  # the log is closed already: this program is interrupted
                for line in process.stdout:
                    lines.append(line.rstrip("\n"))
                    out.write(line)
                    if show:
                        print(line, end="", flush=True)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            status, timed_out = process.wait(max(limit, 1)), False
        except subprocess.TimeoutExpired:
            status, timed_out = 124, True
            end_descendants(0)
            process.wait()
        # Something that it left running may hold the pipe open; left_behind() finds it.
        reader.join(GRACE)
        if not reader.is_alive():
            process.stdout.close()
    return Result(status, lines, time.monotonic() - start, timed_out)


def quietly(command, limit, log, environment=None):
    """Runs a command whose output matters only if it fails: then shows it, and ends the program."""
    result = run(command, limit, log, show=False, environment=environment)
    if result.status:
        print("\n".join(result.lines))
        fail(f"{' '.join(map(str, command))} " + (f"took longer than {limit} s" if result.timed_out
                                                    else f"failed with status {result.status}"))
    return result


def interactive(command):
    """Runs a command in the foreground, for as long as it takes. Ctrl-C reaches it from the terminal; what else asks us to end
    is passed on. Returns its status."""
    process = subprocess.Popen([str(word) for word in command])
    signal.signal(signal.SIGINT, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: process.send_signal(number))
    return process.wait()
