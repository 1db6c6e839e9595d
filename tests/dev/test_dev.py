"""Tests of tools/dev: that nothing can hang or outlive a run, and that its end says what matters."""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "dev"))
import check  # noqa: E402
import packages  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
import test  # noqa: E402


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


    def finish(self, *stages):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = report.finish("test", stages)
        return status, said.getvalue()

    def test_a_stage_that_was_skipped_is_named_and_fails_nothing(self):
        status, said = self.finish(report.Stage("release"), report.Stage("windows", skipped="wine not found"))
        self.assertEqual(status, 0)
        self.assertIn("SKIPPED windows: wine not found\n", said)
        self.assertIn("all passed, but for what was skipped\n", said)


class Tidied(unittest.TestCase):
    INCLUDED = {"a.cpp": {"x.hpp", "y.hpp"}, "b.cpp": {"y.hpp"}, "c.cpp": {"x.hpp", "y.hpp", "z.hpp"}, "d.cpp": set()}

    def looked_at(self, *changed):
        return check.worth_a_look(list(self.INCLUDED), set(changed), self.INCLUDED)

    def test_a_source_that_changed_is_looked_at_and_shows_what_it_includes(self):
        self.assertEqual(self.looked_at("b.cpp", "d.cpp", "y.hpp"), ["b.cpp", "d.cpp"])

    def test_each_header_that_changed_is_seen_in_one_source(self):
        self.assertEqual(self.looked_at("x.hpp", "y.hpp", "z.hpp"), ["c.cpp"])

    def test_what_no_source_includes_holds_nothing_up(self):
        self.assertEqual(self.looked_at("README.md", "unused.hpp"), [])


class Stages(unittest.TestCase):
    def test_a_stage_is_skipped_where_a_program_that_it_needs_is_not(self):
        plan = test.Plan("windows", "", 1, preset="there is none", needs=("sh", "no-such-program"))
        with contextlib.redirect_stdout(io.StringIO()):
            stage = test.run_stage(plan, repeat=False)
        self.assertEqual((stage.skipped, stage.failed), ("no-such-program not found", []))

    def test_windows_is_part_of_the_run_of_every_change(self):
        plan = {plan.name: plan for plan in test.STAGES}["windows"]
        self.assertFalse(plan.more)
        self.assertIn("test_c", plan.targets)
        self.assertIn("wine", plan.needs)

    def test_aarch64_is_part_of_the_run_of_every_change(self):
        plan = {plan.name: plan for plan in test.STAGES}["aarch64"]
        self.assertFalse(plan.more)
        self.assertLessEqual({"test_context", "test_stack", "test_coroutine", "test_wait", "test_sync"}, set(plan.targets))
        self.assertIn("qemu-aarch64", plan.needs)

    def test_a_stage_asks_for_the_packages_of_what_it_needs_and_can_do_without(self):
        asked = []
        for name, value in (("need", lambda _: None), ("want", asked.append)):
            self.addCleanup(setattr, packages, name, getattr(packages, name))
            setattr(packages, name, value)
        self.assertEqual([plan.name for plan in test.plans(["aarch64", "lto"])], ["lto", "aarch64"])
        self.assertEqual(asked, [tuple(packages.AARCH64)])
        asked.clear()
        self.assertEqual([plan.name for plan in test.plans([])], [plan.name for plan in test.STAGES if not plan.more])
        self.assertEqual(asked, [tuple(packages.AARCH64), tuple(packages.WINDOWS)])

    def test_all_architectures_are_each_a_preset_and_run_one_after_the_other(self):
        self.addCleanup(setattr, packages, "need", packages.need)
        packages.need = lambda _: None
        presets = {preset["name"] for preset in json.loads((Path(__file__).parents[2] / "CMakePresets.json").read_text())["configurePresets"]}
        self.assertEqual([plan.name for plan in test.plans(["--all-archs"])], test.ARCHITECTURES)
        self.assertLessEqual(set(test.ARCHITECTURES), presets)

    def test_an_architecture_is_built_by_clang_in_a_folder_of_its_own(self):
        self.addCleanup(setattr, packages, "need", packages.need)
        packages.need = lambda _: None
        plan, = test.plans(["--arch", "s390x", "--clang"])
        self.assertEqual((plan.name, plan.preset, plan.variant), ("s390x-clang", "s390x", ("-DWEFT_CROSS_COMPILER=clang",)))
        with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit):
            test.plans(["--arch", "s390x", "--gcc"])
        self.assertIn("--clang behind it", said.getvalue())

    def test_packages_that_can_not_be_installed_end_only_what_needs_them(self):
        packages.install_missing, install = lambda _: "no network", packages.install_missing
        self.addCleanup(setattr, packages, "install_missing", install)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            packages.want(["wine"])
        self.assertEqual(said.getvalue(), "dev: no network\n")
        with contextlib.redirect_stderr(said), self.assertRaises(SystemExit):
            packages.need(["wine"])


if __name__ == "__main__":
    unittest.main()
