"""A disk that loses what was written: a block device whose medium, a file on a file system of its own, has less room than it says.

Writes go to the page cache, and fail when the system writes them to the medium. For tests and benchmarks.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile

BLOCK = 4096


class NotAllowed(Exception):
    """The command that failed."""


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False) if shutil.which(command[0]) else None
    if not done or done.returncode:
        raise NotAllowed(" ".join(command))
    return done.stdout.strip()


class FullDisk:
    def __init__(self, device, medium):
        self.device = device
        self._medium = medium

    def missing(self, written):
        """Which blocks of `written`, {number: contents}, are not on the medium."""
        with open(self._medium, "rb") as file:
            return [block for block, data in written.items() if os.pread(file.fileno(), BLOCK, block * BLOCK) != data]


@contextlib.contextmanager
def full_disk(size, room):
    """A FullDisk of `size` bytes with room for `room` of them. Raises NotAllowed where it may not mount, or make a device."""
    with contextlib.ExitStack() as undo:
        folder = tempfile.mkdtemp(prefix="weft-full-disk-")
        undo.callback(os.rmdir, folder)
        _run("mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", folder)
        undo.callback(_run, "umount", "--lazy", folder)  # the device may let go of the file a little later
        medium = os.path.join(folder, "medium")
        with open(medium, "wb") as file:
            file.truncate(size)
        device = _run("losetup", "-f", "--show", medium)
        undo.callback(_run, "losetup", "-d", device)
        yield FullDisk(device, medium)
