"""./dev soak: the long forms of what the tests do for some seconds."""

import os
import sys

import build
import packages
import processes

WHAT = ("core", "sync", "loops", "io", "nbd")
ALSO_CALLED = {"wait": "sync"}


def main(arguments):
    what, *rest = arguments or ["core"]
    what = ALSO_CALLED.get(what, what)
    if what not in WHAT:
        processes.fail(f'soak knows {", ".join(WHAT)}, not "{what}"')
    preset = "release"
    if rest[:1] == ["--preset"]:
        preset = rest[1] if len(rest) > 1 else processes.fail("--preset needs the name of a preset")
        rest = rest[2:]
    if what == "core" and not rest:
        rest = ["--steps", "100000000"]
    packages.need(packages.TEST)
    build.use_ccache()
    if what == "nbd":
        build.build(preset, "weft-nbd", 1800)
        os.environ["WEFT_NBD"] = str(processes.BUILD / preset / "apps" / "weft-nbd")
        return processes.interactive([sys.executable, processes.ROOT / "tests" / "nbd" / "soak.py", *rest])
    build.build(preset, f"soak_{what}", 1800)
    return processes.interactive([processes.BUILD / preset / "tests" / "soak" / f"soak_{what}", *rest])
