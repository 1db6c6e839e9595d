"""Debian's packages: which ones each word needs, and installing those that are missing."""

import os
import shutil
import subprocess

import processes

LIBRARY = ["g++", "cmake", "ninja-build", "pkg-config", "ccache", "liburing-dev", "libcli11-dev", "libfmt-dev"]
CLIENT = ["libnbd-bin"]
TEST = LIBRARY + CLIENT + ["libgtest-dev", "libgmock-dev", "systemtap-sdt-dev", "valgrind", "libc6-dbg", "clang", "lld",
                           "libclang-rt-14-dev", "qemu-utils", "fio", "nbdkit"]
CHECK = TEST + ["clang-format", "clang-tidy", "doxygen", "shellcheck"]
BENCH = LIBRARY + CLIENT + ["libbenchmark-dev", "libboost-context-dev", "libboost-fiber-dev", "golang-go",
                            "nlohmann-json3-dev", "qemu-utils", "fio", "nbdkit"]


def installed(packages):
    """Those of `packages` that are installed."""
    answer = subprocess.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
                            capture_output=True, text=True).stdout
    return {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}


def need(packages):
    """Installs those that are missing. If none is, does nothing and asks nothing."""
    if not shutil.which("dpkg-query"):
        print("dev: this is not Debian, so it is not checked whether these are installed:", *packages)
        return
    present = installed(packages)
    missing = [package for package in dict.fromkeys(packages) if package not in present]
    if not missing:
        return
    as_root = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            processes.fail("packages are missing; as root, run:\n"
                           "apt-get update && apt-get install --no-install-recommends " + " ".join(missing))
        as_root = ["sudo"]
    print("dev: installing", *missing, flush=True)
    log = processes.log_path("install")
    with open(log, "w") as out:
        for command in (["apt-get", "update", "-q"],
                        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y",
                         "--no-install-recommends", *missing]):
            if subprocess.run(as_root + command, stdout=out, stderr=subprocess.STDOUT).returncode:
                processes.fail(f"{' '.join(command)} failed; the end of {log}:\n" + processes.last_lines(log, 10))
