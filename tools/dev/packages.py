"""Debian's packages: which ones each word needs, and installing those that are missing."""

import os
import shutil
import subprocess

import processes

LIBRARY = ["g++", "cmake", "ninja-build", "pkg-config", "ccache", "liburing-dev", "libc-ares-dev", "libcli11-dev", "libfmt-dev"]
CLIENT = ["libnbd-bin"]
CROSS = ["qemu-user", "googletest", "google-mock"]
AARCH64 = CROSS + ["g++-aarch64-linux-gnu"]
WINDOWS = ["g++-mingw-w64-x86-64-posix", "wine", "wine64", "googletest", "google-mock"]
TEST = LIBRARY + CLIENT + [
    "libgtest-dev", "libgmock-dev", "systemtap-sdt-dev", "valgrind", "libc6-dbg", "gdb",
    "linux-perf", "clang", "lld", "libclang-rt-14-dev", "libboost-context-dev", "qemu-utils", "fio", "nbdkit", "curl", "wrk",
    "python3-libnbd", "libssl-dev", "openssl", "libglib2.0-dev", "libuv1-dev", "libasio-dev", "libpq-dev", "postgresql", "libcurl4-openssl-dev",
    "zlib1g-dev"]
CHECK = TEST + ["abigail-tools", "clang-format", "clang-tidy", "doxygen", "shellcheck"]
MARKS = ["libclang-14-dev", "llvm-14-dev", "nlohmann-json3-dev"]
BENCH = LIBRARY + CLIENT + ["libbenchmark-dev", "libboost-context-dev", "libboost-fiber-dev", "libuv1-dev", "golang-go",
                            "libasio-dev", "strace", "nlohmann-json3-dev", "qemu-utils", "fio", "nbdkit", "python3-libnbd"]


def cross_compiler(architecture):
    names = {"i386": "i686-linux-gnu", "armhf": "arm-linux-gnueabihf", "ppc64le": "powerpc64le-linux-gnu",
             "mips64el": "mips64el-linux-gnuabi64"}
    return "g++-" + names.get(architecture, f"{architecture}-linux-gnu")


def installed(packages):
    """Those of `packages` that are installed."""
    answer = subprocess.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
                            capture_output=True, text=True).stdout
    return {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}


def need(packages):
    """Installs those that are missing. If none is, does nothing and asks nothing. Ends the program if it can't."""
    if failure := install_missing(packages):
        processes.fail(failure)


def want(packages):
    """The same for what a stage can do without: it is skipped then. Says why it can't, and goes on."""
    if failure := install_missing(packages):
        print("dev:", failure, flush=True)


def install_missing(packages):
    """Returns what went wrong, or None."""
    if not shutil.which("dpkg-query"):
        print("dev: this is not Debian, so it is not checked whether these are installed:", *packages)
        return None
    present = installed(packages)
    missing = [package for package in dict.fromkeys(packages) if package not in present]
    if not missing:
        return None
    as_root = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            return ("packages are missing; as root, run:\n"
                    "apt-get update && apt-get install --no-install-recommends " + " ".join(missing))
        as_root = ["sudo"]
    print("dev: installing", *missing, flush=True)
    log = processes.log_path("install")
    with open(log, "w") as out:
        for command in (["apt-get", "update", "-q"],
                        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y",
                         "--no-install-recommends", *missing]):
            if subprocess.run(as_root + command, stdout=out, stderr=subprocess.STDOUT).returncode:
                return f"{' '.join(command)} failed; the end of {log}:\n" + processes.last_lines(log, 10)
    return None
