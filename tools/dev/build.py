"""Configuring and building, through ccache where there is one."""

import contextlib
import os
import shutil
from pathlib import Path

import processes

CONFIGURE_LIMIT = 120
STATISTICS = processes.BUILD / "logs" / "ccache"


def use_ccache():
    """A build in another folder finds what was compiled here: paths are relative to the checkout, and debug information
    does not hold the folder. What is precompiled needs the two kinds of sloppiness (ccache's manual, 'Precompiled headers')."""
    if not shutil.which("ccache"):
        return
    os.environ.update({
        "CMAKE_C_COMPILER_LAUNCHER": "ccache", "CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
        "CCACHE_BASEDIR": str(processes.ROOT), "CCACHE_NOHASHDIR": "1",
        "CCACHE_SLOPPINESS": "pch_defines,time_macros,include_file_mtime,include_file_ctime",
        "CCACHE_STATSLOG": str(STATISTICS)})
    os.environ.setdefault("CCACHE_MAXSIZE", "5G")
    STATISTICS.parent.mkdir(parents=True, exist_ok=True)


def forget_statistics():
    with contextlib.suppress(FileNotFoundError):
        STATISTICS.unlink()


def statistics():
    """(how many compilations there were, how many of them ccache answered) since forget_statistics()."""
    if not STATISTICS.exists():
        return 0, 0
    lines = STATISTICS.read_text().splitlines()
    hits = sum(line in ("direct_cache_hit", "preprocessed_cache_hit") for line in lines)
    return hits + lines.count("cache_miss"), hits


def configure(preset, *options, folder=None):
    where = ["-B", folder] if folder else []
    processes.quietly(["cmake", "--preset", preset, *where, *options], CONFIGURE_LIMIT,
                      f"configure-{folder and Path(folder).name or preset}")


def build(preset, target, limit, *options, folder=None):
    """Builds one target, quietly. Ends the program if that fails."""
    configure(preset, *options, folder=folder)
    where = [folder] if folder else ["--preset", preset]
    processes.quietly(["cmake", "--build", *where, "--target", target], limit, f"build-{preset}-{target}")
