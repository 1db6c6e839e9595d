"""./dev test: the stages that every change must pass."""

import os
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
    ctest: tuple = ()     # further arguments of ctest
    quick: bool = False   # scenarios with fewer rounds and smaller sizes
    special: object = None  # a function that tests in place of ctest


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


STAGES = [
    Plan("release", "built as users get it, all tests", 900),
    Plan("ucontext", "the portable switch, the floors that switch", 600),
    Plan("asan", "AddressSanitizer and UndefinedBehaviorSanitizer", 900, quick=True),
    Plan("tsan", "ThreadSanitizer", 900, quick=True),
    Plan("clang", "clang instead of gcc, without the scenarios", 600),
    Plan("lto", "-O3 and link-time optimisation, the floors that switch and move", 600),
    # Without the tests that count pages and mappings: valgrind has its own.
    Plan("valgrind", "the lowest three floors under memcheck", 600, ctest=("-E", r"_death\.|stack\.(idle|many)_")),
    Plan("fuzz", "the fuzzers, FUZZ_SECONDS (20) in all, from the kept corpus", 400, special=fuzz),
    Plan("client", "./dev run --check", 300, preset="release", special=client),
]


def describe_stages():
    return "\n".join(f"{'':33}{plan.name:10}{plan.about}" for plan in STAGES)


def build_stage(plan, stage):
    """Whether it could be built."""
    preset = plan.preset or plan.name
    for command, name in ((["cmake", "--preset", preset], "configure"), (["cmake", "--build", "--preset", preset], "build")):
        result = processes.run(command, plan.limit - stage.building, f"{name}-{preset}", show=name == "build")
        stage.building += result.seconds
        if result.status:
            if name == "configure":
                print("\n".join(result.lines))
            stage.fails(f"{name}: over its time limit of {plan.limit} s" if result.timed_out else name, result.lines)
            return False
    return True


def test_stage(plan, stage, repeat):
    command = ["ctest", "--preset", plan.preset or plan.name, *plan.ctest]
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


def main(arguments):
    repeat = "--ci" in arguments
    names = [word for word in arguments if word != "--ci"]
    known = {plan.name: plan for plan in STAGES}
    for name in names:
        if name not in known:
            processes.fail(f'there is no stage "{name}"; there are: {", ".join(known)}')
    packages.need(packages.TEST)
    build.use_ccache()
    build.forget_statistics()
    return report.finish("test", [run_stage(plan, repeat) for plan in STAGES if not names or plan.name in names])
