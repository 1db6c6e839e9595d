"""Tests of tools/dev: that nothing can hang or outlive a run, and that its end says what matters."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "dev"))
import processes  # noqa: E402
import report  # noqa: E402


class Processes(unittest.TestCase):
    def setUp(self):
        processes.BUILD = Path(tempfile.mkdtemp(prefix="weft-test-dev-"))
        self.addCleanup(shutil.rmtree, processes.BUILD)
        old = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = tempfile.mkdtemp(dir=processes.BUILD)
        self.addCleanup(lambda: os.environ.pop("TMPDIR") if old is None else os.environ.update(TMPDIR=old))
        processes.adopt_orphans()

    def run_shell(self, script, limit=60):
        return processes.run(["bash", "-c", script], limit, "log", show=False)

    def test_status_and_output_are_kept(self):
        result = self.run_shell("echo one; echo two >&2; exit 3")
        self.assertEqual((result.status, result.lines, result.timed_out), (3, ["one", "two"], False))
        self.assertEqual(processes.log_path("log").read_text(), "one\ntwo\n")

    def test_a_limit_ends_what_ignores_being_asked_and_its_children(self):
        processes.GRACE, grace = 1, processes.GRACE
        self.addCleanup(setattr, processes, "GRACE", grace)
        result = self.run_shell("trap '' TERM; sleep 1000 & sleep 1000; sleep 1000", limit=1)
        self.assertTrue(result.timed_out)
        self.assertEqual(processes.descendants(), {})

    def test_a_process_in_a_session_of_its_own_is_found_and_ended(self):
        processes.GRACE, grace = 1, processes.GRACE
        self.addCleanup(setattr, processes, "GRACE", grace)
        self.assertEqual(self.run_shell("setsid sleep 1000 >/dev/null 2>&1 </dev/null &").status, 0)
        self.assertEqual(processes.left_behind(), ["process sleep"])
        self.assertEqual(processes.left_behind(), [])

    def test_files_left_in_tmpdir_are_named_and_removed(self):
        self.run_shell('mkdir "$TMPDIR/folder"; touch "$TMPDIR/socket"')
        self.assertEqual(processes.left_behind(), ["file folder", "file socket"])
        self.assertEqual(processes.left_behind(), [])


CTEST = """\
    Start 1: good
1/5 Test #1: good .............................   Passed    0.01 sec
    Start 2: bad
2/5 Test #2: bad ..............................***Failed    0.02 sec
x_test.cpp:7: Failure
Expected: 1

    Start 2: bad
    Test #2: bad ..............................***Failed    0.02 sec
again
    Start 3: unsteady
3/5 Test #3: unsteady .........................***Timeout   5.00 sec
waiting for ever
    Start 3: unsteady
    Test #3: unsteady .........................   Passed    0.02 sec
    Start 5: crashes
5/5 Test #5: crashes ..........................***Exception: SegFault  0.01 sec
    Start 4: not_here
4/5 Test #4: not_here .........................***Skipped   0.02 sec
    Start 6: endless
"""


class Report(unittest.TestCase):
    def read(self):
        stage = report.Stage("release")
        report.CtestReader(CTEST.splitlines()).fill(stage)
        return stage

    def test_ctest_tells_failed_from_flaky_and_what_they_said_first(self):
        stage = self.read()
        self.assertEqual(stage.failed, [("bad (Failed)", ["x_test.cpp:7: Failure", "Expected: 1"]),
                                        ("crashes (Exception: SegFault)", [])])
        self.assertEqual(stage.flaky, [("unsteady (Timeout)", ["waiting for ever"])])
        self.assertEqual((stage.tests, stage.running), (5, ["endless"]))

    def test_what_was_said_starts_with_what_tells_most(self):
        self.assertEqual(report.first_lines(["noise", "a.cpp:1: error: no", "more"]), ["a.cpp:1: error: no", "more"])


if __name__ == "__main__":
    unittest.main()
