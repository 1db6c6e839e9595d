"""What a run says at its end: a table of its stages, what failed and what it said, and how much of the time it used."""

import os
import re
import time
from dataclasses import dataclass, field

import build

LINES_OF_A_FAILURE = 6
FAILURES_WITH_LINES = 5
WARM, COLD = 12 * 60, 30 * 60  # seconds: what .ci/run may take, with a warm compiler cache and without
SUMMARY = build.processes.BUILD / "logs" / "summary"


@dataclass
class Stage:
    """What is known of a stage once it has run. `failed` and `flaky`: (name, first lines of what it printed)."""
    name: str
    building: float = 0
    testing: float = 0
    tests: int = 0
    failed: list = field(default_factory=list)
    flaky: list = field(default_factory=list)
    running: list = field(default_factory=list)
    skipped: str = ""  # why, if it was

    def fails(self, what, lines):
        self.failed.append((what, first_lines(lines)))


def first_lines(lines):
    """The lines that say most: from the first that speaks of an error on, or from the first."""
    lines = [line for line in lines if line.strip()]
    telling = re.compile(r"error:|FAILED|Failure|Error|ERROR|WARNING:|weft:|\*\*\*|Assert|Traceback|undefined reference")
    start = next((number for number, line in enumerate(lines) if telling.search(line)), max(0, len(lines) - LINES_OF_A_FAILURE))
    return [line[:200] for line in lines[start:start + LINES_OF_A_FAILURE]]


class CtestReader:
    """Reads ctest's output: how each test ended, and what those said that did not pass at once."""

    START = re.compile(r"^\s+Start\s+\d+: (.+?)\s*$")
    END = re.compile(r"^\s*(?:\d+/\d+ )?Test\s+#\d+: (.+?) \.*\s*(Passed|\*\*\*.+?)\s+[\d.]+ sec\s*$")

    def __init__(self, lines):
        self.tries = {}    # name: the results of its tries
        self.said = {}     # name: what it printed when it first did not pass
        self.running = []
        name = None
        for line in lines:
            if match := self.START.match(line):
                self.running.append(match[1])
                name = None
            elif match := self.END.match(line):
                name = match[1]
                self.tries.setdefault(name, []).append(match[2])
                if name in self.running:
                    self.running.remove(name)
                if len(self.tries[name]) > 1:
                    name = None
            elif name:
                self.said.setdefault(name, []).append(line)

    def fill(self, stage):
        for name, results in self.tries.items():
            bad = [result for result in results if result != "Passed" and "Skipped" not in result]
            if not bad:
                continue
            what = f"{name} ({bad[0].strip('*').strip()})"
            list_of = stage.failed if results[-1] != "Passed" else stage.flaky
            list_of.append((what, first_lines(self.said.get(name, []))))
        stage.tests = len(self.tries)
        stage.running = self.running


def _table(stages):
    rows = [("stage", "building s", "testing s", "tests", "failed", "flaky")]
    rows += [(stage.name, f"{stage.building:.0f}", f"{stage.testing:.0f}", stage.tests, len(stage.failed),
              len(stage.flaky)) for stage in stages]
    widths = [max(len(str(row[column])) for row in rows) for column in range(6)]
    for row in rows:
        yield "  ".join(str(cell).ljust(width) if not column else str(cell).rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths)))


def _told(stages, kind, of):
    entries = [(stage.name, what, lines) for stage in stages for what, lines in of(stage)]
    for number, (name, what, lines) in enumerate(entries):
        yield f"{kind} {name}: {what}"
        if number < FAILURES_WITH_LINES:
            yield from (f"    {line}" for line in lines)


def _budget(start):
    used = time.time() - start
    compilations, hits = build.statistics()
    warm = compilations and hits >= 0.9 * compilations
    budget = WARM if warm else COLD
    return (f"{used / 60:.1f} min of {budget / 60:.0f} used ({'warm' if warm else 'cold'} cache: {hits} of {compilations} "
            f"compilations were in it)")


def finish(word, stages):
    """Prints the end of a run, keeps it for .ci/run, and returns the exit status."""
    lines = [f"==== dev {word}", *_table(stages),
             *(f"SKIPPED {stage.name}: {stage.skipped}" for stage in stages if stage.skipped), *_told(stages, "FLAKY", lambda stage: stage.flaky),
             *_told(stages, "FAILED", lambda stage: stage.failed)]
    status = 1 if any(stage.failed for stage in stages) else 0
    count = sum(len(stage.failed) for stage in stages)
    lines.append(f"dev {word}: " + (f"FAILED, {count} of it" if status else "all passed" + (", but for what was skipped" if any(s.skipped for s in stages) else "")))
    print("\n".join(lines), flush=True)
    if start := os.environ.get("WEFT_CI_START"):
        with open(SUMMARY, "a") as kept:
            kept.write("\n".join(lines) + "\n")
        print(_budget(float(start)), flush=True)
    return status
