"""./dev test: the stages that every change must pass."""

import os
import shutil
import time
from dataclasses import dataclass

import build
import packages
import processes
import report
import run


@dataclass
class Plan:
    """A stage that builds a preset and runs its tests."""
    name: str
    about: str
    limit: int            # seconds, building without a compiler cache included
    preset: str = ""      # if it is not the stage's name
    variant: tuple = ()   # further arguments of cmake; it is built in a folder of the stage's name then
    ctest: tuple = ()     # further arguments of ctest
    quick: bool = False   # scenarios with fewer rounds and smaller sizes
    targets: tuple = ()   # what to build, if not everything
    more: bool = False    # not of every change: run by its name, or by --more
    special: object = None  # a function that tests in place of ctest
    needs: tuple = ()     # programs without which it is skipped,
    wants: tuple = ()     # and the packages that they are in


def fuzz(stage, limit):
    """Each fuzzer gets its share of FUZZ_SECONDS, from the kept corpus. What it finds on the way stays in build/."""
    programs = sorted(path for path in (processes.BUILD / "fuzz" / "tests").glob("fuzz_*") if os.access(path, os.X_OK))
    if not programs:
        stage.fails("fuzz", ["there are no fuzzers in build/fuzz/tests"])
    seconds = int(os.environ.get("FUZZ_SECONDS", 20)) // max(len(programs), 1) + 1
    for program in programs:
        name = program.name.removeprefix("fuzz_")
        found = processes.BUILD / "fuzz" / "corpus" / name
        found.mkdir(parents=True, exist_ok=True)
        result = processes.run([program, f"-max_total_time={seconds}", "-timeout=20",
                                f"-artifact_prefix={processes.BUILD}/fuzz/{name}-", found, f"tests/fuzz/corpus/{name}"],
                               min(limit, seconds + 60), f"fuzz-{name}", show=False)
        stage.tests += 1
        print(f"fuzz {name}:", result.lines[-1] if result.lines else "no output")
        if result.status:
            stage.fails(f"fuzz {name}", result.lines)


def client(stage, limit):
    stage.tests = 1
    try:
        run.check(limit)
    except Exception as error:  # an assertion, or a client's end: all that it says is wanted in the report
        stage.fails("./dev run --check", str(error).splitlines())


def only(*folders, programs=(), without=""):
    """What builds and runs the tests of some folders alone. `programs`: what these need beside their test_FOLDER."""
    unit_tests = tuple(f"test_{folder}" for folder in folders if folder not in ("nbd", "soak", "faults"))
    leave_out = ("-E", without) if without else ()
    return {"targets": unit_tests + programs, "ctest": ("-L", f"^({'|'.join(folders)})$", *leave_out)}


WINDOWS = {"needs": ("wine", "wineserver", "x86_64-w64-mingw32-g++-posix"), "wants": tuple(packages.WINDOWS)}
AARCH64 = {"needs": ("qemu-aarch64", "aarch64-linux-gnu-g++"), "wants": tuple(packages.AARCH64)}
STAGES = [
    Plan("release", "built as users get it, all tests", 1200, ctest=("-LE", "valgrind")),
    Plan("valgrind", "the lowest floors of that build under memcheck", 400, preset="release", ctest=("-L", "valgrind")),
    Plan("ucontext", "the portable switch", 600, **only("context", "stack", "coroutine", "c")),
    Plan("sigaltstack", "the switch for systems without makecontext()", 600, **only("context", "coroutine", "c")),
    Plan("asan", "AddressSanitizer and UndefinedBehaviorSanitizer, what owns memory", 1200, quick=True,
         **only("stack", "coroutine", "io", "c", "apps_nbd", "nbd", "soak", "faults",
                programs=("weft-nbd", "soak_core", "soak_sync", "soak_loops", "soak_io", "faults"))),
    Plan("tsan", "ThreadSanitizer, where threads meet", 1200, quick=True,
         **only("coroutine", "wait", "sync", "system", "loop", "task", "c", "soak", "faults",
                programs=("soak_core", "soak_sync", "soak_loops", "faults"), without=r"^soak\.io")),
    Plan("msan", "MemorySanitizer: faults that it has to find, and programs without one", 300,
         **only("faults", programs=("faults",))),
    Plan("clang", "clang instead of gcc", 600, **only("context", "coroutine", "wait", "sync", without="^cet$")),
    Plan("lto", "-O3 and link-time optimisation, the floors that switch", 600, **only("context", "coroutine")),
    Plan("fuzz", "the fuzzers, FUZZ_SECONDS (20) in all, from the kept corpus", 400, targets=("fuzzers",), special=fuzz),
    Plan("client", "./dev run --check", 300, preset="release", special=client),
    Plan("aarch64", "aarch64 under qemu-user: the essential tests of context, stack, coroutine, wait, sync", 300,
         preset="aarch64-essential", **AARCH64,
         **only("context", "stack", "coroutine", "wait", "sync", programs=("bti_program", "bti_program_without_pads"))),
    Plan("windows", "Windows under wine: context, stack, coroutine, C", 600, **WINDOWS,
         **only("context", "stack", "coroutine", "c")),
    Plan("ucontext-all", "all tests of the portable switch", 900, preset="ucontext", more=True),
    Plan("asan-all", "all tests under AddressSanitizer", 1800, preset="asan", quick=True, more=True),
    Plan("tsan-all", "all tests under ThreadSanitizer", 1800, preset="tsan", quick=True, more=True),
    Plan("clang-all", "all tests of the library, built by clang", 900, preset="clang", more=True),
    Plan("clang-lto", "-O3 and link-time optimisation by clang and lld", 600, more=True),
    Plan("aarch64-all", "all tests of aarch64, as --arch runs them", 1800, preset="aarch64", more=True, **AARCH64),
    Plan("windows-all", "all floors that there are for Windows", 900, preset="windows", more=True, **WINDOWS),
]

ARCHITECTURES = ["aarch64", "i386", "armhf", "riscv64", "ppc64le", "s390x", "mips64el"]


def describe_stages(more):
    return "\n".join(f"{'':33}{plan.name:13}{plan.about}" for plan in STAGES if plan.more == more)


def build_stage(plan, stage):
    """Whether it could be built."""
    preset = plan.preset or plan.name
    targets = ["--target", *plan.targets] if plan.targets else []
    folder = processes.BUILD / plan.name
    where = ["-B", folder, *plan.variant] if plan.variant else []
    for command, name in ((["cmake", "--preset", preset, *where], "configure"),
                          (["cmake", "--build", *([folder] if plan.variant else ["--preset", preset]), *targets], "build")):
        result = processes.run(command, plan.limit - stage.building, f"{name}-{plan.name}", show=name == "build")
        stage.building += result.seconds
        if result.status:
            if name == "configure":
                print("\n".join(result.lines))
            stage.fails(f"{name}: over its time limit of {plan.limit} s" if result.timed_out else name, result.lines)
            return False
    return True


def test_stage(plan, stage, repeat):
    where = ["--test-dir", processes.BUILD / plan.name, "--output-on-failure", "--no-tests=error", "-j2"] if plan.variant else \
        ["--preset", plan.preset or plan.name]
    command = ["ctest", *where, *plan.ctest]
    if repeat:
        command += ["--repeat", "until-pass:2"]
    result = processes.run(command, plan.limit - stage.building, f"test-{plan.name}",
                           environment={"WEFT_NBD_QUICK": "1"} if plan.quick else {})
    report.CtestReader(result.lines).fill(stage)
    if result.timed_out:
        stage.fails(f"over its time limit of {plan.limit} s while running {', '.join(stage.running) or 'nothing'}", [])
    elif result.status and not stage.failed:
        stage.fails("ctest", result.lines)


def run_stage(plan, repeat):
    stage = report.Stage(plan.name)
    print(f"==== {plan.name}", flush=True)
    if missing := [program for program in plan.needs if not shutil.which(program)]:
        stage.skipped = f"{', '.join(missing)} not found"
        print(f"==== {plan.name} skipped: {stage.skipped}", flush=True)
        return stage
    if build_stage(plan, stage):
        start = time.monotonic()
        if plan.special:
            plan.special(stage, plan.limit - stage.building)
        else:
            test_stage(plan, stage, repeat)
        stage.testing = time.monotonic() - start
    if left := processes.left_behind():
        stage.fails("left behind: " + ", ".join(left), [])
    print(f"==== {plan.name} {'FAILED' if stage.failed else 'ok'} after {stage.building + stage.testing:.0f} s", flush=True)
    return stage


def whole(preset, needed):
    """The plan of everything that can be tested for another machine."""
    packages.need(packages.LIBRARY + needed)
    return Plan(preset, "", 3600)


def architecture(name, by_clang=False):
    needed = [*packages.CROSS, packages.cross_compiler(name)]
    if not by_clang:
        return whole(name, needed)
    packages.need(packages.LIBRARY + needed + ["clang"])
    return Plan(f"{name}-clang", "", 3600, preset=name, variant=("-DWEFT_CROSS_COMPILER=clang",))


def stages(names):
    """Those of these names, or, without a name, those of every change."""
    known = {plan.name: plan for plan in STAGES}
    for name in names:
        if name not in known:
            processes.fail(f'there is no stage "{name}"; there are: {", ".join(known)}')
    return [plan for plan in STAGES if (plan.name in names if names else not plan.more)]


def plans(arguments):
    """What the arguments ask for."""
    match arguments:
        case ["--windows"]:
            return [whole("windows", packages.WINDOWS)]
        case ["--all-archs"]:
            return [architecture(name) for name in ARCHITECTURES]
        case ["--arch", name, *clang] if name in ARCHITECTURES and clang in ([], ["--clang"]):
            return [architecture(name, by_clang=bool(clang))]
        case ["--arch", *_]:
            processes.fail(f'--arch takes one of {", ".join(ARCHITECTURES)}, and --clang behind it')
        case ["--more"]:
            chosen = [plan for plan in STAGES if plan.more]
        case names:
            chosen = stages(names)
    packages.need(packages.TEST)
    for wanted in dict.fromkeys(plan.wants for plan in chosen if plan.wants):
        packages.want(wanted)
    return chosen


def main(arguments):
    repeat = "--ci" in arguments
    chosen = plans([word for word in arguments if word != "--ci"])
    build.use_ccache()
    build.forget_statistics()
    return report.finish("test", [run_stage(plan, repeat) for plan in chosen])
