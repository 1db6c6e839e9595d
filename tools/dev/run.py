"""./dev run: builds weft-nbd and serves disk images; with --check, has a client copy data in and out and compares it."""

import filecmp
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import build
import packages
import processes

ADDRESS = "127.0.0.1:10809"
SERVER = processes.BUILD / "release" / "apps" / "weft-nbd"
MEGABYTES = 64


def build_server():
    without = []
    if not packages.installed(["libgtest-dev"]):
        without = ["-DWEFT_BUILD_TESTS=OFF", "-DWEFT_BUILD_EXAMPLES=OFF"]
    print("building weft-nbd", flush=True)
    build.build("release", "weft-nbd", 900, *without)


def serve(images):
    if not images:
        image = processes.BUILD / "disk.img"
        with open(image, "ab") as file:
            file.truncate(1 << 30)
        images = [image]
    print(f"copy onto it:   nbdcopy FILE nbd://{ADDRESS}\n"
          f"look at it:     qemu-img info nbd://{ADDRESS}\n"
          f"attach it:      sudo nbd-client 127.0.0.1 10809 /dev/nbd0", flush=True)
    return processes.interactive([SERVER, "--listen", ADDRESS, *images])


def timed(name, *command):
    start = time.monotonic()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise AssertionError(f"{name} failed: {command}\n{done.stdout}\n{done.stderr}")
    print(f"{name}: {MEGABYTES / (time.monotonic() - start):.0f} MB/s")
    return done.stdout


def check(limit=300):
    """Raises AssertionError if what a client reads is not what it wrote. `limit`: of the build, in seconds."""
    packages.need(packages.LIBRARY + packages.CLIENT)
    build_server()
    os.environ["WEFT_NBD"] = str(SERVER)
    sys.path.insert(0, str(processes.ROOT / "tests" / "nbd"))
    import harness

    with tempfile.TemporaryDirectory(prefix="weft-check-") as folder:
        source, image, copy = (Path(folder, name) for name in ("in", "disk.img", "out"))
        source.write_bytes(os.urandom(MEGABYTES * 1_000_000))
        with open(image, "wb") as file:
            file.truncate(MEGABYTES * 1_000_000)
        with harness.serving(image, tcp=True) as server:
            uri = server.uri()
            print(subprocess.run(["nbdinfo", uri], check=True, capture_output=True, text=True, timeout=60).stdout, end="")
            timed("write", "nbdcopy", "--flush", source, uri)
            timed("read", "nbdcopy", uri, copy)
        for name, path in (("read", copy), ("in the image", image)):
            if not filecmp.cmp(source, path, shallow=False):
                raise AssertionError(f"what is {name} is not what was written")
    print(f"dev run --check: {MEGABYTES} MB written, read and compared")


def main(arguments):
    packages.need(packages.LIBRARY)
    build.use_ccache()
    if arguments == ["--check"]:
        check()
        return 0
    build_server()
    return serve(arguments)
